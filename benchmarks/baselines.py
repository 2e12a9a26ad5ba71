"""What finds cells without any of our finding and demixing, on the same compressed movie; both are told the true number of cells."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.ndimage import label
from sklearn.decomposition import NMF, FastICA

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult

EDGE = 0.2  # of a footprint's maximum
AVERAGED = 4  # frames
SPATIAL_AND_TEMPORAL = 0.2  # weight of time in the independence (Mukamel 2009: 0.1 to 0.2)


def nmf(movie: Compressed, cells: int) -> DemixResult:
    """scikit-learn's NMF of the movie above each pixel's minimum, with one component more for what is no cell.

    Footprints are fitted to averages of a few frames and then cut to the connected part around their peak; traces by the same
    factorisation at full rate.
    """
    dense = movie[:].reshape(len(movie), -1).astype(np.float32)
    above = dense - dense.min(axis=0)  # no other level, from the 5th percentile to the median, gives better recovery
    frames = max(1, min(AVERAGED, len(above) // (2 * cells + 2)))  # more averages than components
    averages = above[: len(above) // frames * frames].reshape(-1, frames, above.shape[1]).mean(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it has not converged
        model = NMF(min(cells + 1, *averages.shape), init="nndsvd", max_iter=100, random_state=0)
        model.fit(averages)
        traces = model.transform(above).T
    return as_result(model.components_.reshape(-1, *movie.size), traces)


def pca_ica(movie: Compressed, cells: int) -> DemixResult:
    """Principal components, then spatio-temporal independent ones by their skewness (Mukamel, Nimmerjahn, Schnitzer 2009).

    Works on the factors; only the principal components are dense. Footprints are cut to the connected part around their peak, and
    a component's own time course is its trace, as there.
    """
    images, courses = principal(movie, cells)
    mixed = np.concatenate([(1 - SPATIAL_AND_TEMPORAL) * (images - images.mean(0)), SPATIAL_AND_TEMPORAL * courses.T])
    found = independent(mixed)
    images, traces = found.components_ @ images.T, found.components_ @ courses
    sign = np.sign(((images - images.mean(1, keepdims=True)) ** 3).mean(1))[:, None]
    images = np.maximum(sign * images, 0) * movie.std.ravel()
    return as_result(images.reshape(-1, *movie.size), sign * traces)


def principal(movie: Compressed, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(P, n) and (n, T): the strongest singular vectors of the movie in units of noise, centred in time, from U and V alone.

    V = L·Q with Q orthonormal, so those of U·V are U·F/s and Fᵀ·Q with the eigenvectors F of LᵀUᵀU·L.
    """
    U, V = movie.U.csr.astype(np.float64), movie.V.cpu().numpy().astype(np.float64)
    V -= V.mean(1, keepdims=True)
    power, E = np.linalg.eigh(V @ V.T)
    kept = power > 1e-10 * power.max(initial=0)
    scale, E = np.sqrt(power[kept]), E[:, kept]
    L = E * scale
    energy, F = np.linalg.eigh(L.T @ ((U.T @ U) @ L))
    top = np.argsort(-energy)[:count]
    top = top[energy[top] > 1e-10 * energy.max(initial=0)]
    return U @ (L @ F[:, top]) / np.sqrt(energy[top]), (F[:, top].T / scale) @ (E.T @ V)


def independent(mixed: np.ndarray) -> FastICA:
    """Independent components of samples (n, components), as many as there are."""
    for contrast in (skewness, "logcosh"):  # skewness diverges where a component has none
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                return FastICA(whiten="unit-variance", fun=contrast, max_iter=500, random_state=0).fit(mixed)
            except ValueError:
                continue
    raise ValueError("no independent components were found")


def skewness(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The contrast x³/3: its first derivative and the mean of its second one."""
    return x**2, (2 * x).mean(axis=-1)


def as_result(images: np.ndarray, traces: np.ndarray) -> DemixResult:
    """Images (K, Y, X) >= 0, each cut to the connected part around its peak, with traces (K, T)."""
    images = np.array(images, np.float32)
    for image in images:
        parts = label(image > EDGE * image.max())[0]
        image[parts != parts[np.unravel_index(image.argmax(), image.shape)]] = 0
    size = images.shape[1:]
    nothing = Compressed.from_factors(np.zeros((size[0] * size[1], 0)), np.zeros((0, traces.shape[1])), np.zeros(size))
    return DemixResult(Components.from_images(images, traces.astype(np.float32)), np.zeros(size, np.float32), nothing)
