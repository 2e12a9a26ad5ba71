"""Where a result comes from: version, configuration, seed, device, and the input by its hash."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import Any

import detectnmf
from detectnmf.memory import GIB
from detectnmf.runtime import Runtime
from detectnmf.stages.identity import fingerprint


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
        "max_memory": runtime.budget / GIB,
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
