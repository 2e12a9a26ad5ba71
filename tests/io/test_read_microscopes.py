"""What microscopes and other programs write: ScanImage, NWB, suite2p, CaImAn, Inscopix, Scanbox. Values, order and rate, exactly."""

from __future__ import annotations

import os
import pickle
import tracemalloc

import numpy as np
import pytest

import detectnmf
from detectnmf.errors import UserError

from . import writers
from .conftest import cut, same


def refused(path, message, **options):
    """Refused in one line that names the file."""
    with pytest.raises(UserError, match=message) as raised:
        detectnmf.read(path, **options)
    assert "\n" not in str(raised.value)


CHANNELS = {"hChannels.channelSave": "[1;3]", "hRoiManager.scanFrameRate": 30.5}
VOLUME = {
    "hStackManager.enable": "true",
    "hStackManager.numSlices": 11,  # left over from before
    "hStackManager.actualNumSlices": 2,
    "hStackManager.framesPerSlice": 1,
    "hRoiManager.scanFrameRate": 30.0,
    "hRoiManager.scanVolumeRate": 10.0,
}


def test_scanimage_channels_are_listed_and_chosen(movie, tmp_path):
    writers.scanimage(tmp_path / "movie.tif", np.stack([movie, movie + 1], 1).reshape(-1, 9, 7), CHANNELS)
    refused(tmp_path / "movie.tif", r"take one channel: channel=0 \(Channel 1\) or channel=1 \(Channel 3\)$")
    recording = detectnmf.read(tmp_path / "movie.tif", channel=1)
    assert same(recording, movie + 1)
    assert recording.rate == 30.5
    assert same(pickle.loads(pickle.dumps(recording)), movie + 1)
    refused(tmp_path / "movie.tif", r"has 2 channels, and no channel=2; it is counted from 0", channel=2)


@pytest.mark.parametrize("flyback", [0, 1])
@pytest.mark.parametrize("channels", [1, 2])
def test_scanimage_volumes_with_flyback(flyback, channels, movie, tmp_path):
    """Pages: channels, then planes, then the flyback, then the next volume."""
    planes = np.stack([movie, movie + 1, np.zeros_like(movie)][: 2 + flyback], 1)  # (T, Z, Y, X)
    pages = np.stack([planes, planes + 10][:channels], 2).reshape(-1, 9, 7)
    settings = {**VOLUME, "hStackManager.numFramesPerVolumeWithFlyback": 2 + flyback}
    writers.scanimage(tmp_path / "movie.tif", pages, settings | ({"hChannels.channelSave": "[1;2]"} if channels == 2 else {}))
    refused(tmp_path / "movie.tif", "take one plane: plane=0 or plane=1")
    recording = detectnmf.read(tmp_path / "movie.tif", plane=1, channel=channels - 1)
    assert same(recording, movie + 1 + 10 * (channels - 1))
    assert recording.rate == 10.0


def test_scanimage_stacks_of_repeated_frames(movie, tmp_path):
    """A slow stack: all frames of a plane, then the next plane."""
    settings = {**VOLUME, "hStackManager.framesPerSlice": 12, "hRoiManager.scanVolumeRate": 1.25}
    writers.scanimage(tmp_path / "movie.tif", np.concatenate([movie, movie + 1]), settings)
    recording = detectnmf.read(tmp_path / "movie.tif", plane=1)
    assert same(recording, movie + 1)
    assert recording.rate == 30.0


def test_scanimage_planes_left_over_from_an_earlier_setting_do_not_count(movie, tmp_path):
    writers.scanimage(tmp_path / "movie.tif", movie, {**VOLUME, "hStackManager.enable": "false"})
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert same(recording, movie)
    assert recording.rate == 30.0


def test_scanimage_volumes_that_are_cut(movie, tmp_path):
    pages = np.stack([movie, movie + 1], 1).reshape(-1, 9, 7)
    writers.scanimage(tmp_path / "part_1.tif", pages[:15], VOLUME)
    recording = detectnmf.read(tmp_path / "part_1.tif", plane=1)
    assert same(recording, (movie + 1)[:7])
    assert "The last 1 frames are no whole volume and were left out." in recording.notes
    writers.scanimage(tmp_path / "part_2.tif", pages[15:], VOLUME, first=16)
    refused(tmp_path / "part_2.tif", r"begins within a volume \(frame 16, volumes of 2 frames\)", plane=0)


def test_nwb(movie, tmp_path):
    writers.nwb(tmp_path / "movie.nwb", movie, rate=12.5, spacing=0.8, chunks=(2, 7, 9), compression="gzip")
    recording = detectnmf.read(tmp_path / "movie.nwb")
    assert same(recording, movie)
    assert (recording.rate, recording.pixel_size) == (12.5, 0.8)
    assert any("columns × rows" in note for note in recording.notes)
    assert same(detectnmf.read(tmp_path / "movie.nwb", axes="TYX"), np.moveaxis(movie, 1, 2))
    refused(cut(tmp_path / "movie.nwb", 0.7), "cut_movie.nwb is (truncated|damaged)")


