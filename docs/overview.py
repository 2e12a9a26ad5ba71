"""Draws docs/overview.png from a demo folder: python docs/overview.py detectnmf-demo docs/overview.png"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import detectnmf
from detectnmf.runtime import Runtime
from detectnmf.sparsen.fast import Fast

INK, LEAF = "#1f2d33", "#0f766e"


def colour(k: int) -> tuple[float, float, float]:
    """Well separated hues, one for each cell."""
    from matplotlib.colors import hsv_to_rgb

    red, green, blue = hsv_to_rgb([(k * 0.61803) % 1, 0.75, 0.95])
    return float(red), float(green), float(blue)


def draw(folder: Path, out: Path) -> None:
    """Five panels: recording, compressed, sparsened with detections, demixed cells, traces."""
    recording = detectnmf.read(folder / "movie.tif")
    result = detectnmf.load(folder / "result.h5")
    assert result.movie is not None and result.cells.traces is not None
    runtime = Runtime(device="cpu", quiet=True)
    clear = Fast()(result.movie, runtime)
    bright = clear.frames(slice(None)).amax(0).numpy()
    lit = [int((clear.frames(int(t)) > 0.35 * bright[t]).sum()) for t in np.argsort(-bright)[:40]]
    frame = int(np.argsort(-bright)[int(np.argmax(lit))])
    images = result.cells.images()
    strength = images.max((1, 2)) * result.cells.traces[:, frame] / result.cells.traces.max(1)

    figure = Figure(figsize=(15, 3.6), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(1, 5, width_ratios=[1, 1, 1, 1, 1.5], wspace=0.06, left=0.01, right=0.99, top=0.86, bottom=0.03)
    dense = clear.frames(frame).numpy().reshape(clear.size)
    movie = result.movie[frame]
    low, high = np.percentile(movie, (1, 99.7))
    titles = ("recording", "compressed: U V", "sparsened: cells stand alone", f"demixed: {len(result.cells)} cells", "their traces")
    panels = [figure.add_subplot(grid[i]) for i in range(5)]
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title, fontsize=12, color=INK, pad=8)
        panel.set_axis_off()
    panels[0].imshow(recording[frame], cmap="gray", vmin=low, vmax=high)
    panels[1].imshow(movie, cmap="gray", vmin=low, vmax=high)
    panels[2].imshow(np.arcsinh(4 * dense / dense.max()), cmap="gray")
    near = [k for k in range(len(images)) if dense[images[k] > 0.5].mean() > 0.15 * dense.max() and strength[k] > 0.2]
    for k in near:
        panels[2].contour(images[k], [0.35], colors=[colour(k)], linewidths=1.6)
    layer = np.zeros((*result.cells.size, 3))
    for k, image in enumerate(images):
        layer += image[..., None] * np.array(colour(k))
    panels[3].imshow(np.clip(layer, 0, 1))
    shown = np.argsort(-result.quality["snr"])[:14]
    time = np.arange(recording.shape[0]) / recording.rate
    for row, k in enumerate(shown):
        trace = result.cells.traces[k] / result.cells.traces[k].max()
        panels[4].plot(time, trace - 0.8 * row, color=colour(int(k)), lw=1)
    panels[4].margins(0.01)
    figure.canvas.draw()  # settles where the panels are
    top = panels[0].get_window_extent().y1 / figure.bbox.height
    for left, right in pairwise(panels):
        at = (left.get_window_extent().x1 + right.get_window_extent().x0) / 2 / figure.bbox.width
        figure.text(at, top + 0.04, "→", ha="center", va="center", fontsize=15, color=LEAF)
    figure.savefig(out)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
