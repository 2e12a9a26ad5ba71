"""Footprints of cells whose image is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.footprints import Optics, normalise, project, project_all
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.soma import Soma

SIZE = (21, 31)
POINT = Shape(np.zeros((1, 3)), np.ones(1))


def image(shape, position, optics, size=SIZE):
    return project(shape, np.array(position, float), optics, size).toarray().reshape(size) * optics.bulk


@pytest.mark.parametrize("psf", [TwoPhoton(0.5), Bessel(0.5)], ids=["two_photon", "bessel"])
@pytest.mark.parametrize("depth", [0.0, 2.5])
def test_a_point_is_the_psf(psf, depth):
    kernel = psf(np.array([depth]))[0]
    half = kernel.shape[0] // 2
    seen = image(POINT, (depth, 5.0, 7.5), Optics.of(psf))  # pixel (10, 15)
    assert np.allclose(seen[10 - half : 11 + half, 15 - half : 16 + half], kernel, atol=1e-5)


def test_energy_is_kept_between_pixels():
    optics = Optics.of(TwoPhoton(1.0))
    for shift in (0.0, 0.25, 0.5, 0.9):
        seen = image(POINT, (0, 10 + shift, 15 - shift), optics)
        rows, columns = np.indices(SIZE)
        assert seen.sum() == pytest.approx(1, rel=1e-4)
        assert [(rows * seen).sum(), (columns * seen).sum()] == pytest.approx([10 + shift, 15 - shift], abs=1e-3)


def test_energy_of_a_cloud_is_that_of_its_points():
    psf = TwoPhoton(1.0)
    rng = np.random.default_rng(0)
    cloud = Shape(rng.normal(0, 2, (500, 3)), rng.uniform(0, 1, 500))
    energy = psf(cloud.points[:, 0]).sum(axis=(1, 2)) @ cloud.weights
    assert image(cloud, (0, 10, 15), Optics.of(psf)).sum() == pytest.approx(energy, rel=2e-3)


def test_a_thick_uniform_medium_has_level_one():
    for psf in (TwoPhoton(1.0), Bessel(1.0, length=20)):
        z, y, x = np.meshgrid(np.arange(-60, 60, 0.5), np.arange(-25, 50), np.arange(-25, 60), indexing="ij")
        slab = Shape(np.stack([z, y, x], axis=-1).reshape(-1, 3).astype(float), np.full(z.size, 0.5))
        seen = project(slab, np.zeros(3), Optics.of(psf), SIZE).toarray()
        assert np.allclose(seen, 1, rtol=1e-3)


def test_bessel_sees_all_depths_and_a_focused_beam_does_not():
    soma = Soma().draw(1, np.random.default_rng(0))[0]
    for psf, kept in ((TwoPhoton(1.0), 0.0), (Bessel(1.0, length=60), 0.5)):
        optics = Optics.of(psf)
        near, far = (image(soma, (z, 10, 15), optics).sum() for z in (0, 30))
        assert far / near == pytest.approx(kept, abs=0.02)


def test_a_cell_beside_the_frame():
    optics = Optics.of(TwoPhoton(1.0))
    assert image(POINT, (0, -50, 0), optics).sum() == 0
    line = TwoPhoton(1.0)(np.zeros(1))[0].sum(axis=0)
    corner = line[len(line) // 2 :].sum() ** 2  # a quarter of the kernel, and the pixels in between
    assert image(POINT, (0, 0, 0), optics).sum() == pytest.approx(corner, rel=1e-3)


def test_cut_and_maximum():
    optics = Optics.of(TwoPhoton(1.0))
    cells = tuple(Soma().draw(3, np.random.default_rng(0)))
    raw = project_all(cells, np.array([[0, 10, 8], [0, 10, 22], [0, 400, 400]], float), optics, SIZE)
    seen = normalise(raw, cut=0.1)
    dense, full = seen.footprints.toarray(), raw.toarray()
    assert dense[:, :2].max(axis=0) == pytest.approx([1, 1])
    assert dense[dense > 0].min() >= 0.1
    assert np.allclose((dense * seen.peak)[dense > 0], full[dense > 0], rtol=1e-5)
    assert (full / np.maximum(full.max(axis=0), 1e-12))[dense == 0].max() < 0.1
    assert (full[seen.brightest[:2], [0, 1]] == full[:, :2].max(axis=0)).all()
    assert seen.peak[2] == 0 and dense[:, 2].sum() == 0


@dataclass(frozen=True)
class Odd:
    """A PSF that answers what it is told."""

    answer: np.ndarray
    pixel_size: float = 1.0

    def __call__(self, depth):
        return np.broadcast_to(self.answer, (len(depth), *self.answer.shape))


@pytest.mark.parametrize(
    ("answer", "word"),
    [(np.ones((4, 3)), "odd"), (-np.ones((3, 3)), "negative"), (np.full((3, 3), np.nan), "finite"), (np.zeros((3, 3)), "is 0")],
)
def test_a_broken_psf(answer, word):
    with pytest.raises(UserError, match=word):
        Optics.of(Odd(answer))
