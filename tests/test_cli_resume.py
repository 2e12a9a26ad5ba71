"""The command run again: it goes on where it was interrupted, does nothing twice, and can be verified."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.io.store import save_result
from detectnmf.judge.reproduce import compare

pytestmark = pytest.mark.usefixtures("here", "no_report")
QUICK = ["seeder=superpixels", "device=cpu", "max_memory=1GB", "rate=10", "diameter=6"]


@pytest.fixture
def no_report(monkeypatch):
    """Reports have their own tests, and take seconds."""
    monkeypatch.setattr("detectnmf.report.write_report", lambda result, path, *_: path.write_text(f"{len(result.cells)} cells"))


@pytest.fixture
def movie(here, toy):
    path = here / "toy.tif"
    tifffile.imwrite(path, toy.recording[:], metadata={"axes": "TYX"})
    return path


def test_the_same_command_again_does_nothing_again(call, here, movie):
    assert call("run", movie, *QUICK)[0] == 0
    result = here / "toy.detectnmf" / "result.h5"
    before = result.read_bytes()
    code, _, err = call("run", movie, *QUICK)
    assert code == 0
    assert "finished before, and nothing that it depends on has changed" in err
    assert "compress:" not in err
    assert result.read_bytes() == before
    assert not (here / "toy.detectnmf-2").exists()


def test_a_report_that_is_missing_is_made(call, here, movie):
    call("run", movie, *QUICK)
    report = here / "toy.detectnmf" / "report.html"
    report.unlink()
    call("run", movie, *QUICK)
    assert report.exists()


def test_other_settings_go_elsewhere_and_use_what_is_there(call, here, movie):
    call("run", movie, *QUICK)
    before = (here / "toy.detectnmf" / "result.h5").read_bytes()
    code, _, err = call("run", movie, *QUICK, "demix.iterations=7")
    assert code == 0
    assert "compress: kept from toy.detectnmf, nothing that it depends on has changed" in err
    assert "demix and what follows: done again, since something changed: demix.iterations 30 -> 7" in err
    assert (here / "toy.detectnmf" / "result.h5").read_bytes() == before
    assert (here / "toy.detectnmf-2" / "result.h5").exists()


def test_another_movie_under_the_same_name_is_seen(call, here, movie, toy):
    call("run", movie, *QUICK)
    frames = toy.recording[:].copy()
    frames[100:110] += 50  # neither its size nor its ends
    tifffile.imwrite(movie, frames, metadata={"axes": "TYX"})
    _, _, err = call("run", movie, *QUICK)
    assert "done again, since something changed: movie.changed" in err
    assert not compare(detectnmf.load("toy.detectnmf"), detectnmf.load("toy.detectnmf-2")).equal


def test_fresh_starts_over_and_keeps_the_earlier_result(call, here, movie):
    call("run", movie, *QUICK)
    before = (here / "toy.detectnmf" / "result.h5").read_bytes()
    code, _, err = call("run", movie, *QUICK, "--fresh")
    assert code == 0
    assert "kept from" not in err
    assert (here / "toy.detectnmf" / "result.h5").read_bytes() == before
    assert compare(detectnmf.load("toy.detectnmf"), detectnmf.load("toy.detectnmf-2")).equal


def test_killed_at_any_moment_it_comes_to_the_same_result(call, here, movie):
    """In processes of their own, with SIGKILL, at moments that are spread over the run."""
    call("run", movie, *QUICK, "out=undisturbed")
    root = os.path.dirname(os.path.dirname(detectnmf.__file__))
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); from detectnmf.cli import main; main()"]
    command += ["run", str(movie), *QUICK, "out=killed", "save_every=0"]
    killed = 0
    for stage in ("max_memory.txt", "compress-", "demix-", "judge-"):
        job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while job.poll() is None and not any(path.name.startswith(stage) for path in (here / "killed").glob("stages/*")):
            time.sleep(0.005)
        job.send_signal(signal.SIGKILL)
        killed += job.wait() == -signal.SIGKILL
    assert killed >= 2
    code, _, err = call("run", movie, *QUICK, "out=killed")
    assert code == 0, err
    assert compare(detectnmf.load("undisturbed"), detectnmf.load("killed")).equal
    assert not [path for path in (here / "killed").rglob("*") if path.name.startswith(".") or path.name.endswith((".part", ".partial"))]


def test_verify_makes_it_again(call, here, movie):
    call("run", movie, *QUICK)
    code, out, _ = call("verify", "toy.detectnmf", movie)
    assert code == 0
    assert out.startswith("the same to the last bit: ")


def test_verify_sees_what_is_not_the_same(call, here, movie, toy):
    call("run", movie, *QUICK)
    result = detectnmf.load("toy.detectnmf")
    result.cells.traces[0, result.cells.traces[0].argmax()] *= 1.001
    save_result(result, here / "changed.h5")
    code, out, _ = call("verify", "changed.h5", movie)
    assert code == 0  # the same cells; and which array it is
    assert "1 of " in out and "cells.traces (by " in out
    tifffile.imwrite("other.tif", np.ascontiguousarray(toy.recording[:][:, ::-1]), metadata={"axes": "TYX"})
    code, out, err = call("verify", "toy.detectnmf", "other.tif")
    assert code == 2
    assert "note: another movie: " in err
    assert "toy.detectnmf was not made again: " in err


@pytest.mark.parametrize(("result", "says"), [("none.h5", "none.h5: no such file"), ("truth.h5", "truth.h5 holds no settings of a run")])
def test_verify_takes_results_of_runs(call, here, movie, result, says):
    call("run", movie, *QUICK)
    stripped = detectnmf.load("toy.detectnmf")
    stripped.provenance.clear()
    save_result(stripped, here / "truth.h5")
    code, _, err = call("verify", result, movie)
    assert code == 2 and says in err


@pytest.mark.parametrize(("given", "gib"), [("1", 1.0), ("2GiB", 2.0), ("4GB", 4e9 / 2**30), ("512 MiB", 0.5)])
def test_memory_with_its_unit(call, here, movie, given, gib):
    assert call("run", movie, "seeder=superpixels", f"max_memory={given}", "rate=10", "quiet=true")[0] == 0
    assert detectnmf.load("toy.detectnmf").provenance["max_memory"] == pytest.approx(gib)


def test_no_amount_of_memory(call, movie):
    code, _, err = call("run", movie, "max_memory=plenty")
    assert code == 2 and "max_memory must be in GiB (max_memory=8) or with its unit (max_memory=8GB), got 'plenty'" in err
