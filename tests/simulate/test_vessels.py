"""Vessels, vignettes and haemodynamics against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.illumination.uneven import Uneven, vignette
from detectnmf.simulate.illumination.vessels import STEP, Vessels, stamp, walk

PLAIN = {"widths": (6.0, 6.0), "blur": 0.0, "darkness": 0.9}


def test_a_line_of_one_mm_crosses_as_many_as_said():
    """Straight lines through the network, counted where a piece lies on both sides of them."""
    vessels = Vessels(per_mm=5.0, length=300.0)
    counts = []
    for seed in range(12):
        pieces = vessels.network(np.array([1000.0, 1000.0]), np.random.default_rng(seed))
        for axis in (0, 1):
            for line in (200.0, 500.0, 800.0):
                crosses = (pieces[:, axis] < line) != (pieces[:, axis + 2] < line)
                along = pieces[crosses, 1 - axis]
                counts.append(((along > 0) & (along < 1000)).sum())
    assert np.mean(counts) == pytest.approx(5, rel=0.12)


def test_paths_forget_their_direction():
    persistence = 120.0
    cosines = [
        np.cos(h - h[0])[[15, 30, 60]]
        for h in (walk(np.zeros(2), 1.0, 4.0, 300.0, persistence, np.random.default_rng(s))[1] for s in range(3000))
    ]
    assert np.mean(cosines, axis=0) == pytest.approx(np.exp(-np.array([15, 30, 60]) * STEP / persistence), abs=0.05)


def test_pieces_join_and_branches_obey_murray():
    vessels = Vessels(widths=(4.0, 40.0), fork=80.0)
    tree = vessels.tree(np.zeros(2), np.random.default_rng(2))
    assert tree[:, 4].min() >= 4 and tree[:, 4].max() <= 40
    assert np.hypot(*(tree[:, 2:4] - tree[:, :2]).T) == pytest.approx(np.full(len(tree), STEP))
    forks = 0
    for end in np.unique(tree[:, 2:4].round(6), axis=0):
        parents = tree[(np.abs(tree[:, 2:4] - end) < 1e-5).all(axis=1), 4]
        children = tree[(np.abs(tree[:, :2] - end) < 1e-5).all(axis=1), 4]
        if len(children) == 2 and children[0] != children[1]:
            forks += 1
            assert parents[0] ** 3 == pytest.approx((children**3).sum())
    assert forks > 2


def test_a_straight_vessel_is_as_dark_as_the_way_through_it():
    chords = np.zeros((60, 40), np.float32)
    stamp(chords, np.array([[-50.0, 10.0, 100.0, 10.0, 8.0, 1.0]]), 0.5)
    x = np.arange(40) * 0.5 - 10
    assert chords == pytest.approx(2 * np.sqrt(np.maximum(16 - x**2, 0)) * np.ones((60, 1)), abs=1e-5)


def test_darkness_is_reached_in_the_middle_of_the_widest():
    passed = Vessels(per_mm=8.0, **PLAIN).shadow((300, 300), 1.0, np.random.default_rng(0))
    assert passed.min() == pytest.approx(0.1, abs=0.01) and np.median(passed) == 1


def test_the_same_vessels_at_another_pixel_size():
    """A pixel twice as large shows the mean of what lies in it; its centre lies on every second of the small ones."""
    for blur, off in ((0.0, 0.03), (5.0, 0.01)):
        vessels = Vessels(per_mm=6.0, widths=(5.0, 12.0), blur=blur)
        fine = vessels.shadow((240, 240), 1.0, np.random.default_rng(3))
        coarse = vessels.shadow((120, 120), 2.0, np.random.default_rng(3))
        mean = (fine[:-2] + 2 * fine[1:-1] + fine[2:]) / 4
        mean = (mean[:, :-2] + 2 * mean[:, 1:-1] + mean[:, 2:]) / 4
        assert np.sqrt(((coarse[1:-1, 1:-1] - mean[1:-1:2, 1:-1:2]) ** 2).mean()) < off
        assert coarse.min() < 0.6


def test_blur_is_a_gaussian_of_that_many_um():
    sharp, blurred = (
        Vessels(per_mm=4.0, widths=(6.0, 6.0), blur=blur).shadow((400, 400), 1.0, np.random.default_rng(1)) for blur in (0.0, 6.0)
    )
    y, x = np.meshgrid(np.fft.fftfreq(400), np.fft.fftfreq(400), indexing="ij")
    again = np.fft.ifft2(np.fft.fft2(sharp) * np.exp(-2 * (np.pi * 6) ** 2 * (y**2 + x**2))).real
    inside = slice(30, -30)
    assert blurred[inside, inside] == pytest.approx(again[inside, inside], abs=0.01)


def test_no_vessels():
    assert (Vessels(per_mm=0.0).shadow((20, 20), 1.0, np.random.default_rng(0)) == 1).all()


def test_vignette_has_half_its_fall_at_the_radius_and_scales_with_the_pixel():
    for pixel_size in (0.5, 2.0):
        n = int(400 / pixel_size) + 1
        light = vignette((n, n), pixel_size, (0.0, 30.0), 100.0, 0.2, 4.0)
        middle, right = n // 2, n // 2 + round(30 / pixel_size)
        assert light[middle, right] == pytest.approx(1)
        assert light[middle, right + round(100 / pixel_size)] == pytest.approx(0.6)
        assert light[middle - round(100 / pixel_size), right] == pytest.approx(0.6)
        assert light[0, 0] == pytest.approx(0.2, abs=1e-3)


def test_the_vignette_is_off_centre_as_said():
    centres = []
    for seed in range(150):
        profile = Uneven(offset=20.0, radius=60.0, edge=0.0).draw(1, (41, 41), 15.0, 5.0, np.random.default_rng(seed)).profile
        centres.append(5.0 * (np.array(np.unravel_index(profile.argmax(), profile.shape)) - 20))
    assert np.std(centres) == pytest.approx(20, rel=0.15)


def test_haemodynamics_are_as_strong_and_as_fast_as_said():
    model = Uneven(vasomotion=0.02, wave=0.5, heartbeat=0.005, pulse=9.0)
    light = model.draw(20000, (20, 20), 10.0, 20.0, np.random.default_rng(0))
    movie = light.spatial @ light.temporal
    assert np.sqrt((movie**2).mean()) == pytest.approx(np.hypot(0.02, 0.005), rel=0.06)
    power = np.abs(np.fft.rfft(light.temporal)) ** 2
    peaks = np.fft.rfftfreq(20000, 0.1)[power.argmax(axis=1)]
    assert peaks == pytest.approx([0.5, 1.0], abs=0.1)  # 9 Hz at 10 frames per second is seen as 1 Hz


def test_light_changes_most_under_vessels():
    light = Uneven(vessels=Vessels(per_mm=8.0), vasomotion=0.02).draw(500, (200, 200), 15.0, 2.0, np.random.default_rng(1))
    swing = np.abs(light.spatial[:, 0])
    shaded = light.tissue.ravel() < 0.5
    assert swing[shaded].mean() > 1.5 * swing[light.tissue.ravel() > 0.95].mean()
    assert (light.spatial[:, 0] < 0).mean() > 0.95  # the field brightens and darkens together


@pytest.mark.parametrize(
    "knobs", [{"radius": 0}, {"edge": 2}, {"offset": -1}, {"rim": 0}, {"vasomotion": 0.5}, {"heartbeat": -0.1}, {"wave": 0}, {"pulse": 0}]
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Uneven(**knobs)


@pytest.mark.parametrize(
    "knobs",
    [
        {"widths": (5.0, 4.0)},
        {"widths": (4.0,)},
        {"darkness": 1.0},
        {"per_mm": -1},
        {"blur": -1},
        {"length": 0},
        {"fork": 0},
        {"persistence": 0},
    ],
)
def test_impossible_vessels(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Vessels(**knobs)
