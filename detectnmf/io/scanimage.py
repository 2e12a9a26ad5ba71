"""Which page of a ScanImage TIFF shows which moment, plane and channel.

Pages come channel by channel, then `framesPerSlice` repeats of a plane, then plane by plane; after the planes of a volume the pages of
the flyback, then the next volume (ScanImage manual, "TIFF file format"). `numSlices` may be left over from an earlier setting: planes
count only where the stack or the fast piezo was switched on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.metadata import RATE_RANGE, within

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffFile, TiffPage

NUMBER = r"-?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|[Ii]nf)"


@dataclass(frozen=True)
class Header:
    """ScanImage's settings, `SI.hRoiManager.scanFrameRate = 30.03` and the like, from a tag or the file's own header."""

    text: str

    @classmethod
    def of(cls, tif: TiffFile, page: TiffPage) -> Header:
        known = (tif.scanimage_metadata or {}).get("FrameData") or {}
        return cls("\n".join([page.software, page.description, *(f"{name} = {value}" for name, value in known.items())]))

    def numbers(self, key: str) -> list[float]:
        """All numbers behind a key; empty where there is no such key."""
        line = re.search(rf"{key}\s*=\s*(.*)", self.text)
        return [float(found) for found in re.findall(NUMBER, line.group(1))] if line else []

    def count(self, *keys: str) -> int | None:
        """The first of these keys that has a whole number of at least 1."""
        for key in keys:
            found = self.numbers(key)
            if found and np.isfinite(found[0]) and found[0] >= 1:
                return int(found[0])
        return None

    def on(self, *keys: str) -> bool:
        """Whether one of these switches is on."""
        return any(re.search(rf"{key}\s*=\s*(true|1\b)", self.text, re.IGNORECASE) for key in keys)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that were saved."""
        return tuple(f"Channel {int(number)}" for number in self.numbers("channelSave")) or ("Channel 1",)

    @property
    def volume(self) -> Volume:
        switched = self.on(r"hStackManager\.enable", r"hFastZ\.enable")
        planes = (self.count("actualNumSlices", r"hStackManager\.numSlices") or 1) if switched else 1
        if planes == 1:
            return Volume(1, 1, 1)
        repeats = max((self.count("framesPerSlice") or 1) // (self.count("logAverageFactor") or 1), 1)
        whole = self.count("numFramesPerVolumeWithFlyback")
        if whole is None:
            whole = planes * repeats + (self.count("numDiscardFlybackFrames") or 0) * self.on("discardFlybackFrames")
        return Volume(planes, repeats, max(whole, planes * repeats))

    @property
    def rate(self) -> float | None:
        """Hz at which a plane is seen again."""
        volume = self.volume
        if volume.planes > 1 and volume.repeats == 1:
            found, share = self.numbers("scanVolumeRate"), 1.0
            if not found:
                found, share = self.numbers(r"(?:scanFrameRate|acq\.frameRate)"), 1 / volume.frames
        else:
            found, share = self.numbers(r"(?:scanFrameRate|acq\.frameRate)"), 1 / (self.count("logAverageFactor") or 1)
        return within(found[0] * share, RATE_RANGE) if found else None

    @property
    def first_frame(self) -> int:
        """Number, from 0, of the first frame of this file in its acquisition."""
        return (self.count(r"\bframeNumbers?") or 1) - 1


@dataclass(frozen=True)
class Volume:
    """Planes of a volume, frames of each plane, and frames until the next volume begins (with flyback)."""

    planes: int
    repeats: int
    frames: int


@dataclass(frozen=True)
class Pages:
    """Number of the page in the file for each index; letters of the indices; what is to be told."""

    numbers: np.ndarray
    letters: str
    notes: tuple[str, ...] = ()


def arrange(header: Header, pages: int, path: Path) -> Pages:
    """The pages that a file has, as (T,), (T, C), (T, Z) or (T, Z, C).

    Raises:
        UserError: not one whole frame, or volume, is there; or the file begins within a volume.
    """
    channels, volume = len(header.channels), header.volume
    frames = pages // channels
    if volume.planes == 1 or frames < volume.planes * volume.repeats:
        if frames < 1:
            raise UserError(f"{path} holds {pages} of the {channels} channels of a frame; copy it again with all its parts")
        left, announced = pages - frames * channels, header.count("framesPerSlice") or 1
        notes: tuple[str, ...] = (
            (f"The file announces {announced} frames, but holds {frames}; those were read.",) if announced > frames else ()
        )
        notes += (f"The last {left} pages are no whole frame of {channels} channels and were left out.",) if left else ()
        table = np.arange(frames * channels).reshape(frames, channels)
        return Pages(table if channels > 1 else table[:, 0], "TC" if channels > 1 else "T", notes)
    if header.first_frame % volume.frames:
        raise UserError(
            f"{path} begins within a volume (frame {header.first_frame + 1}, volumes of {volume.frames} frames): the file before it"
            " holds its first planes; save whole volumes per file, or join the files"
        )
    seen = volume.planes * volume.repeats  # the flyback after the last volume may be missing
    volumes = (frames - seen) // volume.frames + 1
    start = np.arange(volumes)[:, None] * volume.frames
    moment = (start + np.arange(volume.repeats)[None]).reshape(-1, 1) + volume.repeats * np.arange(volume.planes)[None]  # (T, Z) frames
    table = moment[..., None] * channels + np.arange(channels)
    left = frames - (volumes - 1) * volume.frames - seen
    notes = (f"The last {left} frames are no whole volume and were left out.",) if left > volume.frames - seen else ()
    return Pages(table if channels > 1 else table[..., 0], "TZC" if channels > 1 else "TZ", notes)
