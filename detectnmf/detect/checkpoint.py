"""A detector on disk: half-precision weights in one safetensors file, with its card in the metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from detectnmf.detect.network import build_network
from detectnmf.errors import UserError
from detectnmf.io.weights import find, load_card, load_weights, save_weights, shipped

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

__all__ = ["FORMAT", "find", "load_network", "read_card", "save_network", "shipped"]

FORMAT = "detectnmf.mask-rcnn.2"
TRAIN = "detectnmf train"


def save_network(network: MaskRCNN, path: Path, card: dict[str, Any]) -> None:
    """Write weights (fp16) and card, whole or not at all."""
    save_weights(network.state_dict(), path, FORMAT, card)


def load_network(path: str | Path, score: float, device: torch.device) -> tuple[MaskRCNN, dict[str, Any]]:
    """The network in evaluation mode, and its card.

    Args:
        score: least score of a detection, before calibration.

    Raises:
        UserError: not a checkpoint of this package.
    """
    path = find(path)
    weights, card = load_weights(path, FORMAT, TRAIN)
    network = build_network(score)
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise UserError(f"{path}: its weights do not fit this version's network; train one with: {TRAIN}") from None
    return network.eval().to(device, memory_format=torch.channels_last), card


def read_card(path: str | Path) -> dict[str, Any]:
    """What a checkpoint was trained on, and its scores.

    Raises:
        UserError: not a checkpoint of this package.
    """
    return load_card(find(path), FORMAT, TRAIN)
