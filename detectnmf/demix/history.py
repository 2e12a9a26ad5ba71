"""What happened in each iteration."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class History:
    """Collects one entry per iteration; revisions are booked on the iteration that follows them."""

    objective: list[float] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    structural: list[bool] = field(default_factory=list)
    merged: list[int] = field(default_factory=list)
    split: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    _pending: tuple[int, int, int] = (0, 0, 0)

    def add(self, objective: float, cells: int, structural: bool) -> None:
        self.objective.append(objective)
        self.cells.append(cells)
        self.structural.append(structural)
        self.merged.append(self._pending[0])
        self.split.append(self._pending[1])
        self.deleted.append(self._pending[2])
        self._pending = (0, 0, 0)

    def revised(self, merged: int, split: int, deleted: int) -> None:
        self._pending = (merged, split, deleted)

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "objective": np.asarray(self.objective, np.float64),
            "cells": np.asarray(self.cells, np.int64),
            "structural": np.asarray(self.structural, bool),
            "merged": np.asarray(self.merged, np.int64),
            "split": np.asarray(self.split, np.int64),
            "deleted": np.asarray(self.deleted, np.int64),
        }
