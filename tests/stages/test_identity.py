"""What a part is, as plain values: the same for the same settings, another for any other."""

import json
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from detectnmf.compress.pmd import PMD
from detectnmf.stages.identity import changed, code, describe, digest


@dataclass(frozen=True)
class Part:
    inner: PMD = field(default_factory=PMD)
    values: tuple = (1, 2)
    table: object = None
    weights: str = ""
    found: list = field(default_factory=list, init=False)


class Plain:
    def __init__(self, level):
        self.level = level
        self._cache = None

    def double(self):
        return 2 * self.level


class Kind(Enum):
    ONE = auto()
    OTHER = auto()


def test_plain_values_only():
    assert json.loads(json.dumps(describe(Part(table={"a": np.float32(2)})))) == describe(Part(table={"a": np.float32(2)}))


@pytest.mark.parametrize(
    "other",
    [
        Part(inner=replace(PMD(), block=20)),
        Part(values=(1, 3)),
        Part(table={"a": 1}),
        Part(table=np.zeros(3)),
        Part(table=np.zeros(3, np.float32)),
        Part(table=torch.ones(3)),
        Part(table=torch.nn.Linear(1, 1)),
        Part(table=np.mean),
        Part(table=partial(np.percentile, q=3)),
        Part(table=Plain(3).double),
        Part(table=Kind.ONE),
        Part(table=range(3)),
        Part(table=torch.float32),
    ],
)
def test_every_setting_counts(other):
    assert digest(describe(other)) != digest(describe(Part()))
    assert digest(describe(other)) == digest(describe(replace(other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (partial(np.percentile, q=3), partial(np.percentile, q=4)),
        (partial(np.percentile, q=3), partial(np.quantile, q=3)),
        (Plain(3).double, Plain(4).double),
        (Kind.ONE, Kind.OTHER),
        (range(3), range(4)),
        (torch.float32, torch.float64),
    ],
)
def test_what_is_called_or_listed_counts_with_all_that_it_was_given(one, other):
    assert digest(describe(one)) != digest(describe(other))
    json.dumps(describe(one))


def test_what_a_part_found_out_does_not_count():
    part, plain = Part(), Plain(3)
    before = describe(part), describe(plain)
    part.found.append(1)
    plain._cache = 5
    assert (describe(part), describe(plain)) == before
    assert describe(Plain(4)) != before[1]


def test_a_file_counts_by_what_it_holds(tmp_path):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"one")
    before = describe(Part(weights=str(weights)))
    weights.write_bytes(b"two")
    assert describe(Part(weights=str(weights))) != before


def test_a_class_of_the_users_counts_by_its_source():
    assert describe(Plain(3))["is"].split()[1] != ""
    assert len(describe(PMD())["is"].split()) == 1  # ours: the code as a whole counts
    assert len(code()) == 16


def test_a_change_is_seen_where_the_bytes_are_not_read(tmp_path):
    movie = Path(tmp_path / "movie.raw")
    movie.write_bytes(bytes(10))
    before = changed(str(movie))
    assert changed(str(movie)) == before
    movie.touch()
    assert changed(str(movie)) != before
