"""Every YAML of a group is built and handed to the group's contract tests; a test module names its group in GROUP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Toy
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from samples import overrides
from simulators import PARTS

from detectnmf.compress.pmd import PMD
from detectnmf.compressed import Compressed
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
DEFAULTS = {**PARTS, "shapes": "soma", "scene": "default"}
RUN = ("register", "enhance", "compress", "sparsen", "seeder", "background", "demix", "judge", "traces")  # parts of a run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    group = getattr(metafunc.module, "GROUP", None)
    if group in (*DEFAULTS, *RUN) and "part" in metafunc.fixturenames:
        names = sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))
        metafunc.parametrize("part", names, indirect=True)


@pytest.fixture
def part(request: pytest.FixtureRequest) -> object:
    """The built part, with the other groups at their defaults."""
    group = request.module.GROUP
    if group in RUN:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            config = compose("run", overrides=[f"{group}={request.param}", *overrides(group, request.param)])
        built = instantiate(config[group], _convert_="all")
        return built[request.param] if group == "seeder" else built
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        choices = [f"+{key}={value}" for key, value in {**DEFAULTS, group: request.param}.items()]
        config = compose(overrides=[*choices, *overrides(group, request.param)])
    return instantiate(config["sim" if group == "scene" else group], _convert_="all")


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    return Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="session")
def movie(toy: Toy, runtime: Runtime) -> Compressed:
    """The drawn toy movie, compressed."""
    return PMD()(toy.recording, runtime)


@pytest.fixture(scope="session")
def nothing(runtime: Runtime) -> Compressed:
    """White noise, compressed: rank 0."""
    noise = np.random.default_rng(0).normal(50, 2, (120, 24, 32)).astype(np.float32)
    return PMD()(Recording(noise, rate=10.0), runtime)
