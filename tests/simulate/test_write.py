"""Simulated movies as files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate import write as writing
from detectnmf.simulate.camera import PhotonCamera

RUNTIME = Runtime(device="cpu", quiet=True)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_comes_back_with_rate_and_pixel_size(simulator, tmp_path, dtype):
    camera = PhotonCamera(gain=1.0, offset=10.0, dtype=dtype)
    out = replace(simulator, frames=50, rate=12.5, camera=camera)(np.random.default_rng(0))
    writing.write(out, tmp_path / "movie.tif", RUNTIME)
    back = detectnmf.read(tmp_path / "movie.tif")
    assert back.dtype == np.dtype(dtype)
    assert np.array_equal(back[:], out.recording[:])
    assert back.rate == pytest.approx(12.5) and back.pixel_size == pytest.approx(1.0)


def test_movies_too_large_for_imagej_become_bigtiff(simulator, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "IMAGEJ_LIMIT", 1000)
    out = replace(simulator, frames=40)(np.random.default_rng(0))
    recording = replace(out.recording, pixel_size=0.7, rate=7.3)
    writing.write_tiff(recording, tmp_path / "movie.tif", RUNTIME)
    with tifffile.TiffFile(tmp_path / "movie.tif") as file:
        assert file.is_bigtiff and file.is_ome
    back = detectnmf.read(tmp_path / "movie.tif")
    assert np.array_equal(back[:], out.recording[:])
    assert back.rate == pytest.approx(7.3) and back.pixel_size == pytest.approx(0.7)


def test_truth_stands_beside_the_movie(simulated, tmp_path):
    path = writing.write(simulated, tmp_path / "movie.tif", RUNTIME)
    assert path == tmp_path / "movie.truth.h5"
    truth, back = simulated.truth, detectnmf.load(path)
    assert (back.cells.footprints != truth.cells.footprints).nnz == 0
    assert np.array_equal(back.cells.traces, truth.cells.traces)
    assert np.array_equal(back.history["spikes"], truth.history["spikes"])
    assert np.allclose(back.background[:5], truth.background[:5], atol=1e-3)
    assert back.provenance["kind"] == "truth" and back.provenance["report"]["cells"] == len(truth.cells)


@dataclass
class Watched:
    """Frames that note how many are asked for at once."""

    frames: object
    asked: list = field(default_factory=list)

    @property
    def shape(self):
        return self.frames.shape

    @property
    def dtype(self):
        return self.frames.dtype

    def __getitem__(self, index):
        self.asked.append(len(range(self.shape[0])[index]))
        return self.frames[index]


def test_streams_within_the_memory_it_is_given(simulated, tmp_path):
    watched = Watched(simulated.recording.frames)
    writing.write_tiff(replace(simulated.recording, frames=watched), tmp_path / "movie.tif", Runtime("cpu", max_memory=0.001, quiet=True))
    assert sum(watched.asked) == len(simulated.recording)
    assert max(watched.asked) == 32


def test_no_movie_without_its_truth(simulated, tmp_path):
    (tmp_path / "movie.truth.h5").mkdir()
    with pytest.raises(UserError, match="truth"):
        writing.write(simulated, tmp_path / "movie.tif", RUNTIME)
    assert not (tmp_path / "movie.tif").exists()


def test_only_tiff(simulated, tmp_path):
    with pytest.raises(UserError, match=r"\.tif"):
        writing.write(simulated, tmp_path / "movie.avi", RUNTIME)
