"""What is measured of a run, against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from detectnmf.components import Components
from detectnmf.simulate.like import measure
from detectnmf.simulate.like.ground import follows, without
from detectnmf.simulate.like.noise import fit_noise
from detectnmf.simulate.like.transients import count_events, decay_time, dispersion

from .drawn import drawn


def test_light_of_drawn_cells():
    found = measure(drawn())
    assert (found.cells, found.frames, found.size, found.rate) == (4, 400, (60, 60), 10.0)
    assert found.offset == 0 and found.gain is None and found.read_noise == pytest.approx(10, rel=0.01)
    assert found.light == pytest.approx(100)
    assert np.allclose(found.ground, 100)
    assert found.contrast == pytest.approx(0.75, rel=1e-3)
    assert found.excess == pytest.approx(0.5, rel=1e-3)
    assert found.amplitude == pytest.approx(0.5, rel=1e-3)
    assert found.snr == found.faintest == pytest.approx(7.5, rel=1e-3)
    assert found.per_mm2 == pytest.approx(4 / 0.0036)
    assert found.density == pytest.approx(4 * 69 / 3600)  # 69 pixels lie within 4.5 px of one
    assert found.overlap == 0 and found.spread == 0
    assert found.diameter == pytest.approx(9, abs=0.5)
    assert found.spacing == pytest.approx(30 / found.diameter)
    assert found.decay == pytest.approx(-1 / np.log(0.9) / 10, rel=0.02)
    assert found.events == pytest.approx(0.1)


def test_a_known_offset_changes_what_is_relative():
    found = measure(drawn(), offset=60.0)
    assert found.light == pytest.approx(40)
    assert found.amplitude == pytest.approx(75 / 90, rel=1e-3)
    assert found.excess == pytest.approx(50 / 40, rel=1e-3)


def test_holes_do_not_make_a_cell_small():
    result = drawn()
    y, x = np.indices((60, 60))
    images = result.cells.images()
    images[0][np.hypot(y - 15, x - 15) <= 2] = 0
    ring = replace(result, cells=Components.from_images(images[:1], result.cells.traces[:1]))
    assert measure(ring).diameter == pytest.approx(9, abs=0.7)


def test_noise_of_a_camera(rng):
    level = rng.uniform(60, 400, 5000)
    std = np.sqrt(5.0**2 + 3.0 * (level - 40)) * (1 + 0.03 * rng.standard_normal(5000))
    std[::10] *= 3  # a tenth of the pixels flicker
    noise = fit_noise(level, std, False, offset=40.0)
    assert (noise.gain, noise.read_noise) == (pytest.approx(3, rel=0.05), pytest.approx(5, rel=0.3))
    blind = fit_noise(level, std, False)
    assert blind.gain == noise.gain
    assert blind.read_noise**2 - blind.gain * blind.offset == pytest.approx(5**2 - 3 * 40, rel=0.2)


def test_noise_that_does_not_follow_light(rng):
    noise = fit_noise(rng.uniform(60, 400, 5000), np.full(5000, 7.0), True)
    assert noise.gain is None and noise.read_noise == pytest.approx(np.sqrt(49 - 1 / 12))


def test_decay_of_an_autoregressive_process(rng):
    """White noise twice as large as the signal changes nothing."""
    traces = lfilter([1], [1, -0.95], rng.random((30, 4000)) < 0.02, axis=1)
    for noise in (0.0, 2 * traces.std()):
        noisy = traces + noise * rng.standard_normal(traces.shape)
        assert decay_time(noisy, np.full(30, noise)) == pytest.approx(-1 / np.log(0.95), rel=0.1)


def test_a_slow_background_does_not_lengthen_the_decay(rng):
    traces = lfilter([1], [1, -0.9], rng.random((30, 4000)) < 0.02, axis=1) + 0.3 * np.sin(np.arange(4000) / 400)
    assert decay_time(traces, np.zeros(30)) == pytest.approx(-1 / np.log(0.9), rel=0.15)


def test_white_noise_has_no_decay_and_no_events(rng):
    noise = rng.standard_normal((40, 2000))
    assert decay_time(noise, np.ones(40)) is None
    assert count_events(noise, np.full(40, 7.0), 10.0).sum() <= 8  # in 80 000 frames


def test_events_are_counted_though_they_overlap(rng):
    """Onsets one decay apart: half of the peaks do not stand out of the trace itself."""
    spikes = np.zeros((1, 600))
    spikes[0, 50:550:12] = 10
    traces = lfilter([1], [1, -np.exp(-1 / 12)], spikes, axis=1) + 0.3 * rng.standard_normal((1, 600))
    assert count_events(traces, np.array([7 * 0.3]), 12.0) == pytest.approx(42, abs=1)


def test_chance_is_not_dispersion(rng):
    assert dispersion(rng.poisson(9, 20000)) < 0.06
    assert dispersion(rng.poisson(rng.gamma(4, 2, 20000))) == pytest.approx(0.5, abs=0.03)


def test_ground_under_cells_goes_on_as_around_them(rng):
    y, x = np.indices((80, 90))
    smooth = 100 + 0.5 * x + 0.2 * y
    image = smooth + 3 * rng.standard_normal((80, 90))
    hidden = (np.hypot(y - 30, x - 30) < 8) | (np.hypot(y - 60, x - 70) < 8)
    filled = without(np.where(hidden, 1000.0, image), hidden)
    assert np.array_equal(filled[~hidden], image[~hidden])
    assert (filled - smooth)[hidden].mean() == pytest.approx(0, abs=1)
    assert (filled - smooth)[hidden].std() == pytest.approx(3, rel=0.35)


def test_cells_follow_light(rng):
    light = np.tile(np.linspace(0.2, 2, 200), (100, 1))
    chosen = rng.choice(light.size, 400, p=(light**1.5 / (light**1.5).sum()).ravel())
    assert follows(light, np.stack(np.unravel_index(chosen, light.shape), axis=1)) == pytest.approx(1.5, abs=0.3)
    even = rng.uniform(0, 100, (400, 2)) * (1, 2)
    assert follows(light, even) <= 0.2
    assert follows(np.ones((100, 200)), even) == 0


# ---- a truth is measured --------------------------------------------------------------------------------------------


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
