"""Labelled crops without end, simulated while the network learns; and fixed sets to score it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from detectnmf.compress.base import Compressor
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulator
from detectnmf.sparsen.base import Sparsener
from detectnmf.train.examples import Example, Labels, augment, examples
from detectnmf.train.ranges import Ranges

VALIDATION = 10**6  # movies from here on are never trained on


@dataclass(frozen=True)
class Source:
    """Makes the examples of movie number i; the same number always gives the same movie.

    Args:
        simulator: what the ranges start from.
        ranges: knobs drawn for each movie.
        jitter: the diameter told to the selection is wrong by up to this factor, as an estimate would be.
        per_patch: brightest frames per patch.
        per_movie: crops taken from a movie.
    """

    simulator: Simulator
    ranges: Ranges
    compress: Compressor
    sparsen: Sparsener
    labels: Labels
    jitter: float = 1.3
    per_patch: int = 30
    per_movie: int = 200
    seed: int = 0

    def __call__(self, number: int) -> list[Example]:
        rng = np.random.default_rng([self.seed, number])
        simulator = self.ranges(self.simulator, rng)
        soma = simulator.shapes.diameter / simulator.pixel_size
        told = soma * float(np.exp(rng.uniform(-1, 1) * np.log(self.jitter)))
        simulated = simulator(rng)
        runtime = Runtime(device="cpu", max_memory=2.0, seed=self.seed, quiet=True)
        return examples(simulated, self.compress, self.sparsen, self.labels, told, self.per_patch, self.per_movie, rng, runtime)


class Stream(IterableDataset[Example]):
    """Examples of movies 0, 1, 2, ... through a shuffling pool; every example is shown `repeats` times, turned differently.

    Args:
        pool: examples held for shuffling.
    """

    def __init__(self, source: Source, pool: int = 1500, repeats: int = 3) -> None:
        super().__init__()
        self.source, self.pool, self.repeats = source, pool, repeats

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        number, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        torch.set_num_threads(1)
        rng = np.random.default_rng([self.source.seed, number, 3])
        held: list[Example] = []
        while True:
            fresh = self.source(number)
            number += step
            held.extend(fresh)
            for _ in range(len(fresh) * self.repeats):
                yield augment(held[int(rng.integers(len(held)))], rng)
            if len(held) > self.pool:
                held = [held[i] for i in rng.permutation(len(held))[: self.pool]]


def fixed(source: Source, movies: int, first: int = VALIDATION) -> list[Example]:
    """The examples of a fixed set of movies that training never sees."""
    return [example for number in range(first, first + movies) for example in source(number)]
