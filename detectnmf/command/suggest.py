"""Did you mean ...? The nearest of the words that exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from typing import Any


def did_you_mean(word: str, known: Iterable[str], form: str = "{}") -> str:
    """'; did you mean `x`?', or '' where nothing is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{form.format(near[0])}`?" if near else ""


def nearest_keys(key: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known dotted keys nearest to `key`, by their whole and by their last word (`iteration` finds `demix.iterations`)."""
    last = key.rpartition(".")[2]

    def likeness(other: str) -> float:
        whole = SequenceMatcher(None, key, other).ratio()
        end = SequenceMatcher(None, last, other.rpartition(".")[2]).ratio()
        return max(whole, 0.95 * end if len(last) > 2 else 0.0)

    ranked = sorted(((likeness(other), other) for other in sorted(set(known))), key=lambda pair: -pair[0])
    best = ranked[0][0] if ranked else 0.0
    return [other for value, other in ranked[:most] if best >= 0.65 and value == best]


def dotted(config: dict[str, Any], prefix: str = "") -> list[str]:
    """All keys of a nested dict as dotted paths, `_target_` and the like left out."""
    keys = []
    for key, value in config.items():
        if str(key).startswith("_"):
            continue
        keys.append(f"{prefix}{key}")
        if isinstance(value, dict):
            keys += dotted(value, f"{prefix}{key}.")
    return keys
