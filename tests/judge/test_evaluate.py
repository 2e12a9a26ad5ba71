"""Every score against a number worked out by hand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, sparse

from detectnmf.components import Components
from detectnmf.errors import UserError
from detectnmf.judge.energy import residual_fraction
from detectnmf.judge.evaluate import evaluate
from detectnmf.judge.oracle import nonnegative_regression
from detectnmf.signals import Signals

CORNERS = [(0, 0), (0, 10), (0, 20), (0, 30), (10, 0)]


def waves(count, frames=240):
    """(K, T) orthogonal, centred, of falling amplitude, on an offset."""
    t = np.arange(frames) / frames
    return np.stack([(count - k) * np.sin(2 * np.pi * (k + 1) * t) + 20 for k in range(count)]).astype(np.float32)


def test_perfect_estimate_in_another_order(toys):
    truth = toys.result(toys.cells(CORNERS, waves(5)))
    scores = evaluate(toys.result(truth.cells[[3, 1, 4, 0, 2]]), truth)
    assert (scores.strict.f1, scores.loose.f1, scores.false_positives, scores.matched, scores.recovered) == (1, 1, 0, 1, 1)
    assert scores.recovery_accuracy == pytest.approx(1, abs=1e-6)
    assert scores.spatial_cosine == pytest.approx(1, abs=1e-6)
    assert scores.partner == (3, 1, 4, 0, 2)
    assert (scores.splits, scores.merges, scores.duplicates) == (0, 0, 0)


def test_missing_shifted_and_false_cells(toys):
    traces = waves(5)
    truth = toys.result(toys.cells(CORNERS, traces))
    # found: the first exactly; the second shifted by 3 of 6 px (IoU 1/3, cosine 1/2); the third with half its trace another's;
    # the fourth and fifth not; one more where nothing is
    mixed = (traces[2] - 20) / 3 + (traces[3] - 20) / 2  # unit amplitudes: correlation 1/sqrt(2)
    found = toys.cells([(0, 0), (0, 13), (0, 20), (12, 30)], np.stack([traces[0], traces[1], mixed, traces[4]]))
    scores = evaluate(toys.result(found), truth)
    assert scores.strict.hits == 2 and scores.loose.hits == 3
    assert (scores.strict.precision, scores.strict.recall, scores.strict.f1) == pytest.approx((2 / 4, 2 / 5, 4 / 9))
    assert (scores.loose.precision, scores.loose.recall, scores.loose.f1) == pytest.approx((3 / 4, 3 / 5, 6 / 9))
    assert scores.partner == (0, 1, 2, -1, -1)
    assert scores.recovery_accuracy == pytest.approx((1 + 1 + math.sqrt(0.5) + 0 + 0) / 5, abs=1e-4)
    assert (scores.matched, scores.recovered) == pytest.approx((0.6, 0.6))
    assert (scores.false_positives, scores.false_positive_rate) == (1, 0.25)
    assert scores.spatial_cosine == pytest.approx(1) and scores.trace_correlation == pytest.approx(1, abs=1e-4)


def test_traces_that_were_read_are_scored_beside_the_demixed_ones(toys):
    traces = waves(2)
    truth = toys.result(toys.cells(CORNERS[:2], traces))
    mixed = traces + traces[::-1] * 2  # amplitudes 2 and 1: correlations 2/√8 and 1/√17
    found = toys.result(toys.cells(CORNERS[:2], mixed))
    full, T = np.ones_like(traces), traces.shape[1]
    signals = Signals(mixed, full, full, traces, full, full[:, 0], full[:, :1], np.array(["ok", "ok"]), np.ones(T, bool))
    scores = evaluate(replace(found, signals=signals), truth)
    assert scores.raw_accuracy == pytest.approx(scores.recovery_accuracy) == pytest.approx((2 / 8**0.5 + 1 / 17**0.5) / 2, abs=1e-4)
    assert scores.denoised_accuracy == pytest.approx(1, abs=1e-5)
    assert "of raw, of denoised traces" in scores.table() and math.isnan(evaluate(found, truth).denoised_accuracy)


def test_matched_without_being_recovered(toys):
    traces = waves(2)
    truth = toys.result(toys.cells(CORNERS[:2], traces))
    scores = evaluate(toys.result(toys.cells(CORNERS[:2], traces[::-1])), truth)  # traces exchanged: orthogonal
    assert (scores.matched, scores.recovered, scores.false_positives) == (1, 0, 0)
    assert scores.recovery_accuracy == pytest.approx(0, abs=1e-5)


def test_duplicate_counts_once(toys):
    traces = waves(2)
    truth = toys.result(toys.cells(CORNERS[:2], traces))
    found = toys.cells([CORNERS[0], (0, 1), CORNERS[1]], np.stack([traces[0] + 0.1 * traces[1], traces[0], traces[1]]))
    scores = evaluate(toys.result(found), truth)
    assert scores.partner == (1, 2)  # the shifted one follows the truth in time
    assert (scores.duplicates, scores.splits, scores.merges, scores.false_positives) == (1, 0, 0, 1)


def test_splits_and_merges_as_drawn(toys):
    traces = waves(3)
    truth = toys.result(toys.cells([(0, 0), (0, 20), (0, 26)], traces))
    halves = [(0, 0, 6, 3), (0, 3, 6, 3)]  # one cell in two halves
    both = [(0, 20, 6, 12)]  # two cells in one
    found = toys.cells([*halves, *both], np.stack([traces[0], traces[0], traces[1] + traces[2]]))
    scores = evaluate(toys.result(found), truth)
    assert (scores.splits, scores.merges, scores.duplicates) == (1, 1, 0)
    assert scores.partner == (0, 2, -1)
    # neighbours that overlap by half, both found: neither merge nor split
    crowded = toys.result(toys.cells([(0, 0), (0, 3)], traces[:2]))
    scores = evaluate(crowded, crowded)
    assert (scores.splits, scores.merges, scores.duplicates, scores.matched) == (0, 0, 0, 1)


def test_three_pieces_without_a_match_are_one_split(toys):
    truth = toys.result(toys.cells([(0, 0, 6, 10)], waves(1)))
    pieces = [(0, 0, 6, 2), (0, 4, 6, 2), (0, 8, 6, 2)]  # cosine sqrt(1/5) each: nobody is taken
    scores = evaluate(toys.result(toys.cells(pieces, waves(3))), truth)
    assert (scores.matched, scores.splits, scores.false_positives) == (0, 1, 3)


def test_nothing_found_and_nothing_there(toys):
    none, two = toys.result(Components.empty(toys.size, 240)), toys.result(toys.cells(CORNERS[:2], waves(2)))
    missed = evaluate(none, two)
    assert (missed.recovery_accuracy, missed.strict.f1, missed.strict.recall, missed.false_positives) == (0, 0, 0, 0)
    assert math.isnan(missed.strict.precision) and math.isnan(missed.false_positive_rate)
    invented = evaluate(two, none)
    assert (invented.strict.precision, invented.strict.f1, invented.false_positives, invented.false_positive_rate) == (0, 0, 2, 1)
    assert math.isnan(invented.recovery_accuracy)
    assert math.isnan(evaluate(none, none).strict.f1)


def test_agreement_with_a_program_that_gave_no_traces(toys):
    ours = toys.result(toys.cells(CORNERS[:3], waves(3)))
    theirs = toys.result(toys.cells([*CORNERS[1:3], (12, 30)]), frames=240)
    scores = evaluate(ours, theirs)
    assert (scores.strict.hits, scores.matched, scores.false_positives) == (2, pytest.approx(2 / 3), 1)
    assert math.isnan(scores.recovery_accuracy) and math.isnan(scores.trace_correlation) and math.isnan(scores.recovered)
    assert any("traces" in note for note in scores.notes)


def test_other_movie_is_refused(toys):
    truth = toys.result(toys.cells(CORNERS[:1], waves(1)))
    with pytest.raises(UserError, match=r"\(100, 20, 40\).*\(240, 20, 40\)"):
        evaluate(toys.result(toys.cells(CORNERS[:1], waves(1, 100))), truth)


def test_regression_equals_scipy_nnls(rng):
    A = rng.random((30, 6)) * (rng.random((30, 6)) < 0.5)
    Y = rng.normal(size=(30, 40))
    C = nonnegative_regression(sparse.csr_array(A.T @ A), A.T @ Y)
    slow = np.stack([optimize.nnls(A, y)[0] for y in Y.T], axis=1)
    assert (slow == 0).any() and (slow > 0).any()
    np.testing.assert_allclose(C, slow, atol=1e-6)


def test_oracle_and_gap(toys, rng):
    """A noisy movie of known cells over a known baseline and background: the oracle is scipy's regression on the true footprints."""
    corners = [(0, 0), (0, 3), (10, 20)]
    C = np.maximum(rng.normal(size=(3, 60)), 0).astype(np.float32) * 5
    A = toys.boxes(corners).reshape(3, -1).T
    haze, drift = rng.random((A.shape[0], 1)).astype(np.float32), rng.normal(size=(1, 60)).astype(np.float32) * 4
    baseline = 100 + rng.random(toys.size).astype(np.float32)
    E = rng.normal(size=(A.shape[0], 2)).astype(np.float32), rng.normal(size=(2, 60)).astype(np.float32)
    std = 1 + rng.random(toys.size).astype(np.float32)
    weight = 1 / std.reshape(-1, 1)
    mean = baseline + rng.random(toys.size).astype(np.float32)
    movie = toys.movie(weight * np.hstack([A, haze, E[0]]), np.vstack([C, drift, E[1]]), mean, std=std)
    background = toys.movie(haze, drift)
    truth = toys.result(toys.cells(corners, C), background=background, baseline=baseline)
    found = toys.result(toys.cells(corners[:2], C[:2]), movie=movie)
    scores = evaluate(found, truth)

    Y = (movie[:] - background[:] - baseline).reshape(60, -1).T
    slow = np.stack([optimize.nnls(weight * A, y)[0] for y in (weight * Y).T], axis=1)
    expected = np.mean([np.corrcoef(one, other)[0, 1] for one, other in zip(slow, C, strict=True)])
    assert 0.5 < expected < 0.999
    assert scores.oracle_accuracy == pytest.approx(expected, abs=1e-5)
    assert scores.oracle_gap == pytest.approx(expected - 2 / 3, abs=1e-5)
    without = evaluate(replace(found, movie=None), truth)
    assert math.isnan(without.oracle_gap) and any("no oracle" in note for note in without.notes)


