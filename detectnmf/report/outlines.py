"""The field of view as SVG: grey images, one contour for each cell, numbers, a scale bar."""

from __future__ import annotations

from html import escape

import numpy as np

from detectnmf.components import Components
from detectnmf.result import DemixResult

LEVEL = 0.35  # of the footprint's maximum
CRUMB = 0.08  # of the largest piece's area
MANY = 300  # cells, from which on every second point of a long contour is left out, for the page's size
PALETTE = ("#f2545b", "#f5a524", "#19b8a6", "#4c8dff", "#a56ee8", "#ee5fa7", "#77c043", "#ff7f3f", "#22b8dd", "#d4b106")
BARS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # µm

SWITCHES = (
    '<div class="switches"><label for="show-outlines" class="switch of-outlines">contours</label>'
    '<label for="show-numbers" class="switch of-numbers">numbers</label>{more}</div>'
)
NOT_KEPT = '<label for="show-rejected" class="switch of-rejected">not kept</label>'


def colour(cell: int) -> str:
    return PALETTE[cell % len(PALETTE)]


def contours(cells: Components, level: float = LEVEL) -> list[list[np.ndarray]]:
    """For each cell the closed outer lines (n, 2) of x, y in px at which its footprint crosses `level` of its maximum."""
    from contourpy import contour_generator

    lines: list[list[np.ndarray]] = []
    for cell in range(len(cells)):
        start, stop = cells.footprints.indptr[cell : cell + 2]
        rows, columns = np.divmod(cells.footprints.indices[start:stop], cells.size[1])
        values = cells.footprints.data[start:stop]
        if not len(values) or values.max() <= 0:
            lines.append([])
            continue
        top, left = rows.min() - 1, columns.min() - 1  # a border of zeros closes every line
        crop = np.zeros((rows.max() - top + 2, columns.max() - left + 2))
        crop[rows - top, columns - left] = values
        found = contour_generator(z=crop).lines(level * values.max())
        corner = np.array([left + 0.5, top + 0.5])  # pixel centres lie at half numbers
        found = _main([np.asarray(line) for line in found])
        thinner = 1 + (len(cells) > MANY and len(found[0]) > 40)
        lines.append([line[::thinner] + corner for line in found])
    return lines


def _main(lines: list[np.ndarray]) -> list[np.ndarray]:
    """The outer lines of the larger pieces: holes (lines that turn the other way) and crumbs only clutter a picture."""
    areas = np.array([_turned_area(line) for line in lines])
    return [line for line, area in zip(lines, areas, strict=True) if area > CRUMB * areas.max()]


def _turned_area(line: np.ndarray) -> float:
    """Enclosed area (px), positive around a piece, negative around a hole."""
    x, y = line.T
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def path(lines: list[np.ndarray]) -> str:
    """Lines as the `d` of an SVG path."""
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) + "Z" for line in lines)


