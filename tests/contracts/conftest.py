"""Every YAML of a group is built and handed to the group's contract tests; a test module names its group in GROUP."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
DEFAULTS = {"psf": "two_photon", "shapes": "soma", "activity": "gcamp6f", "neuropil": "smooth", "camera": "photon", "scene": "default"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    group = getattr(metafunc.module, "GROUP", None)
    if group in DEFAULTS and "part" in metafunc.fixturenames:
        names = sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))
        metafunc.parametrize("part", names, indirect=True)


@pytest.fixture
def part(request: pytest.FixtureRequest) -> object:
    """The built part, with the other groups at their defaults."""
    group = request.module.GROUP
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(overrides=[f"+{key}={value}" for key, value in {**DEFAULTS, group: request.param}.items()])
    return instantiate(config["sim" if group == "scene" else group], _convert_="all")
