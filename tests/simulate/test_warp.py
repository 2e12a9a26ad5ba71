"""Images moved by parts of a pixel, against formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.simulate.motion.warp import curve, displace, weights

BORDER = 8
Y, X = (torch.arange(-BORDER, edge + BORDER, dtype=torch.float32) for edge in (40, 56))


def polynomial(y, x):
    """Of the fifth degree along either axis: what the six-pixel curves reproduce."""
    u, v = (y - 20) / 30, (x - 28) / 40
    return (1 + u - u**2 + u**3 - u**5) * (2 - v + v**2 - v**4 + v**5)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.8), (-4.99, 4.6), (5.0, -5.0)])
def test_polynomials_move_exactly(shift):
    field = polynomial(Y[:, None], X)[None]
    moved = displace(field, torch.tensor(shift)[None, None, None], BORDER)[0]
    wanted = polynomial(Y[BORDER:-BORDER, None] - shift[0], X[BORDER:-BORDER] - shift[1])
    assert torch.allclose(moved, wanted, atol=2e-5)


@pytest.mark.parametrize(("width", "error"), [(1.0, 0.025), (1.5, 0.006), (3.0, 0.0002)])
def test_blobs_move_nearly_exactly(width, error):
    """SD in px; the error is relative to the peak."""
    blob = lambda y, x: torch.exp(-((Y[:, None] - y) ** 2 + (X - x) ** 2) / (2 * width**2))  # noqa: E731
    moved = displace(blob(20, 28)[None], torch.tensor([1.5, -2.5])[None, None, None], BORDER)[0]
    assert (moved - blob(21.5, 25.5)[BORDER:-BORDER, BORDER:-BORDER]).abs().max() < error


def test_the_same_shift_everywhere_is_rigid():
    field = torch.rand(2, len(Y), len(X))
    shift = torch.tensor([1.3, -2.7])
    rigid = displace(field, shift.expand(2, 1, 1, 2), BORDER)
    local = displace(field, shift.expand(2, 3, 4, 2), BORDER)
    assert torch.allclose(rigid, local, atol=1e-5)


def test_a_shear_moves_each_row_by_its_own():
    """Sideways, in proportion to the row: exact on a plane, up to the curve between the nodes."""
    field = (Y[:, None] * 0 + X)[None]
    shifts = torch.zeros(1, 5, 5, 2)
    shifts[..., 1] = torch.linspace(-2, 2, 5)[:, None]
    moved = displace(field, shifts, BORDER)[0]
    wanted = X[BORDER:-BORDER] - torch.linspace(-2, 2, 40)[:, None]
    assert (moved - wanted).abs().max() < 0.1
    assert torch.allclose(moved[[0, -1]], wanted[[0, -1]], atol=1e-4)


def test_weights_sum_to_one_and_curves_pass_their_nodes():
    part = torch.linspace(0, 1, 11, dtype=torch.float64)
    assert torch.allclose(sum(weights(part)), torch.ones_like(part))
    assert np.allclose([float(tap[0]) for tap in weights(part)], [0, 0, 1, 0, 0, 0])
    assert torch.allclose(curve(4, 31)[[0, 10, 20, 30]], torch.eye(4), atol=1e-6)


def test_shifts_beyond_the_border_are_held_at_it():
    """Smooth curves overshoot: what they ask beyond the border must not read outside of the field."""
    shifts = torch.zeros(1, 3, 3, 2)
    shifts[0, 1, 1] = 5.0
    shifts[0, 0, 0] = -5.0
    assert torch.isfinite(displace(torch.rand(1, len(Y), len(X)), 4 * shifts, BORDER)).all()
