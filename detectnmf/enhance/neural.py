"""`NeuralEnhancing`: a one-photon recording without its background and smoothed (sc-CNMF, "Neural enhancing")."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from detectnmf.enhance.diffusion import diffuse
from detectnmf.enhance.opening import opening
from detectnmf.errors import UserError
from detectnmf.missing import filled, missing_samples
from detectnmf.recording import Frames, Recording
from detectnmf.runtime import Runtime

PIXELS = 2**16  # worked on at once on a CPU: a few copies stay in the cache
STABLE = 0.25  # largest step of the diffusion


@dataclass(frozen=True)
class NeuralEnhancing:
    """Grey opening by a square, then anisotropic diffusion.

    Args:
        edge_diameters: edge of the square (cell diameters); what is wider is background.
        kappa: differences between neighbours well above it are edges (units of each frame's noise).
        step: of the diffusion, up to 0.25. iterations: 0 does not smooth.
    """

    edge_diameters: float = 1.5
    kappa: float = 2.0
    step: float = 0.2
    iterations: int = 5

    def __post_init__(self) -> None:
        for name in ("edge_diameters", "kappa"):
            if not getattr(self, name) > 0:
                raise UserError(f"enhance.{name} must be above 0, got {getattr(self, name)}")
        if not 0 < self.step <= STABLE:
            raise UserError(f"enhance.step must be above 0 and at most {STABLE}, beyond which the diffusion explodes, got {self.step}")
        if self.iterations < 0:
            raise UserError(f"enhance.iterations must be 0 or more, got {self.iterations}")

    def __call__(self, recording: Recording, diameter: float | None, runtime: Runtime) -> Recording:
        """The recording, enhanced on reading: float32, in its own units above the background.

        Raises:
            UserError: the diameter is not known, or the square is as large as the frame.
        """
        if diameter is None:
            raise UserError(
                "enhancing takes away what is wider than a cell: say how wide a cell is, such as diameter=12 (px) or diameter=12um"
            )
        edge = 2 * round(self.edge_diameters * diameter / 2) + 1
        if edge >= min(recording.size):
            rows, columns = recording.size
            raise UserError(
                f"{recording.path or recording.name}: a square of {edge} px ({self.edge_diameters:g} diameters of {diameter:g} px) "
                f"does not fit into {rows} x {columns} px; lower diameter=, or edge_diameters of the enhancing"
            )
        note = f"what is wider than {edge} px was taken away from each frame as background"
        return replace(recording, frames=Enhanced(recording.frames, self, edge, runtime), notes=(*recording.notes, note))

    def frames(self, frames: Tensor, edge: int) -> Tensor:
        """(n, h, w) -> (n, h, w) above the background, smoothed."""
        above = frames - opening(frames, edge)
        return diffuse(above, self.kappa * noise(above), self.step, self.iterations) if self.iterations else above


@dataclass(frozen=True)
class Enhanced:
    """Frames that are enhanced when they are read; what is not a number stays so."""

    source: Frames
    enhance: NeuralEnhancing
    edge: int
    runtime: Runtime

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __getitem__(self, index: slice) -> np.ndarray:
        raw = np.asarray(self.source[index])
        out = np.empty(raw.shape, np.float32)
        pixels = raw.shape[1] * raw.shape[2]
        device = self.runtime.torch_device
        step = self.runtime.batch(pixels * 4 * 8, most=max(1, PIXELS // pixels) if device.type == "cpu" else 256)
        for start in range(0, len(raw), step):
            part = raw[start : start + step].astype(np.float32)
            missing = missing_samples(raw[start : start + step], part)
            if missing is not None:
                part[missing] = filled(part, missing)
            found = self.enhance.frames(torch.from_numpy(part).to(device), self.edge).cpu().numpy()
            if missing is not None:
                found[missing] = np.nan
            out[start : start + step] = found
        return out


def noise(frames: Tensor) -> Tensor:
    """(n, 1, 1) of each frame, from the median absolute difference of neighbours along rows; some pixels are enough."""
    steps = frames.diff(dim=2)[:, ::2, ::2].flatten(1)
    return (steps.abs().median(dim=1).values * (1.4826 / 2**0.5)).clamp_min(1e-6)[:, None, None]
