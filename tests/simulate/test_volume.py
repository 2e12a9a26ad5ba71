"""Segmented volumes whose cells are balls and rods."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from detectnmf.errors import UserError
from detectnmf.simulate.shapes import labels, volume
from detectnmf.simulate.shapes.labels import open_labels
from detectnmf.simulate.shapes.volume import Volume, segmented

SIZE = (0.8, 0.5, 0.5)  # µm
BIG = 864_691_135_000_000_017  # as the ids of large reconstructions are
KNOBS = {"spacing": 0.5, "scale_sd": 0.0, "filled": 1.0, "soma_radius": 3.0}


def field(dtype=np.uint64):
    """Two balls of 5 and 4 µm radius, each with a rod of 1 µm radius along z through it, a thick sheet of glia, and debris."""
    z, y, x = (i * s for i, s in zip(np.indices((40, 64, 70)), SIZE, strict=True))
    found = np.zeros(z.shape, dtype)
    for label, (cy, cx), radius in ((BIG if dtype == np.uint64 else 7, (9, 9), 5), (3, (21, 24), 4)):
        rod = (y - cy) ** 2 + (x - cx) ** 2
        found[(rod + (z - 16) ** 2 <= radius**2) | (rod <= 1)] = label
    found[:, 60:] = 11  # 2 µm thin, but of more volume than a soma
    found[:3, :4, 60:] = 12
    return found


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        file.create_dataset("volumes/labels", data=field(), chunks=(16, 16, 16)).attrs["element_size_um"] = SIZE
    return str(tmp_path / "cells.h5")


def test_only_labels_with_a_soma_are_cells(path):
    cells = sorted(Volume(path=path, **KNOBS)._cells(), key=lambda cell: -cell.radius)
    assert [cell.radius for cell in cells] == pytest.approx([5, 4], abs=0.5)
    rods = [np.pi * (32 - 2 * radius) for radius in (5, 4)]
    for cell, rod, radius in zip(cells, rods, (5, 4), strict=True):
        assert len(cell.points) * cell.volume == pytest.approx(4 / 3 * np.pi * radius**3 + rod, rel=0.05)
        assert cell.diameter == pytest.approx(2 * radius, rel=0.05)
        assert cell.points[cell.soma].mean(axis=0) == pytest.approx([0, 0, 0], abs=0.4)
        assert np.abs(cell.points[~cell.soma, 0]).min() > 0.7 * radius
    for smallest, expected in ((10, 4), (200, 3), (400, 2), (1000, 1)):
        assert len(Volume(path=path, **{**KNOBS, "soma_radius": 0.5, "smallest": smallest})._cells()) == expected


def test_concentrations(path):
    for cell in Volume(path=path, **{**KNOBS, "filled": 0.0, "nucleus": 0.6, "nuclear": 0.1, "dendritic": 0.3}).draw(
        6, np.random.default_rng(0)
    ):
        level = cell.weights / cell.volume
        far = np.linalg.norm(cell.points, axis=1)
        radius = far[level == 1].max()
        assert set(np.round(level, 6)) == {0.1, 0.3, 1.0}
        assert far[np.isclose(level, 0.1)].max() < 0.7 * radius
        assert (level[far > 1.1 * radius] == 0.3).all()


def test_diameter_and_scale(path):
    own = Volume(path=path, **KNOBS)
    assert own.diameter == pytest.approx(9, rel=0.05)
    twice = Volume(path=path, **KNOBS, diameter=2 * own.diameter)
    small, large = (part.draw(1, np.random.default_rng(0))[0] for part in (own, twice))
    assert np.allclose(large.points, 2 * small.points) and np.allclose(large.weights, 8 * small.weights)
    scales = [cell.volume[0] for cell in Volume(path=path, **{**KNOBS, "scale_sd": 0.1}).draw(300, np.random.default_rng(1))]
    assert np.std(np.log(scales)) == pytest.approx(0.3, abs=0.04)


def test_coarse_spacing_keeps_the_volume(path):
    fine, coarse = (Volume(path=path, **{**KNOBS, "soma_radius": 2.0, "spacing": spacing})._cells() for spacing in (0.5, 1.0))
    for one, two in zip(fine, coarse, strict=True):
        assert len(two.points) < len(one.points) / 3
        assert len(two.points) * two.volume == pytest.approx(len(one.points) * one.volume, rel=0.12)
        assert two.radius == pytest.approx(one.radius, abs=1.0)


def test_read_in_blocks_it_is_the_same(path, monkeypatch):
    whole = Volume(path=path, **KNOBS)._cells()
    volume.cells_of.cache_clear()
    monkeypatch.setattr(labels, "BUDGET", 70 * 8 * 16 * 16)
    blocks = Volume(path=path, **KNOBS)._cells()
    for one, two in zip(whole, blocks, strict=True):
        assert sorted(map(tuple, one.points.tolist())) == sorted(map(tuple, two.points.tolist()))
    with open_labels(volume.Path(path), None) as found:
        counts = [len(where) for where, _ in found.blocks((1, 1, 1))]
        kept = sum(len(where) for where, _ in found.blocks((3, 2, 2)))
    assert len(counts) == 3 * 4  # 40 / 16 by 64 / 16
    assert sum(counts) == np.count_nonzero(field()) and kept == np.count_nonzero(field()[1::3, 1::2, 1::2])


def test_a_soma_is_found_among_coarse_blocks(monkeypatch):
    where = np.argwhere(field() == BIG)
    exact = segmented(where, np.array(SIZE))
    monkeypatch.setattr(volume, "GRID", 800)
    assert np.allclose(segmented(where, np.array(SIZE)).points, exact.points)


def written(folder, form):
    data, nm = field(np.uint16), [side * 1000 for side in SIZE]
    if form == "imagej":
        tifffile.imwrite(folder / "a.tif", data, imagej=True, resolution=(2, 2), metadata={"spacing": 0.8, "unit": "um", "axes": "ZYX"})
        return folder / "a.tif"
    if form == "ome":
        about = {"axes": "ZYX", "PhysicalSizeZ": 800, "PhysicalSizeZUnit": "nm", "PhysicalSizeY": 0.5, "PhysicalSizeX": 0.5}
        tifffile.imwrite(folder / "a.ome.tif", data, metadata=about, compression="zlib")
        return folder / "a.ome.tif"
    if form == "nm":
        with h5py.File(folder / "a.h5", "w") as file:
            file.create_dataset("labels", data=data).attrs["resolution"] = nm
        return folder / "a.h5"
    if form == "zarr":
        array = zarr.create_array(folder / "a.zarr", shape=data.shape, chunks=(16, 32, 32), dtype=data.dtype)
        array[:] = data
        array.attrs.update(voxel_size=list(SIZE), units="µm")
        return folder / "a.zarr"
    group = zarr.open_group(folder / "b.zarr", mode="w")
    group.create_array("0", shape=data.shape, chunks=(16, 32, 32), dtype=data.dtype)[:] = data
    group.create_array("1", shape=(20, 32, 35), chunks=(16, 32, 32), dtype=data.dtype)
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
    scales = [{"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": [side * 2**k for side in nm]}]} for k in (0, 1)]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": scales}]}
    return folder / "b.zarr"


@pytest.mark.parametrize("form", ["imagej", "ome", "nm", "zarr", "ome-zarr"])
def test_all_formats_say_their_voxel_size(tmp_path, path, form):
    found = written(tmp_path, form)
    with open_labels(found, None) as opened:
        assert opened.voxel_size == pytest.approx(SIZE)
    cells = Volume(path=str(found), **KNOBS)._cells()
    assert sorted(len(cell.points) for cell in cells) == sorted(len(cell.points) for cell in Volume(path=path, **KNOBS)._cells())


def test_without_a_voxel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", field(np.uint16), metadata={"axes": "ZYX"})
    with pytest.raises(UserError, match=r"a\.tif does not say its voxel size; give shapes\.voxel_size"):
        Volume(path=str(tmp_path / "a.tif"), **KNOBS)
    assert len(Volume(path=str(tmp_path / "a.tif"), voxel_size=list(SIZE), **KNOBS)._cells()) == 2


def test_what_is_no_label_volume(tmp_path):
    (tmp_path / "text.h5").write_text("labels")
    tifffile.imwrite(tmp_path / "flat.tif", np.zeros((20, 30), np.uint8))
    tifffile.imwrite(tmp_path / "float.tif", np.zeros((20, 30, 40), np.float32))
    tifffile.imwrite(tmp_path / "empty.tif", np.zeros((20, 30, 40), np.uint8))
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = field(), field()
    for name, message, knobs in (
        ("none.tif", "no such file", {}),
        ("text.h5", "neither TIFF nor zarr nor HDF5", {}),
        ("flat.tif", "three dimensions", {}),
        ("float.tif", "integers", {}),
        ("empty.tif", "none of 0 labels is a cell", {}),
        ("two.h5", r"2 arrays of three dimensions \(a, b\); name one with shapes.dataset", {}),
        ("two.h5", r"shapes.dataset=c is not in .*two.h5; it has a, b", {"dataset": "c"}),
        ("empty.tif", "leave it null", {"dataset": "a"}),
        ("two.h5", "lower shapes.smallest or shapes.soma_radius", {"dataset": "a", "soma_radius": 9}),
    ):
        with pytest.raises(UserError, match=message):
            Volume(**{**KNOBS, "path": str(tmp_path / name), "voxel_size": SIZE, **knobs})
    with pytest.raises(UserError, match=r"shapes\.path is not set"):
        Volume()


@pytest.mark.parametrize(
    "knobs", [{"voxel_size": [1, 1]}, {"voxel_size": [0, 1, 1]}, {"nuclear": 2}, {"scale_sd": 1}, {"spacing": 0}, {"diameter": 0}]
)
def test_impossible_knobs(path, knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Volume(path=path, **knobs)
