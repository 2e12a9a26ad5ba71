"""Splitting on what it brings: one component becomes two cells only where one explains far less than both.

The mirror of merging. What the movie shows on a component's support when all other cells are taken away is replaced by
a_1 c_1ᵀ + a_2 c_2ᵀ: its pixels lie in the plane of the two largest singular vectors, in which the two outermost directions
are the purest courses (successive projection, Gillis 2014); a few HALS steps refine them. The component is split where joining
the two again would cost most of the weaker one, and where both are what a cell is: bright, of a cell's area, in one piece, with
a trace of its own and not what those of its neighbours add up to, whose misfit looks like a second cell, too.

Everything but the final traces is found on averages over a few frames, a few hundred small products per component.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage, sparse
from torch import Tensor

from detectnmf.demix.absorb import shares
from detectnmf.demix.grams import Target
from detectnmf.demix.merge import cost
from detectnmf.demix.prune import height
from detectnmf.sparse import dense_rows
from detectnmf.traces.levels import noise_level

ENOUGH_FRAMES, MOST_BINNED = 512, 8  # the decision needs so many time points; average at most so many frames into one
HIGH = 0.005  # share of the frames in which a cell reaches its brightness, at least (see prune.brightness)
KEPT = 4  # singular vectors of a patch in which its two parts are sought
EXTREME = 0.05  # share of the energy, at either end, that makes a pure course
STEPS, SWEEPS = 3, 2  # of HALS on one component; more of them turn what neighbours leave over into a second cell
HOPELESS = 0.7  # share of the price that the plane alone must show
NEIGHBOURS = 0.5  # share of a part's trace above which it is the misfit of neighbours, whose traces explain so much of it
TRIM = 0.1  # pixels of a part below this share of its maximum are left out
UNUSUAL, ENOUGH_CELLS = 2.5, 20  # times the usual energy of a second course; so many cells tell what is usual
TWIN = 0.92  # cosine of two footprints that are one place: one of them is a background, or what is left of a changing cell


@dataclass(frozen=True)
class Split:
    """The cells after splitting.

    Args:
        footprints: (P, K'). C: (K', T). The cells there were, in order, the stronger part in the place of a split one; then the weaker.
        origin: (K',) for each cell, the index of the cell it continues.
        count: number of components that were split.
    """

    footprints: sparse.csc_array
    C: Tensor
    origin: np.ndarray
    count: int


@dataclass(frozen=True)
class Patch:
    """What the movie shows at n pixels when all other cells are taken away, as left @ right, centred in time.

    Args:
        pixels: (n,). left: (n, Q) rows of U, and the neighbours' footprints below zero.
        bases, cells: which rows of V and of C make `right` (Q, T).
    """

    pixels: np.ndarray
    left: np.ndarray
    bases: np.ndarray
    cells: np.ndarray

    def right(self, V: Tensor, C: Tensor) -> np.ndarray:
        rows = torch.cat([V[_index(self.bases, V)], C[_index(self.cells, C)]]).cpu().numpy()
        return rows - rows.mean(axis=1, keepdims=True)


def split(
    target: Target,
    footprints: sparse.csc_array,
    C: Tensor,
    size: tuple[int, int],
    price: float,
    correlation: float,
    brightness: float,
    area: float,
    signed: bool = False,
) -> Split:
    """One round: every component at most once, in two.

    Args:
        target: what is to be explained. footprints: (P, K). C: (K, T). size: (Y, X).
        price: what joining the parts again would lose, of the weaker one's energy, at least;
        correlation: of the parts' traces, at most;
        brightness: height of each part's peaks over the noise in the filter that separates it from the other, at least;
        area: pixels of each part, at least.
        signed: traces may fall below zero.
    """
    count = footprints.shape[1]
    few_V, few_C = averaged(target.V), averaged(C)
    least = (
        price * HIGH * brightness**2 * few_V.shape[1] ** 2 / target.frames
    )  # energy of a second cell, even if its peaks are averaged away
    rows = sparse.csr_array(footprints)
    divided: list[int] = []
    columns: list[sparse.csc_array] = []
    traces: list[Tensor] = []
    patches = [local(target, footprints, rows, cell) for cell in range(count)]
    planes = [strongest(patch.left, patch.right(few_V, few_C)) for patch in patches]
    unusual = standing_out([second(courses) for _, courses in planes])
    for cell in np.flatnonzero(unusual).tolist():
        patch = patches[cell]
        if len(patch.pixels) < 2 * area:
            continue
        found = pair(*planes[cell], least, price, signed)
        if found is None:
            continue
        A, courses = np.stack([whole(part, patch.pixels, size) for part in found.A.T], axis=1), found.C
        if (
            not distinct(A, courses, price, correlation, area)
            or mixed(courses, few_C[_index(near(patch, rows, size, cell), C)]) > NEIGHBOURS
        ):
            continue
        wanted = A.T @ patch.left @ patch.right(target.V, C)
        full, unmix = regress(A, wanted, signed), np.linalg.inv(A.T @ A)
        # what is left of white noise in either trace when the other is fitted, too; and of noise as it is
        noise = np.maximum(np.sqrt(unmix.diagonal()), noise_level(torch.from_numpy(unmix @ wanted)).numpy())
        if (height(torch.from_numpy(full), signed).numpy() < brightness * noise).any():
            continue
        order = np.argsort(-(A**2).sum(axis=0) * full.var(axis=1), kind="stable")
        divided.append(cell)
        columns += [_column(patch.pixels, A[:, k], footprints.shape[0]) for k in order]
        traces += [torch.from_numpy(full[k].astype(np.float32)).to(C.device) for k in order]
    if not divided:
        return Split(footprints, C, np.arange(count), 0)
    strong, C = dict(zip(divided, columns[::2], strict=True)), C.clone()
    for cell, trace in zip(divided, traces[::2], strict=True):
        C[cell] = trace
    kept = [strong.get(k, footprints[:, [k]]) for k in range(count)]
    joined = sparse.csc_array(sparse.hstack([*kept, *columns[1::2]], format="csc"))
    return Split(joined, torch.cat([C, torch.stack(traces[1::2])]), np.concatenate([np.arange(count), divided]), len(divided))


def averaged(x: Tensor) -> Tensor:
    """(n, T) -> (n, T / f), averages over a few frames where there are plenty, centred."""
    frames = min(MOST_BINNED, max(1, round(x.shape[1] / ENOUGH_FRAMES)))
    x = x[:, : x.shape[1] // frames * frames].unflatten(1, (-1, frames)).mean(dim=2)
    return x - x.mean(dim=1, keepdim=True)


def local(target: Target, footprints: sparse.csc_array, rows: sparse.csr_array, cell: int) -> Patch:
    """What is left for one component at its own support; `rows` are the footprints by pixel."""
    pixels = footprints.indices[footprints.indptr[cell] : footprints.indptr[cell + 1]].astype(np.int64)
    bases, U = dense_rows(target.U.csr, pixels)
    cells, A = dense_rows(rows, pixels)
    others = cells != cell
    return Patch(pixels, np.concatenate([U, -A[:, others]], axis=1), bases, cells[others])


@dataclass(frozen=True)
class Pair:
    """Two cells at n pixels: footprints A (n, 2) and centred traces C (2, T)."""

    A: np.ndarray
    C: np.ndarray


def pair(left: np.ndarray, right: np.ndarray, least: float, price: float, signed: bool) -> Pair | None:
    """The two cells that explain left @ right best; None where a second one has no chance.

    Args:
        left: (n, 4). right: (4, T), the strongest first; see `strongest`.
        least: energy of a second course.
        price: what joining the two loses, of the weaker one's energy, at least.
    """
    if len(right) < 2 or (right[1] ** 2).sum() < least:
        return None
    A = purest(left, right)
    courses = np.linalg.pinv(A.T @ A, hermitian=True) @ (A.T @ left) @ right
    if A.any(axis=0).all() and loss(A, courses) >= HOPELESS * price:
        return factors(left, right, A, signed)
    return None


def second(courses: np.ndarray) -> float:
    """Energy of the second strongest course over that of the strongest."""
    energy = (courses[:2] ** 2).sum(axis=1)
    return float(energy[1] / max(energy[0], 1e-30)) if len(energy) > 1 else 0.0


def standing_out(seconds: list[float]) -> np.ndarray:
    """(K,) True for components with more of a second course than is usual here.

    Where tissue moves, or noise is not white, each cell shows a second course; only one that stands out among them is a cell's.
    """
    found = np.array(seconds)
    return found > UNUSUAL * np.median(found) if len(found) >= ENOUGH_CELLS else found > 0


def strongest(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """left @ right in its strongest singular vectors: orthonormal (n, 4) and (4, T), the first the strongest.

    Args:
        left: (n, Q). right: (Q, T), centred.
    """
    basis = np.random.default_rng(0).standard_normal((len(left), min(KEPT, len(left)))).astype(left.dtype)
    for _ in range(4):  # block power iteration: the vectors need not be exact
        basis = np.linalg.qr(left @ (right @ (right.T @ (left.T @ basis))))[0]
    courses = basis.T @ left @ right
    turn = np.linalg.eigh(courses @ courses.T)[1][:, ::-1]
    return basis @ turn, turn.T @ courses


def purest(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n, 2) footprints >= 0 of the two outermost courses in the plane of the first two singular vectors."""
    Y = left[:, :2] * np.linalg.norm(right[:2], axis=1)
    Y[:, 0] *= np.sign(Y[:, 0].sum()) or 1.0
    weight = (Y**2).sum(axis=1)
    order = np.argsort(np.arctan2(Y[:, 1], Y[:, 0]))
    share = np.cumsum(weight[order]) / weight.sum()
    ends = order[share <= max(EXTREME, share[0])], order[share >= min(1 - EXTREME, share[-1])]
    pure = np.stack([Y[end].sum(axis=0) for end in ends])
    return nonnegative(np.zeros_like(Y), Y @ pure.T, pure @ pure.T, 10)


def nonnegative(A: np.ndarray, wanted: np.ndarray, gram: np.ndarray, sweeps: int) -> np.ndarray:
    """(n, 2) A >= 0 for fixed courses: wanted (n, 2) the movie's products with them, gram (2, 2) their own."""
    A = A.copy()
    for _ in range(sweeps):
        for k in (0, 1):
            if gram[k, k] > 0:
                A[:, k] = np.maximum(A[:, k] + (wanted[:, k] - A @ gram[:, k]) / gram[k, k], 0)
    return A


def regress(A: np.ndarray, wanted: np.ndarray, signed: bool, C: np.ndarray | None = None, sweeps: int = 2 * SWEEPS) -> np.ndarray:
    """(2, T) traces for fixed footprints (n, 2), the baseline eliminated; >= 0 unless signed. wanted: (2, T) Aᵀ movie, centred."""
    gram = A.T @ A
    C = np.zeros_like(wanted) if C is None else C.copy()
    for _ in range(sweeps):
        for k in (0, 1):
            if gram[k, k] > 0:
                C[k] += (wanted[k] - gram[k] @ C + gram[k] @ C.mean(axis=1)) / gram[k, k]
                if not signed:
                    np.maximum(C[k], 0, out=C[k])
    return C


def factors(left: np.ndarray, right: np.ndarray, A: np.ndarray, signed: bool) -> Pair:
    """After a few steps of HALS."""
    C = None
    for _ in range(STEPS):
        C = regress(A, A.T @ left @ right, signed, C)
        flat = C - C.mean(axis=1, keepdims=True)
        A = nonnegative(A, left @ (right @ flat.T), flat @ flat.T, SWEEPS)
    return Pair(A, flat)


def whole(values: np.ndarray, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,) the part of a footprint that hangs together; zero elsewhere."""
    kept = values > TRIM * values.max(initial=0)
    if not kept.any():
        return values
    y, x = np.divmod(pixels, size[1])
    y, x = y - y.min(), x - x.min()
    image = np.zeros((y.max() + 1, x.max() + 1), bool)
    image[y[kept], x[kept]] = True
    piece = ndimage.label(image, np.ones((3, 3)))[0][y, x]
    weight = np.bincount(piece, values**2 * kept)
    return np.where(piece == weight.argmax(), values, 0)


def loss(A: np.ndarray, C: np.ndarray) -> float:
    """What joining two parts (n, 2), (2, T) would lose, of the weaker one's energy (see merge.cost)."""
    return cost(A.T @ A, C @ C.T)[0]


def distinct(A: np.ndarray, C: np.ndarray, price: float, correlation: float, area: float) -> bool:
    """True where two parts differ in place and trace, and joining them again would be dear."""
    if ((A > 0).sum(axis=0) < max(area, 1)).any() or not C.any(axis=1).all():
        return False
    cosine, together = (m[0, 1] / np.sqrt(m[0, 0] * m[1, 1]) for m in (A.T @ A, C @ C.T))
    return bool(cosine <= TWIN and together <= correlation and loss(A, C) >= price)


def near(patch: Patch, rows: sparse.csr_array, size: tuple[int, int], cell: int) -> np.ndarray:
    """The other cells in a patch's bounding box, half as large again on each side."""
    reach = []
    for at, edge in zip(np.divmod(patch.pixels, size[1]), size, strict=True):
        margin = (at.max() - at.min()) // 2 + 1
        reach.append(np.arange(max(at.min() - margin, 0), min(at.max() + margin + 1, edge)))
    found = np.unique(rows[(reach[0][:, None] * size[1] + reach[1]).ravel()].indices)
    return found[found != cell]


def mixed(courses: np.ndarray, others: Tensor) -> float:
    """Largest part of the energy of centred courses (2, T) that non-negative shares of centred others (n, T) explain."""
    near = others.double().cpu().numpy()
    found = [0.0]
    for course in courses if len(near) else ():
        every = np.concatenate([course[None], near])
        found.append(1 - shares(every @ every.T, 0, np.arange(1, len(every)))[1])
    return max(found)


def _column(pixels: np.ndarray, values: np.ndarray, count: int) -> sparse.csc_array:
    kept = values > 0
    return sparse.csc_array((values[kept].astype(np.float32), (pixels[kept], np.zeros(int(kept.sum()), np.int64))), shape=(count, 1))


def _index(chosen: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(chosen.astype(np.int64)).to(like.device)
