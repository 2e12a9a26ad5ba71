"""The parts that there are: one YAML file each, shipped or the user's own (`--config-dir`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from detectnmf.errors import UserError


def shipped() -> Path:
    return Path(str(files("detectnmf.configs")))


def own_folders(arguments: Sequence[str]) -> list[Path]:
    """The folders named by `--config-dir` in Hydra's arguments."""
    folders = [after for word, after in pairwise(arguments) if word in ("-cd", "--config-dir")]
    return [Path(folder) for folder in folders + [word.partition("=")[2] for word in arguments if word.startswith("--config-dir=")]]


def check_own(folder: Path) -> None:
    """Raises UserError where a file of the user's has a shipped one's name: Hydra would pass it over in silence."""
    for file in sorted(folder.rglob("*.yaml")):
        name = file.relative_to(folder)
        if (shipped() / name).exists():
            raise UserError(f"{file} has the name of a part that detectnmf ships and would not be used; give it another name")


def options(group: str, folders: Iterable[Path]) -> list[str]:
    """Names of the parts in a group."""
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})


def listing(groups: Sequence[str], folders: Sequence[Path]) -> str:
    """One line for each group: its name and its parts."""
    width = max(map(len, groups), default=0) + 2
    return "".join(f"  {group:<{width}}{', '.join(options(group, folders)) or '(none)'}\n" for group in groups)
