"""Motion, drift and faults in movies, against what the truth says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy import sparse

from detectnmf.simulate.background.none import Constant
from detectnmf.simulate.faults import Acquired
from detectnmf.simulate.illumination.base import Illumination
from detectnmf.simulate.shapes.base import Part
from detectnmf.simulate.truth import overlap


@dataclass(frozen=True)
class Moved:
    """The same shift in every frame, or a ramp of local ones."""

    shift: tuple[float, float]
    bend: float = 0.0

    @property
    def reach(self):
        return max(map(abs, self.shift)) + self.bend

    def shifts(self, frames, size, rate, pixel_size, rng):
        grid = np.zeros((frames, 3, 3, 2) if self.bend else (frames, 1, 1, 2), np.float32)
        grid += np.array(self.shift, np.float32)
        if self.bend:
            grid[:, :, :, 1] += self.bend * np.array([-1, 0, 1], np.float32)[:, None]  # rows sheared sideways
        return grid


@dataclass(frozen=True)
class Fading:
    """Half of the light is gone at the end."""

    def draw(self, frames, rate, rng):
        return np.linspace(1, 0.5, frames, dtype=np.float32)


@dataclass(frozen=True)
class Torn:
    """Frames 3 and 4 are lost, one is written twice, one is blank; a hum of two rows."""

    hum: float = 0.0

    def draw(self, frames, size, rate, rng):
        index = np.concatenate([[0, 1, 2, 5, 5], np.arange(6, frames + 1)])[:frames]
        blank = np.zeros(frames, bool)
        blank[7] = True
        wave = self.hum * np.cos(np.arange(index[-1] + 1))[:, None].astype(np.float32)
        return Acquired(index, blank, wave, np.linspace(-1, 1, size[0], dtype=np.float32)[None])


@dataclass(frozen=True)
class Shaded:
    """A dark left half that pulses, under a lamp that fades to the right."""

    def draw(self, frames, size, rate, pixel_size, rng):
        tissue = np.where(np.arange(size[1]) < size[1] // 2, 0.5, 1.0) * np.ones(size)
        profile = np.linspace(1, 0.4, size[1]) * np.ones(size)
        pulse = np.sin(np.arange(frames) / 3)
        return Illumination(profile, tissue, (tissue < 1).reshape(-1, 1) * np.float32(0.1), (pulse - pulse.mean())[None].astype(np.float32))


def explained(truth):
    """baseline + A C + background, (T, Y, X)."""
    cells = (truth.cells.footprints @ truth.cells.traces).T.reshape(truth.shape)
    return truth.baseline + cells + truth.background[:]


@pytest.fixture(scope="module")
def small(simulator):
    return replace(simulator, frames=48, light=200.0)


def clean(simulator, seed=1):
    out = simulator(np.random.default_rng(seed))
    return out.recording.frames.expected(slice(None)), out.truth


PARTS = [{"drift": Fading()}, {"illumination": Shaded()}, {"faults": Torn(hum=3.0)}]


@pytest.mark.parametrize("part", PARTS, ids=["drift", "light", "hum"])
def test_truth_is_the_movie_without_noise(small, part):
    movie, truth = clean(replace(small, **part))
    kept = ~truth.history["blank"]
    assert np.allclose(explained(truth)[kept], movie[kept], rtol=1e-4)
    assert np.abs(truth.background[:].mean(axis=0)).max() < 1e-2 * truth.baseline.mean()


def test_everything_at_once(small):
    movie, truth = clean(replace(small, drift=Fading(), illumination=Shaded(), faults=Torn(hum=3.0)))
    kept = ~truth.history["blank"]
    assert np.allclose(explained(truth)[kept], movie[kept], rtol=1e-4)


def test_whole_pixels_move_as_they_are(small):
    """A shift of (3, -2) px shows at (y, x) what rests at (y - 3, x + 2), cells beyond the frame included."""
    moving = replace(small, motion=Moved((3, -2)))
    scene = moving.draw(np.random.default_rng(1))
    moved = moving.render(scene).recording.frames.expected(slice(None))
    rest = moving.render(replace(scene, shifts=0 * scene.shifts)).recording.frames.expected(slice(None))
    assert np.allclose(moved[:, 3:, :-2], rest[:, :-3, 2:], rtol=1e-5)
    assert moved[:, :3].std(axis=(1, 2)).min() > 0


def test_truth_is_what_registration_should_give(small):
    moving = replace(small, motion=Moved((1.5, -0.7)))
    scene = moving.draw(np.random.default_rng(1))
    out = moving.render(scene)
    still = moving.render(replace(scene, shifts=0 * scene.shifts))
    assert np.allclose(explained(out.truth), still.recording.frames.expected(slice(None)), rtol=1e-5)
    assert np.allclose(out.truth.history["shifts"], [1.5, -0.7])


def test_parts_of_a_pixel_move_by_as_much(small):
    """The centre of mass of a lone cell on black."""
    moving = replace(small, motion=Moved((0.4, -1.3)), neuropil=Constant(level=0.0), cells=1, light=500.0)
    scene = moving.draw(np.random.default_rng(3))
    scene = replace(scene, positions=np.array([[0.0, 34.0, 40.0]]))
    offset = moving.camera.offset
    moved, rest = (moving.render(replace(scene, shifts=k * scene.shifts)).recording.frames.expected(slice(1))[0] - offset for k in (1, 0))
    y, x = np.indices(rest.shape)
    for axis, by in ((y, 0.4), (x, -1.3)):
        assert (axis * moved).sum() / moved.sum() - (axis * rest).sum() / rest.sum() == pytest.approx(by, abs=0.01)


def test_motion_that_is_not_rigid(small):
    """Rows sheared sideways: the top goes left, the bottom right, the middle stays."""
    moving = replace(small, motion=Moved((0, 0), bend=2.0))
    scene = moving.draw(np.random.default_rng(1))
    bent, rest = (moving.render(replace(scene, shifts=k * scene.shifts)).recording.frames.expected(slice(1))[0] for k in (1, 0))
    assert np.allclose(bent[0, :-2], rest[0, 2:], rtol=1e-4)
    assert np.allclose(bent[-1, 2:], rest[-1, :-2], rtol=1e-4)
    out = moving.render(scene).truth
    assert out.history["shift_field"].shape == (48, 3, 3, 2) and np.allclose(out.history["shifts"], 0, atol=1e-6)


def test_the_lamp_stays_when_the_tissue_moves(small):
    moving = replace(small, motion=Moved((0, 4)), illumination=Shaded(), neuropil=Constant(), cells=0)
    scene = moving.draw(np.random.default_rng(0))
    moved, rest = (moving.render(replace(scene, shifts=k * scene.shifts)).recording.frames.expected(slice(1))[0] for k in (1, 0))
    lamp = scene.crop(scene.illumination.profile)
    tissue = [(image - moving.camera.offset) / lamp for image in (moved, rest)]
    assert np.allclose(tissue[0][:, 10:], tissue[1][:, 6:-4], rtol=1e-4)


def test_lost_doubled_and_blank_frames(small):
    whole, torn = (replace(small, faults=faults)(np.random.default_rng(1)) for faults in (small.faults, Torn()))
    movie = torn.recording[:]
    assert torn.truth.history["frames"][:6].tolist() == [0, 1, 2, 5, 5, 6]
    assert np.array_equal(movie[3], movie[4])  # noise and all
    assert np.allclose(movie[7].mean(), small.camera.offset, atol=1) and torn.truth.history["blank"].nonzero()[0].tolist() == [7]
    assert np.array_equal(torn.truth.history["spikes"].shape, torn.truth.cells.traces.shape)
    assert whole.truth.history["frames"].tolist() == list(range(48))


def test_bleaching_is_in_the_traces(small):
    (_, fading), (_, steady) = (clean(replace(small, drift=drift)) for drift in (Fading(), small.drift))
    assert np.allclose(fading.cells.traces, steady.cells.traces * np.linspace(1, 0.5, 48), rtol=1e-3, atol=1e-3)


def test_a_cell_of_one_late_part_is_late(small):
    scene = small.draw(np.random.default_rng(1))
    late = tuple(replace(cell, parts=(Part(delay=3 / small.rate),), part=np.zeros(len(cell.points), int)) for cell in scene.shapes)
    movie, behind = (small.render(replace(scene, shapes=shapes)).recording.frames.expected(slice(None)) for shapes in (scene.shapes, late))
    brightest = np.unravel_index(movie.std(axis=0).argmax(), movie.shape[1:])
    one, two = (frames[(slice(None), *brightest)] for frames in (movie, behind))
    assert np.corrcoef(one[:-3], two[3:])[0, 1] > 0.95 > np.corrcoef(one, two)[0, 1]
    truth = small.render(replace(scene, shapes=late)).truth
    assert np.allclose(explained(truth), behind, rtol=1e-4)


def test_light_asked_for(small):
    report = replace(small, light=77.0, neuropil=Constant(), cells=0)(np.random.default_rng(0)).report
    assert report["light"] == 77.0
    camera = small.camera
    assert report["noise"] == pytest.approx(camera.std(np.array([77.0]))[0], rel=1e-5)


@pytest.mark.parametrize("level", [0.1, 0.8])
def test_signal_level_asked_for(small, level):
    """Peak of the cell over the neuropil's light at the brightest pixel."""
    simulator = replace(small, neuropil=Constant(), level=level, displace=0.0, rest=0.0, light=1e4, visible=0.0)
    out = simulator(np.random.default_rng(1))
    assert out.report["level"] == pytest.approx(level)
    ground = 1e4 * small.camera.gain
    assert np.median(out.truth.cells.traces.max(axis=1)) == pytest.approx(level * ground, rel=1e-3)


def test_noise_of_the_truth(small):
    out = replace(small, frames=400)(np.random.default_rng(1))
    left = out.recording[:] - out.recording.frames.expected(slice(None))
    assert np.median(left.std(axis=0) / out.truth.history["noise"]) == pytest.approx(1, abs=0.02)


def test_another_device_gives_the_same_movie(small, device):
    out = replace(small, motion=Moved((0.4, -1.3)), drift=Fading())(np.random.default_rng(1))
    here, there = out.recording.frames, out.to(device).recording.frames
    assert torch.device(there.device).type == torch.device(device).type
    assert np.allclose(here.expected(slice(None)), there.expected(slice(None)), rtol=1e-5)
    assert np.abs(here[:].astype(int) - there[:].astype(int)).max() <= 1


def test_overlap_is_the_largest_cosine_with_another():
    """Of three footprints: (1, 0, 0), (1, 1, 0), (0, 0, 1): cosines 1/√2, 1/√2, 0."""
    footprints = sparse.csc_array(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    assert overlap(footprints) == pytest.approx(1 / np.sqrt(2))
    assert overlap(footprints[:, 2:]) == 0 and overlap(footprints[:, :0]) == 0
