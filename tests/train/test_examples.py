"""Labels against what the simulator put in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simulators import simulator

from detectnmf.compress.pmd import PMD
from detectnmf.detect.network import VIEWS
from detectnmf.enhance.none import NoEnhancing
from detectnmf.sparsen.fast import Fast
from detectnmf.train.examples import Example, Labels, augment, target
from detectnmf.train.kinds import Mixture
from detectnmf.train.score import Scores, match, score_network
from detectnmf.train.stream import Source, Stream


@pytest.fixture(scope="module")
def source() -> Source:
    sim = simulator(frames=300, size=[96, 96], cells=14, snr=12.0)
    return Source(sim, Mixture({"snr": (10.0, 14.0)}), NoEnhancing(), PMD(), Fast(decay=0.5), Labels(), looks=3, per_movie=40)


@pytest.fixture(scope="module")
def made(source: Source) -> list[Example]:
    return source(0)


def test_labelled_cells_are_brighter_than_what_is_around_them(made: list[Example]) -> None:
    assert 20 <= len(made) <= 40
    inside, outside = [], []
    for example in made:
        everywhere = example.masks.any(0) if len(example.masks) else torch.zeros_like(example.views[0], dtype=torch.bool)
        for mask in example.masks:
            inside.append(float(example.views[0].float()[mask].mean()))
            outside.append(float(example.views[0].float()[~everywhere].mean()))
    assert len(inside) >= 20
    assert np.mean(np.array(inside) > 5 * np.abs(outside)) > 0.95


def test_the_same_number_gives_the_same_movie(source: Source, made: list[Example]) -> None:
    again = source(0)
    assert len(again) == len(made)
    assert all(torch.equal(a.views, b.views) and torch.equal(a.masks, b.masks) for a, b in zip(again, made, strict=True))
    assert not torch.equal(source(1)[0].views, made[0].views)


def test_turning_turns_image_and_masks_alike() -> None:
    image = torch.zeros(96, 96)
    image[10:20, 30:35] = 1
    example = Example(image.expand(VIEWS, -1, -1), (image > 0)[None], torch.ones(1))
    rng = np.random.default_rng(0)
    for _ in range(12):
        turned = augment(example, rng)
        assert all(torch.equal(view > 0, turned.masks[0]) for view in turned.views)


def test_boxes_enclose_their_masks() -> None:
    masks = torch.zeros(2, 20, 20, dtype=torch.bool)
    masks[0, 3:7, 5:15] = True
    masks[1, 19, 0] = True
    assert target(masks)["boxes"].tolist() == [[5, 3, 15, 7], [0, 19, 1, 20]]


class Numbered:
    """A source whose examples tell the movie that they are from."""

    seed = 5

    def __call__(self, number: int) -> list[Example]:
        return [Example(torch.full((VIEWS, 4, 4), float(number)), torch.zeros(0, 4, 4, dtype=torch.bool), torch.zeros(0))] * 3


def shown(stream: Stream, batches: int) -> list[list[float]]:
    return [[float(e.views[0, 0, 0]) for e in batch] for _, batch in zip(range(batches), stream, strict=False)]


def test_batches_are_drawn_from_the_last_movies() -> None:
    batches = shown(Stream(Numbered(), batch=8, window=2, per_movie=3, workers=0), 12)  # type: ignore[arg-type]
    assert [set(batch) <= {float(at // 3), max(at // 3 - 1.0, 0.0)} for at, batch in enumerate(batches)] == [True] * 12
    assert {movie for batch in batches for movie in batch} == {0, 1, 2, 3}


@pytest.mark.parametrize("start", [1, 4, 6, 11])
def test_a_stream_goes_on_where_it_was_left(start: int) -> None:
    stream = Stream(Numbered(), batch=8, window=3, per_movie=3, workers=0)  # type: ignore[arg-type]
    assert shown(stream.from_batch(start), 5) == shown(stream, start + 5)[start:]


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
    crops = [Example(torch.zeros(VIEWS, 96, 96), masks, torch.tensor([9.0, 2.5]), density) for density in (0.1, 0.1, 2.0)]
    scores = score_network(Answers(), crops, torch.device("cpu"))
    assert scores.at(0.9) == (1.0, 0.5)
    assert scores.at(0.6) == (0.5, 0.5)  # the duplicate is told once
    assert scores.average_precision(0) == scores.average_precision(1) == pytest.approx(0.5)
    summary = scores.summary(0.6)
    assert summary["by_density"] == [[0.0, 4, 0.5, 0.5], [1.6, 2, 0.5, 0.5]]
    assert summary["by_snr"] == [[2.0, 3, 0.0], [8.0, 3, 1.0]]


def test_average_precision_by_hand() -> None:
    """Hit, miss, hit of three cells: 1/1 and 2/3 at a third of the cells each."""
    hit = np.array([[True, False], [False, False], [True, True]])
    none = np.zeros(3)
    scores = Scores(np.array([0.9, 0.8, 0.7]), hit, none, np.array([0.9, 0.7, 0.0]), none, none)
    assert scores.average_precision(0) == pytest.approx((1 + 2 / 3) / 3)
    assert scores.average_precision(1) == pytest.approx(1 / 3 / 3)


def test_each_detection_takes_one_cell() -> None:
    overlap = np.array([[0.9, 0.6], [0.8, 0.55], [0.7, 0.2]])
    assert match(overlap, 0.5).tolist() == [0, 1, -1]
