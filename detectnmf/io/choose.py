"""The one array among many that is the movie."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError

OBVIOUS = 10  # the largest is taken when it is so many times larger than the next


def choose(found: Mapping[str, Any], dataset: str | None, path: Path) -> tuple[str, tuple[str, ...]]:
    """Name of the array to read, and what to tell about the choice.

    Args:
        found: name -> array with shape and dtype, of all arrays in the file.
        dataset: the name that the user gave.
        path: for messages.

    Raises:
        UserError: no such array, none with three dimensions, or several and none stands out.
    """
    if dataset is not None:
        name = dataset.strip("/")
        if name not in found:
            raise UserError(f"{path} has no dataset {dataset!r}; it has {_listed(found)}")
        return name, ()
    movies = {name: array for name, array in found.items() if _may_be_movie(array)}
    if not movies:
        raise UserError(f"{path} has no dataset of three dimensions; it has {_listed(found)}")
    ranked = sorted(movies, key=lambda name: prod(movies[name].shape), reverse=True)
    if len(ranked) == 1:
        return ranked[0], ()
    first, second = ranked[:2]
    if prod(movies[first].shape) < OBVIOUS * prod(movies[second].shape):
        raise UserError(f"{path} has several datasets that may be the movie: {_listed(movies)}; choose one with dataset={first}")
    return first, (f"Of {len(ranked)} datasets with three dimensions the largest, {first}, was read; choose another with dataset=...",)


def _may_be_movie(array: Any) -> bool:
    return len(array.shape) >= 3 and np.dtype(array.dtype).kind in "iufc"


def _listed(arrays: Mapping[str, Any], most: int = 8) -> str:
    names = sorted(arrays, key=lambda name: prod(arrays[name].shape), reverse=True)
    texts = [f"{name} {tuple(arrays[name].shape)}" for name in names[:most]]
    return ", ".join(texts) + (f" and {len(names) - most} more" if len(names) > most else "") if texts else "no array"
