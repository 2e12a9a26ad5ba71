"""A stack from a file: what was written comes back as kernels."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from detectnmf.errors import UserError
from detectnmf.simulate.psf.measured import Measured, overlaps
from detectnmf.simulate.psf.stack import read_stack
from detectnmf.simulate.psf.two_photon import TwoPhoton

DEPTH = np.arange(-24, 25) * 0.5


@pytest.fixture
def known():
    """The two-photon PSF with 0.25 µm pixels at 49 depths."""
    return TwoPhoton(0.25)(DEPTH)


@pytest.fixture
def stack(known, tmp_path):
    path = tmp_path / "psf.tif"
    tifffile.imwrite(path, known.astype(np.float32))
    return str(path)


def test_a_written_psf_comes_back(known, stack):
    psf = Measured(stack, (0.5, 0.25, 0.25), background=0.0, pixel_size=0.25)
    assert np.allclose(psf(DEPTH), known, atol=1e-7)
    assert np.allclose(psf(np.array([1.2])), 0.6 * known[26] + 0.4 * known[27], atol=1e-7)  # between 1.0 and 1.5 µm
    assert psf(np.array([-12.1, 12.1])).sum() == 0


@pytest.mark.parametrize("pixel_size", [0.1, 0.25, 0.6, 1.0])
def test_resampling_keeps_energy_and_place(known, stack, pixel_size):
    kernels = Measured(stack, (0.5, 0.25, 0.25), background=0.0, pixel_size=pixel_size)(DEPTH)
    assert kernels.sum(axis=(1, 2)) == pytest.approx(known.sum(axis=(1, 2)), abs=1e-6)
    x = (np.arange(kernels.shape[2]) - kernels.shape[2] // 2) * pixel_size
    assert kernels[24].sum(axis=0) @ x == pytest.approx(0, abs=1e-6)
    direct = TwoPhoton(pixel_size)(np.zeros(1))[0]
    assert kernels[24].max() == pytest.approx(direct.max(), rel=0.1)


def test_voxels_need_not_be_square(tmp_path):
    tifffile.imwrite(tmp_path / "psf.tif", np.ones((3, 3, 5), np.uint8), photometric="minisblack")
    kernel = Measured(str(tmp_path / "psf.tif"), (1.0, 2.0, 0.4), background=0.0, centre=False)(np.zeros(1))[0]
    # 6 µm by 2 µm of even light
    assert kernel[:, kernel.shape[1] // 2] == pytest.approx([0, 0.5 / 12, 1 / 12, 1 / 12, 1 / 12, 1 / 12, 1 / 12, 0.5 / 12, 0][1:-1])
    assert kernel[kernel.shape[0] // 2] == pytest.approx([0.5 / 12, 1 / 12, 0.5 / 12])


def test_overlaps_share_out_each_voxel():
    shares = overlaps(5, 0.7, 1.3, 0.4)
    assert shares.sum(axis=0) == pytest.approx(np.ones(5))
    assert len(shares) % 2 == 1


def test_a_bead_off_centre_is_moved(known, tmp_path):
    wide = np.pad(known, [(0, 6), (8, 2), (3, 7)])  # its middle is 3 planes, 3 rows and 2 columns off
    tifffile.imwrite(tmp_path / "bead.tif", (100 + 1000 * wide).astype(np.float32))
    kernels = Measured(str(tmp_path / "bead.tif"), (0.5, 0.25, 0.25), pixel_size=0.25)(DEPTH)
    cut = [(new - old) // 2 for new, old in zip(kernels.shape[1:], known.shape[1:], strict=True)]
    inner = kernels[:, cut[0] : kernels.shape[1] - cut[0], cut[1] : kernels.shape[2] - cut[1]]
    assert np.allclose(inner, known, atol=1e-5)


def test_background_is_taken_off(known, tmp_path):
    tifffile.imwrite(tmp_path / "bead.tif", (100 + 1000 * np.pad(known, [(0, 0), (4, 4), (4, 4)])).astype(np.float32))
    path, voxel = str(tmp_path / "bead.tif"), (0.5, 0.25, 0.25)
    energy = known.sum(axis=(1, 2))
    for background in (None, 100.0):
        assert Measured(path, voxel, background, pixel_size=0.25)(DEPTH).sum(axis=(1, 2)) == pytest.approx(energy, abs=1e-4)
    assert Measured(path, voxel, 0.0)(DEPTH).sum(axis=(1, 2)).min() > 0.9  # left on, it glows at all depths


def test_voxel_sizes_in_the_file(tmp_path):
    values, path = np.ones((3, 5, 7), np.uint16), tmp_path / "a.tif"
    spacing = {"axes": "ZYX", "spacing": 0.5}
    tifffile.imwrite(path, values, imagej=True, resolution=(4, 5), metadata={**spacing, "unit": "um"})
    assert read_stack(str(path))[1] == pytest.approx((0.5, 0.2, 0.25))
    tifffile.imwrite(path, values, imagej=True, resolution=(4, 5), metadata={**spacing, "unit": "\\u00B5m"})
    assert read_stack(str(path))[1] == pytest.approx((0.5, 0.2, 0.25))
    sizes = {"PhysicalSizeZ": 600, "PhysicalSizeY": 0.2, "PhysicalSizeX": 0.25, "PhysicalSizeZUnit": "nm"}
    tifffile.imwrite(path, values, ome=True, metadata={"axes": "ZYX", **sizes})
    assert read_stack(str(path))[1] == pytest.approx((0.6, 0.2, 0.25))
    tifffile.imwrite(path, values, resolution=(4e4, 5e4), resolutionunit="CENTIMETER", metadata=spacing, photometric="minisblack")
    assert read_stack(str(path))[1] == pytest.approx((0.5, 0.2, 0.25))
    tifffile.imwrite(path, values, imagej=True, resolution=(4, 5), metadata={"axes": "ZYX"})
    assert read_stack(str(path))[1] is None  # no unit


def test_pages_written_one_by_one(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for plane in range(3):
            file.write(np.full((5, 7), plane, np.uint8))
    assert read_stack(str(tmp_path / "a.tif"))[0][:, 0, 0].tolist() == [0, 1, 2]


BAD = {
    "even-sized": (np.ones((5, 8, 7)), "8 x 7, which has no central pixel; crop it to odd sides"),
    "flat": (np.ones((9, 9)), r"one \(Z, Y, X\) stack, got the shape \(9, 9\)"),
    "four dimensions": (np.ones((3, 2, 9, 9)), "must hold one .* stack, got"),
    "one plane": (np.ones((1, 9, 9)), "must hold one .* stack, got"),
    "negative": (np.full((3, 9, 9), -2.0), "negative values, the lowest -2"),
    "not a number": (np.full((3, 9, 9), np.nan), "243 voxels that are not finite"),
    "dark": (np.zeros((3, 9, 9)), "nothing above the background of 0"),
    "complex": (np.ones((3, 9, 9), np.complex64), "must hold real numbers, got complex64"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_psf(tmp_path, name):
    values, words = BAD[name]
    path = tmp_path / "bad.tif"
    tifffile.imwrite(path, values if np.iscomplexobj(values) else values.astype(np.float32), photometric="minisblack")
    with pytest.raises(UserError, match=f"psf.path={path}.*{words}") as error:
        Measured(str(path), (1.0, 1.0, 1.0))
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path, stack):
    with pytest.raises(UserError, match=r"psf.path must name a TIFF"):
        Measured()
    with pytest.raises(UserError, match=r"nowhere.tif: there is no such file"):
        Measured(str(tmp_path / "nowhere.tif"))
    with pytest.raises(UserError, match="no such file"):
        Measured(str(tmp_path))
    (tmp_path / "text.tif").write_text("not a TIFF at all")
    with pytest.raises(UserError, match=r"text.tif cannot be read as TIFF \(.*\); save the stack") as error:
        Measured(str(tmp_path / "text.tif"))
    assert error.value.__cause__ is None  # or the command would tell the cause instead
    whole = (tmp_path / "psf.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut.tif cannot be read"):
        Measured(str(tmp_path / "cut.tif"), (1, 1, 1))
    with pytest.raises(UserError, match=r"does not tell the size of its voxels; give psf.voxel_size=\[z,y,x\]"):
        Measured(stack)


@pytest.mark.parametrize("voxel", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, float("nan"))])
def test_impossible_voxels(stack, voxel):
    with pytest.raises(UserError, match=r"psf.voxel_size must be"):
        Measured(stack, voxel)
