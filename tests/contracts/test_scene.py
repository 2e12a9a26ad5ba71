"""Every scene draws and renders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

GROUP = "scene"


def test_renders_with_an_exact_truth(part):
    out = replace(part, frames=64)(np.random.default_rng(0))
    truth = out.truth
    assert len(truth.cells) > 0
    assert out.report["snr"] == pytest.approx(part.snr, rel=1e-3)
    clean = out.recording.frames.expected(slice(None))
    cells = (truth.cells.footprints @ truth.cells.traces).T.reshape(clean.shape)
    assert np.allclose(clean, truth.baseline + cells + truth.background[:], rtol=1e-5)
