"""How fast is each stage, how does it grow with T, P and K, how far is it from its floor, and how does a run compare with suite2p?

    python benchmarks/speed.py [--quick] [--repeats 5] [--suite2p PYTHON] [--cache FILE]

PYTHON is the interpreter of an environment with suite2p 1.1 (pip install suite2p==1.1.*). Wants the machine for itself. Writes speed.md
and speed.png.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import tifffile
from common import FIRST_SEED, Case
from floors import Machine
from pages import write
from runs import ROOT, Cache, Row, name_of, options, understood
from speed_page import Beside, Point, Times, draw, overrides, page
from stages import STAGES, Bench

FIXED = (128, 2000, 60)
QUICK_FIXED = (64, 500, 15)
SWEEPS: dict[str, tuple[Point, ...]] = {
    "T": tuple((128, frames, 60) for frames in (500, 1000, 2000, 4000)),
    "P": tuple((size, 1000, round(60 * size**2 / 128**2)) for size in (64, 96, 128, 192, 256)),
    "K": tuple((128, 1000, cells) for cells in (30, 60, 120, 240)),
}
QUICK: dict[str, tuple[Point, ...]] = {
    "T": ((64, 250, 15), (64, 500, 15)),
    "P": ((64, 250, 15), (96, 250, 34)),
    "K": ((64, 250, 8), (64, 250, 15)),
}


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = options("speed", __doc__, seeds=1)
    parser.add_argument("--repeats", type=int, help="runs of which the median counts (5; 2 with --quick)")
    parser.add_argument("--suite2p", metavar="PYTHON", help="interpreter of an environment with suite2p 1.1")
    parser.add_argument("--sweeps", default="T,P,K", help='what to vary, with commas (T,P,K); "" for nothing')
    chosen = understood(parser)
    repeats = chosen.repeats or (2 if chosen.quick else 5)
    sweeps, fixed = (QUICK, QUICK_FIXED) if chosen.quick else (SWEEPS, FIXED)
    sweeps = {name: points for name, points in sweeps.items() if name in chosen.sweeps.split(",")}
    cache = Cache(chosen.cache, chosen.any_code)
    machine = Machine.measured(chosen.device)
    print(machine, file=sys.stderr)
    points = dict.fromkeys((fixed, *(point for swept in sweeps.values() for point in swept)))
    measure(cache, list(points), repeats, chosen.device)
    times = Times(cache, machine, repeats, fixed, sweeps, compare(cache, fixed, repeats, chosen.suite2p))
    if sweeps:
        draw(times, chosen.out / "speed.png")
    write(chosen.out, "speed", page(times), chosen.quick)


def measure(cache: Cache, points: list[Point], repeats: int, device: str) -> None:
    """Every stage of every point once, then all again: whatever else the machine does then weighs on all alike."""
    benches: dict[Point, Bench] = {}
    for repeat in range(repeats):
        for point in points:
            name = name_of(overrides(point))
            if all((name, repeat, stage) in cache.rows for stage in STAGES):
                continue
            if point not in benches:
                benches[point] = Bench(Case(overrides(point), FIRST_SEED, device))
            bench = benches[point]
            bench.cold  # noqa: B018  before anything is warm
            for stage in STAGES:
                known = {"movie": name, "seed": repeat, "method": stage, **bench.about}
                cache.add({**known, **asdict(bench.works[stage]), "seconds": bench.seconds(stage)})
            print(f"{name}, {repeat + 1} of {repeats}", file=sys.stderr, flush=True)


def compare(cache: Cache, point: Point, repeats: int, suite2p: str | None) -> Beside:
    """Runs without detection from file to cells, each in a process of its own, in turns with suite2p's, on one movie with neuropil."""
    movie = tuple(word for word in overrides(point) if not word.startswith("neuropil"))
    name = f"{name_of(movie)} (file)"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.tif"
        ours = [sys.executable, str(ROOT / "benchmarks" / "one_run.py"), str(path)]
        commands = {"detectnmf": ours}
        if suite2p is not None:
            commands["suite2p"] = [suite2p, str(ROOT / "benchmarks" / "one_suite2p.py"), folder, "15"]
        for repeat in range(-1, repeats):  # the first one warms up the disk and what programs compile and keep
            for program, command in commands.items():
                if (name, repeat, program) in cache.rows:
                    continue
                if not path.exists():
                    tifffile.imwrite(path, Case(movie, FIRST_SEED).made.recording[:])
                cache.add({"movie": name, "seed": repeat, "method": program, **in_process(command)})
                print(f"{program} from file to cells, {repeat + 1} of {repeats}", file=sys.stderr, flush=True)
    return {program: [cache.rows[name, repeat, program] for repeat in range(repeats)] for program in commands}


def in_process(command: list[str]) -> Row:
    """What a command prints as JSON at the end, and its seconds from start to end."""
    start = time.perf_counter()
    own = command[0] == sys.executable
    environment = {name: value for name, value in os.environ.items() if own or name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    wall = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "process": wall}


if __name__ == "__main__":
    main()
