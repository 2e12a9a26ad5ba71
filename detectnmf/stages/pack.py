"""The nouns as a folder of arrays and back, every bit as it was: `tree.json` says what they are, `N.npy` hold their numbers.

Nothing is pickled, so that opening such a folder runs no code.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.sparse import SparseMatrix

TREE = "tree.json"
OURS = "detectnmf."  # classes of other packages are not made from what a file says


def pack(value: Any, folder: Path) -> None:
    """Write a value of plain values, arrays, tensors, sparse matrices, and dataclasses of these, into an empty folder.

    Raises:
        TypeError: something in it is none of these.
    """
    tree = _Writer(folder).tree(value)
    (folder / TREE).write_text(json.dumps(tree), encoding="utf-8")


def unpack(folder: Path, device: torch.device | str = "cpu") -> Any:
    """What `pack` wrote, its tensors on `device`.

    Raises:
        OSError, ValueError, KeyError, TypeError, AttributeError: missing or damaged.
    """
    return _Reader(folder, torch.device(device)).value(json.loads((folder / TREE).read_text(encoding="utf-8")))


class _Writer:
    def __init__(self, folder: Path) -> None:
        self.folder, self.written = folder, 0
        self.seen: dict[int, tuple[Any, dict[str, Any]]] = {}  # the object itself stays, so that its id is not given to another

    def tree(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value.item() if isinstance(value, np.generic) else value
        if isinstance(value, (list, tuple)):
            return {"is": type(value).__name__, "items": [self.tree(item) for item in value]}
        if isinstance(value, dict):
            return {"is": "dict", "items": [[self.tree(key), self.tree(item)] for key, item in value.items()]}
        if id(value) not in self.seen:
            self.seen[id(value)] = value, self._object(value)
        return self.seen[id(value)][1]

    def _object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, np.generic):
            return {"is": "scalar", "type": str(value.dtype), "value": value.item()}
        if isinstance(value, np.ndarray):
            return {"is": "array", "file": self._array(value)}
        if isinstance(value, Tensor):
            repeats = [step == 0 and length > 1 for step, length in zip(value.stride(), value.shape, strict=True)]
            core = value[tuple(slice(0, 1) if repeated else slice(None) for repeated in repeats)]
            return {"is": "tensor", "shape": list(value.shape), "file": self._array(core.detach().cpu().numpy())}
        if isinstance(value, SparseMatrix):
            return {"is": "matrix", "csr": self._sparse(value.csr)}
        if isinstance(value, (sparse.csr_array, sparse.csc_array)):
            return self._sparse(value)
        if is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith(OURS):
            known = {part.name: self.tree(getattr(value, part.name)) for part in fields(value) if part.init}
            return {"is": "noun", "class": f"{type(value).__module__}:{type(value).__qualname__}", "fields": known}
        raise TypeError(f"a {type(value).__name__} cannot be kept")

    def _sparse(self, value: sparse.csr_array | sparse.csc_array) -> dict[str, Any]:
        parts = [self._array(part) for part in (value.data, value.indices, value.indptr)]
        return {"is": value.format, "shape": [int(side) for side in value.shape], "files": parts}

    def _array(self, values: np.ndarray) -> str:
        self.written += 1
        name = f"{self.written}.npy"
        np.save(self.folder / name, values, allow_pickle=False)
        return name


class _Reader:
    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder, self.device = folder, device
        self.made: dict[str, Any] = {}  # by the first file; what was one object is one again

    def value(self, tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        kind = tree["is"]
        if kind == "list":
            return [self.value(item) for item in tree["items"]]
        if kind == "tuple":
            return tuple(self.value(item) for item in tree["items"])
        if kind == "dict":
            return {self.value(key): self.value(item) for key, item in tree["items"]}
        if kind == "scalar":
            return np.dtype(tree["type"]).type(tree["value"])
        if kind == "noun":
            return self._noun(tree)
        name = kind + json.dumps(tree)
        if name not in self.made:
            self.made[name] = self._numbers(kind, tree)
        return self.made[name]

    def _noun(self, tree: dict[str, Any]) -> Any:
        module, _, name = tree["class"].partition(":")
        made = getattr(importlib.import_module(module), name) if module.startswith(OURS) else None
        if not is_dataclass(made) or not isinstance(made, type):
            raise ValueError(f"{tree['class']} is none of our nouns")
        return made(**{key: self.value(item) for key, item in tree["fields"].items()})

    def _numbers(self, kind: str, tree: dict[str, Any]) -> Any:
        if kind == "array":
            return self._array(tree["file"])
        if kind == "tensor":
            return torch.from_numpy(self._array(tree["file"])).to(self.device).expand(tree["shape"])
        if kind == "matrix":
            return SparseMatrix(self.value(tree["csr"]), self.device)
        made = {"csr": sparse.csr_array, "csc": sparse.csc_array}[kind]
        matrix = made(tuple(self._array(file) for file in tree["files"]), shape=tuple(tree["shape"]))
        matrix.check_format(full_check=True)  # compiled code trusts the indices
        return matrix

    def _array(self, name: str) -> np.ndarray:
        return np.asarray(np.load(self.folder / name, allow_pickle=False))