def test_nwb_with_time_stamps_and_planes(movie, tmp_path):
    times = np.arange(12) / 8
    times[7:] += 1.0
    volume = np.stack([movie, movie + 1], 3)
    writers.nwb(tmp_path / "movie.nwb", volume, "OnePhotonSeries", times=times)
    recording = detectnmf.read(tmp_path / "movie.nwb", plane=1)
    assert same(recording, movie + 1)
    assert recording.rate == pytest.approx(8)
    assert "1 of 11 frames do not follow at the usual interval of 0.125 s; they were read as if they did." in recording.notes


def test_nwb_with_two_series_asks_which(movie, tmp_path):
    for name in ("green", "red"):
        writers.nwb(tmp_path / "movie.nwb", movie + (name == "red"), name=f"acquisition/{name}", rate=5.0)
    refused(tmp_path / "movie.nwb", "several datasets that may be the movie: .*dataset=acquisition/green")
    assert same(detectnmf.read(tmp_path / "movie.nwb", dataset="red"), movie + 1)


def test_nwb_without_frames(tmp_path):
    import h5py

    with h5py.File(tmp_path / "none.nwb", "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        file["processing/dff"] = np.zeros((5, 4, 3))
    refused(tmp_path / "none.nwb", "is NWB without an imaging series")
    with h5py.File(tmp_path / "none.nwb", "a") as file:
        file.create_group("acquisition/a").attrs["neurodata_type"] = "TwoPhotonSeries"
        file["acquisition/a/external_file"] = [b"movie_1.tif"]
    refused(tmp_path / "none.nwb", "names the files that do: movie_1.tif; give those")


def test_suite2p(movie, tmp_path):
    values = movie.astype(np.int16) - 200
    path = writers.suite2p(tmp_path / "plane0", values, fs=15.0, meanImg=np.ones((9, 7), np.float32))
    for given in (path, tmp_path / "plane0"):
        recording = detectnmf.read(given)
        assert same(recording, values)
        assert recording.rate == 15.0
    assert same(detectnmf.read(path, size=(7, 9)), values.reshape(12, 7, 9))
    refused(cut(path, 0.9), r"cut_data.bin is truncated: 10 frames are whole.*give size=\[rows,columns\]")
    (tmp_path / "plane0" / "ops.npy").unlink()
    refused(path, r"does not say its size.*size=\[rows,columns\]")
    refused(path, r"size must be rows and columns \(px\), as in size=\[512,512\], got \[9\]", size=[9])


class Trap:
    """Makes a folder when it is loaded by pickle."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_pickle_runs_no_code(movie, tmp_path):
    path = writers.suite2p(tmp_path / "plane0", movie.astype(np.int16), save_path=tmp_path, trap=Trap(tmp_path / "sprung"))
    assert same(detectnmf.read(path), movie.astype(np.int16))
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "plane0" / "ops.npy").write_bytes((tmp_path / "plane0" / "ops.npy").read_bytes()[:200])
    refused(path, r"ops.npy cannot be read as suite2p wrote it .*give size=\[rows,columns\]")


@pytest.mark.parametrize("order", ["C", "F"])
def test_caiman(order, movie, tmp_path):
    values = movie.astype(np.float32) / 7
    path = writers.caiman(tmp_path, values, order)
    assert same(detectnmf.read(path), values)
    volume = writers.caiman(tmp_path, np.stack([values, values + 1], 3), order, "volume_")
    assert same(detectnmf.read(volume, plane=1), values + 1)
    refused(volume, "take one plane: plane=0 or plane=1")
    short = tmp_path / f"short_d1_9_d2_7_d3_1_order_{order}_frames_13_.mmap"
    short.write_bytes(path.read_bytes())
    refused(short, "is truncated" + (": 12 of 13 frames are whole" if order == "F" else ""))
    (tmp_path / f"long_d1_9_d2_7_d3_1_order_{order}_frames_11_.mmap").write_bytes(path.read_bytes())
    refused(tmp_path / f"long_d1_9_d2_7_d3_1_order_{order}_frames_11_.mmap", "has 3024 bytes, but its name says 2772")
    (tmp_path / "renamed.mmap").write_bytes(path.read_bytes())
    refused(tmp_path / "renamed.mmap", "its name must say its shape")


@pytest.mark.parametrize("dtype", ["uint16", "float32", "uint8"])
@pytest.mark.parametrize("around", [0, 2560])
def test_isxd(dtype, around, movie, tmp_path):
    values = (movie % 251).astype(dtype)
    writers.isxd(tmp_path / "movie.isxd", values, around=around)
    recording = detectnmf.read(tmp_path / "movie.isxd")
    assert same(recording, values)
    assert (recording.rate, recording.pixel_size) == (20.0, 2.0)
    assert same(pickle.loads(pickle.dumps(recording)), values)


def test_isxd_that_is_odd(movie, tmp_path):
    path = tmp_path / "movie.isxd"
    writers.isxd(path, movie, dropped=(3, 5), cropped=((8, 9),))
    recording = detectnmf.read(path)
    assert same(recording, movie)
    assert any(note.startswith("4 of 16 frames were dropped or cut out by Inscopix") for note in recording.notes)
    refused(cut(path, 0.9), "cut_movie.isxd is truncated")
    writers.isxd(path, movie, spacingInfo={"numPixels": {"x": 7, "y": 18}})
    refused(path, "is truncated: 6 of 12 frames are whole")
    writers.isxd(path, movie, type=1)
    refused(path, "cells or events")
    writers.isxd(path, movie, dataType=17)
    refused(path, "its footer cannot be read")


def test_sbx(movie, tmp_path):
    writers.sbx(tmp_path / "movie.sbx", movie)
    recording = detectnmf.read(tmp_path / "movie.sbx")
    assert same(recording, movie)
    assert recording.rate == 7920 / 9
    both = np.stack([movie, movie + 1], 3)
    writers.sbx(tmp_path / "both.sbx", both, scanmode=0, recordsPerBuffer=9 / 2)  # forth and back make a frame
    writers.sbx(tmp_path / "both.sbx", both)
    refused(tmp_path / "both.sbx", r"take one channel: channel=0 \(green\) or channel=1 \(red\)")
    assert same(detectnmf.read(tmp_path / "both.sbx", channel=1), movie + 1)


def test_sbx_planes_and_both_directions(movie, tmp_path):
    doubled = np.repeat(movie, 2, axis=1)
    writers.sbx(tmp_path / "movie.sbx", doubled, scanmode=0, recordsPerBuffer=9, volscan=1, otwave=[0.0, 5.0, 9.0])
    recording = detectnmf.read(tmp_path / "movie.sbx", plane=2)
    assert same_values(recording, doubled[2::3])
    assert recording.rate == pytest.approx(7920 * 2 / 18 / 3)


def same_values(recording, movie):
    return np.array_equal(recording[:], movie)


def test_sbx_that_is_odd(movie, tmp_path):
    path = tmp_path / "movie.sbx"
    writers.sbx(path, movie)
    path.write_bytes(path.read_bytes()[:-5])
    refused(path, "is truncated: 11 frames are whole")
    path.with_suffix(".mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(100))
    refused(path, "movie.mat cannot be read as Scanbox wrote it")
    path.with_suffix(".mat").unlink()
    refused(path, "movie.mat must lie beside it")


def test_channels_and_planes_of_other_files(movie, tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "movie.tif", np.stack([movie, movie + 1], 1), imagej=True, metadata={"axes": "TCYX"})
    assert same(detectnmf.read(tmp_path / "movie.tif", channel=1), movie + 1)
    refused(tmp_path / "movie.tif", "says which channel and plane to take", axes="TC0YX", channel=1)
    refused(tmp_path / "movie.tif", "has 1 plane, and no plane=1", channel=0, plane=1)
    refused(tmp_path / "movie.tif", "channel=-1 must be 0 or more", channel=-1)
    np.save(tmp_path / "movie.npy", np.stack([movie, movie + 1], 1))
    refused(tmp_path / "movie.npy", r"does not say which dimension of \(12, 2, 9, 7\) is the channel; .* axes=TC1YX", channel=1)
    assert same(detectnmf.read(tmp_path / "movie.npy", axes="TC1YX"), movie + 1)
    refused(tmp_path / "movie.npy", r"says its own size; leave out size=\[9, 7\]", size=[9, 7])


@pytest.mark.parametrize("kind", ["isxd", "sbx", "npy", "nwb"])
def test_several_files_are_one_movie_that_may_jump(kind, movie, tmp_path):
    for number, part in ((1, movie[:3]), (2, movie[3:7]), (10, movie[7:])):
        path = tmp_path / f"part_{number}.{kind}"
        np.save(path, part) if kind == "npy" else getattr(writers, kind)(path, part)
    recording = detectnmf.read(str(tmp_path / f"part_*.{kind}"))
    assert same(recording, movie)
    assert recording.starts == (3, 7)
    assert recording.notes[0] == f"3 files, 12 frames, in the order part_1.{kind} ... part_10.{kind}."


@pytest.mark.parametrize("kind", ["caiman", "isxd", "sbx", "suite2p"])
def test_memory_is_that_of_what_is_read(kind, tmp_path):
    """A movie of 40 MB, of which 10 frames are read."""
    movie = np.zeros((800, 160, 160), np.uint16)
    movie[:, 3, 4] = np.arange(800)
    path = tmp_path / f"movie.{kind}"
    path = {"caiman": lambda: writers.caiman(tmp_path, movie), "suite2p": lambda: writers.suite2p(tmp_path / "p", movie)}.get(
        kind, lambda: getattr(writers, kind)(path, movie) or path
    )()
    tracemalloc.start()
    recording = detectnmf.read(path)
    assert np.array_equal(recording[500:510][:, 3, 4], np.arange(500, 510))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e6
