"""HDF5: one contiguous dataset, `mov`, not compressed, which is written and read as fast as the disk allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detectnmf.io.atomic import replacing as replacing
from detectnmf.recording import Recording
from detectnmf.simulate.write.base import Piece, attributes, size_in_bytes

SUFFIXES = (".h5", ".hdf5")
DATASET = "mov"


def write_frames(recording: Recording, pieces: Iterator[Piece], part: Path) -> None:
    import h5py

    with part.open("wb") as plain:
        plain.truncate(size_in_bytes(recording))  # HDF5 would crash, not say so, where files may not be so large
    with h5py.File(part, "w") as file:
        dataset = file.create_dataset(DATASET, recording.shape, recording.dtype)
        dataset.attrs.update(attributes(recording))
        for number, name in enumerate(("time", "y", "x")):
            dataset.dims[number].label = name
        dataset[-1] = 0  # now it has its place in the file
        start = dataset.id.get_offset()
    # The frames are written past HDF5, which may crash on a disk that fills up, and swallows an interruption that comes meanwhile.
    with part.open("r+b") as plain:
        plain.seek(start)
        for _, frames in pieces:
            plain.write(np.ascontiguousarray(frames, recording.dtype).data)
