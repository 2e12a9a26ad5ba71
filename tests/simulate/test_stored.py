"""Stored footprints whose shapes are known."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.result import DemixResult
from detectnmf.simulate.footprints import look
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.ideal import Ideal
from detectnmf.simulate.shapes.footprints import Footprints

DISCS = (5.0, 7.0, 9.0)  # radius, px


def discs():
    y, x = np.indices((60, 60))
    return np.array([np.clip(radius + 0.5 - np.hypot(y - 20 - radius, x - 30), 0, 1) for radius in DISCS])


def stored(folder, name="cells.npz", **arrays):
    np.savez(folder / name, **{"footprints": discs(), **arrays})
    return str(folder / name)


@pytest.mark.parametrize("pixel", [0.4, 1.0, 2.0])
def test_discs_keep_size_and_light(tmp_path, pixel):
    library = Footprints(path=stored(tmp_path, pixel_size=pixel), scale_sd=0.0)
    assert library.diameter == pytest.approx(14 * pixel, rel=0.03)
    sizes = []
    for cell in library.draw(20, np.random.default_rng(0)):
        assert np.average(cell.points, axis=0, weights=cell.weights) == pytest.approx([0, 0, 0], abs=1e-9)
        radius = np.sqrt(2 * np.average((cell.points**2).sum(axis=1), weights=cell.weights))  # a disc: r² = R²/2 on average
        assert cell.weights.sum() == pytest.approx(np.pi * radius**2 * 2 * radius, rel=0.08)
        sizes.append(round(radius / pixel))
    assert set(sizes) == set(DISCS)


def test_the_knob_takes_the_place_of_what_the_file_says(tmp_path):
    path = stored(tmp_path, pixel_size=1.0)
    assert Footprints(path=path, pixel_size=2.0).diameter == pytest.approx(2 * Footprints(path=path).diameter, rel=0.03)
    small, large = (Footprints(path=path, diameter=size, scale_sd=0).draw(1, np.random.default_rng(0))[0] for size in (10, 20))
    assert np.allclose(large.points, 2 * small.points) and np.allclose(large.weights, 8 * small.weights)


def test_turned_and_mirrored_at_random(tmp_path):
    hook = np.zeros((1, 20, 20))
    hook[0, 4:16, 4:7] = hook[0, 13:16, 4:12] = 1
    library = Footprints(path=stored(tmp_path, footprints=hook, pixel_size=1.0), scale_sd=0)
    cells = library.draw(60, np.random.default_rng(0))
    y, x = cells[0].points[:, 1:].T
    hands = []
    for cell in cells:
        v, u = cell.points[:, 1:].T
        hands.append(round(np.linalg.det(np.linalg.lstsq(np.column_stack([y, x]), np.column_stack([v, u]), rcond=None)[0])))
    assert set(hands) == {-1, 1} and abs(np.mean(hands)) < 0.4
    assert np.ptp([np.arctan2(*cell.points[0, 1:]) for cell in cells]) > 5


def test_from_a_result(tmp_path):
    cells = Components.from_images(discs().astype(np.float32), np.ones((3, 20), np.float32))
    background = Compressed.from_factors(np.zeros((3600, 1)), np.zeros((1, 20)), np.zeros((60, 60)), rate=15.0, pixel_size=1.5)
    DemixResult(cells, np.ones((60, 60), np.float32), background, rate=15.0, pixel_size=1.5).save(tmp_path / "result.h5")
    for path in (tmp_path / "result.h5", tmp_path):
        assert Footprints(path=str(path)).diameter == pytest.approx(1.5 * 14, rel=0.03)


def test_seen_through_a_perfect_lens_it_is_as_it_was(tmp_path):
    image = discs()[2]
    cell = Footprints(path=stored(tmp_path, footprints=image[None], pixel_size=1.0), scale_sd=0).draw(1, np.random.default_rng(0))[0]
    seen = look([cell], np.array([[0, 29.0, 30.0]]), Optics.of(Ideal(pixel_size=1.0)), (60, 60), 1e-3).whole.toarray().reshape(60, 60)
    assert np.vdot(seen, image) / np.linalg.norm(seen) / np.linalg.norm(image) > 0.99


def test_small_footprints_are_left_out(tmp_path):
    path = stored(tmp_path, pixel_size=1.0)
    assert len(Footprints(path=path, smallest=12.0)._sheets()) == 2
    with pytest.raises(UserError, match=r"none of 3 footprints is 40 µm wide; lower shapes\.smallest"):
        Footprints(path=path, smallest=40.0)


def test_files_without_footprints(tmp_path):
    np.savez(tmp_path / "other.npz", traces=np.ones(3))
    (tmp_path / "text.h5").write_text("no")
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    for path, message in (
        (None, r"shapes\.path is not set"),
        (str(tmp_path / "none.h5"), "no such file"),
        (str(tmp_path / "other.npz"), "no array 'footprints'; it has traces"),
        (str(tmp_path / "text.h5"), "not an HDF5 file"),
        (str(tmp_path / "torn.npz"), "cannot be read"),
        (str(tmp_path), "no result.h5"),
        (stored(tmp_path), r"does not say its pixel size; give shapes\.pixel_size"),
        (stored(tmp_path, "flat.npz", footprints=np.ones((4, 4))), r"must be \(K, Y, X\)"),
        (stored(tmp_path, "below.npz", footprints=-np.ones((1, 4, 4))), "0 or more"),
    ):
        with pytest.raises(UserError, match=message):
            Footprints(path=path)


@pytest.mark.parametrize("knobs", [{"pixel_size": 0}, {"diameter": -1}, {"scale_sd": 2}, {"smallest": -1}])
def test_impossible_knobs(tmp_path, knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Footprints(path=stored(tmp_path, pixel_size=1.0), **knobs)


def test_real_footprints(data_dir):
    path = data_dir / "recordings" / "miniscope-labels.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    library = Footprints(path=str(path), pixel_size=2.0)
    assert len(library._sheets()) > 100
    assert 8 < library.diameter < 40
