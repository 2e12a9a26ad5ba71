"""`Auto`: the movie itself says whether, and how, it is to be registered."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.base import Registered
from detectnmf.register.ground import Ground, smoothed
from detectnmf.register.match import Matcher, taper
from detectnmf.register.neighbours import Neighbours
from detectnmf.register.piecewise import Piecewise
from detectnmf.register.rigid import SMALLEST, registered
from detectnmf.register.template import Template, draw, in_parts, noise_spectrum
from detectnmf.runtime import Runtime

logger = logging.getLogger(__name__)

LARGEST = 384  # px a side that the test looks at
FEWEST = 10  # frames that both halves must find
LARGE = 1.0, 2.0  # px rms, of motion that matters; standard errors that it must lie above what is seen, to be ruled out
FAR = 0.5, 3.0  # px, a jerk; times the median distance between both halves' shifts
NEAR = 0.5  # of a jerk, that both halves may differ by
SURE = 4.0  # standard errors
UNTOLD = (
    "single frames show too little of what lasts to tell whether the movie moves; it is left as it is (register=rigid shifts it anyway)"
)
CELLS = 1.5, 8.0  # px, widths of Gaussians between which cells are seen
FEW = 16  # frames that are filtered for that
SQUARE = 5  # coefficients


@dataclass(frozen=True)
class Auto(Piecewise):
    """Still, rigid or bending, by a test of some frames.

    Half of the field, the quadrants of one diagonal, is compared with a template, and the other half by itself. Noise and flickering cells
    shift each half in its own way; what both halves agree on is motion. A movie that lies still is left as it is.

    Args:
        test: frames that are looked at.
        least_motion: agreed motion from which a movie is registered (px, root mean square length).
        least_still: what lies still, as a share of what comes and goes (standard deviations at the width of cells), below which a template
            may miss how a movie moves, so that frames are compared with those beside them.
        least_flutter: agreed motion against frames just before and after, under a pattern that does not move, from which a movie is
            registered by these (px, root mean square length).
        least_bending: deviation of pieces that vary together from which it is registered piecewise (px, root mean square length).
    """

    test: int = 128
    least_motion: float = 0.1
    least_still: float = 0.85
    least_flutter: float = 1.0
    least_bending: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test < 2 * FEWEST:
            raise UserError(f"register.test must be at least {2 * FEWEST} frames, got {self.test}")
        for name in ("least_motion", "least_still", "least_flutter", "least_bending"):
            if not getattr(self, name) >= 0:
                raise UserError(f"register.{name} must be 0 or more, got {getattr(self, name)}")

    def __call__(self, recording: Recording, runtime: Runtime) -> Registered:
        """The recording as it is if nothing moves, with a note where that cannot be told; else with its frames put back on reading."""
        if min(recording.size) >= SMALLEST:
            self.weighing(recording, runtime)  # a mistake in it is not to be taken for a movie without anything to register by
        try:
            reach = self.reach(recording)
            sample = draw(recording, self.test, runtime.rng(0x57111), runtime)
            moving = self.moves(sample, reach)
            if not moving:
                neighbours = Neighbours(max_shift=self.max_shift, least=self.least)
                if self.weights is None and still(sample) < self.least_still and self.flutters(recording, neighbours, runtime):
                    logger.info("register: frames move under a pattern that does not; by those beside them")
                    return neighbours(recording, runtime)
                if moving is None and not self.rests(recording, reach, runtime):
                    return Registered(replace(recording, notes=(*recording.notes, UNTOLD)))
                logger.info("register: the movie lies still")
                return Registered(recording)
            template = self.template(recording, runtime)
        except UserError as error:
            if self.max_shift is not None:
                raise
            logger.info("register: not registered (%s)", error)
            return Registered(recording)
        rigid = self.estimator(template, recording, runtime)
        if self.patch <= min(recording.size) and (bends := self.bending(template)) >= self.least_bending:
            logger.info("register: piecewise, the movie bends by %.2f px", bends)
            return registered(recording, self.bent(template, recording, runtime), self.method, runtime)
        return registered(recording, rigid, {**self.method, "kind": "rigid"}, runtime)

    def moves(self, frames: Tensor, reach: int) -> bool | None:
        """Whether two halves of the field agree that frames (n, Y, X) move; None where they do not, and might by far."""
        rows, columns = (slice(max(0, (side - LARGEST) // 2), max(0, (side - LARGEST) // 2) + LARGEST) for side in frames.shape[1:])
        frames = frames[:, rows, columns].contiguous()
        if len(frames) < 2 * FEWEST:
            return False
        first, second = self._halves(frames[::2], frames[1::2], reach), self._halves(frames[1::2], frames[::2], reach)
        shifts = torch.cat([first, second], dim=1)
        agreed, error = agreement(shifts)
        length, apart = shifts.norm(dim=2), (shifts[0] - shifts[1]).norm(dim=1)
        far = max(FAR[0], FAR[1] * float(apart.median())) if len(apart) else FAR[0]
        jerks = (length.amin(0) > far) & (apart < NEAR * length.amax(0))
        logger.debug(
            "register: %d of %d frames found, motion %.3g ± %.2g px², %d jerks", shifts.shape[1], len(frames), agreed, error, jerks.sum()
        )
        if shifts.shape[1] < FEWEST:
            return None
        if agreed > max(self.least_motion**2, SURE * error) or int(jerks.sum()) >= max(2, 0.02 * len(frames)):
            return True
        return None if agreed + LARGE[1] * error > LARGE[0] ** 2 else False

    def rests(self, recording: Recording, reach: int, runtime: Runtime) -> bool:
        """Whether every other frame, as a whole, lies where a template of those between has it, give or take `LARGE`.

        Whole frames show what halves of the field are too dim for. Coefficients are dealt into two halves; a lit cell pulls both alike, so
        that this can tell rest and not motion.
        """
        bad = np.zeros(len(recording), bool) if recording.bad_frames is None else recording.bad_frames.astype(bool)
        other = np.arange(len(recording)) % 2 == 1
        try:
            template = self.template(replace(recording, bad_frames=bad | other), runtime)
            frames = draw(replace(recording, bad_frames=bad | ~other), self.test, runtime.rng(0x57112), runtime)
        except UserError:
            return False
        free, half = template.ground.free(template.image[None]), squares(template.image.shape, frames.device)
        parts = [Matcher.of(free, template.window, template.filter * part, reach) for part in (torch.ones_like(half), half, 1 - half)]
        whole, *both = (in_parts(matcher, template.ground, frames) for matcher in parts)
        found = (whole.significance[:, 0] >= self.least) & ~torch.stack([match.edge[:, 0] for match in both]).any(dim=0)
        if int(found.sum()) < max(FEWEST, len(frames) / 2):
            return False
        shifts = torch.stack([match.shifts[found, 0] for match in both])
        agreed, error = agreement(shifts - shifts.median(dim=1, keepdim=True).values)
        logger.debug("register: %d of %d whole frames found, motion %.3g ± %.2g px²", found.sum(), len(frames), agreed, error)
        return agreed + LARGE[1] * error < LARGE[0] ** 2

    def flutters(self, recording: Recording, neighbours: Neighbours, runtime: Runtime) -> bool:
        """Whether two halves of the field agree that frames move against those beside them, the fixed pattern taken away."""
        if len(recording) < 2 * FEWEST:
            return False
        around = neighbours.learn(recording, runtime)
        half = checks((around.window.shape[0], around.window.shape[1]), around.window.device)
        shifts = []
        for run in neighbours.runs(recording, around, runtime):
            for block in run.tensor_split(2):
                matches = [around.place(block, part[None])[1] for part in (half, 1 - half)]
                found = torch.stack([(match.significance[0] >= self.least) & ~match.edge[0] for match in matches if match]).all(dim=0)
                both = torch.stack([match.shifts[0][found] for match in matches if match]) * around.fold
                if both.shape[1] > 1:
                    shifts.append(both - both.mean(dim=1, keepdim=True))
        if not shifts:
            return False
        agreed, error = agreement(torch.cat(shifts, dim=1))
        logger.debug("register: frames against those beside them, motion %.3g ± %.2g px²", agreed, error)
        return agreed > max(self.least_flutter**2, SURE * error)

    def _halves(self, known: Tensor, frames: Tensor, reach: int) -> Tensor:
        """(2, n, 2) px: shifts of frames by each half of the field from the median of others; only of frames that both found."""
        image = known.median(dim=0).values
        ground = Ground.of(image, self.high_pass)
        size = (image.shape[0], image.shape[1])
        noise = noise_spectrum(ground.free(known - image), taper(size, reach, image.device))
        template = Template(image, ground, noise, len(known), reach, known, torch.zeros(0), torch.zeros(0))
        half = checks(size, image.device)
        matches = [in_parts(template.matcher(reach, part[None]), ground, frames) for part in (half, 1 - half)]
        found = torch.stack([(match.significance[:, 0] >= self.least) & ~match.edge[:, 0] for match in matches]).all(dim=0)
        shifts = torch.stack([match.shifts[found, 0] for match in matches])
        return shifts - shifts.median(dim=1, keepdim=True).values if len(shifts[0]) else shifts


def agreement(shifts: Tensor) -> tuple[float, float]:
    """(2, n, 2) px by two halves -> px², their covariance, summed over both axes, and its standard error."""
    if shifts.shape[1] < 2:
        return 0.0, 0.0
    products = (shifts[0] * shifts[1]).sum(dim=1)
    return float(products.mean()), float(products.std() / len(products) ** 0.5)


def still(frames: Tensor) -> float:
    """What the median of frames (n, Y, X) shows at the width of cells, over what single frames show besides it; infinite if nothing."""
    middle = frames.median(dim=0).values
    some = frames[:: max(1, len(frames) // FEW)] - middle
    lasting, fleeting = (torch.stack([smoothed(x, CELLS[0]) - smoothed(x, CELLS[1]) for x in images]) for images in (middle[None], some))
    return float(lasting.std() / fleeting.std()) if float(fleeting.std()) > 0 else float("inf")


def squares(size: tuple[int, ...], device: torch.device) -> Tensor:
    """(h, w // 2 + 1) 1 and 0 in turn in squares of SQUARE coefficients a side; the window ties each coefficient to its neighbours."""
    down = torch.fft.fftfreq(size[0], 1 / size[0], device=device).div(SQUARE).floor()
    right = torch.fft.rfftfreq(size[1], 1 / size[1], device=device).div(SQUARE).floor()
    return (down[:, None] + right).remainder(2)


def checks(size: tuple[int, int], device: torch.device) -> Tensor:
    """(Y, X) 1 in two opposite quadrants, 0 in the others, a soft edge between."""
    down, right = (torch.tanh((torch.arange(side, device=device) - (side - 1) / 2) / 2) for side in size)
    return 0.5 + 0.5 * down[:, None] * right[None]
