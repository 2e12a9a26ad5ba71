"""`Rigid`: every frame is shifted as a whole (NoRMCorre, "Rigid motion")."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.base import Registered
from detectnmf.register.estimate import Estimator
from detectnmf.register.frames import RegisteredFrames
from detectnmf.register.template import Template, make_template
from detectnmf.runtime import Runtime

SMALLEST = 16  # px, of a field's shorter side
USUAL = 15  # px, farthest shift where none is given
SHARE = 5  # of the shorter side that it is at most, one part in so many


@dataclass(frozen=True)
class Rigid:
    """One shift for each frame.

    Args:
        max_shift: farthest shift along either axis (px); None takes 15, or a fifth of the shorter side where that is less.
        high_pass: what is wider is left out of the comparison (px, standard deviation of a Gaussian); 0 compares everything.
        frames: drawn for each round of the template.
        rounds: of the template.
        least: how far a match must stand out (times the root mean square over all shifts) for a frame to count as found; chance reaches 4.
        weights: file (.npy) of an image (Y, X) that says how much each pixel of the template counts; None counts all alike.
    """

    max_shift: int | None = None
    high_pass: float = 10.0
    frames: int = 256
    rounds: int = 3
    least: float = 4.5
    weights: str | None = None

    def __post_init__(self) -> None:
        for name, lowest in (("frames", 5), ("rounds", 1)):
            if not getattr(self, name) >= lowest:
                raise UserError(f"register.{name} must be at least {lowest}, got {getattr(self, name)}")
        if self.max_shift is not None and not self.max_shift >= 1:
            raise UserError(f"register.max_shift must be at least 1 px, got {self.max_shift}; register=none does not look for shifts")
        for name in ("high_pass", "least"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise UserError(f"register.{name} must be 0 or more, got {getattr(self, name)}")

    def __call__(self, recording: Recording, runtime: Runtime) -> Registered:
        """The recording, frames put back on reading.

        Raises:
            UserError: one frame; a field too small for its shifts; nothing in the frames by which they could be put in place.
        """
        return registered(recording, self.learn(recording, runtime), self.method, runtime)

    @property
    def method(self) -> dict[str, Any]:
        return {"kind": "rigid", **{name: value for name, value in asdict(self).items() if name in Rigid.__dataclass_fields__}}

    def learn(self, recording: Recording, runtime: Runtime) -> Estimator:
        """The template, and what frames are compared with."""
        template = self.template(recording, runtime)
        return self.estimator(template, recording, runtime)

    def template(self, recording: Recording, runtime: Runtime) -> Template:
        reach = self.reach(recording)
        weights = self.weighing(recording, runtime)
        return make_template(recording, reach, self.frames, self.rounds, self.high_pass, weights, self.least, runtime)

    def estimator(self, template: Template, recording: Recording, runtime: Runtime) -> Estimator:
        whole = template.matcher(self.reach(recording), self.weighing(recording, runtime))
        return Estimator(template.image, template.ground, whole, None, self.least)

    def reach(self, recording: Recording) -> int:
        """px, farthest shift that is looked for.

        Raises:
            UserError: one frame, or a field too small.
        """
        name, (rows, columns) = recording.path or recording.name, recording.size
        if len(recording) < 2:
            raise UserError(f"{name}: one frame cannot be registered; give a movie, or register=none")
        short = min(rows, columns)
        if short < SMALLEST:
            raise UserError(f"{name}: a field of {rows} x {columns} px is too small to be registered (least {SMALLEST} px); register=none")
        if self.max_shift is None:
            return min(USUAL, short // SHARE)
        if 3 * self.max_shift > short:
            raise UserError(
                f"{name}: register.max_shift={self.max_shift} px leaves too little of a field of {rows} x {columns} px to be compared; "
                f"at most {short // 3}"
            )
        return self.max_shift

    def weighing(self, recording: Recording, runtime: Runtime) -> Tensor | None:
        """(1, Y, X) the weights, largest 1.

        Raises:
            UserError: no such file, or not an image of the recording's size.
        """
        if self.weights is None:
            return None
        try:
            image = np.load(Path(self.weights).expanduser(), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"register.weights={self.weights} cannot be read as .npy ({error})") from None
        if image.shape != recording.size or not np.isfinite(image).all() or image.min() < 0 or image.max() <= 0:
            rows, columns = recording.size
            raise UserError(
                f"register.weights={self.weights} must be an image of {rows} x {columns} px, 0 or more and not all 0, got {image.shape}"
            )
        return torch.from_numpy((image / image.max()).astype(np.float32))[None].to(runtime.torch_device)


def registered(recording: Recording, estimator: Estimator, method: dict[str, Any], runtime: Runtime) -> Registered:
    """The recording with what finds its shifts behind it."""
    nodes = (1, 1) if estimator.field is None else estimator.field.nodes
    frames = RegisteredFrames(recording.frames, estimator.template, estimator, nodes, runtime, method, recording.bad_pixels)
    return Registered(replace(recording, frames=frames, bad_pixels=None), frames)
