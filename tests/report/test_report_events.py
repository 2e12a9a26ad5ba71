"""The section on events says how many, how often and how strong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from happenings import PIXEL, film

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.event_table import EventTable, describe, tabulate
from detectnmf.report.events import events, where_and_when
from detectnmf.report.page import report_page
from detectnmf.result import DemixResult

SIZE, FRAMES = (60, 80), 120


def result(*happens):
    alone = [film([one]) for one in happens]
    table = tabulate([(describe(x, np.abs(x).max(axis=0), 1.0, PIXEL), (0, 0), 0, 9.0) for x in alone], SIZE)
    background = Compressed.from_factors(np.zeros((4800, 1)), np.zeros((1, FRAMES)), np.zeros(SIZE), rate=1.0)
    return DemixResult(Components.empty(SIZE, FRAMES), np.ones(SIZE, np.float32), background, events=table, rate=1.0, pixel_size=PIXEL)


def test_numbers():
    made = result((20, 20, 9, 20.0, 10.0, -0.12), (30, 60, 9, 70.0, 10.0, -0.08), (38, 58, 12, 50.0, 12.0, 0.10))
    text = events(made)
    # 0.0192 mm² for 2 minutes
    assert "2 dips (52.1 per mm² and minute" in text and "1 surges (26 per mm² and minute" in text
    assert text.count("<tr>") == 4 and "events.csv" in text
    assert "Events" in report_page(made) and "3</b><span>events found" in report_page(made)


def test_the_picture_shows_every_event():
    made = result((20, 20, 9, 20.0, 10.0, -0.12), (38, 58, 12, 50.0, 12.0, 0.10))
    field, raster, count = where_and_when(made, made.events).axes
    outlines = [path for one in field.collections for path in one.get_paths() if len(path.vertices)]
    middles = sorted(tuple(path.vertices.mean(axis=0).round(0)) for path in outlines)
    assert middles == [(20, 20), (58, 38)]
    bars = [segment for one in raster.collections for segment in one.get_segments()]
    assert sorted(round(float(bar[1, 0] - bar[0, 0])) for bar in bars) == [10, 12]
    assert max(line.get_ydata().max() for line in count.lines) == 1


def test_nothing_found_says_what_to_try():
    text = report_page(replace(result(), events=EventTable.empty(SIZE)))
    assert "No events: what to try" in text and "demix.alpha=2" in text and "No cells" not in text
