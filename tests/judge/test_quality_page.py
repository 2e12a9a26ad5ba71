"""docs/quality.md says what there is."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from detectnmf.judge.probability import TERMS, load
from detectnmf.judge.quality import Judge

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")


def test_every_measure_is_named(toys, quiet):
    movie = toys.movie(toys.boxes([(0, 0)]).reshape(1, -1).T, np.random.default_rng(0).random((1, 60)))
    model = toys.model(movie, movie.U.csr.toarray(), movie.V.numpy())
    for name in Judge()(movie, model, 6.8, quiet).quality:
        assert f"| `{name}` |" in PAGE, name


def test_every_knob_is_named_with_its_default():
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `judge."))
    for knob in fields(Judge):
        assert f"`judge.{knob.name}`" in rows, knob.name
        shown = knob.default if isinstance(knob.default, str) else f"{knob.default:g}"
        assert re.search(rf"judge\.{knob.name}`.*\|.*{re.escape(shown)}", rows), f"{knob.name}={shown}"


def test_the_numbers_are_those_of_the_shipped_calibration():
    held_out = load("judge").card["held_out"]
    for name, words in (("calibration_error", "expected calibration error"), ("brier", "Brier score"), ("auc", "area under the ROC curve")):
        found = re.search(rf"{words}\s+([\d.]+)", PAGE)
        assert found and float(found[1].rstrip(".")) == pytest.approx(held_out[name], abs=6e-4)
    for name, term in load("judge").terms.items():
        assert f"| `{name}` | {term.weight:.2f} |" in PAGE, name
    assert set(load("judge").terms) == set(TERMS)


def test_pictures_are_there():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE)
    assert pictures and all((ROOT / "docs" / picture).is_file() for picture in pictures)
