"""What each verb may be told, and small things that all of them do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from detectnmf.errors import UserError

PathLike = str | int | float  # out=2026 is a name, too
SHARED: dict[str, Any] = {
    "device": str,
    "max_memory": float | str | None,
    "seed": int,
    "quiet": bool,
    "overwrite": bool,
    "out": PathLike | None,
}
KNOBS: dict[str, dict[str, Any]] = {
    "run": {
        "input": PathLike,
        "dataset": str | None,
        "axes": str | None,
        "channel": int | None,
        "plane": int | None,
        "size": list[int] | None,
        "rate": float | None,
        "pixel_size": float | None,
        "diameter": float | str | None,
        "fresh": bool,
        "save_every": float,
    },
    "sweep": {"knob": str, "values": list[float], "nulls": int},
    "simulate": {"out": PathLike, "like": PathLike | None},
    "gallery": {},
    "train": {"out": PathLike, "like": PathLike | None},
    "evaluate": {"result": PathLike, "truth": PathLike},
    "verify": {"result": PathLike, "input": PathLike},
    "demo": {"diameter": float | str | None},
}
KNOBS["doctor"] = KNOBS["run"]
KNOBS["sweep"] |= KNOBS["run"]
SCENE = ("psf", "shapes", "activity", "neuropil", "camera", "illumination", "motion", "drift", "faults", "sim", "write")
PIPELINE = ("register", "enhance", "compress", "sparsen", "detector", "seeder", "background", "demix", "judge", "traces", "events")
PARTS: dict[str, tuple[str, ...]] = {
    "run": PIPELINE,
    "doctor": PIPELINE,
    "sweep": PIPELINE,
    "simulate": (*SCENE, "resemble"),
    "gallery": (*SCENE[:-1], "gallery"),
    "train": (*SCENE[:-1], "enhance", "compress", "sparsen", "training", "resemble"),
    "evaluate": (),
    "verify": (),
    "demo": (*SCENE, *PIPELINE),
}


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved, as plain dicts, lists and values."""
    values = OmegaConf.to_container(config, resolve=True)
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}


def place(value: PathLike) -> Path:
    """A path as typed; the shell does not expand the ~ in out=~/results."""
    return Path(str(value)).expanduser()


def refuse_to_replace(out: Path, overwrite: bool) -> None:
    """Raises UserError where there is such a file already and nobody asked to replace it."""
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists; choose another name, or replace it with overwrite=true")
