"""A TIFF's z-stack and the size of its voxels, from ImageJ's, OME's or tifffile's metadata."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from detectnmf.errors import UserError

if TYPE_CHECKING:
    from tifffile import TiffFile

MICRONS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0}
CENTIMETRE = 3  # of the tag ResolutionUnit


def read_stack(name: str) -> tuple[np.ndarray, tuple[float, float, float] | None]:
    """(Z, Y, X) float values, and the size of a voxel (z, y, x in µm) if the file tells it.

    Raises:
        UserError: no such file, not a TIFF that can be read, not a stack.
    """
    import tifffile

    path = Path(name).expanduser()
    if not path.is_file():
        raise UserError(f"psf.path={name}: there is no such file")
    logger = logging.getLogger("tifffile")  # what it finds odd is told in our own words
    before, logger.disabled = logger.disabled, True
    try:
        with tifffile.TiffFile(path) as tif:
            pages = [series for series in tif.series if series.ndim == 2 and series.shape == tif.series[0].shape]
            whole = tif.series[0] if len(pages) < 2 else None  # else written page by page
            values = whole.asarray() if whole else np.stack([page.asarray() for page in pages])
            voxel = voxel_size(tif)
    except MemoryError:
        raise
    except Exception as error:  # tifffile raises almost anything on a damaged file
        why = " ".join(str(error).split())[:120]
        raise UserError(f"psf.path={name} cannot be read as TIFF ({why}); save the stack as an uncompressed TIFF") from None
    finally:
        logger.disabled = before
    values = np.squeeze(values)
    if values.ndim != 3:
        raise UserError(f"psf.path={name} must hold one (Z, Y, X) stack, got the shape {values.shape}; save one channel of it alone")
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise UserError(f"psf.path={name} must hold real numbers, got {values.dtype}")
    return values.astype(float), voxel


def voxel_size(tif: TiffFile) -> tuple[float, float, float] | None:
    """z, y, x in µm; None if the file does not tell all three."""
    for source in (_ome, _imagej, _shaped):
        try:
            size = source(tif)
        except (ValueError, TypeError, KeyError, ZeroDivisionError, AttributeError, ElementTree.ParseError):
            continue
        if size and all(np.isfinite(edge) and edge > 0 for edge in size):
            return size
    return None


def _ome(tif: TiffFile) -> tuple[float, float, float] | None:
    if not tif.ome_metadata:
        return None
    pixels = next(node for node in ElementTree.fromstring(tif.ome_metadata).iter() if node.tag.split("}")[-1] == "Pixels")
    z, y, x = (float(pixels.attrib[f"PhysicalSize{a}"]) * MICRONS[pixels.get(f"PhysicalSize{a}Unit", "µm")] for a in "ZYX")
    return z, y, x


def _imagej(tif: TiffFile) -> tuple[float, float, float] | None:
    table = tif.imagej_metadata
    if not table:
        return None
    unit = MICRONS[re.sub(r"\\u00b5", "µ", str(table["unit"]), flags=re.IGNORECASE).strip()]
    y, x = _steps(tif)
    return float(table["spacing"]) * unit, y * unit, x * unit


def _shaped(tif: TiffFile) -> tuple[float, float, float] | None:
    """tifffile's own: `spacing` in µm in the metadata, and resolution in pixels per centimetre."""
    page = tif.pages[0].aspage()
    if not page.is_shaped or page.tags.valueof("ResolutionUnit") != CENTIMETRE:
        return None
    y, x = _steps(tif)
    return float(json.loads(page.description)["spacing"]), y * MICRONS["cm"], x * MICRONS["cm"]


def _steps(tif: TiffFile) -> tuple[float, float]:
    """y, x: units per pixel."""
    tags = tif.pages[0].aspage().tags
    (above_y, below_y), (above_x, below_x) = tags.valueof("YResolution"), tags.valueof("XResolution")
    return below_y / above_y, below_x / above_x
