"""Every option of a verb's parts, put together and built when it is asked for: what `simulate gallery` draws."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import getdoc
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from detectnmf.command.parts import options, shipped
from detectnmf.command.settings import check_parts, locate
from detectnmf.command.words import quote
from detectnmf.errors import UserError

NOT_OF_THE_MOVIE = ("out", "gallery", "overwrite", "quiet", "device", "max_memory")
PAGES = ("scene", "experiment")  # each a page of its own, drawn from all parts together


@dataclass(frozen=True)
class Catalogue:
    """The options of a job's verb. To be used inside of the job, while Hydra stands.

    Args:
        verb: whose configuration is composed.
        overrides: as given by the user: `psf=bessel`, `sim.rate=30`.
        chosen: the option of each group of parts in the job itself.
        folders: where YAML files lie, shipped ones and the user's.
    """

    verb: str
    overrides: tuple[str, ...]
    chosen: Mapping[str, str]
    folders: tuple[Path, ...]

    @classmethod
    def of_this_job(cls, verb: str, groups: Sequence[str]) -> Catalogue:
        """Of the job that Hydra is running."""
        settings = HydraConfig.get()
        own = [Path(source.path) for source in settings.runtime.config_sources if source.schema == "file"]
        chosen = {group: str(settings.runtime.choices[group]) for group in groups if settings.runtime.choices.get(group) is not None}
        return cls(verb, tuple(settings.overrides.task), {**dict.fromkeys(groups, "null"), **chosen}, (shipped(), *own))

    def named(self, group: str) -> bool:
        """Whether the user chose this part, or set one of its knobs."""
        return any(key == group or key.startswith((f"{group}.", f"{group}@")) for key in map(_key, self.overrides))

    def check(self) -> None:
        """Raises UserError where something that the user named cannot be built."""
        for group in filter(self.named, self.chosen):
            if self.chosen[group] != "null":
                (self.simulator if group in PAGES else self.part)(group, self.chosen[group])

    def names(self, group: str) -> list[str]:
        """The options to be drawn: what the user names is drawn alone, see `configs/gallery.yaml`."""
        if self.named(group):
            return [self.chosen[group]] if self.chosen[group] != "null" else []
        named = {other for other in self.chosen if self.named(other)}
        if not named or (group in ("psf", "shapes") and named & {"psf", "shapes"}):
            return options(group, self.folders)
        return [self.chosen[group]] if group == "scene" and "experiment" not in named else []

    def part(self, group: str, name: str, **sim: Any) -> Any:
        """The part itself; `sim` sets knobs of the simulator. What the user says of other parts and of experiments does not touch it.

        Raises:
            UserError: it cannot be built.
        """
        if self._is_chosen(group, name):
            return self._built(self._composed(group, name, sim), group)
        general = tuple(override for override in self.overrides if re.split("[.@]", _key(override))[0] not in self.chosen)
        return self._built(replace(self, overrides=general)._composed(group, name, sim), group)

    def simulator(self, group: str, name: str, **sim: Any) -> Any:
        """The whole simulator with this option."""
        return self._built(self._composed(group, name, sim), "sim")

    def about(self, group: str, name: str) -> str:
        """The comment at the head of the YAML; without one, the first line of the class's docstring."""
        file = next((file for folder in self.folders if (file := folder / group / f"{name}.yaml").exists()), None)
        if file is None:
            return ""
        comment = takewhile(lambda line: line.startswith("#"), file.read_text(encoding="utf-8").splitlines())
        lines = [line.removeprefix("#").strip() for line in comment if not line.startswith("# @package")]
        if lines:
            return " ".join(lines)
        try:
            told = getdoc(locate(str(OmegaConf.select(OmegaConf.load(file), "_target_")), name))
        except Exception:  # a caption is not worth a failure; the part itself says what is wrong
            return ""
        return told.splitlines()[0].replace("`", "") if told else ""

    def choices(self, group: str, name: str) -> dict[str, str]:
        """Which part stands in each group, with this option."""
        config = self._composed(group, name, {}, whole=True)
        return {str(part): str(config.hydra.runtime.choices[part]) for part in self.chosen if part not in PAGES}

    def command(self, group: str, name: str) -> str:
        """What to type for a movie with this option."""
        folders = [word for folder in self.folders[1:] for word in ("--config-dir", str(folder))]
        own = [override for override in self.overrides if _key(override).split(".")[0] not in (group, *NOT_OF_THE_MOVIE)]
        return shlex.join(["detectnmf", "simulate", "movie.tif", *folders, f"{group}={name}", *own])

    def _is_chosen(self, group: str, name: str) -> bool:
        return self.named(group) and name == self.chosen[group]

    def _composed(self, group: str, name: str, sim: Mapping[str, Any], whole: bool = False) -> DictConfig:
        choice = [] if self._is_chosen(group, name) else [f"{group}={quote(name)}"]
        knobs = [f"sim.{key}={value}" for key, value in sim.items()]
        try:
            return compose(self.verb, overrides=[*self.overrides, *choice, *knobs], return_hydra_config=whole)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(_innermost(error)) from error

    def _built(self, config: DictConfig, part: str) -> Any:
        try:
            check_parts(OmegaConf.to_container(config[part], resolve=True), part)
            return instantiate(config[part], _convert_="all")
        except InstantiationException as error:
            inner: BaseException = error
            while inner.__cause__ is not None:
                inner = inner.__cause__
            raise (inner if isinstance(inner, UserError) else UserError(_innermost(error))) from error
        except OmegaConfBaseException as error:
            raise UserError(_innermost(error)) from error


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _innermost(error: BaseException) -> str:
    """The first line of what lies at the bottom of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
