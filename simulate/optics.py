"""`Optics`: a PSF made fast, for cells, neuropil and all else that is seen through it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import fft, interpolate

from detectnmf.errors import UserError
from detectnmf.simulate.psf.base import PSF

THICKNESS = 150.0  # µm of tissue above and below the focal plane that can be seen
DEPTH_STEP = 0.5  # µm
DARK = 1e-6  # depths that give less than this share of the best are not looked at
BRIGHTEST = 1e4  # energy that no PSF has: its kernels were not normalised
TOLERANCE = 1e-4  # singular values below this share of the first are left out


@dataclass(frozen=True)
class Optics:
    """A PSF made fast: kernel(z) = Σ_r coefficients[z, r] · kernels[r], by singular value decomposition.

    A PSF of one lateral profile needs one term; convolving one image per term replaces one for each depth slice.

    Args:
        depth: (D,) µm, even steps over the depths that are seen.
        coefficients: (D, r), orthogonal columns. kernels: (r, h, w), orthonormal.
        bulk: what a pixel gives in a uniform medium of concentration 1 (µm³); footprints are given relative to it, so that
            neuropil of concentration 1 has level 1.
        range: depths (µm) between which a point looks at least half as bright, at its brightest pixel, as it does at best.
        pixel_size: µm.
    """

    depth: np.ndarray
    coefficients: np.ndarray
    kernels: np.ndarray
    bulk: float
    range: tuple[float, float]
    pixel_size: float
    _spectra: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, psf: PSF, thickness: float = THICKNESS, step: float = DEPTH_STEP) -> Optics:
        """Look at the PSF at every depth slice of the tissue.

        Raises:
            UserError: kernels with even sides, negative or non-finite values, or nothing seen at all.
        """
        n = int(np.ceil(thickness / step))
        depth = np.arange(-n, n + 1) * step
        stack = np.asarray(psf(depth), float)
        if stack.ndim != 3 or len(stack) != len(depth) or stack.shape[1] % 2 == 0 or stack.shape[2] % 2 == 0:
            raise UserError(f"the PSF must give (D, h, w) kernels with odd h and w, got {stack.shape} for {len(depth)} depths")
        if not np.isfinite(stack).all() or stack.min() < 0:
            raise UserError("the PSF gives negative or non-finite values; kernels must be 0 or more everywhere")
        energy = stack.sum(axis=(1, 2))
        bulk = float(energy.sum() * step * psf.pixel_size**2)
        if energy.max() > BRIGHTEST:
            raise UserError(f"the PSF's kernels sum to {energy.max():.3g}; the sum is the energy relative to one in focus, about 1")
        if bulk == 0:
            raise UserError(f"the PSF is 0 at all depths within {thickness:g} µm of the focal plane")
        brightness = stack.max(axis=(1, 2))
        sharp = depth[brightness >= brightness.max() / 2]
        lit = np.flatnonzero(energy > DARK * energy.max())
        ends = slice(max(lit[0] - 1, 0), lit[-1] + 2)
        depth, sides, stack = depth[ends], stack.shape[1:], stack[ends].reshape(-1, stack[0].size)
        # The short side is usually depth; eigenvectors of its Gram matrix cost far less than the whole decomposition.
        values, vectors = np.linalg.eigh(stack @ stack.T)
        singular = np.sqrt(np.maximum(values[::-1], 0))
        kept = vectors[:, ::-1][:, singular > TOLERANCE * singular[0]]
        coefficients = kept * singular[: kept.shape[1]]
        kernels = (kept.T @ stack) / singular[: kept.shape[1], None]
        return cls(depth, coefficients, kernels.reshape(-1, *sides), bulk, (float(sharp[0]), float(sharp[-1])), psf.pixel_size)

    def at(self, depth: np.ndarray) -> np.ndarray:
        """(r, N) coefficients at depths between the first and the last, by curves that do not overshoot where a PSF ends."""
        return np.asarray(self._curve(depth).T)

    @cached_property
    def _curve(self) -> interpolate.PchipInterpolator:
        return interpolate.PchipInterpolator(self.depth, self.coefficients)

    def spectra(self, shape: tuple[int, int]) -> np.ndarray:
        """(r, h, w // 2 + 1) Fourier transforms of the kernels, padded to `shape` with their corner at the origin."""
        if shape not in self._spectra:
            self._spectra[shape] = fft.rfft2(self.kernels.astype(np.float32), s=shape)
        return self._spectra[shape]

    def texture(self, grain: np.ndarray) -> np.ndarray:
        """(Y, X) what a medium shows whose concentration fluctuates from point to point, relative to its mean.

        Independent fluctuations of every depth add up to one Gaussian field whose power is that of all depths' kernels together:
        Σ_z |K_z|². So one filtered plane of noise stands for the whole volume.

        Args:
            grain: (Y, X) white noise of unit variance. The result is for a concentration of SD 1 in a volume of 1 µm³. Kernels
                are those of sources in the middle of a pixel, which makes it up to a quarter stronger where the focus is as small as one.
        """
        step = float(self.depth[1] - self.depth[0])
        strength = (self.coefficients**2).sum(axis=0)
        # wrapped around, so that kernels wider than the field still count in full
        power = np.einsum("r,rhw->hw", strength, np.abs(_wrapped(self.kernels, grain.shape)) ** 2)
        transfer = np.sqrt(power * step) * self.pixel_size / self.bulk
        return np.asarray(fft.irfft2(fft.rfft2(grain) * transfer, s=grain.shape))


def _wrapped(kernels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(r, Y, X // 2 + 1) Fourier transforms of kernels folded into a periodic field of `shape`."""
    y, x = (np.arange(edge) % full for edge, full in zip(kernels.shape[1:], shape, strict=True))
    flat = (y[:, None] * shape[1] + x).ravel()
    folded = [np.bincount(flat, kernel.ravel(), minlength=shape[0] * shape[1]) for kernel in kernels]
    return np.asarray(fft.rfft2(np.reshape(folded, (len(kernels), *shape))))
