"""The cut by expected false-discovery rate against numbers worked out by hand, and against trying every cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectnmf.judge.cut import keep_by_fdr


@pytest.mark.parametrize(
    ("probability", "fdr", "kept"),
    [
        ([0.9, 0.8, 0.6], 0.1, [True, False, False]),  # means of 1 − p: 0.1, 0.15, 0.233
        ([0.6, 0.9, 0.8], 0.15, [False, True, True]),
        ([0.9, 0.8, 0.6], 0.24, [True, True, True]),
        ([0.9, 0.8, 0.6], 0.05, [False, False, False]),
        ([1, 1, 0.5], 0.1, [True, True, False]),
        ([0.9, 0.7, 0.7], 0.2, [True, False, False]),  # with one of the two it would be 0.2: both or none
        ([0.9, 0.7, 0.7], 0.24, [True, True, True]),
        ([0, 0], 1, [True, True]),
        ([0.2, 1], 0, [False, True]),
        ([], 0.05, []),
    ],
)
def test_by_hand(probability, fdr, kept):
    assert keep_by_fdr(np.array(probability, float), fdr).tolist() == kept


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 20))
def test_no_larger_set_would_do(twentieths, limit):
    probability, fdr = np.array(twentieths, float) / 20, limit / 20
    keep = keep_by_fdr(probability, fdr)
    cuts = [probability >= level for level in np.unique(probability)]
    allowed = [cut for cut in cuts if np.mean(1 - probability[cut]) <= fdr + 1e-9]
    best = max(allowed, key=np.sum, default=np.zeros(len(probability), bool))
    assert keep.tolist() == best.tolist()


def test_with_true_probabilities_the_share_is_as_promised():
    rng = np.random.default_rng(0)
    probability = rng.beta(0.6, 0.3, 200_000)
    true = rng.random(200_000) < probability
    for fdr in (0.02, 0.05, 0.1):
        assert np.mean(~true[keep_by_fdr(probability, fdr)]) == pytest.approx(fdr, abs=0.003)
