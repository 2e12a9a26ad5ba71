"""Which dimension of an array is time, which are rows and columns; a view that always gives (n, Y, X)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import LazyArray

NAMES = {
    **dict.fromkeys(("t", "time", "frame", "frames"), "T"),
    **dict.fromkeys(("y", "height", "row", "rows"), "Y"),
    **dict.fromkeys(("x", "width", "column", "columns"), "X"),
    **dict.fromkeys(("z", "depth", "plane"), "Z"),
    **dict.fromkeys(("c", "channel", "channels"), "C"),
}
MOST_CHANNELS = 8  # more are frames whose writer said nothing of time
WORDS = {"C": "channel", "Z": "plane", "S": "colour", "I": "image", "Q": "image"}


@dataclass(frozen=True)
class Layout:
    """Where T, Y and X stand among an array's dimensions, and the index taken of every other one."""

    order: tuple[int, int, int]
    taken: dict[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MovieView:
    """An array of any layout as frames (T, Y, X): each read gives a new array in native byte order that may be written to."""

    array: LazyArray
    layout: Layout

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(self.array.shape[axis]) for axis in self.layout.order)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.array.dtype).newbyteorder("=")

    def __getitem__(self, index: slice) -> np.ndarray:
        times = range(*index.indices(self.shape[0]))
        forward = times if times.step > 0 else times[::-1]
        chosen: list[slice | int] = [self.layout.taken.get(axis, slice(None)) for axis in range(len(self.array.shape))]
        chosen[self.layout.order[0]] = slice(forward.start, max(forward.stop, forward.start), forward.step)
        piece = np.asarray(self.array[tuple(chosen)])
        left = sorted(self.layout.order)  # the integers dropped all other axes
        piece = piece.transpose([left.index(axis) for axis in self.layout.order])
        if times.step < 0:
            piece = piece[::-1]
        return np.require(piece, self.dtype, ["C", "W", "E"])


def letters(names: Sequence[str]) -> str:
    """Dimensions named in words as one letter each; "" unless every word is known."""
    found = [NAMES.get(name.strip().lower(), "") for name in names]
    return "".join(found) if found and all(found) else ""


@dataclass(frozen=True)
class Chosen:
    """The channel and the plane that the user wants, counted from 0."""

    channel: int | None = None
    plane: int | None = None

    def taken(self, letters: str, shape: tuple[int, ...], name: str) -> dict[int, int]:
        """Dimension -> index.

        Raises:
            UserError: there is no such dimension, or no such index in it.
        """
        taken = {}
        for key, wanted, letter in (("channel", self.channel, "S" if "C" not in letters else "C"), ("plane", self.plane, "Z")):
            if wanted is None:
                continue
            if wanted < 0:
                raise UserError(f"{key}={wanted} must be 0 or more: it is counted from 0")
            axis = letters.find(letter)
            count = shape[axis] if axis >= 0 else 1
            if axis < 0 and len(shape) > 3 and not letters:
                raise UserError(f"{name} does not say which dimension of {shape} is the {key}; say so with axes=, as in axes=TC{wanted}YX")
            if wanted >= count:
                raise UserError(f"{name} has {count} {key}{'s' * (count > 1)}, and no {key}={wanted}; it is counted from 0")
            if axis >= 0:
                taken[axis] = wanted
        return taken


def lay_out(
    shape: tuple[int, ...], known: str, asked: str | None, name: str, chosen: Chosen | None = None, channels: Sequence[str] = ()
) -> Layout:
    """Find T, Y and X from what the user asked for, else from what the file says, else from the order.

    Args:
        shape: of the array.
        known: the file's own axes, one letter a dimension, or "".
        asked: letters as in "YXT"; a number after a letter takes that index: "TC0YX" is the first channel.
        name: of the file, for messages.
        chosen: of several channels or planes. channels: what they are called.

    Raises:
        UserError: there is no single way to read the array as a movie.
    """
    if asked:
        if chosen is not None and (chosen.channel, chosen.plane) != (None, None):
            raise UserError(f"axes={asked!r} says which channel and plane to take, as in axes=TC0YX; leave out channel= and plane=")
        return _asked(shape, asked, name)
    letters = known if len(known) == len(shape) else ""
    return _found(shape, letters, name, chosen.taken(letters, shape, name) if chosen else {}, channels)


def _asked(shape: tuple[int, ...], asked: str, name: str) -> Layout:
    pairs = re.findall(r"([A-Z])(\d*)", asked.upper())
    if "".join(letter + number for letter, number in pairs) != asked.upper():
        raise UserError(f"axes={asked!r} is not a list of letters such as TYX, YXT or TC0YX")
    if len(pairs) != len(shape):
        raise UserError(f"{name}: axes={asked!r} names {len(pairs)} dimensions, but the array is {shape}; name each one, as in axes=TYX")
    named = [letter for letter, _ in pairs]
    for letter in "TYX":
        if named.count(letter) != 1 or pairs[named.index(letter)][1]:
            raise UserError(f"axes={asked!r} must name T, Y and X once each, without a number; for example axes=TYX or axes=YXT")
    taken = {}
    for axis, (letter, number) in enumerate(pairs):
        if letter in "TYX":
            continue
        if not number and shape[axis] > 1:
            raise UserError(f"{name}: axes={asked!r} leaves {shape[axis]} in {letter}; take one of them, as in {letter}0")
        taken[axis] = int(number or 0)
        if taken[axis] >= shape[axis]:
            raise UserError(f"{name}: axes={asked!r} takes {letter}{number}, but there are {shape[axis]}, counted from 0")
    return Layout((named.index("T"), named.index("Y"), named.index("X")), taken)


