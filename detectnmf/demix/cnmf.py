"""Constrained NMF (Pnevmatikakis et al. 2016): footprints as sparse as the noise allows, traces that an indicator can follow.

Space: for each pixel the least sum of weights whose residual is the pixel's noise (`pursuit`). Time: each trace, less all others, is
deconvolved down to its noise (`traces`). Then the background on the residual, and merging. Nothing but the cell diameter is to be chosen:
the noise, by the power spectrum, stands for the penalties.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse

from detectnmf.background.base import Background
from detectnmf.background.coarse import Remembered
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.base import Demixed
from detectnmf.demix.colour import classes
from detectnmf.demix.grams import Target, baseline, centred, objective
from detectnmf.demix.hals import normalise, spatial, temporal
from detectnmf.demix.history import History
from detectnmf.demix.merge import merge
from detectnmf.demix.model import Model
from detectnmf.demix.pattern import Pattern
from detectnmf.demix.prune import brightness
from detectnmf.demix.pursuit import pursue
from detectnmf.demix.residual import usable
from detectnmf.demix.start import extend, join
from detectnmf.demix.state import State, rows
from detectnmf.demix.supports import dilate, entries, islands
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix
from detectnmf.traces import spectrum
from detectnmf.traces.oasis import Oasis

FIRST_SWEEPS, SETTLED = 50, 1e-3  # of new traces, before footprints are touched
ROUNDS, SWEEPS = 5, 2  # of HALS on seeds
PROBLEMS = 2**15  # entries of pixels' Gram matrices that are solved at a time


@dataclass(frozen=True)
class CNMF:
    """Noise-constrained footprints, deconvolved traces, in turns.

    Args:
        iterations: of space, background, merging, time, at most.
        tolerance: relative change of the squared residual below which it stands still.
        traces: deconvolves; its penalty is the noise.
        growth_diameters: by how much a footprint may grow in each iteration (cell diameters).
        reach_diameters: farthest pixel from its peak (cell diameters), of which the connected part around the peak stays; None
            sets no bound: for dendrites, which may be anywhere.
        merge_correlation: overlapping components merge if their traces correlate so much ...
        merge_price: ... and joining them loses less than this part of the weaker one's energy.
        least_brightness: height of a component's peaks over the noise in its matched filter, at least.
        smallest: pixels of a seed below this fraction of its maximum are left out.
    """

    iterations: int = 8
    tolerance: float = 1e-3
    traces: Oasis = field(default_factory=Oasis)
    growth_diameters: float = 0.25
    reach_diameters: float | None = 1.5
    merge_correlation: float = 0.8
    merge_price: float = 0.15
    least_brightness: float = 3.0
    smallest: float = 0.05
    _noise: Remembered[np.ndarray] = field(default_factory=Remembered, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise UserError(f"demix.iterations must be at least 1, got {self.iterations}")
        if not hasattr(self.traces, "sharing"):
            raise UserError("demix=cnmf deconvolves its traces as it goes; leave out traces=none")
        if self.reach_diameters is not None and not self.reach_diameters > 0:
            raise UserError(f"demix.reach_diameters must be above 0, got {self.reach_diameters}; null for components that may be anywhere")

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        good = usable(movie)
        noise = self._noise(movie, None, lambda: noise_left(movie, runtime))
        score = extend(model.score, torch.from_numpy(np.asarray(seeds.score, np.float32)))
        C = extend(model.C, torch.zeros((len(seeds), len(movie))))
        state = State(join(model, seeds, good, self.smallest), C, score, Target.of(movie, model.B), model.B)
        state = self._background(movie, state, diameter, runtime, background)
        state = self._in_time(movie, refined(movie, state))
        history, last = History(), np.inf
        for _ in runtime.progress(range(self.iterations), "demix", self.iterations):
            if not len(state.C):
                break
            before = len(state.C)
            state = replace(state, footprints=self._in_space(movie, state, noise, good, diameter, runtime))
            state = self._alive(self._background(movie, state, diameter, runtime, background))
            gone, joined = before - len(state.C), 0
            if len(state.C):
                merged = merge(state.footprints, state.C, movie.size, self.merge_correlation, self.merge_price, 0.9)
                state, joined = state.cells(merged.footprints, merged.C, merged.origin), merged.pairs
                state = self._in_time(movie, state)
            history.revised(joined, 0, gone)
            now = objective(state.target, state.A, state.C, baseline(state.target, state.A, state.C))
            history.add(now / (max(int(good.sum()), 1) * len(movie)), len(state.C), True)
            if abs(last - now) <= self.tolerance * now and not joined:
                break
            last = now
        if not history.cells:
            now = objective(state.target, state.A, state.C, baseline(state.target, state.A, state.C))
            history.add(now / (max(int(good.sum()), 1) * len(movie)), len(state.C), True)
        state = self._alive(state)
        footprints, C = normalise(state.footprints, state.C)
        A = SparseMatrix(footprints, movie.device)
        return Demixed(Model(A, C, baseline(state.target, A, C), state.B, state.score), history.arrays())

    def _background(self, movie: Compressed, state: State, diameter: float, runtime: Runtime, background: Background) -> State:
        """The background on what the cells leave."""
        B = background(movie, state.model(), diameter, runtime)
        return replace(state, target=Target.of(movie, B), B=B)

    def _in_time(self, movie: Compressed, state: State, sweeps: int = 2) -> State:
        """Each trace less all others, deconvolved; cells that share no pixel at once."""
        if not len(state.C):
            return state
        A, C = state.A, state.C.clone()
        At = A.T
        shared = sparse.csr_array(At.csr @ A.csr)
        power = torch.from_numpy(np.maximum(shared.diagonal(), 1e-30).astype(np.float32)).to(C.device)
        wanted = SparseMatrix(At.csr @ state.target.U.csr, A.device) @ state.target.V
        valid = None if movie.bad_frames is None else ~movie.bad_frames
        first = centred(C) + (wanted - SparseMatrix(shared, A.device) @ centred(C)) / power[:, None]
        reader = self.traces.sharing(first.cpu().numpy(), movie.rate, valid)
        for _ in range(sweeps):
            for group in classes(state.footprints):
                chosen = torch.from_numpy(group).to(C.device)
                rest = wanted[chosen] - SparseMatrix(shared[group], A.device) @ centred(C)
                raw = centred(C[chosen]) + rest / power[chosen][:, None]
                found = reader.read(raw.cpu().numpy(), movie.rate, valid=valid).denoised
                C[chosen] = torch.from_numpy(np.ascontiguousarray(found, np.float32)).to(C.device)
        return replace(state, C=C)

    def _in_space(
        self, movie: Compressed, state: State, noise: np.ndarray, good: np.ndarray, diameter: float, runtime: Runtime
    ) -> sparse.csc_array:
        """(P, K) footprints on supports that have grown."""
        grown = self._grown(state.footprints, movie.size, good, diameter)
        pattern = Pattern.of(grown, movie.U, len(movie))
        C = centred(state.C)
        products = pattern.at_entries(state.target.V, C).double().cpu().numpy()
        gram = sparse.csr_array(
            (pattern.neighbours.sample(C, C, torch.float64).cpu().numpy(), pattern.graph.indices, pattern.graph.indptr),
            shape=pattern.graph.shape,
        )
        values = np.zeros(len(pattern.pixels))
        most = noise**2 * len(movie)
        for seats in side_by_side(pattern.pixels):
            candidates = pattern.cells[seats]
            pairs = gram[np.repeat(candidates, seats.shape[1], axis=1).ravel(), np.tile(candidates, (1, seats.shape[1])).ravel()]
            pixels = pattern.pixels[seats[:, 0]]
            found = np.asarray(pairs.todense() if sparse.issparse(pairs) else pairs).reshape(*seats.shape, seats.shape[1])
            values[seats] = pursue(found, products[seats], state.target.energies[pixels], most[pixels])
        footprints = sparse.csc_array(pattern.matrix(torch.from_numpy(values.astype(np.float32))))
        footprints.eliminate_zeros()
        return footprints if self.reach_diameters is None else around_peak(footprints, movie.size)

    def _grown(self, footprints: sparse.csc_array, size: tuple[int, int], good: np.ndarray, diameter: float) -> sparse.csc_array:
        """Supports one step larger, on usable pixels, no farther from the peak than they may reach."""
        found = dilate(footprints, size, max(1, round(self.growth_diameters * diameter)))
        pixels, cells = entries(found)
        keep = good[pixels]
        if self.reach_diameters is not None:
            y, x = np.divmod(pixels, size[1])
            row, column = np.divmod(peaks(footprints), size[1])
            keep &= np.hypot(y - row[cells], x - column[cells]) <= max(1.0, self.reach_diameters * diameter)
        return sparse.csc_array((np.ones(int(keep.sum()), np.float32), (pixels[keep], cells[keep])), shape=found.shape)

    def _alive(self, state: State) -> State:
        """Without components that became empty, constant or too dim."""
        footprints = sparse.csc_array(state.footprints)
        alive = (np.diff(footprints.indptr) > 0) & (brightness(footprints, state.C) >= self.least_brightness)
        kept = np.flatnonzero(alive)
        return state.cells(sparse.csc_array(footprints[:, kept]), rows(state.C, kept), kept)


def refined(movie: Compressed, state: State) -> State:
    """A few rounds of HALS on the supports as they are: a greedy seed holds something of its neighbours."""
    C = temporal(state.target, state.A, state.C, classes(state.footprints), FIRST_SWEEPS, SETTLED)
    pattern = Pattern.of(state.footprints, movie.U, len(movie))
    values = pattern.values(state.footprints)
    for _ in range(ROUNDS if len(C) else 0):
        values = spatial(state.target, pattern, values, C, SWEEPS)
        C = temporal(state.target, pattern.footprints(values), C, pattern.colours, SWEEPS)
    return replace(state, footprints=pattern.matrix(values), C=C)


def noise_left(movie: Compressed, runtime: Runtime) -> np.ndarray:
    """(P,) standard deviation of the noise in each pixel of U V, by its power spectrum: what compression left of it (units of noise)."""
    found = np.zeros(movie.size[0] * movie.size[1])
    lively = np.flatnonzero(usable(movie))
    step = runtime.batch(len(movie) * 8 * 4, most=max(1, spectrum.SAMPLES // len(movie)))
    for first in range(0, len(lively), step):
        some = lively[first : first + step]
        dense = SparseMatrix(movie.U.csr[some], movie.device) @ movie.V
        found[some] = spectrum.noise_of(dense.cpu().numpy())
    return found


def side_by_side(pixels: np.ndarray) -> list[np.ndarray]:
    """Entries of a pattern by pixel: arrays (n, m), each row the entries of a pixel that holds m of them, a few thousand at a time."""
    order = np.argsort(pixels, kind="stable")
    starts = np.flatnonzero(np.diff(pixels[order], prepend=-1))
    count = np.diff(starts, append=len(order))
    found = []
    for width in np.unique(count).tolist():
        alike = starts[count == width]
        step = max(1, PROBLEMS // width**2)
        found += [order[alike[i : i + step, None] + np.arange(width)] for i in range(0, len(alike), step)]
    return found


def peaks(footprints: sparse.csc_array) -> np.ndarray:
    """(K,) brightest pixel of each footprint; 0 for an empty one."""
    seats = seats_of_peaks(footprints)
    return np.where(seats < 0, 0, np.append(footprints.indices, 0)[seats])


def seats_of_peaks(footprints: sparse.csc_array) -> np.ndarray:
    """(K,) which entry of each footprint is the highest; -1 for an empty one."""
    return np.array([a + footprints.data[a:z].argmax() if z > a else -1 for a, z in pairwise(footprints.indptr)], np.int64)


def around_peak(footprints: sparse.csc_array, size: tuple[int, int]) -> sparse.csc_array:
    """The part of each footprint that is connected to its peak."""
    if not footprints.nnz:
        return footprints
    pixels, cells = entries(footprints)
    label = islands(pixels, cells, size)
    keep = label == label[seats_of_peaks(footprints)][cells]
    return sparse.csc_array((footprints.data[keep], (pixels[keep], cells[keep])), shape=footprints.shape)
