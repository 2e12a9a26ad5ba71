"""From the running directions of the first pass to an orthonormal basis of each block.

Directions that may be signal are turned so that each shows as few cells as possible, then freed of their noise, then made orthonormal.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from detectnmf.compress.moments import Moments
from detectnmf.compress.rank import Smoothness
from detectnmf.compress.shrink import shrink
from detectnmf.compress.sketch import pooled
from detectnmf.runtime import Runtime

TURNS = 12  # of the search for the best rotation; it changes little after a few
FAR = 2.0  # times the energy of the strongest noise: signal, whatever its image
NEW = 0.02  # share of a direction's energy that must be outside of those before it


def bases(
    moments: Moments, index: Tensor, block: tuple[int, int], pool: int, threshold: float, smooth: Smoothness, runtime: Runtime
) -> tuple[Tensor, Tensor]:
    """Orthonormal (N, n, M), and (N, M) how smooth each one's image is (standard deviations of white noise above the limit).

    Columns that are not used are zero. M is the largest number that any block needs.

    Args:
        index: (N, n) pixels of each block.
        threshold: of the denoising (units of noise).
    """
    chosen, scores = [], []
    step = runtime.batch(moments.directions[0].numel() * 4 * 4, most=32)
    coarse = -(-block[0] // pool), -(-block[1] // pool)

    def in_space(directions: Tensor) -> Tensor:
        return smooth.in_space(pooled(directions, block, pool).mT.unflatten(2, coarse))

    for directions, pixels in zip(moments.directions.split(step), index.split(step), strict=True):
        energy = pooled(directions, block, pool).square().sum(1)
        edge = ((coarse[0] * coarse[1]) ** 0.5 + moments.bins**0.5) ** 2  # of the strongest direction of white noise
        good = (in_space(directions) > 0) | (energy > FAR * edge)
        kept = front(directions * good[:, None], good)
        turned = kept @ rotation(kept)
        energy = turned.square().sum(1)
        turned = turned.gather(2, energy.argsort(dim=-1, descending=True)[:, None].expand_as(turned))
        there = turned.square().sum(1) > 0
        clean = torch.zeros_like(turned.mT)
        clean[there] = shrink(turned.mT[there].reshape(-1, *block), threshold).flatten(1)
        chosen.append(orthonormal(clean.mT * ~moments.bad_pixels[pixels][..., None]))
        scores.append(in_space(turned))
    most = max(part.shape[-1] for part in chosen)
    return (
        torch.cat([pad(part, (0, most - part.shape[-1])) for part in chosen]),
        torch.cat([pad(part, (0, most - part.shape[-1]), value=-torch.inf) for part in scores]),
    )


def front(directions: Tensor, good: Tensor) -> Tensor:
    """(N, n, L) and (N, L) which are good -> (N, n, M) the good ones first, in their order; M the most that any block has."""
    order = (~good).to(torch.int8).argsort(dim=-1, stable=True)[:, : int(good.sum(-1).max())]
    return directions.gather(2, order[:, None].expand(-1, directions.shape[1], -1))


def rotation(S: Tensor) -> Tensor:
    """(N, n, r) -> (N, r, r): the rotation after which the sum of fourth powers is largest (quartimax): few cells in each image."""
    turn = torch.eye(S.shape[-1], device=S.device).expand(len(S), -1, -1)
    S = S / S.square().sum((1, 2), keepdim=True).clamp(min=1e-12).sqrt()
    for _ in range(TURNS if S.shape[-1] > 1 else 0):
        gradient = S.mT @ (S @ turn) ** 3
        left, _, right = torch.linalg.svd(gradient.double())  # strong and weak columns differ by many powers of ten
        turn = (left @ right).float()
    return turn


def orthonormal(S: Tensor) -> Tensor:
    """(N, n, r) -> orthonormal (N, n, r) from the first column on; what adds next to nothing to those before it becomes zero."""
    for least in (NEW, 0.25):
        S = S / S.norm(dim=1, keepdim=True).clamp(min=1e-12)
        gram = S.mT @ S
        empty = gram.diagonal(dim1=1, dim2=2) < 0.5
        factor = torch.linalg.cholesky_ex(gram + torch.diag_embed(1e-6 + empty.float()))[0]
        new = factor.diagonal(dim1=1, dim2=2).square() > least
        S = torch.linalg.solve_triangular(factor, S.mT, upper=False).mT * (new & ~empty)[:, None]
        S = torch.nan_to_num(S)
    return S
