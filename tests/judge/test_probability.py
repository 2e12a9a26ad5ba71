"""The probability, its fit to components of known truth, and the calibration that is shipped."""

import json

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.judge.fit import fit, reliability
from detectnmf.judge.probability import TERMS, Probability, Term, load, terms

DIAMETER = 12.0
AREA = np.pi * 36  # one disc
GOOD = {
    "snr": 20.0,
    "residual_correlation": 0.97,
    "explained_variance": 0.95,
    "compactness": 0.9,
    "crosstalk": 0.05,
    "detector_score": 0.95,
    "skewness": 3.0,
    "area": 1.2 * AREA,
}
# each from bad to good
LADDERS = {
    "snr": [0, 1, 3, 6, 10, 50],
    "residual_correlation": [-1, 0, 0.5, 0.9, 0.99],
    "explained_variance": [-3, 0, 0.5, 0.9, 0.999],
    "compactness": [0, 0.3, 0.6, 0.9, 1],
    "crosstalk": [1, 0.5, 0.1, 0],
    "detector_score": [0, 0.3, 0.7, 0.9, 1],
    "skewness": [0, 1, 3, 30],
}


def quality(**changes):
    """(K,) of each measure: a good cell but for the changes."""
    count = max([1, *(len(v) for v in changes.values())])
    return {name: np.broadcast_to(np.asarray(changes.get(name, value), np.float32), count) for name, value in GOOD.items()}


@pytest.mark.parametrize("measure", LADDERS)
def test_better_measures_never_lower_the_probability(measure):
    found = load("judge")(quality(**{measure: LADDERS[measure]}), DIAMETER)
    assert (np.diff(found) >= -1e-12).all()


@pytest.mark.parametrize("measure", ["snr", "compactness", "skewness", "area"])
def test_what_matters_matters(measure):
    """The shipped weights of these are above 0."""
    doubtful = {"compactness": [0.6], "snr": [6.0], measure: [*LADDERS.get(measure, [0.1 * AREA, AREA])]}
    found = load("judge")(quality(**doubtful), DIAMETER)
    assert found[-1] > found[0] + 1e-3


def test_too_small_is_less_probable_and_a_diameter_that_was_told_too_small_costs_no_cell():
    """A blurred cell covers 2.3 discs of its full width at half maximum, and some cells are twice as large as others."""
    found = load("judge")(quality(area=np.array([0.1, 0.5, 1.2, 2.3, 4.6]) * AREA), DIAMETER)
    assert (np.diff(found[:3]) > 0).all() and found[2] > 0.95 and (found[2:] == found[2]).all()


def test_a_trace_that_falls_is_no_better_than_noise():
    """Where a bright background saturates, what lies there seems to fall when all around it rises."""
    found = load("judge")(quality(skewness=np.array([-3.0, -1.0, 0.0, 1.0])), DIAMETER)
    assert (found[:3] == found[0]).all() and found[3] > found[0] + 0.02


def test_the_shipped_calibration_is_whole_and_says_where_it_is_from():
    shipped = load("judge")
    assert list(shipped.terms) == list(TERMS)
    assert all(term.weight >= 0 and term.sd > 0 for term in shipped.terms.values())
    assert shipped(quality(), DIAMETER)[0] > 0.95
    assert shipped(quality(compactness=[0.1], snr=[2], area=[0.1 * AREA], detector_score=[0.3]), DIAMETER)[0] < 0.1
    card = shipped.card
    assert card["held_out"]["calibration_error"] < 0.05 and card["held_out"]["auc"] > 0.9
    assert card["training"]["components"] > 500 and card["held_out"]["components"] > 500


def test_formula():
    made = Probability(0.5, {name: Term(1.0, 2.0, 4.0, 0.1 * k) for k, name in enumerate(TERMS)})
    values = quality(snr=[np.e**9, 20])
    x = terms(values, DIAMETER)
    by_hand = 0.5 + sum(0.1 * k * (min(x[k, 1], 4) - 1) / 2 for k in range(len(TERMS)))
    assert made(values, DIAMETER)[1] == pytest.approx(1 / (1 + np.exp(-by_hand)))
    names = list(TERMS)
    assert x[names.index("snr"), 0] == pytest.approx(9, abs=1e-5)
    assert x[names.index("small"), 0] == 0  # 1.2 discs
    small = terms(quality(area=[AREA / 2, 4 * AREA]), DIAMETER)[names.index("small")]
    assert small.tolist() == pytest.approx([-np.log(2), 0])


