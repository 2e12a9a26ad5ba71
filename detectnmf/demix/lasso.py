"""The sparse spatial step: min ½ ‖x − Cᵀ a‖² + αᵀ a over a ≥ 0, for each pixel, by LARS or by its fast twin.

Both take C Cᵀ and C x, so that the length of the movie does not count, and both reach the same optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Lasso(Protocol):
    """A solver of the non-negative lasso. To add one: a class here, and its `_target_` as `demix.solver`."""

    def __call__(self, gram: Tensor, cross: Tensor, alpha: float | Tensor, start: Tensor | None = None) -> Tensor:
        """(K, n) the optimum for n pixels.

        Args:
            gram: (K, K) C Cᵀ. cross: (K, n) C x; -inf where a component may not be.
            alpha: price of each unit of a; (K,) of each component its own. start: (K, n), a guess.
        """
        ...


@dataclass(frozen=True)
class CoordinateDescent:
    """One component after the other, all pixels at once.

    Args:
        sweeps: over all components, at most. tolerance: largest change of a sweep at which it stands still, relative to the largest value.
    """

    sweeps: int = 50
    tolerance: float = 1e-4

    def __call__(self, gram: Tensor, cross: Tensor, alpha: float | Tensor, start: Tensor | None = None) -> Tensor:
        price = torch.as_tensor(alpha).to(cross).expand(len(cross))
        found = torch.zeros_like(cross) if start is None else start.clone()
        power = gram.diagonal()
        alive = torch.nonzero(power > 0)[:, 0].tolist()
        where = {k: torch.nonzero(torch.isfinite(cross[k]))[:, 0] for k in alive}  # a component is local, and shares time with few
        others = {k: torch.nonzero(gram[k])[:, 0] for k in alive}
        wanted = {k: cross[k, where[k]] - price[k] for k in alive}
        for _ in range(self.sweeps):
            change = 0.0
            for k in alive:
                mine = found[k, where[k]]
                new = (mine + (wanted[k] - gram[k, others[k]] @ found[others[k][:, None], where[k]]) / power[k]).clamp_(min=0)
                if new.numel():
                    change = max(change, float((new - mine).abs().max()))
                    found[k, where[k]] = new
            if change <= self.tolerance * (float(found.max()) if found.numel() else 0.0):
                break
        return found


@dataclass(frozen=True)
class LassoLars:
    """Least angle regression, which walks down from the price at which nothing is left, one pixel after the other.

    The path of scikit-learn is exact as long as no component that was dropped on the way should come back; the last step makes it so.
    """

    def __call__(self, gram: Tensor, cross: Tensor, alpha: float | Tensor, start: Tensor | None = None) -> Tensor:
        from sklearn.linear_model import lars_path_gram

        price = torch.as_tensor(alpha).double().expand(len(cross)).cpu().numpy()
        unit = np.where(price > 0, price, 1.0)  # in units of their prices all components cost the same
        G, b = gram.double().cpu().numpy() / np.outer(unit, unit), cross.double().cpu().numpy() / unit[:, None]
        found = np.zeros_like(b)
        least = 1.0 if (price > 0).any() else 0.0
        for pixel in np.flatnonzero((b > least).any(axis=0)):
            here = np.flatnonzero(np.isfinite(b[:, pixel]) & (np.diagonal(G) > 0))
            some = G[np.ix_(here, here)]
            _, _, path = lars_path_gram(b[here, pixel], some, n_samples=1, alpha_min=least, method="lasso", positive=True)
            found[here, pixel] = path[:, -1] / unit[here]
        exact = CoordinateDescent(sweeps=1000, tolerance=1e-9)(
            gram.double(), cross.double(), alpha, torch.from_numpy(found).to(gram.device)
        )
        return exact.to(cross)
