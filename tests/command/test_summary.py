"""Names of jobs in a sweep are file names, and differ when their values do."""

import pytest

from detectnmf.command.summary import duration, sweep_suffix


@pytest.mark.parametrize(
    ("overrides", "suffix"),
    [
        ("", ""),
        ("demix.seed=0,psf=bessel", "demix.seed=0,psf=bessel"),
        ("detector.checkpoint='a/b (1).safetensors'", "detector.checkpoint=a_b_1_.safetensors"),
        ("seeder=[maskrcnn,superpixels]", "seeder=_maskrcnn,superpixels_"),
    ],
)
def test_a_suffix_is_a_part_of_a_file_name(overrides, suffix):
    assert sweep_suffix(overrides) == suffix


def test_long_suffixes_are_cut_and_stay_apart():
    long = [sweep_suffix("demix.x=" + "1" * 200 + last) for last in "ab"]
    assert long[0] != long[1]
    assert max(map(len, long)) <= 100


def test_durations():
    assert [duration(s) for s in (0.4, 59.6, 119, 120, 3725)] == ["0 s", "60 s", "119 s", "2 min 0 s", "62 min 5 s"]
