"""Sheets: traces of simulated cells, and of what is none, at one frame rate, with what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from detectnmf.errors import UserError
from detectnmf.seeds.windows import RATE, resample
from detectnmf.simulate.simulator import Simulator
from detectnmf.simulate.traces.base import TraceModel
from detectnmf.train.nuisances import nuisances
from detectnmf.train.ranges import Ranges

SLOW = 10.0  # s: what changes more slowly is drift, not noise
TRIES = 30
QUIET = 1e-3  # dF/F
SMALL = 0.1  # of a trace's highest value: smaller events do not say how bright a cell is


@dataclass(frozen=True)
class Sheet:
    """n traces.

    Args:
        traces: (n, T) as a recording gives them: any offset, any unit.
        rate: Hz.
        clean: (n, T') the cells' own fluorescence at 10 Hz in units of the noise there; 0 where there is no cell. See `noise`.
        spikes: (n, T) in each frame.
        cell: (n,) bool, whether it holds a cell that is active at least once.
        snr: (n,) height of the typical event (the median of the local maxima that are not small for this trace) over the noise of the
            trace as recorded, at its own rate; 0 where there is no cell, nan where it is not known.
    """

    traces: np.ndarray
    rate: float
    clean: np.ndarray
    spikes: np.ndarray
    cell: np.ndarray
    snr: np.ndarray


def events(clean: np.ndarray, least: float = 0.0) -> np.ndarray:
    """(T',) noise-free trace -> frames of its local maxima that stand out by `least`, and by a tenth of the trace's highest value."""
    padded = np.pad(clean, 1, constant_values=float(clean.min()))
    peaks, _ = find_peaks(padded, prominence=max(least, SMALL * float(clean.max())))
    return np.asarray(peaks - 1)


def noise(disturbance: np.ndarray, rate: float) -> np.ndarray:
    """(n, T), all that is not the cell -> (n,) its standard deviation about its own mean over 10 s, robust to outliers (MAD)."""
    fast = disturbance - uniform_filter1d(disturbance, round(SLOW * rate), axis=1, mode="nearest")
    return np.asarray(1.4826 * np.median(np.abs(fast - np.median(fast, axis=1, keepdims=True)), axis=1))


@dataclass(frozen=True)
class SheetSource:
    """Makes sheet number i; the same number always gives the same sheet.

    Args:
        simulator: its `rate` and its `activity`, after `ranges` were drawn, are used.
        ranges: knobs of the simulator drawn for each sheet.
        indicators: trace models beside the simulator's own; each sheet has one of them.
        kinetics: decay and rise of a model are wrong by up to this factor.
        firing: knobs of a model drawn for each sheet, from ... to, where it has them.
        snr: from ... to, of the cells; see `Sheet`.
        shot: up to this share of the noise at rest is of photons, whose variance grows with the fluorescence.
        disturbed: probability of each nuisance on each trace.
        seconds: from ... to, length of a sheet.
        traces: of a sheet.
        cells: share of the traces with a cell.
    """

    simulator: Simulator
    ranges: Ranges
    indicators: Mapping[str, TraceModel] = field(default_factory=dict)
    kinetics: float = 1.5
    firing: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    snr: tuple[float, float] = (0.5, 20.0)
    shot: float = 1.0
    disturbed: float = 0.15
    seconds: tuple[float, float] = (30.0, 90.0)
    traces: int = 48
    cells: float = 0.5
    seed: int = 0

    def __call__(self, number: int) -> Sheet:
        """Raises UserError where no model is slow enough for the rates."""
        rng = np.random.default_rng([self.seed, number])
        simulator = self.ranges(self.simulator, rng)
        models: list[TraceModel] = [simulator.activity, *self.indicators.values()]
        rate = float(simulator.rate)
        frames = int(np.ceil(rng.uniform(*self.seconds) * rate))
        with_cell = round(self.cells * self.traces)
        for _ in range(TRIES):
            model = self.vary(models[int(rng.integers(len(models)))], rng)
            try:
                active = model.draw(with_cell, frames, rate, rng)
                break
            except UserError as error:  # too fast for this rate
                reason = str(error)
        else:
            raise UserError(f"no trace model suits a rate of {rate:.3g} Hz ({reason}); raise training.ranges.rate")
        return self.sheet(active.traces, active.spikes, rate, model, rng)

    def vary(self, model: TraceModel, rng: np.random.Generator) -> TraceModel:
        """The model with its kinetics and firing drawn anew, as far as it has such knobs."""
        if not is_dataclass(model) or isinstance(model, type):
            return model
        names = {f.name for f in fields(model)}
        changed: dict[str, Any] = {}
        for knob in ("decay", "rise"):
            if knob in names:
                changed[knob] = getattr(model, knob) * float(np.exp(rng.uniform(-1, 1) * np.log(self.kinetics)))
        if {"decay", "rise"} <= names:
            changed["rise"] = min(changed["rise"], 0.9 * changed["decay"])
        for knob, (low, high) in self.firing.items():
            if knob in names:
                changed[knob] = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        return replace(model, **changed)  # type: ignore[type-var]

    def sheet(self, traces: np.ndarray, spikes: np.ndarray, rate: float, model: TraceModel, rng: np.random.Generator) -> Sheet:
        """Cells (m, T) in dF/F, and as many others as it takes, under noise and nuisances."""
        frames = traces.shape[1]
        fluorescence = np.zeros((self.traces, frames), np.float32)
        fluorescence[: len(traces)] = traces
        fired = np.zeros((self.traces, frames), np.uint16)
        fired[: len(traces)] = spikes
        level = float(np.sqrt(max(1.0, rate / RATE)))  # of the white noise, 1 at 10 Hz
        shot = rng.uniform(0, self.shot, (self.traces, 1))
        white = level * np.sqrt(1 + shot * np.clip(fluorescence, 0, 5)) * rng.standard_normal(fluorescence.shape)
        disturbance = (white + nuisances(self.traces, frames, rate, model, self.disturbed, rng)).astype(np.float32)
        clean = resample(fluorescence, rate)
        peaks = [row[events(row)] if row.max() > QUIET and shots.any() else row[:0] for row, shots in zip(clean, fired, strict=True)]
        cell = np.array([len(heights) > 0 for heights in peaks])
        typical = np.array([np.median(heights) if len(heights) else 1.0 for heights in peaks])
        snr = np.where(cell, np.exp(rng.uniform(np.log(self.snr[0]), np.log(self.snr[1]), self.traces)), 0.0)
        scale = (snr / typical * noise(disturbance, rate))[:, None]
        fired[~cell] = 0
        unit = np.exp(rng.normal(0, 2, (self.traces, 1)))
        offset = rng.uniform(-20, 200, (self.traces, 1))
        seen = unit * (offset + scale * fluorescence + disturbance)
        slow = scale * clean / noise(resample(disturbance, rate), RATE)[:, None]
        return Sheet(seen.astype(np.float32), rate, slow.astype(np.float32), fired, cell, snr)
