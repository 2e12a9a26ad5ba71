"""Batches without end from numbered items, the same for whoever goes on in the middle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
Batch = TypeVar("Batch")

MIXING = 3  # stream of random numbers that draws the batches


def mixed(
    made: Callable[[int], Iterator[Item]],
    draw: Callable[[Sequence[Item], np.random.Generator], Batch | None],
    window: int,
    drawn: int,
    seed: int,
    start: int = 0,
) -> Iterator[Batch]:
    """Batches drawn from the last `window` items; they depend on the seed and their number alone.

    Args:
        made: the items from this number on, without end.
        draw: one batch from these items, the newest last; None where they hold nothing.
        drawn: batches for each new item; those for items that came while nothing was held follow with the first that brings something.
        start: batches that were seen already.
    """
    begin, skip = divmod(start, drawn)
    oldest = max(0, begin - window + 1)
    held: deque[Item] = deque(maxlen=window)
    owed = begin  # the next item whose batches are to be drawn
    for number, fresh in enumerate(made(oldest), oldest):
        held.append(fresh)
        while owed <= number:
            rng = np.random.default_rng([seed, owed, MIXING])
            batches = [batch for batch in (draw(held, rng) for _ in range(drawn)) if batch is not None]
            if not batches:
                break
            yield from batches[skip if owed == begin else 0 :]
            owed += 1
