"""Opening and diffusion against plain references; a recording enhanced on reading."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from detectnmf.enhance.diffusion import diffuse
from detectnmf.enhance.neural import NeuralEnhancing
from detectnmf.enhance.opening import opening
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("edge", [1, 3, 5, 7, 9, 17, 31])
@pytest.mark.parametrize("size", [(40, 33), (33, 64)])
def test_opening_equals_erosion_and_dilation_by_definition(edge, size):
    frames = RNG.standard_normal((2, *size)).astype(np.float32)
    found = opening(torch.from_numpy(frames), edge).numpy()
    for frame, one in zip(frames, found, strict=True):
        eroded = ndimage.minimum_filter(frame, edge, mode="constant", cval=np.inf)
        assert np.array_equal(one, ndimage.maximum_filter(eroded, edge, mode="constant", cval=-np.inf))


def test_opening_leaves_what_is_wider_and_takes_what_is_narrower():
    frame = torch.zeros(1, 40, 40)
    frame[:, 5:20, 5:20] = 3.0  # 15 px wide
    frame[:, 10:15, 25:30] = 2.0  # 5 px wide
    wide = opening(frame, 9)
    assert torch.equal(wide[:, 5:20, 5:20], frame[:, 5:20, 5:20]) and wide[:, 10:15, 25:30].max() == 0


def test_diffusion_equals_a_plain_loop():
    frame, kappa, step = RNG.standard_normal((7, 9)), 0.8, 0.2
    expected = frame.copy()
    for _ in range(4):
        new = expected.copy()
        for y, x in np.ndindex(expected.shape):
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= v < 7 and 0 <= u < 9:
                    gradient = expected[v, u] - expected[y, x]
                    new[y, x] += step * np.exp(-((gradient / kappa) ** 2)) * gradient
        expected = new
    found = diffuse(torch.from_numpy(frame)[None], kappa, step, 4)[0].numpy()
    assert np.allclose(found, expected, atol=1e-12)
    assert found.mean() == pytest.approx(frame.mean(), abs=1e-12)


def test_edges_stay_and_noise_goes():
    clean = np.zeros((1, 40, 40), np.float32)
    clean[:, :, 20:] = 20.0
    noisy = torch.from_numpy(clean + RNG.standard_normal(clean.shape).astype(np.float32))
    smooth = diffuse(noisy, 3.0, 0.2, 15).numpy()
    assert smooth[0, 2:-2, 2:17].std() < 0.4
    assert abs(smooth[0, :, 20].mean() - smooth[0, :, 19].mean()) > 19


def movie(frames=30, size=(60, 70)):
    """Cells of 6 px on a bright background that drifts, and the cells alone."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    cells = np.zeros((frames, *size), np.float32)
    for row, column in ((15, 20), (40, 50), (30, 25)):
        cells += RNG.uniform(5, 10, (frames, 1, 1)) * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)
    ground = 200 + 10 * np.sin(rows / 40 + np.arange(frames)[:, None, None] / 5) * np.cos(columns / 50)
    return (cells + ground).astype(np.float32), cells


def test_cells_are_left_and_the_background_goes():
    made, cells = movie()
    enhanced = NeuralEnhancing(iterations=0)(Recording(made), 8.0, RUNTIME)
    assert enhanced.dtype == np.float32 and enhanced.shape == made.shape
    left = enhanced[:]
    peak = cells > 0.5 * cells.max()
    assert np.corrcoef(left.ravel(), cells.ravel())[0, 1] > 0.95
    assert np.abs(left - cells)[peak].max() < 3  # of 5 to 10
    assert np.array_equal(left[4:9], enhanced[4:9]) and np.array_equal(left[7], enhanced[7])


def test_missing_and_saturated_samples_stay_missing_and_disturb_nothing():
    made, _ = movie()
    holed = made.copy()
    holed[3, 10:12, 10:12], holed[5] = np.nan, np.nan
    whole, left = (NeuralEnhancing()(Recording(frames), 8.0, RUNTIME)[:] for frames in (made, holed))
    assert np.isnan(left[3, 10:12, 10:12]).all() and np.isnan(left[5]).all() and np.isnan(left).sum() == 4 + 60 * 70
    far = np.ones((60, 70), bool)
    far[:40, :40] = False
    assert np.array_equal(left[[0, 4]], whole[[0, 4]]) and np.allclose(left[3][far], whole[3][far], atol=0.05)
    counts = np.clip(made, 0, 254).astype(np.uint8)
    counts[:, 2, 2] = 255
    assert np.isnan(NeuralEnhancing()(Recording(counts), 8.0, RUNTIME)[:][:, 2, 2]).all()


@pytest.mark.parametrize(
    ("knobs", "diameter", "words"),
    [
        ({}, None, "diameter="),
        ({}, 50.0, "does not fit into 60 x 70"),
        ({"step": 0.3}, 8.0, "at most 0.25"),
        ({"kappa": 0.0}, 8.0, "kappa must"),
    ],
)
def test_what_cannot_be_is_said(knobs, diameter, words):
    with pytest.raises(UserError, match=words):
        NeuralEnhancing(**knobs)(Recording(movie()[0]), diameter, RUNTIME)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_agrees():
    made, _ = movie()
    one, other = (NeuralEnhancing()(Recording(made), 8.0, Runtime(device=d, quiet=True))[:] for d in ("cpu", "cuda"))
    assert np.allclose(one, other, atol=1e-3)
