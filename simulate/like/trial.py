"""A simulation on trial: its truth, measured as a run is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.components import Components
from detectnmf.errors import UserError
from detectnmf.simulate.like import knobs
from detectnmf.simulate.like.knobs import Around, Typed
from detectnmf.simulate.like.likeness import Likeness, measure
from detectnmf.simulate.shapes.base import Shape

if TYPE_CHECKING:
    from detectnmf.result import DemixResult
    from detectnmf.simulate.simulator import Simulator

ENOUGH, MOST = 100, 8  # cells in the scenes of a round; scenes
AVERAGED = "diameter follow_light contrast excess spread events uneven light"


@dataclass(frozen=True)
class Seen:
    """A scene as it measures.

    Args:
        like: of its brightest cells. cells: how many there are in frame and focus. peak: their median dF/F at the peak.
        faint: SNR of the dimmest of the brightest cells.
    """

    like: Likeness
    cells: float
    peak: float
    faint: float


def attempt(twin: Simulator, wanted: Likeness, number: int, typed: Typed) -> Seen | None:
    """Simulate and measure as many of its brightest cells as the run found; None where no cell can be seen.

    Of few cells, several scenes are measured, and the mean is given.
    """
    twin = quick(twin)
    scenes = int(np.clip(np.ceil(ENOUGH / wanted.cells), 1, MOST))
    tried = [scene for one in range(scenes) if (scene := _try(twin, wanted, np.random.default_rng([number, one]), typed)) is not None]
    if not tried:
        return None
    likes = [one.like for one in tried]
    means = {name: float(np.mean([getattr(like, name) for like in likes])) for name in AVERAGED.split()}
    decays = [like.decay for like in likes if like.decay is not None]
    like = replace(likes[0], decay=float(np.mean(decays)) if decays else None, **means)  # type: ignore[arg-type]
    cells, peak, faint = (float(np.mean([getattr(one, name) for one in tried])) for name in ("cells", "peak", "faint"))
    return Seen(like, cells, peak, faint)


def _try(twin: Simulator, wanted: Likeness, rng: np.random.Generator, typed: Typed) -> Seen | None:
    """One scene."""
    scene = twin.draw(rng)
    truth = replace(twin, visible=twin.visible if "sim.visible" in typed else 0.0).render(scene).truth
    there = len(truth.cells)
    assert truth.cells.traces is not None
    if not (truth.cells.traces > 0).any():
        return None
    faint = truth.quality["snr"]
    if "sim.visible" not in typed:
        brightest = np.argsort(-faint, kind="stable")[: wanted.cells]
        faint = faint[brightest]
        truth = replace(truth, cells=truth.cells[np.sort(brightest)])
    truth = replace(truth, cells=noisy(truth, wanted.trace_noise, rng))
    try:
        now = measure(truth, knobs.knobs(twin.camera).get("offset"))
    except UserError:  # all is dark
        return None
    return Seen(now, there, knobs.highest(scene.activity.traces), float(faint.min()))


def quick(twin: Simulator) -> Simulator:
    """The same with a background that hardly fluctuates."""
    return replace(twin, neuropil=twin.neuropil.still()) if isinstance(twin.neuropil, Around) else twin


@dataclass(frozen=True)
class Specks:
    """Cells of one point each, where only places matter."""

    diameter: float

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        return n * [Shape(np.zeros((1, 3)), np.ones(1))]


def with_room(twin: Simulator, typed: Typed) -> Simulator:
    """Cells closer to each other, where there is no room for as many; places are quick to draw."""
    while twin.min_distance > 0 and "sim.min_distance" not in typed:
        try:
            replace(quick(twin), shapes=Specks(twin.shapes.diameter), frames=1).draw(np.random.default_rng(0))
            break
        except UserError as error:
            if "found room for" not in str(error):
                raise
            twin = replace(twin, min_distance=0.7 * twin.min_distance if twin.min_distance > 0.05 else 0.0)
    return twin


def noisy(truth: DemixResult, noise: float, rng: np.random.Generator) -> Components:
    """The true cells with traces as noisy as a run's; `noise` relative to that of the cell's brightest pixel."""
    cells = truth.cells
    assert cells.traces is not None
    brightest = cells.footprints.argmax(axis=0).ravel()
    level = noise * truth.history["noise"].ravel()[brightest]
    return replace(cells, traces=cells.traces + level[:, None] * rng.standard_normal(cells.traces.shape, np.float32))
