"""Whether two results of the same movie are the same: every number, or, where machines differ, the cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from scipy import sparse

from detectnmf.judge.match import NOBODY, assign, mask_overlap
from detectnmf.result import DemixResult
from detectnmf.sparse import SparseMatrix

OVERLAP = 0.5  # intersection over union from which two footprints are one cell's
FOUND = 0.99  # of the cells, and the traces' correlation, from which two results say the same


@dataclass(frozen=True)
class Comparison:
    """How two results compare.

    Args:
        differing: name of each array that is not the same, with the largest difference as a share of the first one's largest value;
            infinite where the shapes differ.
        arrays: compared in all.
        found: share of all cells, of both results, that the other has as well.
        correlation: median over these cells of their traces' correlation; NaN without any.
    """

    differing: dict[str, float]
    arrays: int
    found: float
    correlation: float

    @property
    def equal(self) -> bool:
        """Every number is the same, to the last bit."""
        return not self.differing

    @property
    def alike(self) -> bool:
        """99 % of the cells are in both, with traces that correlate by 0.99 (median): what rounding may change."""
        return self.equal or (self.found >= FOUND and (self.correlation >= FOUND or np.isnan(self.correlation)))


def compare(first: DemixResult, second: DemixResult) -> Comparison:
    """Everything but when, where and how fast it was computed."""
    before, after = (dict(arrays(result)) for result in (first, second))
    differing = {}
    for name in sorted({*before, *after}):
        gap = _gap(before.get(name), after.get(name))
        if gap:
            differing[name] = gap
    same_field = first.cells.size == second.cells.size
    partner = assign(mask_overlap(first.cells, second.cells).iou, OVERLAP) if same_field else np.full(len(first.cells), NOBODY)
    pairs = np.stack([np.arange(len(partner)), partner], axis=1)[partner != NOBODY]
    cells = len(first.cells) + len(second.cells)
    return Comparison(differing, len(before), 2 * len(pairs) / cells if cells else 1.0, _correlation(first, second, pairs))


def arrays(value: Any, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """All numbers of a result with their dotted names; `provenance` is left out."""
    if value is None or (name == "provenance"):
        return
    if isinstance(value, SparseMatrix):
        value = value.csr
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from arrays(item, f"{name}.{key}".strip("."))
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from arrays(getattr(value, part.name), f"{name}.{part.name}".strip("."))
    elif isinstance(value, (list, tuple)) and any(isinstance(item, np.ndarray) for item in value):
        for number, item in enumerate(value):
            yield from arrays(item, f"{name}.{number}")
    elif sparse.issparse(value):
        columns = sparse.csc_array(value)
        columns.sum_duplicates()
        yield from ((f"{name}.{part}", getattr(columns, part)) for part in ("data", "indices", "indptr"))
    else:
        yield name, np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _gap(before: np.ndarray | None, after: np.ndarray | None) -> float:
    if before is None or after is None or before.shape != after.shape:
        return np.inf
    if before.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(before, after) else np.inf
    if np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
        return 0.0
    both = np.isfinite(before) & np.isfinite(after)
    if not np.array_equal(np.isfinite(before), np.isfinite(after)) or not both.any():
        return np.inf
    scale = float(np.abs(before[both]).max()) or 1.0
    return float(np.abs(before[both].astype(np.float64) - after[both]).max()) / scale or np.inf


def _correlation(first: DemixResult, second: DemixResult, pairs: np.ndarray) -> float:
    before, after = first.cells.traces, second.cells.traces
    if not len(pairs) or before is None or after is None or before.shape[1] != after.shape[1]:
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [np.corrcoef(before[i], after[j])[0, 1] for i, j in pairs]
    return float(np.nanmedian(found))
