"""Motion against the numbers it was asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from detectnmf.errors import UserError
from detectnmf.simulate.motion.nonrigid import NonRigid
from detectnmf.simulate.motion.rigid import Rigid

SIZE = (301, 201)
QUICK = {"tau": 0.5, "reach": 50.0}


def test_rms_is_the_length_of_the_displacement():
    for shares in ((0.3, 0.06, 0.02), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.5, 0.5)):
        model = Rigid(rms=2.0, jerky=shares[0], breath=shares[1], beat=shares[2], jerks=60.0, **QUICK)
        paths = [model.path(20000, 10.0, np.random.default_rng(seed)) for seed in range(3)]
        assert np.sqrt((np.array(paths) ** 2).sum(axis=2).mean()) == pytest.approx(2, rel=0.08), shares


def test_the_wander_returns_within_its_time():
    path = Rigid(jerky=0.0, breath=0.0, beat=0.0, tau=2.0).path(60000, 10.0, np.random.default_rng(0))
    assert (path[20:] * path[:-20]).mean() / path.var() == pytest.approx(np.exp(-1), abs=0.05)


def test_jerks_settle():
    path = Rigid(jerky=1.0, breath=0.0, beat=0.0, jerks=6.0, settle=0.4, reach=100.0).path(60000, 20.0, np.random.default_rng(0))
    still = np.hypot(*path.T) < 0.05 * np.hypot(*path.T).max()
    assert still.mean() > 0.8  # brief
    jumps = np.hypot(*(path[1:] - path[:-1] * np.exp(-1 / 8)).T) > 1e-6
    assert jumps.sum() == pytest.approx(6 * 60000 / 20 / 60, rel=0.2)


@pytest.mark.parametrize(("share", "rhythm", "hz"), [("breath", "breathing", 2.5), ("beat", "pulse", 8.0)])
def test_breath_and_heart_keep_their_rhythm_along_a_line(share, rhythm, hz):
    shares = {"jerky": 0.0, "breath": 0.0, "beat": 0.0, share: 1.0, rhythm: hz}
    path = Rigid(**shares).path(6000, 30.0, np.random.default_rng(0))
    power = (np.abs(np.fft.rfft(path, axis=0)) ** 2).sum(axis=1)
    assert np.fft.rfftfreq(6000, 1 / 30)[power.argmax()] == pytest.approx(hz, abs=0.2)
    assert np.linalg.svd(path, compute_uv=False)[1] < 1e-9


def test_nothing_goes_beyond_reach():
    shifts = Rigid(rms=2.0, reach=4.0).shifts(5000, SIZE, 15.0, 0.7, np.random.default_rng(0)) * 0.7
    assert np.abs(shifts).max() == pytest.approx(4, rel=1e-5)  # it is reached, too


def test_nor_does_what_is_interpolated_between_places():
    """Bicubic interpolation, as the movie does it, overshoots."""
    model = NonRigid(rms=4.0, reach=8.0, local=4.0, spacing=60.0)
    shifts = torch.from_numpy(model.shifts(1000, SIZE, 15.0, 0.5, np.random.default_rng(0)))
    between = interpolate(shifts.permute(0, 3, 1, 2), size=(61, 41), mode="bicubic", align_corners=True)
    assert 12 < between.abs().max() <= 16  # px


def test_rigid_motion_is_one_displacement():
    shifts = Rigid().shifts(50, SIZE, 15.0, 2.0, np.random.default_rng(4))
    assert shifts.shape == (50, 1, 1, 2)
    assert shifts[:, 0, 0] * 2 == pytest.approx(Rigid().path(50, 15.0, np.random.default_rng(4)), abs=1e-5)


def test_places_deviate_by_as_much_as_said_and_on_their_own():
    model = NonRigid(rms=0.0, local=0.6, spacing=100.0, local_tau=0.5)
    shifts = model.shifts(20000, SIZE, 10.0, 1.0, np.random.default_rng(0))
    assert shifts.shape == (20000, 4, 3, 2)
    assert np.sqrt((shifts**2).sum(axis=3).mean()) == pytest.approx(0.6, rel=0.03)
    assert np.abs(np.corrcoef(shifts.reshape(20000, -1).T) - np.eye(24)).max() < 0.12
    assert (shifts[5:] * shifts[:-5]).mean() / shifts.var() == pytest.approx(np.exp(-1), abs=0.03)


def test_rows_are_seen_one_after_another():
    """The last row of a frame is where the first row of the next one is; without the scan all rows move together."""
    shifts = NonRigid(local=0.0, scan=True).shifts(200, SIZE, 15.0, 1.0, np.random.default_rng(0))
    assert np.array_equal(shifts[:-1, -1], shifts[1:, 0]) and np.ptp(shifts, axis=2).max() == 0
    assert np.ptp(shifts, axis=1).max() > 0.5
    together = NonRigid(local=0.0, scan=False).shifts(200, SIZE, 15.0, 1.0, np.random.default_rng(0))
    assert np.ptp(together, axis=(1, 2)).max() == 0


def test_a_long_movie_and_a_small_frame():
    assert NonRigid().shifts(50000, (8, 8), 30.0, 0.5, np.random.default_rng(0)).shape == (50000, 2, 2, 2)


def test_real_miniscope_motion_is_alike(data_dir):
    """The motion that another program found in a freely moving mouse: how far, how slow, how jerky."""
    real = np.load(data_dir / "recordings" / "miniscope-labels.npz")["shifts"]  # (1000, 2) px at 15 Hz
    real = real - real.mean(axis=0)
    rms = np.sqrt((real**2).sum(axis=1).mean())
    model = Rigid(rms=rms, reach=20.0)
    drawn = np.array([model.path(1000, 15.0, np.random.default_rng(seed)) for seed in range(10)])
    drawn -= drawn.mean(axis=1, keepdims=True)

    def kept(path, lag):
        return (path[..., lag:, :] * path[..., :-lag, :]).mean() / path.var()

    for lag in (1, 5, 15, 60):
        assert kept(drawn, lag) == pytest.approx(kept(real, lag), abs=0.2), lag
    assert np.abs(real).max() == pytest.approx(np.abs(drawn).max(axis=(1, 2)).mean(), rel=0.4)


@pytest.mark.parametrize(
    "knobs",
    [
        {"rms": -1},
        {"reach": 1.0},
        {"tau": 0},
        {"jerky": 1.2},
        {"breath": -0.1},
        {"jerks": 0},
        {"settle": 0},
        {"breathing": 0},
        {"pulse": 0},
    ],
)
def test_impossible_knobs(knobs):
    for model in (Rigid, NonRigid):
        with pytest.raises(UserError, match=next(iter(knobs))):
            model(**knobs)


@pytest.mark.parametrize("knobs", [{"local": 9.0}, {"spacing": 1.0}, {"local_tau": 0}])
def test_impossible_bending(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        NonRigid(**knobs)
