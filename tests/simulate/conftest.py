"""A small, quick simulator and one of its movies; movies of frames that are computed when they are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectnmf.recording import Recording
from detectnmf.simulate.background.smooth import Smooth
from detectnmf.simulate.camera import PhotonCamera
from detectnmf.simulate.movie import BLOCK
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.simulator import Simulated, Simulator
from detectnmf.simulate.traces.calcium import Calcium
from detectnmf.simulate.write import base

from .computed import Computed


@pytest.fixture(scope="session")
def simulator() -> Simulator:
    return Simulator(
        TwoPhoton(), Soma(), Calcium(), Smooth(), PhotonCamera(), frames=400, size=(60, 72), cells=14, snr=6.0, pixel_size=1.0, rate=15.0
    )


@pytest.fixture(scope="session")
def simulated(simulator: Simulator) -> Simulated:
    return simulator(np.random.default_rng(1))


@pytest.fixture
def made(simulated):
    """A simulated movie of drawn frames."""

    def make(rate=12.5, pixel_size=0.73, **knobs):
        knobs["dtype"] = np.dtype(knobs.get("dtype", "uint16"))
        return replace(simulated, recording=Recording(Computed(**knobs), rate=rate, pixel_size=pixel_size))

    return make


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of one block, so that a short movie has several."""
    monkeypatch.setattr(base, "CHUNK", 8 * 40 * 24 * 2)
    monkeypatch.setattr(base, "MOST", BLOCK)
