"""Reading recorded activity: Cascade's .mat, .npz, .npy, and results of earlier runs."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError

ENDINGS = (".mat", ".npz", ".npy", ".h5", ".hdf5")
SHORTEST = 8  # samples


@dataclass(frozen=True)
class Take:
    """One cell's recording.

    Args:
        trace: (T,) dF/F; None if only spikes were recorded.
        rate: Hz.
        spikes: (N,) s after the first sample; None if they were not recorded.
        duration: s.
        name: file, and which cell in it.
    """

    trace: np.ndarray | None
    rate: float
    spikes: np.ndarray | None
    duration: float
    name: str


def read(path: Path, rate: float | None) -> list[Take]:
    """All cells in a file, or in the files of a folder (its subfolders are left out).

    Args:
        path: a file or folder.
        rate: of traces in files that do not say (Hz).

    Raises:
        UserError: there is nothing there, or it cannot be read.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS)
        if not files:
            raise UserError(f"activity.path: the folder {path} holds no recordings ({', '.join(ENDINGS)}); subfolders are not looked into")
        return [take for file in files for take in read(file, rate)]
    if not path.is_file():
        raise UserError(f"activity.path: {path} is neither a file nor a folder")
    ending = path.suffix.lower()
    if ending == ".mat":
        takes = _mat(path)
    elif ending in (".npz", ".npy"):
        takes = _numpy(path, rate)
    elif ending in (".h5", ".hdf5"):
        takes = _result(path)
    else:
        raise UserError(f"activity.path: {path.name} is no recording that can be read ({', '.join(ENDINGS)})")
    if not takes:
        raise UserError(f"activity.path: {path} holds no cell")
    return takes


def _take(trace: np.ndarray | None, rate: float, spikes: np.ndarray | None, duration: float, name: str) -> Take:
    """Checked, gaps (NaN) bridged by straight lines."""
    if not (np.isfinite(rate) and rate > 0 and np.isfinite(duration) and duration > 0):
        raise UserError(f"activity.path: {name} must have a rate and a duration above 0, got {rate} Hz and {duration} s")
    if spikes is not None:
        spikes = np.sort(spikes[np.isfinite(spikes)])
        spikes = spikes[(spikes >= 0) & (spikes < duration)]
    if trace is not None:
        good = np.isfinite(trace)
        if not good.any():
            raise UserError(f"activity.path: the trace of {name} holds no finite value")
        if len(trace) < SHORTEST:
            raise UserError(f"activity.path: {name} has only {len(trace)} samples; give longer recordings")
        trace = np.interp(np.arange(len(trace)), np.flatnonzero(good), trace[good])
    return Take(trace, float(rate), spikes, float(duration), name)


def _unpack(value: Any) -> np.ndarray:
    """A MATLAB variable out of the cells it is wrapped in."""
    value = np.asarray(value)
    while value.dtype == object and value.size:
        value = np.asarray(value.flat[0])
    return value


def _mat(path: Path) -> list[Take]:
    """Cascade: variable CAttached, for each recording a struct of fluo_time (s), fluo_mean (dF/F), events_AP (1e-4 s)."""
    from scipy.io import loadmat

    try:
        held = loadmat(path, variable_names=["CAttached"])
    except NotImplementedError:
        raise UserError(f"activity.path: {path} is MATLAB 7.3; save it with -v7") from None
    except Exception as error:  # scipy raises whatever a damaged file leads to
        raise UserError(f"activity.path: {path} cannot be read as a .mat file ({type(error).__name__}: {error})") from error
    if "CAttached" not in held:
        raise UserError(f"activity.path: {path} has no variable CAttached; give a .mat file as Cascade's ground truth has them")
    takes = []
    for number, cell in enumerate(held["CAttached"].flat):
        name, fields = f"{path.name} ({number + 1})", _unpack(cell)
        for field in ("fluo_time", "fluo_mean", "events_AP"):
            if field not in (fields.dtype.names or ()):
                raise UserError(f"activity.path: CAttached in {name} has no field {field}")
        time, trace, spikes = (_unpack(fields[field]).astype(float).ravel() for field in ("fluo_time", "fluo_mean", "events_AP"))
        if len(time) != len(trace) or len(time) < SHORTEST or not (np.diff(time) > 0).all():
            raise UserError(f"activity.path: fluo_time of {name} must increase and have one value for each of fluo_mean")
        step = float(np.median(np.diff(time)))
        even = np.arange(time[0], time[-1] + step / 2, step)  # lost frames leave gaps in the times
        good = np.isfinite(trace)
        trace = np.interp(even, time[good], trace[good]) if good.any() else np.full(len(even), np.nan)
        takes.append(_take(trace, 1 / step, spikes * 1e-4 - time[0], len(even) * step, name))
    return takes


