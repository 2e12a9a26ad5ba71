"""Check settings before long work: every key must be an argument of its part, every value of that argument's type."""

from __future__ import annotations

import inspect
import math
import re
import sys
import types
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from detectnmf.command.suggest import did_you_mean
from detectnmf.errors import UserError
from detectnmf.memory import out_of_memory

WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", type(None): "null"}


def check_knobs(config: dict[str, Any], knobs: dict[str, Any], parts: Sequence[str], verb: str) -> None:
    """Top-level keys: each a knob of its type, or a part.

    Raises:
        UserError: an unknown key, a missing or unfit value.
    """
    for key, value in config.items():
        if key in knobs:
            if value == "???":
                raise UserError(f"{key} is not given; try: detectnmf {verb} --help")
            check_value(key, value, knobs[key])
        elif key not in parts:
            raise UserError(f"unknown key `{key}`{did_you_mean(key, [*knobs, *parts])}")


def check_parts(config: Any, path: str = "") -> None:
    """Every `_target_` in a resolved configuration: it can be imported, and its keys and values fit its signature.

    Raises:
        UserError: what does not fit, where, and what is near.
    """
    if isinstance(config, list):
        for number, item in enumerate(config):
            check_parts(item, f"{path}[{number}]")
        return
    if not isinstance(config, dict):
        return
    if "_target_" in config:
        _check_part(config, path)
    for key, value in config.items():
        check_parts(value, f"{path}.{key}" if path else str(key))


def _check_part(config: dict[str, Any], path: str) -> None:
    part = locate(config["_target_"], path)
    arguments = inspect.signature(part).parameters
    open_ended = any(a.kind is a.VAR_KEYWORD for a in arguments.values())
    for key, value in config.items():
        if key.startswith("_"):
            continue
        if key not in arguments:
            if open_ended:
                continue
            raise UserError(f"unknown key `{path}.{key}`{did_you_mean(key, arguments, path + '.{}')}")
        if value == "???":
            raise UserError(f"{path}.{key} is not given")
        check_value(f"{path}.{key}", value, _annotation(part, arguments[key]))
    for key, argument in arguments.items():
        needed = argument.default is argument.empty and argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)
        if needed and key not in config and not config.get("_partial_", False):
            raise UserError(f"{path}.{key} is not given; {config['_target_']} needs it")


def locate(target: str, path: str) -> Callable[..., Any]:
    """The class or function of a `_target_`."""
    module, *rest = target.split(".")
    try:
        part: Any = import_module(module)
        for name in rest:
            module = f"{module}.{name}"
            part = getattr(part, name) if hasattr(part, name) else import_module(module)
    except Exception as error:  # whatever a user's own module may raise
        if out_of_memory(error):
            raise
        missing = isinstance(error, ModuleNotFoundError) and error.name == module
        reason = f"there is no {module}" if missing else f"{type(error).__name__}: {error}"
        raise UserError(f"{path}._target_: cannot import {target} ({reason}); your own modules must lie in the current folder") from error
    if not callable(part):
        raise UserError(f"{path}._target_: {target} is not a class or function")
    return part


def _annotation(part: Callable[..., Any], argument: inspect.Parameter) -> Any:
    """The argument's type; Any where it cannot be known (a name that is imported for type checkers only)."""
    hint = argument.annotation
    if not isinstance(hint, str):
        return Any if hint is argument.empty else hint
    names = vars(sys.modules.get(part.__module__, types))
    try:
        return eval(hint, dict(names))  # the class's own source, as typing.get_type_hints does
    except Exception:
        return Any


def check_value(path: str, value: Any, hint: Any) -> None:
    """Raises UserError where a plain value does not fit a type; types that a YAML cannot spell are let through."""
    if not _fits(value, hint):
        raise UserError(f"{path} must be {_say(hint)}, got {value!r}")


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is None:
        return value is None
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if isinstance(value, dict) and "_target_" in value:
        return hint not in WORDS
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is Path:
        return isinstance(value, str)
    if hint in WORDS:
        return isinstance(value, hint)
    if origin is tuple and isinstance(value, list):
        if len(inner) == 2 and inner[1] is Ellipsis:
            return all(_fits(one, inner[0]) for one in value)
        return len(value) == len(inner) and all(_fits(one, kind) for one, kind in zip(value, inner, strict=True))
    if origin in (list, Sequence) and isinstance(value, list):
        return all(_fits(one, inner[0]) for one in value)
    return origin not in (tuple, list, Sequence)


def _say(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is None:
        return "null"
    if origin in (Union, types.UnionType):
        return " or ".join(_say(one) for one in inner)
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (tuple, list, Sequence):
        several = origin is not tuple or inner[-1] is Ellipsis
        return f"a list, each {_say(inner[0])}" if several else f"a list of {len(inner)}: {', '.join(map(_say, inner))}"
    return WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def diameter_in_pixels(diameter: float | str | None, pixel_size: float) -> float | None:
    """12, "12 px" or "12um" as px; None stays None.

    Raises:
        UserError: not a length above 0.
    """
    if diameter is None:
        return None
    match = re.fullmatch(r"\s*([0-9.]+(?:[eE][+-]?\d+)?)\s*(px|pixels?|um|µm|μm|microns?)?\s*", str(diameter))
    try:
        value = float(match[1]) if match else math.nan
    except ValueError:
        value = math.nan
    if not (match and value > 0 and math.isfinite(value)):
        raise UserError(f"diameter must be a length above 0, in px (diameter=12) or µm (diameter=12um), got {diameter!r}")
    return value / pixel_size if match[2] and match[2][0] in "uµμm" else value


def memory_in_gib(memory: float | str | None) -> float | None:
    """8, "8GB", "8 GiB" or "800MB" as GiB; None stays None.

    Raises:
        UserError: not an amount of memory.
    """
    if memory is None or isinstance(memory, (int, float)):
        return memory
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgt])(i?)b?)?\s*", memory, re.IGNORECASE)
    if match is None:
        raise UserError(f"max_memory must be in GiB (max_memory=8) or with its unit (max_memory=8GB), got {memory!r}")
    if match[2] is None:
        return float(match[1])
    step, power = 1024 if match[3] else 1000, "kmgt".index(match[2].lower()) + 1
    return float(match[1]) * step**power / 2**30
