"""Hydra's errors in one line, with what the user may have meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra.errors import ConfigCompositionException, HydraException, InstantiationException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from detectnmf.command.parts import own_folders
from detectnmf.command.suggest import did_you_mean, dotted, nearest_keys
from detectnmf.command.words import quote
from detectnmf.errors import UserError
from detectnmf.memory import out_of_memory


def explain(error: BaseException, verb: str, arguments: Sequence[str]) -> str | None:
    """The error as one line for the user; None for a fault of the program."""
    if isinstance(error, UserError):
        return str(error)
    if out_of_memory(error):
        return _no_room(error)
    if isinstance(error, InstantiationException):
        return _instantiation(error)
    if isinstance(error, MissingConfigException):
        return _missing(error)
    if isinstance(error, OverrideParseException):
        key, _, value = error.override.partition("=")
        cure = "check its brackets and quotes" if value[:1] in ("[", "{", "'", '"') else f"put it in quotes within quotes: \"{key}='...'\""
        return f"cannot read the value in {error.override!r}; {cure}"
    if isinstance(error, MissingMandatoryValue):
        return f"{_first_line(error)}; try: detectnmf {verb} --help"
    if isinstance(error, ConfigCompositionException):
        return _composition(error, verb, arguments)
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        inner = error.__cause__
        return explain(inner, verb, arguments) if inner is not None else _first_line(error)
    return None


def _no_room(error: BaseException) -> str:
    cure = "give a lower max_memory=, close other programs, or take device=cpu; what was finished is kept"
    return f"out of memory ({_first_line(error)}); {cure}"


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _instantiation(error: BaseException) -> str | None:
    """What a part's constructor said; None where it is the constructor's own fault."""
    place = re.search(r"full_key: (\S+)", str(error))
    inner: BaseException = error
    while inner.__cause__ is not None and not isinstance(inner, UserError):
        inner = inner.__cause__
    if isinstance(inner, UserError):
        return str(inner)
    if out_of_memory(inner):
        return _no_room(inner)
    if isinstance(inner, (ValueError, TypeError, ImportError)) or inner is error:
        return f"{place[1]}: {_first_line(inner)}" if place else _first_line(inner)
    return None


def _missing(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not group or error.options is None:
        return _first_line(error)
    options = sorted(error.options)
    return f"no {group} is called {name!r}{did_you_mean(name, options, group + '={}')} (there are: {', '.join(options)})"


def _composition(error: BaseException, verb: str, arguments: Sequence[str]) -> str:
    text = str(error)
    key = re.search(r"Could not override '([^']*)'", text)
    if key:
        return unknown_key(key[1], composed(verb, arguments))
    if "Ambiguous value" in text or "requires --multirun" in text:
        argument = text.split("'")[1]
        name, _, value = argument.partition("=")
        return f"{argument} asks for several runs: add -m; or, for a list, write {name}=[{value}]"
    cause = error.__cause__
    if cause is not None and not isinstance(cause, ConfigCompositionException):
        return f"{_first_line(error)}: {_first_line(cause)}" if text else _first_line(cause)
    return _first_line(error)


def unknown_key(key: str, config: dict[str, Any]) -> str:
    """'unknown key `demix.sed`; did you mean `demix.seed`?'"""
    parent, _, last = key.rpartition(".")
    node = OmegaConf.select(OmegaConf.create(config), parent) if parent else None
    others = [name for name in dotted(config) if not key.startswith(f"{name}.")]
    if node is None or not OmegaConf.is_dict(node):
        near = nearest_keys(key, others)
    else:  # a part that there is: what else does it have, or is it another part's key?
        siblings = [str(name) for name in node if not str(name).startswith("_")]
        near = [f"{parent}.{name}" for name in nearest_keys(last, siblings)] or [o for o in others if o.rpartition(".")[2] == last]
        if not near:
            return f"unknown key `{key}`; `{parent}` has: {', '.join(siblings)}"
    if near:
        return f"unknown key `{key}`; did you mean {' or '.join(f'`{name}`' for name in near)}?"
    if parent and parent in dotted(config):
        return f"unknown key `{key}`; `{parent}` has no keys of its own"
    return f"unknown key `{key}`; there are: {', '.join(config)}"


def composed(verb: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The verb's settings with the parts that were asked for, as far as they can be put together."""
    from hydra import compose, initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    folders = own_folders(arguments)
    search = [f"hydra.searchpath=[{','.join(quote(f'file://{folder.absolute()}') for folder in folders)}]"] if folders else []
    # Only choices of parts (`psf=bessel`) change which keys there are.
    choices = [word for word in arguments if re.fullmatch(r"[a-z_]+=[\w\[\],-]+", word)]
    with initialize_config_module("detectnmf.configs", version_base="1.3"):
        for attempt in ([*search, *choices], search, []):
            try:
                config = OmegaConf.to_container(compose(verb, overrides=attempt), resolve=False)
            except (HydraException, OmegaConfBaseException):
                continue
            assert isinstance(config, dict)
            return {str(key): value for key, value in config.items()}
    return {}
