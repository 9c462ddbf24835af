"""Shares of exponentials: their exact ranges, however they are written, and nothing else taken for them."""

import math

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import shares
from scalarspec.bounding.domain import Domain

X = np.array([1.0, 0, 0])
NEAR = {"x": ss.ball("0.5")}
LEAST, MOST = 1 / 3, math.exp(1.5) / (math.exp(1.5) + 2 * math.exp(-0.5))

WRITTEN = {
    "a quotient": (lambda x: ss.exp(x[0]) / ss.sum(ss.exp(x)), LEAST, MOST),
    "an element of a quotient": (lambda x: (ss.exp(x) / ss.sum(ss.exp(x)))[0], LEAST, MOST),
    "a product": (lambda x: ss.reciprocal(ss.sum(ss.exp(x))) * ss.exp(x)[0], LEAST, MOST),
    "by logsumexp": (lambda x: ss.exp(x[0] - ss.logsumexp(x)), LEAST, MOST),
    "a reshaped one": (lambda x: ss.exp(ss.reshape(x, (3, 1))[0, 0] - ss.logsumexp(x)), LEAST, MOST),
    "a logarithm": (lambda x: (x - ss.logsumexp(x))[0], math.log(LEAST), math.log(MOST)),
    "a cross-entropy": (lambda x: ss.logsumexp(x) - x[0], -math.log(MOST), -math.log(LEAST)),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_range_is_exact_however_it_is_written(name):
    spec, low, high = WRITTEN[name]
    found = ss.bounds(spec, X, vary=NEAR)
    assert found.lower <= low + 1e-15
    assert high - 1e-15 <= found.upper
    assert low - 1e-12 <= found.lower
    assert found.upper <= high + 1e-12


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 800.0, 1e5, 1e300])
@pytest.mark.parametrize("seed", range(4))
def test_no_value_lies_outside(scale, seed):
    source = np.random.default_rng(seed)
    x = source.normal(size=5) * scale
    radius = float(source.choice([0.0, 0.01, 1.0])) * scale
    for spec in (
        lambda x: ss.exp(x) / ss.sum(ss.exp(x)),
        lambda x: ss.exp(x - ss.logsumexp(x)),
        lambda x: ss.logsumexp(x) - x,
    ):
        try:
            found = ss.bounds(spec, x, vary={"x": ss.ball(radius)}, method="linear")
        except ss.errors.DivisionByZero:  # every exponential underflows beyond all limits
            continue
        for _ in range(5):
            point = np.clip(x + radius * source.uniform(-1, 1, size=5), x - radius, x + radius)
            low, high = ss.endpoints(spec(ss.context("interval", prec=80).tensor(point)))
            assert all(a <= d and c <= b for a, b, c, d in zip(found.lower, found.upper, low, high, strict=True))


OTHERS = [
    lambda x: ss.exp(x) / ss.sum(ss.exp(2 * x)),
    lambda x: ss.exp(x) / (ss.sum(ss.exp(x)) - 1),
    lambda x: ss.logsumexp(x) - 2 * x,
    lambda x: ss.logsumexp(x[1:]) - x[0],
    lambda x: ss.exp(x[0]) / ss.sum(ss.exp(x[1:])),
    lambda x: ss.exp(-x) / ss.sum(ss.exp(x)),
]


@pytest.mark.parametrize("spec", OTHERS)
def test_nothing_else_is_taken_for_a_share(spec):
    assert not Domain(spec, {"x": X}, NEAR).plan.shares


def test_a_wrong_corner_would_be_seen(monkeypatch):
    right = shares._logsumexp
    monkeypatch.setattr(shares, "_logsumexp", lambda x, own: tuple(end + 1e-9 for end in right(x, own)))
    found = ss.bounds(WRITTEN["a cross-entropy"][0], X, vary=NEAR)
    assert found.lower > -math.log(MOST)
