"""Where a result comes from: version, configuration, seed, device, and the input by its hash."""

from __future__ import annotations

import glob
import hashlib
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import detectnmf
from detectnmf.runtime import Runtime

MEGABYTE = 1 << 20


def provenance(config: dict[str, Any], runtime: Runtime, command: str, source: str | None = None) -> dict[str, Any]:
    """A dict of plain values that goes into result.h5.

    Args:
        config: the resolved configuration.
        runtime: of the job.
        command: as it was typed.
        source: path or glob of the recording.
    """
    import numpy as np
    import torch

    return {
        "version": detectnmf.__version__,
        "command": command,
        "config": config,
        "seed": runtime.seed,
        "device": device_name(runtime),
        **({} if source is None else fingerprint(source)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def device_name(runtime: Runtime) -> str:
    """`cpu`, or `cuda:0 (NAME)`."""
    import torch

    device = runtime.torch_device
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu"


def fingerprint(source: str) -> dict[str, Any]:
    """The input's path, files, bytes and a quick SHA-256: of sizes, and of the first and last megabyte of at most 64 files spread over all.

    It tells two recordings apart without reading them; it does not prove that two are equal.
    """
    files = _files(source)
    digest = hashlib.sha256()
    read = set(files[:: max(1, len(files) // 64)])
    total = 0
    for file in files:
        size = file.stat().st_size
        total += size
        digest.update(f"{file.name}:{size}\n".encode() if len(files) > 1 else f"{size}\n".encode())
        if file in read:
            with file.open("rb") as data:
                digest.update(data.read(MEGABYTE))
                data.seek(max(MEGABYTE, size - MEGABYTE))
                digest.update(data.read(MEGABYTE))
    return {"input": str(Path(source).absolute()), "input_files": len(files), "input_bytes": total, "hash": digest.hexdigest()}


def _files(source: str) -> list[Path]:
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return sorted(Path(name) for name in glob.glob(source) if Path(name).is_file())
