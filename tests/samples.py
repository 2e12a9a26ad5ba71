"""Small sample files for the parts that must be given one: `overrides(group, option)` names them to Hydra.

To add one: write a function that takes an empty folder, writes the files there and returns the overrides, and enter it in SAMPLES.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# A ball of 6 µm radius, an axon, and one dendrite that forks.
NEURON = """# id type x y z radius parent
1 1 0 0 0 6 -1
2 2 0 -10 0 0.5 1
3 3 0 10 0 1.2 1
4 3 0 40 0 1.0 3
5 3 20 60 0 0.5 4
6 3 -20 60 5 0.5 4
"""


def swc(folder: Path) -> list[str]:
    """Two neurons."""
    for name in ("one", "two"):
        (folder / f"{name}.swc").write_text(NEURON)
    return [f"shapes.path={folder}"]


def volume(folder: Path) -> list[str]:
    """An HDF5 volume of 0.5 µm voxels: two cells, each a ball of 5 µm radius with a rod through it, and debris."""
    import h5py
    import numpy as np

    z, y, x = np.indices((40, 60, 60))
    labels = np.zeros(z.shape, np.uint16)
    for label, centre, rod in ((7, (20, 15, 15), (y - 15) ** 2 + (x - 15) ** 2), (9, (20, 42, 40), (z - 20) ** 2 + (y - 42) ** 2)):
        ball = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= 100
        labels[ball | (rod <= 4)] = label
    labels[2:5, 50:, :5] = 3
    with h5py.File(folder / "cells.h5", "w") as file:
        file.create_dataset("labels", data=labels, compression="gzip").attrs["element_size_um"] = (0.5, 0.5, 0.5)
    return [f"shapes.path={folder / 'cells.h5'}"]


def footprints(folder: Path) -> list[str]:
    """An .npz with three discs of 9 to 13 µm on 1 µm pixels."""
    import numpy as np

    y, x = np.indices((40, 40))
    discs = [np.clip(radius + 0.5 - np.hypot(y - 20, x - 20 - radius), 0, 1) for radius in (4.5, 5.5, 6.5)]
    np.savez(folder / "cells.npz", footprints=np.array(discs), pixel_size=1.0)
    return [f"shapes.path={folder / 'cells.npz'}"]


def result(folder: Path) -> list[str]:
    """A run on 90 frames that found no cells: a bright slope, and a background of two components."""
    import numpy as np

    from detectnmf.components import Components
    from detectnmf.compressed import Compressed
    from detectnmf.result import DemixResult

    rng = np.random.default_rng(0)
    size, frames = (30, 40), 90
    slope = np.linspace(150, 250, size[1], dtype=np.float32) * np.ones((size[0], 1), np.float32)
    spatial = np.stack([np.ones(slope.size), np.sin(np.arange(slope.size) / 300)], axis=1)
    temporal = 5 * rng.standard_normal((2, frames)).cumsum(axis=1) / np.sqrt(frames)
    background = Compressed.from_factors(spatial, temporal, np.zeros(size), rate=15.0, pixel_size=1.0)
    cells = Components.from_images(np.zeros((0, *size), np.float32), np.zeros((0, frames), np.float32))
    DemixResult(cells, slope, background, rate=15.0).save(folder / "result.h5")
    return [f"neuropil.path={folder / 'result.h5'}"]


def recordings(folder: Path) -> list[str]:
    """Six cells for a minute at 30 Hz: spikes that decay in half a second, and a little noise."""
    import numpy as np

    rng = np.random.default_rng(0)
    spikes = rng.random((6, 1800)) < 0.01
    decay = np.exp(-np.arange(90) / 15)
    traces = np.stack([np.convolve(one, decay)[:1800] for one in spikes]) + 0.02 * rng.standard_normal((6, 1800))
    cell, frame = np.nonzero(spikes)
    np.savez(folder / "cells.npz", traces=traces, rate=30.0, spikes=np.stack([cell, (frame + 0.5) / 30], axis=1))
    return [f"activity.path={folder}"]


def bead(folder: Path) -> list[str]:
    """A z-stack of a Gaussian spot 2.4 µm wide and 9 µm long on a background of 7 counts, in ImageJ's dialect."""
    import numpy as np
    import tifffile

    z, y, x = np.meshgrid(*(np.arange(-n, n + 1) * step for n, step in ((24, 0.5), (12, 0.4), (12, 0.4))), indexing="ij")
    stack = 7 + np.round(1000 * np.exp(-4 * np.log(2) * ((y**2 + x**2) / 2.4**2 + z**2 / 9**2)))
    metadata = {"axes": "ZYX", "spacing": 0.5, "unit": "um"}
    tifffile.imwrite(folder / "bead.tif", stack.astype(np.uint16), imagej=True, resolution=(2.5, 2.5), metadata=metadata)
    return [f"psf.path={folder / 'bead.tif'}"]


def kernel(depth: np.ndarray, pixel_size: float) -> np.ndarray:
    """A PSF as a plain function: a Gaussian two-photon PSF."""
    from detectnmf.simulate.psf.two_photon import TwoPhoton

    return TwoPhoton(pixel_size)(depth)


def shifts(folder: Path) -> list[str]:
    """A run on 60 frames of 64 x 72 px that moved by nothing."""
    from dataclasses import replace

    import numpy as np

    import detectnmf
    from detectnmf.registration import Registration

    result(folder)
    image = np.zeros((64, 72), np.float32)
    ones = np.ones(60, np.float32)
    found = Registration(np.zeros((60, 1, 1, 2), np.float32), ones, ones, np.full(60, "ok", "<U7"), image, image, image)
    earlier = detectnmf.load(folder / "result.h5")
    replace(earlier, registration=found).save(folder / "result.h5")
    return [f"register.result={folder / 'result.h5'}"]


SAMPLES: dict[tuple[str, str], Callable[[Path], list[str]]] = {
    ("psf", "measured"): bead,
    ("psf", "function"): lambda _: ["psf.function=samples.kernel"],
    ("activity", "recorded"): recordings,
    ("shapes", "swc"): swc,
    ("shapes", "volume"): volume,
    ("shapes", "footprints"): footprints,
    ("neuropil", "result"): result,
    ("register", "given"): shifts,
}


@cache
def overrides(group: str, option: str) -> list[str]:
    """Hydra overrides that give `option` of `group` its files, for example ["shapes.path=/tmp/..."]; [] where it needs none.

    The files are written once per process and removed at its end.
    """
    if (group, option) not in SAMPLES:
        return []
    folder = Path(tempfile.mkdtemp(prefix="samples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return SAMPLES[group, option](folder)
