"""When a record is due."""

from __future__ import annotations

import time

import numpy as np
import pytest

from detectnmf.stages import records
from detectnmf.stages.records import WORTH, Records


@pytest.fixture
def clock(monkeypatch):
    """Time passes only when the test says so, and with every record 3 s."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    packed = records.pack

    def slowly(*given):
        now[0] += 3.0
        return packed(*given)

    monkeypatch.setattr(records, "pack", slowly)
    return now


def test_a_record_that_takes_long_is_written_less_often(tmp_path, clock):
    written = Records(tmp_path / "partial", every=30)
    clock[0] += 29.9
    assert not written.due
    clock[0] += 0.2
    assert written.due
    written.save("step", np.ones(3))
    clock[0] += WORTH * 3 - 0.1
    assert not written.due
    clock[0] += 0.2
    assert written.due


def test_at_every_chance(tmp_path, clock):
    written = Records(tmp_path / "partial", every=0)
    written.save("step", np.ones(3))
    assert written.due
