"""Every shape library under every PSF: the light of a footprint is that of its points, each at its depth."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from samples import overrides

from detectnmf.simulate.footprints import look, project
from detectnmf.simulate.optics import Optics

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FIELD = (700, 700)  # µm and px: dendrites end within
CENTRE = np.array([0.0, 350.0, 350.0])


def names(group):
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


@cache
def built(group, option):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(overrides=["+scene=default", f"+{group}={option}", *overrides(group, option)])
    return instantiate(config[group], _convert_="all")


@cache
def seen_through(psf):
    return Optics.of(built("psf", psf))


@cache
def cell(shapes):
    return built("shapes", shapes).draw(1, np.random.default_rng(4))[0]


@pytest.mark.parametrize("psf", names("psf"))
@pytest.mark.parametrize("shapes", names("shapes"))
def test_light_is_that_of_the_points(shapes, psf):
    """Within 1 %: the sum of the image is the sum over points of weight times the PSF's energy at the point's depth."""
    shape, optics = cell(shapes), seen_through(psf)
    patch = project(shape.points + CENTRE, shape.weights[None], optics, FIELD)
    depth = np.clip(shape.points[:, 0], -149, 149)
    energy = np.interp(depth, optics.depth, optics.coefficients @ optics.kernels.sum(axis=(1, 2)), left=0, right=0)
    assert patch is not None and np.isfinite(patch.images).all()
    assert patch.images.sum() * optics.bulk == pytest.approx(float(energy @ shape.weights), rel=0.01)


@pytest.mark.parametrize("psf", names("psf"))
@pytest.mark.parametrize("shapes", names("shapes"))
def test_footprints_sit_on_their_cells(shapes, psf):
    """Maximum 1, and half of the light of what is bright lies within a soma's reach of the middle (two middles for a V)."""
    shape, optics = cell(shapes), seen_through(psf)
    seen = look([shape], CENTRE[None], optics, FIELD, cut=0.02)
    image = seen.whole.toarray()[:, 0].reshape(FIELD)
    assert image.max() == pytest.approx(1) and seen.peak[0] > 0
    rows, columns = np.nonzero(image > 0.5)
    assert np.abs([rows.mean() - 350, columns.mean() - 350]).max() < 0.75 * built("shapes", shapes).diameter
    assert seen.occupied.min() >= 0 and seen.occupied.max() <= 1
