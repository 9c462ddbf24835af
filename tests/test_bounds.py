"""`bounds`: what it takes, what it returns, many boxes at once, and what it refuses."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from specs import a_batch, mlp, polynomial, scaled

import scalarspec as ss
from scalarspec.errors import ArgumentError, ShapeError, UnknownName
from scalarspec.latent import diagonal_gaussian_kl_to_standard as kl
from scalarspec.models import autoencoder


def test_bounds_of_a_model_on_a_box(interval):
    m = mlp(CONTEXTS["rational"])
    x = np.array([Fraction(1, 2), Fraction(4, 5)], dtype=object)
    found = ss.bounds(autoencoder.forward, m_as_arrays(m), x, vary={"x": ss.ball("0.1")})
    assert found.lower[0] <= Fraction(238, 125) < Fraction(282, 125) <= found.upper[0]
    assert found.width[0] < Fraction(44, 125) + Fraction(1, 10**14)
    assert (found.method, found.boxes, found.enclosure.dtype) == ("interval", 1, "interval")


def m_as_arrays(m):
    parts = (m.encoder_weights, m.encoder_bias, m.decoder_weights, m.decoder_bias)
    return autoencoder.Autoencoder(*(np.asarray(part) for part in parts))


def test_bounds_of_a_scalar_are_fractions():
    found = ss.bounds(polynomial, np.array([0.0]), vary={"x": ss.ball("1/2")})
    assert isinstance(found.lower, Fraction)
    assert found.lower <= Fraction(-11, 20) < Fraction(-1, 5) <= found.upper
    assert found.width < Fraction(7, 20) + Fraction(1, 10**15)
    assert str(found).startswith("[-0.55")
    assert Fraction(json.loads(json.dumps(found.to_json()))["lower"]) == found.lower


def test_a_float_radius_counts_at_its_binary_value():
    assert ss.ball(0.1).radius == Fraction(0.1)
    assert ss.ball("0.1").radius == Fraction(1, 10)


def test_bounds_over_a_box_and_of_a_number():
    found = ss.bounds(scaled, np.zeros(2), 3, vary={"x": ss.box(0, 1), "beta": ss.ball(1)})
    assert (found.lower, found.upper) == (0, 8)
    found = ss.bounds(scaled, np.zeros(2), vary={"x": ss.box([0, 1], [1, 3])})
    assert (found.lower, found.upper) == (2, 8)


def test_bounds_contain_every_corner_and_random_points():
    rng = np.random.default_rng(0)
    mu, logvar = rng.normal(size=3), rng.normal(size=3)
    found = ss.bounds(kl, mu, logvar, vary={"mu": ss.ball("0.1"), "logvar": ss.ball("0.1")})
    precise = ss.context("interval", prec=120)
    for _ in range(50):
        shift = [rng.choice([-1, 1, rng.uniform(-1, 1)], size=3) for _ in range(2)]
        point = [
            precise.tensor([Fraction(v) + Fraction(s) / 10 for v, s in zip(a, d, strict=True)])
            for a, d in zip((mu, logvar), shift, strict=True)
        ]
        low, high = ss.endpoints(kl(*point))
        assert found.lower <= low
        assert high <= found.upper


def test_bounds_refuse_what_they_cannot_use():
    x = np.zeros(2)
    with pytest.raises(UnknownName, match="polynomial has no parameter 'y'; it has x"):
        ss.bounds(polynomial, x, vary={"y": ss.ball(1)})
    with pytest.raises(ArgumentError, match="expected an enclosing context such as 'interval', got 'float64'"):
        ss.bounds(polynomial, x, vary={"x": ss.ball(1)}, backend="float64")
    with pytest.raises(ArgumentError, match=r"expected ball\(radius\) or box\(lower, upper\) for 'x', got 0.1"):
        ss.bounds(polynomial, x, vary={"x": 0.1})
    with pytest.raises(ArgumentError, match="radius: expected a number >= 0, got -1"):
        ss.ball(-1)
    with pytest.raises(
        ArgumentError, match="method: expected one of auto, interval, mean-value, linear, subdivide, got"
    ):
        ss.bounds(polynomial, x, vary={"x": ss.ball(1)}, method="crown")
    with pytest.raises(ArgumentError, match="budget: expected at least 1 box, got 0"):
        ss.bounds(polynomial, x, vary={"x": ss.ball(1)}, budget=0)
    with pytest.raises(ShapeError, match=r"box: ends of shapes \(3,\) and \(3,\) for an argument of shape \(2,\)"):
        ss.bounds(polynomial, x, vary={"x": ss.box(np.zeros(3), np.ones(3))})
    with pytest.raises(ArgumentError, match="missing a required argument: 'x'"):
        ss.bounds(polynomial, vary={"x": ss.ball(1)})
    with pytest.raises(ArgumentError, match="expected it to return a Tensor, got int"):
        ss.bounds(lambda x: 3, x, vary={"x": ss.ball(1)})


def test_bounds_may_be_infinite():
    found = ss.bounds(lambda x: 1 / x, 0.5, vary={"x": ss.ball(1)})
    assert (found.lower, found.upper) == (-math.inf, math.inf)


# ---- many boxes, and what ends early --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["interval", "mean-value", "linear", "subdivide", "auto"])
def test_rows_of_boxes_are_the_boxes_one_by_one(method):
    spec, (model, beta, xs, noises), given = a_batch()
    few = 3 if method in ("mean-value", "subdivide") else len(xs)
    many = ss.bounds(spec, model, beta, xs[:few], noises[:few], method=method, budget=4, **given)
    assert many.lower.shape == many.inner[0].shape == (few,)
    for i in range(0, few, 7):
        one = ss.bounds(spec, model, beta, xs[i], noises[i], vary=given["vary"], method=method, budget=4)
        assert abs(one.lower - many.lower[i]) + abs(one.upper - many.upper[i]) < one.width * Fraction(1, 1000)
        for rows, alone in zip(many.inner, one.inner, strict=True):  # the search is in floats: no last bits
            assert abs(rows[i] - alone) < one.width * Fraction(1, 1000)
            assert many.lower[i] <= rows[i] <= many.upper[i]


def test_rows_of_boxes_for_what_does_not_fit_are_refused():
    spec, (model, beta, xs, noises), given = a_batch()
    with pytest.raises(ss.errors.ShapeError, match="over: expected arrays with a leading axis of one length"):
        ss.bounds(spec, model, beta, xs, noises[:3], **given)
    with pytest.raises(ss.errors.UnknownName, match="no parameter 'y'"):
        ss.bounds(spec, model, beta, xs, noises, vary=given["vary"], over="y")


def test_ctrl_c_before_anything_is_known_is_what_it_is():
    def stopped(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ss.bounds(stopped, np.ones(2), vary={"x": ss.ball(1)})
