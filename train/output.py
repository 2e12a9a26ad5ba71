"""Where a training writes, and the trainer that all trainings share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

if TYPE_CHECKING:
    import lightning


def weights_file(out: Path) -> Path:
    """out.safetensors, whether or not it was named so."""
    return out.with_name(out.name.removesuffix(".safetensors") + ".safetensors")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What fails to be written within says which folder, and the cure.

    Raises:
        UserError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another with out=FOLDER/NAME") from None


def trainer(runtime: Runtime, steps: int, folder: Path, log: str, **more: Any) -> lightning.Trainer:
    """One device, so many steps, a CSV log in a folder; no advertisements, and no checkpoints but our own."""
    import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    device = runtime.torch_device
    return lightning.Trainer(
        max_steps=steps,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=[device.index or 0] if device.type == "cuda" else 1,
        logger=lightning.pytorch.loggers.CSVLogger(folder, name=log),
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=not runtime.quiet,
        log_every_n_steps=min(50, steps),
        **more,
    )
