"""`Piecewise`: every frame is bent (NoRMCorre, "Piecewise-rigid motion")."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.estimate import Estimator
from detectnmf.register.field import Field
from detectnmf.register.ground import Ground
from detectnmf.register.rigid import Rigid
from detectnmf.register.template import Template
from detectnmf.register.warp import put_back
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class Piecewise(Rigid):
    """A smooth field of shifts for each frame, on top of one for the whole.

    Args:
        patch: edge of the pieces that are matched by themselves (px); they overlap by half.
        max_deviation: farthest shift of a piece from that of the whole frame (px).
        least_patch: how far a piece's match must stand out to count; those that do not are filled in from the others.
    """

    patch: int = 64
    max_deviation: int = 4
    least_patch: float = 3.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_deviation < 1:
            raise UserError(f"register.max_deviation must be at least 1 px, got {self.max_deviation}; register=rigid does not bend frames")
        if self.patch < 6 * self.max_deviation:
            raise UserError(f"register.patch must be at least 6 times register.max_deviation = {self.max_deviation} px, got {self.patch}")

    @property
    def method(self) -> dict[str, Any]:
        return {"kind": "piecewise", **{name: value for name, value in asdict(self).items() if name in Piecewise.__dataclass_fields__}}

    def learn(self, recording: Recording, runtime: Runtime) -> Estimator:
        """The template, and what frames and their pieces are compared with.

        Raises:
            UserError: a field smaller than a piece.
        """
        self.check_patch(recording)
        return self.bent(self.template(recording, runtime), recording, runtime)

    def check_patch(self, recording: Recording) -> None:
        rows, columns = recording.size
        if self.patch > min(rows, columns):
            raise UserError(
                f"{recording.path or recording.name}: pieces of register.patch={self.patch} px do not fit into {rows} x {columns} px; "
                f"register=rigid, or a smaller register.patch"
            )

    def bent(self, template: Template, recording: Recording, runtime: Runtime) -> Estimator:
        """The template made sharper: its frames are bent before they are averaged."""
        for _ in range(2):
            estimator = self.estimator(template, recording, runtime).with_field(self.field(template))
            template = sharper(template, estimator, self.high_pass)
        return self.estimator(template, recording, runtime).with_field(self.field(template))

    def field(self, template: Template) -> Field:
        return Field.learn(template, self.patch, self.max_deviation, self.least_patch)

    def bending(self, template: Template) -> float:
        """px, root mean square length, as far as pieces agree."""
        return Field.rough(template, self.patch, self.max_deviation, self.least_patch).rms


def sharper(template: Template, estimator: Estimator, width: float) -> Template:
    """The average of the same frames, each put back as a field."""
    frames = template.sample[template.good]
    step = max(1, 2**20 // frames[0].numel())
    nodes = torch.cat([estimator(part).shifts for part in frames.split(step)])
    nodes = nodes - nodes.median(dim=0).values
    image = put_back(frames, nodes).nanmean(dim=0)
    image = torch.where(image.isfinite(), image, template.image)
    shifts = template.shifts.clone()
    shifts[template.good] = nodes.mean((1, 2)).to(shifts)
    return replace(template, image=image, ground=Ground.of(image, width), shifts=shifts)
