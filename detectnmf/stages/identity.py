"""What a stage's outcome depends on, as plain values: the input's bytes, the settings of its parts, and the code itself."""

from __future__ import annotations

import glob
import hashlib
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np

import detectnmf

MEGABYTE = 1 << 20


def describe(value: Any) -> Any:
    """A part with all its settings as plain values; arrays, weights and files by their hash.

    What a part has found out since it was made is left out: fields that are not its arguments, and names with an underscore.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return _file(value) if isinstance(value, str) else value
    if isinstance(value, Path):
        return _file(str(value))
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [describe(item) for item in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "state_dict"):
        return {"is": type(value).__qualname__, "weights": describe(dict(value.state_dict()))}
    if hasattr(value, "__array__"):
        array = np.ascontiguousarray(value.detach().cpu() if hasattr(value, "detach") else value)
        return f"{array.dtype}{list(array.shape)} {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"
    if isinstance(value, partial):
        return {"is": "partial", "of": describe(value.func), "given": describe(value.args), **describe(value.keywords)}
    if isinstance(value, MethodType):
        return {"is": value.__func__.__qualname__, "of": describe(value.__self__)}
    if isinstance(value, (Enum, range, slice)) or type(value).__module__ == "torch":  # such as a dtype
        return repr(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__} {_source(value)}"
    kind = type(value)
    known = (
        {part.name: getattr(value, part.name) for part in fields(value) if part.init}
        if is_dataclass(value)
        else {name: item for name, item in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
    )
    return {
        "is": f"{kind.__module__}.{kind.__qualname__} {_source(kind)}".strip(),
        **{name: describe(item) for name, item in known.items()},
    }


def digest(value: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def brief(value: Any) -> str:
    """As it is told: of a hash, the first eight characters."""
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{8,}\b", r"\1", str(value))


@cache
def code() -> str:
    """A hash of this package's sources and weights."""
    found = hashlib.sha256(detectnmf.__version__.encode())
    for package, pattern in (("detectnmf", "*.py"), ("detectnmf.checkpoints", "*.safetensors")):
        root = Path(str(files(package)))
        for file in sorted(root.rglob(pattern)):
            found.update(str(file.relative_to(root)).encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def fingerprint(source: str) -> dict[str, Any]:
    """The input's path, files, bytes and a quick SHA-256: of sizes, and of the first and last megabyte of at most 64 files spread over all.

    It tells two recordings apart without reading them; it does not prove that two are equal.
    """
    found = _files(source)
    sha = hashlib.sha256()
    read = set(found[:: max(1, len(found) // 64)])
    total = 0
    for file in found:
        size = file.stat().st_size
        total += size
        sha.update(f"{file.name}:{size}\n".encode() if len(found) > 1 else f"{size}\n".encode())
        if file in read:
            with file.open("rb") as data:
                sha.update(data.read(MEGABYTE))
                data.seek(max(MEGABYTE, size - MEGABYTE))
                sha.update(data.read(MEGABYTE))
    return {"input": str(Path(source).absolute()), "input_files": len(found), "input_bytes": total, "hash": sha.hexdigest()}


def changed(source: str) -> str:
    """A hash of when each of the input's files was last changed: what `fingerprint` may not see."""
    return digest([(file.name, file.stat().st_mtime_ns) for file in _files(source)])[:16]


def _files(source: str) -> list[Path]:
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return sorted(Path(name) for name in glob.glob(source) if Path(name).is_file())


def _file(text: str) -> Any:
    """A path with what the file holds; any other text as it is."""
    try:
        path = Path(text)
        return {"file": text, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:16]} if text and path.is_file() else text
    except (OSError, ValueError):
        return text


def _source(kind: Any) -> str:
    """A hash of the file that defines a class or function of the user's; "" for ours, which `code` covers."""
    if str(kind.__module__).split(".")[0] == "detectnmf":
        return ""
    try:
        return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()[:16]
    except (OSError, TypeError):
        return ""
