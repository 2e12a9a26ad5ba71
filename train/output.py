"""Where a training writes, what it goes on from after a kill, and the trainer that all trainings share."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import detectnmf
from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing
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


@dataclass(frozen=True)
class Unfinished:
    """A training that is under way: NAME.training, where it keeps its state, its log and its pictures."""

    folder: Path

    @classmethod
    def of(cls, out: Path, settings: object, overwrite: bool) -> Unfinished:
        """The folder beside `out`; an earlier training with the same settings is gone on with.

        Args:
            settings: what is learnt follows from their `repr`.
            overwrite: an unfinished training with other settings is thrown away.

        Raises:
            UserError: the folder cannot be written, or it holds an unfinished training with other settings.
        """
        made = cls(out.with_name(f"{out.stem}.training"))
        told = re.sub(r" at 0x[0-9a-f]+", "", repr((settings, detectnmf.__version__)))
        identity = hashlib.sha256(told.encode()).hexdigest()
        if made._note.exists() and made._note.read_text() != identity:
            if not overwrite:
                raise UserError(
                    f"{made.folder} holds an unfinished training with other settings; "
                    "choose another out=, or throw it away with overwrite=true"
                )
            shutil.rmtree(made.folder)
        with writing(made.folder.parent):
            made.folder.mkdir(parents=True, exist_ok=True)
            made._note.write_text(identity)
        return made

    @property
    def state(self) -> Path:
        return self.folder / "state.ckpt"

    @property
    def _note(self) -> Path:
        return self.folder / "settings.txt"

    def steps(self) -> int:
        """That were done already."""
        return int(torch.load(self.state, map_location="cpu", weights_only=True)["global_step"]) if self.state.exists() else 0

    def save(self, run: lightning.Trainer) -> None:
        """The state to go on from, whole or not at all."""
        with replacing(self.state) as part:
            run.save_checkpoint(part)

    def end(self) -> None:
        """Nothing is left to go on with."""
        self.state.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def trainer(runtime: Runtime, steps: int, folder: Path, **more: Any) -> lightning.Trainer:
    """One device, so many steps, a CSV log in the folder; no advertisements, and no checkpoints but our own."""
    import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    device = runtime.torch_device
    return lightning.Trainer(
        max_steps=steps,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=[device.index or 0] if device.type == "cuda" else 1,
        logger=lightning.pytorch.loggers.CSVLogger(folder, name="log"),
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=not runtime.quiet,
        log_every_n_steps=min(50, steps),
        **more,
    )
