"""Footprints of cells whose image is known."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.simulate.footprints import look, project
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.base import Part, Shape
from detectnmf.simulate.shapes.soma import Soma

SIZE = (21, 31)
POINT = Shape(np.zeros((1, 3)), np.ones(1))


def image(shape, position, optics, size=SIZE):
    patch = project(shape.points + np.array(position, float), shape.weights[None], optics, size)
    whole = np.zeros(size[0] * size[1])
    if patch is not None:
        pixels, values = patch.inside(size)
        whole[pixels] = values[0]
    return whole.reshape(size) * optics.bulk


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
        optics = Optics.of(psf)
        assert np.allclose(image(slab, (0, 0, 0), optics) / optics.bulk, 1, rtol=1e-3)


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
    cells = Soma().draw(3, np.random.default_rng(0))
    positions = np.array([[0, 10, 8], [0, 10, 22], [0, 400, 400]], float)
    full = np.stack([image(cell, place, optics).ravel() for cell, place in zip(cells, positions, strict=True)], axis=1) / optics.bulk
    seen = look(cells, positions, optics, SIZE, cut=0.1)
    dense = seen.whole.toarray()
    assert dense[:, :2].max(axis=0) == pytest.approx([1, 1])
    assert dense[dense > 0].min() >= 0.1
    assert np.allclose((dense * seen.peak)[dense > 0], full[dense > 0], rtol=1e-5)
    assert (full / np.maximum(full.max(axis=0), 1e-12))[dense == 0].max() < 0.1
    assert seen.peak == pytest.approx(full.max(axis=0))
    assert seen.peak[2] == 0 and dense[:, 2].sum() == 0


def test_width_is_that_of_the_disc_above_half():
    sheet = np.argwhere(np.hypot(*np.mgrid[-40:41, -40:41]) <= 20) - 40.0
    flat = Shape(np.c_[np.zeros(len(sheet)), sheet / 4], np.ones(len(sheet)))  # a disc of radius 5 µm
    seen = look([flat], np.array([[0, 10, 15.0]]), Optics.of(TwoPhoton(0.25)), (100, 140), cut=0.02)
    assert seen.width[0] * 0.25 == pytest.approx(10, rel=0.03)


def test_parts_add_up_to_the_cell():
    optics = Optics.of(TwoPhoton(1.0))
    cell = Soma().draw(1, np.random.default_rng(0))[0]
    halves = Shape(cell.points, cell.weights, parts=(Part(), Part(delay=1.0)), part=(cell.points[:, 2] > 0).astype(int))
    place = np.array([[0, 10, 15.0]])
    one, two = (look([shape], place, optics, SIZE, cut=0.02) for shape in (cell, halves))
    assert two.footprints.shape == (651, 2) and (two.owner == 0).all()
    assert np.allclose(two.whole.toarray(), one.whole.toarray(), atol=1e-5)
    left, right = two.footprints.toarray().T.reshape(2, *SIZE)
    assert left[:, 20:].sum() < 1e-3 < left.sum() and right[:, :10].sum() < 1e-3 < right.sum()


def test_a_soma_takes_the_room_of_what_the_focus_sees():
    optics = Optics.of(TwoPhoton(1.0))
    ball = Soma(diameter=14, diameter_sd=0, roughness=0, stretch=1).draw(1, np.random.default_rng(0))[0]
    volume = np.full(len(ball.points), 4 / 3 * np.pi * 7**3 / len(ball.points))
    seen = look([Shape(ball.points, ball.weights, volume=volume)], np.array([[0, 10, 15.0]]), optics, SIZE, cut=0.02)
    occupied = seen.occupied.reshape(SIZE)
    assert occupied[10, 15] == pytest.approx(1, abs=0.05)  # the focus lies wholly inside
    assert occupied[0, 0] == 0
