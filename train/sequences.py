"""Sequences: windows cut from sheets, with labels (sc-CNMF, §3.2: calcium events aligned to their peak, against everything else)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks
from torch import Tensor

from detectnmf.seeds.windows import LENGTH, PEAK, RATE, in_noise
from detectnmf.train.mixing import mixed
from detectnmf.train.sheets import Sheet, events

VALIDATION, CALIBRATION, TEST = 10**6, 2 * 10**6, 3 * 10**6  # first numbers of sheets that are never trained on
SMOOTH = 3  # frames


@dataclass(frozen=True)
class Sequences:
    """Windows (m, LENGTH) in units of noise, and labels (m,) of 1 for an event, 0 for none; `snr` (m,) of the event, 0 for none."""

    windows: Tensor
    labels: Tensor
    snr: Tensor


@dataclass(frozen=True)
class Cutting:
    """How windows are cut.

    An event is a local maximum of the noise-free fluorescence that stands out of its surroundings by `faint` units of noise at least, and
    by a tenth of the trace's highest value. A window with an event within `jitter` frames of its middle is positive. It is negative if
    nothing fired from `before` frames ahead of its middle to `after` frames behind. What lies between is not shown.

    Args:
        each: windows of either kind from a trace.
    """

    faint: float = 0.7
    jitter: int = 5
    before: int = 12
    after: int = 9
    each: int = 4

    @staticmethod
    def lookalikes(trace: np.ndarray) -> np.ndarray:
        """(T',) trace at 10 Hz -> frames of its most prominent peaks, highest first: what the best window of a trace would be."""
        smooth = uniform_filter1d(trace, SMOOTH, mode="nearest")
        peaks, _ = find_peaks(smooth - uniform_filter1d(smooth, LENGTH // 2, mode="nearest"), distance=LENGTH // 10)
        contrast = smooth[peaks] - uniform_filter1d(smooth, LENGTH // 2, mode="nearest")[peaks]
        return np.asarray(peaks[np.argsort(-contrast)])

    def __call__(self, sheet: Sheet, rng: np.random.Generator) -> Sequences:
        traces = in_noise(sheet.traces, sheet.rate)
        n, frames = traces.shape
        frames = min(frames, sheet.clean.shape[1])
        last = frames - LENGTH
        row: list[np.ndarray] = []
        first: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        size: list[np.ndarray] = []

        def take(trace: int, at: np.ndarray, label: int, snr: np.ndarray) -> None:
            row.append(np.full(len(at), trace))
            first.append(at)
            labels.append(np.full(len(at), label))
            size.append(snr)

        for trace in range(n):
            if sheet.cell[trace]:
                clean = sheet.clean[trace, :frames]
                peaks = events(clean, self.faint)
                at = peaks + rng.integers(-self.jitter, self.jitter + 1, len(peaks)) - PEAK
                good = np.flatnonzero((at >= 0) & (at <= last))
                good = rng.permutation(good)[: self.each]
                take(trace, at[good], 1, clean[peaks[good]])
            fired = np.unique(np.floor(np.flatnonzero(sheet.spikes[trace]) * (RATE / sheet.rate)).astype(int))
            busy = np.zeros(frames + 1, int)
            np.add.at(busy, np.clip(fired - self.after, 0, frames), 1)
            np.add.at(busy, np.clip(fired + self.before + 1, 0, frames), -1)
            free = np.cumsum(busy)[PEAK : PEAK + last + 1] == 0
            chosen = rng.permutation(np.flatnonzero(free))[: self.each]
            like = self.lookalikes(traces[trace, :frames].numpy()) + rng.integers(-self.jitter, self.jitter + 1) - PEAK
            like = like[(like >= 0) & (like <= last)]
            chosen = np.concatenate([chosen, like[free[like]][: self.each]])
            take(trace, chosen, 0, np.zeros(len(chosen)))
        begin, rows = torch.from_numpy(np.concatenate(first)), torch.from_numpy(np.concatenate(row))
        windows = traces[rows[:, None], begin[:, None] + torch.arange(LENGTH)]
        return Sequences(windows, torch.from_numpy(np.concatenate(labels)).float(), torch.from_numpy(np.concatenate(size)).float())


def gather(source: Callable[[int], Sheet], cutting: Cutting, sheets: int, first: int) -> Sequences:
    """The windows of a fixed set of sheets."""
    parts = [cutting(source(number), np.random.default_rng([number, 7])) for number in range(first, first + sheets)]
    return Sequences(*(torch.cat([getattr(part, name) for part in parts]) for name in ("windows", "labels", "snr")))


@dataclass(frozen=True)
class SequenceStream:
    """Batches without end: windows (batch, LENGTH) and labels (batch,), a third of them events, drawn from the last `window` sheets.

    Args:
        source: sheet number -> sheet. others: the same, of a user's own traces, for `share` of the sheets.
        batch: windows. window: sheets that are mixed. drawn: batches for each new sheet.
        start: batches that were seen already.
    """

    source: Callable[[int], Sheet]
    cutting: Cutting
    batch: int
    seed: int = 0
    window: int = 12
    drawn: int = 3
    others: Callable[[int], Sheet] | None = None
    share: float = 0.0
    start: int = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return mixed(self._made, self._draw, self.window, self.drawn, self.seed, self.start)

    def _made(self, first: int) -> Iterator[Sequences]:
        for number in count(first):
            rng = np.random.default_rng([self.seed, number, 11])
            make = self.others if self.others is not None and rng.random() < self.share else self.source
            yield self.cutting(make(number), rng)

    def _draw(self, sheets: Sequence[Sequences], rng: np.random.Generator) -> tuple[Tensor, Tensor] | None:
        windows, labels = (torch.cat([getattr(sheet, name) for sheet in sheets]) for name in ("windows", "labels"))
        without, events = ((labels == kind).nonzero()[:, 0] for kind in (0, 1))
        if not len(without) or not len(events):
            return None
        of_events = self.batch // 3
        asked = ((without, self.batch - of_events), (events, of_events))
        chosen = torch.cat([kind[torch.from_numpy(rng.integers(len(kind), size=n))] for kind, n in asked])
        return windows[chosen], labels[chosen]
