"""TIFF: multi-page, BigTIFF, frame by frame, ImageJ, OME, ScanImage; in one piece it is memory-mapped, else read page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectnmf.errors import UserError
from detectnmf.io.base import Opened, one_line, starts_with
from detectnmf.io.raw import RawArray, truncated
from detectnmf.io.scanimage import Header, arrange
from detectnmf.io.tiff_metadata import rate_and_pixel_size
from detectnmf.io.tiff_pages import PageStack, damage, quiet
from detectnmf.io.tiff_whole import check_whole, first_page

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def opens(path: Path) -> bool:
    return path.is_file() and starts_with(path, *SIGNATURES)


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Open the only stack of images, or the numbered series; a single image is given as (Y, X)."""
    import tifffile

    with quiet():
        try:
            with tifffile.TiffFile(path) as tif:
                if not len(tif.pages):
                    raise truncated(path, None)
                check_whole(tif, path)
                return _one_by_one(tif, path) if _is_one_by_one(tif) and dataset is None else _series(tif, path, dataset)
        except PermissionError:
            raise
        except damage() as error:
            size = path.stat().st_size
            if first_page(path) >= size:
                raise truncated(path, 0) from error
            raise UserError(f"{path} is damaged: its TIFF tags cannot be read ({one_line(error)}); copy it again") from error


def _is_one_by_one(tif: TiffFile) -> bool:
    """Whether each page was written as an image of its own, as many programs do; tifffile then finds N series, slowly."""
    return len(tif.pages) > 1 and all(_says_image(tif.pages[number].aspage()) for number in (0, len(tif.pages) - 1))


def _says_image(page: TiffPage) -> bool:
    """Whether a page's description announces this page alone."""
    try:
        return prod(json.loads(page.description)["shape"]) == prod(page.shape)
    except (ValueError, KeyError, TypeError):
        return False


def _one_by_one(tif: TiffFile, path: Path) -> Opened:
    page = tif.pages.first
    array = PageStack(path, None, (len(tif.pages),), page.shape, _dtype(page, path))
    array.check_alike()
    rate, pixel_size, notes = rate_and_pixel_size(tif, page, 0)
    return Opened(_readable(array), "T" + page.axes, rate, pixel_size, notes)


@dataclass(frozen=True)
class _Pages:
    """How the pages of a series are numbered: (T,) or (T, C), and the letters of all dimensions."""

    leading: tuple[int, ...]
    axes: str
    notes: tuple[str, ...] = ()


def _series(tif: TiffFile, path: Path, dataset: str | None) -> Opened:
    number = _choose(tif, path, dataset)
    series = tif.series[number]
    page = series.keyframe
    dtype = _dtype(page, path)
    rate, pixel_size, notes = rate_and_pixel_size(tif, page, number)
    if series.kind == "scanimage":
        header = Header.of(tif, page)
        there = next((place for place, found in enumerate(series) if found is None), len(series))
        pages = arrange(header, there, path)
        stack = PageStack(path, number, pages.numbers.shape, page.shape, dtype, pages.numbers)
        letters = pages.letters + series.axes[-len(page.shape) :]
        return Opened(_readable(stack), letters, rate, pixel_size, notes + pages.notes, header.channels)
    if series.dataoffset is not None and page.is_memmappable and not series.is_multifile:
        raw = RawArray(path, series.dataoffset, series.shape, dtype.newbyteorder(tif.byteorder))
        return Opened(raw, series.axes, rate, pixel_size, notes)
    if len(series) > len(tif.pages) and series.kind != "ome":  # OME may name pages of other files, or never written
        raise truncated(path, len(tif.pages), len(series))
    arranged = _arrange(series, page, path)
    stack = PageStack(path, None if _in_order(tif, series) else number, arranged.leading, page.shape, dtype)
    return Opened(_readable(stack), arranged.axes, rate, pixel_size, notes + arranged.notes, shared=_files(series))


def _arrange(series: TiffPageSeries, page: TiffPage, path: Path) -> _Pages:
    """The leading dimensions as they are in the file, which need not be what it announces: OME may, of one that was stopped early."""
    depth = len(page.shape) if series.shape[len(series.shape) - len(page.shape) :] == page.shape else 2
    leading, rest = series.shape[: len(series.shape) - depth], series.axes[len(series.shape) - depth :]
    letters = series.axes[: len(leading)]
    channels = leading[letters.index("C")] if "C" in letters else 1
    there = next((number for number, found in enumerate(series) if found is None), len(series))
    if there == prod(leading):
        return _Pages(leading, series.axes)
    frames = there // channels
    if frames < 1 or letters not in ("T", "TC", "I", "Q", "Z"):
        raise UserError(
            f"{path} announces {prod(leading)} images ({series.axes}), but only the first {there} are there;"
            " copy it again with all its parts"
        )
    announced = prod(leading) // (channels if "C" in letters else 1)
    notes = (f"The file announces {announced} frames, but holds {frames}; those were read.",) if there < prod(leading) else ()
    return _Pages((frames, channels), "TC" + rest, notes) if channels > 1 else _Pages((frames,), "T" + rest, notes)


def _in_order(tif: TiffFile, series: TiffPageSeries) -> bool:
    """Whether the series is just the file's pages, which are found much faster than the series."""
    if series.is_multifile or len(series) != len(tif.pages):
        return False
    return all(page is not None and page.index == number for number, page in enumerate(series))


def _files(series: TiffPageSeries) -> frozenset[str]:
    """The files of an OME set; empty when there is one."""
    if not series.is_multifile:
        return frozenset()
    return frozenset(str(Path(page.parent.filehandle.path).resolve()) for page in series if page is not None)


def _choose(tif: TiffFile, path: Path, dataset: str | None) -> int:
    """Index of the series to read."""
    sizes = [series.shape for series in tif.series]
    if dataset is not None:
        if not str(dataset).isdecimal() or int(dataset) >= len(sizes):
            raise UserError(f"{path} has {len(sizes)} series of images, {_listed(sizes)}; choose one by its number, as in dataset=0")
        return int(dataset)
    stacks = [number for number, shape in enumerate(sizes) if len(shape) > 2]
    if len(stacks) > 1:
        raise UserError(f"{path} has several series of images, {_listed(sizes)}; choose one by its number, as in dataset={stacks[0]}")
    if not stacks and len(sizes) > 1:
        raise UserError(f"{path} holds {len(sizes)} images of different sizes or types, {_listed(sizes)}; a movie's frames are alike")
    return stacks[0] if stacks else 0


def _dtype(page: TiffPage, path: Path) -> Any:
    if page.dtype is None:
        raise UserError(f"{path} has pixels of {page.bitspersample} bits, which cannot be read; save it with 8, 16 or 32 bits")
    return page.dtype


def _readable(array: PageStack) -> PageStack:
    """The array, after its first frame was decoded: a missing codec or a damaged file shows before long work starts."""
    array[tuple(slice(0, 1) for _ in array.leading)]
    array.close()  # a series may have more files than may be open at a time
    return array


def _listed(sizes: list[tuple[int, ...]], most: int = 4) -> str:
    return ", ".join(map(str, sizes[:most])) + (", ..." if len(sizes) > most else "")
