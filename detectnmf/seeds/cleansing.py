"""Seeds cleansing: of many seeds by max-pooling a mixture, a network and merging leave one for each cell (sc-CNMF, §3.2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.enhance.base import Enhancer
from detectnmf.runtime import Runtime
from detectnmf.seeds.classify import SeedClassifier
from detectnmf.seeds.foreground import Foreground, foreground
from detectnmf.seeds.phase import PhaseMerging
from detectnmf.seeds.pooling import RandomMaxPooling
from detectnmf.seeds.prominence import Prominence
from detectnmf.seeds.seminmf import SemiNMF
from detectnmf.seeds.windows import check_traces

logger = logging.getLogger(__name__)
PIXELS = 4096  # whose traces are held at a time


@dataclass(frozen=True)
class Cleansed:
    """What the steps left, one after the other.

    Args:
        above: the enhanced movie on which seeds were sought.
        steps: pixels (n,) of the seeds after each step, by its name, in order.
        score: (K,) of the last ones.
    """

    above: Foreground
    steps: dict[str, np.ndarray]
    score: np.ndarray

    @property
    def seeds(self) -> np.ndarray:
        """(K,) pixels that all steps left."""
        return list(self.steps.values())[-1]


@dataclass(frozen=True)
class SeedsCleansing:
    """Enhance, pool, cleanse, merge, and grow each seed into a footprint. A step that is None is left out.

    Args:
        enhance: takes the background away from denoised frames; not needed where the recording itself was enhanced.
        pooling: over-complete seeds.
        prominence: a mixture of two Gaussians on their peak-valley differences.
        classifier: the recurrent network on their traces.
        merging: by phase-locking.
        start: a footprint for each seed.
    """

    enhance: Enhancer | None
    pooling: RandomMaxPooling = field(default_factory=RandomMaxPooling)
    prominence: Prominence | None = field(default_factory=Prominence)
    classifier: SeedClassifier | None = field(default_factory=SeedClassifier)
    merging: PhaseMerging | None = field(default_factory=PhaseMerging)
    start: SemiNMF = field(default_factory=SemiNMF)
    _calls: list[dict[str, np.ndarray]] = field(default_factory=list, init=False, repr=False, compare=False)  # steps, of one movie

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """One seed for each cell.

        Raises:
            UserError: a structuring element larger than the frame, or a movie too short or too slow for the classifier.
        """
        if not len(model):
            self._calls.clear()
        if not movie.rank:
            return Components.empty(movie.size)
        found = self.cleanse(movie, model, diameter, runtime)
        self._calls.append(found.steps)
        logger.info("%s", told(found.steps))
        return Components(self.start(found.above, found.seeds, diameter, runtime), movie.size, None, found.score)

    def doubts(self, measured: Mapping[str, float]) -> list[str]:
        """What each step left of the seeds of the last movie; and what to do where none is left."""
        if not self._calls:
            return []
        steps = self._calls[0]  # later ones look for what is left
        note = f"seeds: {told(steps)}"
        if not len(list(steps.values())[-1]):
            step = next(name for name, seeds in steps.items() if not len(seeds))
            cure = f"leave it out with seeder.cleansing.{step}=null" if step != "pooling" else "lower seeder.cleansing.pooling.least"
            note += f"; none was left after {step}: check diameter= and rate=, or {cure}"
        return [note]

    def steps(self) -> dict[str, np.ndarray]:
        """Pixels of the seeds after each step of the last call."""
        return dict(self._calls[-1]) if self._calls else {}

    def cleanse(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Cleansed:
        """The seeds after each step."""
        if self.classifier is not None:  # before long work starts
            check_traces(np.zeros((1, len(movie)), np.float32), movie.rate)
        above = foreground(movie, model, self.enhance, diameter, runtime)
        seeds = self.pooling(above, diameter, runtime)
        steps = {"pooling": seeds}
        if self.prominence is not None:
            parts = [seeds[start : start + PIXELS] for start in range(0, len(seeds), PIXELS)]
            d = [self.prominence.differences(above.traces(part).cpu().numpy(), above.rate) for part in parts]
            steps["prominence"] = seeds = seeds[self.prominence(np.concatenate(d) if d else np.zeros(0))]
        score = np.ones(len(seeds), np.float32)
        if self.classifier is not None:
            parts = [seeds[start : start + PIXELS] for start in range(0, max(len(seeds), 1), PIXELS)]
            verdicts = [self.classifier(above.traces(part), above.rate, runtime, noise_of_a_cell(diameter)) for part in parts]
            keep = np.concatenate([verdict.keep for verdict in verdicts])
            steps["classifier"] = seeds = seeds[keep]
            score = np.concatenate([verdict.score for verdict in verdicts])[keep]
        if self.merging is not None:
            traces = above.traces(seeds).cpu().numpy()
            where = np.stack(np.divmod(seeds, above.size[1]), axis=1)
            distance = self.merging.neighbourhood_diameters * diameter
            kept = self.merging(traces, above.rate, where, traces.max(axis=1, initial=0), distance)
            steps["merging"], score = seeds[kept], score[kept]
        return Cleansed(above, steps, score)


def noise_of_a_cell(diameter: float) -> float:
    """Standard deviation of white noise of 1 in the matched filter of a Gaussian with this full width at half maximum and a peak of 1.

    No denoising of a movie tells a cell's trace better than that: 1 / sqrt(π σ²).
    """
    return float((8 * np.log(2) / np.pi) ** 0.5 / diameter)


def told(steps: Mapping[str, np.ndarray]) -> str:
    """How many seeds each step left."""
    return ", ".join(f"{len(seeds)} {'by' if name == 'pooling' else 'after'} {name}" for name, seeds in steps.items())
