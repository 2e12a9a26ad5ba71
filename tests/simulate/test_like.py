"""A run is measured against closed forms and known truths; what resembles it measures the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import detectnmf
from detectnmf.cli import main
from detectnmf.components import Components
from detectnmf.errors import UserError
from detectnmf.simulate.background.none import Constant
from detectnmf.simulate.background.smooth import Smooth
from detectnmf.simulate.camera import PhotonCamera, PoissonCamera
from detectnmf.simulate.like import measure, resemble
from detectnmf.simulate.like.knobs import Around, Typed
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.mixture import Mixture
from detectnmf.simulate.shapes.pyramidal import Pyramidal
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.simulator import Simulated, Simulator
from detectnmf.simulate.traces.calcium import Calcium
from detectnmf.simulate.traces.events import Events

from .drawn import drawn

KNOWN = {"decay": 0.8, "events": 0.12, "amplitude": 0.5, "spread": 0.3, "burst": 1.0, "hill": 1.0}


@pytest.fixture(scope="module")
def original() -> Simulator:
    """Small cells of slow indicator in a dim movie of an unusual camera."""
    return Simulator(
        TwoPhoton(pixel_size=0.8),
        Soma(diameter=9.0),
        Calcium(**KNOWN),
        Smooth(),
        PhotonCamera(gain=3.0, read_noise=0.0, offset=50.0),
        frames=1500,
        size=(110, 100),
        rate=12.0,
        pixel_size=0.8,
        cells=55,
        snr=9.0,
    )


@pytest.fixture(scope="module")
def known(original: Simulator) -> Simulated:
    return original(np.random.default_rng(1))


@pytest.fixture(scope="module")
def plain() -> Simulator:
    """The simulator to be fitted: other cells, other indicator, other camera, other everything."""
    return Simulator(TwoPhoton(), Soma(), Calcium(), Smooth(), PhotonCamera())


def test_truth_measures_as_it_was_simulated(original, known):
    found, truth = measure(known.truth), known.truth
    assert found.decay == pytest.approx(KNOWN["decay"], rel=0.1)
    assert found.events == pytest.approx(truth.history["spikes"].mean() * truth.rate, rel=0.15)
    assert found.snr == pytest.approx(known.report["snr"], rel=0.05)
    assert found.gain == pytest.approx(original.camera.gain, rel=0.01)
    assert found.read_noise**2 - found.gain * found.offset == pytest.approx(-3 * 50, rel=0.02)
    assert found.density == pytest.approx(known.report["density"])
    assert found.per_mm2 == pytest.approx(known.report["cells"] / (110 * 100 * 0.64e-6))
    assert found.light == pytest.approx(known.report["light"] * 3, rel=0.1)
    assert found.dtype == "uint16"


# ---- what resembles it ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alike(plain, known):
    return resemble(plain, known.truth)


def test_knobs_come_back(original, known, alike):
    """From a simulator of quite other knobs to those of the one that made the movie."""
    made = alike.simulator
    assert (made.frames, made.size, made.rate, made.pixel_size) == (1500, (110, 100), 12.0, 0.8)
    assert made.psf.pixel_size == 0.8
    assert made.shapes.diameter == pytest.approx(9, rel=0.12)
    assert made.light == pytest.approx(known.report["light"], rel=0.12)
    assert made.camera.gain == pytest.approx(3, rel=0.01)
    assert known.report["cells"] <= made.cells < 1.6 * known.report["cells"]
    assert alike.knobs["shapes.diameter"] == made.shapes.diameter


def test_round_trip(known, alike):
    """Another movie of the simulator that was found measures as the first."""
    first = alike.likeness
    again = [measure(alike.simulator(np.random.default_rng(seed)).truth) for seed in (10, 11, 12)]

    def mean(name):
        return np.mean([getattr(one, name) for one in again])

    assert mean("cells") == pytest.approx(first.cells, rel=0.15)
    assert mean("diameter") == pytest.approx(first.diameter, rel=0.1)
    assert mean("decay") == pytest.approx(first.decay, rel=0.15)
    assert mean("events") == pytest.approx(first.events, rel=0.25)
    assert mean("contrast") == pytest.approx(first.contrast, rel=0.25)
    assert mean("snr") == pytest.approx(first.snr, rel=0.25)
    assert mean("excess") == pytest.approx(first.excess, abs=0.3 * first.contrast)
    assert mean("light") == pytest.approx(first.light, rel=0.05)
    assert mean("gain") == pytest.approx(first.gain, rel=0.01)


def test_the_background_is_that_of_the_run(known, alike):
    assert isinstance(alike.simulator.neuropil, Around)
    drawn = alike.simulator.neuropil.draw(1500, (110, 100), 12.0, 0.8, np.random.default_rng(0))
    truth = known.truth
    outside = ~(truth.cells.images().max(axis=0) > 0)
    assert np.corrcoef(drawn.baseline[outside], truth.baseline[outside])[0, 1] > 0.9
    pixel = np.flatnonzero(outside)[::997]
    theirs = truth.background[:].reshape(1500, -1)[:, pixel]
    ours = (drawn.spatial[pixel] @ drawn.temporal).T
    assert np.median([np.corrcoef(one, two)[0, 1] for one, two in zip(theirs.T, ours.T, strict=True)]) > 0.95


def test_what_was_typed_stays(plain, known):
    typed = ["sim.frames", "sim.size", "activity.decay", "camera.offset", "neuropil", "sim.rest"]
    mine = replace(plain, frames=200, size=(220, 200), camera=PhotonCamera(offset=20.0), neuropil=Constant())
    made = resemble(mine, known.truth, typed, rounds=1).simulator
    assert (made.frames, made.size) == (200, (220, 200))
    assert made.activity.decay == plain.activity.decay and made.activity.events != plain.activity.events
    assert (made.camera.offset, made.neuropil, made.rest) == (20.0, Constant(), 1.0)
    few = resemble(plain, known.truth, rounds=1).simulator
    assert made.cells == pytest.approx(4 * few.cells, rel=0.15)  # as many per area
    assert made.camera.gain == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize(
    ("typed", "knobs"),
    [
        (["sim.snr"], {"snr": 4.0, "light": None}),
        (["sim.light"], {"light": 300.0}),
        (["sim.cells"], {"cells": 7, "density": None}),
        (["sim.density"], {"density": 0.3}),
        (["sim.brightness"], {"brightness": 2.0, "level": None}),
        (["sim.level"], {"level": 0.4}),
        (["sim.visible"], {"visible": 3.0}),
    ],
)
def test_light_and_number_as_typed(plain, known, typed, knobs):
    made = resemble(replace(plain, **knobs), known.truth, typed, rounds=1).simulator
    assert {name: getattr(made, name) for name in knobs} == knobs


def test_names_of_knobs():
    typed = Typed.of(["shapes.libraries.small.diameter", "camera", "sim.frames"])
    assert "shapes.diameter" in typed and "sim.frames" in typed and "camera" in typed
    assert "camera.gain" not in typed and "sim.rate" not in typed and "shapes" not in typed
    assert typed.touches("shapes") and not typed.touches("neuropil")


def test_all_libraries_of_a_mixture_are_scaled(plain, known):
    mixture = Mixture({"small": Soma(diameter=10.0), "large": Pyramidal(diameter=20.0)}, {"small": 1.0, "large": 1.0})
    made = resemble(replace(plain, shapes=mixture), known.truth, rounds=1).simulator.shapes
    assert made.libraries["large"].diameter == pytest.approx(2 * made.libraries["small"].diameter)
    assert made.diameter == pytest.approx(measure(known.truth).diameter, rel=0.6)


def test_few_photons_are_counted(original, plain):
    dim = replace(original, frames=150, snr=None, light=4.0, level=3.0, camera=PoissonCamera(gain=30.0, read_noise=0.0, excess=1.3))
    truth = dim(np.random.default_rng(0)).truth
    camera = resemble(plain, truth, rounds=1).simulator.camera
    assert isinstance(camera, PoissonCamera)
    assert camera.gain * camera.excess == pytest.approx(30 * 1.3, rel=0.02)
    chosen = replace(plain, camera=PhotonCamera(dtype="float32"))
    camera = resemble(chosen, truth, ["camera"], rounds=1).simulator.camera
    assert camera == PhotonCamera(gain=camera.gain, read_noise=camera.read_noise, offset=camera.offset, dtype="float32")


def test_cells_that_only_grow_dimmer(plain, known):
    with pytest.raises(UserError, match="no cell lights up in what these parts simulate"):
        resemble(replace(plain, activity=Events()), known.truth, rounds=2)


def test_a_background_that_stands_still(plain):
    made = resemble(plain, drawn(), rounds=1).simulator
    neuropil = made.neuropil.draw(50, (60, 60), 10.0, 1.0, np.random.default_rng(0))
    assert np.allclose(neuropil.baseline, 1) and not (neuropil.spatial @ neuropil.temporal).any()
    assert made.camera.std(np.array([made.light])) == pytest.approx(10, rel=0.02)


def test_a_real_run_on_a_simulated_movie(plain):
    """What the run finds measures about as the truth does. (Ten seconds: one run.)"""
    from detectnmf.background.ring import Ring
    from detectnmf.compress.pmd import PMD
    from detectnmf.demix.localnmf import LocalNMF
    from detectnmf.judge.quality import Judge
    from detectnmf.pipeline import Pipeline
    from detectnmf.runtime import Runtime
    from detectnmf.seeds.superpixels import Superpixels

    simulator = replace(plain, activity=Calcium(**KNOWN), frames=600, size=(80, 80), cells=14, snr=15.0, visible=3.0)
    simulated = simulator(np.random.default_rng(3))
    pipeline = Pipeline(PMD(), {"superpixels": Superpixels()}, LocalNMF(), Ring(), Judge())
    result = pipeline(simulated.recording, Runtime(device="cpu", quiet=True), diameter=12.0)
    found, true = measure(result), measure(simulated.truth)
    assert abs(found.cells - true.cells) <= 1
    assert found.gain == pytest.approx(simulator.camera.gain, rel=0.2)
    assert found.light == pytest.approx(true.light, rel=0.1)
    assert found.diameter == pytest.approx(true.diameter, rel=0.1)
    assert found.decay == pytest.approx(true.decay, rel=0.15)
    assert found.events == pytest.approx(true.events, rel=0.15)
    assert found.contrast == pytest.approx(true.contrast, rel=0.25)
    assert found.amplitude == pytest.approx(true.amplitude, rel=0.25)
    assert found.snr == pytest.approx(true.snr, rel=0.15)
    assert found.dtype == "uint16"


# ---- mistakes, and the command --------------------------------------------------------------------------------------


def test_nothing_to_measure(known):
    result = drawn()
    none = replace(result, cells=Components.empty((60, 60), 400))
    with pytest.raises(UserError, match="drawn: this run found no cells"):
        measure(none)
    with pytest.raises(UserError, match="have no traces"):
        measure(replace(result, cells=replace(result.cells, traces=None)))
    with pytest.raises(UserError, match="no movie in this file"):
        measure(replace(known.truth, history={}))
    with pytest.raises(UserError, match="no light above an offset of 5000 counts"):
        measure(result, offset=5000.0)


def test_impossible_knobs(plain):
    with pytest.raises(UserError, match=r"resemble\.rounds must be 0 or more, got -1"):
        resemble(plain, drawn(), rounds=-1)
    bare = resemble(plain, drawn(), rounds=0, modes=0).simulator
    assert not bare.neuropil.draw(9, (60, 60), 10.0, 1.0, np.random.default_rng(0)).spatial.any()


def test_odd_runs_are_measured():
    """One cell; an empty footprint beside others; a pixel that is not a number."""
    result = drawn()
    assert measure(replace(result, cells=result.cells[:1])).spacing == np.inf
    empty = sparse.hstack([result.cells.footprints, sparse.csc_array((3600, 1), dtype=np.float32)], format="csc")
    more = Components(empty, (60, 60), np.concatenate([result.cells.traces, np.ones((1, 400), np.float32)]))
    assert measure(replace(result, cells=more)).cells == 4
    broken = result.baseline.copy()
    broken[0, 0] = np.nan
    assert measure(replace(result, baseline=broken)).light == pytest.approx(100)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


def test_command(call):
    drawn().save("run.h5")
    code, _, err = call("simulate", "out.tif", "like=run.h5", "sim.frames=40", "activity.decay=0.7", "resemble.rounds=1", "quiet=true")
    assert code == 0, err
    truth = detectnmf.load("out.truth.h5")
    assert truth.shape == (40, 60, 60) and truth.rate == 10.0
    assert detectnmf.read("out.tif").shape == (40, 60, 60)
    assert truth.provenance["measured"]["cells"] == 4
    assert truth.provenance["fitted"]["activity.decay"] == 0.7 and truth.provenance["fitted"]["sim.frames"] == 40
    assert Path(truth.provenance["like"]).name == "run.h5"


def test_mistakes_of_the_command(call):
    drawn().save("run.h5")
    replace(drawn(), cells=Components.empty((60, 60), 400)).save("none.h5")
    Path("words.h5").write_text("no HDF5")
    for file, says in (("no.h5", "no such file"), ("words.h5", "not an HDF5 file"), ("none.h5", "found no cells")):
        code, out, err = call("simulate", "out.tif", f"like={file}")
        assert (code, out) == (2, "")
        assert err.startswith("error: ") and says in err and len(err.strip().splitlines()) == 1
        assert not Path("out.tif").exists()
