"""A result survives its file bit for bit, and damaged files say so."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy import sparse

import detectnmf
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.registration import MEANING, Registration
from detectnmf.registration import WORDS as MOTION
from detectnmf.result import DemixResult
from detectnmf.signals import USES, WORDS, Signals

from .results import K, T, X, Y, compressed


def equal(a: object, b: object) -> bool:
    """Bit for bit, type for type, NaN as NaN."""
    if isinstance(a, torch.Tensor):
        a, b = a.numpy(), b.numpy()
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype.kind == b.dtype.kind and a.shape == b.shape and (a.dtype.kind == "U" or a.dtype == b.dtype) and a.tolist() == b.tolist()


def equal_sparse(a, b) -> bool:
    return a.shape == b.shape and equal(a.data, b.data) and np.array_equal(a.indices, b.indices) and np.array_equal(a.indptr, b.indptr)


def assert_same_movie(a: Compressed, b: Compressed) -> None:
    assert equal_sparse(a.U.csr, b.U.csr) and equal_sparse(a.U_local.csr, b.U_local.csr)
    for field in ("V", "mean", "std", "bad_frames", "bad_pixels", "rank_map"):
        assert equal(getattr(a, field), getattr(b, field)), field
    assert (a.rate, a.pixel_size, a.name, a.size) == (b.rate, b.pixel_size, b.name, b.size)


def test_everything_comes_back_bit_for_bit(result, tmp_path):
    result.save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5")
    assert equal_sparse(result.cells.footprints, back.cells.footprints)
    assert equal(result.cells.traces, back.cells.traces) and equal(result.cells.score, back.cells.score)
    assert equal_sparse(result.rejected.footprints, back.rejected.footprints)
    assert equal(result.rejected.traces, back.rejected.traces) and equal(result.rejected.score, back.rejected.score)
    assert equal(result.baseline, back.baseline)
    assert_same_movie(result.movie, back.movie)
    assert_same_movie(result.background, back.background)
    tables = ((result.quality, back.quality), (result.rejected_quality, back.rejected_quality), (result.history, back.history))
    for table, again in tables:
        assert list(table) == list(again)
        assert all(equal(table[name], again[name]) for name in table)
    assert back.provenance == result.provenance
    assert (back.rate, back.pixel_size, back.name, back.shape) == (7.3, 0.44, "móvie", (T, Y, X))


def test_signals_come_back_and_say_what_they_are_for(result, tmp_path):
    result.save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5").signals
    assert back.method == result.signals.method and set(WORDS) == {field.name for field in fields(Signals)} - {"method"}
    for name in WORDS:
        assert equal(getattr(result.signals, name), getattr(back, name)), name
    with h5py.File(tmp_path / "result.h5") as file:
        assert all(file[f"traces/{name}"].attrs["description"] == words for name, words in WORDS.items())
        assert {name: str(file[f"traces/{name}"].attrs["use"]) for name in USES} == USES
        assert json.loads(file["traces"].attrs["method"])["decay"] == 0.4
    replace(result, signals=None).save(tmp_path / "without.h5")
    assert detectnmf.load(tmp_path / "without.h5").signals is None


def test_files_of_the_second_schema_open(result, tmp_path):
    """They had no /traces."""
    replace(result, signals=None).save(tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "a") as file:
        file.attrs["schema_version"] = 2
    back = detectnmf.load(tmp_path / "old.h5")
    assert back.signals is None and equal(back.cells.traces, result.cells.traces)


def test_values_that_are_easily_lost(result, tmp_path):
    """NaN, infinity, stored zeros, 64-bit floats, an empty footprint."""
    odd = np.array([[np.nan, np.inf, -0.0, 1e-310]])
    footprints = sparse.csc_array((np.array([0.0, 0.5]), np.array([3, 1]), np.array([0, 2, 2])), shape=(Y * X, 2))
    cells = Components(footprints, (Y, X), np.repeat(odd, 2, axis=0))
    replace(result, cells=cells, quality={"odd": odd[0, :2]}).save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5")
    assert back.cells.traces.tobytes() == cells.traces.tobytes()
    assert equal_sparse(back.cells.footprints, footprints)
    assert back.quality["odd"].tobytes() == odd[0, :2].tobytes()


@pytest.mark.parametrize("traces", [None, T])
def test_no_cells_and_no_movie(traces, tmp_path):
    empty = DemixResult(
        Components.empty((Y, X), traces),
        np.zeros((Y, X)),
        Compressed.from_factors(np.zeros((Y * X, 0)), np.zeros((0, T)), np.zeros((Y, X))),
    )
    empty.save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5")
    assert len(back.cells) == 0 and back.cells.footprints.shape == (Y * X, 0)
    assert back.cells.traces is None if traces is None else back.cells.traces.shape == (0, T)
    assert len(back.rejected) == 0 and back.rejected.size == (Y, X)
    assert back.movie is None and back.background.rank == 0 and back.shape == (T, Y, X)
    assert back.background.U_local is None and back.background.bad_frames is None
    assert (back.quality, back.rejected_quality, back.history, back.provenance) == ({}, {}, {}, {})


def test_what_the_background_shares_with_the_movie_is_stored_once(result, tmp_path):
    result.save(tmp_path / "shared.h5")
    back = detectnmf.load(tmp_path / "shared.h5")
    assert back.background.U is back.movie.U and back.background.std is back.movie.std
    assert back.background.mean is not back.movie.mean
    with h5py.File(tmp_path / "shared.h5") as file:
        assert isinstance(file.get("background/U", getlink=True), h5py.SoftLink)
        assert file["background/U/data"][0] == file["movie/U/data"][0]  # others follow the link by themselves
    other = replace(result, background=compressed(5))
    other.save(tmp_path / "apart.h5")
    back = detectnmf.load(tmp_path / "apart.h5")
    assert back.background.U is not back.movie.U
    assert_same_movie(other.background, back.background)


def test_plain_h5py_reads_it(result, tmp_path):
    """As docs/result-schema.md says."""
    result.save(tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5") as file:
        assert dict(file.attrs)["format"] == "detectnmf" and file.attrs["schema_version"] == 4
        assert (file.attrs["rate"], file.attrs["pixel_size"], file.attrs["kind"]) == (7.3, 0.44, "result")
        matrix = file["cells/footprints"]
        footprints = sparse.csc_array((matrix["data"], matrix["indices"], matrix["indptr"]), shape=tuple(matrix.attrs["shape"]))
        rows, columns = file["cells"].attrs["size"]
        assert file["cells"].attrs["pixel_order"] == "C (row-major)"
        images = footprints.toarray().T.reshape(-1, rows, columns)
        U = file["movie/U"]
        bases = sparse.csc_array((U["data"], U["indices"], U["indptr"]), shape=tuple(U.attrs["shape"]))
        frame = file["movie/mean"][:] + file["movie/std"][:] * (bases @ file["movie/V"][:, 5]).reshape(rows, columns)
        assert json.loads(file["provenance"].asstr()[()])["config"] == {"demix": {"rounds": 3}}
        assert "footprints @ traces" in file["cells/traces"].attrs["description"]
    assert np.array_equal(images, result.cells.images())
    assert np.allclose(frame, result.movie[5], rtol=1e-5)


@pytest.fixture
def registration() -> Registration:
    rng = np.random.default_rng(4)
    shifts = rng.standard_normal((T, 3, 2, 2)).astype(np.float32)
    shifts[5] = np.nan
    flag = np.where(np.arange(T) == 5, "lost", "ok").astype("<U7")
    agreement, before = rng.random((2, T)).astype(np.float32)
    images = rng.random((3, Y, X)).astype(np.float32)
    return Registration(shifts, agreement, before, flag, *images, {"kind": "piecewise", "max_shift": None})


def test_how_the_recording_moved_comes_back(result, registration, tmp_path):
    replace(result, registration=registration).save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5").registration
    for name in MOTION:
        assert np.array_equal(getattr(back, name), getattr(registration, name), equal_nan=name == "shifts"), name
    assert back.method == registration.method
    with h5py.File(tmp_path / "result.h5") as file:
        assert {name: file["registration"][name].attrs["description"] for name in file["registration"]} == MOTION
    words = (Path(__file__).parents[2] / "docs" / "result-schema.md").read_text(encoding="utf-8")
    assert not [name for name in [*MOTION, *MEANING, "/registration"] if f"`{name}`" not in words]


def test_a_result_that_nobody_registered_has_no_such_group(result, tmp_path):
    result.save(tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5") as file:
        assert "registration" not in file
    assert detectnmf.load(tmp_path / "result.h5").registration is None


def test_the_document_names_every_dataset(result, tmp_path):
    result.save(tmp_path / "result.h5")
    document = Path(__file__).parents[2] / "docs" / "result-schema.md"
    words = document.read_text(encoding="utf-8")
    with h5py.File(tmp_path / "result.h5") as file:
        names = {"/".join(name.split("/")[:2]) for name in [*file, *(f"cells/{name}" for name in file["cells"])]}
        names |= {"rejected", *(f"rejected/{name}" for name in file["rejected"] if name not in file["cells"])}
        names |= set(file["movie"]) | set(file.attrs) - {"units"} | set(file["cells/footprints"])
    assert not [name for name in names if f"`/{name}" not in words and f"`{name}`" not in words]


def test_provenance_may_hold_anything_and_any_amount(result, tmp_path):
    given = {
        "kind": "truth",
        "count": np.int64(3),
        "size": (4, 5),
        "path": Path("a") / "b",
        "array": np.arange(3),
        "long": "x" * 100_000,
        7: None,
        "nan": float("inf"),
    }
    replace(result, provenance=given).save(tmp_path / "truth.h5")
    back = detectnmf.load(tmp_path / "truth.h5").provenance
    assert back == {
        **{k: given[k] for k in ("kind", "long", "nan")},
        "count": 3,
        "size": [4, 5],
        "path": str(Path("a/b")),
        "array": [0, 1, 2],
        "7": None,
    }
    with h5py.File(tmp_path / "truth.h5") as file:
        assert file.attrs["kind"] == "truth"


def test_a_folder_stands_for_the_result_in_it(result, tmp_path):
    result.save(tmp_path / "movie.detectnmf" / "result.h5")
    assert len(detectnmf.load(tmp_path / "movie.detectnmf").cells) == K


def write_schema_1(path: Path) -> None:
    """As detectnmf wrote results before it kept rejected components: two cells, no movie."""

    def sparse_group(parent, name, matrix):
        group = parent.create_group(name)
        group.attrs["shape"] = matrix.shape
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(matrix, part)

    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "detectnmf", "schema_version": 1, "detectnmf_version": "0.1.0", "kind": "result", "name": "old"})
        file.attrs.update({"rate": 5.0, "pixel_size": 2.0})
        cells = file.create_group("cells")
        cells.attrs["size"] = (Y, X)
        sparse_group(cells, "footprints", sparse.csc_array(np.eye(Y * X, 2, dtype=np.float32)))
        cells["score"], cells["traces"] = np.array([0.5, 1], np.float32), np.arange(2 * T, dtype=np.float32).reshape(2, T)
        file["baseline"] = np.full((Y, X), 3.0, np.float32)
        background = file.create_group("background")
        background.attrs.update({"size": (Y, X), "name": "old", "rate": 5.0, "pixel_size": 2.0, "missing": 0})
        sparse_group(background, "U", sparse.csc_array((Y * X, 0), dtype=np.float32))
        background["V"] = np.zeros((0, T), np.float32)
        background["mean"], background["std"] = np.zeros((Y, X), np.float32), np.ones((Y, X), np.float32)
        file["quality/snr"], file["quality/reason"] = np.array([9, 7], np.float32), np.array([b"ok", b"ok"], "S40")
        file.create_group("history")
        file["provenance"] = '{"seed": 0}'


def test_files_of_the_first_schema_open(tmp_path):
    write_schema_1(tmp_path / "old.h5")
    back = detectnmf.load(tmp_path / "old.h5")
    assert back.shape == (T, Y, X) and back.rate == 5.0 and back.name == "old" and back.provenance == {"seed": 0}
    assert back.cells.traces[1, 3] == T + 3 and back.cells.image(1)[0, 1] == 1 and back.baseline[2, 2] == 3
    assert back.quality["snr"].tolist() == [9, 7] and back.quality["reason"].tolist() == ["ok", "ok"]
    assert len(back.rejected) == 0 and back.rejected.traces.shape == (0, T) and back.rejected_quality == {}
    back.save(tmp_path / "new.h5")  # and are written in the present one
    with h5py.File(tmp_path / "new.h5") as file:
        assert file.attrs["schema_version"] == 4 and file["rejected/traces"].shape == (0, T)


def test_where_seeds_stood_comes_back_in_order(result, tmp_path):
    seeding = {"maskrcnn": np.array([7, 3]), "cleansing: pooling": np.array([1, 2, 5]), "cleansing: merging": np.zeros(0, np.int64)}
    replace(result, seeding=seeding).save(tmp_path / "result.h5")
    back = detectnmf.load(tmp_path / "result.h5").seeding
    assert list(back) == list(seeding) and all(np.array_equal(back[name], seeding[name]) for name in seeding)
