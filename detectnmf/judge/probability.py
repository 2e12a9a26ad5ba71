"""The probability that a component is a cell: logistic in eight terms, each of which can only speak for or against.

    p = 1 / (1 + exp(−(intercept + Σ_i weight_i · (x_i − mean_i) / sd_i))),   weight_i ≥ 0

The terms x_i are made of the measures of `quality` so that more always speaks for a cell. Weights come from simulated movies
(`benchmarks/calibrate.py`) and stand, with a card that says which, in `checkpoints/judge.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError

FORMAT = "detectnmf.judge.1"
SMALL = 1.0  # discs of the cell diameter, below which area speaks against a cell; how large it is says nothing that others do not
ROUND, RISING = 0.8, 1.0  # compactness and skewness beyond which more does not make a cell: simulated ones are rounder and sparser

# Each takes the measures (K,) and the area in discs of the cell diameter (K,).
Measures = Mapping[str, np.ndarray]
TERMS: dict[str, Callable[[Measures, np.ndarray], np.ndarray]] = {
    "snr": lambda q, _: np.log(np.maximum(q["snr"], 0.1)),
    "residual_correlation": lambda q, _: q["residual_correlation"],
    "explained_variance": lambda q, _: -np.log(np.clip(1 - q["explained_variance"], 0.01, 2)),
    "compactness": lambda q, _: np.minimum(q["compactness"], ROUND),
    "crosstalk": lambda q, _: -q["crosstalk"],
    "detector_score": lambda q, _: _logit(np.clip(q["detector_score"], 0.02, 0.98)),
    "skewness": lambda q, _: np.log1p(np.clip(q["skewness"], 0, RISING)),
    "small": lambda _, discs: np.minimum(np.log(np.maximum(discs, 1e-3) / SMALL), 0),
}


@dataclass(frozen=True)
class Term:
    """One term of the sum. Values above `most`, the highest seen in calibration, count as that: nothing outweighs everything else."""

    mean: float
    sd: float
    most: float
    weight: float


@dataclass(frozen=True)
class Probability:
    """Measures of a component in, probability that it is a cell out.

    Args:
        intercept: log-odds of an average component.
        terms: one for each of TERMS.
        card: which movies it was fitted on, and how well it did on others.
    """

    intercept: float
    terms: dict[str, Term]
    card: dict[str, Any] = field(default_factory=dict)

    def __call__(self, quality: Measures, diameter: float) -> np.ndarray:
        """(K,) probabilities; 0 where a measure is NaN or the footprint is empty.

        Args:
            quality: the measures, (K,) each. diameter: of a cell (px).
        """
        return np.where(quality["area"] > 0, self.of_terms(terms(quality, diameter)), 0)

    def of_terms(self, x: np.ndarray) -> np.ndarray:
        """(K,) probabilities from the terms (8, K)."""
        odds = np.full(x.shape[1], self.intercept)
        for row, term in zip(x, self.terms.values(), strict=True):
            odds += term.weight * (np.minimum(row, term.most) - term.mean) / term.sd
        return np.where(np.isfinite(odds), 1 / (1 + np.exp(-np.clip(odds, -50, 50))), 0)

    def save(self, path: str | Path) -> None:
        """As JSON, for people to read."""
        content = {"format": FORMAT, "intercept": self.intercept, "terms": {n: asdict(t) for n, t in self.terms.items()}, "card": self.card}
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def terms(quality: Measures, diameter: float) -> np.ndarray:
    """(8, K) what the probability is made of."""
    discs = np.asarray(quality["area"], np.float64) / (np.pi / 4 * diameter**2)
    wide = {name: np.asarray(values, np.float64) for name, values in quality.items() if name != "reason"}
    return np.stack([term(wide, discs) for term in TERMS.values()])


@cache
def load(name: str) -> Probability:
    """A calibration by the name of a shipped one, or from a file that `Probability.save` wrote.

    Raises:
        UserError: no such file, or not such a file.
    """
    from importlib.resources import files

    shipped = Path(str(files("detectnmf.checkpoints"))) / f"{name}.json"
    path = Path(name) if Path(name).is_file() else shipped
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or set(content["terms"]) != set(TERMS):
            raise ValueError(f"format {content['format']}")
        found = {name: Term(**{key: float(value) for key, value in content["terms"][name].items()}) for name in TERMS}
        return Probability(float(content["intercept"]), found, dict(content.get("card", {})))
    except FileNotFoundError:
        raise UserError(f"judge.calibration={name!r} is neither shipped nor a file; the shipped one is: judge") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no calibration of this version of detectnmf ({error}); leave out judge.calibration=") from None


def _logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))
