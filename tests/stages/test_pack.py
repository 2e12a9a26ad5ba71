"""Nouns come back from disk bit for bit, and a folder that is not ours makes nothing."""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy import sparse
from toys import toy

from detectnmf.demix.model import Model
from detectnmf.judge.quality import Judged
from detectnmf.sparse import SparseMatrix
from detectnmf.stages.pack import pack, unpack


def round_trip(value, tmp_path):
    pack(value, tmp_path)
    return unpack(tmp_path)


def test_plain_values(tmp_path):
    value = {"a": [1, 2.5, None, True, "µm"], "b": (1, (2,)), 3: {"nan": float("inf")}, "c": 0.1 + 0.2}
    assert round_trip(value, tmp_path) == value


def test_arrays_keep_their_type_and_every_bit(tmp_path):
    values = [
        np.array([1.0, np.nan, -0.0], np.float32),
        np.zeros((0, 3), np.int64),
        np.array(["ok", "lost"]),
        np.float32(0.1),
        np.arange(6).reshape(2, 3).T,
    ]
    for before, after in zip(values, round_trip(values, tmp_path), strict=True):
        assert before.dtype == after.dtype and np.asarray(before).tobytes() == np.asarray(after).tobytes() and type(before) is type(after)


def test_sparse_matrices_keep_explicit_zeros_and_order(tmp_path):
    support = sparse.csc_array((np.array([0.0, 2.0, 0.0]), np.array([3, 1, 0]), np.array([0, 2, 3])), shape=(4, 2))
    after = round_trip({"columns": support, "rows": support.tocsr(), "ours": SparseMatrix(support)}, tmp_path)
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(after["columns"], part), getattr(support, part))
    assert after["rows"].format == "csr" and after["ours"].nnz == 3


def test_zeros_without_memory_take_none_on_disk(tmp_path):
    nothing = torch.zeros(()).expand(1000, 2000)
    after = round_trip(nothing, tmp_path)
    assert after.shape == nothing.shape and not after.any()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1000


def test_a_compressed_movie_and_a_model(tmp_path):
    movie = toy().movie
    shared, model = round_trip((movie, Model.nothing(movie)), tmp_path)
    for part in fields(movie):
        before, after = getattr(movie, part.name), getattr(shared, part.name)
        if isinstance(before, SparseMatrix):
            assert (before.csr != after.csr).nnz == 0
        elif isinstance(before, (np.ndarray, torch.Tensor)):
            assert np.array_equal(before, after)
        else:
            assert before == after
    assert len(model) == 0 and model.B.shape == movie.V.shape


def test_one_object_stays_one(tmp_path):
    matrix = SparseMatrix(sparse.eye_array(5))
    first, second = round_trip([matrix, matrix], tmp_path)
    assert first is second


def test_a_class_of_others_is_not_made(tmp_path):
    pack(Judged({"snr": np.ones(2)}, np.ones(2, bool)), tmp_path)
    tree = json.loads((tmp_path / "tree.json").read_text())
    for foreign in ("subprocess:Popen", "detectnmf.cli:main"):
        (tmp_path / "tree.json").write_text(json.dumps({**tree, "class": foreign}))
        with pytest.raises(ValueError, match="none of our nouns"):
            unpack(tmp_path)


def test_what_cannot_be_kept_is_said(tmp_path):
    with pytest.raises(TypeError, match="a set cannot be kept"):
        pack({"a": {1, 2}}, tmp_path)
