"""Files: movies in, results out and in again.

Map: `reading` opens any movie (`read`); `places` finds its files; one module for each format (`tiff` with `tiff_pages`, `tiff_metadata`
and `scanimage`; `npy`, `hdf5`, `nwb`, `zarr_store`, `video` with `miniscope`, `isxd`, `caiman`, `sbx`, `suite2p`), `series` for a movie in
several files, `raw` for numbers in one piece; `axes` and `metadata` say what the numbers mean;
`refusals` says why a file is none. `store` holds results, `atomic` writes files whole or not at all. `base` has the
recipe for a new format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["read"]

if TYPE_CHECKING:
    from detectnmf.io.reading import read


def __getattr__(name: str) -> object:
    if name == "read":
        from detectnmf.io.reading import read

        return read
    raise AttributeError(f"module 'detectnmf.io' has no attribute {name!r}")
