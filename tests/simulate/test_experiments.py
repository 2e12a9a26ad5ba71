"""Every experiment gives what it asks for: density, SNR, signal level, rates and noise, measured on the movie itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def simulator(experiment, *overrides):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("simulate", overrides=["out=x.tif", f"experiment={experiment}", *overrides])
    return instantiate(config.sim, _convert_="all")


@pytest.fixture(scope="module", params=EXPERIMENTS)
def made(request):
    """(simulator, movie) of each experiment, cut short."""
    sim = simulator(request.param, "sim.frames=200")
    return sim, sim(np.random.default_rng(1))


def test_noise_is_as_the_truth_says(made):
    """2 %: the standard error of a median over thousands of pixels is far less. Where counts are coarse, rounding adds 1/12."""
    sim, out = made
    shown = out.truth.history["blank"] == 0
    left = (out.recording[:] - out.recording.frames.expected(slice(None)))[shown]
    rounding = 1 / 12 if sim.camera.dtype != "float32" else 0
    expected = np.sqrt(out.truth.history["noise"] ** 2 + rounding)
    bright = expected > np.percentile(expected, 20)  # in the dark, counts end at 0
    assert np.median(left.std(axis=0)[bright] / expected[bright]) == pytest.approx(1, abs=0.02)


def test_snr_is_as_asked(made):
    """Peak of the true trace over the noise seen at its brightest pixel, rounding apart: the median within 10 %, the report within 1 %."""
    sim, out = made
    cells = out.truth.cells
    rounding = 1 / 12 if sim.camera.dtype != "float32" else 0
    noise = np.sqrt((out.recording[:] - out.recording.frames.expected(slice(None))).var(axis=0).ravel() - rounding)
    brightest = np.asarray(cells.footprints.tocsc().argmax(axis=0)).ravel()
    measured = np.median(np.abs(cells.traces).max(axis=1) / noise[brightest])
    assert measured == pytest.approx(out.report["snr"], rel=0.1)
    if sim.light is None:
        assert out.report["snr"] == pytest.approx(sim.snr, rel=0.01)


def test_density_is_as_asked(made):
    sim, out = made
    measured = (out.truth.cells.images() > 0).sum(axis=0).mean()
    assert out.report["density"] == pytest.approx(measured)
    if sim.density is not None:
        assert measured == pytest.approx(sim.density, rel=0.1)
    elif sim.depth is None and sim.visible == 0:
        assert len(out.truth.cells) == sim.cells


def test_signal_level_is_as_asked(made):
    sim, out = made
    if sim.level is not None:
        assert out.report["level"] == pytest.approx(sim.level, rel=1e-3)


@pytest.mark.parametrize("density", [0.3, 1.2, 3.2])
def test_density_sweep_of_the_bessel_beam(density):
    """maskNMF's range, within 10 %; on black, as theirs."""
    out = simulator("bessel_density", "sim.frames=60", f"sim.density={density}")(np.random.default_rng(0))
    assert (out.truth.cells.images() > 0).sum(axis=0).mean() == pytest.approx(density, rel=0.1)
    assert out.truth.baseline.min() < 0.05 * out.truth.baseline.max()


@pytest.mark.parametrize("level", [0.05, 0.2, 0.8])
def test_signal_level_sweep_of_the_miniscope(level):
    """sc-CNMF, section 4: 100 neurons in 128 x 128 px, at every level the same noise and background."""
    sim = simulator("miniscope", f"sim.level={level}")
    out = sim(np.random.default_rng(0))
    assert len(out.truth.cells) == 100 and out.recording.size == (128, 128)
    cells = out.truth.cells
    brightest = np.asarray(cells.footprints.argmax(axis=0)).ravel()
    light = (out.truth.baseline.ravel()[brightest] - sim.camera.offset) - cells.traces.mean(axis=1)
    # the baseline holds overlapping cells' means, which the level does not count: up to a fifth
    assert np.median(cells.traces.max(axis=1) / light) == pytest.approx(level, rel=0.2)
    assert out.report["light"] == 4000.0


def test_neurons_of_the_miniscope():
    """Spikes in 1 % of the frames, decay 0.95 per frame, Gaussians whose widths vary by 1 px, denser where it is brighter."""
    sim = simulator("miniscope")
    scene = sim.draw(np.random.default_rng(0))
    traces, spikes = scene.activity.traces, scene.activity.spikes
    assert spikes.mean() == pytest.approx(0.01, rel=0.1)
    quiet = (spikes[:, 1:] == 0) & (traces[:, :-1] > 0.1)
    assert np.allclose(traces[:, 1:][quiet] / traces[:, :-1][quiet], 0.95, rtol=1e-3)
    widths = sim.look(scene).width[scene.inside]
    assert widths.mean() * sim.pixel_size == pytest.approx(sim.shapes.diameter, rel=0.06)
    assert widths.std() == pytest.approx(1.0 / np.sqrt(2), rel=0.3)  # the mean of two widths of SD 1
    glow = scene.illumination.profile * scene.illumination.tissue * scene.neuropil.baseline
    places = np.clip(np.rint(scene.positions[:, 1:] / sim.pixel_size).astype(int), 0, 127)
    expected = (glow**2).mean() / glow.mean()  # mean light at places as dense as the light
    assert glow[places[:, 0], places[:, 1]].mean() == pytest.approx(expected, rel=0.06)


def test_onsets_of_dips_and_surges():
    """Published: 16.9 dips and 1.8 surges per mm² and minute. Three movies have about 290 and 31 onsets: within three standard errors."""
    sim = simulator("dips")
    onsets = {"dip": 0, "surge": 0}
    for seed in range(3):
        scene = sim.draw(np.random.default_rng(seed))
        for kind in onsets:
            onsets[kind] += int(scene.activity.spikes[[shape.kind == kind for shape in scene.shapes]].sum())
    area = np.prod(sim.size) * sim.pixel_size**2 / 1e6 * 3 * sim.frames / sim.rate / 60  # mm² min
    for kind, published in (("dip", 16.9), ("surge", 1.8)):
        assert onsets[kind] / area == pytest.approx(published, abs=3 * np.sqrt(published / area) + 0.15 * published)


def test_dips_go_down_and_surges_up_by_as_much_as_published():
    """Median depth 9.4 % of the light that is there and height 7.8 %, of each event's peak."""
    out = simulator("dips")(np.random.default_rng(0))
    cells = out.truth.cells
    brightest = np.asarray(cells.footprints.argmax(axis=0)).ravel()
    light = out.truth.baseline.ravel()[brightest] - 100.0
    change = cells.traces / light[:, None]
    down = change[change.mean(axis=1) < 0]
    assert np.median(down.min(axis=1)) < -0.094  # the deepest of some four each
    assert change.max() > 0.078
    assert np.abs(change).max() < 0.6


def test_the_zebrafish_patch():
    """Fast NMF: patches of 100 x 100 px, 3000 frames in 1500 s; nuclei of about 5 µm that lie close to each other."""
    sim = simulator("zebrafish")
    assert (sim.frames, sim.size, sim.rate) == (3000, (100, 100), 2.0)
    out = simulator("zebrafish", "sim.frames=100")(np.random.default_rng(0))
    area = 100 * 100 * sim.pixel_size**2
    assert len(out.truth.cells) / area > 0.015  # per µm²: a nucleus for every 8 x 8 µm
