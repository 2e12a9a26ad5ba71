"""The network and its checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detectnmf.errors import UserError
from detectnmf.io.weights import save_weights
from detectnmf.seeds.lstm import FORMAT, EventNetwork, load_events, save_events

CPU = torch.device("cpu")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_network_comes_back_as_it_was_but_for_half_precision(cell: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = EventNetwork(cell, hidden=8, layers=2).eval()  # type: ignore[arg-type]
    save_events(network, tmp_path / "a.safetensors", {"seed": 3})
    loaded, card = load_events(tmp_path / "a.safetensors", CPU)
    assert card["seed"] == 3 and card["network"] == {"cell": cell, "hidden": 8, "layers": 2} and not loaded.training
    windows = torch.randn(5, 100, 2)
    assert torch.allclose(network(windows), loaded(windows), atol=5e-3)


def test_what_is_no_such_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("no weights")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_events(path, CPU)
    with pytest.raises(UserError, match=r"format 'detectnmf\.mask-rcnn\.2' is not"):
        load_events("neurons", CPU)
    save_weights({"x": torch.zeros(2)}, path, FORMAT, {"network": {"cell": "lstm", "hidden": 8, "layers": 1}})
    with pytest.raises(UserError, match="do not fit this version's network"):
        load_events(path, CPU)
    with pytest.raises(UserError, match=r"classifier 'nothing' is neither a file nor shipped; .*lstm"):
        load_events("nothing", CPU)


def test_other_cells_are_refused() -> None:
    with pytest.raises(UserError, match=r"must be lstm or gru, got 'rnn'"):
        EventNetwork("rnn")  # type: ignore[arg-type]
