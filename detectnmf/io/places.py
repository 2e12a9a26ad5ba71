"""From what the user typed to files on disk: a file, a zarr folder, a folder of files that make one movie, a pattern."""

from __future__ import annotations

import difflib
import glob
import re
from dataclasses import dataclass
from pathlib import Path

from detectnmf.errors import UserError
from detectnmf.io import zarr_store

KINDS = {  # what a folder may stand for, the first kind that it has files of
    "TIFF": (".tif", ".tiff", ".btf", ".tf8"),
    "video": (".avi", ".mkv", ".mp4", ".mov"),
    "Inscopix": (".isxd",),
    "Scanbox": (".sbx",),
}
PLANE = ("data.bin", "ops.npy")  # of suite2p's folder of one plane
SIGNS = "*?["


@dataclass(frozen=True)
class Place:
    """The files of a movie, in their order, and the name that it goes by."""

    files: tuple[Path, ...]
    name: str


def find(path: str | Path) -> Place:
    """Find the files; a folder stands for its TIFFs, or its videos, a pattern for all that match, 2 before 10.

    Raises:
        UserError: nothing there (with names that are near), or a folder without movies, or with several.
    """
    place = Path(path).expanduser()
    if not str(path).strip():
        raise UserError("the path of the movie is empty; give a file, a folder or a pattern")
    if place.is_file() or zarr_store.opens(place):
        return Place((place,), _stem(place.name))
    if place.is_dir():
        return _folder(place)
    if any(sign in str(path) for sign in SIGNS):
        files = _natural([Path(found) for found in glob.glob(str(place)) if not Path(found).name.startswith(".")])
        if not files:
            raise UserError(f"nothing matches {path}; a pattern is written as in 'folder/trial_*.tif'")
        if len(files) == 1:
            return find(files[0])
        return Place(tuple(files), re.split(r"[*?\[]", place.name)[0].strip("_-. ") or place.parent.resolve().name)
    raise UserError(f"{place}: no such file or folder{_near(place)}")


def _folder(place: Path) -> Place:
    """The files of the first kind that there is."""
    there = [file for file in place.iterdir() if file.is_file() and not file.name.startswith(".")]
    if all((place / name).is_file() for name in PLANE):
        return Place((place / PLANE[0],), place.resolve().name)
    for kind, suffixes in KINDS.items():
        files = _natural([file for file in there if file.suffix.lower() in suffixes])
        if not files:
            continue
        if kind != "TIFF":
            series = {re.sub(r"\d+", "*", file.name): None for file in files}
            if len(series) > 1:  # msCam1.avi, behavCam1.avi: another camera
                raise UserError(f"{place} holds several movies: {', '.join(sorted(series)[:4])}; give one of these patterns, in quotes")
        return Place(tuple(files), _stem(files[0].name) if len(files) == 1 else place.resolve().name)
    has = _contents(place)
    raise UserError(f"{place} is a folder without TIFF files or videos (it has {has}); give a movie's file or a folder of TIFFs")


def _natural(files: list[Path]) -> list[Path]:
    """frame_2 before frame_10."""
    return sorted(files, key=lambda file: ([(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(file))]))


def _stem(name: str) -> str:
    """The name without its suffix, and without the .ome before it."""
    return re.sub(r"(\.ome)?\.[A-Za-z0-9]{1,5}$", "", name) or name


def _near(place: Path) -> str:
    folder = place.parent
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    names = difflib.get_close_matches(place.name, [file.name for file in folder.iterdir()], n=3, cutoff=0.75)
    return f"; did you mean {' or '.join(names)}?" if names else f"; {folder.resolve()} has {_contents(folder)}"


def _contents(folder: Path, most: int = 4) -> str:
    names = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
    return (", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")) if names else "no files"
