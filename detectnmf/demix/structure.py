"""Revisions: which pixels belong to which cell, and which components are cells at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from detectnmf.demix.absorb import absorb
from detectnmf.demix.grams import baseline
from detectnmf.demix.merge import merge
from detectnmf.demix.prune import doubtful
from detectnmf.demix.purify import purify
from detectnmf.demix.rest import projected
from detectnmf.demix.split import split
from detectnmf.demix.state import State, rows
from detectnmf.demix.supports import update
from detectnmf.traces.levels import noise_level, resting_level

FEW = 9  # pixels more than `most_area` allows: cells of one or two pixels blur into their neighbours


@dataclass(frozen=True)
class Revised:
    """The state after a revision, and how many components were merged (or absorbed), split and deleted."""

    state: State
    merged: int
    split: int
    deleted: int


@dataclass(frozen=True)
class Structure:
    """Supports, leaks, merging, splitting, deletion (maskNMF, appendix E to G; leaks and splitting go beyond).

    Args:
        support_keep: fraction of a cell's highest residual correlation at which a pixel of its support stays; for new ones it is given
            with each revision. Good seeds keep their shape, rough ones grow.
        growth_diameters: growth of a support per revision (cell diameters).
        extent_diameters: farthest pixel from a footprint's peak into which it grows (cell diameters).
        floor: noise left in each pixel of the denoised movie (units of noise).
        leak: a neighbour's share in a cell's trace is taken out from this part of the cell's energy on; above 1 none is.
        leak_quantile: of the ratios of two traces where the neighbour is bright that counts as the lowest.
        merge_correlation: touching cells merge only if their traces correlate so much ...
        merge_price: ... and the loss is below this part of the weaker cell's energy; 0 merges none.
        merge_twin: footprint cosine above which only the price counts.
        absorb_price: a cell goes when its neighbours' traces explain its own but for this part of the energy; 0 keeps all.
        absorb_diameters: how far the fragment of a cell may lie from the rest of it (cell diameters).
        split_price: a component becomes two where joining them would lose this part of the weaker one's energy; 0 splits none.
        split_correlation: of the two traces, at most.
        split_brightness: height of either one's peaks over the noise in the filter that separates the two, at least.
        least_correlation: a cell's highest residual correlation, at least.
        least_brightness: height of its peaks over the recording's noise in its matched filter, at least.
        least_area: number of pixels, as part of the area of a disc of the cell diameter, at least ...
        most_area: ... and, above 0.2 of the maximum, at most.
    """

    support_keep: float = 0.1
    growth_diameters: float = 0.25
    extent_diameters: float = 1.5
    floor: float = 0.1
    leak: float = 0.05
    leak_quantile: float = 0.1
    merge_correlation: float = 0.8
    merge_price: float = 0.15
    merge_twin: float = 0.9
    absorb_price: float = 0.2
    absorb_diameters: float = 1.0
    split_price: float = 0.15
    split_correlation: float = 0.7
    split_brightness: float = 6.0
    least_correlation: float = 0.2
    least_brightness: float = 3.0
    least_area: float = 0.05
    most_area: float = 5.0

    def __call__(
        self, state: State, size: tuple[int, int], std: np.ndarray, usable: np.ndarray, diameter: float, factor: float, signed: bool
    ) -> Revised:
        """One revision.

        Args:
            size: (Y, X). std: (P,) noise of each pixel. usable: (P,). diameter: px.
            factor: fraction of a cell's highest residual correlation that a new pixel must reach.
            signed: traces may fall below zero.
        """
        if not len(state.C):
            return Revised(state, 0, 0, 0)
        raw = relative_to_rest(state, signed)
        reach, extent = max(1, round(self.growth_diameters * diameter)), max(1.0, self.extent_diameters * diameter)
        if not signed and self.leak <= 1:
            pure = purify(state.footprints, raw, noise_level(raw), self.leak_quantile, self.leak, size, extent)
            if pure.pairs:
                raw, state = pure.C, replace(state, footprints=pure.footprints, C=pure.C.clamp_min(0))
        disc = np.pi / 4 * diameter**2
        found = update(state.target, state.footprints, state.C, size, usable, factor, reach, extent, self.floor, self.support_keep)
        peak = found.peak
        joined = merge(found.footprints, state.C, size, self.merge_correlation, self.merge_price, self.merge_twin)
        state, peak, raw = state.cells(joined.footprints, joined.C, joined.origin), peak[joined.origin], rows(raw, joined.origin)
        merged = joined.pairs
        far = max(1, round(self.absorb_diameters * diameter))
        joined = absorb(state.footprints, state.C, raw, noise_level(raw), size, self.absorb_price, far, disc)
        state, peak, merged = state.cells(joined.footprints, joined.C, joined.origin), peak[joined.origin], merged + joined.pairs
        least, most = max(1, round(self.least_area * disc)), round(self.most_area * disc) + FEW
        parts = 0
        if self.split_price > 0:
            parted = split(
                state.target,
                state.footprints,
                state.C,
                size,
                self.split_price,
                self.split_correlation,
                self.split_brightness,
                2 * least,
                signed,
            )
            state, peak, parts = state.cells(parted.footprints, parted.C, parted.origin), peak[parted.origin], parted.count
        gone = doubtful(state.footprints, state.C, peak, self.least_correlation, self.least_brightness, (least, most), std, signed)
        kept = np.flatnonzero(~gone)
        return Revised(state.cells(state.footprints[:, kept], rows(state.C, kept), kept), merged, parts, int(gone.sum()))


def relative_to_rest(state: State, signed: bool) -> Tensor:
    """(K, T) traces with what the residual says, around 0 where nothing happens."""
    A = state.A
    raw = projected(state.target, A, state.C, baseline(state.target, A, state.C))
    return raw - resting_level(raw, noise_level(raw), signed)[:, None]
