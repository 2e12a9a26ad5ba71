"""Superpixels: patches of residual whose pixels rise together (Buchanan 2018; maskNMF, appendix A)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage, sparse
from torch import Tensor

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import explained, residual, usable
from detectnmf.runtime import Runtime
from detectnmf.seeds.neighbours import gate, neighbours


@dataclass(frozen=True)
class Superpixels:
    """Cells in the residual: local maxima of the neighbour correlation, grown, tested, and the purest kept.

    Args:
        gate: only what exceeds the median by so many MAD counts.
        correlation: least mean correlation with the neighbours at a centre, and with the centre's trace in its patch.
        noise_percentile: the noise left in the residual is this percentile (%) over pixels of its standard deviation ...
        least_noise: ... but at least this (units of noise).
        spacing_diameters: least distance of two centres (cell diameters).
        radius_diameters: farthest pixel from its centre (cell diameters).
        least_area: number of pixels, as part of the area of a disc of the cell diameter, at least.
        brightness: peaks of the patch's trace over the recording's noise in its matched filter, at least.
        one_sided: upward over downward excursions of the trace, at least.
        misfit: highest correlation with what the model explains at the same pixels; above, it is a badly fitted cell.
        purity: least part of a trace that purer traces nearby do not explain.
        same: patches nearby whose traces correlate so much with that of a purer one are parts of the same cell.
        signed: downward events count as upward ones do, and `one_sided` does not apply; for dips and inverted indicators.
    """

    gate: float = 1.5
    correlation: float = 0.6
    noise_percentile: float = 10.0
    least_noise: float = 0.15
    spacing_diameters: float = 0.4
    radius_diameters: float = 0.75
    least_area: float = 0.1
    brightness: float = 5.0
    one_sided: float = 2.0
    misfit: float = 0.5
    purity: float = 0.5
    same: float = 0.9
    signed: bool = False

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        good = usable(movie)
        if not good.any():
            return Components.empty(movie.size)
        found = neighbours(movie, model, self.gate, runtime, self.signed)
        noise = max(self.least_noise, float(np.percentile(np.sqrt(found.variance.ravel()[good]), self.noise_percentile)))
        image = np.where(good.reshape(movie.size), found.correlation(noise), 0)
        centres = maxima(image, self.correlation, max(1.0, self.spacing_diameters * diameter))
        patches, traces = [], []
        for centre in runtime.progress(centres, "superpixels", len(centres)):
            patch = self._patch(movie, model, centre, diameter, noise, good)
            if patch is not None:
                patches.append(patch)
                traces.append(patch.trace)
        if not patches:
            return Components.empty(movie.size)
        where = np.array([p.centre for p in patches], np.float64)
        courses = torch.stack(traces)
        chosen = purest(courses, where, 2 * diameter, self.purity)
        footprints = sparse.hstack([whole(patches, cell, len(good)) for cell in fellows(courses, where, chosen, 2 * diameter, self.same)])
        score = np.array([image[tuple(patches[k].centre)] for k in chosen]).clip(0, 1)
        return Components(sparse.csc_array(footprints), movie.size, None, score)

    def _patch(self, movie: Compressed, model: Model, centre: np.ndarray, diameter: float, noise: float, good: np.ndarray) -> Patch | None:
        """The patch around a centre, or None when it fails a test."""
        pixels, offsets = around(centre, movie.size, max(1.0, self.radius_diameters * diameter))
        inside = good[pixels]
        pixels, offsets = pixels[inside], offsets[inside]
        x = residual(movie, model, pixels)
        risen = gate(x, self.gate, self.signed)
        core = torch.from_numpy((offsets**2).sum(axis=1) <= max(1.0, 0.15 * diameter) ** 2).to(x.device)
        trace = risen[core].mean(dim=0)
        flat, power = trace - trace.mean(), float(trace.var(correction=0))
        covariance = (risen - risen.mean(dim=1, keepdim=True)) @ flat / len(flat)
        alike = covariance / ((risen.var(dim=1, correction=0) + noise**2) * (power + noise**2)).sqrt()
        member = connected((alike >= self.correlation).cpu().numpy(), offsets)
        if member.sum() < max(1, round(self.least_area * np.pi / 4 * diameter**2)):
            return None
        member_ = torch.from_numpy(member).to(x.device)
        values = covariance[member_].clamp_min(1e-6)
        weights = values / values.norm()
        if not self._is_cell(weights @ x[member_], weights @ explained(model, pixels[member]) if len(model) else None):
            return None
        return Patch(centre, pixels[member], weights.cpu().numpy(), weights @ risen[member_])

    def _is_cell(self, trace: Tensor, present: Tensor | None) -> bool:
        """Bright, upward or signed, and not the misfit of a present cell; the filter has norm 1, so noise has height 1."""
        ordered = trace.sort().values
        last = len(ordered) - 1
        middle, high, low = (float(ordered[round(q * last)]) for q in (0.5, 0.995, 0.005))
        up, down = high - middle, middle - low
        if (max(up, down) < self.brightness) if self.signed else (up < max(self.brightness, self.one_sided * down)):
            return False
        if present is None:
            return True
        a, b = trace - trace.mean(), present - present.mean()
        return abs(float(a @ b)) <= self.misfit * float(a.norm() * b.norm()) + 1e-12


@dataclass(frozen=True)
class Patch:
    """A candidate: centre (row, column), its pixels (n,) with values (n,), and its gated trace (T,)."""

    centre: np.ndarray
    pixels: np.ndarray
    values: np.ndarray
    trace: Tensor


def maxima(image: np.ndarray, threshold: float, distance: float) -> np.ndarray:
    """(n, 2) local maxima above a threshold, highest first, no two closer than a distance (px)."""
    smooth = ndimage.gaussian_filter(image, 0.25 * distance)
    reach = int(np.ceil(distance))
    grid = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= distance
    top = (smooth == ndimage.maximum_filter(smooth, footprint=grid)) & (image >= threshold)
    found = np.argwhere(top)
    return found[np.argsort(-smooth[top], kind="stable")]


def around(centre: np.ndarray, size: tuple[int, int], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels within a radius of a centre and their offsets (n, 2), in C order."""
    reach = int(radius)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    y, x = rows + centre[0], columns + centre[1]
    inside = (rows**2 + columns**2 <= radius**2) & (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
    return (y * size[1] + x)[inside], np.stack([rows, columns], axis=1)[inside]


def connected(member: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The part of a set of pixels that is 8-connected to the centre."""
    reach = int(np.abs(offsets).max())
    image = np.zeros((2 * reach + 1, 2 * reach + 1), bool)
    image[tuple((offsets[member] + reach).T)] = True
    labels = ndimage.label(image, np.ones((3, 3)))[0]
    return member & (labels[tuple((offsets + reach).T)] == labels[reach, reach]) & bool(image[reach, reach])


def purest(traces: Tensor, where: np.ndarray, distance: float, purity: float) -> list[int]:
    """Successive projection: take the purest trace, project it out of all others nearby, repeat.

    Traces are scaled to a sum of 1 (of their sizes, if they are signed): a mixture is then shorter than the purest of its
    parts (Gillis 2014).

    Args:
        traces: (n, T) gated. where: (n, 2) px. distance: farthest neighbours (px).
        purity: stop at traces of which less than this part is left.
    """
    rest = traces / traces.abs().sum(dim=1, keepdim=True).clamp_min(1e-12)
    whole = rest.norm(dim=1).clamp_min(1e-30)
    alive = torch.ones(len(rest), dtype=torch.bool, device=rest.device)
    chosen: list[int] = []
    while bool(alive.any()):
        left = rest.norm(dim=1)
        alive &= left >= purity * whole
        if not bool(alive.any()):
            break
        best = int(torch.where(alive, left, torch.full_like(left, -1)).argmax())
        chosen.append(best)
        alive[best] = False
        near = torch.from_numpy(np.hypot(*(where - where[best]).T) <= distance).to(rest.device) & alive
        direction = rest[best] / left[best]
        rest[near] -= torch.outer(rest[near] @ direction, direction)
    return chosen


def fellows(traces: Tensor, where: np.ndarray, chosen: list[int], distance: float, correlation: float) -> list[dict[int, float]]:
    """Which patches make up the cell of each chosen one, whose soma may lie apart from its purest patch.

    Args:
        traces: (n, T). where: (n, 2) px. distance: farthest patches (px).
        correlation: of a patch's trace with the chosen one's, at least.

    Returns:
        for each chosen patch, the patches of its cell with their heights where its own is 1.
    """
    flat = traces - traces.mean(dim=1, keepdim=True)
    products = (flat @ flat[chosen].T).double().cpu().numpy()
    length = np.maximum(flat.norm(dim=1).double().cpu().numpy(), 1e-30)
    alike = products / np.outer(length, length[chosen])
    alike[np.hypot(*(where[:, None] - where[chosen]).transpose(2, 0, 1)) > distance] = 0
    alike[chosen] = np.eye(len(chosen))
    best = alike.argmax(axis=1)
    cells: list[dict[int, float]] = [{} for _ in chosen]
    for patch in np.flatnonzero(alike.max(axis=1) >= correlation).tolist():
        cells[best[patch]][patch] = float(products[patch, best[patch]] / length[chosen[best[patch]]] ** 2)
    return cells


def whole(patches: list[Patch], cell: dict[int, float], pixels: int) -> sparse.csc_array:
    """(P, 1) footprint of a cell whose patches have these heights; the higher one where two overlap."""
    footprint = sparse.csc_array((pixels, 1), dtype=np.float32)
    for which, height in cell.items():
        patch = patches[which]
        column = (np.float32(height) * patch.values, (patch.pixels, np.zeros(len(patch.pixels), np.int64)))
        footprint = footprint.maximum(sparse.csc_array(column, shape=footprint.shape))
    return sparse.csc_array(footprint)
