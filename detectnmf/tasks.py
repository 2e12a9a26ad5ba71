"""What each verb does: settings in, built parts, plain calls, a short summary out. Here, in `cli` and in `command` alone is Hydra seen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from detectnmf.command.folder import check_writable
from detectnmf.command.job import Job
from detectnmf.command.joblog import JobLog
from detectnmf.command.settings import check_knobs, check_parts, diameter_in_pixels
from detectnmf.command.summary import describe, duration, peak_memory, summary
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

if TYPE_CHECKING:
    from detectnmf.judge.evaluate import Evaluation
    from detectnmf.pipeline import Pipeline
    from detectnmf.recording import Recording
    from detectnmf.result import DemixResult

logger = logging.getLogger(__name__)

PathLike = str | int | float  # out=2026 is a name, too
SHARED: dict[str, Any] = {"device": str, "max_memory": float | None, "seed": int, "quiet": bool, "overwrite": bool, "out": PathLike | None}
KNOBS: dict[str, dict[str, Any]] = {
    "run": {
        "input": PathLike,
        "dataset": str | None,
        "axes": str | None,
        "channel": int | None,
        "plane": int | None,
        "size": list[int] | None,
        "rate": float | None,
        "pixel_size": float | None,
        "diameter": float | str | None,
    },
    "sweep": {"knob": str, "values": list[float], "nulls": int},
    "simulate": {"out": PathLike, "like": PathLike | None},
    "gallery": {},
    "train": {"out": PathLike, "like": PathLike | None},
    "evaluate": {"result": PathLike, "truth": PathLike},
    "demo": {"diameter": float | str | None},
}
KNOBS["doctor"] = KNOBS["run"]
KNOBS["sweep"] |= KNOBS["run"]
SCENE = ("psf", "shapes", "activity", "neuropil", "camera", "illumination", "motion", "drift", "faults", "sim", "write")
PIPELINE = ("register", "enhance", "compress", "sparsen", "detector", "seeder", "background", "demix", "judge", "traces", "events")
PARTS: dict[str, tuple[str, ...]] = {
    "run": PIPELINE,
    "doctor": PIPELINE,
    "sweep": PIPELINE,
    "simulate": (*SCENE, "resemble"),
    "gallery": (*SCENE[:-1], "gallery"),
    "train": (*SCENE[:-1], "enhance", "compress", "sparsen", "training", "resemble"),
    "evaluate": (),
    "demo": (*SCENE, *PIPELINE),
}


def do(verb: str, config: DictConfig, log: JobLog, command: str, suffix: str | None = None) -> str:
    """Check every setting, then do the verb; returns what to print.

    Raises:
        UserError: the user's mistake, in one line.
    """
    settings = plain(config)
    if "training" not in PARTS[verb]:  # an experiment says what to simulate and how to train on it
        settings.pop("training", None)
    check_knobs(settings, {**SHARED, **KNOBS[verb]}, PARTS[verb], verb)
    check_parts(settings)
    runtime = Runtime(config.device, config.max_memory, config.seed, config.quiet)
    return VERBS[verb](Job(config, settings, runtime, log, command, suffix))


def run(job: Job) -> str:
    """Find and demix the cells of a recording."""
    from detectnmf.doctor.checkup import precheck

    config = job.config
    diameter_in_pixels(config.diameter, 1.0)  # a mistake in it need not wait for the movie
    pipeline = build_pipeline(job)
    recording = read(job)
    precheck(recording, config.axes)
    wanted = Path(f"{recording.name}.detectnmf") if config.out is None else place(config.out)
    if config.out is not None and job.suffix is not None:  # several jobs, one place: a folder of folders
        wanted = wanted / f"{recording.name}.detectnmf"
    with job.folder(wanted) as folder:
        logger.info("%s", describe(recording))
        start = time.perf_counter()
        result = find_cells(job, pipeline, recording, folder, str(place(config.input)))
        write_report(result, folder / "report.html")
        found = f"{len(result.cells)} cells" if result.events is None else f"{len(result.events)} events"
        took = f"{found} in {duration(time.perf_counter() - start)}, {peak_memory():.1f} GiB at most"
        logger.debug(took)
        return f"{took}\n{summary(folder, 'result.h5', 'events.csv', 'report.html')}"


def sweep(job: Job) -> str:
    """What one knob does: how much is found at each value, and how much of it is expected to be false."""
    from detectnmf.io.atomic import replacing
    from detectnmf.sweep.base import ascending
    from detectnmf.sweep.run import sweep as sweep_over

    config = job.config
    chosen = OmegaConf.select(config, config.knob)
    if not isinstance(chosen, (int, float)) or isinstance(chosen, bool):
        said = "is no knob of these parts" if chosen is None else f"is {chosen!r}, which is no number"
        raise UserError(f"knob={config.knob} {said}; give one with a number, such as knob=demix.alpha with preset=dips")
    if config.knob.startswith(("enhance.", "compress.")):
        raise UserError(f"knob={config.knob} changes the compressed movie, which a sweep makes only once; run it with -m instead")
    if config.nulls < 1:
        raise UserError(f"nulls must be 1 or more, got {config.nulls}")
    values = ascending(config["values"])
    whole = isinstance(chosen, int) and all(value == round(value) for value in values)

    def build(value: float) -> Pipeline:
        changed = config.copy()
        OmegaConf.update(changed, config.knob, round(value) if whole else value)
        return build_pipeline(replace(job, config=changed))

    for value in values:  # a mistake in one need not wait for the others
        build(value)
    diameter_in_pixels(config.diameter, 1.0)
    recording = read(job)
    wanted = Path(f"{recording.name}.sweep") if config.out is None else place(config.out)
    with job.folder(wanted, holds="sweep.csv") as folder:
        logger.info("%s", describe(recording))
        diameter = diameter_in_pixels(config.diameter, recording.pixel_size)
        found = sweep_over(build, config.knob, values, recording, job.runtime, diameter, config.nulls, float(chosen))
        with replacing(folder / "sweep.csv") as part:
            part.write_text(found.csv(), encoding="utf-8")
        found.draw(folder / "sweep.png")
        best = found.suggested()
        picked = (
            f"most {found.what} with at most 10 % expected false: {config.knob}={best:g}"
            if best is not None
            else (f"no value keeps the {found.what} expected to be false below 10 %")
        )
        return f"{found.table()}\n{picked}\n{summary(folder, 'sweep.csv', 'sweep.png')}"


def doctor(job: Job) -> str:
    """What a recording is like, what is wrong with it, and what a run will take."""
    from detectnmf.doctor.checkup import examine
    from detectnmf.doctor.page import write_page
    from detectnmf.doctor.text import command, text

    config = job.config
    diameter_in_pixels(config.diameter, 1.0)
    pipeline, recording, source = build_pipeline(job), read(job), str(place(config.input))
    wanted = Path(f"{recording.name}.doctor") if config.out is None else place(config.out)
    with job.folder(wanted, holds="doctor.html") as folder:
        logger.info("%s", describe(recording))
        checkup = examine(recording, pipeline, job.runtime, diameter_in_pixels(config.diameter, recording.pixel_size))
        words = [word for word in job.words() if word.partition("=")[0] not in ("input", "out")]
        write_page(checkup, folder / "doctor.html", command(checkup, source, words))
        return f"{text(checkup, source, words)}\n\n{summary(folder, 'doctor.html')}"


def read(job: Job) -> Recording:
    """The movie that the job is about."""
    import detectnmf

    keys = ("rate", "pixel_size", "dataset", "axes", "channel", "plane", "size")
    return detectnmf.read(str(place(job.config.input)), **{key: job.settings[key] for key in keys})


def build_pipeline(job: Job) -> Pipeline:
    from detectnmf.pipeline import Pipeline

    return Pipeline(
        register=job.build("register"),
        enhance=job.build("enhance"),
        compress=job.build("compress"),
        seeders=job.build("seeder"),
        demix=job.build("demix"),
        background=job.build("background"),
        judge=job.build("judge"),
        traces=job.build("traces"),
        events=job.build("events"),
    )


def find_cells(job: Job, pipeline: Pipeline, recording: Recording, folder: Path, source: str | None) -> DemixResult:
    """Run the pipeline and save what it found, before anything else can fail."""
    from detectnmf.io.atomic import replacing

    diameter = diameter_in_pixels(job.config.diameter, recording.pixel_size)
    result = pipeline(recording, job.runtime, diameter=diameter, provenance=job.provenance(source))
    result.save(folder / "result.h5")
    if result.events is not None:
        with replacing(folder / "events.csv") as part:
            part.write_text(result.events.csv(), encoding="utf-8")
    return result


def write_report(result: DemixResult, path: Path, evaluation: Evaluation | None = None) -> None:
    """The report; one that fails does not take the result with it."""
    from detectnmf.report import write_report

    try:
        write_report(result, path, evaluation)
    except Exception:
        logger.exception("the report failed; the result itself is saved beside it")


def simulate(job: Job) -> str:
    """A movie with known truth."""
    like = None if job.config.like is None else place(job.config.like)
    made = simulate_into(job, job.name(place(job.config.out)), job.config.overwrite, like)
    return f"{made.report}\nwrote {made.movie}\nwrote {made.truth}"


@dataclass(frozen=True)
class Made:
    """Where a simulated movie and its truth are, and what is in it."""

    movie: Path
    truth: Path
    report: str


def simulate_into(job: Job, out: Path, overwrite: bool, like: Path | None = None) -> Made:
    """Draw, render and write; `like` a finished run, if there is one."""
    simulator, write = job.build("sim"), job.build("write")
    check_writable(out.parent)
    for file in write.files(out):
        refuse_to_replace(file, overwrite)
    write.check(out, (simulator.frames, *simulator.size), simulator.camera.dtype)
    known: dict[str, Any] = {}
    if like is not None:
        simulator, known = resembling(job, simulator, like)
    simulated = simulator.render(simulator.draw(np.random.default_rng(job.config.seed)))
    for note in simulated.recording.notes:
        logger.warning("note: %s", note)
    truth = replace(simulated.truth, provenance={**simulated.truth.provenance, **job.provenance(), **known})
    report = ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in simulated.report.items())
    return Made(out, write(replace(simulated.to(job.runtime.torch_device), truth=truth), out, job.runtime), report)


def gallery(job: Job) -> str:
    """All that the simulator can make, in pictures."""
    import detectnmf
    from detectnmf.command.catalogue import Catalogue

    draw = job.build("gallery")
    catalogue = Catalogue.of_this_job("gallery", (*SCENE[:-2], "scene", "experiment"))
    catalogue.check()
    with job.folder(place(job.config.out), holds="index.html") as folder:
        about = f"detectnmf {detectnmf.__version__}, seed {job.config.seed}: {job.command}"
        left_out = draw(catalogue, folder, job.runtime, about)
        for what, why in left_out.items():
            logger.debug("left out %s: %s", what, why)
        without = f"left out (the end of index.html says why): {', '.join(left_out)}\n" if left_out else ""
        return f"{without}{folder / 'index.html'}"


def resembling(job: Job, simulator: Any, like: Path, kept: tuple[str, ...] = ()) -> tuple[Any, dict[str, Any]]:
    """The simulator with all that was neither typed nor is to be kept taken from a finished run; and what to note of it."""
    import detectnmf

    alike = job.build("resemble")(simulator, detectnmf.load(like), [*job.typed(), *kept])
    logger.info("like %s: %s", like, alike.likeness)
    logger.info("%s", " ".join(f"{knob}={value}" for knob, value in alike.knobs.items()))
    return alike.simulator, {"like": str(like), "measured": alike.likeness.numbers, "fitted": alike.knobs}


def train(job: Job) -> str:
    """A detector from simulated movies, or a seed classifier from simulated traces."""
    out = place(job.config.out)
    out = job.name(out.with_name(out.name.removesuffix(".safetensors") + ".safetensors"))
    check_writable(out.parent)
    refuse_to_replace(out, job.config.overwrite)
    training, simulator = job.build("training"), job.build("sim")
    if job.config.like is not None:
        simulator, _ = resembling(job, simulator, place(job.config.like), ("sim.frames", "sim.size", "camera.dtype"))
        training = training.like(simulator)
    parts = (job.build(part) for part in ("compress", "sparsen", "enhance"))
    out = training(simulator, *parts, out, job.runtime, job.config.overwrite)
    return f"wrote {out} and its card; {training.use.format(out=out)}"


def evaluate(job: Job) -> str:
    """Score a result against a truth."""
    import detectnmf

    found = place(job.config.result)
    found = found / "result.h5" if found.is_dir() else found
    out = found.with_name("evaluation.json") if job.config.out is None else job.name(place(job.config.out))
    check_writable(out.parent)
    scores = evaluate_into(detectnmf.load(found), detectnmf.load(place(job.config.truth)), out)
    return f"{scores.table()}\n\nwrote {out}"


def evaluate_into(result: DemixResult, truth: DemixResult, out: Path) -> Evaluation:
    """Score and write the scores."""
    from detectnmf.io.atomic import replacing
    from detectnmf.judge.evaluate import evaluate as score

    scores = score(result, truth)
    with replacing(out) as part:
        part.write_text(scores.to_json(), encoding="utf-8")
    return scores


def demo(job: Job) -> str:
    """Simulate, run, evaluate, report, in one folder."""
    import detectnmf

    pipeline = build_pipeline(job)
    with job.folder(place(job.config.out)) as folder:
        start = time.perf_counter()
        logger.info("simulate")
        made = simulate_into(job, folder / "movie.tif", overwrite=True)
        recording = detectnmf.read(str(made.movie))
        result = find_cells(job, pipeline, recording, folder, str(made.movie))
        scores = evaluate_into(result, detectnmf.load(made.truth), folder / "evaluation.json")
        write_report(result, folder / "report.html", scores)
        took = f"{duration(time.perf_counter() - start)}, {peak_memory():.1f} GiB at most"
        return (
            f"{scores.table()}\n\n{took}\n{summary(folder, 'movie.tif', 'movie.truth.h5', 'result.h5', 'evaluation.json', 'report.html')}"
        )


VERBS: dict[str, Callable[[Job], str]] = {
    "run": run,
    "doctor": doctor,
    "sweep": sweep,
    "simulate": simulate,
    "gallery": gallery,
    "train": train,
    "evaluate": evaluate,
    "demo": demo,
}


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved, as plain dicts, lists and values."""
    values = OmegaConf.to_container(config, resolve=True)
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}


def place(value: PathLike) -> Path:
    """A path as typed; the shell does not expand the ~ in out=~/results."""
    return Path(str(value)).expanduser()


def refuse_to_replace(out: Path, overwrite: bool) -> None:
    """Raises UserError where there is such a file already and nobody asked to replace it."""
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists; choose another name, or replace it with overwrite=true")
