"""What is measured of one event, against closed forms."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from happenings import PIXEL, course, disc, film

import detectnmf
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.event_table import EventTable, describe, tabulate
from detectnmf.result import DemixResult


def measured(*happens):
    clean = film(happens)
    return describe(clean, np.abs(clean).max(axis=0), 1.0, PIXEL)


@pytest.mark.parametrize(("duration", "depth"), [(5.0, -0.1), (8.0, -0.1), (12.0, -0.05), (20.0, 0.08)])
def test_closed_forms(duration, depth):
    one = measured((30, 40, 10, 30.3, duration, depth))
    v = one.values
    # the line through a quarter (1/3 of the rise) and three quarters (2/3) of a raised cosine meets 0 at 1/6 of the rise
    assert v["onset"] == pytest.approx(30.3 + 0.4 * duration / 6, abs=0.5)
    assert v["duration"] == pytest.approx(duration, rel=0.1)
    assert v["area"] == pytest.approx(np.pi * 100 * PIXEL**2, rel=0.03)
    assert v["depth"] == pytest.approx(depth, rel=0.06)
    assert (v["row"], v["column"]) == (pytest.approx(30, abs=0.05), pytest.approx(40, abs=0.05))
    assert np.hypot(v["drift_rows"], v["drift_columns"]) < 0.05 and v["whole"]
    assert one.picture.max() == 1 and len(one.course) == 120


def test_drift_of_one_that_moves():
    frames = np.arange(120)
    clean = np.zeros((120, 60, 80))
    for t in frames:
        clean[t] = -0.1 * course(30, 20)[t] * disc(30, 30 + 0.5 * (t - 40), 10)
    v = describe(clean, np.abs(clean).max(axis=0), 1.0, PIXEL).values
    # from the middle of the first third of some 20 frames to that of the last it moves by 7 px; the area stays, and cuts some off
    assert 0.3 * 7 * PIXEL < v["drift_columns"] < 7 * PIXEL and abs(v["drift_rows"]) < 0.1


def test_an_event_that_the_recording_cuts_off():
    clean = film([(30, 40, 10, -4.0, 10.0, -0.1)])
    assert not describe(clean, np.abs(clean).max(axis=0), 1.0, PIXEL, (True, False)).values["whole"]


def test_nothing_rises():
    assert describe(np.zeros((10, 5, 5)), np.zeros((5, 5)), 1.0, 1.0) is None
    assert len(tabulate([], (5, 5))) == 0


@pytest.fixture(scope="module")
def table():
    late, early = measured((30, 40, 10, 60, 10, -0.1)), measured((20, 20, 8, 20, 10, 0.1))
    return tabulate([(late, (0, 0), 0, 50.0), (early, (5, -3), 0, 40.0)], (60, 80))


def test_sorted_and_placed(table):
    assert np.allclose(table.onset, [20.7, 60.7], atol=0.5) and list(table.dips) == [False, True]
    assert (table.row[0], table.column[0]) == (pytest.approx(25, abs=0.1), pytest.approx(17, abs=0.1))
    peak = table.footprints[:, [0]].toarray().reshape(60, 80)
    assert np.hypot(*(np.argwhere(peak > 0.5).mean(axis=0) - [25, 17])) < 0.2
    assert len(table[table.dips]) == 1 and table[table.dips].depth[0] < 0


def test_csv(table):
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert [row["kind"] for row in rows] == ["surge", "dip"] and rows[1]["whole"] == "true"
    assert float(rows[1]["onset"]) == pytest.approx(table.onset[1], rel=1e-5)


@pytest.mark.parametrize("which", [slice(None), slice(0, 0)])
def test_a_result_keeps_its_events(table, which, tmp_path):
    events = table[which]
    background = Compressed.from_factors(np.zeros((4800, 1)), np.zeros((1, 120)), np.zeros((60, 80)))
    DemixResult(Components.empty((60, 80), 120), np.zeros((60, 80)), background, events=events).save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5").events
    assert len(back) == len(events) and back.size == (60, 80)
    assert np.array_equal(back.onset, events.onset) and np.array_equal(back.whole, events.whole)
    assert np.array_equal(back.footprints.toarray(), events.footprints.toarray())
    assert all(np.array_equal(one, other) for one, other in zip(back.courses, events.courses, strict=True))


def test_no_events_are_no_table(tmp_path):
    background = Compressed.from_factors(np.zeros((4, 1)), np.zeros((1, 9)), np.zeros((2, 2)))
    DemixResult(Components.empty((2, 2), 9), np.zeros((2, 2)), background).save(tmp_path / "result.h5")
    assert detectnmf.load(tmp_path / "result.h5").events is None
    assert EventTable.empty((2, 2)).csv().count("\n") == 1
