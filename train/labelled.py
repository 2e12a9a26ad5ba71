"""A user's own labelled traces as sheets, to be trained on beside simulated ones."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from detectnmf.errors import UserError
from detectnmf.seeds.windows import RATE, check_traces, in_noise
from detectnmf.traces.levels import resting_level
from detectnmf.train.sheets import Sheet

CLEAR = 3.0  # units of noise: what is lower in a smoothed trace is no event to be sure of
SMOOTHING = 1.5  # frames at 10 Hz, SD of the Gaussian under which peaks are read
AFTER = 2.0  # s after a spike in which its peak is sought


@dataclass(frozen=True)
class LabelledTraces:
    """Sheets drawn from a file.

    An .npz with `traces` (K, T) and `rate` (Hz), and with `spikes` (N, 2), the number of a cell and a time in s in each row, or with
    `labels` (K,), 1 for a cell and 0 for none. With spikes, the events are the peaks that follow them, and what is far from any is none.
    With labels alone, the clear peaks of the cells are events; of what is no cell, everything is none.

    Args:
        most: traces of a sheet.
    """

    path: Path
    most: int = 48
    seed: int = 0

    def __call__(self, number: int) -> Sheet:
        """Some of the traces, chosen at random.

        Raises:
            UserError: the file cannot be used.
        """
        whole = self.all
        chosen = np.random.default_rng([self.seed, number, 17]).permutation(len(whole.traces))[: self.most]
        parts = (one[chosen] for one in (whole.clean, whole.spikes, whole.cell, whole.snr))
        return Sheet(whole.traces[chosen], whole.rate, *parts)

    @cached_property
    def all(self) -> Sheet:
        """The whole file."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                held = {name: file[name] for name in ("traces", "rate", "labels", "spikes") if name in file}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"training.traces: {self.path} cannot be read as .npz ({error})") from None
        if "traces" not in held or "rate" not in held or not {"labels", "spikes"} & set(held):
            raise UserError(
                f"training.traces: {self.path} must hold traces (K, T), rate (Hz), and labels (K,) or spikes (N, 2); "
                f"it holds: {', '.join(held) or 'nothing of these'}"
            )
        rate = float(held["rate"].flat[0])
        traces = check_traces(held["traces"], rate)
        spikes = self._spikes(held, (len(traces), traces.shape[1]), rate)
        slow = in_noise(traces, rate)
        smooth = gaussian_filter1d(slow.numpy() - resting_level(slow, slow.new_ones(len(slow))).numpy()[:, None], SMOOTHING, axis=1)
        clean = np.where(smooth > CLEAR, smooth, 0).astype(np.float32)
        cell = np.asarray(spikes.any(axis=1))
        if "spikes" in held:
            near = np.zeros_like(clean, bool)
            for trace, fired in enumerate(spikes):
                first = (np.flatnonzero(fired) * (RATE / rate)).astype(int)
                for later in range(round(AFTER * RATE)):
                    near[trace, np.minimum(first + later, near.shape[1] - 1)] = True
            clean[~near] = 0
        clean[~cell] = 0
        return Sheet(traces, rate, clean, spikes, cell, np.full(len(traces), np.nan))

    def _spikes(self, held: dict[str, np.ndarray], size: tuple[int, int], rate: float) -> np.ndarray:
        """(K, T) spikes in each frame; where only labels are known, any frame of a cell may hold one."""
        fired = np.zeros(size, np.uint16)
        if "spikes" in held:
            rows = np.asarray(held["spikes"], float)
            if rows.ndim != 2 or rows.shape[1] != 2 or not ((rows[:, 0] >= 0) & (rows[:, 0] < size[0])).all():
                raise UserError(f"training.traces: spikes in {self.path} must be (N, 2), a cell from 0 to {size[0] - 1} and a time in s")
            frame = np.floor(rows[:, 1] * rate).astype(int)
            inside = (frame >= 0) & (frame < size[1])
            np.add.at(fired, (rows[inside, 0].astype(int), frame[inside]), 1)
            return fired
        labels = np.asarray(held["labels"]).ravel()
        if len(labels) != size[0]:
            raise UserError(f"training.traces: {self.path} has {size[0]} traces and {len(labels)} labels")
        fired[labels.astype(bool)] = 1
        return fired
