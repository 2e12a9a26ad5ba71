"""Labelled crops without end, simulated while the network learns; and fixed sets to score it.

Movies are numbered; the same number always gives the same movie, whoever makes it, and the batches depend on the seed alone: not on how
many processes simulate, nor on whether training was interrupted.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from detectnmf.compress.base import Compressor
from detectnmf.enhance.base import Enhancer
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulator
from detectnmf.sparsen.base import Sparsener
from detectnmf.train.examples import Example, Labels, augment, examples
from detectnmf.train.kinds import Mixture
from detectnmf.train.mixing import mixed

log = logging.getLogger(__name__)

VALIDATION, TEST = 10**6, 2 * 10**6  # movies from here on are never trained on


@dataclass(frozen=True)
class Source:
    """Makes the examples of movie number i; the same number always gives the same movie.

    Args:
        simulator: what the mixture starts from.
        mixture: kinds of movies, and knobs drawn for each movie.
        jitter: the diameter told to the selection is wrong by up to this factor, as an estimate would be; it rescales the crops.
        looks: see `select`.
        per_movie: crops taken from a movie.
    """

    simulator: Simulator
    mixture: Mixture
    enhance: Enhancer
    compress: Compressor
    sparsen: Sparsener
    labels: Labels
    jitter: float = 1.3
    looks: int = 4
    per_movie: int = 200
    seed: int = 0

    def __call__(self, number: int) -> list[Example]:
        rng = np.random.default_rng([self.seed, number])
        kind, simulator = self.mixture(self.simulator, rng)
        soma = simulator.shapes.diameter / simulator.pixel_size
        told = soma * float(np.exp(rng.uniform(-1, 1) * np.log(self.jitter)))
        try:
            simulated = simulator(rng)
        except UserError as error:  # a draw out of reach, such as too many cells for the room they have
            log.warning("movie %d (%s) was left out: %s", number, kind, error)
            return []
        runtime = Runtime(device="cpu", max_memory=2.0, seed=self.seed, quiet=True)
        return examples(
            simulated, self.enhance, self.compress, self.sparsen, self.labels, told, self.looks, self.per_movie, rng, runtime, kind
        )


@dataclass(frozen=True)
class Movies(Dataset[list[Example]]):
    """The examples of a movie by its number, for workers."""

    source: Source

    def __getitem__(self, number: int) -> list[Example]:
        return self.source(number)


@dataclass(frozen=True)
class Endless(Sampler[int]):
    """first, first + 1, first + 2, ..."""

    first: int

    def __iter__(self) -> Iterator[int]:
        number = self.first
        while True:
            yield number
            number += 1


@dataclass(frozen=True)
class Stream:
    """Batches of examples: drawn from the last `window` movies, turned and flipped at random; each movie gives `per_movie` of them.

    Args:
        batch: examples. window: movies that are mixed. per_movie: batches drawn when a movie is added.
        workers: processes that simulate ahead; with 0 training waits for each movie.
        start: batches that were seen already.
    """

    source: Source
    batch: int = 16
    window: int = 8
    per_movie: int = 30
    workers: int = 1
    start: int = 0

    def from_batch(self, start: int) -> Stream:
        """The same stream, gone on with."""
        return replace(self, start=start)

    def __iter__(self) -> Iterator[list[Example]]:
        def made(oldest: int) -> Iterator[list[Example]]:
            return _made(self.source, Endless(oldest), self.workers)

        return mixed(made, self._draw, self.window, self.per_movie, self.source.seed, self.start)

    def _draw(self, movies: Sequence[list[Example]], rng: np.random.Generator) -> list[Example] | None:
        known = [example for movie in movies for example in movie]
        return [augment(known[i], rng) for i in rng.integers(len(known), size=self.batch)] if known else None


def fixed(source: Source, movies: int, first: int = VALIDATION, workers: int = 0) -> list[Example]:
    """The examples of a fixed set of movies that training never sees."""
    return [example for movie in _made(source, range(first, first + movies), workers) for example in movie]


def _made(source: Source, numbers: Iterable[int], workers: int) -> Iterator[list[Example]]:
    """The examples of each movie, in order; by value, for tensors shared between processes hold a file each."""
    loader = DataLoader(
        Movies(source),
        batch_size=None,
        sampler=numbers,
        collate_fn=pickle.dumps,
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        multiprocessing_context="forkserver" if workers else None,
        worker_init_fn=_one_thread,
    )
    for packed in loader:
        yield pickle.loads(packed)


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
