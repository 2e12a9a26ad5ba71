"""Running many movies: options, a file of what is done already, and processes."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from common import FIRST_SEED, Case
from hydra.errors import ConfigCompositionException

ROOT = Path(__file__).resolve().parents[1]
ASIDE = ("report", "command", "write", "io")  # folders whose code no number depends on
NUMBERS = (
    "common",
    "baselines",
    "stages",
    "floors",
    "ablations",
    "one_run",
    "one_suite2p",
    "finders",
    "trace_scores",
    "miniscope",
    "presets",
)  # those that make them
Row = dict[str, Any]
Method = Callable[[Case], Row]
Name = TypeVar("Name")
Rows = dict[tuple[Name, str], list[Row]]


def options(name: str, doc: str | None, seeds: int, quick_seeds: int = 1) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(f"python benchmarks/{name}.py", description=(doc or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small version, to see that it works; its page goes to a temporary folder")
    parser.add_argument("--seeds", type=int, help=f"movies of each kind ({seeds}; {quick_seeds} with --quick)")
    parser.add_argument("--jobs", type=int, default=1, help="processes; the cores are shared between them")
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--cache", type=Path, help="file of finished runs (JSON lines); a run that was cut off goes on from there")
    parser.add_argument("--any-code", action="store_true", help="take from the cache what other versions of the code gave, too")
    parser.add_argument("--out", type=Path, help="folder of the page (docs/benchmarks)")
    parser.set_defaults(usual_seeds=seeds, quick_seeds=quick_seeds)
    return parser


def understood(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options, with what depends on others filled in."""
    chosen = parser.parse_args()
    if chosen.seeds is None:
        chosen.seeds = chosen.quick_seeds if chosen.quick else chosen.usual_seeds
    if chosen.out is None:
        chosen.out = Path(tempfile.gettempdir()) / "detectnmf-benchmarks" if chosen.quick else ROOT / "docs" / "benchmarks"
    chosen.out.mkdir(parents=True, exist_ok=True)
    each = os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // chosen.jobs)))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # of the processes that are started
        os.environ.setdefault(name, each)
    return chosen


def code() -> str:
    """A short hash of all that numbers depend on: the package, the simulator, the configurations, the checkpoints, some of these files."""
    digest = hashlib.sha256()
    for folder in ("detectnmf", "simulate", "configs", "checkpoints", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if set(path.relative_to(ROOT).parts) & set(ASIDE) or (folder == "benchmarks" and path.stem not in NUMBERS):
                continue
            if path.suffix in (".py", ".yaml", ".json"):
                digest.update(path.read_bytes())
            elif path.suffix == ".safetensors":
                digest.update(f"{path.name} {path.stat().st_size}".encode())
    return digest.hexdigest()[:12]


@dataclass
class Cache:
    """Finished runs: one JSON object a line, appended as soon as it is there.

    Args:
        path: None keeps them in memory alone.
        any_code: take the rows of other versions of the code, too; the last one of a key counts.
    """

    path: Path | None = None
    any_code: bool = False
    code: str = field(default_factory=code)
    rows: dict[tuple[str, int, str], Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:  # cut off while it was written
                    continue
                if self.any_code or row["code"] == self.code:
                    self.rows[self.key(row)] = row

    @staticmethod
    def key(row: Row) -> tuple[str, int, str]:
        return row["movie"], row["seed"], row["method"]

    def add(self, row: Row) -> None:
        row = {**row, "code": self.code}
        self.rows[self.key(row)] = row
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(finite(row)) + "\n")

    def of(self, movie: str, method: str, count: int) -> list[Row]:
        """The first seeds of a movie and a method."""
        return [self.rows[movie, seed, method] for seed in seeds(count)]


def finite(row: Row) -> Row:
    """JSON knows no NaN: None instead."""
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


def seeds(count: int) -> range:
    return range(FIRST_SEED, FIRST_SEED + count)


def run_all(movies: Mapping[Name, tuple[str, ...]], chosen: argparse.Namespace, methods: Mapping[str, Method]) -> Rows[Name]:
    """Every method on every movie and seed, but for those that the cache holds. What fails stops nothing else.

    Returns the rows of each movie and method, by seed.
    """
    cache = Cache(chosen.cache, chosen.any_code)
    wanted = []
    for seed in seeds(chosen.seeds):  # all kinds of movies of a seed before the next one: an early look sees them all
        for overrides in movies.values():
            missing = [name for name in methods if (name_of(overrides), seed, name) not in cache.rows]
            if missing:
                wanted.append((Case(overrides, seed, chosen.device), {name: methods[name] for name in missing}))
    start = time.perf_counter()
    # a process for each movie: what one leaves in memory is no burden to the next
    with ProcessPoolExecutor(chosen.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = [pool.submit(run_one, *one) for one in wanted]
        failed = []
        for done, future in enumerate(as_completed(waiting), 1):
            rows, errors = future.result()
            failed += errors
            for row in rows:
                cache.add(row)
            print(f"{done} of {len(wanted)} movies, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    if failed:
        raise SystemExit("\n".join(failed) + f"\n{len(failed)} runs failed; the others are in the cache")
    return {(name, method): cache.of(name_of(movie), method, chosen.seeds) for name, movie in movies.items() for method in methods}


def run_one(case: Case, methods: dict[str, Method]) -> tuple[list[Row], list[str]]:
    """The rows of one movie, and what failed; a method whose knobs this version does not have gives a row that says so."""
    logging.getLogger("detectnmf").setLevel(logging.ERROR)
    rows, failed = [], []
    case.movie  # noqa: B018  compressed before the clock runs
    for name, method in methods.items():
        start = time.perf_counter()
        try:
            scores = method(case)
        except ConfigCompositionException as error:
            scores = {"skipped": str(error).splitlines()[0]}
        except Exception:
            failed.append(f"{name_of(case.overrides)}, seed {case.seed}, {name}:\n{traceback.format_exc()}")
            continue
        known = {"movie": name_of(case.overrides), "seed": case.seed, "method": name}
        rows.append(finite({**known, **scores, "seconds": round(time.perf_counter() - start, 2)}))
    return rows, failed


def name_of(overrides: tuple[str, ...]) -> str:
    return " ".join(overrides) or "demo"
