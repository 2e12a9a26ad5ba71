""".npy, HDF5 and zarr give back the values that were written."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import zarr

import detectnmf
from detectnmf.errors import UserError

from .conftest import same


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", ">f8", "i8"])
def test_npy(order, dtype, movie, tmp_path):
    np.save(tmp_path / "movie.npy", np.asarray(movie.astype(dtype), order=order))
    assert same(detectnmf.read(tmp_path / "movie.npy"), movie.astype(np.dtype(dtype).newbyteorder("=")))


def test_npy_of_other_layouts(movie, tmp_path):
    np.save(tmp_path / "movie.npy", np.stack([movie, movie + 1], axis=-1).transpose(1, 3, 2, 0))
    with pytest.raises(UserError, match=r"has 4 dimensions \(9, 2, 7, 12\); .* axes=TC0YX"):
        detectnmf.read(tmp_path / "movie.npy")
    assert same(detectnmf.read(tmp_path / "movie.npy", axes="YC1XT"), movie + 1)


def test_dimensions_of_one_are_dropped(movie, tmp_path):
    np.save(tmp_path / "movie.npy", movie[:, None, :, :, None])
    assert same(detectnmf.read(tmp_path / "movie.npy"), movie)


def test_pickled_objects_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.save(tmp_path / "movie.npy", np.array([Trap(), 1], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"movie.npy holds pickled Python objects, not numbers; save the plain array again"):
        detectnmf.read(tmp_path / "movie.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 5, 6), np.complex64), r"holds complex numbers \(complex64\); save their magnitude"),
        (np.zeros((4, 5, 6), bool), "holds values of type bool, not numbers"),
        (np.full((4, 5, 6), "a"), "holds values of type <U1, not numbers"),
        (np.zeros((0, 5, 6)), r"is empty: its shape is \(0, 5, 6\)"),
        (np.zeros((5, 6)), "holds a single image of 5 × 6 px; a movie needs frames"),
        (np.zeros((1, 5, 6)), "holds a single image of 5 × 6 px; a movie needs frames"),
        (np.zeros(6), r"holds a row of numbers, \(6,\), not a movie"),
    ],
)
def test_arrays_that_are_no_movie(values, message, tmp_path):
    np.save(tmp_path / "movie.npy", values)
    with pytest.raises(UserError, match=r"movie.npy " + message):
        detectnmf.read(tmp_path / "movie.npy")


def write_h5(path, arrays, **attributes):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file.attrs.update(attributes)


@pytest.mark.parametrize("options", [{}, {"chunks": (5, 4, 7), "compression": "gzip", "shuffle": True}])
def test_hdf5(options, movie, tmp_path):
    with h5py.File(tmp_path / "movie.h5", "w") as file:
        file.create_dataset("deep/inside/movie", data=movie.astype(">u2"), **options)
        file["deep/trace"] = np.zeros(12)
    recording = detectnmf.read(tmp_path / "movie.h5")
    assert same(recording, movie)
    assert same(pickle.loads(pickle.dumps(recording)), movie)


def test_hdf5_with_several_movies_needs_a_choice(movie, tmp_path):
    write_h5(tmp_path / "movie.h5", {"raw": movie, "denoised": movie[:10], "trace": np.zeros(12)})
    with pytest.raises(UserError, match=r"several datasets .*: raw \(12, 9, 7\), denoised \(10, 9, 7\); choose one with dataset=raw"):
        detectnmf.read(tmp_path / "movie.h5")
    assert same(detectnmf.read(tmp_path / "movie.h5", dataset="raw"), movie)
    assert same(detectnmf.read(tmp_path / "movie.h5", dataset="/denoised"), movie[:10])
    with pytest.raises(UserError, match=r"has no dataset 'rwa'; it has raw"):
        detectnmf.read(tmp_path / "movie.h5", dataset="rwa")


def test_hdf5_with_one_obvious_movie(movie, tmp_path):
    write_h5(tmp_path / "movie.h5", {"masks": movie[:1], "mov": movie})
    recording = detectnmf.read(tmp_path / "movie.h5")
    assert same(recording, movie)
    assert "the largest, mov, was read" in recording.notes[0]


def test_hdf5_without_a_movie(movie, tmp_path):
    write_h5(tmp_path / "movie.h5", {"image": movie[0]})
    with pytest.raises(UserError, match=r"no dataset of three dimensions; it has image \(9, 7\)"):
        detectnmf.read(tmp_path / "movie.h5")


@pytest.mark.parametrize("names", [("rate", "pixel_size"), ("fr", "pixel_size"), ("frame_rate", "um_per_pixel"), ("FPS", "Pixel Size um")])
def test_hdf5_says_rate_and_pixel_size(names, movie, tmp_path):
    write_h5(tmp_path / "root.h5", {"mov": movie}, **dict(zip(names, (15.0, [0.6, 0.6]), strict=True)))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["mov"] = movie
        file["mov"].attrs.update(zip(names, (15.0, 0.6), strict=True))
        file.attrs[names[0]] = 99.0  # the nearest wins
    write_h5(tmp_path / "beside.h5", {"mov": movie, names[0]: 15.0, names[1]: 0.6})
    for name in ("root.h5", "own.h5", "beside.h5"):
        recording = detectnmf.read(tmp_path / name)
        assert (recording.rate, recording.pixel_size, recording.notes) == (15.0, 0.6, ())


def test_matlab_arrays_are_turned(movie, tmp_path):
    with h5py.File(tmp_path / "movie.mat", "w", userblock_size=512) as file:
        file["Y"] = np.ascontiguousarray(movie.transpose(0, 2, 1))  # Y × X × T in MATLAB's own order
        file["Y"].attrs["MATLAB_class"] = np.bytes_("uint16")
    recording = detectnmf.read(tmp_path / "movie.mat")
    assert same(recording, movie)
    assert any("MATLAB stored the array as Y × X × T" in note for note in recording.notes)


def test_named_dimensions_are_followed(movie, tmp_path):
    with h5py.File(tmp_path / "movie.h5", "w") as file:
        file["mov"] = movie.transpose(2, 1, 0)
        for number, name in enumerate(("x", "y", "time")):
            file["mov"].dims[number].label = name
    assert same(detectnmf.read(tmp_path / "movie.h5"), movie)


def test_a_compression_that_is_not_here_is_named(movie, tmp_path, monkeypatch):
    with h5py.File(tmp_path / "movie.h5", "w") as file:
        file.create_dataset("mov", data=movie, chunks=(4, 9, 7), compression="gzip")
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with pytest.raises(UserError, match=r"is compressed with deflate, which h5py cannot undo here; pip install hdf5plugin"):
        detectnmf.read(tmp_path / "movie.h5")


@pytest.mark.parametrize("version", [2, 3])
def test_zarr(version, movie, tmp_path):
    zarr.create_array(
        tmp_path / "movie.zarr", data=movie, chunks=(5, 4, 7), zarr_format=version, attributes={"rate": 11.0, "pixel_size": 0.7}
    )
    recording = detectnmf.read(tmp_path / "movie.zarr")
    assert same(recording, movie)
    assert same(pickle.loads(pickle.dumps(recording)), movie)
    assert (recording.rate, recording.pixel_size, recording.name, recording.notes) == (11.0, 0.7, "movie", ())


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_groups(version, movie, tmp_path):
    group = zarr.create_group(tmp_path / "movie.zarr", zarr_format=version)
    zarr.create_array(group.store, name="a/raw", zarr_format=group.metadata.zarr_format, data=movie, chunks=(5, 9, 7))
    zarr.create_array(group.store, name="mask", zarr_format=group.metadata.zarr_format, data=np.zeros((9, 7)))
    assert same(detectnmf.read(tmp_path / "movie.zarr"), movie)
    assert same(detectnmf.read(tmp_path / "movie.zarr", dataset="a/raw"), movie)
    assert same(detectnmf.read(tmp_path / "movie.zarr" / "a" / "raw"), movie)
    with pytest.raises(UserError, match=r"has no dataset 'raw'; it has a/raw"):
        detectnmf.read(tmp_path / "movie.zarr", dataset="raw")


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(version, movie, tmp_path):
    axes = [
        {"name": "t", "type": "time", "unit": "millisecond"},
        {"name": "c", "type": "channel"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    levels = [{"path": "full", "coordinateTransformations": [{"type": "scale", "scale": [125.0, 1.0, 0.5, 0.5]}]}, {"path": "half"}]
    scales = {"multiscales": [{"axes": axes, "datasets": levels}]}
    group = zarr.create_group(tmp_path / "movie.zarr", zarr_format=version, attributes=scales if version == 2 else {"ome": scales})
    zarr.create_array(group.store, name="half", zarr_format=group.metadata.zarr_format, data=movie[:, None, ::2, ::2])
    zarr.create_array(group.store, name="full", zarr_format=group.metadata.zarr_format, data=movie[:, None], chunks=(5, 1, 9, 7))
    recording = detectnmf.read(tmp_path / "movie.zarr")
    assert same(recording, movie)
    assert (recording.rate, recording.pixel_size, recording.notes) == (8.0, 0.5, ())


def test_zarr_of_xarray_names_its_dimensions(movie, tmp_path):
    group = zarr.create_group(tmp_path / "movie.zarr", zarr_format=2)
    zarr.create_array(
        group.store,
        name="Y",
        zarr_format=group.metadata.zarr_format,
        data=movie.transpose(1, 2, 0),
        attributes={"_ARRAY_DIMENSIONS": ["height", "width", "frame"]},
    )
    assert same(detectnmf.read(tmp_path / "movie.zarr"), movie)


def test_chunks_that_are_missing_are_told(movie, tmp_path):
    array = zarr.create_array(tmp_path / "movie.zarr", shape=movie.shape, dtype=movie.dtype, chunks=(4, 9, 7))
    array[:8] = movie[:8]
    recording = detectnmf.read(tmp_path / "movie.zarr")
    assert np.array_equal(recording[:8], movie[:8]) and not recording[8:].any()
    assert "1 of 3 chunks are not in the zarr store and were read as 0." in recording.notes


def test_a_dataset_of_a_file_that_has_but_one(movie, tmp_path):
    np.save(tmp_path / "movie.npy", movie)
    zarr.create_array(tmp_path / "movie.zarr", data=movie)
    for name in ("movie.npy", "movie.zarr"):
        with pytest.raises(UserError, match=r"leave out dataset=mov"):
            detectnmf.read(tmp_path / name, dataset="mov")
