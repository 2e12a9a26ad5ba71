"""The whole story on small movies: what is found, in which units, and what is said of movies with nothing in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Toy
from simulators import simulator

from detectnmf.background.ring import Ring
from detectnmf.compress.pmd import PMD
from detectnmf.demix.localnmf import LocalNMF
from detectnmf.detect.detector import MaskRCNNDetector
from detectnmf.errors import UserError
from detectnmf.judge.evaluate import Evaluation, evaluate
from detectnmf.judge.quality import Judge
from detectnmf.pipeline import Pipeline
from detectnmf.recording import Recording
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.seeds.maskrcnn import MaskRCNNSeeder
from detectnmf.seeds.superpixels import Superpixels
from detectnmf.simulate.simulator import Simulated
from detectnmf.sparsen.fast import Fast

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)


def masknmf() -> Pipeline:
    seeders = {"maskrcnn": MaskRCNNSeeder(Fast(), MaskRCNNDetector()), "superpixels": Superpixels()}
    return Pipeline(PMD(), seeders, LocalNMF(), Ring(), Judge())


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulator(frames=500, size=[80, 80], cells=16, snr=10.0, visible=2.0)(np.random.default_rng(77))


@pytest.fixture(scope="module")
def found(simulated: Simulated) -> DemixResult:
    return masknmf()(simulated.recording, QUIET)


@pytest.fixture(scope="module")
def scores(found: DemixResult, simulated: Simulated) -> Evaluation:
    return evaluate(found, simulated.truth)


def test_no_seeder_is_refused() -> None:
    with pytest.raises(UserError, match="no seeder is given"):
        Pipeline(PMD(), {}, LocalNMF(), Ring(), Judge())


@pytest.mark.xdist_group("story")
class TestSimulatedMovie:
    """Sixteen cells with dendrites in neuropil; the shipped detector has never seen this seed."""

    def test_finds_the_cells_and_no_others(self, scores: Evaluation) -> None:
        assert scores.strict.recall >= 0.85
        assert scores.false_positives <= 1
        assert scores.trace_correlation > 0.97

    def test_near_the_oracle(self, scores: Evaluation) -> None:
        assert scores.oracle_accuracy > 0.95
        assert scores.oracle_gap < 0.12

    def test_units_are_the_recordings_own(self, found: DemixResult, simulated: Simulated) -> None:
        frames = slice(100, 140)
        cells = (found.cells.footprints @ found.cells.traces[:, frames]).T.reshape(-1, *found.cells.size)
        explained = found.baseline + cells + found.background[frames]
        clean = simulated.recording.frames.expected(frames)
        noise = np.median(found.movie.std)
        assert np.std(explained - clean) < 0.3 * noise
        assert abs(np.mean(explained - clean)) < 0.05 * noise

    def test_footprints_have_maximum_one_and_cells_are_sorted(self, found: DemixResult) -> None:
        assert np.allclose(found.cells.footprints.max(axis=0).toarray(), 1)
        assert np.all(np.diff(found.quality["snr"]) <= 0)
        assert found.cells.traces.min() >= 0

    def test_the_objective_never_rises_between_revisions(self, found: DemixResult) -> None:
        objective, structural = found.history["objective"], found.history["structural"]
        rises = np.diff(objective) > 1e-9 * objective[:-1]
        assert not np.any(rises & ~structural[1:])
        assert objective[-1] < 0.6 * objective[0]

    def test_traces_are_read(self, found: DemixResult, scores: Evaluation) -> None:
        signals = found.signals
        assert signals is not None and len(signals) == len(found.cells) and set(signals.flag) == {"ok"}
        assert scores.denoised_accuracy > scores.recovery_accuracy > scores.raw_accuracy
        assert signals.method["decay"] == pytest.approx(0.4, rel=0.3)

    def test_a_second_run_is_bit_equal(self, found: DemixResult, simulated: Simulated) -> None:
        again = masknmf()(simulated.recording, QUIET)
        assert np.array_equal(again.cells.traces, found.cells.traces)
        assert np.array_equal(again.cells.footprints.data, found.cells.footprints.data)
        assert torch.equal(again.background.V, found.background.V)
        assert np.array_equal(again.signals.spikes, found.signals.spikes)

    def test_says_what_it_took(self, found: DemixResult) -> None:
        known = found.provenance
        assert known["diameter"] == pytest.approx(12, rel=0.25)
        assert {"compress", "demix", "judge", "traces", "seed: maskrcnn", "seed: superpixels"} <= set(known["timings"])
        assert any("diameter estimated" in note for note in known["notes"])


def test_white_noise_has_no_rank_and_no_cells() -> None:
    noise = np.random.default_rng(0).normal(200, 10, (400, 72, 72)).astype(np.float32)
    result = masknmf()(Recording(noise), QUIET)
    assert result.movie.rank == 0
    assert len(result.cells) == 0 and result.cells.traces.shape == (0, 400)
    assert any("smoother than noise" in note for note in result.provenance["notes"])


def test_a_background_free_movie_gets_almost_no_background() -> None:
    made = simulator(frames=400, size=[64, 64], cells=10, snr=10.0, neuropil="none")(np.random.default_rng(5))
    result = masknmf()(made.recording, QUIET, diameter=12.0)
    signal = float((made.truth.cells.footprints @ made.truth.cells.traces).var(axis=1).sum())
    background = float(result.background[:].var(axis=0).sum())
    assert background < 0.03 * signal


def test_a_reader_that_fails_does_not_take_the_cells_with_it(toy: Toy) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no such thing")

    result = replace(masknmf(), traces=fail)(toy.recording, QUIET, diameter=5.0)
    assert 3 <= len(result.cells) <= 5 and result.signals is None
    assert any("the traces were not read (ZeroDivisionError: no such thing)" in note for note in result.provenance["notes"])


class TestRepairs:
    """Repairable data goes on and says what was masked; the rest is refused in one line."""

    def test_missing_frames_and_pixels(self, toy: Toy) -> None:
        movie = toy.recording[:].copy()
        movie[50:53] = np.nan
        movie[:, :2] = 7.0
        result = masknmf()(replace(toy.recording, frames=movie), QUIET, diameter=5.0)
        notes = " ".join(result.provenance["notes"])
        assert "3 of 300 frames are missing" in notes
        assert "64 of 640 pixels are constant or missing" in notes
        assert np.isfinite(result.cells.traces).all()
        assert 3 <= len(result.cells) <= 5
        assert not result.signals.valid[50:53].any() and not result.signals.spikes[:, 50:53].any()

    def test_single_samples(self, toy: Toy) -> None:
        """NaN here and there, and one mark for a missing value that would overflow."""
        movie = toy.recording[:].copy()
        movie[np.random.default_rng(0).random(movie.shape) < 0.002] = np.nan
        movie[10, 5, 5] = 3e38
        count = int((~(np.abs(movie) < 1e15)).sum())
        result = masknmf()(replace(toy.recording, frames=movie), QUIET, diameter=5.0)
        assert any(f"{count} single samples" in note for note in result.provenance["notes"])
        assert 3 <= len(result.cells) <= 5 and np.isfinite(result.cells.traces).all()

    def test_all_negative(self, toy: Toy) -> None:
        """Cells are found all the same; what has no sense is said."""
        result = masknmf()(replace(toy.recording, frames=toy.recording[:] - 1000), QUIET, diameter=5.0)
        assert 3 <= len(result.cells) <= 5 and np.isfinite(result.signals.dff).all()
        assert set(result.signals.flag) == {"low_baseline"} and result.signals.denoised.max() > 5
        assert any("dF/F is not to be trusted" in note for note in result.provenance["notes"])

    def test_a_diameter_beyond_the_field(self, toy: Toy) -> None:
        with pytest.raises(UserError, match=r"diameter=2000 px is larger than the field of 20 x 32 px"):
            masknmf()(toy.recording, QUIET, diameter=2000.0)

    @pytest.mark.parametrize("frames", [2, 9])
    def test_too_short(self, frames: int) -> None:
        movie = Recording(np.random.default_rng(0).random((frames, 20, 20)), name="short.tif")
        with pytest.raises(UserError, match=rf"short\.tif: {frames} frames are too few.*at least 10"):
            masknmf()(movie, QUIET)

    def test_nothing_usable(self) -> None:
        for movie in (np.full((40, 20, 20), np.nan), np.full((40, 20, 20), 3, np.uint8)):
            with pytest.raises(UserError, match="all 400 pixels are constant or missing"):
                masknmf()(Recording(movie), QUIET)
