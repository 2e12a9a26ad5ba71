"""`RegisteredFrames`: frames put back when they are read. What is known of them is remembered, not the frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detectnmf.missing import missing_samples, with_bad
from detectnmf.recording import Frames
from detectnmf.register.estimate import Found
from detectnmf.register.warp import put_back
from detectnmf.registration import Registration
from detectnmf.runtime import Runtime

PIXELS = 2**20  # worked on at once on a CPU


@dataclass(frozen=True)
class RegisteredFrames:
    """Frames (T, Y, X) float32; NaN where the tissue was outside, where samples are missing, and in frames that were not found.

    Args:
        source: the frames as they were recorded.
        template: (Y, X) recording's units.
        estimate: gives the shifts of frames (n, Y, X) that were not read before; None where all are known.
        nodes: (gy, gx) of the shifts. runtime: device and memory.
        method: how shifts are found, to be noted.
        bad_pixels: (Y, X) True where the camera sees nothing; they move with the frame when it is put back.
        known: what was found so far; filled on reading.
    """

    source: Frames
    template: Tensor
    estimate: Callable[[Tensor], Found] | None
    nodes: tuple[int, int]
    runtime: Runtime
    method: dict[str, Any] = field(default_factory=dict)
    bad_pixels: np.ndarray | None = None
    known: Known = None  # type: ignore[assignment]  # nothing: filled in below

    def __post_init__(self) -> None:
        if self.known is None:
            object.__setattr__(self, "known", Known.nothing(self.shape, self.nodes))

    @property
    def shape(self) -> tuple[int, int, int]:
        t, y, x = self.source.shape
        return int(t), int(y), int(x)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __getitem__(self, index: slice) -> np.ndarray:
        wanted = np.arange(self.shape[0])[index]
        raw = np.asarray(self.source[index])
        out = np.empty(raw.shape, np.float32)
        step = self.step
        for start in range(0, len(raw), step):
            piece = slice(start, start + step)
            out[piece] = self._read(raw[piece], wanted[piece])
        return out

    @property
    def step(self) -> int:
        """Frames at a time."""
        pixels = self.shape[1] * self.shape[2]
        most = max(1, PIXELS // pixels) if self.runtime.torch_device.type == "cpu" else 256
        return self.runtime.batch(pixels * 4 * 24, most=most)

    def registration(self) -> Registration:
        """Of all frames; those not read yet are read now."""
        step = self.step
        for start in range(0, self.shape[0], step):
            if not self.known.seen[start : start + step].all():
                self[start : start + step]
        known = self.known
        shifts = np.where((known.flag == "ok")[:, None, None, None], known.shifts, np.nan).astype(np.float32)
        with np.errstate(invalid="ignore"):
            before, after = known.before_sum / known.before_count, known.after_sum / known.after_count
        return Registration(
            shifts,
            known.agreement,
            known.before,
            known.flag,
            self.template.cpu().numpy(),
            before.astype(np.float32),
            after.astype(np.float32),
            self.method,
        )

    def _read(self, raw: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Frames put back; what was not known of them is found first."""
        part = np.require(raw, np.float32, ["C", "W"])
        missing = with_bad(missing_samples(raw, part), self.bad_pixels, part.shape)
        device = self.template.device
        if missing is not None:
            part = np.where(missing, self.template.cpu().numpy(), part)
        frames = torch.from_numpy(part).to(device)
        new = ~self.known.seen[wanted]
        if new.any() and self.estimate is not None:
            self.known.note(wanted, new, self.estimate(frames), missing)
        shifts = torch.from_numpy(np.where((self.known.flag[wanted] == "ok")[:, None, None, None], self.known.shifts[wanted], np.nan))
        back = put_back(frames, shifts)
        if missing is not None and missing.any():
            some = np.flatnonzero(missing.any(axis=(1, 2)))
            holes = put_back(torch.from_numpy(missing[some].astype(np.float32)).to(device), shifts[some])
            index = torch.from_numpy(some).to(device)
            back[index] = torch.where(holes.abs() > 0.05, torch.nan, back[index])
        if new.any():
            there = None if missing is None else torch.from_numpy(~missing).to(device)
            self.known.add(frames, there, back, torch.from_numpy(new).to(device))
            self.known.seen[wanted] = True
        return np.asarray(back.cpu().numpy())


@dataclass(frozen=True)
class Known:
    """What is known of T frames, filled as they are read; `seen`: which were."""

    shifts: np.ndarray
    agreement: np.ndarray
    before: np.ndarray
    flag: np.ndarray
    seen: np.ndarray
    before_sum: np.ndarray
    before_count: np.ndarray
    after_sum: np.ndarray
    after_count: np.ndarray

    @classmethod
    def nothing(cls, shape: tuple[int, int, int], nodes: tuple[int, int]) -> Known:
        t, *size = shape
        sums = [np.zeros(size) for _ in range(4)]
        shifts, (agreement, before) = np.full((t, *nodes, 2), np.nan, np.float32), np.full((2, t), np.nan, np.float32)
        return cls(shifts, agreement, before, np.full(t, "", "<U7"), np.zeros(t, bool), *sums)

    @classmethod
    def given(cls, registration: Registration) -> Known:
        """Of another recording."""
        nothing = cls.nothing((len(registration), *registration.size), (1, 1))
        return replace(nothing, **{name: getattr(registration, name) for name in ("shifts", "agreement", "before", "flag")})

    def note(self, wanted: np.ndarray, new: np.ndarray, found: Found, missing: np.ndarray | None) -> None:
        """What was found of frames; only of new ones."""
        flag = np.where(found.lost.numpy(), "lost", np.where(found.edge.numpy(), "edge", "ok"))
        if missing is not None:
            flag = np.where(missing.mean(axis=(1, 2)) > 0.5, "missing", flag)
        at = wanted[new]
        self.flag[at] = flag[new]
        for mine, values in ((self.shifts, found.shifts), (self.agreement, found.agreement), (self.before, found.before)):
            mine[at] = values.numpy()[new]

    def add(self, raw: Tensor, there: Tensor | None, back: Tensor, new: Tensor) -> None:
        """Frames to the means; only new ones. `there`: (n, Y, X) True where the raw ones are not missing; None: everywhere."""
        if not new.all():
            raw, back, there = raw[new], back[new], None if there is None else there[new]
        self.before_sum[:] += (raw if there is None else torch.where(there, raw, 0)).sum(0).cpu().numpy()
        self.before_count[:] += len(raw) if there is None else there.sum(0, dtype=torch.float32).cpu().numpy()
        total, count = back.sum(0), torch.full(back.shape[1:], float(len(back)), device=back.device)
        holes = total.isnan()  # hardly more than the border: the rest needs no second look
        total[holes], count[holes] = back[:, holes].nansum(0), back[:, holes].isfinite().sum(0).float()
        self.after_sum[:] += total.cpu().numpy()
        self.after_count[:] += count.cpu().numpy()
