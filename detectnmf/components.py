"""`Components`: K cells. Truth and estimate are this one type; seeds are Components without traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Components:
    """K cells as sparse footprints and traces; `footprints @ traces` is in the recording's own units.

    Args:
        footprints: (P, K) CSC, pixels in C (row-major) order of `size`, each column's maximum is 1.
        size: (Y, X) px.
        traces: (K, T) float32, or None for seeds.
        score: (K,) in 0..1, how sure the finder is; ones when not given.
    """

    footprints: sparse.csc_array
    size: tuple[int, int]
    traces: np.ndarray | None = None
    score: np.ndarray | None = None

    def __post_init__(self) -> None:
        footprints = sparse.csc_array(self.footprints)
        pixels, cells = footprints.shape
        if pixels != self.size[0] * self.size[1]:
            raise ValueError(f"footprints have {pixels} rows, but size {self.size} has {self.size[0] * self.size[1]} pixels")
        traces = None if self.traces is None else np.asarray(self.traces)
        if traces is not None and (traces.ndim != 2 or len(traces) != cells):
            raise ValueError(f"traces must be (K, T) with K = {cells}, got {traces.shape}")
        score = np.ones(cells, np.float32) if self.score is None else np.asarray(self.score, np.float32)
        if score.shape != (cells,):
            raise ValueError(f"score must be ({cells},), got {score.shape}")
        object.__setattr__(self, "footprints", footprints)
        object.__setattr__(self, "traces", traces)
        object.__setattr__(self, "score", score)

    @classmethod
    def from_images(cls, images: np.ndarray, traces: np.ndarray | None = None, score: np.ndarray | None = None) -> Components:
        """From dense footprints (K, Y, X)."""
        cells, rows, columns = images.shape
        return cls(sparse.csc_array(images.reshape(cells, rows * columns).T.astype(np.float32)), (rows, columns), traces, score)

    @classmethod
    def empty(cls, size: tuple[int, int], frames: int | None = None) -> Components:
        traces = None if frames is None else np.zeros((0, frames), np.float32)
        return cls(sparse.csc_array((size[0] * size[1], 0), dtype=np.float32), size, traces)

    @classmethod
    def join(cls, parts: Sequence[Components]) -> Components:
        """All cells of the parts, in order; traces only if all parts have them."""
        footprints = sparse.csc_array(sparse.hstack([p.footprints for p in parts], format="csc"))
        traces = [p.traces for p in parts if p.traces is not None]
        joined = np.concatenate(traces) if len(traces) == len(parts) else None
        return cls(footprints, parts[0].size, joined, np.concatenate([p.score for p in parts if p.score is not None]))

    def __len__(self) -> int:
        return int(self.footprints.shape[1])

    def __getitem__(self, index: int | slice | np.ndarray | Sequence[int]) -> Components:
        """The chosen cells (integer, slice, mask or list of integers), again as Components."""
        chosen = np.arange(len(self))[index]
        chosen = np.atleast_1d(chosen)
        traces = None if self.traces is None else self.traces[chosen]
        assert self.score is not None
        return Components(self.footprints[:, chosen], self.size, traces, self.score[chosen])

    def images(self) -> np.ndarray:
        """Footprints as dense images (K, Y, X)."""
        return self.footprints.toarray().T.reshape(len(self), *self.size)

    def image(self, cell: int) -> np.ndarray:
        """One footprint as an image (Y, X)."""
        return self.footprints[:, [cell]].toarray().reshape(self.size)

    @property
    def centers(self) -> np.ndarray:
        """(K, 2) centres of mass, row and column in px; NaN for an empty footprint."""
        rows, columns = np.divmod(np.arange(self.footprints.shape[0]), self.size[1])
        mass = np.asarray(self.footprints.sum(axis=0)).ravel()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([self.footprints.T @ rows / mass, self.footprints.T @ columns / mass], axis=1)
