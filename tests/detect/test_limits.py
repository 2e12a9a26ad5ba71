"""A recording unlike the training is told so."""

from __future__ import annotations

from detectnmf.detect.limits import limits, outside

CARD = {
    "kinds": {
        "sparse": {"ranges": {"shapes.diameter": [9.0, 12.0], "rate": [5.0, 30.0], "snr": [3.0, 20.0]}},
        "dense": {"ranges": {"shapes.diameter": [10.0, 15.0], "density": [0.3, 3.0]}},
    }
}


def test_limits_hold_all_kinds() -> None:
    assert limits(CARD) == {"diameter": (9.0, 15.0), "rate": (5.0, 30.0), "snr": (3.0, 20.0), "density": (0.0, 3.0)}
    assert limits({}) == {}


def test_only_what_is_far_outside_is_told() -> None:
    assert outside(CARD, {"diameter": 12.0, "rate": 30.0, "snr": 24.0, "density": 0.1}) == []
    assert outside(CARD, {"rate": float("nan")}) == []
    told = outside(CARD, {"diameter": 5.0, "rate": 60.0, "snr": 1.0, "density": 9.0})
    assert len(told) == 4
    assert told[0].startswith("cell diameter 5 µm is outside of what the detector was trained on (9 to 15)")
