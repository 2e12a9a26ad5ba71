"""`Given`: the shifts that were found in another recording of the same frames, such as another channel; and `write`, a registered copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.base import Registered
from detectnmf.register.frames import Known, RegisteredFrames
from detectnmf.registration import Registration
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class Given:
    """What an earlier run found.

    Args:
        result: its result.h5, or the folder that holds it.
    """

    result: str

    def __call__(self, recording: Recording, runtime: Runtime) -> Registered:
        """The recording with the other's shifts applied on reading.

        Raises:
            UserError: no such result; it holds no shifts, or those of other frames.
        """
        from detectnmf.io.store import load_result

        found = load_result(Path(self.result).expanduser()).registration
        if found is None:
            raise UserError(f"register.result={self.result} holds no shifts: that recording lay still, or was not registered")
        return apply(found, recording, runtime)


def apply(registration: Registration, recording: Recording, runtime: Runtime) -> Registered:
    """Another recording of the same frames and field, put back as this one was; frames that were masked there are masked here.

    Raises:
        UserError: another number of frames, or another size.
    """
    ours, theirs = recording.shape, (len(registration), *registration.size)
    if ours != theirs:
        raise UserError(
            f"{recording.path or recording.name}: {ours[0]} frames of {ours[1]} x {ours[2]} px cannot be put back by the shifts of "
            f"{theirs[0]} frames of {theirs[1]} x {theirs[2]} px; they must have been recorded together"
        )
    template = torch.from_numpy(np.nan_to_num(registration.template)).to(runtime.torch_device)
    nodes = (registration.shifts.shape[1], registration.shifts.shape[2])
    method = {**registration.method, "given": True}
    frames = RegisteredFrames(recording.frames, template, None, nodes, runtime, method, recording.bad_pixels, Known.given(registration))
    return Registered(replace(recording, frames=frames, bad_pixels=None), frames)


def write(recording: Recording, path: str | Path, runtime: Runtime) -> None:
    """A copy of a recording as float32 TIFF, read and written piece by piece; NaN where a registered one has nothing.

    Raises:
        UserError: the file exists already, or cannot be written.
    """
    import tifffile

    from detectnmf.io.atomic import replacing

    if Path(path).exists():
        raise UserError(f"{path} exists; choose another name, or remove it first")

    def pages() -> Iterator[np.ndarray]:
        step = runtime.batch(4 * recording.size[0] * recording.size[1] * 4, most=64)
        for _, frames in recording.chunks(step):
            yield from frames.astype(np.float32)

    known: dict[str, object] = {"axes": "TYX", "TimeIncrement": 1 / recording.rate, "TimeIncrementUnit": "s"}
    for axis in "XY":
        known |= {f"PhysicalSize{axis}": recording.pixel_size, f"PhysicalSize{axis}Unit": "µm"}
    with replacing(path) as part, part.open("wb") as file:
        tifffile.imwrite(
            file, pages(), shape=recording.shape, dtype=np.float32, photometric="minisblack", ome=True, bigtiff=True, metadata=known
        )
