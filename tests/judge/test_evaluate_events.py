"""Scores of event tables, worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from happenings import FRAMES, HAPPENS, PIXEL, SIZE, film

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.event_table import describe, tabulate
from detectnmf.judge.evaluate import evaluate
from detectnmf.result import DemixResult


def result(*happens):
    """None for a result without a table."""
    alone = [film([one]) for one in happens]
    table = tabulate([(describe(x, np.abs(x).max(axis=0), 1.0, PIXEL), (0, 0), 0, 9.0) for x in alone], SIZE)
    background = Compressed.from_factors(np.zeros((SIZE[0] * SIZE[1], 1)), np.zeros((1, FRAMES)), np.zeros(SIZE), rate=1.0)
    events = table if happens else None
    return DemixResult(Components.empty(SIZE, FRAMES), np.ones(SIZE, np.float32), background, events=events, rate=1.0, pixel_size=PIXEL)


def test_found_late_missed_and_false():
    left, again, _ = HAPPENS.values()
    late = (*again[:3], again[3] + 1, *again[4:])
    scores = evaluate(result(left, late, (45, 20, 8, 40.0, 8.0, -0.1)), result(*HAPPENS.values()))
    dips, surges = scores.events.dips, scores.events.surges
    assert (dips.hits, dips.found, dips.true) == (2, 3, 2) and (surges.hits, surges.found, surges.true) == (0, 0, 1)
    assert (dips.precision, dips.recall, dips.f1) == pytest.approx((2 / 3, 1, 4 / 5))
    assert dips.onset == pytest.approx(0.5, abs=1e-3), "the median of 0 s and 1 s"
    assert max(dips.area, dips.depth, dips.duration) < 1e-3
    assert surges.recall == surges.f1 == 0 and np.isnan(surges.onset)
    table = scores.table()
    assert "dips: 3 found, 2 true" in table and "F1 0.800" in table and "onset 0.50 s" in table and "surges: 0 found, 1 true" in table
    data = json.loads(scores.to_json())["events"]
    assert data["dips"]["f1"] == pytest.approx(0.8) and data["surges"]["onset"] is None


def test_without_a_table_on_one_side_it_says_so():
    scores = evaluate(result(), result(*HAPPENS.values()))
    assert scores.events.dips.recall == 0 and "the result lists no events" in scores.notes


def test_cells_have_no_events():
    scores = evaluate(result(), result())
    assert scores.events is None and "dips" not in scores.table()
