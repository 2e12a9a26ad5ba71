"""What all tests share: a drawn toy movie, the device, the data folder."""

from __future__ import annotations

import os
import sys

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything that counts threads is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from detectnmf.components import Components
    from detectnmf.recording import Recording

if "PYTEST_XDIST_WORKER" in os.environ:
    threadpool_limits(1)  # a plugin of pytest may have imported NumPy before, with as many threads as there are cores

# Four cells, each drawn by its letter; where B and C overlap stands a #.
FIELD = """
................................
................................
....AAA.........................
...AAAAA........................
...AAAAA................DDD.....
....AAA................DDDDD....
.......................DDDDD....
........................DDD.....
................................
..........BBBB..................
.........BBBBBB.................
.........BBBB##CC...............
.........BBBB##CCC..............
.........BBBB##CCC..............
..........BBB##CCC..............
.............CCCC...............
................................
................................
................................
................................
"""
RATE = 10.0  # Hz
BASELINE, PEAK, NOISE = 100.0, 10.0, 1.0  # counts
# frames at which each cell fires; B and C fire together once
EVENTS = {"A": (20, 110, 220), "B": (40, 90, 180, 250), "C": (60, 130, 180), "D": (10, 150, 200, 270)}


@dataclass(frozen=True)
class Toy:
    """movie = BASELINE + footprints @ traces + white noise of NOISE, in counts.

    `toy["B"]` is the index of the cell drawn with that letter.
    """

    recording: Recording
    truth: Components
    baseline: float = BASELINE
    noise: float = NOISE

    def __getitem__(self, letter: str) -> int:
        return "ABCD".index(letter)


def draw_toy(frames: int = 300, noise: float = NOISE, seed: int = 0) -> Toy:
    """The toy movie of another length, noise or seed."""
    from detectnmf.components import Components
    from detectnmf.recording import Recording

    lines = FIELD.split()
    masks = np.array([[[pixel == cell or (pixel == "#" and cell in "BC") for pixel in line] for line in lines] for cell in "ABCD"])
    decay = np.exp(-np.arange(frames) / (0.8 * RATE))
    spikes = np.zeros((4, frames))
    for cell, letter in enumerate("ABCD"):
        spikes[cell, [t for t in EVENTS[letter] if t < frames]] = PEAK
    traces = np.stack([np.convolve(row, decay)[:frames] for row in spikes]).astype(np.float32)
    truth = Components.from_images(masks.astype(np.float32), traces)
    movie = BASELINE + np.einsum("kyx,kt->tyx", masks, traces)
    movie = movie + noise * np.random.default_rng(seed).standard_normal(movie.shape)
    return Toy(Recording(movie.astype(np.float32), rate=RATE, pixel_size=1.0, name="toy"), truth, noise=noise)


@pytest.fixture(scope="session")
def toy() -> Toy:
    """Four drawn cells in 300 frames with white noise; nothing else."""
    return draw_toy()


@pytest.fixture(autouse=True)
def own_modules_are_forgotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A user's module that one test wrote and imported is not what the next one finds under that name."""
    yield
    place = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(place):
            del sys.modules[name]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> str:
    """Each device in turn; CUDA is skipped, saying so, where there is none."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")
    return request.param


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real recordings, named by DETECTNMF_DATA."""
    folder = os.environ.get("DETECTNMF_DATA")
    if not folder:
        pytest.skip("DETECTNMF_DATA is not set: no real recordings here")
    if not Path(folder).is_dir():
        pytest.fail(f"DETECTNMF_DATA={folder} is no folder")
    return Path(folder)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """Run the command in this process: (exit code, stdout, stderr)."""
    from detectnmf.cli import main

    def run(*words: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run
