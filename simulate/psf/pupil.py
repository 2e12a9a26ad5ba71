"""Light focused by a pupil of round symmetry: Richards and Wolf's vectorial integral, along radius and depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import j0, j1, jv

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import legendre


@dataclass(frozen=True)
class Pupil:
    """What the objective lets through.

    Args:
        inner, outer: numerical apertures between which light enters; inner is 0 for a full pupil.
        fill: 1/e² radius of the laser beam's intensity at the back aperture, in radii of the aperture (`outer`); inf for even light.
        wavelength: µm, in vacuum.
        index: refractive index of the immersion.
        tissue: refractive index of the tissue.
        depth: µm of tissue above the focal plane; if the two indices differ it blurs by spherical aberration.
    """

    outer: float
    inner: float = 0.0
    fill: float = np.inf
    wavelength: float = 0.92
    index: float = 1.33
    tissue: float = 1.33
    depth: float = 0.0

    def __post_init__(self) -> None:
        if not 0.2 <= self.wavelength <= 5:
            raise UserError(f"psf.wavelength is in µm, for example 0.92, got {self.wavelength}")
        if not self.depth >= 0:
            raise UserError(f"psf.depth must be 0 µm or more, got {self.depth}")
        if not self.fill > 0:
            raise UserError(f"psf.fill must be above 0, got {self.fill}")

    @property
    def wavenumber(self) -> float:
        """2π / λ in vacuum (1/µm)."""
        return 2 * np.pi / self.wavelength

    def cosines(self, sine: np.ndarray | float, index: float) -> np.ndarray:
        """cosθ in a medium, where `sine` = index · sinθ is the numerical aperture of a ray."""
        return np.asarray(np.sqrt(1 - (np.asarray(sine) / index) ** 2))

    def slope(self) -> float:
        """tan of the steepest ray's angle in the tissue."""
        return float(np.tan(np.arcsin(self.outer / self.tissue)))

    def aberration(self, sine: np.ndarray) -> np.ndarray:
        """Phase (rad) that a ray gains in `depth` of tissue over what it would gain in immersion; Hell et al. 1993, eq. 13."""
        path = self.tissue * self.cosines(sine, self.tissue) - self.index * self.cosines(sine, self.index)
        return np.asarray(self.wavenumber * self.depth * path)


def intensity(pupil: Pupil, radius: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(D, R) intensity at depths z (D,) and radii (R,), µm, of circularly polarised light; z = 0 is the nominal focus.

    |I0|² + 2 |I1|² + |I2|² (Richards & Wolf 1959), which is also the mean over all directions of linear polarisation. The integrals
    run over cosθ, in which the phase of defocus, k n z cosθ, is linear: Gauss-Legendre nodes then converge fast.
    """
    k = pupil.wavenumber
    low, high = pupil.cosines(pupil.outer, pupil.index), pupil.cosines(pupil.inner, pupil.index)
    edges = np.array([pupil.inner, pupil.outer])
    swing = k * pupil.tissue * np.abs(z).max(initial=0) * abs(np.diff(pupil.cosines(edges, pupil.tissue))[0])
    swing += k * radius.max() * (pupil.outer - pupil.inner) + abs(np.diff(pupil.aberration(edges))[0])
    node, weight = legendre(int(0.6 * swing) + 32)
    cosine = (high + low) / 2 + (high - low) / 2 * node
    sine = pupil.index * np.sqrt(1 - cosine**2)  # numerical aperture of each ray
    bent = pupil.cosines(sine, pupil.tissue)  # cosθ behind the surface
    beam = weight * np.sqrt(cosine) * np.exp(-((sine / (pupil.fill * pupil.outer)) ** 2))
    wave = beam * np.exp(1j * (k * pupil.tissue * np.multiply.outer(z, bent) + pupil.aberration(sine)))
    argument = k * np.multiply.outer(sine, radius)
    parts = ((1.0, 1 + bent, j0(argument)), (2.0, sine / pupil.tissue, j1(argument)), (1.0, 1 - bent, jv(2, argument)))
    total = np.zeros((len(z), len(radius)))
    for times, direction, bessel in parts:
        wanted = direction[:, None] * bessel
        total += times * ((wave.real @ wanted) ** 2 + (wave.imag @ wanted) ** 2)
    return total


def best_focus(pupil: Pupil) -> float:
    """z (µm) at which the axis is brightest; 0 without aberration."""
    if pupil.depth == 0 or pupil.tissue == pupil.index:
        return 0.0
    shift = pupil.depth * (pupil.tissue / pupil.index - 1)  # of paraxial rays, upwards or downwards
    span = 4 * abs(shift) + 10
    z = np.linspace(-span, span, int(8 * span) + 1)
    for _ in range(3):
        best = z[intensity(pupil, np.zeros(1), z)[:, 0].argmax()]
        z = best + np.linspace(-2, 2, 81) * (z[1] - z[0])
    return float(best)


def symmetric(look: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> np.ndarray:
    """look(z) for a function that depends on |z| alone, computed once for each |z|."""
    distinct, place = np.unique(np.abs(z), return_inverse=True)
    return np.asarray(look(distinct)[place])
