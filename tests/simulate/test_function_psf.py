"""A PSF that is the user's own function."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from detectnmf.errors import UserError
from detectnmf.simulate.psf.function import Function

OWN = """
import numpy as np

level = 3

def kernel(depth, pixel_size):
    return np.exp(-np.abs(depth))[:, None, None] * np.full((3, 5), pixel_size)

def needy(depth, pixel_size, na):
    return kernel(depth, pixel_size)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Modules of the user's, in the current folder."""
    (tmp_path / "own_optics.py").write_text(OWN)
    (tmp_path / "broken_optics.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_dotted_path_and_a_callable_are_the_same(own):
    depth = np.array([0.0, 2.0])
    named = Function("own_optics.kernel", 0.5)(depth)
    assert named.shape == (2, 3, 5)
    assert named[:, 0, 0] == pytest.approx([0.5, 0.5 * np.exp(-2)])

    def kernel(depth, pixel_size):
        return np.ones((len(depth), 1, 1)) * pixel_size

    assert Function(kernel, 2.0)(depth).tolist() == [[[2]], [[2]]]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (None, "must name a callable"),
        ("kernel", "must be a dotted path"),
        ("no_such_optics.kernel", "no module 'no_such_optics'"),
        ("broken_optics.kernel", "needs a module that is missing.*no_such_library"),
        ("own_optics.kernle", "has no 'kernle'"),
        ("own_optics.level", "is int, not a callable"),
        ("own_optics.needy", r"must take \(depth, pixel_size\): missing a required argument: 'na'"),
    ],
)
def test_what_is_no_psf(own, function, words):
    with pytest.raises(UserError, match=f"psf.function.*{words}") as error:
        Function(function)
    assert error.value.__cause__ is None  # or the command would tell the cause instead


def test_the_class_in_the_documentation(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "psf.md").read_text()
    blocks = {language: text for language, text in (part.split("\n", 1) for part in page.split("```")[1::2]) if language}
    (tmp_path / "my_psf.py").write_text(blocks["python"])
    monkeypatch.syspath_prepend(str(tmp_path))
    psf = instantiate(OmegaConf.create({"sim": {"pixel_size": 0.5}, "psf": OmegaConf.create(blocks["yaml"])}).psf)
    kernels = psf(np.array([0.0, 5.0]))
    assert kernels.shape == (2, 19, 19)
    assert kernels.sum(axis=(1, 2)) == pytest.approx([1, 0.5])


def test_the_documentation_lists_what_is_shipped():
    page = (Path(__file__).parents[2] / "docs" / "psf.md").read_text()
    shipped = {path.stem for path in (Path(__file__).parents[2] / "configs" / "psf").glob("*.yaml")}
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == shipped
