"""Real recordings, where they are present."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import detectnmf

RECORDINGS = {
    "two-photon-fly.tif": ((159, 260, 348), "uint16"),
    "two-photon-mouse.tif": ((500, 64, 64), "int16"),
    "zebrafish-light-sheet.tif": ((240, 87, 76), "uint8"),
    "miniscope-registered.tif": ((1000, 200, 220), "uint8"),
    "one-photon-raw.tif": ((1248, 33, 29), "uint16"),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_real_recordings(name, data_dir):
    path = next(data_dir.rglob(name), None)
    if path is None:
        pytest.skip(f"{name} is not in {data_dir}")
    shape, dtype = RECORDINGS[name]
    recording = detectnmf.read(path)
    assert (recording.shape, recording.dtype) == (shape, np.dtype(dtype))
    chosen = [0, 7, shape[0] // 2, shape[0] - 1]
    assert np.array_equal(np.stack([recording[t] for t in chosen]), tifffile.imread(path, key=chosen))
    assert np.array_equal(recording[40:50], tifffile.imread(path, key=slice(40, 50)))
    assert len(recording.notes) == 2  # neither rate nor pixel size is in these files
