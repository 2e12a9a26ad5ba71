"""The movie of `happenings` for all tests here."""

import pytest
from happenings import Happening, happen

from detectnmf.runtime import Runtime


@pytest.fixture(scope="session")
def quiet() -> Runtime:
    return Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="session")
def happening(quiet: Runtime) -> Happening:
    return happen(quiet)