def field_of_view(result: DemixResult, images: dict[str, str], first: str) -> str:
    """The picker: a large view, a small one for each image, switches for contours, numbers and what was not kept (thin and dashed).

    Args:
        images: name -> PNG address. first: the one that is shown large at first.
    """
    rows, columns = result.cells.size
    box = f'viewBox="0 0 {columns} {rows}"'
    stroke = max(rows, columns) / 420
    pixelated = ' style="image-rendering:pixelated"' if max(rows, columns) < 360 else ""
    pictures = "".join(
        f'<image id="picture-{i}" href="{address}" width="{columns}" height="{rows}" preserveAspectRatio="none"{pixelated}/>'
        for i, address in enumerate(images.values())
    )
    kept = "".join(_outline(lines, colour(k), tip(result.quality, f"cell {k}", k)) for k, lines in enumerate(contours(result.cells)))
    lost = contours(result.rejected)
    others = "".join(_dashed(lines, tip(result.rejected_quality, f"not kept {k}", k)) for k, lines in enumerate(lost))
    look = f'fill="none" stroke-width="{stroke:.2f}" stroke-linejoin="round"'
    outlines = f'<g id="outlines" {look}>{kept}</g><g id="rejected" {look}>{others}</g>'
    inputs, thumbs, layers = "", "", ""
    switches = SWITCHES.format(more=NOT_KEPT if others else "") if kept or others else ""
    for i, name in enumerate(images):
        chosen = " checked" if name == first else ""
        inputs += f'<input type="radio" name="picture" id="pick-{i}" class="pick pick-{i}"{chosen}>'
        layers += f'<use href="#picture-{i}" class="layer layer-{i}"/>'
        small = f'<svg {box} style="max-width:{150 * columns / rows:.0f}px" aria-hidden="true"><use href="#picture-{i}"/></svg>'
        thumbs += f'<label for="pick-{i}" class="thumb thumb-{i}">{small}<span>{escape(name)}</span></label>'
    return f"""
<svg class="hidden" aria-hidden="true"><defs>{pictures}{outlines}</defs></svg>
<div class="fov">{inputs}
<input type="checkbox" id="show-outlines" class="pick show-outlines" checked><input type="checkbox" id="show-numbers"
 class="pick show-numbers" checked>
{'<input type="checkbox" id="show-rejected" class="pick show-rejected" checked>' if others else ""}
<div class="stage"><svg {box} style="max-width:{860 * columns / rows:.0f}px" role="img" aria-label="field of view">{layers}
<use href="#rejected" class="rejected"/>
<use href="#outlines" class="outlines"/><g class="numbers">{_numbers(result.cells)}</g>{_scale_bar(result)}</svg></div>
<div class="side">{thumbs}{switches}</div></div>"""


def tip(quality: dict[str, np.ndarray], name: str, k: int) -> str:
    """What the pointer shows over a contour: the name, and what the judge says."""
    words = [name]
    for measure, form in (("probability", "p {:.2f}"), ("snr", "SNR {:.1f}")):
        if measure in quality:
            words.append(form.format(quality[measure][k]))
    if "reason" in quality and str(quality["reason"][k]) != "ok":
        words.append(escape(str(quality["reason"][k]).replace("_", " ").replace("+", ", ")))
    return " · ".join(words)


def _outline(lines: list[np.ndarray], stroke: str, tip: str) -> str:
    return f'<path stroke="{stroke}" d="{path(lines)}" pointer-events="all"><title>{tip}</title></path>'


def _dashed(lines: list[np.ndarray], tip: str) -> str:
    look = 'stroke="#cbd5e1" stroke-dasharray="1.5 1.5" opacity="0.7"'
    return f'<path {look} d="{path(lines)}" pointer-events="all"><title>{tip}</title></path>'


def _numbers(cells: Components) -> str:
    rows, columns = cells.size
    crowd = np.sqrt(rows * columns / max(len(cells), 1))  # px between neighbours
    size = float(np.clip(0.2 * crowd, max(rows, columns) / 105, max(rows, columns) / 62))
    centres = cells.centers
    texts = "".join(f'<text x="{x + 0.5:.1f}" y="{y + 0.5:.1f}">{cell}</text>' for cell, (y, x) in enumerate(centres) if np.isfinite(x + y))
    return f'<g font-size="{size:.2f}" stroke-width="{size / 5:.2f}">{texts}</g>'


def _scale_bar(result: DemixResult) -> str:
    rows, columns = result.cells.size
    width = columns * result.pixel_size
    length = max((bar for bar in BARS if bar <= width / 4), default=None)
    if length is None:
        return ""
    unit = max(rows, columns) / 100
    right, y, px = columns - 2.2 * unit, rows - 2.4 * unit, length / result.pixel_size
    return (
        f'<g class="bar"><rect x="{right - px:.2f}" y="{y:.2f}" width="{px:.2f}" height="{0.5 * unit:.2f}"/>'
        f'<text x="{right - px / 2:.2f}" y="{y - 0.8 * unit:.2f}" font-size="{1.9 * unit:.2f}">{length} µm</text></g>'
    )
