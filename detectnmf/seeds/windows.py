"""Traces as a recurrent network sees them: at 10 Hz, in units of their noise, cut into windows of 100 frames (sc-CNMF, §3.2)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from detectnmf.errors import UserError
from detectnmf.traces.levels import noise_level

RATE = 10.0  # Hz
LENGTH = 100  # frames of a window, T₀
PEAK = 50  # frame of a window to which the peak of an event is aligned
FINEST = 5000  # denominator of the ratio of rates, at most: no frame is off by more than one in 25 million
SLOWEST = 1.0  # Hz: an event of a second or two is not seen below
REST = 20  # frames of a window, from the lowest, that lie below its resting level
FLOOR = 0.01  # noise is at least this share of a trace's range: denoised traces have next to none
SOFT = 2.0  # units of noise beyond which a signal counts by its logarithm


def check_rate(rate: float | None) -> float:
    """Raises UserError where traces of this rate (Hz) cannot be resampled."""
    if rate is None or not np.isfinite(rate) or rate <= 0:
        raise UserError(f"the frame rate must be known to look for calcium events, got {rate}; give it in Hz: rate=30")
    if rate < SLOWEST:
        raise UserError(
            f"traces at {rate:g} Hz are too slow for calcium events to be told by their shape; at least {SLOWEST:g} Hz is needed: "
            "leave the classifier out for this recording, or correct rate="
        )
    return float(rate)


def check_traces(traces: np.ndarray | Tensor, rate: float | None) -> np.ndarray:
    """(n, T) float32, fit to be cut into windows.

    Raises:
        UserError: not (n, T), shorter than a window, not finite, or a rate that cannot be used.
    """
    held = traces.detach().cpu().numpy() if isinstance(traces, Tensor) else traces
    values = np.require(held, np.float32, "W")  # torch shares no memory that must not be written
    if values.ndim != 2:
        raise UserError(f"traces must be (n, T), got {values.shape}; a single trace? pass trace[None]")
    rate = check_rate(rate)
    if len(values) and int(values.shape[1] * RATE / rate) < LENGTH:
        raise UserError(
            f"traces of {values.shape[1]} frames at {rate:g} Hz last {values.shape[1] / rate:.3g} s, less than the {LENGTH / RATE:g} s "
            "that the classifier looks at; give a longer recording, or leave the classifier out"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        named = ", ".join(map(str, bad[:5])) + (" ..." if len(bad) > 5 else "")
        raise UserError(f"{len(bad)} of {len(values)} traces hold NaN or infinite values ({named}); bridge the gaps or leave them out")
    return values


def resample(traces: np.ndarray, rate: float) -> np.ndarray:
    """(n, T) at `rate` Hz -> (n, T') float32 at 10 Hz, without aliasing (polyphase low-pass at the lower of the two Nyquist rates)."""
    from scipy.signal import resample_poly

    step = Fraction(RATE / rate).limit_denominator(FINEST)
    if step == 1 or not len(traces):
        return np.asarray(traces, np.float32)[:, : int(traces.shape[1] * RATE / rate)]
    level = np.median(traces, axis=1, keepdims=True)  # the filter lets a constant through by 1 in 1000 more or less from frame to frame
    slow = resample_poly(traces - level, step.numerator, step.denominator, axis=1, padtype="line")
    return np.asarray(slow + level, np.float32)


def in_noise(traces: np.ndarray, rate: float, least: float = 0.0) -> Tensor:
    """(n, T) at `rate` Hz -> (n, T') float32 at 10 Hz in units of each trace's own noise; a constant trace is 0 throughout.

    The noise is that of the frames which are looked at: after resampling, or, where that only fills in frames, before it.

    Args:
        least: noise of a frame as recorded, where that is known to be more than what denoising left (the traces' unit).
    """
    values = np.array(traces, np.float32)
    values -= np.median(values, axis=1, keepdims=True) if values.size else 0
    slow = torch.from_numpy(resample(values, rate))
    noise = noise_level(slow if rate >= RATE else torch.from_numpy(values))
    lowest, highest = slow.aminmax(dim=1) if len(slow) else (noise, noise)
    extent = highest - lowest
    flat = extent <= 1e-6 * highest.abs().maximum(lowest.abs())
    noise = torch.maximum(noise, FLOOR * extent).clamp_min(least * min(1.0, RATE / rate) ** 0.5)
    scaled = (slow - lowest[:, None]) / torch.where(flat, 1.0, noise)[:, None]
    return torch.where(flat[:, None], 0.0, scaled)


def mirror(traces: Tensor) -> Tensor:
    """(n, T) -> (n, T + LENGTH - 1), mirrored at both ends, so that window w has its PEAK at frame w of the trace."""
    after = LENGTH - PEAK - 1
    return torch.cat([traces[:, 1 : PEAK + 1].flip(1), traces, traces[:, -after - 1 : -1].flip(1)], dim=1)


def starts(frames: int, stride: int) -> range:
    """First frames of the windows of a trace; the last window ends with the trace, whatever the stride."""
    last = frames - LENGTH
    return range(last % stride if stride > 1 else 0, last + 1, stride)


def cut(traces: Tensor, stride: int = 1) -> Tensor:
    """(n, T) -> (n, W, LENGTH), a view on its memory."""
    return traces[:, starts(traces.shape[1], stride).start :].unfold(1, LENGTH, stride)


def shape(windows: Tensor) -> Tensor:
    """(m, LENGTH) in noise units -> (m, LENGTH, 2) that a network reads: signal above the window's own resting level, and a clock.

    The signal is asinh-compressed, so that a single spike and a burst are of one order. The clock runs from -1 to 1 and is 0 at PEAK.
    """
    level = windows.kthvalue(REST, dim=1, keepdim=True).values
    signal = torch.asinh((windows - level) / SOFT)
    clock = ((torch.arange(LENGTH, device=windows.device) - PEAK) / (LENGTH / 2)).expand_as(signal)
    return torch.stack([signal, clock], dim=-1)
