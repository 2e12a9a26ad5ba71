"""The background of a run: what was found is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.result import DemixResult
from detectnmf.simulate.background.result import FromResult, mirrored, read, strongest

SIZE, FRAMES, DARK = (20, 25), 60, 100.0


@pytest.fixture(scope="module")
def result():
    """Light 200 + a slope to the right; one component that swings slowly, twice as strong at the bottom, and a weak one."""
    rng = np.random.default_rng(0)
    baseline = DARK + 200 + np.arange(25.0) * np.ones((20, 1))
    strong = (1 + np.arange(20.0) / 19)[:, None] * np.ones(25)
    weak = 0.01 * rng.standard_normal(SIZE)
    courses = np.stack([20 * np.sin(np.arange(FRAMES) / 9), rng.standard_normal(FRAMES)])
    courses -= courses.mean(axis=1, keepdims=True)
    spatial = np.stack([strong.ravel(), weak.ravel()], axis=1)
    background = Compressed.from_factors(spatial, courses, np.zeros(SIZE), rate=10.0, pixel_size=2.0)
    cells = Components.from_images(np.zeros((0, *SIZE), np.float32), np.zeros((0, FRAMES), np.float32))
    return DemixResult(cells, baseline.astype(np.float32), background, rate=10.0, pixel_size=2.0)


@pytest.fixture(scope="module")
def path(result, tmp_path_factory):
    file = tmp_path_factory.mktemp("run") / "result.h5"
    result.save(file)
    return str(file)


def movie(neuropil, size):
    return neuropil.baseline + (neuropil.spatial @ neuropil.temporal).T.reshape(-1, *size)


def test_the_same_size_and_length_give_the_background_itself(result, path):
    neuropil = FromResult(path, offset=DARK).draw(FRAMES, SIZE, 10.0, 2.0, np.random.default_rng(0))
    truth = result.baseline - DARK + result.background[:]
    assert movie(neuropil, SIZE) == pytest.approx(truth / truth.mean(), abs=2e-4)
    assert np.abs(neuropil.temporal.mean(axis=1)).max() < 1e-5


def test_a_folder_is_as_good_as_its_file(path):
    assert FromResult(path.removesuffix("/result.h5"))._found.baseline.mean() == pytest.approx(1)


def test_more_than_there_is_runs_to_and_fro_without_a_jump(path):
    size = (45, 70)
    neuropil = FromResult(path, offset=DARK).draw(500, size, 10.0, 2.0, np.random.default_rng(0))
    frames = movie(neuropil, size)
    there = movie(FromResult(path, offset=DARK).draw(FRAMES, SIZE, 10.0, 2.0, np.random.default_rng(0)), SIZE)
    for axis in range(3):
        assert np.abs(np.diff(frames, axis=axis)).max() < 1.2 * np.abs(np.diff(there, axis=axis)).max()
    middle = 2 * (FRAMES - 1)  # a full way to and fro
    assert np.abs(frames[: 500 - middle] - frames[middle:]).max() < 1e-4


def test_space_and_time_keep_their_scale(path):
    """Half the pixel, twice the rate: every second pixel and frame is the old one."""
    coarse = FromResult(path, offset=DARK).draw(FRAMES, SIZE, 10.0, 2.0, np.random.default_rng(0))
    fine = FromResult(path, offset=DARK).draw(2 * FRAMES - 1, (39, 49), 20.0, 1.0, np.random.default_rng(0))
    ratio = movie(fine, (39, 49))[::2, ::2, ::2] / movie(coarse, SIZE)
    assert np.ptp(ratio) < 1e-3


def test_a_crop_is_taken_at_random(path):
    images = [FromResult(path, offset=DARK).draw(5, (10, 10), 10.0, 2.0, np.random.default_rng(seed)).temporal for seed in range(3)]
    assert not np.allclose(images[0], images[1]) and not np.allclose(images[1], images[2])


def test_only_the_strongest_components_are_kept(path):
    neuropil = FromResult(path, offset=DARK, modes=1).draw(FRAMES, SIZE, 10.0, 2.0, np.random.default_rng(0))
    fluctuation = (neuropil.spatial @ neuropil.temporal).std(axis=1).reshape(SIZE)
    assert neuropil.temporal.shape[0] == 1
    assert fluctuation[-1].mean() / fluctuation[0].mean() == pytest.approx(2, rel=0.01)


def test_strongest_is_the_singular_value_decomposition():
    from scipy import sparse

    rng = np.random.default_rng(0)
    spatial, temporal = rng.standard_normal((300, 12)) * 0.5 ** np.arange(12), rng.standard_normal((12, 80))
    images, courses = strongest(sparse.csr_array(spatial), temporal, 5)
    left, singular, right = np.linalg.svd(spatial @ temporal, full_matrices=False)
    assert images @ courses == pytest.approx((left[:, :5] * singular[:5]) @ right[:5], abs=1e-3 * singular[0])


def test_no_background_and_one_frame(tmp_path):
    cells = Components.from_images(np.zeros((0, *SIZE), np.float32), np.zeros((0, 1), np.float32))
    none = Compressed.from_factors(np.zeros((500, 0)), np.zeros((0, 1)), np.zeros(SIZE))
    DemixResult(cells, np.ones(SIZE, np.float32), none).save(tmp_path / "r.h5")
    neuropil = FromResult(str(tmp_path / "r.h5")).draw(7, (30, 30), 10.0, 1.0, np.random.default_rng(0))
    assert neuropil.baseline == pytest.approx(np.ones((30, 30))) and neuropil.temporal.shape == (0, 7)


def test_mirrored_places():
    line = np.array([0.0, 1.0, 2.0, 3.0])
    assert read(line, np.array([0, 0.5, 3, 3.5, 4, 6, 7, -1, -3.5]), 0) == pytest.approx([0, 0.5, 3, 2.5, 2, 0, 1, 1, 2.5])
    below, part = mirrored(np.array([5.0]), 1)
    assert below[0] == 0 and 0 <= part[0] <= 1


@pytest.mark.parametrize(
    ("knobs", "word"),
    [({"path": None}, "path"), ({"path": "nowhere.h5"}, "nowhere"), ({"modes": -1}, "modes"), ({"offset": 1e4}, "offset")],
)
def test_impossible_knobs(knobs, word, path):
    with pytest.raises(UserError, match=word):
        FromResult(**{"path": path, **knobs})
