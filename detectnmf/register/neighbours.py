"""`Neighbours`: frames put in place by those just before and after them, where one template does not show what single frames show.

In some movies little lies still but what the sensor adds: one-photon recordings whose background was taken away show active cells, which
come and go, under a pattern that does not move with the tissue. A template of all of them is held fast by the pattern, and a cell that is
lit in one frame and not in the template pulls it aside. Frames that follow each other show the same cells. So: take away the pattern,
match each frame with the mean of its block of some frames, match the means of blocks with those of earlier ones, near and far, and find
the places of all blocks that agree best with all of these (weighted least squares, robust).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.base import Registered
from detectnmf.register.field import NOISIER
from detectnmf.register.frames import Known, RegisteredFrames
from detectnmf.register.ground import smoothed
from detectnmf.register.match import Matcher, Matches, taper
from detectnmf.register.rigid import Rigid
from detectnmf.register.template import filled_in, matched, noise_spectrum
from detectnmf.register.warp import put_back
from detectnmf.runtime import Runtime

BLOCK = 8  # frames
LAGS = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90)  # blocks, between which means are matched
TURNS = 2  # of matching a block with its own mean
RUNS = 12  # of two blocks each, by which noise and pattern are learnt
LARGE = 96  # px, shorter side from which pixels are taken together in fours
DISTANT = 1.4  # px, by which a pair is off when it counts half
ROUNDS = 10  # of reweighting


@dataclass(frozen=True)
class Surroundings:
    """What is needed to match frames of a block.

    Args:
        pattern: (h, w) what does not move with the tissue, less what is wide. fold: px a side that are taken together.
        window: (h, w). frames, blocks: (h, w // 2 + 1) filters of single frames and of blocks' means. reach: folded px.
    """

    pattern: Tensor
    fold: int
    window: Tensor
    frames: Tensor
    blocks: Tensor
    reach: int

    def place(self, block: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Matches | None]:
        """Frames (m, h, w) of a block -> put back (m, h, w), and how; each is matched with the mean of the others.

        Args:
            weights: (1, h, w) how much each pixel counts in the last turn.
        """
        if len(block) < 2:
            return block, None
        back = block
        match: Matches | None = None
        for turn in range(TURNS):
            others = (back.sum(0) - back) / (len(back) - 1)
            matcher = Matcher.of(others, self.window, self.frames, self.reach, weights if turn == TURNS - 1 else None)
            match = matcher(block[None])
            shifts = match.shifts[0] - match.shifts[0].mean(0)
            back = put_back(block, shifts[:, None, None].cpu())
            mean = back.nanmean(0).nan_to_num()
            back = torch.where(back.isfinite(), back, mean)
        return back, match


@dataclass(frozen=True)
class Neighbours:
    """One shift for each frame, from frames near to it in time. Reads the movie once, before it is read for anything else.

    Args:
        max_shift: farthest shift between frames of a block, or means of blocks (px); None takes 15, or a fifth of the shorter side.
        pattern: what is finer than this (px, standard deviation of a Gaussian) in the median frame is taken for the sensor's own.
        least: how far a match must stand out for a frame to count as found; chance reaches 4.
    """

    max_shift: int | None = None
    pattern: float = 2.0
    least: float = 4.5
    frames: int = field(default=256, repr=False)

    def __post_init__(self) -> None:
        Rigid(max_shift=self.max_shift, least=self.least, frames=self.frames)
        if not (np.isfinite(self.pattern) and self.pattern > 0):
            raise UserError(f"register.pattern must be above 0 px, got {self.pattern}")

    @property
    def method(self) -> dict[str, Any]:
        return {"kind": "neighbours", **asdict(self)}

    def __call__(self, recording: Recording, runtime: Runtime) -> Registered:
        """The recording, frames put back on reading.

        Raises:
            UserError: fewer than two frames; a field too small for its shifts; frames that show nothing.
        """
        around = self.learn(recording, runtime)
        known = self._all(recording, around, runtime)
        template = self._template(recording, known, runtime)
        frames = RegisteredFrames(recording.frames, template, None, (1, 1), runtime, self.method, recording.bad_pixels, known)
        return Registered(replace(recording, frames=frames, bad_pixels=None), frames)

    def learn(self, recording: Recording, runtime: Runtime) -> Surroundings:
        """Pattern and filters, from a sample of the movie."""
        reach = Rigid(max_shift=self.max_shift).reach(recording)
        fold = 2 if min(recording.size) >= LARGE else 1
        pick = np.linspace(0, len(recording) - 1, min(self.frames, len(recording))).round().astype(int)
        some = torch.cat([_folded(recording, range(at, at + 1), fold, runtime)[0] for at in pick])
        middle = some.median(dim=0).values
        pattern = middle - smoothed(middle, self.pattern / fold)
        size = (middle.shape[0], middle.shape[1])
        if float((some - middle).abs().max()) <= 1e-6 * float(some.abs().max()):
            raise UserError(f"{recording.path or recording.name}: all frames are alike; there is nothing to register by")
        window = taper(size, max(2, reach // (3 * fold)), middle.device)
        flat = torch.ones(size[0], size[1] // 2 + 1, device=middle.device)
        around = Surroundings(pattern, fold, window, flat, flat, max(1, reach // fold))
        runs = list(self.runs(recording, around, runtime))
        for turn in range(2):  # first where frames lay, then where they were put
            pairs = [[around.place(part)[0] if turn else part for part in run.tensor_split(2)] for run in runs]
            rest = torch.cat([part - (part.sum(0) - part) / max(len(part) - 1, 1) for pair in pairs for part in pair])
            means = torch.stack([part.mean(0) for pair in pairs for part in pair])
            change = torch.stack([pair[1].mean(0) - pair[0].mean(0) for pair in pairs]) / 2**0.5
            noises = (noise_spectrum(rest, window), BLOCK), (noise_spectrum(change, window), 1)
            filters = [torch.stack([matched(image, window, noise, count) for image in means]).mean(0) for noise, count in noises]
            around = replace(around, frames=filters[0], blocks=filters[1])
        return around

    def runs(self, recording: Recording, around: Surroundings, runtime: Runtime) -> Iterator[Tensor]:
        """Some runs of two blocks (m, h, w), evenly spread."""
        length = min(2 * BLOCK, len(recording))
        count = max(1, min(RUNS, len(recording) // length))
        for start in np.linspace(0, len(recording) - length, count).round().astype(int):
            yield _clean(_folded(recording, range(start, start + length), around.fold, runtime)[0], around)

    def _all(self, recording: Recording, around: Surroundings, runtime: Runtime) -> Known:
        """Where every frame lies."""
        known = Known.nothing(recording.shape, (1, 1))
        blocks = np.array_split(np.arange(len(recording)), max(1, len(recording) // BLOCK))
        means: dict[int, Tensor] = {}
        noise = np.ones((len(recording), 1))  # px², of a frame's shift within its block
        first, second, moved, weight = [], [], [], []
        for number, index in enumerate(blocks):
            frames, missing = _folded(recording, range(index[0], index[-1] + 1), around.fold, runtime)
            back, match = around.place(_clean(frames, around))
            if match is None:
                raise UserError(f"{recording.path or recording.name}: one frame cannot be registered; give a movie, or register=none")
            known.shifts[index, 0, 0] = (match.shifts[0] - match.shifts[0].mean(0)).cpu().numpy()
            noise[index, 0] = NOISIER / match.precision[0].clamp_min(1e-3).cpu().numpy()
            known.agreement[index], known.before[index] = match.agreement[0].cpu().numpy(), match.before[0].cpu().numpy()
            found = (match.significance[0] >= self.least).cpu().numpy()
            edge = match.edge[0].cpu().numpy()
            known.flag[index] = np.where(missing > 0.5, "missing", np.where(~found, "lost", np.where(edge, "edge", "ok")))
            means[number] = back.mean(0)
            earlier = [number - lag for lag in LAGS if number >= lag]
            means.pop(number - LAGS[-1] - 1, None)
            if earlier:
                matcher = Matcher.of(torch.stack([means[at] for at in earlier]), around.window, around.blocks, around.reach)
                pair = matcher(means[number].expand(1, len(earlier), -1, -1))
                alike = pair.agreement[0].clamp_min(0.01).square().cpu().double().numpy()
                first += earlier
                second += [number] * len(earlier)
                moved.append(pair.shifts[0].cpu().double().numpy())
                weight.append(alike / np.maximum(1 - alike, 0.02))
        beyond = (np.square(known.shifts[:, 0, 0]) - noise)[known.flag == "ok"]
        strength = max(float(beyond.mean()), 0.0) if len(beyond) else 0.0
        known.shifts[:, 0, 0] *= strength / (strength + noise)  # the likeliest, given how far frames move
        if first:
            places = settle(len(blocks), np.array(first), np.array(second), np.concatenate(moved), np.concatenate(weight), around.fold)
            for place, index in zip(places, blocks, strict=True):
                known.shifts[index, 0, 0] += place
        known.shifts[:] *= around.fold
        good = known.flag == "ok"
        if not good.any():
            raise UserError(f"{recording.path or recording.name}: no frame has anything in common with those beside it; register=none")
        known.shifts[:] -= np.median(known.shifts[good], axis=0)
        return known

    def _template(self, recording: Recording, known: Known, runtime: Runtime) -> Tensor:
        """(Y, X) the mean of some frames, put back."""
        pick = np.flatnonzero(known.flag == "ok")
        pick = pick[np.linspace(0, len(pick) - 1, min(self.frames, len(pick))).round().astype(int)]
        total = count = torch.zeros(recording.size, device=runtime.torch_device)
        for at in pick:
            frame, _ = _folded(recording, range(at, at + 1), 1, runtime)
            back = put_back(frame, torch.from_numpy(known.shifts[at : at + 1]))[0]
            total, count = total + back.nan_to_num(), count + back.isfinite()
        return total / count.clamp_min(1)


def settle(count: int, first: np.ndarray, second: np.ndarray, moved: np.ndarray, weight: np.ndarray, fold: int = 1) -> np.ndarray:
    """(count, 2) places of which `second` less `first` comes closest to `moved` (n, 2); pairs that are far off count less (Cauchy)."""
    from scipy.sparse import csr_matrix, identity
    from scipy.sparse.linalg import spsolve

    rows = np.arange(len(first))
    design = csr_matrix(
        (np.r_[np.ones(len(first)), -np.ones(len(first))], (np.r_[rows, rows], np.r_[second, first])), shape=(len(first), count)
    )
    places, trust = np.zeros((count, 2)), np.ones(len(first))
    for _ in range(ROUNDS):
        weighted = design.multiply((weight * trust)[:, None]).tocsr()
        places = spsolve((design.T @ weighted + 1e-6 * identity(count)).tocsc(), weighted.T @ moved)
        off = np.linalg.norm(design @ places - moved, axis=1)
        trust = 1 / (1 + (off * fold / DISTANT) ** 2)
    return np.asarray(places - np.median(places, axis=0))


def _folded(recording: Recording, index: range, fold: int, runtime: Runtime) -> tuple[Tensor, np.ndarray]:
    """Frames (n, h, w), `fold` pixels a side taken together, and the share of each that is missing (n,)."""
    part, missing = filled_in(recording, slice(index.start, index.stop))
    frames = torch.from_numpy(part).to(runtime.torch_device)
    return (avg_pool2d(frames[:, None], fold)[:, 0] if fold > 1 else frames), missing


def _clean(frames: Tensor, around: Surroundings) -> Tensor:
    """Without the pattern and their mean."""
    frames = frames - around.pattern
    return frames - frames.mean((1, 2), keepdim=True)
