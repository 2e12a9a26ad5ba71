"""Traced cells: what is parsed, what stands for the soma, volumes against closed forms, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.morphology import ball, load, read_swc, traced
from detectnmf.simulate.shapes.swc import Swc

PLAIN = {"diameter_sd": 0, "roughness": 0, "stretch": 1, "filled": 1, "reach": None}
ROD = "1 1 100 200 30 5 -1\n2 3 100 205 30 1 1\n3 3 100 265 30 1 2\n"  # 60 µm along y, from the soma's surface


def written(folder, text, name="cell.swc"):
    (folder / name).write_text(text)
    return str(folder / name)


def drawn(path, seed=0, n=1, **knobs):
    return Swc(path=path, **{**PLAIN, **knobs}).draw(n, np.random.default_rng(seed))


def outside(cell, radius):
    return np.linalg.norm(cell.points, axis=1) > 1.02 * radius


def test_a_rod_keeps_the_volume_of_its_capsule(tmp_path):
    cell = drawn(written(tmp_path, ROD))[0]
    far = outside(cell, 5)
    rod = np.pi * 60 + 2 / 3 * np.pi  # a cylinder and the half ball at its free end
    assert cell.volume[far].sum() == pytest.approx(rod, rel=2e-3)
    assert cell.volume.sum() == pytest.approx(rod + np.pi / 6 * 1000, rel=1e-3)
    assert np.allclose(cell.weights[far], 0.4 * cell.volume[far])


def test_a_chain_of_cones_keeps_its_volume(tmp_path):
    rng = np.random.default_rng(1)
    radius = rng.uniform(0.3, 2, 12)
    places = np.cumsum(rng.uniform(1, 6, (12, 3)), axis=0) + 8
    rows = [f"{k + 2} 3 {x} {y} {z} {r} {k + 1}" for k, ((x, y, z), r) in enumerate(zip(places, radius, strict=True))]
    cell = drawn(written(tmp_path, "1 1 0 0 0 4 -1\n" + "\n".join(rows)))[0]
    a, b, length = radius[:-1], radius[1:], np.linalg.norm(np.diff(places, axis=0), axis=1)
    root = np.pi * radius[0] ** 2 * (np.linalg.norm(places[0]) - 4)
    expected = root + (np.pi * length / 3 * (a**2 + a * b + b**2)).sum() + 2 / 3 * np.pi * radius[-1] ** 3
    assert cell.volume.sum() - np.pi / 6 * 512 == pytest.approx(expected, rel=1e-6)


SOMATA = {
    "point": ("1 1 10 20 30 6 -1", 6.0),
    "three points": ("1 1 10 20 30 6 -1\n2 1 10 14 30 6 1\n3 1 10 26 30 6 1", 6.0),
    "cylinder": ("1 1 10 10 30 5 -1\n2 1 10 20 30 5 1\n3 1 10 30 30 5 2", (3 / 4 * 25 * 20) ** (1 / 3)),
    "doubled point": ("1 1 10 20 30 6 -1\n2 1 10 20 30.01 6 1", 6.0),
    "outline": (
        "\n".join(
            f"{k + 1} 1 {10 + 7 * np.cos(k / 8 * np.pi)} {20 + 7 * np.sin(k / 8 * np.pi)} 30 0.1 {k if k else -1}" for k in range(16)
        ),
        7.0,
    ),
}


@pytest.mark.parametrize("name", SOMATA)
def test_somata_of_all_kinds(tmp_path, name):
    text, expected = SOMATA[name]
    centre, radius = ball(read_swc(Path(written(tmp_path, text))))
    assert centre == pytest.approx([10, 20, 30], abs=0.01)
    assert radius == pytest.approx(expected, rel=1e-3)


def test_lines_may_be_in_any_order_with_comments_and_more_columns(tmp_path):
    text = "# rod, in µm\n\n3 3 100 265 30 1 2 0.5  # tip\n 2 3 100 205 30 1 1 0.5\n1 1 100 200 30 5 -1 0.5\n"
    written(tmp_path, text), written(tmp_path, ROD, "other.swc")
    shuffled, plain = (traced(read_swc(tmp_path / name), 0.8) for name in ("cell.swc", "other.swc"))
    assert shuffled.radius == plain.radius == 5
    assert shuffled.pieces.volume.sum() == pytest.approx(plain.pieces.volume.sum())


@pytest.mark.parametrize(("up", "sign"), [("y", -1), ("-y", 1), ("apical", -1)])
def test_up_is_towards_the_surface(tmp_path, up, sign):
    for cell in drawn(written(tmp_path, ROD), up=up, n=4):
        far = cell.points[outside(cell, 5)]
        assert (sign * far[:, 0]).max() == pytest.approx(65.7, abs=0.5) and (sign * far[:, 0]).min() > 0
        assert np.abs(far[:, 1:]).max() <= 1


@pytest.mark.parametrize("up", ["x", "z"])
def test_other_axes_leave_the_rod_flat(tmp_path, up):
    ends = []
    for cell in drawn(written(tmp_path, ROD), up=up, n=5):
        far = cell.points[outside(cell, 5)]
        assert np.abs(far[:, 0]).max() <= 1
        ends.append(far[np.abs(far).max(axis=1).argmax(), 1:])
    angles = np.arctan2(*np.transpose(ends))
    assert np.ptp(angles) > 0.5  # turned at random about the optical axis


def test_each_cell_is_turned_by_its_own_apical_dendrite(tmp_path):
    tip = np.array([3.0, -4.0, 12.0])  # 13 long
    path = written(tmp_path, "1 1 0 0 0 5 -1\n2 4 {} {} {} 1 1\n3 4 {} {} {} 1 2\n4 3 20 0 5 1 1".format(*tip, *(5 * tip)))
    cell = drawn(path)[0]
    assert -cell.points[:, 0].min() == pytest.approx(65.7, abs=0.5)


def test_axons_only_if_asked_for(tmp_path):
    path = written(tmp_path, ROD + "4 2 100 195 30 0.5 1\n5 2 100 95 30 0.5 4\n")
    without, whole = (drawn(path, axon=axon)[0].volume.sum() for axon in (False, True))
    assert whole - without == pytest.approx(np.pi * 0.25 * (100 + 1 / 3), rel=1e-6)


def test_what_is_out_of_reach_is_left_out(tmp_path):
    cell = drawn(written(tmp_path, ROD), reach=40.0)[0]
    assert np.linalg.norm(cell.points, axis=1).max() == pytest.approx(40, abs=1)


def test_sizes(tmp_path):
    written(tmp_path, ROD)
    written(tmp_path, ROD.replace("30 5 -1", "30 7 -1"), "large.swc")
    assert Swc(path=str(tmp_path)).diameter == 12  # median of 10 and 14
    library = Swc(path=str(tmp_path), **PLAIN, diameter=24)
    assert library.diameter == 24
    cells = library.draw(10, np.random.default_rng(0))
    reach = sorted({round(np.linalg.norm(cell.points, axis=1).max()) for cell in cells})
    assert reach == [131]  # whole cells are scaled: twice 65.7
    cells = Swc(path=str(tmp_path / "cell.swc"), **{**PLAIN, "diameter_sd": 1.0}).draw(200, np.random.default_rng(1))
    jittered = [cell.volume.sum() ** (1 / 3) for cell in cells]
    assert np.std(jittered) / np.mean(jittered) == pytest.approx(0.1, rel=0.15)


def test_a_file_is_parsed_once_until_it_changes(tmp_path):
    path = written(tmp_path, ROD)
    Swc(path=path)
    before = load.cache_info().misses
    drawn(path, n=3)
    assert load.cache_info().misses == before
    written(tmp_path, ROD.replace("30 5 -1", "30 7.25 -1"))
    assert Swc(path=path).diameter == 14.5


BROKEN = {
    "text": ("1 1 0 0 0 5 -1\nthis is no SWC", r"cell\.swc, line 2 is not SWC: 'this is no SWC'"),
    "too short": ("# cell\n1 1 0 0 0 5\n", r"line 2 is not SWC"),
    "nothing": ("# only comments\n", "has no nodes"),
    "parent": ("1 1 0 0 0 5 -1\n\n2 3 9 0 0 1 7\n", r"line 3: its parent is not in the file"),
    "radius": ("1 1 0 0 0 5 -1\n2 3 9 0 0 -1 1\n", r"line 2: the radius must be 0 µm or more"),
    "radius nan": ("1 1 0 0 0 nan -1\n", r"line 1: the radius must be 0 µm or more"),
    "place": ("1 1 0 inf 0 5 -1\n", r"line 1: x, y and z must be numbers"),
    "ids": ("1.5 1 0 0 0 5 -1\n", r"line 1: id, type and parent must be integers"),
    "twice": ("1 1 0 0 0 5 -1\n1 3 9 0 0 1 1\n", r"line 2: this id came before"),
    "cycle": ("1 1 0 0 0 5 -1\n2 3 9 0 0 1 4\n3 3 10 0 0 1 2\n4 3 11 0 0 1 3\n", r"line 2: it is its own ancestor"),
    "own parent": ("1 1 0 0 0 5 -1\n2 3 9 0 0 1 2\n", r"line 2: it is its own ancestor"),
    "no soma": ("1 3 0 0 0 5 -1\n", "has no soma"),
    "units": ("1 1 0 0 0 5000 -1\n", "radius of 5e\\+03 µm; SWC files must be in µm"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named_with_the_line(tmp_path, name):
    text, message = BROKEN[name]
    with pytest.raises(UserError, match=message):
        Swc(path=written(tmp_path, text))


def test_folders_without_cells(tmp_path):
    for path, message in ((None, r"shapes\.path is not set"), (str(tmp_path), r"no \.swc files"), (str(tmp_path / "none"), "no such file")):
        with pytest.raises(UserError, match=message):
            Swc(path=path)


@pytest.mark.parametrize("knobs", [{"up": "w"}, {"reach": 0}, {"spacing": 0}, {"dendritic": -1}, {"diameter": 0}, {"filled": 2}])
def test_impossible_knobs(tmp_path, knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Swc(path=written(tmp_path, ROD), **knobs)


@pytest.mark.parametrize("folder", ["", "l5-pyramidal"])
def test_real_cells(data_dir, folder):
    path = data_dir / "morphologies" / folder
    if not path.is_dir():
        pytest.skip(f"{path} is not there")
    assert 10 < Swc(path=str(path)).diameter < 30
    for file in sorted(path.glob("*.swc"))[:6]:
        cell = read_swc(file)
        child = np.flatnonzero((cell.parent >= 0) & (cell.kind != 1))
        child = child[cell.kind[cell.parent[child]] != 1]
        a, b = cell.radius[cell.parent[child]], cell.radius[child]
        length = np.linalg.norm(cell.points[child] - cell.points[cell.parent[child]], axis=1)
        cones = (np.pi / 3 * length * (a**2 + a * b + b**2)).sum()
        assert traced(cell, 0.8).pieces.volume.sum() == pytest.approx(cones, rel=0.1)  # stems and ends are not among the cones
        if (cell.kind == 4).any():
            shape = drawn(str(file))[0]
            assert -shape.points[:, 0].min() > 1.2 * shape.points[:, 0].max()  # the apical side is up
