"""`detectnmf run preset=dips` and `detectnmf sweep`, as they are typed."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile
from happenings import HAPPENS, NOISE, film

import detectnmf

pytestmark = pytest.mark.usefixtures("here")
DIPS = ["preset=dips", "rate=1", "pixel_size=2", "diameter=40um", "compress.edge=8", "device=cpu", "quiet=true"]


@pytest.fixture
def movie(here):
    """Counts of a camera with an offset of 100."""
    clean = film(HAPPENS.values())
    frames = 100 + 1000 * (1 + clean + NOISE * np.random.default_rng(0).standard_normal(clean.shape))
    tifffile.imwrite(here / "oxygen.tif", frames.astype(np.uint16), metadata={"axes": "TYX"})
    return here / "oxygen.tif"


def test_a_run_writes_its_events(call, movie, here):
    code, out, err = call("run", movie, *DIPS, "enhance.offset=100", "enhance.window=100")
    assert code in (0, None), err
    folder = here / "oxygen.detectnmf"
    assert "3 events in" in out and "events.csv" in out
    rows = list(csv.DictReader((folder / "events.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["kind"] for row in rows] == ["dip", "surge", "dip"]
    result = detectnmf.load(folder)
    assert [float(row["onset"]) for row in rows] == pytest.approx(result.events.onset.tolist(), rel=1e-4)
    assert result.events.depth.tolist() == pytest.approx([-0.12, 0.10, -0.09], rel=0.2)
    assert result.signals is not None and np.isfinite(result.signals.raw).all()
    assert "2 dips" in (folder / "report.html").read_text()


def test_a_sweep_writes_table_and_picture(call, movie, here):
    code, out, err = call("sweep", movie, *DIPS, "enhance.offset=100", "enhance.window=100", "values=[4,60]")
    assert code in (0, None), err
    assert "most events with at most 10 % expected false: demix.alpha=4" in out
    lines = (here / "oxygen.sweep" / "sweep.csv").read_text().splitlines()
    assert lines[0] == "demix.alpha,events,expected false,expected share false" and [one.split(",")[1] for one in lines[1:]] == ["3", "0"]
    assert (here / "oxygen.sweep" / "sweep.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["knob=demix.alfa"], "knob=demix.alfa is no knob of these parts"),
        (["knob=demix.settle"], "knob=demix.settle is True, which is no number"),
        (["knob=compress.edge"], "changes the compressed movie"),
        (["knob=diameter", "diameter=12"], "is no knob of a part that finds or keeps"),
        (["knob=seed"], "is no knob of a part that finds or keeps"),
        (["values=[3]"], "a sweep needs two values at least"),
        (["values=[-1,3]"], "demix.alpha must be 0 or more"),
        (["nulls=0"], "nulls must be 1 or more"),
        (["enhance.offset=5000"], "so there is no relative change (dF/F)"),
    ],
)
def test_mistakes_are_told_in_a_line(call, movie, words, told):
    code, _, err = call("sweep", movie, *DIPS, *words)
    assert code == 2 and told in err.strip().splitlines()[-1]


def test_a_movie_below_zero(call, here):
    clean = film(HAPPENS.values())
    frames = -500 + 100 * (clean + NOISE * np.random.default_rng(0).standard_normal(clean.shape))
    np.save(here / "below.npy", frames.astype(np.float32))
    code, _, err = call("run", here / "below.npy", *DIPS)
    assert code == 2 and "the median light is -500, not above 0" in err
    code, out, err = call("run", here / "below.npy", *DIPS, "enhance.relative=false", "enhance.window=100")
    assert code in (0, None) and "3 events in" in out, err
    assert detectnmf.load(here / "below.detectnmf").events.depth.tolist() == pytest.approx([-12, 10, -9], rel=0.2)


def test_a_movie_that_never_changes(call, here):
    np.save(here / "still.npy", np.full((120, 40, 40), 500, np.uint16))
    code, _, err = call("run", here / "still.npy", *DIPS)
    assert code == 2 and "nothing changes: is this the right file, channel or dataset?" in err


def test_alpha_beyond_any_signal(call, movie, here):
    code, out, _ = call("run", movie, *DIPS, "enhance.offset=100", "demix.alpha=1e6")
    assert code in (0, None) and "0 events in" in out
    folder = here / "oxygen.detectnmf"
    assert (folder / "events.csv").read_text().count("\n") == 1 and "No events: what to try" in (folder / "report.html").read_text()
