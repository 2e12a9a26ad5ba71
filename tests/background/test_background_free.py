"""Simulated movies of cells on black through the whole pipeline: a background model must neither find one nor cost cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from detectnmf.judge.evaluate import evaluate
from detectnmf.pipeline import Pipeline
from detectnmf.runtime import Runtime

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
BLACK = {
    "bessel": ["experiment=bessel_density", "sim.density=1.2", "sim.margin=0", "sim.visible=0.5"],
    "two-photon": ["neuropil=none", "neuropil.level=0", "sim.cells=14", "sim.visible=0.5"],
}


class Kept:
    """A compressor that gives what it gave before."""

    def __init__(self, compress):
        self.compress, self.movie = compress, None

    def __call__(self, recording, runtime):
        self.movie = self.compress(recording, runtime) if self.movie is None else self.movie
        return self.movie


def configured(*overrides):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("demo", ["seeder=[superpixels]", "sim.size=[80,80]", "sim.frames=500", *overrides])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", list(BLACK))
def test_no_background_is_found_and_no_cell_is_lost(name, seed):
    made = compressor = None
    scores, energies = {}, {}
    for background in ("none", "ring", "lowrank", "rank1"):
        config = configured(*BLACK[name], f"background={background}")
        parts = {part: instantiate(config[part], _convert_="all") for part in ("compress", "demix", "background", "judge")}
        made = made or instantiate(config.sim)(np.random.default_rng(seed))
        parts["compress"] = compressor = compressor or Kept(parts["compress"])
        result = Pipeline(seeders=instantiate(config.seeder, _convert_="all"), **parts)(made.recording, RUNTIME, diameter=12.0)
        scores[background] = evaluate(result, made.truth)
        cells, std = made.truth.cells, compressor.movie.std.reshape(-1, 1)
        signal = (cells.footprints @ (cells.traces - cells.traces.mean(axis=1, keepdims=True))) / std
        energies[background] = float((result.background.U @ result.background.V).square().sum() / (signal**2).sum())
    assert max(energies.values()) < 0.01
    for background, score in scores.items():
        lost = 1 if background in ("lowrank", "rank1") else 0  # a lone cell of a small field may look like what all pixels share
        assert score.strict.hits >= scores["none"].strict.hits - lost
        assert score.false_positives <= scores["none"].false_positives
        assert score.recovery_accuracy > scores["none"].recovery_accuracy - lost / score.true_cells - 0.005
