"""`Job`: one job of a verb, with its settings, its runtime and its result folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from detectnmf.command.folder import LOG, named, result_folder
from detectnmf.command.joblog import JobLog
from detectnmf.command.provenance import device_name, provenance
from detectnmf.memory import GIB
from detectnmf.runtime import Runtime

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One job of a verb.

    Args:
        config: the composed configuration.
        settings: the same, resolved, as plain values.
        runtime: device, memory, seed.
        log: told where the result folder is.
        command: as typed.
        suffix: what tells this job of a sweep from the others, for names, "" if its file alone does; None outside of a sweep.
    """

    config: DictConfig
    settings: dict[str, Any]
    runtime: Runtime
    log: JobLog
    command: str
    suffix: str | None = None

    def name(self, path: Path) -> Path:
        """`path` with the suffix before its extension."""
        return path.with_name(f"{path.stem}-{self.suffix}{path.suffix}") if self.suffix else path

    def build(self, part: str) -> Any:
        return instantiate(self.config[part], _convert_="all")

    @contextmanager
    def folder(self, wanted: Path, holds: str = "result.h5", mine: Callable[[Path], bool] = lambda _: False) -> Iterator[Path]:
        """The job's own result folder, with config.yaml and log.txt; see `result_folder`."""
        wanted = self.own(wanted)
        with result_folder(wanted, self.config.overwrite, holds, mine) as folder:
            if folder != wanted:
                logger.info(
                    "%s holds an earlier result or other files, which are kept; writing to %s (overwrite=true replaces it)", wanted, folder
                )
            self.log.into(folder / LOG)
            (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(self.settings)), encoding="utf-8")
            logger.debug("command: %s", self.command)
            logger.debug("on %s, with at most %.1f GiB of working memory", device_name(self.runtime), self.runtime.budget / GIB)
            yield folder

    def own(self, wanted: Path) -> Path:
        """The folder of this job of a sweep, where it is one."""
        return named(wanted, self.suffix) if self.suffix else wanted

    def provenance(self, source: str | None = None) -> dict[str, Any]:
        return provenance(self.settings, self.runtime, self.command, source)

    def words(self) -> list[str]:
        """What the user has set on the command line, as `key=value`."""
        return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []

    def typed(self) -> list[str]:
        """The keys that the user has set on the command line."""
        return [override.key_or_group for override in OverridesParser.create().parse_overrides(self.words())]