def test_nothing_outweighs_everything_else():
    made = Probability(0.0, {name: Term(0.0, 1.0, 3.0, 1.0) for name in TERMS})
    one, other = made(quality(snr=[np.e**3, np.e**30]), DIAMETER)
    assert one == other


def test_empty_and_undefined_components_are_none():
    found = load("judge")(quality(area=[0, 1.2 * AREA, AREA], snr=[20, np.nan, 20]), DIAMETER)
    assert found[0] == found[1] == 0 < found[2]
    assert load("judge")({name: np.zeros(0) for name in GOOD}, DIAMETER).shape == (0,)


def test_fit_finds_the_weights_that_made_the_truth():
    """Truth drawn from a logistic: weights come back, those that speak against are held at 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(TERMS), 40_000)) * 3 + 5
    weights = np.array([1.5, 0.8, 0, 0.4, 0, 2.0, 0, -0.3])
    odds = 0.7 + weights @ ((x - 5) / 3)
    true = rng.random(x.shape[1]) < 1 / (1 + np.exp(-odds))
    fitted = fit(x, true)
    found = np.array([term.weight for term in fitted.terms.values()])
    assert found[-1] == 0
    np.testing.assert_allclose(found[:-1], weights[:-1], atol=0.1)  # a little smaller: what the last one does looks like noise


def test_fit_needs_both_kinds():
    with pytest.raises(ValueError, match="5 of 5 components are cells"):
        fit(np.zeros((len(TERMS), 5)), np.ones(5))


def test_reliability_by_hand():
    found = reliability(np.array([0.05, 0.05, 0.95, 0.95, 0.95, 0.85]), np.array([0, 1, 1, 1, 0, 1]))
    assert found.count.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 1, 3]
    assert found.observed[[0, 8, 9]].tolist() == pytest.approx([0.5, 1, 2 / 3]) and np.isnan(found.observed[1])
    assert found.error == pytest.approx((2 * 0.45 + 0.15 + 3 * (0.95 - 2 / 3)) / 6)
    assert found.brier == pytest.approx((0.05**2 + 0.95**2 + 0.05**2 + 0.05**2 + 0.95**2 + 0.15**2) / 6)
    # 4 cells (0.05, 0.95, 0.95, 0.85) against 0.05 and against 0.95
    assert found.auc == pytest.approx((0.5 + 1 + 1 + 1 + 0 + 0.5 + 0.5 + 0) / 8)


def test_calibrated_probabilities_have_no_error():
    rng = np.random.default_rng(1)
    probability = rng.random(200_000)
    assert reliability(probability, rng.random(200_000) < probability).error < 0.005


def test_file_and_back(tmp_path):
    made = Probability(0.25, {name: Term(float(k), 1 + k / 7, 10.0, k / 3) for k, name in enumerate(TERMS)}, {"seeds": [1, 2]})
    made.save(tmp_path / "mine.json")
    assert load(str(tmp_path / "mine.json")) == made


@pytest.mark.parametrize("damage", ["{", '{"format": "other", "terms": {}}', "[]", "{}"])
def test_other_files_are_refused(damage, tmp_path):
    (tmp_path / "mine.json").write_text(damage)
    with pytest.raises(UserError, match=r"mine.json is no calibration of this version of detectnmf .* leave out judge.calibration="):
        load(str(tmp_path / "mine.json"))


def test_a_calibration_of_other_terms_is_refused(tmp_path):
    load("judge").save(tmp_path / "old.json")
    content = json.loads((tmp_path / "old.json").read_text())
    content["terms"]["colour"] = content["terms"].pop("snr")
    (tmp_path / "old.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"old\.json is no calibration of this version"):
        load(str(tmp_path / "old.json"))
