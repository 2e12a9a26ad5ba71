"""`DemixResult`: what a run found, or what a simulation put in. One HDF5 file, which opens without the movie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.event_table import EventTable
from detectnmf.registration import Registration
from detectnmf.signals import Signals


@dataclass(frozen=True)
class DemixResult:
    """Cells and all that explains the rest of the movie. A simulated truth is the same type.

    movie ≈ baseline + footprints @ traces + background, in the recording's own units. What was found but not kept is set apart in
    `rejected`; its part of the movie is in none of the others.

    Args:
        cells: K cells with traces, those that were kept.
        baseline: (Y, X) static background.
        background: the fluctuating background as a low-rank movie with mean 0.
        movie: the compressed movie that was demixed; None in a truth.
        quality: one (K,) array for each measure (see `judge` and docs/quality.md).
        history: what happened in each iteration: name -> array.
        provenance: version, resolved configuration, seed, device, input and its hash, timings, notes.
        rate: Hz. pixel_size: µm.
        rejected: components that the judge did not keep; none when not given.
        rejected_quality: the same measures of theirs; `reason` says why each was not kept.
        registration: how the recording moved; None where nothing did, or nobody looked.
        seeding: pixels (n,), in C order, at which each finder, or each of its steps, saw a cell, by its name; in the order of use.
        signals: what the cells' traces say: raw, dF/F, denoised, spikes; None in a truth, or when they were not read.
        events: dips and surges, where they were looked for or simulated.
    """

    cells: Components
    baseline: np.ndarray
    background: Compressed
    movie: Compressed | None = None
    quality: dict[str, np.ndarray] = field(default_factory=dict)
    history: dict[str, np.ndarray] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    rate: float = 30.0
    pixel_size: float = 1.0
    name: str = "movie"
    rejected: Components = None  # type: ignore[assignment]  # none of the field's size: filled in below
    rejected_quality: dict[str, np.ndarray] = field(default_factory=dict)
    seeding: dict[str, np.ndarray] = field(default_factory=dict)
    signals: Signals | None = None
    registration: Registration | None = None
    events: EventTable | None = None

    def __post_init__(self) -> None:
        if self.rejected is None:
            frames = None if self.cells.traces is None else self.cells.traces.shape[1]
            object.__setattr__(self, "rejected", Components.empty(self.cells.size, frames))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, Y, X)."""
        return self.background.shape

    def save(self, path: str | Path) -> None:
        """Write one HDF5 file, whole or not at all."""
        from detectnmf.io.store import save_result

        save_result(self, Path(path))


def load(path: str | Path) -> DemixResult:
    """Open a result.h5 or a simulated truth.h5.

    Raises:
        UserError: missing, not HDF5, not written by detectnmf, or of a newer schema.
    """
    from detectnmf.io.store import load_result

    return load_result(Path(path))
