"""A small, quick simulator and one of its movies."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.simulate.background.smooth import Smooth
from detectnmf.simulate.camera import PhotonCamera
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.simulator import Simulated, Simulator
from detectnmf.simulate.traces.calcium import Calcium


@pytest.fixture(scope="session")
def simulator() -> Simulator:
    return Simulator(
        TwoPhoton(), Soma(), Calcium(), Smooth(), PhotonCamera(), frames=400, size=(60, 72), cells=14, snr=6.0, pixel_size=1.0, rate=15.0
    )


@pytest.fixture(scope="session")
def simulated(simulator: Simulator) -> Simulated:
    return simulator(np.random.default_rng(1))
