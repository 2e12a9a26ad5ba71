"""The whole checkup, its text, its page, and the cheap part of it before a run."""

from __future__ import annotations

import logging
import shlex
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from detectnmf.cli import main
from detectnmf.doctor import cost, rate, trial
from detectnmf.doctor.checkup import Checkup, examine, precheck
from detectnmf.doctor.finding import Finding
from detectnmf.doctor.page import page
from detectnmf.doctor.sample import take
from detectnmf.doctor.text import command, text
from detectnmf.errors import UserError
from detectnmf.memory import GIB
from detectnmf.recording import Recording
from detectnmf.register.base import Registered, Registrar
from detectnmf.register.none import NoRegistration
from detectnmf.runtime import Runtime

from .conftest import movie, recording


@dataclass(frozen=True)
class Refuses:
    """A pipeline that finds nothing, and shows what it was given."""

    register: Registrar = field(default_factory=NoRegistration)
    given: list[Recording] = field(default_factory=list)

    def __call__(self, part, runtime, diameter=None):
        self.given.append(part)
        raise UserError("nothing here is a cell")


refuses = Refuses()


@pytest.fixture
def runtime():
    return Runtime(device="cpu", quiet=True)


def test_a_trial_that_fails_is_a_line_like_any_other(runtime):
    checkup = examine(recording(movie(), notes=("No frame rate in the file: 30 Hz assumed.",)), refuses, runtime)
    assert checkup.trial is None
    assert ("trial run", "nothing here is a cell", "warning") in [(f.name, f.value, f.level) for f in checkup.findings]
    assert checkup.noise == pytest.approx(4, rel=0.03) and checkup.motion.rms < 0.05
    assert checkup.worst() == "warning"


def moves() -> np.ndarray:
    shifts = np.random.default_rng(0).integers(-2, 3, (len(movie()), 2))
    return np.stack([np.roll(frame, shift, (0, 1)) for frame, shift in zip(movie(), shifts, strict=True)])


def test_a_movie_that_moves_is_to_be_registered(runtime):
    """And one that lies still needs no word of it."""
    assert "register=auto" in command(examine(recording(moves()), refuses, runtime), "movie.tif")
    assert "register" not in command(examine(recording(movie()), refuses, runtime), "movie.tif")


def test_the_trial_sees_what_the_run_would_register(runtime):
    """And what that leaves as it is, shifted by what the doctor sees."""
    ours = recording(movie())
    sees = Refuses(lambda piece, runtime: Registered(ours, frames=SimpleNamespace()))
    examine(recording(moves()), sees, runtime)
    assert sees.given[-1] is ours
    leaves = Refuses()
    examine(recording(moves()), leaves, runtime)
    middle = (slice(None), slice(8, -8), slice(8, -8))
    placed, still, moved = leaves.given[-1][:], movie().astype(np.float32), moves().astype(np.float32)
    assert placed[middle].std(axis=0).mean() < 1.05 * still[middle].std(axis=0).mean() < 0.5 * moved[middle].std(axis=0).mean()


def test_no_trial_where_a_run_would_waste_time(runtime):
    checkup = examine(recording(np.full((30, 48, 56), 9, np.uint8)), refuses, runtime)
    assert checkup.worst() == "stop" and "trial run" not in [finding.name for finding in checkup.findings]
    assert "STOP     values" in text(checkup, "movie.tif")


@dataclass
class Ran:
    """All of a trial that time and memory need."""

    decay: float | None = 6.0

    once, pace = 3.5, 1e-5
    rank = 50
    result = np.zeros((100, 24, 28))


def test_cost_grows_with_the_movie():
    sample = replace(take(recording(movie(200))), seconds=2.0)
    found = cost.cost(sample, Ran())
    assert found.seconds == pytest.approx(3.5 + 1e-5 * 200 * 48 * 56 + 2 * 2)  # once, as many values as there are, and read twice
    assert found.memory == pytest.approx(1 + 4 * 4 * 200 * 200 / GIB)  # rank 50 in a quarter of the field: 200
    assert cost.finding(cost.Cost(10, 99), Runtime(device="cpu", max_memory=4)).level == "warning"
    assert "about 2.8 h and" in cost.finding(cost.Cost(10_000, 1), Runtime(device="cpu")).value


