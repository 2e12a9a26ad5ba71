"""What is run once is not run again, and what fails stops nothing else."""

from __future__ import annotations

import argparse
import json
from functools import partial

import pytest
import runs
from common import Case, compose
from pages import Mean, table
from runs import Cache, run_all, run_one

ROW = {"movie": "demo", "seed": 1000, "method": "one", "score": 0.5}


def test_a_cache_gives_back_what_was_added_by_the_same_code(tmp_path):
    path = tmp_path / "rows.jsonl"
    Cache(path, code="new").add(ROW)
    Cache(path, code="old").add({**ROW, "seed": 1001})
    with path.open("a") as lines:
        lines.write('{"movie": "demo", "se')  # cut off while it was written
    assert Cache(path, code="new").of("demo", "one", 1) == [{**ROW, "code": "new"}]
    assert len(Cache(path, code="new").rows) == 1
    assert len(Cache(path, any_code=True, code="new").rows) == 2


def test_what_is_not_a_number_is_null_in_the_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    Cache(path, code="new").add({**ROW, "score": float("nan")})
    assert json.loads(path.read_text())["score"] is None


def scored(case: Case, score: float) -> dict:
    return {"score": score}


def broken(case: Case) -> dict:
    raise RuntimeError("broken")


def unknown_knob(case: Case) -> dict:
    return {"config": compose(("demix.no_such_knob=1",))}


@pytest.fixture
def ready(monkeypatch) -> Case:
    """A case whose movie costs nothing."""
    monkeypatch.setattr(Case, "movie", None)
    return Case((), 1000)


def test_a_method_that_fails_leaves_the_others(ready):
    rows, failed = run_one(ready, {"broken": broken, "whole": partial(scored, score=1.0)})
    assert [(row["method"], row["score"]) for row in rows] == [("whole", 1.0)]
    assert len(failed) == 1 and "RuntimeError: broken" in failed[0]


def test_a_variant_whose_knob_does_not_exist_is_skipped(ready):
    rows, failed = run_one(ready, {"unknown": unknown_knob})
    assert not failed and "no_such_knob" in rows[0]["skipped"]


def test_only_what_is_missing_is_run(monkeypatch, tmp_path):
    Cache(tmp_path / "runs").add({**ROW, "method": "one"})

    class Pool:
        def __init__(self, *args, **kwargs): ...
        def __enter__(self):
            return self

        def __exit__(self, *args): ...
        def submit(self, work, case, methods):
            asked.append((case.seed, sorted(methods)))
            return [{**ROW, "seed": case.seed, "method": name} for name in methods], []

    asked: list = []
    monkeypatch.setattr(runs, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(runs, "as_completed", lambda waiting: [argparse.Namespace(result=lambda one=one: one) for one in waiting])
    chosen = argparse.Namespace(seeds=2, jobs=1, device="cpu", cache=tmp_path / "runs", any_code=False)
    rows = run_all({"as it is": ()}, chosen, {"one": broken, "two": broken})
    assert asked == [(1000, ["two"]), (1001, ["one", "two"])]
    assert [row["seed"] for row in rows["as it is", "one"]] == [1000, 1001]
    assert len(Cache(tmp_path / "runs").rows) == 4


def test_a_mean_shows_its_standard_error():
    assert Mean.of([1.0, 2.0, 3.0, None]).show(2) == "2.00 ± 0.58"
    assert Mean.of([0.5]).show(1, sign=True) == "+0.5"
    assert Mean.of([None, float("nan")]).show() == "-"
    assert table(["a", "b"], [[1, 2]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
