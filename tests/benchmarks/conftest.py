"""Benchmarks are programs, not a package: their folder is put where they find one another, as when one of them is run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture(autouse=True)
def other_tests_hear_the_log() -> Iterator[None]:
    """Benchmarks silence the package's notes."""
    logger = logging.getLogger("detectnmf")
    level = logger.level
    yield
    logger.setLevel(level)
