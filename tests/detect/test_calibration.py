"""Probabilities against known ones."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.detect.calibration import Calibration, calibration_error


def test_a_logistic_is_found_again() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0.02, 0.999, 40000)
    true = Calibration(1.7, -0.8)
    fitted = Calibration.fit(score, rng.random(40000) < true(score))
    assert fitted.slope == pytest.approx(1.7, rel=0.05) and fitted.offset == pytest.approx(-0.8, abs=0.06)
    assert calibration_error(fitted(score), rng.random(40000) < true(score)) < 0.01


def test_there_and_back() -> None:
    calibration = Calibration(0.6, 1.2)
    for p in (0.1, 0.5, 0.93):
        assert float(calibration(np.array([calibration.score(p)]))[0]) == pytest.approx(p)


def test_error_by_hand() -> None:
    probability = np.array([0.05, 0.05, 0.95, 0.95])
    assert calibration_error(probability, np.array([False, False, True, True])) == pytest.approx(0.05)
    assert calibration_error(probability, np.array([True, True, False, False])) == pytest.approx(0.95)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0


@pytest.mark.parametrize("right", [True, False])
def test_nothing_to_learn_leaves_scores_alone(right: bool) -> None:
    assert Calibration.fit(np.array([0.2, 0.8]), np.array([right, right])) == Calibration()
