"""AR(1) deconvolution, exact and of many cells at once, by pooling adjacent violators (OASIS: Friedrich, Zhou & Paninski 2017).

min over c of ½ Σ_t (y_t − c_t)² + λ Σ_t s_t, s_t = c_t − g·c_{t−1} >= 0, is an isotonic regression: c is a row of pools, each of which
starts at a value v and decays, and any two neighbours of which the later one starts below what the earlier one has decayed to are one pool
of the optimum. This holds for every such pair at once, in whatever order. So all cells and all frames are pooled together, all violators in
a round, as sums over runs in a flat list; where few are left, only what changed in the last round is looked at.

Frames without data are left out of the list: only differences of frame numbers enter. A spike then costs λ times the share of its transient
that is seen, so that pools, as λ grows, still only join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

FEW = 16  # one in so many boundaries still violates: look at what changed alone
ARRAYS = ("cell", "start", "data", "norm", "price")
SAMPLES = 1 << 18  # pooled at a time at first, so that they stay in the processor's cache
STEPS = 100  # of the search for a penalty, at most
STILL = 1e-9  # relative change of a penalty that is found


@dataclass(frozen=True)
class Pools:
    """n pools of K cells, cell by cell in order of time.

    Args:
        cell: (n,) whose. start: (n,) first frame.
        data: (n,) Σ gᵏ y over its frames, k after its start. norm: (n,) Σ g²ᵏ. price: (n,) Σ gᵏ ∂(Σ s)/∂c.
        decay: (K,) log g.
    """

    cell: np.ndarray
    start: np.ndarray
    data: np.ndarray
    norm: np.ndarray
    price: np.ndarray
    decay: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, g: np.ndarray, valid: np.ndarray | None = None) -> Pools:
        """Each frame of (K, T) traces a pool, then pooled without penalty; g (K,) in (0, 1); valid (T,) or None for all."""
        frames = np.arange(y.shape[1]) if valid is None else np.flatnonzero(valid)
        decay, step = np.log(g), max(1, SAMPLES // max(len(frames), 1))
        parts = [cls._unit(y, frames, first, min(first + step, len(y)), decay).pooled(roughly=True) for first in range(0, len(y), step)]
        if not parts:
            return cls(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0), decay)
        return cls.joined(parts).pooled()

    @classmethod
    def joined(cls, parts: Sequence[Pools]) -> Pools:
        """All pools of the parts, in order of cells."""
        fields = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
        order = np.argsort(fields["cell"], kind="stable")
        return cls(**{name: field[order] for name, field in fields.items()}, decay=parts[0].decay)

    @classmethod
    def _unit(cls, y: np.ndarray, frames: np.ndarray, first: int, stop: int, decay: np.ndarray) -> Pools:
        cells, count = stop - first, len(frames)
        price = np.repeat(1 - np.exp(decay[first:stop]), count).reshape(cells, count)
        price[:, frames == y.shape[1] - 1] = 1  # the last one does not decay any more
        data = y[first:stop][:, frames] if count < y.shape[1] else y[first:stop]
        return cls(
            np.repeat(np.arange(first, stop, dtype=np.int32), count),
            np.tile(frames.astype(np.int32), cells),
            np.asarray(data, np.float64).ravel(),
            np.ones(cells * count),
            price.ravel(),
            decay,
        )

    def __len__(self) -> int:
        return len(self.cell)

    def values(self, penalty: np.ndarray | None = None) -> np.ndarray:
        """(n,) at which each pool starts, negative ones too; penalty λ (K,)."""
        return (self.data if penalty is None else self.data - penalty[self.cell] * self.price) / self.norm

    def faded(self) -> np.ndarray:
        """(n − 1,) by how much each pool has decayed when the next one starts; NaN where that is another cell's."""
        frames = np.where(self.cell[1:] == self.cell[:-1], self.start[1:] - self.start[:-1], np.nan)
        return np.asarray(np.exp(self.decay[self.cell[1:]] * frames))

    def jumps(self, penalty: np.ndarray | None = None) -> np.ndarray:
        """(n,) spike at the start of each pool; at a cell's first one the value itself."""
        values = np.maximum(self.values(penalty), 0)
        found = values.copy()
        found[1:] -= np.nan_to_num(self.faded() * values[:-1])
        return found

    def merged(self, joins: np.ndarray) -> Pools:
        """Pool i + 1 joined to the one before it, where joins (n − 1,) says so."""
        heads = np.flatnonzero(np.concatenate([[True], ~joins]))
        lengths = np.diff(np.append(heads, len(self)))
        weight = np.exp(self.decay[self.cell] * (self.start - np.repeat(self.start[heads], lengths)))
        data, price = (np.add.reduceat(weight * part, heads) for part in (self.data, self.price))
        norm = np.add.reduceat(weight * weight * self.norm, heads)
        return Pools(self.cell[heads], self.start[heads], data, norm, price, self.decay)

    def pooled(self, penalty: np.ndarray | None = None, roughly: bool = False) -> Pools:
        """Until no neighbours violate; roughly: until few do. Pools that were joined at a smaller penalty are a valid start."""
        pools = self
        while len(pools) > 1:
            values = pools.values(penalty)
            joins = values[1:] <= pools.faded() * values[:-1]  # never where that is NaN
            count = int(joins.sum())
            if not count:
                return pools
            if count * FEW < len(pools):
                return pools if roughly else pools._chased(joins, penalty)
            pools = pools.merged(joins)
        return pools

    def _chased(self, joins: np.ndarray, penalty: np.ndarray | None) -> Pools:
        """The same as `pooled`, in a linked list of which only the neighbours of what has just grown are looked at."""
        count = len(self)
        before, after = np.arange(-1, count - 1), np.arange(1, count + 1)
        start, cell, decay = self.start.astype(np.int64), self.cell, self.decay[self.cell]
        data, norm, price = self.data.copy(), self.norm.copy(), self.price.copy()
        fine = np.zeros(count) if penalty is None else penalty[cell]
        alive = np.ones(count, bool)
        right = np.flatnonzero(joins) + 1  # the later pool of each violating pair, ascending
        while len(right):
            left = before[right]
            begins = np.flatnonzero(np.concatenate([[True], left[1:] != right[:-1]]))  # of runs of violators
            head = left[begins]
            last = right[np.append(begins[1:], len(right)) - 1]
            weight = np.exp(decay[right] * (start[right] - np.repeat(start[head], np.diff(np.append(begins, len(right))))))
            data[head] += np.add.reduceat(weight * data[right], begins)
            price[head] += np.add.reduceat(weight * price[right], begins)
            norm[head] += np.add.reduceat(weight * weight * norm[right], begins)
            alive[right] = False
            after[head] = after[last]
            follows = after[head] < count
            before[after[head][follows]] = head[follows]
            # boundaries that may have become violators: before and after each pool that grew
            right = np.concatenate([head, after[head][follows]])
            right = np.unique(right[before[right] >= 0])
            right = right[cell[right] == cell[before[right]]]
            left = before[right]
            gap = np.exp(decay[right] * (start[right] - start[left]))
            low = (data[right] - fine[right] * price[right]) / norm[right] <= gap * (data[left] - fine[left] * price[left]) / norm[left]
            right = right[low]
        return Pools(cell[alive], self.start[alive], data[alive], norm[alive], price[alive], self.decay)

    def without_small(self, least: np.ndarray) -> Pools:
        """Spikes below `least` (K,) taken out, in each neighbourhood the smallest first, and what is left fitted again."""
        pools = self
        while len(pools) > 1:
            jumps = np.where(pools.cell[1:] == pools.cell[:-1], pools.jumps()[1:], np.inf)
            lowest = (jumps <= np.append(np.inf, jumps[:-1])) & (jumps < np.append(jumps[1:], np.inf))
            joins = lowest & (jumps < least[pools.cell[1:]])
            if not joins.any():
                return pools
            pools = pools.merged(joins)
        return pools

    def constrained(self, energy: np.ndarray, most: np.ndarray) -> tuple[Pools, np.ndarray]:
        """Pools and penalty λ (K,) at which the squared residual is `most` (K,); `energy` (K,) is Σ y² of each cell.

        Between two changes of the pools the residual is a quadratic of λ, which is solved for λ. As λ grows, pools only join and go out, so
        that its true value lies below that quadratic: λ comes from below, and pools once joined stay so.
        """
        pools, penalty, done = self, np.zeros(len(self.decay)), []
        for _ in range(STEPS):
            values = pools.values(penalty)
            lit = values > 0
            left = energy - pools.sums(lit * pools.data**2 / pools.norm)
            slope = pools.sums(lit * pools.price**2 / pools.norm)
            better = np.sqrt(np.maximum(most - left, 0) / np.where(slope > 0, slope, np.inf))
            higher = better > penalty * (1 + STILL)
            done.append(pools.chosen(~higher))
            if not higher.any():
                break
            penalty = np.where(higher, better, penalty)
            pools = pools.chosen(higher).pooled(penalty)
        else:
            done.append(pools)
        return Pools.joined(done), penalty

    def chosen(self, cells: np.ndarray) -> Pools:
        """Those of the cells that a mask (K,) names; numbers of cells stay."""
        which = cells[self.cell]
        return replace(self, **{name: getattr(self, name)[which] for name in ARRAYS})

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(K,) sums over each cell's pools."""
        return np.bincount(self.cell, values, len(self.decay))

    def course(self, frames: int, penalty: np.ndarray | None = None) -> np.ndarray:
        """(K, frames) float32 c; 0 before a cell's first pool."""
        cells, step = len(self.decay), max(1, SAMPLES // max(frames, 1))
        found, values = np.zeros((cells, frames), np.float32), np.maximum(self.values(penalty), 0)
        for first in range(0, cells, step):
            low, high = np.searchsorted(self.cell, [first, first + step])
            cell, start = self.cell[low:high], self.start[low:high].astype(np.int64)
            place = (cell - first) * np.int64(frames) + start
            last = np.append(cell[1:] != cell[:-1], True)[: len(cell)]
            stop = np.where(last, (cell - first + 1) * np.int64(frames), np.append(place[1:], 0)[: len(cell)])
            length = stop - place
            since = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
            fade = np.repeat(values[low:high], length) * np.exp(np.repeat(self.decay[cell], length) * since)
            found[first : first + step].reshape(-1)[np.repeat(place, length) + since] = fade
        return found

    def spikes(self, frames: int, penalty: np.ndarray | None = None) -> np.ndarray:
        """(K, frames) float32 s."""
        found = np.zeros((len(self.decay), frames), np.float32)
        found[self.cell, self.start] = self.jumps(penalty)
        return found
