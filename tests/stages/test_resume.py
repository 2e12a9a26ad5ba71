"""A run that dies after any of its records goes on from there, to the same result bit for bit."""

import json
import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from simulators import simulator

from detectnmf.background.ring import Ring
from detectnmf.compress.pmd import PMD
from detectnmf.demix.localnmf import LocalNMF
from detectnmf.judge.quality import Judge
from detectnmf.judge.reproduce import compare
from detectnmf.pipeline import Pipeline
from detectnmf.register.rigid import Rigid
from detectnmf.runtime import Runtime
from detectnmf.seeds.superpixels import Superpixels
from detectnmf.stages import keep, records
from detectnmf.stages.keep import Stages

MEMORY = 16 * 48 * 48 * 40 / 2**30  # chunks of some forty frames
QUIET = Runtime(device="cpu", max_memory=4 * MEMORY, quiet=True)


class Died(BaseException):
    """As sudden as a kill."""


def pipeline(**changes):
    parts = {"compress": PMD(), "seeders": {"superpixels": Superpixels()}, "demix": LocalNMF(iterations=15), "background": Ring()}
    return Pipeline(**{**parts, "judge": Judge(), "register": Rigid(), **changes})


@pytest.fixture(scope="module")
def recording():
    still = simulator(frames=240, size=[48, 48], cells=5, snr=12.0)(np.random.default_rng(5)).recording
    anatomy = gaussian_filter(np.random.default_rng(6).normal(size=still.size), 2.0, mode="wrap")
    anatomy *= 1500 / np.ptp(anatomy)
    moved = [np.roll(frame + anatomy, (t // 30) % 3 - 1, axis=0) for t, frame in enumerate(still[:])]
    return replace(still, frames=np.stack(moved).astype(np.float32))


@pytest.fixture(scope="module")
def undisturbed(recording):
    return pipeline()(recording, QUIET)


@pytest.fixture
def dies(monkeypatch):
    """dies(n): the n-th thing that is written is the last."""
    left = [0]

    def counted(write):
        def writing(*arguments):
            write(*arguments)
            left[0] -= 1
            if left[0] == 0:
                raise Died

        return writing

    monkeypatch.setattr(records.Records, "_write", counted(records.Records._write))
    monkeypatch.setattr(keep.Stages, "_keep", counted(keep.Stages._keep))
    return lambda number: left.__setitem__(0, number)


def same(first, second):
    return compare(first, second).equal


def test_keeping_stages_changes_nothing(recording, undisturbed, tmp_path):
    assert same(undisturbed, pipeline()(recording, QUIET, stages=Stages(tmp_path)))


def test_a_run_that_dies_after_each_record_comes_to_the_same_end(recording, undisturbed, dies, tmp_path):
    deaths = 0
    while True:
        dies(1)
        try:
            result = pipeline()(recording, QUIET, stages=Stages(tmp_path, every=0))
            break
        except Died:
            deaths += 1
    assert same(undisturbed, result)
    names = {path.name.rpartition("-")[0] for path in tmp_path.iterdir()}
    assert {"compress", "seed-superpixels", "demix", "judge", "traces"} <= names
    assert deaths > len(list(tmp_path.iterdir()))  # also inside of stages
    assert not list(tmp_path.glob("*.partial")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [2, 5, 8])
def test_what_a_dying_write_leaves_is_no_record(recording, undisturbed, dies, tmp_path, number):
    dies(number)
    with pytest.raises(Died):
        pipeline()(recording, QUIET, stages=Stages(tmp_path, every=0))
    newest = max(tmp_path.rglob("tree.json"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_text(newest.read_text()[:20])
    result = pipeline()(recording, QUIET, stages=Stages(tmp_path, every=0))
    assert same(undisturbed, result)


def test_only_what_changed_is_done_again(recording, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    pipeline()(recording, QUIET, stages=Stages(tmp_path))
    caplog.clear()
    changed = pipeline(demix=LocalNMF(iterations=8))(recording, QUIET, stages=Stages(tmp_path))
    lines = [record.message for record in caplog.records]
    assert any(line.startswith("compress: kept from") for line in lines)
    assert any(line.startswith("seed: superpixels: kept from") for line in lines)
    assert any("demix and what follows: done again, since something changed: demix.iterations 15 -> 8" in line for line in lines)
    assert same(changed, pipeline(demix=LocalNMF(iterations=8))(recording, QUIET))


def test_another_movie_is_another_run(recording, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    pipeline()(recording, QUIET, stages=Stages(tmp_path, {"hash": "0123456789abcdef" * 4}))
    caplog.clear()
    pipeline()(recording, QUIET, stages=Stages(tmp_path, {"hash": "fedcba9876543210" * 4}))
    said = "compress and what follows: done again, since something changed: movie.hash 01234567 -> fedcba98"
    assert any(line == said for line in caplog.messages)
    assert not any("kept from" in line for line in caplog.messages)


def test_other_runs_stages_are_as_good(recording, undisturbed, tmp_path, caplog):
    pipeline()(recording, QUIET, stages=Stages(tmp_path / "one"))
    caplog.set_level(logging.INFO)
    assert same(undisturbed, pipeline()(recording, QUIET, stages=Stages(tmp_path / "two", elsewhere=[tmp_path / "one"])))
    assert sum("kept from" in line for line in caplog.messages) >= 5


def test_fresh_does_everything_again(recording, undisturbed, tmp_path, caplog):
    pipeline()(recording, QUIET, stages=Stages(tmp_path))
    caplog.set_level(logging.INFO)
    assert same(undisturbed, pipeline()(recording, QUIET, stages=Stages(tmp_path, fresh=True)))
    assert not any("kept from" in line for line in caplog.messages)


def test_a_damaged_stage_is_done_again(recording, undisturbed, tmp_path, caplog):
    pipeline()(recording, QUIET, stages=Stages(tmp_path))
    (broken,) = tmp_path.glob("compress-*")
    largest = max(broken.glob("*.npy"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:1000])
    assert same(undisturbed, pipeline()(recording, QUIET, stages=Stages(tmp_path)))
    assert any("is damaged (ValueError) and is done again" in line for line in caplog.messages)


def test_a_full_disk_costs_the_record_not_the_run(recording, undisturbed, tmp_path, caplog, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keep, "pack", full)
    monkeypatch.setattr(records, "pack", full)
    assert same(undisturbed, pipeline()(recording, QUIET, stages=Stages(tmp_path, every=0)))
    assert any("no space left on the disk" in line for line in caplog.messages)


def test_the_memory_budget_stays_that_of_the_first_run(tmp_path):
    free = Runtime(device="cpu", quiet=True)
    first = Stages(tmp_path).fixed(free).max_memory
    (tmp_path / "max_memory.txt").write_text(repr(first / 2))
    assert Stages(tmp_path).fixed(free).max_memory == first / 2
    assert Stages(tmp_path).fixed(replace(free, max_memory=0.25)).max_memory == 0.25
    shutil.rmtree(tmp_path)
    assert Stages(None).fixed(free).max_memory == pytest.approx(first, rel=0.5)


def test_a_manifest_says_what_a_stage_was_made_of(recording, tmp_path):
    pipeline()(recording, QUIET, stages=Stages(tmp_path, {"hash": "abc"}))
    (stage,) = tmp_path.glob("judge-*")
    manifest = json.loads((stage / "manifest.json").read_text())
    assert manifest["stage"] == "judge" and manifest["about"] == {"hash": "abc"} and manifest["seconds"] >= 0


def test_an_outcome_that_cannot_be_kept_costs_the_record_not_the_run(tmp_path, caplog):
    stages = Stages(tmp_path)
    assert stages("own", lambda _: {"made by": object}, QUIET) == {"made by": object}
    assert any("a type cannot be kept; the run goes on" in line for line in caplog.messages)
    assert not list(tmp_path.glob("own-*"))


STAGES = ["compress", "diameter", "seed: superpixels", "demix", "judge", "traces", "events"]


@pytest.fixture
def scarce(monkeypatch):
    """scarce(stage, times): memory gives out at the end of a stage, so many times; returns the budgets (GiB) that each stage was given."""

    def run_out(stage, times):
        left, given, work = [times], [], Stages._work

        def working(stages, name, real, runtime, partial=None):
            def starved(within):
                value = real(within)
                given.append((name, within.max_memory))
                if name == stage and left[0]:
                    left[0] -= 1
                    raise torch.OutOfMemoryError("no room")
                return value

            return work(stages, name, starved, runtime, partial)

        monkeypatch.setattr(Stages, "_work", working)
        return given

    return run_out


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_for_which_memory_gives_out_is_done_in_half_of_it(recording, undisturbed, scarce, tmp_path, caplog, stage, kept):
    given = scarce(stage, 1)
    result = pipeline()(recording, QUIET, stages=Stages(tmp_path if kept else None, every=0))
    assert compare(undisturbed, result).alike
    first = [name for name, _ in given].index(stage)
    assert all(budget == QUIET.max_memory for _, budget in given[: first + 1])
    assert given[first + 1][0] == stage
    assert all(budget == QUIET.max_memory / 2 for _, budget in given[first + 1 :])
    assert sum("out of memory" in line for line in caplog.messages) == 1
    assert f"note: out of memory in {stage}; going on with half of the memory budget (max_memory= sets it)" in caplog.messages


def test_what_never_fits_is_an_error_and_costs_no_finished_stage(recording, undisturbed, scarce, tmp_path, monkeypatch):
    given = scarce("demix", 99)
    with pytest.raises(torch.OutOfMemoryError):
        pipeline()(recording, QUIET, stages=Stages(tmp_path))
    assert [budget for name, budget in given if name == "demix"] == [QUIET.max_memory / 2**n for n in range(keep.HALVINGS + 1)]
    monkeypatch.undo()
    assert same(undisturbed, pipeline()(recording, QUIET, stages=Stages(tmp_path)))


def test_traces_for_which_there_is_never_room_do_not_take_the_cells_with_them(recording, undisturbed, scarce):
    scarce("traces", 99)
    result = pipeline()(recording, QUIET)
    assert result.signals is None and "the traces were not read (OutOfMemoryError: no room)" in " ".join(result.provenance["notes"])
    assert np.array_equal(result.cells.traces, undisturbed.cells.traces)
