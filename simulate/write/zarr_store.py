"""zarr, format 3: one array in chunks of whole frames, packed by lz4 after its bits are sorted, which noise still allows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing_folder
from detectnmf.recording import Recording
from detectnmf.simulate.write.base import Piece, attributes, frames_in_chunk

SUFFIXES = (".zarr",)
MARKERS = ("zarr.json", ".zarray", ".zgroup")
PARTS = re.compile(r"zarr\.json|\.z(array|group|attrs|metadata)|(c\.)?\d+(\.\d+)*|c|\.DS_Store")  # formats 2 and 3, and the Finder's


def replacing(path: Path) -> AbstractContextManager[Path]:
    return replacing_folder(path, check_replaceable)


def check_replaceable(path: Path) -> None:
    """Raises UserError where a path is anything else than a zarr store, or holds anything else."""
    if not (path.is_dir() and any((path / marker).is_file() for marker in MARKERS)):
        raise UserError(f"{path} is there, and is not a zarr store; choose another name")
    for folder, _, files in os.walk(path):
        for name in files:
            if not PARTS.fullmatch(name):
                raise UserError(f"{Path(folder) / name} is no part of a zarr store, and would be lost; move it, or choose another name")


def write_frames(recording: Recording, pieces: Iterator[Piece], part: Path) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    array = zarr.create_array(
        part,
        shape=recording.shape,
        dtype=recording.dtype,
        chunks=(min(frames_in_chunk(recording), len(recording)), *recording.size),
        compressors=BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle"),
        zarr_format=3,
        dimension_names=("time", "y", "x"),
        attributes=attributes(recording),
        config={"write_empty_chunks": True},  # a chunk that is not there looks lost
    )
    for span, frames in pieces:
        array[span] = frames
