"""Labels against what the simulator put in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simulators import simulator

from detectnmf.compress.pmd import PMD
from detectnmf.sparsen.fast import Fast
from detectnmf.train.examples import Example, Labels, augment, target
from detectnmf.train.ranges import Ranges
from detectnmf.train.score import score_network
from detectnmf.train.stream import Source, Stream


@pytest.fixture(scope="module")
def source() -> Source:
    sim = simulator(frames=300, size=[96, 96], cells=14, snr=12.0)
    return Source(sim, Ranges({"snr": (10.0, 14.0)}), PMD(), Fast(decay=0.5), Labels(), per_patch=8, per_movie=40)


@pytest.fixture(scope="module")
def made(source: Source) -> list[Example]:
    return source(0)


def test_labelled_cells_are_brighter_than_what_is_around_them(made: list[Example]) -> None:
    assert 20 <= len(made) <= 40
    inside, outside = [], []
    for example in made:
        everywhere = example.masks.any(0) if len(example.masks) else torch.zeros_like(example.image, dtype=torch.bool)
        for mask in example.masks:
            inside.append(float(example.image.float()[mask].mean()))
            outside.append(float(example.image.float()[~everywhere].mean()))
    assert len(inside) >= 20
    assert np.mean(np.array(inside) > 5 * np.abs(outside)) > 0.95


def test_the_same_number_gives_the_same_movie(source: Source, made: list[Example]) -> None:
    again = source(0)
    assert len(again) == len(made)
    assert all(torch.equal(a.image, b.image) and torch.equal(a.masks, b.masks) for a, b in zip(again, made, strict=True))
    assert not torch.equal(source(1)[0].image, made[0].image)


def test_turning_turns_image_and_masks_alike() -> None:
    image = torch.zeros(96, 96)
    image[10:20, 30:35] = 1
    example = Example(image, (image > 0)[None])
    rng = np.random.default_rng(0)
    for _ in range(12):
        turned = augment(example, rng)
        assert torch.equal(turned.image > 0, turned.masks[0])


def test_boxes_enclose_their_masks() -> None:
    masks = torch.zeros(2, 20, 20, dtype=torch.bool)
    masks[0, 3:7, 5:15] = True
    masks[1, 19, 0] = True
    assert target(masks)["boxes"].tolist() == [[5, 3, 15, 7], [0, 19, 1, 20]]


def test_stream_shows_each_movie_as_often_as_asked(source: Source) -> None:
    stream = iter(Stream(source, pool=50, repeats=2))
    first = [next(stream) for _ in range(10)]
    assert all(e.image.shape == (96, 96) for e in first)


def test_score_counts_hits_one_to_one() -> None:
    """A stand-in network that answers with the truth, a duplicate of it, and a false alarm."""

    class Answers(torch.nn.Module):
        def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
            true, wrong = torch.zeros(1, 96, 96), torch.zeros(1, 96, 96)
            true[0, 10:20, 10:20], wrong[0, 60:70, 60:70] = 1, 1
            masks = torch.stack([true, true, wrong])
            return [{"masks": masks, "scores": torch.tensor([0.95, 0.75, 0.65])} for _ in images]

    masks = torch.zeros(2, 96, 96, dtype=torch.bool)
    masks[0, 10:20, 10:20] = True
    masks[1, 40:50, 40:50] = True  # missed
    table = score_network(Answers(), [Example(torch.zeros(96, 96), masks)] * 3, torch.device("cpu"))
    at = dict(zip(table["confidence"], zip(table["precision"], table["recall"], strict=True), strict=True))
    assert at[0.9] == (1.0, 0.5)
    assert at[0.7] == (0.5, 0.5)
    assert at[0.5] == (pytest.approx(1 / 3, abs=1e-3), 0.5)
