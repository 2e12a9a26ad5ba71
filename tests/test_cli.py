"""The command: one line for a mistake, exit code 2, never a traceback; earlier results and later jobs are safe."""

import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from omegaconf import OmegaConf

import detectnmf
from detectnmf.cli import main
from detectnmf.command.words import VERBS

pytestmark = pytest.mark.usefixtures("here")
SMALL = ["sim.frames=30", "sim.size=[32,32]", "sim.cells=3"]
QUICK = ["seeder=superpixels", "device=cpu", "quiet=true"]


@pytest.fixture
def movie(here, toy):
    """The toy as a TIFF; the number of pixels tells it from others."""
    path = here / "toy.tif"
    tifffile.imwrite(path, toy.recording[:], metadata={"axes": "TYX"})
    return path


def one_line(err):
    (line,) = err.strip().splitlines()
    return line


# ---- help -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_one_screen_with_all_verbs_and_three_examples(call, words):
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 100
    for verb in VERBS.values():
        assert f"\n  {verb.usage} " in out
    examples = out.split("Examples")[1].split("\n\n")[0]
    assert examples.count("detectnmf ") == 3


def test_version(call):
    assert call("--version") == (0, f"detectnmf {detectnmf.__version__}\n", "")


def test_help_of_a_verb_either_way(call):
    assert call("help", "run")[1] == call("run", "--help")[1] != call("train", "--help")[1]


def test_python_m(here):
    root = os.path.dirname(os.path.dirname(detectnmf.__file__))
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-m", "detectnmf", "runn"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (2, "error: 'runn' is not a verb; did you mean `run`?\n")


def test_completion_knows_verbs_and_parts(call, monkeypatch):
    monkeypatch.setenv("COMP_LINE", "detectnmf ev")
    assert call("-sc", "query=bash")[1] == "evaluate\n"
    monkeypatch.setenv("COMP_LINE", "detectnmf simulate psf=")
    assert "psf=bessel" in call("-sc", "query=bash")[1].split()
    monkeypatch.setenv("COMP_LINE", "detectnmf run demix=loc")
    assert "demix=localnmf" in call("-sc", "query=bash")[1].split()


