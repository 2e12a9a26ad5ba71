"""From crops of sparsened frames to instances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from detectnmf.detect.checkpoint import find, load_network
from detectnmf.detect.network import planes
from detectnmf.errors import UserError

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN


@dataclass(frozen=True)
class Instances:
    """What was found in one crop: `score` (n,) and `masks` (n, CROP, CROP) in 0..1."""

    score: Tensor
    masks: Tensor


@dataclass(frozen=True)
class MaskRCNNDetector:
    """Mask R-CNN from a checkpoint.

    Args:
        checkpoint: a file, or the name of a shipped one.
        score: least confidence of a detection (c_min).
    """

    checkpoint: str = "two_photon"
    score: float = 0.7

    def __post_init__(self) -> None:
        find(self.checkpoint)  # fail before long work starts
        if not 0 <= self.score < 1:
            raise UserError(f"detector.score must be in 0..1, got {self.score}")

    @cached_property
    def _loaded(self) -> dict[torch.device, tuple[MaskRCNN, dict[str, Any]]]:
        return {}

    def network(self, device: torch.device) -> MaskRCNN:
        if device not in self._loaded:
            self._loaded[device] = load_network(self.checkpoint, self.score, device)
        return self._loaded[device][0]

    @property
    def card(self) -> dict[str, Any]:
        """What the checkpoint was trained on."""
        self.network(torch.device("cpu")) if not self._loaded else None
        return next(iter(self._loaded.values()))[1]

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> list[Instances]:
        """(n, CROP, CROP) sparsened frames in units of noise, on any device -> instances of each."""
        network = self.network(crops.device)
        with torch.autocast(crops.device.type, torch.bfloat16, enabled=_fast_bfloat16(crops.device)):
            return [Instances(found["scores"].float(), found["masks"][:, 0].float()) for found in network(list(planes(crops)))]


@cache
def _fast_bfloat16(device: torch.device) -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware: convolutions are then three to seven times faster."""
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch do not tell
    return device.type == "cpu" and bool(known.get("amx_bf16", False))
