"""Points by the cross-entropy method: claims that fail in places to which slopes do not lead."""

from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import cross_entropy, prove
from scalarspec.bounding.domain import Domain
from scalarspec.core.region import Ball

BOTTOM = np.linspace(-0.7, 0.8, 8)


def stairs(x):
    """Flat steps down to 0, near BOTTOM: slopes are 0 everywhere."""
    return ss.sum(ss.floor(8 * ss.abs(x - BOTTOM)))


def above(x):
    """It fails on the lowest step alone, less than a ten-millionth of the box of radius 1."""
    return stairs(x) >= 1


def domain_of(spec, values, radius="1"):
    """The domain of a spec of x over a ball of the largest norm."""
    return Domain(spec, {"x": values}, {"x": ss.ball(radius)}, ())


def test_a_thin_region_is_found_where_slopes_lead_elsewhere(monkeypatch):
    found = ss.prove(above, np.zeros(8), vary={"x": ss.ball(1)}, budget=200)
    assert found.status == "refuted"
    aside = [x - Fraction(c) for x, c in zip(found.witness["x"], BOTTOM, strict=True)]
    assert all(abs(x) < Fraction(1, 8) for x in aside)
    monkeypatch.setattr(prove, "SEARCHES", 0)
    assert ss.prove(above, np.zeros(8), vary={"x": ss.ball(1)}, budget=200).status == "undecided"


def test_a_search_draws_the_same_points_for_the_same_seed():
    domain = domain_of(stairs, np.zeros(8))
    (first,), (again,), (other,) = (cross_entropy.drawn(domain, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_points_lie_in_the_box_and_the_best_come_first():
    domain = domain_of(stairs, np.arange(8.0), "0.5")
    (points,) = cross_entropy.drawn(domain, 0)
    assert np.all(np.abs(points - np.arange(8.0)) <= 0.5)
    values = [float(stairs(ss.context("float64").tensor(x))) for x in points]
    assert values == sorted(values)


def test_values_that_are_none_come_last():
    def spec(x):
        return ss.sum(ss.where(ss.greater(x, 0), ss.log(x), 0 * x))

    (points,) = cross_entropy.drawn(domain_of(spec, np.array([1.0]), "1"), 0)
    assert np.all(np.isfinite(points))


@pytest.mark.parametrize(
    ("values", "radius", "applies"),
    [
        (np.zeros(4), ss.ball(1), True),
        (np.zeros(cross_entropy.MOST_INPUTS + 1), ss.ball(1), False),
        (np.zeros(4), Ball(1, norm=2), False),
        (np.zeros(4), ss.box(0, np.inf), False),
    ],
)
def test_where_points_are_worth_drawing(values, radius, applies):
    domain = Domain(lambda x: ss.sum(ss.square(x)), {"x": values}, {"x": radius}, ())
    assert cross_entropy.applies(domain) is applies