# ---- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["simulat"], "'simulat' is not a verb; did you mean `simulate`?"),
        (["fly"], "'fly' is not a verb; the verbs are run, doctor, sweep, simulate, gallery, train, evaluate, verify, demo"),
        (["toy.tif"], "toy.tif is not a verb; did you mean `detectnmf run toy.tif`?"),
        (["run"], "input is not given; try: detectnmf run --help"),
        (["evaluate", "a.h5"], "truth is not given; try: detectnmf evaluate --help"),
        (["run", "toy.tif", "divice=cpu"], "unknown key `divice`; did you mean `device`?"),
        (["run", "toy.tif", "compress.blok=3"], "unknown key `compress.blok`; did you mean `compress.block`?"),
        (["run", "toy.tif", "max_rank=3"], "unknown key `max_rank`; did you mean `compress.max_rank`?"),
        (["run", "toy.tif", "compress.zz=3"], "unknown key `compress.zz`; `compress` has: block, max_rank"),
        (["run", "toy.tif", "compress.seed=3"], "unknown key `compress.seed`; did you mean `seed`?"),
        (["run", "toy.tif", "seed.x=3"], "unknown key `seed.x`"),
        (["run", "toy.tif", "+divice=cpu"], "unknown key `divice`; did you mean `device`?"),
        (["run", "toy.tif", "+compress.blok=3"], "unknown key `compress.blok`; did you mean `compress.block`?"),
        (["simulate", "o.tif", "psf=besel"], "no psf is called 'besel'; did you mean `psf=bessel`? (there are: bessel, "),
        (["simulate", "o.tif", "psff=bessel"], "unknown key `psff`; did you mean `psf`?"),
        (["run", "toy.tif", "psf=bessel"], "unknown key `psf`"),
        (["run", "toy.tif", "compress.block=big"], "compress.block must be a whole number, got 'big'"),
        (["run", "toy.tif", "seed=1.5"], "seed must be a whole number, got 1.5"),
        (["run", "toy.tif", "quiet=3"], "quiet must be true or false, got 3"),
        (["run", "toy.tif", "rate=-3"], "rate must be above 0 Hz, got -3"),
        (["run", "toy.tif", "max_memory=0"], "max_memory must be above 0 GiB, got 0"),
        (["run", "toy.tif", "diameter=wide"], "diameter must be a length above 0"),
        (["run", "toy.tif", "device=gpu"], "device='gpu' is not a device; use auto, cpu, cuda or cuda:0"),
        (["run", "toy.tif", "device=cuda:99"], "device='cuda:99' was asked for, but torch sees"),
        (["run", "toy.tif", "seed=0,1"], "seed=0,1 asks for several runs: add -m; or, for a list, write seed=[0,1]"),
        (["run", "toy.tif", "out=[1"], "cannot read the value in 'out=[1'"),
        (["run", "no.tif"], "no.tif: no such file or folder"),
        (["run", "toy.tif", "out=toy.tif/x"], "cannot write to toy.tif/x (Not a directory); choose another place with out="),
        (["simulate", "toy.tif/o.tif"], "cannot write to toy.tif (File exists); choose another place with out="),
        (["simulate", "o.tif", "sim.frames=0"], "sim.frames must be above 0, got 0"),
        (["evaluate", "a.h5", "b.h5"], "a.h5"),
        (["train", "toy.tif/x", "training.steps=1"], "cannot write to toy.tif"),
        (["run", "toy.tif", "--config-dir", "nowhere"], "nowhere' not found"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(call, movie, words, says):
    code, out, err = call(*words)
    assert says in one_line(err)
    assert err.startswith("error: ")
    assert (code, out) == (2, "")
    assert {path.name for path in movie.parent.iterdir()} == {"toy.tif"}, "a mistake leaves nothing behind"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_gpu_that_is_not_there(call, movie):
    assert "device='cuda' was asked for, but torch sees 0 CUDA GPUs; use device=cpu or device=auto" in one_line(
        call("run", movie, "device=cuda")[2]
    )


def test_a_mistake_in_an_experiment_is_found(call, here):
    """Hydra itself takes any key from a file."""
    (here / "mine" / "experiment").mkdir(parents=True)
    for text, says in (
        ("divice: cpu", "unknown key `divice`; did you mean `device`?"),
        ("sim: {frame: 3}", "unknown key `sim.frame`; did you mean `sim.frames`?"),
        ("simm: {frames: 3}", "unknown key `simm`; did you mean `sim`?"),
    ):
        (here / "mine" / "experiment" / "one.yaml").write_text(f"# @package _global_\n{text}\n")
        code, _, err = call("simulate", "o.tif", "--config-dir", "mine", "experiment=one")
        assert code == 2
        assert says in one_line(err)


def test_a_fault_of_the_program_is_not_hidden(here, monkeypatch):
    monkeypatch.setattr("detectnmf.tasks.simulate.refuse_to_replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["simulate", "o.tif", *SMALL])


def test_an_interrupt_is_one_line(call, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("detectnmf.tasks.simulate.refuse_to_replace", interrupt)
    code, _, err = call("simulate", "o.tif", *SMALL)
    assert (code, one_line(err)) == (130, "interrupted; what was finished is kept")


# ---- a user's own parts -------------------------------------------------------------------------------------------------

OWN = """
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Dot:
    pixel_size: float
    strength: float = 1.0
    def __call__(self, depth):
        kernels = np.zeros((len(depth), 3, 3))
        kernels[:, 1, 1] = self.strength
        return kernels
"""


def test_a_psf_of_the_users_own_from_the_current_folder(here):
    """In a process of its own: a console script does not see the current folder."""
    (here / "my_own_psf.py").write_text(OWN)
    (here / "my_configs" / "psf").mkdir(parents=True)
    (here / "my_configs" / "psf" / "dot.yaml").write_text("_target_: my_own_psf.Dot\npixel_size: ${sim.pixel_size}\nstrength: 1.0\n")
    (here / "json.py").write_text("raise SystemExit('a file of the user hides a library')")
    root = os.path.dirname(os.path.dirname(detectnmf.__file__))
    start = f"import sys; sys.path[:] = [{root!r}, *[p for p in sys.path if p]]; from detectnmf.cli import main; main()"
    command = [sys.executable, "-c", start, "simulate", "o.tif", "--config-dir", "my_configs", "psf=dot", *SMALL]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert detectnmf.load("o.truth.h5").provenance["config"]["psf"] == {"_target_": "my_own_psf.Dot", "pixel_size": 1.0, "strength": 1.0}


# ---- simulate, sweeps ---------------------------------------------------------------------------------------------------


def test_simulate_writes_what_was_asked_for_and_keeps_it(call, here):
    code, out, err = call("simulate", "o.tif", *SMALL, "seed=3")
    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == ["wrote o.tif", "wrote o.truth.h5"]
    recording, truth = detectnmf.read("o.tif"), detectnmf.load("o.truth.h5")
    assert recording.shape == truth.shape == (30, 32, 32)
    assert truth.provenance["seed"] == 3
    assert shlex.split(truth.provenance["command"]) == ["detectnmf", "simulate", "o.tif", *SMALL, "seed=3"]
    before = (here / "o.tif").read_bytes()
    code, _, err = call("simulate", "o.tif", *SMALL, "seed=4")
    assert code == 2
    assert one_line(err) == "error: o.tif exists; choose another name, or replace it with overwrite=true"
    assert (here / "o.tif").read_bytes() == before
    assert call("simulate", "o.tif", *SMALL, "seed=3", "overwrite=true")[0] == 0
    assert (here / "o.tif").read_bytes() == before, "the same seed, the same movie"
    assert call("simulate", "o.tif", *SMALL, "seed=4", "overwrite=true")[0] == 0
    assert (here / "o.tif").read_bytes() != before


def test_jobs_of_a_sweep_have_their_own_files(call, here):
    code, out, err = call("simulate", "-m", "my (o).tif", *SMALL, "seed=0,1", "psf=two_photon,bessel")
    assert code == 0
    assert all(line.startswith("note: ") for line in err.splitlines()), err  # so small a field may saturate, and says so
    names = {path.name for path in here.glob("*.tif")}
    assert names == {f"my (o)-psf={psf},seed={seed}.tif" for psf in ("two_photon", "bessel") for seed in (0, 1)}
    assert out.count("wrote ") == 8
    assert len({path.read_bytes() for path in here.glob("*.tif")}) == 4


def test_a_failed_job_of_a_sweep_does_not_stop_the_others(call, here):
    (here / "o-seed=1.tif").touch()
    code, out, err = call("simulate", "-m", "o.tif", *SMALL, "seed=0,1,2")
    assert code == 2
    assert one_line(err).startswith("error: o-seed=1.tif exists")
    assert "wrote o-seed=0.tif" in out
    assert "wrote o-seed=2.tif" in out


# ---- run, evaluate, demo --------------------------------------------------------------------------------------------------


@pytest.fixture
def no_report(monkeypatch):
    """Reports have their own tests, and take seconds."""
    monkeypatch.setattr("detectnmf.report.write_report", lambda result, path, *_: path.write_text(f"{len(result.cells)} cells"))


def test_run_finds_the_drawn_cells_and_leaves_a_whole_result(call, movie, toy):
    code, out, err = call("run", "toy.tif", "rate=10", "pixel_size=1", "diameter=6", *QUICK)
    assert code == 0, err
    folder = movie.parent / "toy.detectnmf"
    assert {path.name for path in folder.iterdir()} == {"result.h5", "report.html", "config.yaml", "log.txt", "stages"}
    result = detectnmf.load(folder / "result.h5")
    found = result.cells.footprints.T @ toy.truth.footprints
    cosine = found.toarray() / np.outer(
        np.sqrt(result.cells.footprints.power(2).sum(axis=0)), np.sqrt(toy.truth.footprints.power(2).sum(axis=0))
    )
    assert (cosine.max(axis=0) > 0.8).all(), cosine
    assert out.splitlines()[0].startswith(f"{len(result.cells)} cells in ")
    assert out.splitlines()[-2:] == ["toy.detectnmf/result.h5", "toy.detectnmf/report.html"]
    settings = OmegaConf.load(folder / "config.yaml")
    assert settings.input == "toy.tif"
    assert settings.rate == 10
    told = result.provenance
    assert told["config"] == OmegaConf.to_container(settings)
    assert told["command"].startswith("detectnmf run toy.tif rate=10")
    assert told["input_bytes"] == movie.stat().st_size
    assert "detectnmf run toy.tif" in (folder / "log.txt").read_text()
    assert [path.name for path in movie.parent.iterdir() if path.name not in ("toy.tif", "toy.detectnmf")] == []


def test_a_second_run_keeps_the_first(call, movie, no_report):
    words = ["run", movie, "rate=10", "pixel_size=1", "diameter=6", *QUICK]
    assert call(*words)[0] == 0
    first = (movie.parent / "toy.detectnmf" / "result.h5").read_bytes()
    code, out, _ = call(*words, "--fresh")
    assert code == 0
    assert "toy.detectnmf-2/result.h5" in out
    assert (movie.parent / "toy.detectnmf" / "result.h5").read_bytes() == first
    code, out, _ = call(*words, "overwrite=true")
    assert code == 0
    assert "toy.detectnmf/result.h5" in out
    results = [detectnmf.load(path / "result.h5") for path in movie.parent.glob("toy.detectnmf*")]
    assert len(results) == 2
    np.testing.assert_array_equal(results[0].cells.traces, results[1].cells.traces)  # the same seed, the same cells


def test_several_movies_and_values(call, movie, here, no_report):
    (here / "b (2), x=1.tif").write_bytes(movie.read_bytes())
    same = ["rate=10", "pixel_size=1", "diameter=6", *QUICK]
    code, out, err = call("run", "-m", "toy.tif", "b (2), x=1.tif", "seed=0,1", *same)
    assert code == 0, err
    names = {path.parent.name for path in here.glob("*/result.h5")}
    assert names == {f"{name}.detectnmf-seed={seed}" for name in ("toy", "b (2), x=1") for seed in (0, 1)}
    assert out.count("/result.h5") == 4
    assert call("run", "-m", "toy.tif", "b (2), x=1.tif", "out=all", *same)[0] == 0
    assert {path.parent.name for path in here.glob("all/*/result.h5")} == {"toy.detectnmf", "b (2), x=1.detectnmf"}


def test_a_report_that_fails_leaves_the_result(call, movie, monkeypatch):
    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("detectnmf.report.write_report", fail)
    code, out, err = call("run", movie, "rate=10", "pixel_size=1", "diameter=6", *QUICK)
    assert code == 0
    assert "the report failed; the result itself is saved beside it" in err
    assert len(detectnmf.load("toy.detectnmf/result.h5").cells) > 0
    assert "report.html" not in out


def test_a_repaired_movie_says_so_in_one_line(call, toy, here, no_report):
    frames = toy.recording[:].copy()
    frames[100] = np.nan
    tifffile.imwrite("nan.tif", frames, metadata={"axes": "TYX"})
    code, _, err = call("run", "nan.tif", "rate=10", "pixel_size=1", "diameter=6", "seeder=superpixels")
    assert code == 0, err
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert any("frame" in note for note in notes), err
    assert "Warning" not in err
    assert all(note in (here / "nan.detectnmf" / "log.txt").read_text() for note in notes)


def test_evaluate_prints_and_writes_the_scores(call, here):
    call("simulate", "o.tif", *SMALL)
    code, out, err = call("evaluate", "o.truth.h5", "o.truth.h5")
    assert code == 0, err
    assert "recovery accuracy" in out
    assert out.splitlines()[-1] == "wrote evaluation.json"
    scores = OmegaConf.load("evaluation.json")
    assert (scores.strict.f1, scores.false_positives) == (1.0, 0)
