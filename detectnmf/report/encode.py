"""Drawings as text that fits into a page: PNG and SVG as data addresses."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONTS = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, sans-serif"
DRAWN_WITH = "'DejaVu Sans', 'Bitstream Vera Sans', 'Computer Modern Sans Serif', 'Lucida Grande', 'Verdana', 'Geneva', 'Lucid', 'Arial'"


def grey(image: np.ndarray, low: float = 1.0, high: float = 99.7, gamma: float = 0.8, longest: int = 720) -> str:
    """An image (Y, X) as a grey PNG address, stretched between two percentiles, averaged down to `longest` px a side."""
    step = -(-max(image.shape) // longest)
    rows, columns = (side // step for side in image.shape)
    small = image[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3)) if step > 1 else image
    small = np.nan_to_num(small.astype(np.float64), posinf=0, neginf=0)
    bottom, top = np.percentile(small, [low, high])
    scaled = np.clip((small - bottom) / max(top - bottom, 1e-12), 0, 1) ** gamma
    return "data:image/png;base64," + base64.b64encode(png((scaled * 255).round().astype(np.uint8))).decode()


def png(image: np.ndarray) -> bytes:
    """An 8-bit grey PNG of (Y, X) uint8."""
    rows, columns = image.shape
    lines = np.zeros((rows, columns + 1), np.uint8)  # each line starts with its filter: none
    lines[:, 1:] = image

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b"")


def svg(figure: Figure) -> str:
    """A figure as an SVG address; its text stays text, in the page's fonts."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    out = BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "detectnmf"}):
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    text = out.getvalue().decode()
    for families in (DRAWN_WITH, "'DejaVu Sans'"):
        text = text.replace(families, FONTS)
    text = re.sub(r' d="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), text)  # a hundredth of a point will do
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
