"""The gallery: what is drawn is what the simulator computes, what is measured agrees with closed forms, and every option is there."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.optimize import brentq

from detectnmf.cli import main
from detectnmf.command.catalogue import Catalogue
from detectnmf.command.parts import options, shipped
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate.faults import Faulty
from detectnmf.simulate.gallery import style
from detectnmf.simulate.gallery.gallery import SCENES, VARIED, Gallery
from detectnmf.simulate.gallery.matrix import see, spacing, tiles, words
from detectnmf.simulate.gallery.measure import depth_width, profile, width, window
from detectnmf.simulate.gallery.movies import coloured, facts
from detectnmf.simulate.gallery.watch import watch
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.ideal import Ideal
from detectnmf.simulate.psf.one_photon import OnePhoton
from detectnmf.simulate.psf.two_photon import TwoPhoton, rayleigh_range
from detectnmf.simulate.psf.vtwins import VTwINS
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.traces.calcium import Calcium

QUICK = Gallery(pixel_size=1.0, psf_pixel_size=0.5, field=24.0, depths=(0.0, 5.0), frames=8, small=16)
POINT = Shape(np.zeros((1, 3)), np.ones(1))


@pytest.fixture
def coarse(monkeypatch):
    """Pictures of few pixels, which are drawn faster."""
    monkeypatch.setattr(style, "DPI", 40)


@pytest.fixture
def runtime():
    return Runtime(device="cpu", quiet=True)


# ---- pictures of shapes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("psf", [TwoPhoton(0.5), Bessel(0.5, length=30.0), VTwINS(0.5)])
@pytest.mark.parametrize("depth", [0.0, 5.0])
def test_a_point_is_drawn_as_the_kernel(psf, depth):
    """In the middle of the field; relative to a medium of concentration 1, whose level is the sum of all kernels over depth."""
    optics = Optics.of(psf)
    kernel = psf(np.array([depth]))[0]
    image = see(POINT, optics, depth, field=1.0 + 0.5 * max(kernel.shape))
    expected = window(kernel, image.shape[0] // 2 * 0.5, image.shape[1] // 2 * 0.5, 0.5) / optics.bulk
    np.testing.assert_allclose(image, expected, atol=2e-4 * expected.max())


def test_a_sparse_sheet_is_drawn_without_holes():
    """Points 2 µm apart, each of weight 4: concentration 1 µm thick, however fine the pixels are."""
    y, x = np.meshgrid(np.arange(-40, 41, 2.0), np.arange(-40, 41, 2.0), indexing="ij")
    sheet = Shape(np.stack([0 * y, y, x], axis=-1).reshape(-1, 3), np.full(y.size, 4.0))
    assert spacing(sheet) == 2
    optics = Optics.of(Ideal(0.5, thickness=20.0))
    image = see(sheet, optics, 0.0, 40.0, spacing(sheet))
    np.testing.assert_allclose(image, 0.25 / optics.bulk, rtol=0.04)


def test_numbers_on_tiles():
    """In focus against neuropil, out of focus against focus: a Bessel beam of 20 µm gives half at 10 µm."""
    optics = {"bessel": Optics.of(Bessel(0.5, length=20.0)), "ideal": Optics.of(Ideal(0.5, thickness=10.0))}
    (near, _), (far, gone) = (list(tiles({"point": POINT}, optics, depth, 10.0).values()) for depth in (0.0, 10.0))
    assert far.peak / far.focus == pytest.approx(0.5, abs=0.005)
    assert near.peak == near.focus == far.focus
    assert words(near, 0.0) == f"× {near.peak:.2g}"
    assert (words(far, 10.0), words(gone, 10.0)) == ("50 %", "not seen")


# ---- measures of PSFs ---------------------------------------------------------------------------------------------------


def test_widths_of_a_two_photon_psf_are_those_of_its_formulas():
    psf = TwoPhoton(0.05, na=0.6)
    measured = profile(psf, reach=20.0, wide=4.0)
    assert measured.lateral == pytest.approx(psf.lateral, rel=0.01)
    assert measured.thickness == pytest.approx(psf.axial, rel=1e-3)

    def peak(z):  # on the axis: energy over the width squared
        return np.exp(-4 * np.log(2) * (z / psf.axial) ** 2) / (1 + (z / rayleigh_range(psf.axial)) ** 2) - 0.5

    assert measured.axial == pytest.approx(2 * brentq(peak, 0, psf.axial), rel=0.01)
    assert measured.section.shape == (81, 161)
    assert np.unravel_index(measured.section.argmax(), measured.section.shape) == (40, 80)


def test_widths_of_other_psfs():
    bessel = profile(Bessel(0.05, length=30.0, width=0.7), reach=40.0, wide=2.0, step=1.0)
    assert (bessel.lateral, bessel.axial, bessel.thickness) == pytest.approx((0.7, 30.0, 30.0), rel=0.01)
    slab = profile(Ideal(0.5, thickness=7.0), reach=20.0, wide=2.0)
    assert (slab.lateral, slab.axial, slab.thickness) == pytest.approx((0.5, 7.0, 7.0), abs=0.05)
    twins = profile(VTwINS(0.1, width=1.2, length=45.0), reach=60.0, wide=2.0, step=2.0)
    assert (twins.lateral, twins.thickness) == pytest.approx((1.2, 45.0), rel=0.01), "the spots lie beside the middle"
    assert profile(OnePhoton(1.0, reach=30.0), reach=20.0, wide=4.0, step=2.0).thickness == np.inf


def test_width_between_samples_and_at_the_ends():
    assert width(np.array([0, 1, 2, 1, 0]), 0.5) == 1.0
    assert width(np.array([0, 0, 3, 0.5, 4, 0]), 1.0) == pytest.approx((5 - 4 / 8) - (3 + 1.5 / 3.5))
    assert width(np.array([1.0]), 2.0) == 2.0, "one lit pixel"
    assert width(np.zeros(5), 1.0) == 0
    depth = np.arange(-10, 11.0)
    assert depth_width(lambda z: np.exp(-np.abs(z) / 2), depth, np.exp(-np.abs(depth) / 2)) == pytest.approx(4 * np.log(2), rel=1e-3)


def test_window_crops_and_pads_about_the_middle():
    kernel = np.arange(15.0).reshape(3, 5)
    np.testing.assert_array_equal(window(kernel, 0, 1, 1.0), [[6, 7, 8]])
    padded = window(kernel, 2, 2, 1.0)
    np.testing.assert_array_equal(padded[1:4], kernel)
    assert padded.shape == (5, 5) and not padded[[0, 4]].any()


# ---- movies -------------------------------------------------------------------------------------------------------------


def test_watching_block_by_block_is_as_good_as_the_whole_movie(simulator):
    simulated = replace(simulator, frames=75, size=(24, 30), cells=5, faults=Faulty(lost=0.1))(np.random.default_rng(3))
    seen, truth = watch(simulated, shown=3), simulated.truth
    movie = simulated.recording[:].astype(float)
    np.testing.assert_allclose(seen.mean, movie.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(seen.std, movie.std(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(seen.maximum, movie.max(axis=0))
    np.testing.assert_allclose(seen.course, movie.mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(seen.frame, movie[seen.moment])
    y, x = np.unravel_index(seen.correlation.argmax(), seen.correlation.shape)
    around = [(y + dy, x + dx) for dy, dx in ((1, 0), (-1, 0), (0, 1), (0, -1)) if 0 <= y + dy < 24 and 0 <= x + dx < 30]
    expected = np.mean([np.corrcoef(movie[:, y, x], movie[:, a, b])[0, 1] for a, b in around])
    assert seen.correlation[y, x] == pytest.approx(expected, abs=1e-4)

    best = int(truth.quality["snr"].argmax())
    pixel = truth.cells.footprints[:, [best]].toarray().argmax()
    assert (seen.cells[0], seen.pixels[0], len(seen.cells)) == (best, pixel, min(3, len(truth.cells)))
    np.testing.assert_array_equal(seen.seen[0], movie.reshape(75, -1)[:, pixel])
    true = truth.cells.footprints[[pixel], [best]][0] * truth.cells.traces[best]
    np.testing.assert_allclose(np.diff(seen.true[0]), np.diff(true), atol=1e-2)
    assert seen.true[0].mean() == pytest.approx(seen.seen[0].mean(), rel=1e-5)


def test_the_line_above_a_movie_says_what_was_reached(simulator):
    simulated = replace(simulator, frames=60, size=(40, 50), cells=5, faults=Faulty(lost=0.2, twice=0.0))(np.random.default_rng(3))
    line, report = facts(simulated), simulated.report
    lost = simulated.truth.history["frames"][-1] + 1 - 60
    for said in (
        f"{report['cells']} cells (+ {report['hidden']} hidden)",
        f"R$_c$ {report['density']:.2f}",
        f"SNR {report['snr']:.3g}",
        "60 frames at 15 Hz",
        "40 × 50 px of 1 µm",
        f"frames: {lost} lost",
    ):
        assert said in line
    assert lost > 0
    truth = simulated.truth.cells
    assert ((coloured(simulated).sum(axis=2) > 0) == (truth.footprints.sum(axis=1).reshape(truth.size) > 0)).all()


def test_a_movie_without_cells_is_watched_too(simulator):
    seen = watch(replace(simulator, frames=40, size=(16, 16), cells=0)(np.random.default_rng(0)))
    assert seen.cells.shape == (0,) and seen.seen.shape == (0, 40)
    assert np.abs(seen.correlation).max() < 0.9


# ---- the whole ----------------------------------------------------------------------------------------------------------


class Shelf:
    """Options by hand: {group: {name: part, or an error}}."""

    def __init__(self, simulator, **groups):
        self.simulator_, self.groups = simulator, groups

    def names(self, group):
        return list(self.groups.get(group, {}))

    def part(self, group, name, **sim):
        made = self.groups[group][name]
        if isinstance(made, Exception):
            raise made
        return replace(made, **sim) if hasattr(made, "pixel_size") else made

    def simulator(self, group, name, **sim):
        made = self.part(group, name)
        return replace(self.simulator_, **{group: made} if group in VARIED else {}, **sim)

    def about(self, group, name):
        return f"what {name} is <1>"

    def choices(self, group, name):
        return {"psf": "dot"}

    def command(self, group, name):
        return f"detectnmf simulate movie.tif {group}={name}"


def drawn(folder):
    """{file: (image, (height, width))} of the PNGs that the index shows, in its order."""
    text = (folder / "index.html").read_text()
    return {file: imread(folder / file) for file in re.findall(r'<img src="([^"]+)"', text)}


def test_every_page_is_a_picture_in_the_index(tmp_path, runtime, simulator):
    small = replace(simulator, frames=30, size=(20, 28), cells=4)
    shelf = Shelf(
        small,
        psf={"good": TwoPhoton(), "no_file": UserError("psf.path must name a file"), "broken": ZeroDivisionError("oh")},
        shapes={"soma": Soma()},
        activity={"calcium": Calcium()},
        drift={"steady": simulator.drift},
        experiment={"mine": None},
    )
    left_out = QUICK(shelf, tmp_path, runtime, "made so")
    assert left_out == {"psf=no_file": "psf.path must name a file", "psf=broken": "ZeroDivisionError: oh"}
    text = unescape((tmp_path / "index.html").read_text())
    for said in ("made so", "what good is <1>", "psf=broken", "ZeroDivisionError: oh", "detectnmf simulate movie.tif experiment=mine"):
        assert said in text
    pages = drawn(tmp_path)
    assert list(pages) == ["shapes-0um.png", "shapes-5um.png", "psf.png", "activity.png", "drift.png", "experiment-mine.png"]
    for file, image in pages.items():
        assert min(image.shape[:2]) > 150, file
        dark = image[..., :3].max(axis=2) < 0.1
        assert image[..., :3].std() > 0.05 and (dark.any() or file == "activity.png"), file
        assert (image[[0, -1], :, :3] == 1).all() and (image[:, [0, -1], :3] == 1).all(), f"{file} is clipped at an edge"


def test_nothing_to_draw_is_an_error(tmp_path, runtime, simulator):
    with pytest.raises(UserError, match=r"psf=no_file: psf\.path must name a file"):
        QUICK(Shelf(simulator, psf={"no_file": UserError("psf.path must name a file")}), tmp_path, runtime)
    assert not (tmp_path / "index.html").exists()


def test_many_options_go_on_several_pages():
    names = [f"option_{k}" for k in range(11)]
    assert [len(part) for part in style.groups(names, 5)] == [4, 4, 3]
    assert [name for part in style.groups(names, 5) for name in part] == names
    assert style.groups([], 5) == []


class Stand(Catalogue):
    """The real catalogue, which hands out small parts instead of the real ones."""

    def part(self, group, name, **sim):
        return {"psf": TwoPhoton(**sim), "shapes": Soma(), "activity": Calcium()}[group]

    def simulator(self, group, name, **sim):
        from detectnmf.simulate.background.none import Constant
        from detectnmf.simulate.camera import PhotonCamera
        from detectnmf.simulate.simulator import Simulator

        return Simulator(TwoPhoton(), Soma(), Calcium(), Constant(), PhotonCamera(), frames=8, size=(12, 12), cells=1)

    def choices(self, group, name):
        return {}


def test_the_index_names_every_option_of_the_config_folders(tmp_path, runtime, coarse):
    own = tmp_path / "mine"
    (own / "psf").mkdir(parents=True)
    (own / "psf" / "ours.yaml").write_text("# A PSF of our own.\n_target_: ours.PSF\n")
    groups = ("psf", "shapes", "activity", *VARIED, *SCENES)
    left_out = QUICK(Stand("gallery", (), dict.fromkeys(groups, "null"), (shipped(), own)), tmp_path, runtime)
    assert left_out == {}
    text = unescape((tmp_path / "index.html").read_text())
    for group in groups:
        names = {file.stem for file in (Path(__file__).parents[2] / "configs" / group).glob("*.yaml")}
        assert names == set(options(group, [shipped()])) and names
        for name in names:
            assert f"<dt>{name}</dt>" in text or f'src="{group}-{name}.png"' in text, f"{group}={name}"
    assert "<dt>ours</dt><dd>A PSF of our own.</dd>" in text
    assert "<dt>two_photon</dt><dd>A Gaussian PSF whose widths follow from the objective.</dd>" in text


OWN = """
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Square:
    pixel_size: float
    strength: float = 1.0
    def __call__(self, depth):
        return np.full((len(depth), 3, 3), self.strength / 9) * (np.abs(np.asarray(depth)) < 6)[:, None, None]
