"""The PSFs themselves: a section along the optical axis, light over depth, kernels at a few depths, and widths in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.simulate.gallery import style
from detectnmf.simulate.gallery.matrix import broken
from detectnmf.simulate.gallery.measure import Profile, profile, window
from detectnmf.simulate.psf.base import PSF

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REACH, WIDE = 60.0, 40.0  # µm: half height and half width of the sections
HALVES = (15.0, 30.0)  # µm, half sides of the kernels: the first that holds their brightest pixels
DECADES = 4  # from black to white
FAINT = 1e-5  # kernels that are dimmer than this share of the brightest are left black
MOST = 201  # px of a picture along either side
COLUMN, GAP, LABEL, HEAD = 1.4, 0.14, 0.95, 0.5  # inches
COLOURS = "magma"


@dataclass(frozen=True)
class Portrait:
    """A PSF as it is drawn: its profile, (D, n, n) kernels around the source, and half their side (µm)."""

    profile: Profile
    kernels: np.ndarray
    half: float


def portray(psf: PSF, depths: Sequence[float]) -> Portrait:
    """Look at a PSF along its axis and at these depths (µm)."""
    whole = [psf(np.array([depth]))[0] for depth in depths]
    far = max(_distance(kernel) * psf.pixel_size for kernel in whole)
    half = next((half for half in HALVES if far < 0.9 * half), HALVES[-1])
    return Portrait(profile(psf, REACH, WIDE), np.stack([window(kernel, half, half, psf.pixel_size) for kernel in whole]), half)


def _distance(kernel: np.ndarray) -> float:
    """px from the middle to the brightest pixel, along y or x."""
    at = np.array(np.unravel_index(kernel.argmax(), kernel.shape))
    return float(np.abs(at - np.array(kernel.shape) // 2).max()) if kernel.max() > 0 else 0.0


def draw(made: Mapping[str, Portrait], depths: Sequence[float]) -> Figure:
    """One column for each PSF."""
    pitch = COLUMN + GAP
    tall, plot = COLUMN * REACH / WIDE, 0.75
    tops = [HEAD, HEAD + tall + 0.12]
    first = tops[1] + plot + 0.55
    squares = [first + (COLUMN + 0.06) * k for k in range(len(depths))]
    foot = squares[-1] + COLUMN + 0.1 if squares else first
    figure = style.new_figure(LABEL + pitch * len(made) + 0.55, foot + 0.9)
    _labels(figure, depths, tops, squares, foot)
    for j, (name, one) in enumerate(made.items()):
        left, cut = LABEL + pitch * j, one.profile
        style.write(figure, left + COLUMN / 2, HEAD - 0.08, broken(name), ha="center", va="bottom", fontsize=8.5)
        axes = style.place(figure, left, HEAD, COLUMN, tall)
        style.picture(axes, decades(coarse(cut.section)), -DECADES, 0, COLOURS, smooth=True)
        axes.set_aspect("auto")
        axes.plot([0, 1], [0.5, 0.5], transform=axes.transAxes, color="white", linewidth=0.5, alpha=0.35)
        style.scale_bar(axes, 2 * WIDE, 2 * REACH) if j == 0 else None
        line = style.place(figure, left, tops[1], COLUMN, plot)
        line.plot(cut.depth, cut.energy, color=style.PALE, linewidth=2.2, label="all light")
        line.plot(cut.depth, cut.peak, color=style.ACCENT, linewidth=1.2, label="brightest pixel")
        line.set(xlim=(-REACH, REACH), ylim=(0, 1.08), xticks=[-50, 0, 50], yticks=[0, 1])
        style.plain(line)
        line.tick_params(labelleft=j == 0)
        for k, (top, kernel) in enumerate(zip(squares, one.kernels, strict=True)):
            axes = style.place(figure, left, top, COLUMN, COLUMN)
            share = float(kernel.max()) / max(float(one.kernels.max()), 1e-300)
            style.picture(axes, decades(kernel / kernel.max() if share > FAINT else 0 * kernel), -DECADES, 0, COLOURS)
            style.note(axes, style.percent(share) if share > FAINT else "not seen")
            style.scale_bar(axes, 2 * one.half) if k == 0 else None
        for row, value in enumerate((cut.lateral, cut.axial, cut.thickness)):
            style.write(figure, left + COLUMN / 2, foot + 0.2 + 0.2 * row, microns(value), ha="center", fontsize=8.5)
    _colour_scale(figure, LABEL + pitch * len(made) + 0.02, HEAD, tall)
    return figure


def _labels(figure: Figure, depths: Sequence[float], tops: Sequence[float], squares: Sequence[float], foot: float) -> None:
    """What stands at the left of the rows."""
    x = LABEL - 0.12

    def say(y: float, text: str, **how: object) -> None:
        style.write(figure, x, y, text, **{"ha": "right", "va": "center", "fontsize": 8, "color": style.MUTED, **how})

    say(tops[0] + COLUMN * REACH / WIDE / 2, "x-z section,\ndepth\ndownwards")
    say(tops[1] + 0.2, "all light", color="#7d8a96", weight="bold")
    say(tops[1] + 0.4, "brightest\npixel", color=style.ACCENT, weight="bold", va="top")
    say(tops[1] + 0.75 + 0.17, "z (µm)", fontsize=7)
    for top, depth in zip(squares, depths, strict=True):
        say(top + COLUMN / 2, f"z = {depth:g} µm")
    say(foot + 0.02, "FWHM", va="top", weight="bold")
    for row, what in enumerate(("lateral", "axial, peak", "axial, energy")):
        say(foot + 0.2 + 0.2 * row, what, va="top")


def _colour_scale(figure: Figure, left: float, top: float, height: float) -> None:
    axes = style.place(figure, left, top, 0.1, height)
    axes.imshow(np.linspace(1, 0, 256)[:, None], aspect="auto", cmap=COLOURS, extent=(0, 1, -DECADES, 0))
    axes.set(xticks=[], yticks=range(-DECADES, 1))
    axes.set_yticklabels(["1" if power == 0 else f"$10^{{{power}}}$" for power in range(-DECADES, 1)])
    axes.yaxis.tick_right()
    axes.tick_params(length=2, color=style.LINE, labelcolor=style.MUTED, labelsize=7.5)
    axes.spines[:].set_visible(False)


def decades(values: np.ndarray) -> np.ndarray:
    """log10, not below the darkest that is drawn."""
    return np.log10(np.maximum(values, 10.0**-DECADES))


def coarse(image: np.ndarray) -> np.ndarray:
    """An image of at most MOST pixels along either side, each the brightest of those it stands for: thin lines are not lost."""
    for axis in (0, 1):
        step = -(-image.shape[axis] // MOST)
        image = np.maximum.reduceat(image, np.arange(0, image.shape[axis], step), axis=axis)
    return image


def microns(value: float) -> str:
    """A length, or a dash where it has no end."""
    return f"{value:.2f} µm" if value < 10 else f"{value:.0f} µm" if np.isfinite(value) else "no end"
