"""The template: the median of some frames, then rounds in which further ones, drawn at random, are put back and averaged (NoRMCorre)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.errors import UserError
from detectnmf.missing import filled, missing_samples, with_bad
from detectnmf.recording import Recording
from detectnmf.register.ground import Ground
from detectnmf.register.match import Matcher, Matches, frequencies, taper
from detectnmf.register.warp import put_back
from detectnmf.runtime import Runtime

CHUNKS = 8  # of each round; the template is the median of their means
FEWEST = 5  # frames that a template is made of
BINS = 32  # of the spectrum of noise
FINEST = 0.3  # cycles per px: what is finer is aliased, or lost in resampling, and draws shifts to whole pixels


@dataclass(frozen=True)
class Template:
    """A template and what was learnt on the way.

    Args:
        image: (Y, X) recording's units. ground: of it.
        noise: (Y, X // 2 + 1) variance per pixel of what a frame holds besides the template, by frequency.
        frames: number of frames it is the average of.
        margin: px, that most frames have moved at most.
        sample: (n, Y, X) the frames of the last round. shifts: (n, 2) theirs, px. good: (n,) which of them were found.
    """

    image: Tensor
    ground: Ground
    noise: Tensor
    frames: int
    margin: int
    sample: Tensor
    shifts: Tensor
    good: Tensor

    def matcher(self, reach: int, weights: Tensor | None) -> Matcher:
        """Of the whole frame."""
        free, window = self.ground.free(self.image[None]), self.window
        return Matcher.of(free, window, matched(free[0], window, self.noise, self.frames), reach, weights)

    @property
    def window(self) -> Tensor:
        """(Y, X) 0 where most frames have moved in from outside."""
        return taper((self.image.shape[0], self.image.shape[1]), self.margin, self.image.device)

    @property
    def filter(self) -> Tensor:
        """(Y, X // 2 + 1) of the whole frame."""
        return matched(self.ground.free(self.image[None])[0], self.window, self.noise, self.frames)


def matched(free: Tensor, window: Tensor, noise: Tensor, frames: int) -> Tensor:
    """(h, w // 2 + 1) the best filter: 1 / variance of the noise, where the template is more than noise itself (Wiener), up to FINEST."""
    own = radial(_spectrum(free[None], window), window.shape).clamp_min(1e-20)  # type: ignore[arg-type]
    smooth = torch.exp(-((frequencies(free.shape, free.device) / FINEST) ** 4))  # type: ignore[arg-type]
    return smooth * (1 - noise / (frames * own)).clamp_min(0) / noise


def make_template(
    recording: Recording, reach: int, count: int, rounds: int, width: float, weights: Tensor | None, least: float, runtime: Runtime
) -> Template:
    """Draw frames, put them back, average, and again.

    Args:
        reach: px, farthest shift. count: frames in each round. width: px, of the ground. least: significance of a frame that was found.

    Raises:
        UserError: frames have nothing in common by which they could be put in place.
    """
    rng, device = runtime.rng(0x7E617), runtime.torch_device
    sample = draw(recording, count, rng, runtime)
    image = sample.median(dim=0).values
    ground = Ground.of(image, width)
    size = recording.size
    if float(ground.free(image[None]).abs().max()) <= 1e-6 * float(image.abs().max()):
        raise UserError(f"{recording.path or recording.name}: frames show nothing but one even level; there is nothing to register by")
    noise = noise_spectrum(ground.free(sample - image), taper(size, reach, device))  # motion included: as if the movie were whitened
    made = Template(image, ground, noise, len(sample), reach, sample, torch.zeros(0), torch.zeros(0))
    for turn in range(rounds):
        if turn and len(recording) > len(sample):
            sample = draw(recording, count, rng, runtime)
        made = _round(made, sample, made.matcher(reach, weights), reach, width, least, recording)
    return made


def _round(made: Template, sample: Tensor, matcher: Matcher, reach: int, width: float, least: float, recording: Recording) -> Template:
    found = in_parts(matcher, made.ground, sample)
    good = (found.significance[:, 0] >= least) & ~found.edge[:, 0]
    if int(good.sum()) < min(FEWEST, len(sample)):
        raise UserError(
            f"{recording.path or recording.name}: {len(sample) - int(good.sum())} of {len(sample)} frames have nothing in common "
            f"with the others within {reach} px; is this noise, or a movie that moves farther (register.max_shift=)? register=none"
        )
    shifts = found.shifts[:, 0] - found.shifts[good, 0].median(dim=0).values
    back = put_back(sample[good], shifts[good, None, None].cpu())
    means = torch.stack([part.nanmean(dim=0) for part in back.tensor_split(min(CHUNKS, len(back)))])
    image = means.nanmedian(dim=0).values
    image = torch.where(image.isfinite(), image, made.image)
    ground = Ground.of(image, width)
    margin = int(torch.quantile(shifts[good].abs().amax(1), 0.98).ceil()) + 1
    window = taper((image.shape[0], image.shape[1]), min(margin, reach), image.device)
    rest = ground.free(torch.where(back.isfinite(), back, image) - image)
    return Template(image, ground, noise_spectrum(rest, window), int(good.sum()), min(margin, reach), sample, shifts, good)


def noise_spectrum(rest: Tensor, window: Tensor) -> Tensor:
    """(h, w // 2 + 1) variance per pixel by frequency of frames (n, h, w), never 0."""
    noise = radial(_spectrum(rest, window), window.shape)  # type: ignore[arg-type]
    return noise.clamp_min(float(noise.max()) * 1e-6 + 1e-20)


def draw(recording: Recording, count: int, rng: np.random.Generator, runtime: Runtime) -> Tensor:
    """(n, Y, X) up to `count` frames drawn evenly at random, without those known to be bad.

    Raises:
        UserError: no frame is usable.
    """
    usable = np.arange(len(recording)) if recording.bad_frames is None else np.flatnonzero(~recording.bad_frames.astype(bool))
    pixels = recording.size[0] * recording.size[1]
    count = min(len(usable), runtime.batch(pixels * 4 * 6, share=0.5, most=count))
    places = [part[rng.integers(len(part))] for part in np.array_split(usable, count)] if count else []
    frames = []
    for place in places:
        part, missing = filled_in(recording, slice(int(place), int(place) + 1))
        if missing[0] > 0.5:
            continue
        frames.append(part)
    if not frames:
        raise UserError(f"{recording.path or recording.name}: no frame to register by is usable (NaN or saturated)")
    return torch.from_numpy(np.concatenate(frames)).to(runtime.torch_device)


def filled_in(recording: Recording, index: slice) -> tuple[np.ndarray, np.ndarray]:
    """Frames (n, Y, X) float32, missing samples filled in, and the share of each that was missing (n,)."""
    raw = recording[index]
    part = raw.astype(np.float32)
    missing = with_bad(missing_samples(raw, part), recording.bad_pixels, part.shape)
    if missing is None:
        return part, np.zeros(len(part))
    part[missing] = filled(part, missing)
    return part, missing.mean(axis=(1, 2))


def in_parts(matcher: Matcher, ground: Ground, frames: Tensor) -> Matches:
    """Match whole frames (n, Y, X), some at a time."""
    step = max(1, 2**20 // frames[0].numel()) if frames.device.type == "cpu" else 64
    parts = [matcher(ground.free(part)[:, None]) for part in frames.split(step)]
    names = list(parts[0].__dataclass_fields__)
    return Matches(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def radial(power: Tensor, size: tuple[int, int]) -> Tensor:
    """(h, w // 2 + 1) -> the same, each value the mean of its ring of equal frequency, running straight between rings."""
    place = frequencies((size[0], size[1]), power.device) / 0.7072 * (BINS - 1)
    ring = place.round().long().flatten()
    count = torch.bincount(ring, minlength=BINS)
    total = torch.zeros(BINS, dtype=torch.float64, device=power.device).index_add_(0, ring, power.double().flatten())
    known = torch.nonzero(count)[:, 0]
    mean = (total[known] / count[known]).float()
    right = torch.searchsorted(known.float(), place.contiguous()).clamp(1, max(len(known) - 1, 1))
    low, high = known[right - 1].float(), known[right.clamp(max=len(known) - 1)].float()
    share = ((place - low) / (high - low).clamp_min(1)).clamp(0, 1)
    return mean[right - 1] * (1 - share) + mean[right.clamp(max=len(known) - 1)] * share


def _spectrum(frames: Tensor, window: Tensor) -> Tensor:
    """(h, w // 2 + 1) mean over frames (n, h, w) of the variance by frequency, per pixel."""
    total = torch.zeros(window.shape[0], window.shape[1] // 2 + 1, device=frames.device)
    for part in frames.split(16):
        part = part - (part * window).sum((1, 2), keepdim=True) / window.sum()
        total += torch.view_as_real(torch.fft.rfft2(part * window)).square().sum(-1).sum(0)
    return total / (len(frames) * window.square().sum())