def _found(shape: tuple[int, ...], named: str, name: str, chosen: Mapping[int, int], channels: Sequence[str]) -> Layout:
    ones = [axis for axis, side in enumerate(shape) if side == 1 and (not named or named[axis] not in "YX")]
    ones += [axis for axis in chosen if axis not in ones]
    if not named:
        ones = ones[: max(0, len(shape) - 3)]  # those that are too many
    left = [axis for axis in range(len(shape)) if axis not in ones]
    spare = [axis for axis in ones if axis not in chosen]
    if len(left) == 2 and spare:  # a movie of one frame; whether that is enough is not decided here
        first = min(spare, key=lambda axis: "TIQZ".find(named[axis]) % 5 if named else axis)
        ones.remove(first)
        left = sorted([*left, first])
    sides = tuple(shape[axis] for axis in left)
    taken = {**dict.fromkeys(ones, 0), **chosen}
    if len(left) < 2:
        raise UserError(f"{name} holds a row of numbers, {shape}, not a movie (T, Y, X); choose another array or file")
    if len(left) < 3:
        raise UserError(f"{name} holds a single image of {_times(sides)} px; a movie needs frames: give a stack, a folder or a pattern")
    if not named:
        if len(left) > 3:
            raise UserError(
                f"{name} has {len(left)} dimensions {shape}; a movie is (T, Y, X): name them, with the index taken of the others,"
                " as in axes=TC0YX (the first channel) or axes=TZ0YX (the first plane)"
            )
        return Layout((left[0], left[1], left[2]), taken, _looks_turned(sides))
    words = [named[axis] for axis in left]
    time, note = _time(words, sides, name, channels)
    notes = (note,) if note else _looks_turned(sides) if words[time] in "IQ" else ()
    return Layout((left[time], named.index("Y"), named.index("X")), taken, notes)


def _time(words: list[str], sides: tuple[int, ...], name: str, channels: Sequence[str]) -> tuple[int, str]:
    """Position of the time axis among the file's axes of more than one, and what to tell about it."""
    others = [i for i, letter in enumerate(words) if letter not in "YX"]
    axes = "".join(words)
    if words.count("Y") != 1 or words.count("X") != 1:
        raise UserError(f"{name} has axes {axes} of {_times(sides)}, without rows and columns; say which is which, as in axes=TYX")
    if len(others) > 1:
        time = next((i for i in others if words[i] == "T"), next((i for i in others if words[i] not in "CS"), others[0]))
        kinds = " and ".join(_choices(words[i], sides[i], channels) for i in others if i != time)
        if any(words[i] not in "CSZ" for i in others if i != time):
            kinds += ", as in axes=" + "".join("T" if i == time else letter + "0" * (i in others) for i, letter in enumerate(words))
        raise UserError(f"{name} has axes {axes} of {_times(sides)}; a movie is (T, Y, X): take {kinds}")
    time = others[0]
    letter, count = words[time], sides[time]
    if letter == "S" or (letter == "C" and 1 < count <= MOST_CHANNELS):
        what = "a single colour image" if letter == "S" else f"{count} channels of a single image"
        cure = axes.replace(letter, "T")
        raise UserError(f"{name} holds {what} ({axes}, {_times(sides)}); a movie needs frames: if these are frames, give axes={cure}")
    if letter in "TIQ" or count == 1:
        return time, ""
    what = {"Z": "in depth", "C": "in channel"}.get(letter, f"in {letter}")
    return time, f"The file says that its {count} images differ {what} ({axes}); they were read as frames in time."


def _choices(letter: str, count: int, channels: Sequence[str]) -> str:
    """What to type to take one of a dimension's indices."""
    key = {"C": "channel", "S": "channel", "Z": "plane"}.get(letter)
    if key is None:
        return f"one index of {letter}"
    names = channels if key == "channel" and len(channels) == count else [""] * count
    listed = [f"{key}={place}" + (f" ({names[place]})" if names[place] else "") for place in range(count)]
    if count > MOST_CHANNELS:
        listed = [*listed[:2], "...", listed[-1]]
    return f"one {WORDS[letter]}: " + (" or ".join(listed) if len(listed) < 3 else ", ".join(listed))


def _looks_turned(sides: tuple[int, ...]) -> tuple[str, ...]:
    """A note when the first of three unnamed axes looks like space: a square first pair, or a very short last one."""
    frames, rows, columns = sides
    if (frames == rows != columns and frames > 16) or 4 * columns <= min(frames, rows):
        return (
            f"The array {sides} was read as {frames} frames of {rows} × {columns} px; if time is its last axis, give axes=YXT (or XYT).",
        )
    return ()


def _times(sides: tuple[int, ...]) -> str:
    return " × ".join(map(str, sides))
