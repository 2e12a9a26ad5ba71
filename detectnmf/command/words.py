"""The words of a command line: bare ones are files, the others are Hydra's."""

from __future__ import annotations

import argparse
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from detectnmf.command.suggest import did_you_mean
from detectnmf.errors import UserError


@dataclass(frozen=True)
class Verb:
    """What it does, and the keys that bare words stand for; the last key takes several words in a sweep."""

    does: str
    words: tuple[str, ...]
    usage: str


VERBS = {
    "run": Verb("find and demix the cells of a recording", ("input",), "run MOVIE"),
    "doctor": Verb("look at a recording: what is wrong, what a run takes", ("input",), "doctor MOVIE"),
    "sweep": Verb("see what one knob does: how much is found, how much is false", ("input",), "sweep MOVIE"),
    "simulate": Verb("make a movie with known truth", ("out",), "simulate OUT.tif"),
    "gallery": Verb("see all that it can simulate, as pictures", ("out",), "simulate gallery [OUT]"),
    "train": Verb("train a detector on simulated movies", ("out",), "train [OUT]"),
    "evaluate": Verb("score a result against a truth", ("result", "truth"), "evaluate RESULT TRUTH"),
    "verify": Verb("run again as a result was made, and compare", ("result", "input"), "verify RESULT MOVIE"),
    "demo": Verb("simulate, run, evaluate, report: see it work", ("out",), "demo"),
}

FLAGS = {"--fresh": "fresh=true"}  # knobs that everybody writes as options
LONGER = {("simulate", "gallery"): "gallery"}  # a verb and its first bare word that are another verb together


def verb_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """The verb, and the words that follow it: `simulate gallery folder` is `gallery folder`."""
    verb, *rest = words
    if not any(verb == first and second in rest for first, second in LONGER):
        return verb, rest
    options, overrides, files = split(rest)
    longer = LONGER.get((verb, files[0])) if files else None
    if longer is None:
        return verb, rest
    return longer, [*options, *overrides, *(["--", *files[1:]] if files[1:] else [])]


def arrange(verb: str, words: Sequence[str]) -> list[str]:
    """The words as Hydra takes them: options first, then `key=value`, with bare words as the verb's files.

    Raises:
        UserError: more files than the verb takes, or a file given twice.
    """
    options, overrides, files = split(words)
    many = bool({"-m", "--multirun"} & set(options))
    overrides = [_literal(override, many) for override in overrides]
    keys = VERBS[verb].words
    if len(files) > len(keys) and not (many and verb == "run"):
        if verb == "run":
            raise UserError(
                f"{len(files)} movies: add -m to run each by itself; "
                "if together they make one movie, give their folder or a quoted glob ('a_*.tif')"
            )
        raise UserError(f"too many files: {' '.join(files[len(keys) :])}; it is detectnmf {VERBS[verb].usage}")
    values = [",".join(map(quote, files))] if many and verb == "run" and files else [quote(file) for file in files]
    given = {override.partition("=")[0] for override in overrides}
    for key, value in zip(keys, values, strict=False):
        if key in given:
            raise UserError(f"{key} is given twice: {value} and {key}=...")
        overrides.append(f"{key}={value}")
    return [*options, *overrides, *_exclude(overrides, many)]


def split(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Options with their values, overrides, and files."""
    from hydra._internal.utils import get_args_parser

    takes: dict[str, argparse.Action] = {name: action for action in get_args_parser()._actions for name in action.option_strings}
    options: list[str] = []
    overrides: list[str] = []
    files: list[str] = []
    rest = [FLAGS.get(word, word) for word in words]
    while rest:
        word = rest.pop(0)
        if word == "--":
            files += rest
            break
        if word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            if name.startswith("--") and not any(known.startswith(name) for known in takes):
                habit = f"; knobs are written {name[2:]}={value if equals else '...'}"
                raise UserError(f"unknown option {name}{did_you_mean(name, takes) or habit}")
            options.append(word)
            action = takes.get(word)
            if action is not None and rest:
                optional = action.nargs == "?" and action.choices is not None and rest[0] in action.choices
                if action.nargs is None or optional:
                    options.append(rest.pop(0))
        elif _is_file(word):
            files.append(word)
        else:
            overrides.append(word)
    return options, overrides, files


def _is_file(word: str) -> bool:
    """A bare word; one with `=` is a file only if there is such a file."""
    if "=" in word:
        return os.path.exists(word) or (glob.has_magic(word) and bool(glob.glob(word)))
    return not (word.startswith("~") and not word.startswith("~/"))  # ~key deletes a key


def quote(word: str) -> str:
    """A word as a value that Hydra reads literally, whatever is in it."""
    word = re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", word)  # no interpolation
    word = re.sub(r"(\\*)'", lambda found: 2 * found[1] + r"\'", word)  # backslashes count before a quote only
    return "'" + re.sub(r"(\\+)$", lambda found: 2 * found[1], word) + "'"


def _literal(override: str, many: bool) -> str:
    """An override whose value is not Hydra's grammar (µ, parentheses, ...) with its value quoted; any other as it is."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    try:
        parser.parse_override(override)
    except HydraException:
        key, equals, value = override.partition("=")
        if not equals or value[:1] in "[{'\"" or (many and "," in value):
            return override
        try:
            parser.parse_override(f"{key}={quote(value)}")
        except HydraException:
            return override
        return f"{key}={quote(value)}"
    return override


def _exclude(overrides: Sequence[str], many: bool) -> list[str]:
    """In a sweep: keep what is the same in all jobs, and the files, out of their names."""
    if not many:
        return []
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    same = {"input", "out"}
    for override in overrides:
        try:
            parsed = OverridesParser.create().parse_override(override)
        except HydraException:
            continue
        if not parsed.is_sweep_override():
            same.add(parsed.key_or_group)
    keys = ",".join(sorted(same))
    return [f"hydra.job.config.override_dirname.exclude_keys=[{keys}]"]
