"""How much the field moves: shifts of frames against a mean of others, by phase correlation, freed of what noise adds.

Every other frame is compared with the mean of those between, so that no frame meets its own noise. Each frame's Fourier coefficients are
dealt into two halves, in blocks. Each half gives a shift of its own. Noise in the two is independent, motion is the same: the mean product
of the two, and not the mean square of either, is that of the motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from detectnmf.doctor.finding import Finding

REACH = 12  # px, that are searched
FINE = 8  # steps in a pixel
CHUNK = 64  # frames that are correlated at once
FEWEST = 16  # px, edge of the field
EDGE = 192  # px, of the middle that is looked at
BLOCK = 5  # coefficients
DARK = 0.2  # of what a frame has in common with the template: one that has less shows nothing
FEW = 4  # consecutive frames
LARGE = 0.5  # px rms from which registration pays
UNSURE = 1.0  # px rms; where noise makes more, frames follow the noise of their own mean
ROUNDS = 4


@dataclass(frozen=True)
class Motion:
    """Displacement from the mean place.

    Args:
        index: (n,) frames. shifts: (n, 2) px, down and right; 0 of frames that show nothing.
        rms: root mean square length (px), without what noise adds. step: of the change from one frame to the next.
        sure: what noise alone makes of a shift (px rms); much above rms, motion cannot be told.
    """

    index: np.ndarray
    shifts: np.ndarray
    rms: float
    step: float
    sure: float

    @property
    def pays(self) -> bool:
        """Whether it can be told from noise, and is worth registering."""
        return self.sure <= UNSURE and self.rms > max(LARGE, self.sure)


def estimate(runs: Sequence[tuple[int, np.ndarray]], most: int = 1024) -> Motion | None:
    """From runs of consecutive frames, (first frame, (n, y, x)); None where frames are too small or too few.

    Args:
        most: frames that are looked at, as many from the beginning of each run.
    """
    runs = [(start, run) for start, run in runs if len(run) > 1]
    if not runs or min(runs[0][1].shape[1:]) < FEWEST:
        return None
    middle = tuple(slice(max(0, (side - EDGE) // 2), max(0, (side - EDGE) // 2) + EDGE) for side in runs[0][1].shape[1:])
    runs = [(start, run[(slice(max(FEW, most // len(runs))), *middle)]) for start, run in runs]
    index = np.concatenate([np.arange(start, start + len(run)) for start, run in runs])
    first = np.concatenate([np.arange(len(run)) == 0 for _, run in runs])
    size = runs[0][1].shape[1:]
    spectra = np.concatenate([_spectra(run) for _, run in runs])  # (n, ky, kx)
    half = _chessboard(size)
    ky, kx = np.meshgrid(fft.fftfreq(size[0]), fft.rfftfreq(size[1]), indexing="ij")
    shifts = np.zeros((len(spectra), 2))
    both = np.zeros((2, len(spectra), 2))
    alike = np.zeros(len(spectra))  # of each frame with the template, in place
    parts = [np.arange(len(spectra)) % 2 == number for number in range(2)]
    for more in reversed(range(ROUNDS)):
        turned = spectra * _turn(shifts, size)
        templates = [turned[part].mean(axis=0) for part in parts]
        power = np.square(np.abs(spectra)).mean(axis=0)
        noise = np.maximum(power - (np.conj(templates[0]) * templates[1]).real, 1e-12 * power.max())
        if not noise.all():  # nothing is there
            return None
        for part, template in zip(parts, reversed(templates), strict=True):
            weight = np.conj(template) / noise
            weight[ky**2 + kx**2 > 0.16] = 0  # at the corners there is little but noise
            if not more:
                seen = np.stack([_shifts(spectra[part], (weight * mask).astype(np.complex64), size) for mask in (half, ~half)])
                both[:, part] = seen - np.median(seen, axis=1, keepdims=True)
                alike[part] = (turned[part] * weight).real.sum(axis=(1, 2))
            shifts[part] = _shifts(spectra[part], weight.astype(np.complex64), size, fine=not more)
            shifts[part] -= np.median(shifts[part], axis=0)
    one, other = both[0], both[1]
    inside = (np.abs(one) < REACH - 1).all(axis=1) & (np.abs(other) < REACH - 1).all(axis=1)
    dark = alike <= DARK * np.median(alike)
    shifts[dark] = 0
    inside &= ~dark
    if not inside.any():
        return None
    rms = np.sqrt(max(float((one * other)[inside].sum(axis=1).mean()), 0))
    sure = np.sqrt(float(np.square(one - other)[inside].sum(axis=1).mean()) / 4)
    follows = ~first[1:] & inside[1:] & inside[:-1]
    steps = (np.diff(one, axis=0) * np.diff(other, axis=0))[follows]
    step = np.sqrt(max(float(steps.sum(axis=1).mean()), 0)) if len(steps) else 0.0
    return Motion(index, shifts, float(rms), float(step), float(sure))


def finding(motion: Motion | None) -> Finding:
    if motion is None:
        return Finding("motion", "not estimated: too few frames or pixels")
    if motion.sure > UNSURE:
        return Finding("motion", f"cannot be told from noise (noise alone makes {motion.sure:.2g} px)", "note")
    value = f"{motion.rms:.2f} px rms, {motion.step:.2f} px from frame to frame (noise alone {motion.sure:.2f} px)"
    if motion.pays:
        return Finding("motion", value, "warning", "moving edges look like cells: register=auto, rigid or piecewise puts frames back")
    return Finding("motion", value)


def _chessboard(size: tuple[int, int]) -> np.ndarray:
    """(ky, kx) True in the white squares of BLOCK coefficients a side: the taper ties each to its neighbours."""
    down, right = np.meshgrid(fft.fftfreq(size[0], 1 / size[0]), fft.rfftfreq(size[1], 1 / size[1]), indexing="ij")
    return np.asarray((down // BLOCK + right // BLOCK) % 2 == 0)


def _spectra(run: np.ndarray) -> np.ndarray:
    """(n, ky, kx) complex64 of tapered frames without their mean and slow shading."""
    values = np.nan_to_num(run, posinf=0, neginf=0)
    window = np.hanning(run.shape[1] + 2)[1:-1, None] * np.hanning(run.shape[2] + 2)[None, 1:-1]
    values = (values - values.mean(axis=(1, 2), keepdims=True)) * window.astype(np.float32)
    spectra = fft.rfft2(values)
    ky, kx = np.meshgrid(fft.fftfreq(run.shape[1]), fft.rfftfreq(run.shape[2]), indexing="ij")
    return (spectra * (1 - np.exp(-(ky**2 + kx**2) * 2 * (np.pi * 6.0) ** 2))).astype(np.complex64)  # slower than some 6 px is shading


def _shifts(spectra: np.ndarray, weight: np.ndarray, size: tuple[int, int], fine: bool = True) -> np.ndarray:
    """(n, 2) px: the place of the highest correlation, to a fraction of a pixel; not `fine`: to a quarter or so."""
    reach = min(REACH, size[0] // 2 - 1, size[1] // 2 - 1)
    found = []
    for some in np.array_split(spectra, -(-len(spectra) // CHUNK)):
        product = some * weight
        places = _highest(product, np.arange(-reach, reach + 1), size)
        if fine:
            whole = np.rint(places)
            places = whole + _highest(product * _turn(whole, size), np.arange(-FINE, FINE + 1) / FINE, size)
        found.append(places)
    return np.concatenate(found)


def _highest(product: np.ndarray, steps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, 2) px: of the correlations (n, ky, kx), on a grid of `steps` either way, and a parabola through the best three."""
    down = np.exp(2j * np.pi * np.outer(steps, fft.fftfreq(size[0]))).astype(np.complex64)
    right = np.exp(2j * np.pi * np.outer(fft.rfftfreq(size[1]), steps)).astype(np.complex64)
    right[1:] *= 2  # of a real image half the coefficients are there
    surface = ((down @ product) @ right).real
    frames, side = np.arange(len(surface)), len(steps)
    rows, columns = np.divmod(surface.reshape(len(surface), -1).argmax(axis=1), side)
    bent = [_vertex(surface[frames, :, columns], rows), _vertex(surface[frames, rows], columns)]
    return np.stack([steps[rows], steps[columns]], axis=1) + (steps[1] - steps[0]) * np.stack(bent, axis=1)


def _turn(shifts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, ky, kx) complex64 by which spectra of frames that have moved by (n, 2) px are put back."""
    down = np.exp(2j * np.pi * np.outer(shifts[:, 0], fft.fftfreq(size[0]))).astype(np.complex64)
    right = np.exp(2j * np.pi * np.outer(shifts[:, 1], fft.rfftfreq(size[1]))).astype(np.complex64)
    return np.asarray(down[:, :, None] * right[:, None, :])


def _vertex(lines: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(n,) steps from the highest value of each line (n, steps), at `at`, to the top of the parabola through it and its neighbours."""
    inside = np.clip(at, 1, lines.shape[1] - 2)
    low, middle, high = (lines[np.arange(len(lines)), inside + step] for step in (-1, 0, 1))
    bend = low - 2 * middle + high
    return np.where((inside == at) & (bend < 0), 0.5 * (low - high) / np.where(bend < 0, bend, -1), 0.0)
