"""Every key must be an argument, every value of its type; lengths in px or µm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from detectnmf.command.settings import check_knobs, check_parts, diameter_in_pixels
from detectnmf.errors import UserError

if TYPE_CHECKING:
    from nowhere import Unknown


@dataclass(frozen=True)
class Inner:
    depth: float = 1.0


@dataclass(frozen=True)
class Part:
    needed: int
    share: float = 0.5
    on: bool = True
    size: tuple[int, int] = (1, 2)
    levels: Sequence[float] = ()
    mode: Literal["fast", "slow"] = "fast"
    name: str | None = None
    inner: Inner | None = None
    table: Mapping[str, float] = field(default_factory=dict)
    other: Unknown | None = None


HERE = f"{__name__}.Part"


def check(**values):
    check_parts({"part": {"_target_": HERE, "needed": 1, **values}})


def test_what_fits_passes():
    inner = {"_target_": f"{__name__}.Inner", "depth": 2}
    check(share=1, on=False, size=[3, 4], levels=[1, 2.5], mode="slow", name="x", inner=inner, table={"a": 1}, other="anything")
    check(share=1e300, name=None, inner=None, other=None)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"needed": "ten"}, "part.needed must be a whole number, got 'ten'"),
        ({"needed": 1.5}, "part.needed must be a whole number, got 1.5"),
        ({"needed": True}, "part.needed must be a whole number, got True"),
        ({"needed": "???"}, "part.needed is not given"),
        ({"share": "half"}, "part.share must be a number, got 'half'"),
        ({"share": float("nan")}, "part.share must be a number, got nan"),
        ({"share": float("inf")}, "part.share must be a number, got inf"),
        ({"share": None}, "part.share must be a number, got None"),
        ({"on": 1}, "part.on must be true or false, got 1"),
        ({"size": [1, 2, 3]}, "part.size must be a list of 2: a whole number, a whole number, got [1, 2, 3]"),
        ({"size": 3}, "part.size must be a list of 2"),
        ({"levels": [1, "x"]}, "part.levels must be a list, each a number, got [1, 'x']"),
        ({"mode": "medium"}, "part.mode must be one of fast, slow, got 'medium'"),
        ({"name": 3}, "part.name must be a word or null, got 3"),
        ({"shar": 3}, "unknown key `part.shar`; did you mean `part.share`?"),
        ({"inner": {"_target_": f"{__name__}.Inner", "deep": 2}}, "unknown key `part.inner.deep`"),
        ({"share": {"_target_": f"{__name__}.Inner"}}, "part.share must be a number"),
        ({"_target_": f"{__name__}.Prat"}, f"part._target_: cannot import {__name__}.Prat"),
        ({"_target_": "no_such_module.Part"}, "there is no no_such_module"),
    ],
)
def test_what_does_not_fit_is_named(values, says):
    with pytest.raises(UserError) as error:
        check(**values)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_argument_is_named_and_a_partial_may_miss_it():
    with pytest.raises(UserError, match=r"part.needed is not given"):
        check_parts({"part": {"_target_": HERE}})
    check_parts({"part": {"_target_": HERE, "_partial_": True}})


def test_top_level_keys():
    knobs = {"rate": float | None, "seed": int}
    check_knobs({"rate": None, "seed": 1, "demix": {}}, knobs, ["demix"], "run")
    with pytest.raises(UserError, match="unknown key `demx`; did you mean `demix`"):
        check_knobs({"demx": {}}, knobs, ["demix"], "run")
    with pytest.raises(UserError, match="rate must be a number or null, got 'fast'"):
        check_knobs({"rate": "fast"}, knobs, [], "run")
    with pytest.raises(UserError, match=r"seed is not given; try: detectnmf run --help"):
        check_knobs({"seed": "???"}, knobs, [], "run")


@pytest.mark.parametrize(
    ("given", "pixels"),
    [(None, None), (12, 12), ("12", 12), ("12.5px", 12.5), ("12 pixels", 12), ("12um", 24), ("12 µm", 24), ("12μm", 24), ("1.2e1 um", 24)],
)
def test_a_diameter_is_in_pixels_or_micrometres(given, pixels):
    assert diameter_in_pixels(given, pixel_size=0.5) == pixels


@pytest.mark.parametrize("given", ["wide", 0, -3, "0um", "12 mm", "1.2.3", "nan", ""])
def test_no_diameter(given):
    with pytest.raises(UserError, match="diameter must be a length above 0"):
        diameter_in_pixels(given, pixel_size=0.5)
