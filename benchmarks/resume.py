"""A run killed at random moments and started again: python benchmarks/resume.py FOLDER [--kills 100] [--seed 0]

Each time a run is started in a fresh folder, killed with SIGKILL at a random moment of its duration, and the same command is given again;
its result is compared, bit for bit, with that of a run that nobody disturbed. Unfinished stages write down how far they are at every chance
(save_every=0), so that the kill also meets runs in the middle of writing.
"""

from __future__ import annotations

import argparse
import collections
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import detectnmf
from detectnmf.judge.reproduce import compare

MOVIE = ["simulate", "movie.tif", "sim.frames=400", "sim.size=[64,64]", "sim.cells=8", "motion=rigid", "seed=5"]
RUN = ["run", "movie.tif", "device=cpu", "max_memory=0.02GB", "save_every=0", "register=rigid", "diameter=12"]


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    said = (folder / "said.txt").open("ab")
    return subprocess.Popen([sys.executable, "-m", "detectnmf", *words], cwd=folder, stdout=said, stderr=said)


def where(out: Path) -> str:
    """The stage that a killed run was in."""
    if (out / "result.h5").exists():
        return "report"
    unfinished = [path.name.rpartition("-")[0] for path in out.glob("stages/*.partial")]
    finished = sorted(out.glob("stages/*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    if unfinished:
        return f"in {unfinished[-1]}"
    return f"after {finished[-1].parent.name.rpartition('-')[0]}" if finished else "before the first stage"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--kills", type=int, default=100)
    ask.add_argument("--seed", type=int, default=0)
    given = ask.parse_args()
    folder, rng = given.folder, np.random.default_rng(given.seed)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "movie.tif").exists() and start(folder, *MOVIE).wait():
        sys.exit((folder / "said.txt").read_text())
    shutil.rmtree(folder / "undisturbed", ignore_errors=True)
    begun = time.perf_counter()
    if start(folder, *RUN, "out=undisturbed").wait():
        sys.exit((folder / "said.txt").read_text())
    lasts = time.perf_counter() - begun
    undisturbed = detectnmf.load(folder / "undisturbed")
    places: collections.Counter[str] = collections.Counter()
    equal = reports = 0
    for number in range(given.kills):
        out = folder / "killed"
        shutil.rmtree(out, ignore_errors=True)
        job = start(folder, *RUN, "out=killed")
        time.sleep(rng.uniform(0, lasts))
        job.send_signal(signal.SIGKILL)
        job.wait()
        places[where(out)] += 1
        if start(folder, *RUN, "out=killed").wait() == 0:
            equal += compare(undisturbed, detectnmf.load(out)).equal
            reports += (out / "report.html").exists()
        print(f"{number + 1} of {given.kills}: {equal} equal, {reports} with their report", flush=True)
    print(
        f"\nan undisturbed run takes {lasts:.1f} s ({len(undisturbed.cells)} cells); killed "
        + ", ".join(f"{k}: {n}" for k, n in places.most_common())
    )


if __name__ == "__main__":
    main()
