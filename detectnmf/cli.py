"""The command `detectnmf`: the first word is a verb, bare words are files, and the rest is Hydra's.

Nothing heavy is imported before it is needed: the help screen answers at once.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectnmf.command.suggest import did_you_mean
from detectnmf.command.words import VERBS, arrange, verb_of
from detectnmf.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig


HELP = """\
detectnmf {version}: from a brain movie to demixed cells

  detectnmf VERB [FILES] [knob=value ...]

{verbs}

Examples
  detectnmf demo
  detectnmf run movie.tif rate=30 diameter=12um
  detectnmf run -m a.tif b.tif seed=0,1           every combination, each in its own folder

  detectnmf VERB --help         its knobs and parts
  detectnmf VERB --cfg job      all settings, without running
"""


def help_text() -> str:
    import detectnmf

    verbs = "\n".join(f"  {verb.usage:<24}{verb.does}" for verb in VERBS.values())
    return HELP.format(version=detectnmf.__version__, verbs=verbs)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point; ends by `SystemExit`: 0 done, 1 a fault of the program, 2 a mistake of the user, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    # read when torch is loaded: threads that wait soon give way to other programs, which would hold up all of them
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        sys.exit(_main(words))
    except UserError as error:
        _say(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        _say("interrupted; what was finished is kept")
        sys.exit(130)


def _main(words: list[str]) -> int:
    if words[:1] == ["help"] and words[1:2] and words[1] in VERBS:
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(help_text(), end="")
        return 0
    if words[0] == "--version":
        import detectnmf

        print(f"detectnmf {detectnmf.__version__}")
        return 0
    if words[0] in ("-sc", "--shell-completion"):
        return _complete(words)
    verb, *rest = words
    if verb not in VERBS:
        if os.path.exists(verb):
            raise UserError(f"{verb} is not a verb; did you mean `detectnmf run {shlex.quote(verb)}`?")
        known = ", ".join(VERBS)
        raise UserError(f"{verb!r} is not a verb{did_you_mean(verb, VERBS) or f'; the verbs are {known}'}")
    verb, rest = verb_of(words)
    return _hydra(verb, rest, command=shlex.join(["detectnmf", *words]))


@dataclass
class Outcome:
    """What the jobs of one call came to; each job says its own error as soon as it fails."""

    failed: list[BaseException] = field(default_factory=list)
    process: int = field(default_factory=os.getpid)


def _hydra(verb: str, words: list[str], command: str) -> int:
    """Hand over to `hydra.main`, and turn what it raises into one line."""
    from hydra.main import main as hydra_main
    from omegaconf import OmegaConf

    from detectnmf.command.explain import explain
    from detectnmf.command.parts import check_own, listing, own_folders, shipped

    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a class of the user's own; last, so that it never hides a library
    arguments = arrange(verb, words)
    own = own_folders(arguments)
    for folder in own:
        check_own(folder)
    # for the help pages: ${parts:psf,shapes}
    OmegaConf.register_new_resolver("parts", lambda *groups: listing(groups, [shipped(), *own]), replace=True)
    outcome = Outcome()
    before = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["detectnmf", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors through to us
    try:
        hydra_main(config_path="pkg://detectnmf.configs", config_name=verb, version_base="1.3")(_job(verb, command, outcome))()
    except Exception as error:
        line = explain(error, verb, arguments)
        if line is None:
            raise
        raise UserError(line) from error
    finally:
        sys.argv = before[0]
        os.environ.pop("HYDRA_FULL_ERROR")
        if before[1] is not None:
            os.environ["HYDRA_FULL_ERROR"] = before[1]
    return 2 if outcome.failed else 0


def _job(verb: str, command: str, outcome: Outcome) -> Callable[[DictConfig], None]:
    """The function that Hydra calls for each job."""

    def job(config: DictConfig) -> None:
        from detectnmf import tasks
        from detectnmf.command.explain import explain
        from detectnmf.command.joblog import job_log, logger

        with job_log(bool(config.get("quiet"))) as log:
            try:
                print(tasks.do(verb, config, log, command, _suffix()))
            except Exception as error:
                line = explain(error, verb, [])
                if not isinstance(error, UserError):
                    logger.debug("failed", exc_info=True)  # into log.txt
                if line is None:
                    raise
                logger.error("error: %s", line)
                if os.getpid() != outcome.process:  # a launcher's own process: only raising tells the first one
                    raise UserError(line) from None
                outcome.failed.append(error)

    return job


def _suffix() -> str | None:
    """What tells this job of a sweep from the others: its values of the keys that are swept, files and places apart."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from detectnmf.command.summary import sweep_suffix

    settings = HydraConfig.get()
    return sweep_suffix(settings.job.override_dirname) if settings.mode == RunMode.MULTIRUN else None


def _complete(words: list[str]) -> int:
    """Shell completion: the verb by us, its knobs by Hydra. Install it: eval "$(detectnmf -sc install=bash)"."""
    line = re.match(r"\s*(\S+)\s+(\S*)(.*)", os.environ.get("COMP_LINE", ""))
    verb = line[2] if line and line[3] else ""
    if any(word.startswith("query=") for word in words):
        if line and not line[3]:
            print(" ".join(known for known in VERBS if known.startswith(line[2])))
        if not line or verb not in VERBS:
            return 0
        os.environ["COMP_LINE"] = line[1] + line[3]  # Hydra knows nothing of verbs
    return _hydra(verb if verb in VERBS else "run", words, command="detectnmf -sc")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
