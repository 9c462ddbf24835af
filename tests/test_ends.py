"""Ends at the edge of what floats hold, and sums of exponentials over the whole range: what is known is kept."""

import math
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss

INF = float("inf")
LARGEST = Fraction(float(np.finfo(np.float64).max))
ALMOST = LARGEST * (1 - Fraction(1, 10**6)) / 2


def interval64(fast):
    return ss.context("interval64", fast=fast)


HUGE = [
    # what is done to x in [3e200, 4e200] and y in [1, 2]; the true range
    (lambda x, y: ss.square(x), 9 * 10**400, 16 * 10**400),
    (lambda x, y: x * x, 9 * 10**400, 16 * 10**400),
    (lambda x, y: x**3, 27 * 10**600, 64 * 10**600),
    (lambda x, y: -x * x, -16 * 10**400, -9 * 10**400),
    (lambda x, y: x / (y * "1e-200"), Fraction(3, 2) * 10**400, 4 * 10**400),
    (lambda x, y: ss.square(x) + ss.square(y), 9 * 10**400 + 1, 16 * 10**400 + 4),
    (lambda x, y: ss.sum(ss.square(ss.stack([x, x]))), 18 * 10**400, 32 * 10**400),
    (lambda x, y: ss.mean(ss.square(ss.stack([x, x]))), 9 * 10**400, 16 * 10**400),
    (lambda x, y: ss.mean(ss.stack([ss.square(x), ss.square(y)])), 45 * 10**399, 8 * 10**400 + 2),
    (lambda x, y: ss.reciprocal(ss.square(x)), 0, Fraction(1, 9 * 10**400)),
    (lambda x, y: ss.abs(ss.square(x)), 9 * 10**400, 16 * 10**400),
    (lambda x, y: ss.relu(-ss.square(x)), 0, 0),
    (lambda x, y: ss.maximum(ss.square(x), y), 9 * 10**400, 16 * 10**400),
    (lambda x, y: ss.clip(ss.square(x), 0, 5), 5, 5),
    (lambda x, y: ss.tanh(ss.square(x)), 1 - Fraction(1, 10**15), 1),
]


@pytest.mark.parametrize(("operation", "low", "high"), HUGE, ids=range(len(HUGE)))
@pytest.mark.parametrize("fast", [True, False])
def test_beyond_the_largest_float_one_end_is_known(fast, operation, low, high):
    context = interval64(fast)
    found = ss.endpoints(operation(context.box(3e200, 4e200), context.box(1, 2)))
    least, most = (end.item() for end in found)
    assert least <= low
    assert high <= most
    assert least >= min(low, ALMOST / 2) - Fraction(1, 10**12) or low < -LARGEST
    assert most <= max(high, -ALMOST / 2) + Fraction(1, 10**12) or high > LARGEST


@pytest.mark.parametrize("fast", [True, False])
def test_rows_keep_what_is_known(fast):
    context = interval64(fast)
    low, high = ss.endpoints(ss.square(context.tensor([1e200, 2, 0])))
    assert low[0] >= ALMOST
    assert (high[0], low[2], high[2]) == (INF, 0, 0)
    assert high[1] - 4 <= Fraction(1, 10**14)
    low, high = ss.endpoints(context.tensor([0.0, 1e200]) ** 2)
    assert (low[0], high[0], high[1]) == (0, 0, INF)
    low, high = ss.endpoints(ss.sqrt(ss.square(context.tensor(3e200)) + ss.square(context.tensor(4e200))))
    assert low.item() >= 10**154
    low, high = ss.endpoints(context.box([0], [1]) * context.box([1], [INF]))
    assert (low[0], high[0]) == (0, INF)
    assert ss.bounds(lambda x: ss.square(ss.sinh(x)), 0, vary={"x": ss.box(-400, 400)}).lower == 0


SHIFTS = [0, 1, 37, 709, 710, 745, 800, 10**4, 10**6, 10**9, 10**15]


