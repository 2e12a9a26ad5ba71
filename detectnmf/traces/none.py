"""Demixed traces only."""

from __future__ import annotations

from dataclasses import dataclass

from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class NoReading:
    """No baseline, no dF/F, no deconvolution."""

    def __call__(self, result: DemixResult, runtime: Runtime) -> None:
        return None
