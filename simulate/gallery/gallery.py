"""`Gallery`: from a catalogue of options to a folder of pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate.gallery import captions, kernels, matrix, movies, style, traces, variations
from detectnmf.simulate.gallery.catalogue import Catalogue
from detectnmf.simulate.gallery.page import Page, write_index
from detectnmf.simulate.gallery.watch import Watched, watch
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.simulator import Simulated, Simulator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

MOST_COLUMNS, MOST_ROWS = 10, 8  # of a page
SCENES = ("scene", "experiment")
VARIED: dict[str, dict[str, Any]] = {  # groups that are shown by a small movie for each option, and what shows them best
    "neuropil": {"pixel_size": 2.0, "cells": 100},  # wide
    "illumination": {"pixel_size": 3.0, "cells": 200},
    "motion": {},
    "drift": {"rate": 3.0},  # long
    "camera": {},
    "faults": {},
}


@dataclass(frozen=True)
class Gallery:
    """Draws every option that a catalogue has.

    Args:
        pixel_size: µm, of the pictures of shapes under PSFs.
        psf_pixel_size: µm, at which the PSFs themselves are drawn and measured.
        field: µm, side of the pictures of shapes.
        depths: µm below the focal plane at which kernels are drawn; cells are drawn at the first and at the last of them.
        frames: of a movie at most.
        small: px, side of the fields that show parts other than shapes and PSFs, at most.
    """

    pixel_size: float = 0.5
    psf_pixel_size: float = 0.2
    field: float = 120.0
    depths: tuple[float, ...] = (0.0, 5.0, 20.0)
    frames: int = 300
    small: int = 96

    def __post_init__(self) -> None:
        object.__setattr__(self, "depths", tuple(self.depths))
        for name in ("pixel_size", "psf_pixel_size", "field"):
            if not getattr(self, name) > 0:
                raise UserError(f"gallery.{name} must be above 0 µm, got {getattr(self, name)}")
        if self.field < 4 * self.pixel_size:
            raise UserError(f"gallery.field must be at least four pixels of {self.pixel_size} µm, got {self.field}")
        if not self.depths or not np.isfinite(self.depths).all():
            raise UserError(f"gallery.depths must be one depth or more, in µm, got {list(self.depths)}")
        if self.frames < 2:
            raise UserError(f"gallery.frames must be 2 or more, got {self.frames}")
        if self.small < 8:
            raise UserError(f"gallery.small must be 8 px or more, got {self.small}")

    def __call__(self, catalogue: Catalogue, folder: Path, runtime: Runtime, about: str = "") -> dict[str, str]:
        """Write PNGs and index.html into a folder.

        Args:
            about: a line for the top of the index.

        Returns:
            what was left out, and why, by "psf=NAME" and so on.

        Raises:
            UserError: nothing could be drawn.
        """
        hanging = _Hanging(self, catalogue, folder, runtime)
        for step in runtime.progress(hanging.steps(), "gallery"):
            step()
        if not hanging.pages:
            what, why = next(iter(hanging.left_out.items()), ("the gallery", "nothing was chosen"))
            raise UserError(f"{what}: {why}")
        write_index(hanging.pages, hanging.left_out, about, folder / "index.html")
        return hanging.left_out


@dataclass
class _Hanging:
    """A gallery in the making."""

    knobs: Gallery
    catalogue: Catalogue
    folder: Path
    runtime: Runtime
    pages: list[Page] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    optics: dict[str, Optics] = field(default_factory=dict)
    portraits: dict[str, kernels.Portrait] = field(default_factory=dict)
    cells: dict[str, Shape] = field(default_factory=dict)
    courses: dict[str, traces.Course] = field(default_factory=dict)
    varied: dict[str, dict[str, tuple[Simulated, Watched]]] = field(default_factory=dict)

    def steps(self) -> list[Callable[[], None]]:
        """All there is to do, in order; a few seconds each at most."""
        each: list[tuple[Callable[[str, str], None], str, str]] = []
        each += [(self._psf, "psf", name) for name in self.catalogue.names("psf")]
        each += [(self._shape, "shapes", name) for name in self.catalogue.names("shapes")]
        each += [(self._trace, "activity", name) for name in self.catalogue.names("activity")]
        each += [(self._vary, group, name) for group in VARIED for name in self.catalogue.names(group)]
        scenes = [(self._scene, group, name) for group in SCENES for name in self.catalogue.names(group)]
        together = [self._matrices, self._kernels, self._traces, self._variations]
        return [*(self._step(*one) for one in each), *together, *(self._step(*one) for one in scenes)]

    def _step(self, work: Callable[[str, str], None], group: str, name: str) -> Callable[[], None]:
        def step() -> None:
            with self._noting(group, name):
                work(group, name)

        return step

    @contextmanager
    def _noting(self, group: str, name: str) -> Iterator[None]:
        """An option that fails is left out, saying why; the others are drawn all the same."""
        try:
            yield
        except UserError as error:
            self.left_out[f"{group}={name}"] = str(error)
        except Exception as error:
            logger.debug("%s=%s failed", group, name, exc_info=True)  # into log.txt
            self.left_out[f"{group}={name}"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

    # ---- what is drawn together, one option at a time ----

    def _psf(self, group: str, name: str) -> None:
        optics = Optics.of(self.catalogue.part(group, name, pixel_size=self.knobs.pixel_size))
        self.portraits[name] = kernels.portray(self.catalogue.part(group, name, pixel_size=self.knobs.psf_pixel_size), self.knobs.depths)
        self.optics[name] = optics

    def _shape(self, group: str, name: str) -> None:
        (self.cells[name],) = self.catalogue.part(group, name).draw(1, np.random.default_rng(self.runtime.seed))

    def _trace(self, group: str, name: str) -> None:
        self.courses[name] = traces.follow(self.catalogue.part(group, name), self.runtime.seed)

    def _vary(self, group: str, name: str) -> None:
        simulator = self.catalogue.simulator(group, name, **VARIED[group])
        small = min(simulator.size[0], self.knobs.small), min(simulator.size[1], self.knobs.small)
        share = small[0] * small[1] / (simulator.size[0] * simulator.size[1])
        cells = None if simulator.cells is None else max(1, round(simulator.cells * share))
        self.varied.setdefault(group, {})[name] = self._watch(replace(simulator, size=small, cells=cells))

    # ---- pages ----

    def _matrices(self) -> None:
        knobs, section = self.knobs, "Shapes and PSFs"
        rows = style.groups(list(self.cells), MOST_ROWS)
        columns = style.groups(list(self.optics), MOST_COLUMNS)
        for depth in dict.fromkeys((knobs.depths[0], knobs.depths[-1])):
            where = "in focus" if depth == 0 else f"{depth:g} µm out of focus"
            parts = [(some, seen) for some in rows for seen in columns]
            for number, (some, seen) in enumerate(parts):
                shapes, optics = {name: self.cells[name] for name in some}, {name: self.optics[name] for name in seen}
                figure = matrix.draw(matrix.tiles(shapes, optics, depth, knobs.field), depth, knobs.field)
                title = f"Shapes under PSFs, {where}" + _part(number, len(parts))
                about = {} if number % len(columns) or depth != knobs.depths[0] else self._about("shapes", some)
                self._hang(figure, number, Page(title, f"shapes-{depth:g}um", captions.matrix(depth, knobs), section, options=about))

    def _kernels(self) -> None:
        parts = style.groups(list(self.portraits), MOST_COLUMNS)
        for number, some in enumerate(parts):
            figure = kernels.draw({name: self.portraits[name] for name in some}, self.knobs.depths)
            title, caption = "PSFs" + _part(number, len(parts)), captions.kernels(self.knobs)
            self._hang(figure, number, Page(title, "psf", caption, "Shapes and PSFs", options=self._about("psf", some)))

    def _traces(self) -> None:
        parts = style.groups(list(self.courses), 18)
        for number, some in enumerate(parts):
            figure = traces.draw({name: self.courses[name] for name in some})
            title = "Activity" + _part(number, len(parts))
            self._hang(figure, number, Page(title, "activity", captions.TRACES, "Other parts", options=self._about("activity", some)))

    def _variations(self) -> None:
        for group, made in self.varied.items():
            parts = style.groups(list(made), MOST_ROWS)
            for number, some in enumerate(parts):
                figure = variations.draw({name: made[name] for name in some}, group)
                title = group.capitalize() + _part(number, len(parts))
                self._hang(figure, number, Page(title, group, captions.VARIATIONS, "Other parts", options=self._about(group, some)))

    def _scene(self, group: str, name: str) -> None:
        simulated, watched = self._watch(self.catalogue.simulator(group, name))
        figure = movies.draw(f"{group} {name}", simulated, watched)
        chosen = "  ".join(f"{part}={one}" for part, one in self.catalogue.choices(group, name).items())
        caption = "\n".join([self.catalogue.about(group, name), chosen])
        section = "Plain scenes" if group == "scene" else "Experiments"
        self._hang(figure, 0, Page(name, f"{group}-{name}", caption, section, self.catalogue.command(group, name)))

    def _watch(self, simulator: Simulator) -> tuple[Simulated, Watched]:
        """A short movie of a simulator, looked at once."""
        short = replace(simulator, frames=min(simulator.frames, self.knobs.frames))
        simulated = short(np.random.default_rng(self.runtime.seed)).to(self.runtime.torch_device)
        return simulated, watch(simulated)

    def _about(self, group: str, names: Sequence[str]) -> dict[str, str]:
        return {name: self.catalogue.about(group, name) for name in names}

    def _hang(self, figure: Figure, number: int, page: Page) -> None:
        """Save a figure; `page.file` names it without its number and ending."""
        page = replace(page, file=f"{page.file}-{number + 1}.png" if number else f"{page.file}.png")
        style.save(figure, self.folder / page.file)
        self.pages.append(page)


def _part(number: int, of: int) -> str:
    return f" ({number + 1} of {of})" if of > 1 else ""
