"""Which detections become seeds: those of one cell are averaged over frames; what repeats or merely adds up others is dropped.

maskNMF ("Component identification") keeps the surest detection and drops whatever is like it. A mean over the frames in which a cell was
seen has less noise and fewer pieces of other cells than any single one, and how often it was seen tells cells from chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import nnls

MAJORITY = 0.5  # a pixel belongs to a cell when so much of the weight of its detections says so
PART = 0.3  # a cell is part of a mixture when it gives at least this share of its norm


@dataclass(frozen=True)
class Candidates:
    """Detections, or groups of them.

    Args:
        footprints: (P, n) >= 0, of norm 1.
        seen: (n,) sum of the probabilities of the detections that each stands for: in how many frames it was rightly seen, on average.
    """

    footprints: sparse.csc_array
    seen: np.ndarray

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, chosen: np.ndarray) -> Candidates:
        return Candidates(sparse.csc_array(self.footprints[:, chosen]), self.seen[chosen])

    @property
    def probability(self) -> np.ndarray:
        """(n,) that at least one of the detections is right, were their number Poisson's."""
        return np.asarray(-np.expm1(-self.seen))

    @classmethod
    def together(cls, parts: list[Candidates], pixels: int) -> Candidates:
        if not parts:
            return cls(sparse.csc_array((pixels, 0), dtype=np.float32), np.zeros(0))
        footprints = sparse.csc_array(sparse.hstack([part.footprints for part in parts], format="csc"))
        return cls(footprints, np.concatenate([part.seen for part in parts]))


def group(found: Candidates, same: float) -> Candidates:
    """Detections of one cell, averaged: who has the most others like it leads, and takes those that are free.

    Args:
        same: least cosine with the leader.

    Returns:
        Groups, the most often seen first; footprints are means weighted by probability, without pixels that most of that weight
        leaves out.
    """
    if not len(found):
        return found
    cosine = sparse.csr_array(found.footprints.T @ found.footprints)
    cosine.data = np.where(cosine.data >= same, cosine.data, 0)
    cosine.eliminate_zeros()
    alike = sparse.csr_array((np.ones_like(cosine.data), cosine.indices, cosine.indptr), shape=cosine.shape)
    free = np.ones(len(found), bool)
    label = np.full(len(found), -1)
    leaders = 0
    for i in np.argsort(-(alike @ found.seen), kind="stable"):
        if not free[i]:
            continue
        members = alike.indices[alike.indptr[i] : alike.indptr[i + 1]]
        members = np.union1d(members[free[members]], [i])
        free[members], label[members] = False, leaders
        leaders += 1
    member = sparse.csc_array((found.seen, (np.arange(len(found)), label)), shape=(len(found), leaders))
    seen = np.asarray(member.sum(0)).ravel()
    lit = found.footprints.copy()
    lit.data = np.ones_like(lit.data)
    agreed = sparse.csc_array(lit @ member @ sparse.diags_array(1 / np.maximum(seen, 1e-20)))
    agreed.data = (agreed.data >= MAJORITY).astype(float)
    mean = sparse.csc_array((found.footprints @ member).multiply(agreed), dtype=np.float32)
    mean.eliminate_zeros()
    order = np.argsort(-seen, kind="stable")
    return Candidates(unit(mean), seen)[order]


def discounted(found: Candidates, levels: Sequence[np.ndarray]) -> Candidates:
    """Sightings count less where a candidate was overlooked in frames that show its place as bright: it may be a piece of another cell.

    Args:
        levels: for each candidate, how bright its footprint is in each frame that the network was shown, any scale.

    Returns:
        `seen` times the root of the share of those frames in which it was seen; of frames at least half as bright as the brightest, by
        level. (The share itself would cost cells whose frames are taken by brighter ones beside them.)
    """
    expected = np.ones(len(found))
    for i, level in enumerate(levels):
        relative = level / max(float(level.max(initial=0)), 1e-20)
        expected[i] = max(float(relative[relative > 0.5].sum()), 1.0)
    return replace(found, seen=found.seen * np.sqrt(np.minimum(1, found.seen / expected)))


def mixtures(found: Candidates, explained: float) -> np.ndarray:
    """(n,) True where a candidate is little but the sum of two or more that were seen more often: cells that were lit at once.

    Args:
        explained: least share of its squared norm that the others give together.
    """
    cosine = np.asarray((found.footprints.T @ found.footprints).toarray())
    mixed = np.zeros(len(found), bool)
    for i in np.argsort(found.seen, kind="stable"):
        others = np.flatnonzero((cosine[i] > 0.1) & ~mixed)
        others = others[others != i]
        if len(others) < 2:
            continue
        gram = cosine[np.ix_(others, others)]
        root = np.linalg.cholesky(gram + 1e-6 * np.eye(len(others)))
        weights, _ = nnls(root.T, np.linalg.solve(root, cosine[i, others]))
        share = 2 * weights @ cosine[i, others] - weights @ gram @ weights
        mixed[i] = share >= explained and int((weights > PART).sum()) >= 2
    return mixed


def distinct(footprints: sparse.csc_array, score: np.ndarray, t_real: float, t_bin: float) -> np.ndarray:
    """Greedy, best score first: keep what is unlike everything kept before, both as an image and as a mask.

    Args:
        footprints: (P, N) candidates, >= 0.
        score: (N,) confidence.
        t_real: most cosine between footprints.
        t_bin: most cosine between binary masks.

    Returns:
        Indices of the kept ones, best first.
    """
    count = footprints.shape[1]
    real = _cosines(footprints)
    flat = footprints.copy()
    flat.data = np.ones_like(flat.data)
    binary = _cosines(flat)
    taken = np.zeros(count, bool)
    kept = []
    for i in np.argsort(-score, kind="stable"):
        if taken[i]:
            continue
        kept.append(i)
        for cosine, limit in ((real, t_real), (binary, t_bin)):
            row = slice(cosine.indptr[i], cosine.indptr[i + 1])
            taken[cosine.indices[row][cosine.data[row] >= limit]] = True
    return np.array(kept, int)


def unit(footprints: sparse.csc_array) -> sparse.csc_array:
    """Columns of norm 1; an empty one stays so."""
    norm = np.sqrt(np.asarray(footprints.multiply(footprints).sum(0)).ravel())
    return sparse.csc_array(footprints @ sparse.diags_array(1 / np.maximum(norm, 1e-20)))


def _cosines(footprints: sparse.csc_array) -> sparse.csr_array:
    normal = unit(footprints)
    return sparse.csr_array(normal.T @ normal)
