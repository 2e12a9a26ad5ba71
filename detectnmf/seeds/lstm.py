"""The recurrent network that reads a window and says how sure it is of a calcium event (sc-CNMF, §3.2, Seeds Refinement with LSTM)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from detectnmf.errors import UserError
from detectnmf.io.weights import find, load_weights, save_weights

FORMAT = "detectnmf.seed-classifier.1"
TRAIN = "detectnmf train NAME training=lstm"
Cell = Literal["lstm", "gru"]


class EventNetwork(nn.Module):
    """Windows (m, LENGTH, 2) -> (m,) logit of an event whose peak is aligned.

    The state after the last frame is decoded, as in the paper, beside the highest value that each unit ever had in the window.

    Args:
        cell: lstm, or gru.
        hidden: units of a layer.
        layers: one upon the other.
    """

    def __init__(self, cell: Cell = "lstm", hidden: int = 48, layers: int = 1) -> None:
        super().__init__()
        if cell not in ("lstm", "gru"):
            raise UserError(f"training.cell must be lstm or gru, got {cell!r}")
        self.settings: dict[str, Any] = {"cell": cell, "hidden": hidden, "layers": layers}
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.read = kind(2, hidden, layers, batch_first=True)
        self.decode = nn.Linear(2 * hidden, 1)

    def forward(self, windows: Tensor) -> Tensor:
        states, _ = self.read(windows)
        return self.decode(torch.cat([states[:, -1], states.amax(dim=1)], dim=1))[:, 0]


def save_events(network: EventNetwork, path: Path, card: dict[str, Any]) -> None:
    """Write weights (fp16) and card, whole or not at all."""
    save_weights(network.state_dict(), path, FORMAT, {**card, "network": network.settings})


def load_events(name: str | Path, device: torch.device) -> tuple[EventNetwork, dict[str, Any]]:
    """The network in evaluation mode, and its card.

    Raises:
        UserError: not a checkpoint of this package.
    """
    path = find(name, "classifier")
    weights, card = load_weights(path, FORMAT, TRAIN)
    try:
        network = EventNetwork(**card["network"])
        network.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError):
        raise UserError(f"{path}: its weights do not fit this version's network; train one with: {TRAIN}") from None
    return network.eval().to(device), card