def test_oracle_leaves_out_bad_pixels(toys):
    C = waves(1)
    A = toys.boxes(CORNERS[:1]).reshape(1, -1).T
    bad = np.zeros(toys.size, bool)
    bad[:3] = True
    seen = A * ~bad.reshape(-1, 1)
    movie = toys.movie(np.hstack([seen, A * bad.reshape(-1, 1)]), np.vstack([C, 500 * np.cos(np.arange(240))]), bad_pixels=bad)
    found = toys.result(toys.cells(CORNERS[:1], C), movie=movie)
    assert evaluate(found, toys.result(toys.cells(CORNERS[:1], C))).oracle_accuracy == pytest.approx(1, abs=1e-6)


def test_residual_energy_equals_the_dense_one(toys, rng):
    C, drift = waves(3), rng.normal(size=(1, 240)).astype(np.float32)
    A, haze = toys.boxes(CORNERS[:3]).reshape(3, -1).T, rng.random((800, 1)).astype(np.float32)
    std = 1 + rng.random(toys.size).astype(np.float32)
    movie = toys.movie(np.hstack([A, haze]) / std.reshape(-1, 1), np.vstack([C, drift]), std=std)
    background = toys.movie(haze / std.reshape(-1, 1), 0.8 * drift, std=std)
    result = toys.result(toys.cells(CORNERS[:2], C[:2] * 0.9), movie=movie, background=background)

    dense = (movie[:] / std).reshape(240, -1)
    rest = dense - ((background[:] + (result.cells.footprints @ result.cells.traces).T.reshape(-1, *toys.size)) / std).reshape(240, -1)
    expected = ((rest - rest.mean(0)) ** 2).sum() / ((dense - dense.mean(0)) ** 2).sum()
    assert 0.05 < expected < 0.5
    assert residual_fraction(result) == pytest.approx(expected, rel=1e-4)
    assert evaluate(result, result).residual_energy == pytest.approx(expected, rel=1e-4)


def test_table_and_json_hold_the_numbers(toys):
    truth = toys.result(toys.cells(CORNERS, waves(5)))
    scores = evaluate(toys.result(truth.cells[:4]), truth)
    table = scores.table()
    assert "4 found, 5 true" in table and "precision 1.000" in table and "0.889" in table  # F1 = 8/9
    data = json.loads(scores.to_json())
    assert data["strict"]["recall"] == pytest.approx(0.8) and data["recovery_accuracy"] == pytest.approx(0.8, abs=1e-6)
    assert data["oracle_accuracy"] is None and data["partner"] == [0, 1, 2, 3, -1]
