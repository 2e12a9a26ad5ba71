"""Frame rate and pixel size: what files say, in which unit, and what is done when they say nothing or nonsense."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.errors import UserError

from .test_read_tiff import write_scanimage

KINDS = {
    "imagej": ({"imagej": True, "resolution": (1 / 0.44, 1 / 0.44), "metadata": {"finterval": 0.125, "unit": "um"}}, 8.0, 0.44),
    "imagej in other units": (
        {"imagej": True, "resolution": (4000.0, 4000.0), "metadata": {"finterval": 250.0, "tunit": "ms", "unit": "mm"}},
        4.0,
        0.25,
    ),
    "imagej in pixels": ({"imagej": True, "resolution": (1.0, 1.0), "metadata": {"finterval": 0.1, "unit": "pixel"}}, 10.0, None),
    "ome": ({"ome": True, "metadata": {"axes": "TYX", "TimeIncrement": 0.2, "PhysicalSizeX": 0.7}}, 5.0, 0.7),
    "ome in other units": (
        {
            "ome": True,
            "metadata": {
                "axes": "TYX",
                "TimeIncrement": 50.0,
                "TimeIncrementUnit": "ms",
                "PhysicalSizeX": 700.0,
                "PhysicalSizeXUnit": "nm",
            },
        },
        20.0,
        0.7,
    ),
    "ome with the time of each plane": (
        {"ome": True, "metadata": {"axes": "TYX", "Plane": {"DeltaT": [0.5 * t for t in range(12)]}}},
        2.0,
        None,
    ),
    "tifffile": ({"metadata": {"rate": 12.5, "pixel_size": 1.6}}, 12.5, 1.6),
    "tifffile with other names": ({"metadata": {"Frame Interval": 0.5, "um_per_pixel": 2.5}}, 2.0, 2.5),
    "resolution per cm": ({"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}, None, 0.5),
    "resolution per inch": ({"resolution": (25400.0, 25400.0), "resolutionunit": "INCH"}, None, 1.0),
    "nothing": ({"metadata": None}, None, None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_tiff_says(kind, movie, tmp_path):
    options, rate, pixel_size = KINDS[kind]
    tifffile.imwrite(tmp_path / "movie.tif", movie, **options)
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert recording.rate == pytest.approx(30.0 if rate is None else rate, rel=1e-6)
    assert recording.pixel_size == pytest.approx(1.0 if pixel_size is None else pixel_size, rel=1e-6)
    assert any("No frame rate in the file: 30 Hz assumed; give rate=..." in note for note in recording.notes) == (rate is None)
    assert any("No pixel size in the file: 1 µm/px assumed" in note for note in recording.notes) == (pixel_size is None)


def test_scanimage_says_rate_averaging_and_field(movie, tmp_path):
    header = (
        "SI.hRoiManager.scanFrameRate = 30.0297\nSI.hScan2D.logAverageFactor = 2\nSI.hRoiManager.imagingFovUm = [-7 -9;7 -9;7 9;-7 9]\n"
    )
    write_scanimage(tmp_path / "movie.tif", movie, header)
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert recording.rate == pytest.approx(30.0297 / 2)
    assert recording.pixel_size == pytest.approx(14 / 7)


@pytest.mark.parametrize("dots", [72, 96, 300, 600])
def test_dots_per_inch_are_no_pixel_size(dots, movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, resolution=(dots, dots), resolutionunit="INCH")
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert recording.pixel_size == 1.0
    assert any("resolution tag says" in note and "left out" in note for note in recording.notes)


def test_oblong_pixels_are_told(movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, resolution=(2e4, 1e4), resolutionunit="CENTIMETER")
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert recording.pixel_size == pytest.approx(0.5)
    assert any("not square: 0.5 µm wide, 1 µm high" in note for note in recording.notes)


def test_playback_speed_of_imagej_is_used_with_a_word(movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, imagej=True, metadata={"fps": 7.0})
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert recording.rate == 7.0
    assert any("7 Hz is ImageJ's playback speed" in note for note in recording.notes)


def test_what_is_given_wins_and_the_difference_is_told(movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, metadata={"rate": 12.5, "pixel_size": 1.6})
    recording = detectnmf.read(tmp_path / "movie.tif", rate=10, pixel_size=1.601)
    assert (recording.rate, recording.pixel_size) == (10.0, 1.601)
    assert recording.notes == ("The file says 12.5 Hz; the given rate=10 was used.",)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["rate", "pixel_size"])
def test_impossible_values_are_refused(key, value, movie, tmp_path):
    np.save(tmp_path / "movie.npy", movie)
    with pytest.raises(UserError, match=f"{key} must be above 0"):
        detectnmf.read(tmp_path / "movie.npy", **{key: value})
    with pytest.raises(UserError, match=rf"{key} must be a number in .*, got 'fast'"):
        detectnmf.read(tmp_path / "movie.npy", **{key: "fast"})


@pytest.mark.parametrize("value", [0.0, -5.0, 1e9, float("nan"), "fast"])
def test_nonsense_in_a_file_is_left_out(value, movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, metadata={"rate": value, "pixel_size": value})
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert (recording.rate, recording.pixel_size) == (30.0, 1.0)
