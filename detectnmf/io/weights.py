"""Checkpoints on disk: half-precision weights in one safetensors file, with their card in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing

if TYPE_CHECKING:
    from torch import Tensor


def shipped(name: str) -> Path:
    """The path of a checkpoint that comes with the package."""
    from importlib.resources import files

    return Path(str(files("detectnmf.checkpoints"))) / f"{name}.safetensors"


def find(name: str | Path, what: str = "detector") -> Path:
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
    raise UserError(f"{what} {str(name)!r} is neither a file nor shipped; shipped are: {', '.join(there) or 'none'}")


def save_weights(weights: Mapping[str, Tensor], path: Path, tag: str, card: dict[str, Any]) -> None:
    """Write weights (fp16) and card, whole or not at all; `tag` names the format."""
    from safetensors.torch import save

    halves = {}
    for key, value in weights.items():
        half = value.half() if value.is_floating_point() else value
        halves[key] = half.detach().cpu().contiguous()
    with replacing(path) as part:
        part.write_bytes(save(halves, metadata={"format": tag, "card": json.dumps(card)}))


def load_weights(path: Path, tag: str, cure: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights (fp32) and card.

    Args:
        cure: the command that makes such a file.

    Raises:
        UserError: not a readable checkpoint, or of another format.
    """
    weights, card = _read(path, tag, cure, weights=True)
    return {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}, card


def load_card(path: Path, tag: str, cure: str) -> dict[str, Any]:
    """The card alone; as `load_weights`."""
    return _read(path, tag, cure, weights=False)[1]


def _read(path: Path, tag: str, cure: str, weights: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()} if weights else {}  # noqa: SIM118  not a dict
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable checkpoint ({error}); train one with: {cure}") from None
    if metadata.get("format") != tag:
        raise UserError(f"{path}: format {metadata.get('format')!r} is not {tag!r}; train one with: {cure}")
    try:
        return tensors, json.loads(metadata["card"])
    except (KeyError, ValueError):
        raise UserError(f"{path}: its card cannot be read; train one with: {cure}") from None
