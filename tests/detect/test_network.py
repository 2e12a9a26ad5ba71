"""The network's size, its file, and its answer to a drawn cell."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detectnmf.detect.checkpoint import FORMAT, find, load_network, save_network, shipped
from detectnmf.detect.detector import Instances, MaskRCNNDetector
from detectnmf.detect.network import CHANNELS, CROP, VIEWS, build_network, planes
from detectnmf.errors import UserError

CPU = torch.device("cpu")


def drawn(rows: tuple[int, ...], columns: tuple[int, ...], level: float = 4.0) -> torch.Tensor:
    """Discs of 12 px with a darker middle on faint noise."""
    y, x = torch.meshgrid(torch.arange(CROP), torch.arange(CROP), indexing="ij")
    image = 0.05 * torch.randn(CROP, CROP, generator=torch.Generator().manual_seed(0))
    for row, column in zip(rows, columns, strict=True):
        distance = ((y - row) ** 2 + (x - column) ** 2).sqrt()
        image += level * (torch.sigmoid(2 * (6 - distance)) - 0.4 * torch.sigmoid(2 * (3 - distance)))
    return image


def views(image: torch.Tensor) -> torch.Tensor:
    """As if the cells of an image had lit up from the dark and stayed."""
    noise = 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    return torch.stack([image, noise, noise + 0.2 * image, image, (image / (image.abs() + 0.5)).clamp(0, 0.9)])


def test_planes_by_hand() -> None:
    shown = torch.arange(20.0).reshape(1, VIEWS, 2, 2) - 1
    out = planes(shown)
    assert out.shape == (1, CHANNELS, 2, 2)
    assert torch.allclose(out[0, 0], shown[0, 0] / 2)
    assert torch.allclose(out[0, 1:-1], torch.asinh(shown[0, :-1]) / 3)
    assert torch.equal(out[0, -1], shown[0, -1])
    assert torch.isfinite(planes(torch.zeros(1, VIEWS, 2, 2))).all()


def test_a_cell_is_told_once() -> None:
    masks = torch.zeros(4, 1, 20, 20)
    masks[0, 0, 2:10, 2:10] = masks[1, 0, 2:10, 2:12] = 1  # with a dendrite: IoU 0.8
    masks[2, 0, 2:10, 9:17] = masks[3, 0, 12:18, 2:8] = 1  # beside it; elsewhere
    found = Instances.of({"scores": torch.tensor([0.9, 0.8, 0.7, 0.6]), "masks": masks})
    assert found.score.tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found.masks.dtype == torch.bool


def test_weights_survive_the_file(tmp_path: Path) -> None:
    network = build_network()
    path = tmp_path / "net.safetensors"
    save_network(network, path, {"seed": 3})
    assert path.stat().st_size < 16e6
    loaded, card = load_network(path, 0.5, CPU)
    assert card == {"seed": 3}
    for key, value in network.state_dict().items():
        assert torch.allclose(loaded.state_dict()[key].float(), value.float(), rtol=2e-3, atol=1e-6), key


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"no weights here")
    with pytest.raises(UserError, match=r"net\.safetensors: not a readable checkpoint"):
        load_network(path, 0.5, CPU)
    with pytest.raises(UserError, match=r"neither a file nor shipped; shipped are: .*neurons"):
        find("one_photon_please")


def test_weights_of_another_network(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"layer": torch.zeros(3)}, path, metadata={"format": FORMAT, "card": "{}"})
    with pytest.raises(UserError, match=r"other\.safetensors: its weights do not fit"):
        load_network(path, 0.5, CPU)


class TestShipped:
    """The checkpoint in the package."""

    def test_is_small_and_has_a_card(self) -> None:
        assert shipped("neurons").stat().st_size <= 16e6
        card = MaskRCNNDetector().card
        assert {"kinds", "seed", "test", "calibration", "seconds"} <= set(card)
        assert card["test"]["ece"] <= 0.05 and card["test"]["ap50"] > 0.8
        assert shipped("neurons").with_suffix(".md").is_file()

    def test_finds_drawn_cells_where_they_are(self) -> None:
        rows, columns = (20, 50, 75), (25, 70, 30)
        found = MaskRCNNDetector(score=0.6)(views(drawn(rows, columns))[None])[0]
        assert len(found.score) == 3
        for row, column in zip(rows, columns, strict=True):
            y, x = torch.meshgrid(torch.arange(CROP), torch.arange(CROP), indexing="ij")
            disc = ((y - row) ** 2 + (x - column) ** 2) <= 36
            overlap = [float((m & disc).sum() / (m | disc).sum()) for m in found.masks]
            assert max(overlap) > 0.7

    def test_finds_nothing_in_noise(self) -> None:
        noise = 0.2 * torch.randn(8, VIEWS, CROP, CROP, generator=torch.Generator().manual_seed(1))
        found = MaskRCNNDetector(score=0.6)(noise)
        assert sum(len(f.score) for f in found) <= 1

    def test_is_deterministic(self) -> None:
        crops = views(drawn((30,), (60,)))[None]
        first, second = (MaskRCNNDetector()(crops)[0] for _ in range(2))
        assert torch.equal(first.masks, second.masks) and torch.equal(first.score, second.score)
