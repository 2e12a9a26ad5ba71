"""Arrays that lie in one piece in a file: read as NumPy would, mapped only where they are read."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.io import raw
from detectnmf.io.raw import RawArray

VALUES = np.arange(7 * 4 * 5, dtype="<i4").reshape(7, 4, 5)
HEADER = 13  # bytes


@pytest.fixture(params=["C", "F"])
def array(request, tmp_path):
    path = tmp_path / "array.bin"
    path.write_bytes(b"h" * HEADER + VALUES.tobytes(request.param))
    return RawArray(path, HEADER, VALUES.shape, VALUES.dtype, request.param)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), slice(None), slice(None)),
        (slice(2, 5), slice(1, 3), slice(None)),
        (slice(-3, None), slice(None), 2),
        (slice(1, 7, 2), slice(None), slice(None)),
        (slice(5, 1, -2), slice(None), slice(None)),
        (slice(None, None, -1), 1, slice(None)),
        (slice(4, 4), slice(None), slice(0, 2)),
        (slice(9, 20), 1, slice(None)),
        (slice(3, 200),),
        (0, slice(None), slice(None)),
        (-1, slice(None), slice(None)),
        (-7, 3, 4),
        (6,),
    ],
)
def test_read_as_numpy_would(array, index):
    read = array[index]
    assert read.shape == VALUES[index].shape and read.dtype == VALUES.dtype
    assert np.array_equal(read, VALUES[index])


def test_only_what_is_read_is_mapped(tmp_path, monkeypatch):
    """Two of a million frames: the whole would not fit into the address space that many clusters allow."""
    mapped = []
    monkeypatch.setattr(raw.np, "memmap", lambda path, dtype, mode, offset, shape, order: mapped.append((offset, shape)) or np.zeros(shape))
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(1_000_000 * 40)
    RawArray(path, 0, (1_000_000, 4, 5), np.dtype("<i2"))[500_000:500_002, :, :]
    assert mapped == [(500_000 * 40, (2, 4, 5))]


def test_no_room_is_no_damage(array, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(raw.np, "memmap", full)
    with pytest.raises(MemoryError, match=r"array\.bin: no room for 7 of its frames"):
        array[:, :, :]


def test_a_file_that_went_is_told(array):
    array.path.unlink()
    with pytest.raises(UserError, match=r"array\.bin cannot be read any more .*was it moved or cut since it was opened"):
        array[0:2, :, :]
