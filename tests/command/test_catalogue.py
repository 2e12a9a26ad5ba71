"""What the user names is drawn alone; every option is put together as Hydra would for a movie."""

from pathlib import Path

import pytest
from hydra import initialize_config_module

from detectnmf.command.catalogue import Catalogue
from detectnmf.command.parts import options, shipped
from detectnmf.errors import UserError

CHOSEN = {"psf": "two_photon", "shapes": "soma", "activity": "gcamp6f", "camera": "photon", "scene": "default", "experiment": "null"}


@pytest.fixture(autouse=True)
def hydra():
    with initialize_config_module("detectnmf.configs", version_base="1.3"):
        yield


def catalogue(*overrides, folders=(), **chosen):
    return Catalogue("gallery", overrides, {**CHOSEN, **chosen}, (shipped(), *folders))


def drawn(*overrides, **chosen):
    """What is drawn of each group; "all" for all of it."""
    one = catalogue(*overrides, **chosen)
    named = {group: one.names(group) for group in CHOSEN}
    return {group: "all" if names == options(group, [shipped()]) else names for group, names in named.items() if names}


def test_with_nothing_named_all_is_drawn():
    assert drawn() == dict.fromkeys(CHOSEN, "all")
    assert drawn("sim.rate=30", "seed=2") == dict.fromkeys(CHOSEN, "all")


@pytest.mark.parametrize(
    ("overrides", "chosen", "expected"),
    [
        (["psf=bessel"], {"psf": "bessel"}, {"psf": ["bessel"], "shapes": "all", "scene": ["default"]}),
        (["psf.na=0.3"], {}, {"psf": ["two_photon"], "shapes": "all", "scene": ["default"]}),
        (["shapes=pyramidal"], {"shapes": "pyramidal"}, {"psf": "all", "shapes": ["pyramidal"], "scene": ["default"]}),
        (["+shapes@shapes.libraries.b=soma"], {}, {"psf": "all", "shapes": ["soma"], "scene": ["default"]}),
        (["psf=bessel", "shapes=soma"], {"psf": "bessel"}, {"psf": ["bessel"], "shapes": ["soma"], "scene": ["default"]}),
        (["camera.gain=2"], {}, {"camera": ["photon"], "scene": ["default"]}),
        (["scene=demo"], {"scene": "demo"}, {"scene": ["demo"]}),
        (["experiment=bessel"], {"experiment": "bessel"}, {"experiment": ["bessel"]}),
        (["psf=ideal", "experiment=x"], {"psf": "ideal", "experiment": "x"}, {"psf": ["ideal"], "shapes": "all", "experiment": ["x"]}),
    ],
)
def test_what_is_named_is_drawn_alone(overrides, chosen, expected):
    assert drawn(*overrides, **chosen) == expected


def test_a_part_is_built_with_the_users_knobs_and_at_the_size_asked_for():
    psf = catalogue("psf=bessel", "psf.length=80", psf="bessel").part("psf", "bessel", pixel_size=0.25)
    assert (type(psf).__name__, psf.length, psf.pixel_size) == ("Bessel", 80.0, 0.25)
    assert type(catalogue().part("psf", "vtwins", pixel_size=2.0)).__name__ == "VTwINS"


def test_parts_beside_a_named_one_are_not_touched_by_it(tmp_path):
    """An experiment that sets knobs of its PSF, and shapes= named beside it: all PSFs are drawn, not only those with such knobs."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\npsf: {na: 0.3}\nshapes: {diameter: 5.0}\n")
    said = f"hydra.searchpath=[file://{tmp_path}]", "experiment=own", "shapes=soma", "sim.pixel_size=2"
    one = catalogue(*said, folders=[tmp_path], experiment="own")
    assert one.part("psf", "two_photon").na == 0.5
    assert one.part("psf", "bessel").pixel_size == 2.0
    assert one.part("shapes", "soma").diameter == one.simulator("experiment", "own").shapes.diameter == 5.0


def test_a_simulator_is_the_one_that_simulate_would_build():
    one = catalogue("sim.cells=7")
    bessel = one.simulator("experiment", "bessel", rate=5.0)
    assert (type(bessel.psf).__name__, type(bessel.shapes).__name__, bessel.cells, bessel.rate) == ("Bessel", "Pyramidal", 7, 5.0)
    assert one.choices("experiment", "bessel") == {"psf": "bessel", "shapes": "pyramidal", "activity": "gcamp6f", "camera": "photon"}
    assert one.command("experiment", "bessel") == "detectnmf simulate movie.tif experiment=bessel sim.cells=7"
    assert type(catalogue("psf=ideal", psf="ideal").simulator("experiment", "bessel").psf).__name__ == "Ideal", "the user's word counts"


@pytest.mark.parametrize(
    ("group", "option", "says"),
    [
        ("psf", "measured", "psf.path must name a TIFF z-stack"),
        ("shapes", "swc", "shapes.path is not set"),
        ("activity", "recorded", "activity.path is not given"),
    ],
)
def test_what_cannot_be_built_says_why(group, option, says):
    with pytest.raises(UserError, match=says.replace(".", r"\.")):
        catalogue().part(group, option)
    with pytest.raises(UserError, match=says.replace(".", r"\.")):
        catalogue(f"{group}={option}", **{group: option}).check()
    catalogue().check()  # not named: no fault


def test_an_experiment_for_another_verb_says_so(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "other.yaml").write_text("# @package _global_\ndefaults:\n  - override /demix: localnmf\n")
    with pytest.raises(UserError, match="demix"):
        catalogue(f"hydra.searchpath=[file://{tmp_path}]", folders=[tmp_path]).simulator("experiment", "other")


def test_captions_are_the_head_of_the_yaml_or_of_the_class(tmp_path):
    (tmp_path / "psf").mkdir()
    (tmp_path / "psf" / "mine.yaml").write_text("# @package x\n# One line,\n# and another.\n_target_: nowhere.PSF\n# not this\n")
    (tmp_path / "psf" / "bare.yaml").write_text("_target_: nowhere.PSF\n")
    one = catalogue(folders=[tmp_path])
    assert one.about("psf", "mine") == "One line, and another."
    assert (one.about("psf", "bare"), one.about("psf", "no such")) == ("", "")
    assert one.about("psf", "bessel").startswith("Two-photon excitation by a Bessel beam")
    assert one.names("psf") == sorted([*options("psf", [shipped()]), "bare", "mine"])
    assert one.command("psf", "mine") == f"detectnmf simulate movie.tif --config-dir {Path(tmp_path)} psf=mine"