def test_what_is_done_once_is_forecast_once(runtime, monkeypatch):
    """A pipeline that loads for 3 s when it is first used, and takes 0.5 s each time and 2 µs for each value."""
    clock = [0.0]
    monkeypatch.setattr(trial, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def slow(part, runtime, diameter=None):
        taken = (0.5 if clock[0] else 3.5) + 2e-6 * part.frames.size
        clock[0] += taken
        known = {"diameter": 8.0, "notes": [], "timings": {"all": taken}, "rank": 5}
        return SimpleNamespace(provenance=known, cells=(), signals=None, quality={}, shape=part.frames.shape)

    sample = replace(take(recording(np.tile(movie(400), (1, 3, 3)))), seconds=1.0)
    tried = trial.attempt(sample, slow, runtime, None, None)
    little = 2e-6 * 128 * 48 * 48
    assert tried.once == pytest.approx(3.5 + little)
    values = 400 * 9 * 48 * 56
    assert cost.cost(sample, tried).seconds - 2 == pytest.approx(3.5 + 2e-6 * values, rel=0.07)  # of which the little run is a part


def test_rates_that_fit_the_transients():
    assert rate.from_decay(6.0, 0.4) == pytest.approx(15)
    low, high = rate.plausible(6.0)
    assert low < 6.0 / 1.8 and high == pytest.approx(6.0 / 0.3)
    assert rate.finding(recording(movie(20)), Ran()).level == "fine"
    assert "the rate is wrong" in rate.finding(recording(movie(20), rate=200.0), Ran()).advice
    assert rate.finding(recording(movie(20), notes=("No frame rate in the file: 30 Hz assumed.",)), Ran()).level == "warning"
    assert rate.finding(recording(movie(20)), Ran(None)).value == "10 Hz, as known"


def test_the_line_to_paste_keeps_what_was_typed():
    checkup = Checkup(take(recording(movie(20))), (Finding("a", "b"),), {"rate": "10", "diameter": "12"}, 1.0, None, None)
    line = command(checkup, "my movie.tif", ["rate=7", "axes=TYX"])
    assert shlex.split(line) == ["detectnmf", "run", "my movie.tif", "rate=7", "axes=TYX", "diameter=12"]
    assert line in text(checkup, "my movie.tif", ["rate=7", "axes=TYX"])


def test_the_page_stands_alone_and_is_safe(runtime):
    checkup = examine(recording(movie(), name="<b>bold</b>"), refuses, runtime)
    html = page(checkup, "detectnmf run '<x>.tif'")
    assert "<b>bold</b>" not in html and "&lt;x&gt;" in html
    assert 'src="http' not in html and html.count("data:image/svg+xml") == 2
    assert "nothing here is a cell" in html


def test_before_a_run(caplog):
    with caplog.at_level(logging.WARNING, "detectnmf"):
        precheck(recording(movie()), None)
    assert not caplog.records
    turned = recording(np.ascontiguousarray(movie(120).transpose(1, 2, 0)), path="turned.tif")
    with pytest.raises(UserError, match=r"turned.tif: .*time is not the first axis: give axes=YXT"):
        precheck(turned, None)
    precheck(turned, "TYX")  # the user says so
    with pytest.raises(UserError, match=r"toy: uint8, all 9; nothing changes"):
        precheck(recording(np.full((30, 48, 56), 9, np.uint8)), None)


@pytest.fixture
def toy_tiff(tmp_path, monkeypatch):
    """Six flashing discs of 9 px."""
    rng = np.random.default_rng(0)
    y, x = np.ogrid[:64, :64]
    clip = 100 + 3 * rng.standard_normal((240, 64, 64))
    for cell, (row, column) in enumerate([(12, 12), (12, 45), (30, 28), (48, 12), (50, 48), (32, 54)]):
        trace = np.convolve(rng.random(240) < 0.05, np.exp(-np.arange(40) / 6))[:240]
        clip += 60 * trace[:, None, None] * (np.hypot(y - row, x - column) < 4.5)
        del cell
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("toy.tif", clip.astype(np.uint16), metadata={"rate": 10.0, "pixel_size": 1.0})
    return tmp_path


def test_from_the_command_line(toy_tiff, capsys):
    words = ["doctor", "toy.tif", "seeder=[superpixels]", "device=cpu", "quiet=true"]
    with pytest.raises(SystemExit) as done:
        main(words)
    out = capsys.readouterr().out
    assert done.value.code == 0, out
    assert (toy_tiff / "toy.doctor" / "doctor.html").stat().st_size > 20_000
    line = next(line.strip() for line in out.splitlines() if line.strip().startswith("detectnmf run"))
    knobs = dict(word.split("=", 1) for word in shlex.split(line)[3:])
    assert float(knobs["diameter"]) == pytest.approx(9, rel=0.15)
    assert knobs["rate"] == "10" and knobs["seeder"] == "[superpixels]"
    with pytest.raises(SystemExit) as done:
        main([*shlex.split(line)[1:], "--cfg", "job"])
    assert done.value.code in (0, None)


def test_a_run_on_turned_axes_stops_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("turned.npy", np.ascontiguousarray(movie(120).transpose(1, 2, 0)))
    with pytest.raises(SystemExit) as done:
        main(["run", "turned.npy", "seeder=[superpixels]", "device=cpu"])
    said = capsys.readouterr().err
    assert done.value.code == 2
    assert "error: turned.npy: 48 × 56 × 120: pictures stay alike along the last axis" in said and "give axes=YXT" in said
    assert not (tmp_path / "turned.detectnmf").exists()
