"""The one-photon background against the numbers it was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.background.widefield import Widefield, bursts


def test_bursts_have_unit_variance_the_decay_and_the_skew_of_shot_noise():
    """Skewness of Poisson events of exponential size in an exponential decay of r: Campbell's theorem in discrete time."""
    events, tau = 0.05, 8.0
    courses = bursts(400, 3000, events, tau, np.random.default_rng(0))
    keep = np.exp(-1 / tau)
    assert courses.mean() == pytest.approx(0, abs=0.02) and courses.var() == pytest.approx(1, abs=0.04)
    assert (courses[:, 8:] * courses[:, :-8]).mean() == pytest.approx(np.exp(-1), abs=0.04)
    skew = 6 * events / (1 - keep**3) / (2 * events / (1 - keep**2)) ** 1.5
    assert (courses**3).mean() == pytest.approx(skew, rel=0.1)


def test_the_whole_field_fluctuates_slowly_and_together():
    model = Widefield(local=0.0, modes=1, common=0.05, tau=2.0)
    neuropil = model.draw(20000, (30, 30), 10.0, 10.0, np.random.default_rng(0))
    relative = (neuropil.spatial @ neuropil.temporal) / neuropil.baseline.reshape(-1, 1)
    assert relative.std(axis=1).mean() == pytest.approx(0.05, rel=0.1)
    whole = relative.mean(axis=0)
    assert np.corrcoef(relative[::37])[0].min() > 0.99
    assert (whole[20:] * whole[:-20]).mean() / whole.var() == pytest.approx(np.exp(-1), abs=0.08)


def test_local_fluctuations_have_their_strength_length_and_decay():
    lag = 6  # px of 10 µm
    strength, skew, near, far, later = [], [], [], [], []
    for seed in range(24):
        neuropil = Widefield(common=0.0, local=0.04, length=60.0, decay=0.5).draw(600, (40, 40), 10.0, 10.0, np.random.default_rng(seed))
        movie = ((neuropil.spatial @ neuropil.temporal) / neuropil.baseline.reshape(-1, 1)).reshape(40, 40, -1)
        strength.append(movie.var())
        skew.append((movie**3).mean())
        near.append((movie[lag:] * movie[:-lag]).mean())
        far.append((movie[4 * lag :] * movie[: -4 * lag]).mean())
        later.append((movie[..., 5:] * movie[..., :-5]).mean())
    assert np.mean(skew) / np.mean(strength) ** 1.5 > 0.3  # events brighten
    assert np.sqrt(np.mean(strength)) == pytest.approx(0.04, rel=0.1)
    assert np.mean(near) / np.mean(strength) == pytest.approx(1 / 3 + 2 / 3 * np.exp(-0.5), abs=0.05)
    assert np.mean(far) / np.mean(strength) == pytest.approx(1 / 3, abs=0.06)
    assert np.mean(later) / np.mean(strength) == pytest.approx(np.exp(-1), abs=0.05)


def test_the_image_is_smooth_and_has_gradients():
    images = [Widefield(modes=1).draw(1, (100, 100), 15.0, 20.0, np.random.default_rng(seed)).baseline for seed in range(20)]
    assert np.std(images) == pytest.approx(np.hypot(0.2, 0.1), rel=0.1)
    steps = np.concatenate([np.diff(image, axis=0).ravel() for image in images])
    # slope of a field of SD s and correlation exp(-r²/2l²): s / l per µm
    assert steps.std() / 20 == pytest.approx(np.hypot(0.2 / 250, 0.1 / 60), rel=0.1)


@pytest.mark.parametrize("knobs", [{"common": 0.5}, {"length": 0}, {"tau": -1}, {"modes": 0}, {"texture": 2}, {"decay": 0}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Widefield(**knobs)
