"""From crops of sparsened frames to instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from detectnmf.detect.calibration import Calibration
from detectnmf.detect.checkpoint import find, load_network, read_card
from detectnmf.detect.network import planes
from detectnmf.errors import UserError
from detectnmf.runtime import fast_bfloat16

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

TWICE = 0.5  # IoU from which two masks of one frame are one cell


@dataclass(frozen=True)
class Instances:
    """What was found in one crop, best first: `score` (n,) and `masks` (n, CROP, CROP) bool."""

    score: Tensor
    masks: Tensor

    @classmethod
    def of(cls, answer: Mapping[str, Tensor]) -> Instances:
        """What torchvision's network says of one crop, each cell once.

        Its own suppression of repeats looks at boxes, and one dendrite more makes another box: of two masks with an IoU of at least TWICE
        the less sure one is dropped.
        """
        score, masks = answer["scores"].float(), answer["masks"][:, 0] > 0.5
        again = torch.triu(ious(masks, masks) >= TWICE, 1).tolist()
        kept: list[int] = []
        for i in range(len(score)):
            if not any(again[j][i] for j in kept):
                kept.append(i)
        return cls(score[kept], masks[kept])


def ious(one: Tensor, other: Tensor) -> Tensor:
    """(n, h, w) and (m, h, w) masks -> (n, m) intersection over union."""
    a, b = one.float().flatten(1), other.float().flatten(1)
    shared = a @ b.T
    return shared / (a.sum(1)[:, None] + b.sum(1) - shared).clamp(min=1)


@dataclass(frozen=True)
class MaskRCNNDetector:
    """Mask R-CNN from a checkpoint.

    Args:
        checkpoint: a file, or the name of a shipped one.
        score: least confidence of a detection (c_min): a probability, where the checkpoint's card knows how to calibrate.
    """

    checkpoint: str = "neurons"
    score: float = 0.2

    def __post_init__(self) -> None:
        find(self.checkpoint)  # fail before long work starts
        if not 0 <= self.score < 1:
            raise UserError(f"detector.score must be in 0..1, got {self.score}")

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the checkpoint was trained on."""
        return read_card(self.checkpoint)

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration(**self.card.get("calibration", {}))

    @cached_property
    def _loaded(self) -> dict[torch.device, MaskRCNN]:
        return {}

    def network(self, device: torch.device) -> MaskRCNN:
        if device not in self._loaded:
            self._loaded[device] = load_network(self.checkpoint, self.calibration.score(self.score), device)[0]
        return self._loaded[device]

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> list[Instances]:
        """(n, VIEWS, CROP, CROP) crops as `Views.tile` gives them, resized, on any device -> instances of each."""
        network = self.network(crops.device)
        half = crops.device.type == "cpu" and fast_bfloat16(crops.device)
        with torch.autocast(crops.device.type, torch.bfloat16, enabled=half):
            found = network(list(planes(crops)))
        cells = [Instances.of(one) for one in found]
        return [Instances(self._probability(one.score), one.masks) for one in cells]

    def _probability(self, scores: Tensor) -> Tensor:
        return torch.from_numpy(self.calibration(scores.cpu().numpy()).astype("float32")).to(scores.device)
