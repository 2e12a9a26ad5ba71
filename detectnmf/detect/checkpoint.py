"""A detector on disk: half-precision weights in one safetensors file, with its card in the metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from detectnmf.detect.network import build_network
from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

FORMAT = "detectnmf.mask-rcnn.2"


def shipped(name: str) -> Path:
    """The path of a checkpoint that comes with the package."""
    from importlib.resources import files

    return Path(str(files("detectnmf.checkpoints"))) / f"{name}.safetensors"


def find(name: str | Path) -> Path:
    """A file, or the name of a shipped checkpoint.

    Raises:
        UserError: neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    if shipped(str(name)).is_file():
        return shipped(str(name))
    there = sorted(p.stem for p in shipped("x").parent.glob("*.safetensors"))
    raise UserError(f"detector {str(name)!r} is neither a file nor shipped; shipped are: {', '.join(there) or 'none'}")


def save_network(network: MaskRCNN, path: Path, card: dict[str, Any]) -> None:
    """Write weights (fp16) and card, whole or not at all."""
    from safetensors.torch import save

    weights = {}
    for key, value in network.state_dict().items():
        half = value.half() if value.is_floating_point() else value
        weights[key] = half.detach().cpu().contiguous()
    with replacing(path) as part:
        part.write_bytes(save(weights, metadata={"format": FORMAT, "card": json.dumps(card)}))


def load_network(path: str | Path, score: float, device: torch.device) -> tuple[MaskRCNN, dict[str, Any]]:
    """The network in evaluation mode, and its card.

    Args:
        score: least score of a detection, before calibration.

    Raises:
        UserError: not a checkpoint of this package.
    """
    path = find(path)
    weights, card = _read(path, weights=True)
    network = build_network(score)
    try:
        network.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in weights.items()})
    except RuntimeError:
        raise UserError(f"{path}: its weights do not fit this version's network; train one with: detectnmf train") from None
    return network.eval().to(device, memory_format=torch.channels_last), card


def read_card(path: str | Path) -> dict[str, Any]:
    """What a checkpoint was trained on, and its scores.

    Raises:
        UserError: not a checkpoint of this package.
    """
    return _read(find(path), weights=False)[1]


def _read(path: Path, weights: bool) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()} if weights else {}  # noqa: SIM118  not a dict
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable checkpoint ({error}); train one with: detectnmf train") from None
    if metadata.get("format") != FORMAT:
        raise UserError(f"{path}: format {metadata.get('format')!r} is not {FORMAT!r}; train one with: detectnmf train")
    try:
        return tensors, json.loads(metadata["card"])
    except (KeyError, ValueError):
        raise UserError(f"{path}: its card cannot be read; train one with: detectnmf train") from None
