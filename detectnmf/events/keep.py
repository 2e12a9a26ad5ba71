"""`KeepEvents`: the judge of signed components, whose probability no calibration of cells knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.footprints import area
from detectnmf.judge.quality import OK, Judged
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class KeepEvents:
    """Keeps what the demixer's price has left, and says how strong each component is.

    Args:
        least_evidence: ‖footprint‖ · ‖course‖ in units of noise, at least.
    """

    least_evidence: float = 0.0

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Judged:
        """`quality`: snr (height of the course over the noise at its footprint), evidence (of the whole component), area (px), sign."""
        footprints = sparse.csc_array(model.A.csr)
        norm = np.sqrt(np.asarray(footprints.power(2).sum(axis=0), np.float64).ravel())
        C = model.C.double()
        height = C.abs().max(dim=1).values.cpu().numpy() if C.shape[1] else np.zeros(len(model))
        evidence = norm * torch.linalg.norm(C, dim=1).cpu().numpy()
        keep = evidence >= self.least_evidence
        quality = {
            "snr": norm * height,
            "evidence": evidence,
            "area": area(sparse.csc_array(sparse.diags_array(movie.std.ravel()) @ footprints)),
            "sign": np.sign(C.sum(dim=1).cpu().numpy()),
        }
        reason = np.where(keep, OK, "evidence").astype(np.str_)
        return Judged({**{name: values.astype(np.float32) for name, values in quality.items()}, "reason": reason}, keep)