"""
TINY = ["gallery.field=30", "gallery.frames=6", "gallery.depths=[0,4]", "gallery.pixel_size=1", "sim.size=[24,24]", "sim.cells=3"]


def test_a_psf_of_the_users_own_appears_and_can_be_drawn_alone(tmp_path, monkeypatch, capsys, coarse):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_square.py").write_text(OWN)
    (tmp_path / "mine" / "psf").mkdir(parents=True)
    (tmp_path / "mine" / "psf" / "square.yaml").write_text("_target_: own_square.Square\npixel_size: ${sim.pixel_size}\nstrength: 1.0\n")
    with pytest.raises(SystemExit) as done:
        main(["simulate", "gallery", "pictures", "--config-dir", "mine", "psf=square", "shapes=soma", "quiet=true", *TINY])
    out, err = capsys.readouterr()
    assert (done.value.code, err) == (0, "")
    assert out.splitlines() == ["pictures/index.html"]
    text = (tmp_path / "pictures" / "index.html").read_text()
    assert re.findall(r"<dt>(\w+)</dt>", text) == ["soma", "square"]
    assert "psf=square" in text and "--config-dir" in text
    assert list(drawn(tmp_path / "pictures")) == ["shapes-0um.png", "shapes-4um.png", "psf.png", "scene-default.png"]
    with pytest.raises(SystemExit) as done:  # the earlier one is kept
        main(["simulate", "gallery", "pictures", "experiment=two_photon", "quiet=true", *TINY])
    assert done.value.code == 0
    assert list(drawn(tmp_path / "pictures-2")) == ["experiment-two_photon.png"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["psf=measured"], "psf.path must name a TIFF z-stack"),
        (["shapes=swc", "shapes.path=nowhere"], "nowhere"),
        (["psf=besel"], "did you mean `psf=bessel`?"),
        (["gallery.frames=1"], "gallery.frames must be 2 or more, got 1"),
        (["gallery.depths=[]"], "gallery.depths must be one depth or more"),
        (["gallery.field=0"], "gallery.field must be above 0 µm, got 0"),
        (["gallery.fild=10"], "did you mean `gallery.field`?"),
        (["a", "b"], "too many files: b; it is detectnmf simulate gallery [OUT]"),
    ],
)
def test_what_the_user_names_wrongly_is_one_line(tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        main(["simulate", "gallery", *words])
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert done.value.code == 2
    assert says in line
    assert list(tmp_path.iterdir()) == []
