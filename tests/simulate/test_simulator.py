"""Movies against their truth, and against what was asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectnmf.errors import UserError
from detectnmf.simulate.background.none import Constant
from detectnmf.simulate.camera import PhotonCamera
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.pyramidal import Pyramidal
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.simulator import Simulator
from detectnmf.simulate.traces.calcium import Calcium


def explained(truth):
    """baseline + A C + background, (T, Y, X)."""
    cells = (truth.cells.footprints @ truth.cells.traces).T.reshape(truth.shape)
    return truth.baseline + cells + truth.background[:]


def test_truth_is_the_movie_without_noise(simulated):
    clean = simulated.recording.frames.expected(slice(None))
    assert np.allclose(explained(simulated.truth), clean, rtol=1e-5)


def test_what_is_left_is_noise_of_the_stated_size(simulator, simulated):
    clean = explained(simulated.truth)
    camera = simulator.camera
    z = (simulated.recording[:] - clean) / camera.std((clean - camera.offset) / camera.gain)
    assert z.mean() == pytest.approx(0, abs=0.005)
    assert z.std() == pytest.approx(1, abs=0.005)
    assert np.abs(z.mean(axis=0)).max() < 6 / np.sqrt(len(z))
    neighbours = (z[1:] * z[:-1]).mean(), (z[:, 1:] * z[:, :-1]).mean()
    assert neighbours == pytest.approx((0, 0), abs=0.005)


def test_background_has_mean_zero_and_footprints_maximum_one(simulated):
    truth = simulated.truth
    assert np.abs(truth.background[:].mean(axis=0)).max() < 1e-2
    assert np.allclose(truth.cells.images().max(axis=(1, 2)), 1)
    assert truth.cells.traces.min() >= 0
    assert truth.history["spikes"].shape == truth.cells.traces.shape


def test_snr_is_reached(simulator, simulated):
    truth, movie = simulated.truth, simulated.recording
    noise = (movie[:] - movie.frames.expected(slice(None))).std(axis=0).ravel()
    brightest = truth.cells.footprints.toarray().argmax(axis=0)
    measured = truth.cells.traces.max(axis=1) / noise[brightest]
    assert np.median(measured) == pytest.approx(simulator.snr, rel=0.05)
    assert np.allclose(measured, truth.quality["snr"], rtol=0.15)
    assert simulated.report["snr"] == pytest.approx(simulator.snr, rel=1e-3)


@pytest.mark.parametrize("snr", [2.0, 30.0])
@pytest.mark.parametrize("psf", [TwoPhoton(), Bessel()], ids=["two_photon", "bessel"])
def test_snr_asked_for(simulator, psf, snr):
    report = replace(simulator, psf=psf, snr=snr)(np.random.default_rng(2)).report
    assert report["snr"] == pytest.approx(snr, rel=1e-3)


def test_density_is_the_mean_number_of_footprints_at_a_pixel(simulated):
    assert simulated.report["density"] == pytest.approx((simulated.truth.cells.images() > 0).sum(axis=0).mean())


@pytest.mark.parametrize(("density", "shapes"), [(0.3, Soma()), (1.5, Pyramidal())])
def test_density_asked_for(simulator, density, shapes):
    dense = replace(simulator, density=density, shapes=shapes, psf=Bessel(), frames=200)
    assert dense(np.random.default_rng(0)).report["density"] == pytest.approx(density, rel=0.1)


def test_same_seed_same_movie(simulator):
    once, again, other = (simulator(np.random.default_rng(seed)).recording[:40] for seed in (5, 5, 6))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


def test_slices_agree(simulated):
    recording = simulated.recording
    whole = recording[:]
    assert np.array_equal(np.concatenate([piece for _, piece in recording.chunks(37)]), whole)
    assert np.array_equal(recording[123], whole[123])
    assert np.array_equal(recording[90:20:-7], whole[90:20:-7])
    assert recording[5:5].shape == (0, *recording.size)


def test_one_scene_through_two_psfs(simulator):
    scene = simulator.draw(np.random.default_rng(1))
    focused, needle = (replace(simulator, psf=psf, visible=0.0).render(scene).truth.cells for psf in (TwoPhoton(), Bessel()))
    assert len(focused) == len(needle)
    for one, two in zip(focused.traces, needle.traces, strict=True):
        assert np.corrcoef(one, two)[0, 1] == pytest.approx(1, abs=1e-5)
    assert not np.allclose(focused.images(), needle.images())


def test_a_part_does_not_disturb_the_others(simulator):
    one, two = (replace(simulator, activity=activity).draw(np.random.default_rng(1)) for activity in (Calcium(), Calcium(decay=1.5)))
    assert np.array_equal(one.positions, two.positions) and np.array_equal(one.shapes[3].points, two.shapes[3].points)
    assert np.array_equal(one.neuropil.spatial, two.neuropil.spatial) and one.seed == two.seed
    assert not np.array_equal(one.activity.traces, two.activity.traces)


def test_cells_that_cannot_be_seen_are_background(simulator):
    simulator = replace(simulator, neuropil=Constant())  # so that the background holds nothing but cells
    scene = simulator.draw(np.random.default_rng(1))
    seen = simulator.look(scene)
    exposure = simulator.expose(scene, seen, simulator.shine(scene, seen))
    visible = int(exposure.seen.sum())
    positions, traces = scene.positions.copy(), scene.activity.traces.copy()
    loudest = np.argsort(-exposure.snr)[:3]
    positions[loudest[0], 0] = 60.0  # far out of focus
    positions[loudest[1], 1] = -3.0  # centre outside, half of it in the frame
    traces[loudest[2]] = 0  # silent
    changed = replace(simulator, light=exposure.light).render(
        replace(scene, positions=positions, activity=replace(scene.activity, traces=traces))
    )
    assert len(changed.truth.cells) == visible - 3
    assert changed.report["hidden"] == len(scene) - visible + 3
    assert np.allclose(explained(changed.truth), changed.recording.frames.expected(slice(None)), rtol=1e-5)
    column = round(float(positions[loudest[1], 2]))
    seen = changed.truth.background[:, 1, column]
    assert np.corrcoef(seen, traces[loudest[1]])[0, 1] > 0.99


def test_margin_fills_the_surroundings(simulator):
    scene = replace(simulator, margin=20.0, min_distance=0.0).draw(np.random.default_rng(0))
    assert len(scene) == round(14 * 100 * 112 / (60 * 72))
    assert scene.positions[:, 1].min() < -5 and scene.positions[:, 2].max() > 77


def test_cells_keep_their_distance(simulator):
    positions = simulator.draw(np.random.default_rng(3)).positions
    distances = np.linalg.norm(positions[:, None] - positions, axis=2)[np.triu_indices(len(positions), 1)]
    assert distances.min() >= simulator.shapes.diameter


def test_depth_follows_the_psf(simulator):
    assert simulator.depths == pytest.approx((-6 - 5.9 / 2, 6 + 5.9 / 2), abs=0.5)
    assert replace(simulator, psf=Bessel(length=60)).depths == pytest.approx((-36, 36), abs=0.5)


def test_no_cells(simulator):
    empty = replace(simulator, cells=0)(np.random.default_rng(0))
    assert len(empty.truth.cells) == 0 and empty.report["density"] == 0
    assert np.allclose(explained(empty.truth), empty.recording.frames.expected(slice(None)), rtol=1e-5)


def test_no_background(simulator):
    black = replace(simulator, neuropil=Constant(level=0.0))(np.random.default_rng(0))
    assert black.truth.background[:].std() == 0
    assert black.report["snr"] == pytest.approx(simulator.snr, rel=1e-3)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(rows=st.integers(8, 41), columns=st.integers(8, 41), frames=st.integers(1, 70), cells=st.integers(0, 4), seed=st.integers(0, 99))
def test_any_size(simulator, rows, columns, frames, cells, seed):
    small = replace(simulator, size=(rows, columns), frames=frames, cells=cells, min_distance=0.0)(np.random.default_rng(seed))
    assert small.recording[:].shape == (frames, rows, columns)
    assert np.allclose(explained(small.truth), small.recording.frames.expected(slice(None)), rtol=1e-4)


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"frames": 0}, "frames"),
        ({"cells": None}, "sim.cells"),
        ({"cells": -1}, "cells"),
        ({"size": (4, 50)}, "size"),
        ({"size": (50,)}, "size"),
        ({"depth": (5, -5)}, "depth"),
        ({"density": 0.0}, "density"),
        ({"cut": 0.0}, "cut"),
        ({"snr": -1}, "snr"),
        ({"pixel_size": 0.5}, "pixel_size"),
        ({"depth": (float("nan"), 5.0)}, "sim.depth must be finite"),
        ({"margin": float("inf")}, "sim.margin must be finite"),
        ({"light": 1e19}, "sim.light must be at most"),
    ],
)
def test_impossible_knobs(simulator, knobs, word):
    with pytest.raises(UserError, match=word):
        replace(simulator, **knobs)


def test_clipping_is_reported(simulator, simulated):
    small = replace(simulator, camera=PhotonCamera(dtype="uint8"), frames=100)(np.random.default_rng(0))
    reached = (small.recording[:] == 255).any(axis=0).mean()
    assert reached > 0.1
    assert reached <= small.report["saturated"] + 0.1
    assert "clipped" in small.recording.notes[0]
    assert simulated.report["saturated"] == 0 and simulated.recording.notes == ()


def test_a_movie_without_a_cell_that_counts_says_so(simulator, simulated):
    dim = replace(simulator, snr=0.5)(np.random.default_rng(0))
    assert len(dim.truth.cells) == 0
    assert any(note.startswith(f"none of the {dim.report['hidden']} cells counts") for note in dim.recording.notes)
    assert not any("counts" in note for note in simulated.recording.notes)


def test_no_room(simulator):
    with pytest.raises(UserError, match="found room for"):
        replace(simulator, cells=2000).draw(np.random.default_rng(0))


def test_density_out_of_reach(simulator):
    with pytest.raises(UserError, match=r"sim.density = 10000 footprints over a pixel is out of reach"):
        replace(simulator, density=1e4, min_distance=0.0, frames=20).draw(np.random.default_rng(0))
    with pytest.raises(UserError, match="found room for"):
        replace(simulator, density=30.0, frames=20).draw(np.random.default_rng(0))


def test_snr_out_of_reach(simulator):
    with pytest.raises(UserError, match="out of reach"):
        replace(simulator, snr=1e6)(np.random.default_rng(0))


def test_lists_from_a_configuration_become_tuples(simulator):
    built = Simulator(TwoPhoton(), Soma(), Calcium(), Constant(), PhotonCamera(), size=[20, 30], depth=[-5, 5])
    assert built.size == (20, 30) and built.depth == (-5, 5)
