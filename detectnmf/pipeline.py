"""The way of the data: a recording is registered, enhanced, compressed, seeded, demixed and judged, and its cells' traces are read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import sparse

from detectnmf.background.base import Background
from detectnmf.components import Components
from detectnmf.compress.base import Compressor
from detectnmf.compressed import Compressed
from detectnmf.demix.base import Demixed, Demixer
from detectnmf.demix.model import Model
from detectnmf.detect.diameter import estimate_diameter
from detectnmf.enhance.base import Enhancer
from detectnmf.enhance.none import NoEnhancing
from detectnmf.errors import UserError
from detectnmf.events.base import EventReader
from detectnmf.events.none import NoEvents
from detectnmf.judge.quality import Judge, Judged
from detectnmf.recording import Recording
from detectnmf.register.base import Registrar
from detectnmf.register.none import NoRegistration
from detectnmf.registration import Registration
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.seeds.base import Seeder, places
from detectnmf.signals import MEANING, Signals
from detectnmf.stages.keep import Stages
from detectnmf.threads import small_blas
from detectnmf.traces.base import Reader
from detectnmf.traces.oasis import Oasis

logger = logging.getLogger(__name__)

FEWEST_FRAMES = 10
FALLBACK_DIAMETER = 12.0  # px, where nothing shows how large a cell is


@dataclass(frozen=True)
class Pipeline:
    """Built parts, in the order in which the data meets them.

    Args:
        register: puts each frame back to where it belongs on reading.
        enhance: frees each frame of its background on reading. compress: recording -> compressed movie.
        seeders: each finds cells in what is not explained yet; the last one is asked again as long as some of what it finds
            turns out to be new, `passes` times at most.
        demix: fits footprints and traces. background: its model of what is not cells.
        judge: measures each cell, and says which to keep. traces: reads what the traces of those say. events: lists dips and surges.
    """

    compress: Compressor
    seeders: Mapping[str, Seeder]
    demix: Demixer
    background: Background
    judge: Judge
    register: Registrar = field(default_factory=NoRegistration)
    enhance: Enhancer = field(default_factory=NoEnhancing)
    traces: Reader = field(default_factory=Oasis)
    events: EventReader = field(default_factory=NoEvents)
    passes: int = 5

    def __post_init__(self) -> None:
        if not self.seeders:
            raise UserError("no seeder is given; name at least one, such as seeder=[maskrcnn,superpixels]")

    @small_blas
    def __call__(
        self,
        recording: Recording,
        runtime: Runtime,
        diameter: float | None = None,
        provenance: Mapping[str, Any] | None = None,
        stages: Stages | None = None,
    ) -> DemixResult:
        """Find and demix the cells of a recording.

        Args:
            diameter: of a cell (px); None estimates it.
            provenance: what is to be known of this run besides what the run itself adds.
            stages: keeps what each stage found, and gives what an earlier run kept; None keeps nothing.

        Raises:
            UserError: fewer than ten frames, or no usable pixel.
        """
        stages = Stages() if stages is None else stages
        check(recording, diameter)
        reading = {"register": self.register, "enhance": self.enhance, "compress": self.compress}
        reading["diameter"] = None if isinstance(self.enhance, NoEnhancing) else diameter  # nothing else that reads needs it
        movie, registration, notes = stages("compress", partial(self._compress, recording, diameter), runtime, **reading)
        if diameter is None:
            diameter, note = stages("diameter", partial(find_diameter, movie), runtime)
            notes.append(note)
        model = Model.nothing(movie)
        history: list[dict[str, np.ndarray]] = []
        seeding: dict[str, np.ndarray] = {}
        last = list(self.seeders)[-1]
        for name in (*self.seeders, *[last] * (self.passes - 1)):
            look = partial(self._seed, name, movie, model, diameter)
            seeds, where = stages(f"seed: {name}", look, runtime, seeder=self.seeders[name], diameter=diameter)
            logger.info("%s: %d seeds", name, len(seeds))
            for step, pixels in where.items():
                seeding[step] = np.concatenate([seeding.get(step, pixels[:0]), pixels])
            if len(seeds) or not history:
                fit = partial(self._demix, movie, model, seeds, diameter)
                before, demixed = len(model), stages("demix", fit, runtime, demix=self.demix, background=self.background)
                model = demixed.model
                history.append(demixed.history)
            if name == last and (not len(seeds) or len(model) <= before):
                break
        judged = stages("judge", lambda runtime: self.judge(movie, model, diameter, runtime), runtime, judge=self.judge)
        kept, rejected = (ranked(judged, which) for which in (judged.keep, ~judged.keep))
        if len(rejected):
            why = reasons(judged.quality["reason"][rejected])
            notes.append(f"{len(rejected)} of {len(judged.keep)} components were not kept: {why}; they are in result.rejected")
        measured = measures(movie, model, diameter, judged)
        for seeder in self.seeders.values():
            notes += getattr(seeder, "doubts", lambda _: [])(measured)
        result = assemble(movie, model, kept, rejected)
        signals, said = self._signals(result, runtime, stages)
        result = replace(result, signals=signals)
        notes += said
        result = replace(result, events=stages("events", partial(self.events, result), runtime, events=self.events))
        for note in notes:
            logger.warning("note: %s", note)
        known = {"diameter": float(diameter), "timings": stages.seconds, "notes": notes, "frames": len(movie), "rank": movie.rank}
        return replace(
            result,
            registration=registration,
            seeding=seeding,
            quality={name: values[kept] for name, values in judged.quality.items()},
            rejected_quality={name: values[rejected] for name, values in judged.quality.items()},
            history={key: np.concatenate([h[key] for h in history]) for key in history[0]},
            provenance={**(provenance or {}), **known},
        )

    def _compress(
        self, recording: Recording, diameter: float | None, runtime: Runtime
    ) -> tuple[Compressed, Registration | None, list[str]]:
        """Register, enhance and compress in one go, and what is to be said of it."""
        registered = self.register(recording, runtime)
        if registered.frames is not None:
            runtime.partial.beside("motion", registered.frames.known)
        recording = self.enhance(registered.recording, diameter, runtime)
        movie = self.compress(recording, runtime)
        registration = registered.registration()
        return movie, registration, [*recording.notes, *([] if registration is None else registration.notes), *repairs(movie)]

    def _seed(
        self, name: str, movie: Compressed, model: Model, diameter: float, runtime: Runtime
    ) -> tuple[Components, dict[str, np.ndarray]]:
        """What a seeder finds, and the pixels at which it saw it."""
        seeds = self.seeders[name](movie, model, diameter, runtime)
        return seeds, places(name, self.seeders[name], seeds)

    def _demix(self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime) -> Demixed:
        return self.demix(movie, model, seeds, diameter, runtime, self.background)

    def _signals(self, result: DemixResult, runtime: Runtime, stages: Stages) -> tuple[Signals | None, list[str]]:
        """The signals, and what is to be said of them; a reader that fails does not take the cells with it."""
        try:
            signals = stages("traces", partial(self.traces, result), runtime, traces=self.traces)
        except Exception as error:
            logger.debug("reading the traces failed", exc_info=True)
            return None, [f"the traces were not read ({type(error).__name__}: {error}); the cells and their demixed traces are there"]
        if signals is None:
            return None, []
        words, counts = np.unique([word for flag in signals.flag for word in flag.split("+")], return_counts=True)
        notes = [f"{count} of {len(signals)} traces: {MEANING[word]}" for word, count in zip(words, counts, strict=True) if word in MEANING]
        return signals, notes


def check(recording: Recording, diameter: float | None) -> None:
    """Raises UserError for a movie too short to tell signal from noise, or too small for its cells."""
    if diameter is not None and diameter > 2 * max(recording.size):
        rows, columns = recording.size
        raise UserError(f"diameter={diameter:g} px is larger than the field of {rows} x {columns} px; px or µm? (diameter=12um)")
    if len(recording) < FEWEST_FRAMES:
        raise UserError(
            f"{recording.path or recording.name}: {len(recording)} frames are too few to tell signal from noise; "
            f"give at least {FEWEST_FRAMES}, or check the order of the axes (axes=)"
        )


def repairs(movie: Compressed) -> list[str]:
    """What the compression masked, one sentence each.

    Raises:
        UserError: no pixel is usable.
    """
    notes = []
    pixels = movie.size[0] * movie.size[1]
    bad_pixels = 0 if movie.bad_pixels is None else int(movie.bad_pixels.sum())
    bad_frames = 0 if movie.bad_frames is None else int(movie.bad_frames.sum())
    if bad_pixels == pixels:
        raise UserError(f"{movie.name}: all {pixels} pixels are constant or missing; is this the right file, channel or dataset?")
    if len(movie) - bad_frames < FEWEST_FRAMES:
        raise UserError(f"{movie.name}: {bad_frames} of {len(movie)} frames are missing (NaN or saturated); too few are left")
    if bad_pixels:
        notes.append(f"{bad_pixels} of {pixels} pixels are constant or missing and were masked")
    if bad_frames:
        notes.append(f"{bad_frames} of {len(movie)} frames are missing (NaN or saturated) and were masked; traces are interpolated there")
    if movie.missing:
        share = 100 * movie.missing / (pixels * len(movie))
        notes.append(f"{movie.missing} single samples ({share:.2g} %) are NaN or saturated and were masked")
    if movie.rank == 0:
        notes.append("nothing in this movie is smoother than noise, so no cell can be found; check the rate, or average frames")
    return notes


def find_diameter(movie: Compressed, runtime: Runtime) -> tuple[float, str]:
    """The diameter of a cell (px), and a sentence that says where it is from."""
    found = estimate_diameter(movie, runtime)
    if found is None:
        return FALLBACK_DIAMETER, f"nothing shows how large a cell is: a diameter of {FALLBACK_DIAMETER:g} px was assumed; give diameter="
    return found, f"cell diameter estimated as {found:.1f} px; if that is wrong, give diameter="


def measures(movie: Compressed, model: Model, diameter: float, judged: Judged) -> dict[str, float]:
    """Of the recording, by which a seeder may know whether it was made for it: µm, Hz, peak SNR (median), footprints over a pixel."""
    measured = {"diameter": diameter * movie.pixel_size, "rate": movie.rate}
    if judged.keep.any():
        traces = model.C.cpu().numpy()[judged.keep]
        brightest = sparse.csc_array(model.A.csr)[:, np.flatnonzero(judged.keep)].max(axis=0).toarray().ravel()
        measured["snr"] = float(np.median(brightest * (traces.max(1) - np.median(traces, 1))))
        measured["density"] = float(judged.quality["area"][judged.keep].sum()) / (movie.size[0] * movie.size[1])
    return measured


def ranked(judged: Judged, chosen: np.ndarray) -> np.ndarray:
    """Indices of the chosen components (mask), highest SNR first."""
    order = np.flatnonzero(chosen)
    return order[np.argsort(-judged.quality["snr"][order], kind="stable")]


def assemble(movie: Compressed, model: Model, kept: np.ndarray, rejected: np.ndarray | None = None) -> DemixResult:
    """The model in the recording's own units; the chosen components are the cells."""
    std = movie.std.ravel()
    compressed = movie.to("cpu")
    background = replace(compressed.with_V(torch.as_tensor(model.B).cpu()), mean=np.zeros_like(movie.mean))
    return DemixResult(
        cells=components(movie, model, kept),
        baseline=movie.mean + (std * model.b.cpu().numpy()).reshape(movie.size).astype(np.float32),
        background=background,
        movie=compressed,
        rate=movie.rate,
        pixel_size=movie.pixel_size,
        name=movie.name,
        rejected=components(movie, model, np.arange(0) if rejected is None else rejected),
    )


def components(movie: Compressed, model: Model, order: np.ndarray) -> Components:
    """The chosen components in the recording's own units; footprints have maximum 1."""
    std = movie.std.ravel()
    footprints = sparse.csc_array(sparse.diags_array(std) @ sparse.csc_array(model.A.csr)[:, order])
    peak = footprints.max(axis=0).toarray().ravel() if len(order) else np.ones(0, np.float32)
    peak = np.maximum(peak, 1e-20)
    traces = model.C.cpu().numpy()[order] * peak[:, None]
    footprints = sparse.csc_array(footprints @ sparse.diags_array(1 / peak), dtype=np.float32)
    footprints.sort_indices()
    return Components(footprints, movie.size, traces.astype(np.float32), model.score.cpu().numpy()[order])


def reasons(words: np.ndarray) -> str:
    """How often each reason occurs."""
    names, counts = np.unique(words, return_counts=True)
    return ", ".join(f"{name} ({count})" for name, count in zip(names, counts, strict=True))
