"""`Estimator`: where frames lie, given the template; pure and without memory, so that frames may be asked for in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from detectnmf.register.field import Field
from detectnmf.register.ground import Ground
from detectnmf.register.match import Matcher


@dataclass(frozen=True)
class Found:
    """Of n frames, on the CPU.

    Args:
        shifts: (n, gy, gx, 2) px. agreement, before: (n,). lost, edge: (n,) True where the frame was not found.
    """

    shifts: Tensor
    agreement: Tensor
    before: Tensor
    lost: Tensor
    edge: Tensor


@dataclass(frozen=True)
class Estimator:
    """What frames are compared with.

    Args:
        template: (Y, X) recording's units. ground: of the template.
        whole: matcher of the whole frame.
        field: of its pieces; None for rigid motion.
        least: significance from which a frame counts as found.
    """

    template: Tensor
    ground: Ground
    whole: Matcher
    field: Field | None
    least: float

    def __call__(self, frames: Tensor) -> Found:
        """Frames (n, Y, X) without missing samples."""
        free = self.ground.free(frames)
        match = self.whole(free[:, None])
        shifts = match.shifts[:, 0]
        nodes = shifts[:, None, None] if self.field is None else self.field(free, shifts)
        lost = ~(match.significance[:, 0] >= self.least)
        parts = (nodes, match.agreement[:, 0], match.before[:, 0], lost, match.edge[:, 0] & ~lost)
        return Found(*(part.cpu() for part in parts))

    def with_field(self, field: Field) -> Estimator:
        return replace(self, field=field)
