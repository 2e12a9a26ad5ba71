"""HDF5: one contiguous dataset, `mov`, not compressed, which is written and read as fast as the disk allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detectnmf.io.atomic import replacing as replacing
from detectnmf.recording import Recording
from detectnmf.simulate.write.base import Piece, attributes

SUFFIXES = (".h5", ".hdf5")
DATASET = "mov"


def write_frames(recording: Recording, pieces: Iterator[Piece], part: Path) -> None:
    import h5py

    with h5py.File(part, "w") as file:
        dataset = file.create_dataset(DATASET, recording.shape, recording.dtype)
        dataset.attrs.update(attributes(recording))
        for number, name in enumerate(("time", "y", "x")):
            dataset.dims[number].label = name
        for span, frames in pieces:
            dataset[span] = frames
