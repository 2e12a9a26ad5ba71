"""The table of true events against what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from simulators import simulator

from detectnmf.simulate.events import departures

STILL = {"neuropil": "none", "psf": "ideal", "shapes": "pocket", "activity": "dips", "rest": 0.0, "modulate": True, "depth": [0.0, 0.0]}


@pytest.fixture(scope="module")
def made():
    knobs = {"frames": 400, "size": [160, 160], "rate": 1.0, "pixel_size": 2.35, "cells": 8, "snr": None, "light": 400.0, "visible": 0.0}
    return simulator(**STILL, **knobs, min_distance=2.0, blurred=100.0)(np.random.default_rng(5))


def test_an_event_for_each_onset(made):
    events, onsets = made.truth.events, np.argwhere(made.truth.history["spikes"])
    begun = events[events.onset > 1.0]
    assert len(begun) == len(onsets) > 8 and (events.depth < 0).all()
    frames = np.sort(onsets[:, 1]) + 0.5
    assert np.abs(begun.onset - frames).max() < 8, "late edges of the slowest event"
    assert np.median(np.abs(begun.onset - frames)) < 2


def test_depth_is_the_drawn_one_and_centres_are_the_sites(made):
    events, cells = made.truth.events, made.truth.cells
    alone = [k for k in range(len(events)) if events.whole[k]]
    centres = cells.centers
    for k in alone:
        site = int(np.hypot(*(centres - [events.row[k], events.column[k]]).T).argmin())
        assert np.hypot(*(centres[site] - [events.row[k], events.column[k]])) < 6
    deepest = float(np.abs(events.depth).max())
    clean = made.recording.frames.expected(slice(None))
    light = np.median(clean, axis=0) - 100
    assert deepest == pytest.approx(float(np.abs((clean - 100) / light - 1).max()), rel=0.15)


def test_areas_are_those_of_the_clean_movie(made):
    """Pixels in which the clean movie, averaged over the event, shows half of its depth."""
    events = made.truth.events
    clean = made.recording.frames.expected(slice(None)) - 100
    change = clean / np.median(clean, axis=0) - 1
    k = int(np.argmax(events.evidence))
    middle = round(float(events.onset[k] + 0.6 * events.duration[k]))
    frame = change[middle]
    row, column = round(float(events.row[k])), round(float(events.column[k]))
    near = np.hypot(*(np.indices(frame.shape) - np.array([row, column])[:, None, None])) < 40
    area = ((frame < 0.5 * frame[near].min()) & near).sum() * 2.35**2
    assert events.area[k] == pytest.approx(area, rel=0.25)


def test_cells_have_no_events():
    assert simulator(frames=20, size=[32, 32], cells=2)(np.random.default_rng(0)).truth.events is None


def test_departures():
    own = np.array([0, 0, 1, 1, 0, 0, 0, 2, 0])
    parts = np.array([[0, 0, 1, 1, 0, 0, 0, 2, 0], [0, 0, 0, 0, 1, 1, 0, 0, 2]])
    assert departures(own, parts) == [(2, 6), (7, 9)]
    assert departures(np.zeros(4), np.zeros((2, 4))) == []
