"""Nothing of the user's is overwritten or deleted unless it was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import tifffile

pytestmark = pytest.mark.usefixtures("here")
QUICK = ["seeder=superpixels", "device=cpu", "max_memory=1GB", "rate=10", "diameter=6"]
OWN = ("config.yaml", "report.html", "events.csv", "notes.txt")


@pytest.fixture
def movie(here, toy, monkeypatch):
    """The toy as a TIFF; reports have their own tests, and take seconds."""
    monkeypatch.setattr("detectnmf.report.write_report", lambda result, path, *_: path.write_text("a report"))
    tifffile.imwrite(here / "toy.tif", toy.recording[:], metadata={"axes": "TYX"})
    return here / "toy.tif"


def own(folder: Path, *names: str) -> dict[Path, str]:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f"my {name}")
    return {folder / name: f"my {name}" for name in names}


def kept(files: dict[Path, str]) -> bool:
    return all(path.read_bytes() == content.encode() for path, content in files.items())


def test_a_run_beside_the_users_own_files(call, movie, here):
    files = own(here / "session", *OWN)
    code, _, err = call("run", movie, "out=session", *QUICK)
    assert code in (0, None), err
    assert kept(files) and (here / "session-2" / "result.h5").exists()
    assert "session holds an earlier result or other files, which are kept; writing to session-2" in err
    harmless = own(here / "other", "notes.txt")
    call("run", movie, "out=other", *QUICK)
    assert kept(harmless) and (here / "other" / "result.h5").exists()


def test_the_current_folder_is_a_place(call, movie, here):
    code, _, err = call("run", movie, "out=.", *QUICK)
    assert code in (0, None), err
    assert (here / "result.h5").exists() and movie.exists()
    code, _, err = call("run", movie, "out=.", *QUICK, "demix.iterations=3")
    assert code in (0, None), err
    assert (here.parent / f"{here.name}-2" / "result.h5").exists()


def test_a_demo_beside_the_users_own_movie(call, movie, here):
    files = own(here / "mine", "movie.tif", "movie.truth.h5")
    code, _, err = call("demo", "out=mine", "sim.frames=30", "sim.size=[32,32]", "sim.cells=3", "seeder=superpixels", "quiet=true")
    assert code in (0, None), err
    assert kept(files) and (here / "mine-2" / "result.h5").exists()


@pytest.mark.parametrize("verb", ["verify", "evaluate"])
def test_what_out_names_is_replaced_only_when_asked(verb, call, movie, here):
    call("run", movie, "out=r", *QUICK)
    files = own(here / "there", "result.h5", "scores.json")
    words = ["verify", "r", movie, "out=there"] if verb == "verify" else ["evaluate", "r", "r/result.h5", "out=there/scores.json"]
    code, _, err = call(*words)
    assert code == 2 and "exists; choose another name, or replace it with overwrite=true" in err
    assert kept(files)
    code, _, err = call(*words, "overwrite=true")
    assert code in (0, None), err
    assert not kept(files)
