"""Frame rate and pixel size from a TIFF's tags: OME, ImageJ, ScanImage, tifffile's JSON, the resolution tag."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

from detectnmf.io.metadata import DOTS_RANGE, PIXEL_RANGE, RATE_RANGE, from_attributes, from_interval, microns, seconds, within
from detectnmf.io.scanimage import Header

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

CENTIMETRE, INCH = 3, 2  # values of the tag ResolutionUnit


class Told(NamedTuple):
    """What one source of metadata says: Hz, µm, and notes."""

    rate: float | None = None
    pixel_size: float | None = None
    notes: tuple[str, ...] = ()


def rate_and_pixel_size(tif: TiffFile, page: TiffPage, number: int) -> Told:
    """The first rate and the first pixel size that any source knows, the most explicit source first.

    Args:
        tif: the open file.
        page: the first page of the movie.
        number: index of the series, for OME files with several.
    """
    sources: tuple[Callable[[], Told], ...] = (
        lambda: _ome(tif, number),
        lambda: _scanimage(tif, page),
        lambda: _json(page),
        lambda: _imagej(tif, page),
        lambda: _resolution(tif, page),
    )
    rate, pixel_size = None, None
    notes: tuple[str, ...] = ()
    for source in sources:
        told = source()
        if (rate is None and told.rate) or (pixel_size is None and (told.pixel_size or told.notes)):
            notes += told.notes
        rate, pixel_size = rate or told.rate, pixel_size or told.pixel_size
    return Told(rate, pixel_size, notes)


def _ome(tif: TiffFile, number: int) -> Told:
    if not tif.ome_metadata:
        return Told()
    try:
        root = ElementTree.fromstring(tif.ome_metadata)
    except ElementTree.ParseError:
        return Told()
    images = [node for node in root.iter() if node.tag.endswith("}Pixels") or node.tag == "Pixels"]
    if not images:
        return Told()
    pixels = images[min(number, len(images) - 1)]
    size = pixels.get("PhysicalSizeX")
    pixel_size = within(microns(float(size), pixels.get("PhysicalSizeXUnit", "µm")), PIXEL_RANGE) if size else None
    step = pixels.get("TimeIncrement")
    rate = from_interval(seconds(float(step), pixels.get("TimeIncrementUnit", "s"))) if step else None
    return Told(rate or _ome_planes(pixels), pixel_size)


def _ome_planes(pixels: ElementTree.Element) -> float | None:
    """Hz from the times of the planes, where no increment is given."""
    times = [
        (int(node.get("TheT", 0)), seconds(float(node.get("DeltaT", 0)), node.get("DeltaTUnit", "s")))
        for node in pixels
        if node.tag.endswith("Plane") and node.get("DeltaT") is not None
    ]
    if len(times) < 2 or times[0][1] is None or times[-1][1] is None or times[-1][0] <= times[0][0]:
        return None
    span = times[-1][1] - times[0][1]
    return from_interval(span / (times[-1][0] - times[0][0])) if span > 0 else None


def _scanimage(tif: TiffFile, page: TiffPage) -> Told:
    if not page.is_scanimage:
        return Told()
    header = Header.of(tif, page)
    corners = header.numbers("imagingFovUm")[0::2]
    width = (max(corners) - min(corners)) / page.imagewidth if corners else None
    return Told(header.rate, within(width, PIXEL_RANGE))


def _json(page: TiffPage) -> Told:
    """What was given to tifffile as `metadata=`."""
    if not page.is_shaped:
        return Told()
    try:
        return Told(*from_attributes(json.loads(page.description)))
    except (ValueError, AttributeError):
        return Told()


def _imagej(tif: TiffFile, page: TiffPage) -> Told:
    table = tif.imagej_metadata
    if not table:
        return Told()
    unit = str(table.get("unit", "")).strip()
    per_unit = _per_unit(page, "XResolution")
    pixel_size = within(microns(1.0 / per_unit, unit), PIXEL_RANGE) if per_unit and unit else None
    if table.get("finterval"):
        return Told(from_interval(seconds(float(table["finterval"]), str(table.get("tunit", "s")))), pixel_size)
    rate = within(table.get("fps"), RATE_RANGE)
    note = f"The rate of {rate or 0:g} Hz is ImageJ's playback speed, which need not be the true one; give rate=... to be sure."
    return Told(rate, pixel_size, (note,) if rate else ())


def _resolution(tif: TiffFile, page: TiffPage) -> Told:
    """The tags XResolution and ResolutionUnit, unless they speak of paper."""
    factor = {INCH: microns(1, "inch"), CENTIMETRE: microns(1, "cm")}.get(int(page.tags.valueof("ResolutionUnit", 1) or 1))
    per_unit, per_row = _per_unit(page, "XResolution"), _per_unit(page, "YResolution")
    if tif.is_imagej or factor is None or not per_unit:
        return Told()
    size = within(factor / per_unit, DOTS_RANGE)
    if size is None:
        return Told(notes=(f"The resolution tag says {factor / per_unit:.4g} µm/px, which no recording has; it was left out.",))
    if per_row and abs(per_row / per_unit - 1) > 0.01:
        return Told(None, size, (f"Pixels are not square: {size:.4g} µm wide, {factor / per_row:.4g} µm high; the width was taken.",))
    return Told(None, size)


def _per_unit(page: TiffPage, tag: str) -> float | None:
    value = page.tags.valueof(tag)
    try:
        above, below = value
        return above / below or None
    except (TypeError, ValueError, ZeroDivisionError):
        return None
