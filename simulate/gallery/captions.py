"""What stands below the titles of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectnmf.simulate.gallery.gallery import Gallery

TRACES = (
    "Three cells under each trace model, drawn with the same seed, with their spikes or onsets. A minute at 30 Hz, or ten minutes at 3 Hz"
    " where little happens."
)
VARIATIONS = "The plain scene with each option in turn, drawn with the same seed. Grey values are the recording's counts."


def matrix(depth: float, knobs: Gallery) -> str:
    """Of shapes under PSFs."""
    pictures = (
        f"One cell of each library. Fields of {knobs.field:g} µm, pixels of {knobs.pixel_size:g} µm, black to the maximum (gamma 0.5)."
    )
    if depth == 0:
        return f"{pictures} The number is the maximum relative to neuropil of the same concentration, seen through the same PSF."
    return f"{pictures} The number is the maximum relative to the same cell's in focus."


def kernels(knobs: Gallery) -> str:
    """Of the PSFs."""
    return (
        "A point source; light in decades below the brightest. Sections are relative to the best depth; kernels to their own maximum, which"
        " is written into them relative to the brightest of them."
        f" Widths are measured with pixels of {knobs.psf_pixel_size:g} µm and hold what the pixel adds: of the brightest spot in focus,"
        " of the brightest pixel over depth, and of all light over depth."
    )
