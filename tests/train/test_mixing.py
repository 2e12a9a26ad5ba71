"""Batches: the same whether or not training was interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

import numpy as np
import pytest

from detectnmf.train.mixing import mixed

WINDOW, DRAWN = 3, 4


def batches(empty: set[int], start: int = 0) -> Iterator[tuple[float, ...]]:
    """Three numbers of those that the last items hold; some items hold none."""

    def made(first: int) -> Iterator[list[float]]:
        return ([] if number in empty else [number + k / 10 for k in range(5)] for number in count(first))

    def draw(held: Sequence[list[float]], rng: np.random.Generator) -> tuple[float, ...] | None:
        known = [value for item in held for value in item]
        return tuple(known[k] for k in rng.integers(len(known), size=3)) if known else None

    return mixed(made, draw, WINDOW, DRAWN, seed=5, start=start)


@pytest.mark.parametrize("empty", [set(), {0}, {0, 1}, {2}, {4, 5, 6}, {4, 5, 6, 7, 9}])
def test_going_on_in_the_middle_gives_the_same(empty: set[int]) -> None:
    whole = list(islice(batches(empty), 50))
    for start in range(40):
        assert list(islice(batches(empty, start), 10)) == whole[start : start + 10]


def test_batches_come_from_the_last_items_alone() -> None:
    for number, batch in enumerate(islice(batches(set()), 60)):
        newest = number // DRAWN
        assert max(newest - WINDOW + 1, 0) <= min(batch) <= max(batch) < newest + 1


def test_what_an_empty_item_owes_comes_with_the_next_one() -> None:
    first = list(islice(batches({0}), 3 * DRAWN))
    assert all(1 <= value < 2 for batch in first[: 2 * DRAWN] for value in batch)
    assert len(set(first)) == len(first)
