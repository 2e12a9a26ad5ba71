"""Accuracy on simulated movies beside the oracle and a baseline: python benchmarks/accuracy.py [seeds]

Prints a Markdown table: the default run, scikit-learn's NMF (told the true number of cells, on the same movie), and the oracle (true
footprints, non-negative regression), each scored by the same function.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from scipy.ndimage import label

import detectnmf
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.judge.evaluate import evaluate
from detectnmf.pipeline import Pipeline
from detectnmf.recording import Recording
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime

CONFIGS = Path(detectnmf.__file__).parents[1] / "configs"
MOVIES = {
    "demo": [],
    "dendrites": ["shapes=pyramidal"],
    "dense (100 cells, random places)": ["shapes=pyramidal", "sim.cells=100", "sim.min_distance=0"],
    "dim (snr 5), strong neuropil": ["sim.snr=5", "neuropil.amplitude=0.08"],
}


def main(seeds: int) -> None:
    """One row for each kind of movie, mean over seeds."""
    runtime = Runtime(device="cpu", quiet=True)
    print("| movie | cells | found | false | F1 at IoU 0.5 | recovery accuracy | oracle | NMF: F1 | NMF: recovery accuracy |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, overrides in MOVIES.items():
        with initialize_config_dir(str(CONFIGS), version_base=None):
            config = compose("demo", overrides)
        simulator = instantiate(config.sim)
        parts = {part: instantiate(config[part], _convert_="all") for part in ("compress", "demix", "background", "judge")}
        pipeline = Pipeline(seeders=instantiate(config.seeder, _convert_="all"), **parts)
        rows = []
        for seed in range(1000, 1000 + seeds):
            made = simulator(np.random.default_rng(seed))
            ours = evaluate(pipeline(made.recording, runtime), made.truth)
            theirs = evaluate(nmf(made.recording, len(made.truth.cells)), made.truth)
            row = (ours.true_cells, ours.found_cells, ours.false_positives, ours.strict.f1, ours.recovery_accuracy)
            rows.append((*row, ours.oracle_accuracy, theirs.strict.f1, theirs.recovery_accuracy))
        mean = np.mean(rows, axis=0)
        print(
            f"| {name} | " + " | ".join(f"{v:.1f}" for v in mean[:3]) + " | " + " | ".join(f"{v:.3f}" for v in mean[3:]) + " |", flush=True
        )


def nmf(recording: Recording, cells: int) -> DemixResult:
    """The baseline: NMF of the movie above each pixel's minimum, averaged over four frames for the fit of the footprints, which are
    then cut to the connected part around their peak; traces by the same factorisation at full rate.
    """
    from sklearn.decomposition import NMF

    movie = recording[:].astype(np.float32).reshape(len(recording), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it has not converged
        model = NMF(cells + 1, init="nndsvd", max_iter=100, random_state=0)
        above = movie - movie.min(0)
        model.fit(above[: len(above) // 4 * 4].reshape(-1, 4, above.shape[1]).mean(1))
        traces = model.transform(above).T
    images = model.components_.reshape(-1, *recording.size)
    for image in images:
        parts = label(image > 0.2 * image.max())[0]
        image[parts != parts[np.unravel_index(image.argmax(), image.shape)]] = 0
    nothing = Compressed.from_factors(np.zeros((movie.shape[1], 0)), np.zeros((0, len(movie))), np.zeros(recording.size))
    return DemixResult(Components.from_images(images, traces), np.zeros(recording.size, np.float32), nothing)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