def _numpy(path: Path, rate: float | None) -> list[Take]:
    """Arrays `traces` (K, T) with `rate` (Hz), `spikes` (N, 2) with a cell's number and a time (s) in each row, and `duration` (s)."""
    try:
        with path.open("rb") as file:
            opened = np.load(file, allow_pickle=False)
            names = ("traces", "spikes", "rate", "duration")
            whole = {"traces": opened} if isinstance(opened, np.ndarray) else {name: opened[name] for name in names if name in opened}
            held = {name: values.astype(float) for name, values in whole.items()}
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"activity.path: {path} cannot be read ({error})") from error
    traces = np.atleast_2d(held["traces"]) if "traces" in held else None
    if traces is not None and traces.ndim != 2:
        raise UserError(f"activity.path: traces in {path} must be (K, T), got {traces.shape}")
    spikes = held.get("spikes")
    if spikes is not None and (spikes.ndim != 2 or spikes.shape[1] != 2):
        raise UserError(f"activity.path: spikes in {path} must be (N, 2), the number of a cell and a time in s, got {spikes.shape}")
    if "rate" in held:
        rate = float(held["rate"].flat[0])
    if traces is None and spikes is None:
        raise UserError(f"activity.path: {path} has neither traces (K, T) nor spikes (N, 2)")
    if traces is None:
        assert spikes is not None
        cells, rate, duration = int(spikes[:, 0].max(initial=-1)) + 1, 1.0, float(held.get("duration", spikes[:, 1].max(initial=0)))
    elif rate is None:
        raise UserError(f"activity.rate must be given (Hz): {path.name} does not say the rate of its traces")
    else:
        cells, duration = len(traces), traces.shape[1] / max(rate, 1e-9)
    takes = []
    for cell in range(cells):
        fired = None if spikes is None else spikes[spikes[:, 0] == cell, 1]
        takes.append(_take(None if traces is None else traces[cell], rate, fired, duration, f"{path.name} ({cell + 1})"))
    return takes


def _result(path: Path) -> list[Take]:
    """Traces of an earlier run over the baseline under each footprint, a·b / a·a: dF/F, diluted by what else glows there."""
    from detectnmf.result import load

    result = load(path)
    cells, spikes = result.cells, result.history.get("spikes")
    if cells.traces is None:
        raise UserError(f"activity.path: {path} holds no traces")
    footprints = cells.footprints
    under = np.asarray(footprints.T @ result.baseline.ravel()) / np.maximum(
        np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel(), 1e-12
    )
    if not (under > 0).all():
        raise UserError(f"activity.path: the baseline in {path} is not above 0 under each cell, so that there is no dF/F")
    takes = []
    for cell, trace in enumerate(np.asarray(cells.traces, float)):
        times = None
        if spikes is not None and spikes.shape == cells.traces.shape:
            frames = np.arange(len(trace))
            times = (np.repeat(frames, spikes[cell].astype(np.int64)) + 0.5) / result.rate
        takes.append(_take(trace / under[cell], result.rate, times, len(trace) / result.rate, f"{path.name} ({cell + 1})"))
    return takes
