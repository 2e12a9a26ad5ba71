"""Which traces are of cells: the recurrent classifier on sliding windows (sc-CNMF, §3.2, Seeds Refinement with LSTM).

Usable on any traces:

    verdict = SeedClassifier()(traces, rate=30.0, runtime=Runtime())
    traces[verdict.keep]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detectnmf.errors import UserError
from detectnmf.io.weights import find
from detectnmf.runtime import Runtime
from detectnmf.seeds.calibration import Calibration
from detectnmf.seeds.lstm import TRAIN, EventNetwork, load_events
from detectnmf.seeds.windows import LENGTH, RATE, check_traces, cut, in_noise, mirror, shape

COPIES = 10  # of a trace that resampling and sorting hold at a time
WIDE = 4 * 4 * 64 * LENGTH  # bytes of a window inside the network


@dataclass(frozen=True)
class Verdict:
    """What the classifier says of n traces.

    Args:
        keep: (n,) bool, whether at least one window holds a calcium event.
        score: (n,) float32, probability that the trace is a cell's, from its best window; calibrated for as many cells as others.
        time: (n,) float32, s from the start to the middle of the best window; nan for a constant trace.
    """

    keep: np.ndarray
    score: np.ndarray
    time: np.ndarray


@dataclass(frozen=True)
class SeedClassifier:
    """Slides windows of 10 s over each trace; a trace is kept if any of them is classified as a calcium event.

    The network knows an event whose peak is within half a second of the window's middle, so that steps of up to ten frames leave
    none out. The paper's windows lie within the trace; here it is mirrored at its ends, so that events of the first and last five
    seconds are found, too.

    Args:
        checkpoint: a shipped one, or a file made by `detectnmf train NAME training=lstm`.
        threshold: least probability of a window; None takes the one that was best for simulated traces.
        stride: frames at 10 Hz from one window to the next; 1 as in the paper.
        batch: windows per call of the network, at most.
    """

    checkpoint: str = "lstm"
    threshold: float | None = None
    stride: int = 5
    batch: int = 4096
    _loaded: dict[str, tuple[EventNetwork, Calibration]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError(f"classifier.threshold is a probability between 0 and 1, got {self.threshold}; null takes the best one")
        if not 1 <= self.stride <= LENGTH // 10:
            raise UserError(
                f"classifier.stride must be 1 to {LENGTH // 10} frames, so that no event falls between two windows, got {self.stride}"
            )
        if self.batch < 1:
            raise UserError(f"classifier.batch must be at least 1, got {self.batch}")
        find(self.checkpoint, "classifier")

    def __call__(self, traces: np.ndarray | Tensor, rate: float | None, runtime: Runtime, least_noise: float = 0.0) -> Verdict:
        """Judge (n, T) traces at `rate` Hz, in any unit and with any offset; n may be 0.

        Args:
            least_noise: of a frame, in the traces' unit, where denoising left less of it: what leaks into a denoised trace from
                elsewhere looks like a clean event.

        Raises:
            UserError: traces that are too short or hold NaN, a rate that is not known or below 1 Hz; a file that is no checkpoint.
        """
        values = check_traces(traces, rate)
        network, calibration = self._network(runtime)
        n = len(values)
        verdict = Verdict(np.zeros(n, bool), np.zeros(n, np.float32), np.full(n, np.nan, np.float32))
        least = calibration.threshold if self.threshold is None else calibration.logit(self.threshold)
        for part, logits, frames in self._logits(values, rate, network, runtime, least_noise):
            highest, best = logits.max(dim=1)
            alive = torch.isfinite(highest)
            verdict.keep[part] = (alive & (highest >= least)).numpy()
            verdict.score[part] = torch.where(alive, calibration.of_traces(highest, frames), 0.0).numpy()
            middle = ((frames - 1) % self.stride + best * self.stride) / RATE
            verdict.time[part] = torch.where(alive, middle.float(), torch.nan).numpy()
        return verdict

    def windows(self, traces: np.ndarray | Tensor, rate: float | None, runtime: Runtime) -> np.ndarray:
        """(n, W) float32, probability of each window; window w has its middle at frame (T' - 1) % stride + w·stride at 10 Hz.

        Raises:
            UserError: as above.
        """
        values = check_traces(traces, rate)
        network, calibration = self._network(runtime)
        parts = [calibration.of_windows(logits).numpy() for _, logits, _ in self._logits(values, rate, network, runtime)]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def _network(self, runtime: Runtime) -> tuple[EventNetwork, Calibration]:
        device = runtime.torch_device
        if str(device) not in self._loaded:
            network, card = load_events(self.checkpoint, device)
            try:
                self._loaded[str(device)] = network, Calibration.of(card)
            except (KeyError, TypeError, ValueError):
                raise UserError(f"{Path(self.checkpoint)}: its card holds no calibration; train one with: {TRAIN}") from None
        return self._loaded[str(device)]

    def _logits(
        self, traces: np.ndarray, rate: float | None, network: EventNetwork, runtime: Runtime, least_noise: float = 0.0
    ) -> Iterator[tuple[slice, Tensor, int]]:
        """Some traces at a time: which, (g, W) logits of their windows, -inf for those of a constant trace, and T' at 10 Hz."""
        assert rate is not None
        longer = traces.shape[1] * max(1.0, RATE / rate)
        step = runtime.batch(longer * 4 * COPIES, most=1000)
        for first in runtime.progress(range(0, len(traces), step), "classify seeds"):
            part = slice(first, min(first + step, len(traces)))
            slow = in_noise(traces[part], rate, least_noise)
            yield part, event_logits(network, slow, self.stride, self.batch, runtime), slow.shape[1]


@torch.inference_mode()
def event_logits(network: EventNetwork, slow: Tensor, stride: int, batch: int, runtime: Runtime) -> Tensor:
    """(n, T') at 10 Hz in units of noise -> (n, W) logits of all windows of the mirrored traces, batched across traces.

    Those of a constant trace are -inf.
    """
    device = runtime.torch_device
    windows = cut(mirror(slow), stride)
    alive = slow.amax(dim=1) > slow.amin(dim=1)
    trace, column = alive.nonzero()[:, 0].repeat_interleave(windows.shape[1]), torch.arange(windows.shape[1]).repeat(int(alive.sum()))
    found = torch.empty(len(trace))

    def look(chosen: slice) -> None:
        found[chosen] = network(shape(windows[trace[chosen], column[chosen]].to(device))).cpu()

    runtime.in_batches(len(trace), runtime.batch(WIDE, most=batch), look)
    logits = torch.full(windows.shape[:2], -torch.inf)
    logits[alive] = found.reshape(-1, windows.shape[1])
    return logits
