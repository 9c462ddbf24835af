"""Losses at known points, under every context that supports them."""

import math
from fractions import Fraction

import pytest
from agreement import assert_is, assert_near
from conftest import CONTEXTS, WITH_EXP

from scalarspec import loss
from scalarspec.errors import ShapeError

HALF = Fraction(1, 2)


def test_losses_at_rational_points(context):
    x, y = context.tensor([1, -2, "1/2"]), context.tensor([0, 1, "1/4"])
    assert_is(loss.mse(x, y), (1 + 9 + Fraction(1, 16)) / 3)
    assert_is(loss.mse_derivative(x, y), [Fraction(2, 3), -2, Fraction(1, 6)])
    assert_is(loss.mae(x, y), (1 + 3 + Fraction(1, 4)) / 3)
    assert_is(loss.huber(x, y), (HALF + Fraction(5, 2) + Fraction(1, 32)) / 3)
    assert_is(loss.huber(x, y, 2), (HALF + 4 + Fraction(1, 32)) / 3)
    assert_is(loss.hinge(context.tensor([2, "1/2"]), context.tensor([1, -1])), Fraction(3, 4))


@pytest.mark.parametrize("name", WITH_EXP)
def test_losses_with_logarithms(name):
    context = CONTEXTS[name]
    x, y = context.tensor([1, -2]), context.tensor([0, 0])
    assert_near(loss.log_cosh(x, y), "0.87939178892044580898", 18)
    logits, target = context.tensor([1, 2, 3]), context.tensor([0, 0, 1])
    assert_near(loss.cross_entropy(logits, target), "0.40760596444438030448", 18, ulps=64)


def test_losses_of_float_extremes(float64):
    far = float64.tensor([1000.0, -1000.0, 0.0])
    assert loss.cross_entropy(far, float64.tensor([1, 0, 0])).item() == 0.0
    assert loss.cross_entropy(far, float64.tensor([0, 1, 0])).item() == 2000.0
    assert loss.log_cosh(far[:1], float64.tensor([0])).item() == pytest.approx(1000 - math.log(2), rel=1e-15)


@pytest.mark.parametrize("spec", [loss.mse, loss.mae, loss.huber, loss.hinge, loss.log_cosh, loss.bce, loss.smooth_l1])
def test_losses_want_equal_shapes(context, spec):
    with pytest.raises(ShapeError, match=rf"{spec.__name__}: shapes \(2,\) and \(\) differ"):
        spec(context.tensor([1, 2]), context.tensor(1))
