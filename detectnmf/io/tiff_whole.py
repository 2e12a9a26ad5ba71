"""Whether a TIFF is all there: its chain of pages unbroken, and the last page's pixels within the file."""

from __future__ import annotations

import json
import re
import struct
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from detectnmf.io.raw import truncated
from detectnmf.io.tiff_pages import damage

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage


def check_whole(tif: TiffFile, path: Path) -> None:
    """Raise when pages are cut off, with the number of those that are whole.

    Reads the tags of the last page only, unless something is missing.
    """
    size, first, count = path.stat().st_size, tif.pages.first, len(tif.pages)
    if not _goes_on(tif) and _is_whole(tif, count - 1, size):
        return
    announced = _announced(first) or 1
    in_one_piece = first.is_final and len(first.dataoffsets) > 0
    pieces = (size - first.dataoffsets[0]) // first.nbytes if in_one_piece else 0
    if count <= announced <= pieces and announced > 1:  # only the tags of later pages, behind the pixels, are lost
        return
    if in_one_piece and count == 1:
        whole = pieces
    else:
        whole = next((number for number in range(count) if not _is_whole(tif, number, size)), count)
    raise truncated(path, whole, announced if announced > whole else None)


def _announced(page: TiffPage) -> int | None:
    """How many pages the first one announces (ImageJ, tifffile); None when it says nothing."""
    text = page.description
    count = re.search(r"^images=(\d+)", text, re.MULTILINE) if page.is_imagej else None
    if count:
        return int(count.group(1))
    try:
        return prod(json.loads(text)["shape"]) // prod(page.shape)
    except (ValueError, KeyError, TypeError):
        return None


def _is_whole(tif: TiffFile, number: int, size: int) -> bool:
    """Whether a page's tags can be read and its data end within the file."""
    try:
        page = tif.pages[number]
    except damage():
        return False
    return all(offset + count <= size for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))


def _goes_on(tif: TiffFile) -> bool:
    """Whether the last page that could be reached points to a further one: the chain of pages is cut."""
    form, file = tif.tiff, tif.filehandle
    try:
        file.seek(tif.pages[len(tif.pages) - 1].offset)
        tags = struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0]
        file.seek(tags * form.tagsize, 1)
        return bool(struct.unpack(form.offsetformat, file.read(form.offsetsize))[0])
    except damage():
        return True


def first_page(path: Path) -> int:
    """Where the header says that the first page begins."""
    with open(path, "rb") as file:
        head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    form, start = ("Q", 8) if 43 in head[2:4] else ("I", 4)  # 43 is BigTIFF's number, 42 plain TIFF's
    try:
        return int(struct.unpack_from(order + form, head, start)[0])
    except struct.error:
        return len(head)