@pytest.mark.parametrize("name", ["interval", "interval24", "interval113", "interval64", "fused"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shift", SHIFTS)
def test_sums_of_exponentials_are_shifted(name, sign, shift):
    """log(e^c + e^(c+1)) = c + 1 + log(1 + 1/e)."""
    context = CONTEXTS[name]
    c = sign * shift
    right = c + 1 + Fraction(math.log1p(math.exp(-1)))
    low, high = (end.item() for end in ss.endpoints(ss.logsumexp(context.tensor([c, c + 1]))))
    slack = Fraction(1, 10**15)
    assert low <= right + slack
    assert right - slack <= high
    bits = 24 if name == "interval24" else 53
    assert high - low <= (abs(c) + 2) * Fraction(2) ** (5 - bits)
    rows = ss.endpoints(ss.logsumexp(context.tensor([[c, c + 1], [0, 1]]), axis=1))
    assert all(a <= b for a, b in zip(*rows, strict=True))
    assert rows[0][1] <= Fraction(math.log(1 + math.e)) + slack


@pytest.mark.parametrize("name", ["interval", "interval64", "fused"])
def test_sums_of_exponentials_of_boxes_and_of_infinite_ends(name):
    context = CONTEXTS[name]
    low, high = (end.item() for end in ss.endpoints(ss.logsumexp(context.box([-1, 0], [1, 1000]))))
    assert low <= math.log(1 + math.exp(-1)) <= low + Fraction(1, 10**12)
    assert high - Fraction(1, 10**9) <= 1000 <= high
    low, high = (end.item() for end in ss.endpoints(ss.logsumexp(context.box([-INF, 0], [1, 2]))))
    assert -Fraction(1, 10**12) <= low <= 0
    low, high = (end.item() for end in ss.endpoints(ss.logsumexp(context.box([-INF, 0], [INF, 2]))))
    assert high == INF
    assert low <= 0


@pytest.mark.parametrize("name", ["interval", "interval24", "interval113", "interval64", "fused"])
@pytest.mark.parametrize("shift", SHIFTS[1:])
def test_softplus_and_logcosh_hold_everywhere(name, shift):
    context = CONTEXTS[name]
    for function, more in ((ss.softplus, 0), (ss.logcosh, Fraction(math.log(2)))):
        low, high = (end.item() for end in ss.endpoints(function(context.tensor(shift))))
        right = shift - more + Fraction(math.log1p(math.exp(-(2 if more else 1) * shift)))
        assert low - Fraction(1, 10**15) <= right <= high + Fraction(1, 10**15)
        assert high - low <= shift * Fraction(2) ** (-18 if name == "interval24" else -44)
    low, high = (end.item() for end in ss.endpoints(ss.softplus(context.tensor(-shift))))
    assert 0 <= low <= high <= Fraction(math.exp(-shift)) + Fraction(1, 10**12)


SPELLINGS = [
    lambda x: ss.square(x) - 2 * x,
    lambda x: x * x - 2 * x,
    lambda x: x**2 - 2 * x,
    lambda x: x ** Fraction(2) - 2 * x,
    lambda x: ss.dot(ss.stack([x]), ss.stack([x])) - 2 * x,
]


@pytest.mark.parametrize("spec", SPELLINGS)
def test_spelling_does_not_decide_tightness(spec):
    found = ss.bounds(spec, 0.5, vary={"x": ss.ball(1)})
    assert Fraction("-1.7501") <= found.lower <= -1
    assert Fraction("1.25") <= found.upper <= Fraction("1.2501")


@pytest.mark.parametrize("name", ["interval", "interval64", "fused", "rounding"])
@pytest.mark.parametrize("product", [lambda x: ss.dot(x, x), lambda x: x @ x, lambda x: ss.sum(x * x)])
def test_a_vector_times_itself_is_never_negative(name, product):
    context = CONTEXTS.get(name) or ss.context(name)
    low, high = (end.item() for end in ss.endpoints(product(context.box([-1] * 4, [1] * 4))))
    assert low == 0
    assert 4 <= high <= Fraction("4.0001")


def test_an_inexact_constant_does_not_end_the_relaxation():
    def attended(x):
        return ss.sum(x) / ss.sqrt(x.context.tensor(4)) - ss.sum(x) * ss.sqrt(x.context.tensor("1/4"))

    assert ss.bounds(attended, np.zeros(4), vary={"x": ss.ball(1)}).width < Fraction(1, 10**12)
    third = ss.bounds(lambda x: x / ss.exp(ss.log(x.context.tensor(3))) - x / 3, 0.0, vary={"x": ss.ball(1)})
    assert third.width < Fraction(1, 10**12)


def test_a_cross_entropy_is_never_negative():
    target = np.array([0, 1.0, 0])
    for logits in ([0, 5.0, 0], [1000.0, 3000, -1000]):
        found = ss.bounds(lambda z: ss.loss.cross_entropy(z, target), logits, vary={"z": ss.ball(1)})
        assert 0 <= found.lower <= found.upper
    label = ss.bounds(lambda z: ss.logsumexp(z) - z[1], [0, 5.0, 0], vary={"z": ss.ball(1)})
    assert 0 < label.lower <= math.log1p(2 * math.exp(-7))  # z = (-1, 6, -1)
    wrong = ss.bounds(lambda z: ss.logsumexp(z) - 2 * z[1], [0, 5.0, 0], vary={"z": ss.ball(1)})
    assert wrong.lower < -5


def gelu(x):
    return x * (1 + ss.erf(x / ss.sqrt(x.context.tensor(2)))) / 2


def tanh_form(x):
    return x * (1 + ss.tanh(ss.sqrt(2 / ss.pi(x.context)) * (x + "0.044715" * x**3))) / 2


def test_the_two_forms_of_gelu_differ_by_less_than_one_in_two_thousand():
    claim = lambda x: ss.abs(gelu(x) - tanh_form(x)) <= "0.0005"  # noqa: E731
    assert ss.prove(claim, 3.5, vary={"x": ss.ball("2.5")}, budget=2000).status == "proved"
    nearer = lambda x: ss.abs(gelu(x) - tanh_form(x)) <= "0.0004"  # noqa: E731
    assert ss.prove(nearer, 0.0, vary={"x": ss.ball(6)}).status == "refuted"
