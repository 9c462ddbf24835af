"""Points by the cross-entropy method: claims that fail in places to which slopes do not lead."""

from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import attack, cross_entropy
from scalarspec.bounding.bounds import CHOICES
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
    monkeypatch.setattr(attack, "SEARCHES", 0)
    assert ss.prove(above, np.zeros(8), vary={"x": ss.ball(1)}, budget=200).status == "undecided"


def test_a_search_draws_the_same_points_for_the_same_seed():
    domain = domain_of(stairs, np.zeros(8))
    (first,), (again,), (other,) = (cross_entropy.drawn(domain, 0, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_points_lie_in_the_box_and_the_best_come_first():
    domain = domain_of(stairs, np.arange(8.0), "0.5")
    (points,) = cross_entropy.drawn(domain, 0, 0)
    assert np.all(np.abs(points - np.arange(8.0)) <= 0.5)
    values = [float(stairs(ss.context("float64").tensor(x))) for x in points]
    assert values == sorted(values)


def test_values_that_are_none_come_last():
    def spec(x):
        return ss.sum(ss.where(ss.greater(x, 0), ss.log(x), 0 * x))

    (points,) = cross_entropy.drawn(domain_of(spec, np.array([1.0]), "1"), 0, 0)
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


def test_what_is_done_and_not_used_counts():
    """The numbers between two layers that are one to linear bounds."""
    wide, back = np.ones((1024, 3)), np.ones((3, 1024))
    domain = domain_of(lambda x: ss.sum(ss.matmul(back, ss.matmul(wide, x))), np.zeros(3))
    assert domain.plan.largest < 100
    assert cross_entropy.applies(domain)
    wider = domain_of(lambda x: ss.sum(ss.matmul(back, ss.matmul(wide, x)) + ss.sum(wide @ x)), np.zeros(3))
    assert not cross_entropy.applies(wider)


@pytest.mark.parametrize(
    "claim",
    [
        lambda x: (x <= 2).all() & above(x),
        lambda x: (x[0] <= x[0]) & above(x),
        lambda x: (x[:0] <= 0).all() & above(x),
        lambda x: (ss.sum(x) / 8 >= -10) & above(x) & (ss.sum(x) / 8 <= 10),
    ],
)
def test_parts_of_a_claim_that_hold_do_not_hide_one_that_fails(claim):
    assert ss.prove(claim, np.zeros(8), vary={"x": ss.ball(1)}, budget=200).status == "refuted"


def test_a_search_ends_when_the_time_is_over():
    asked = []
    domain = domain_of(stairs, np.zeros(8))
    cross_entropy.drawn(domain, 0, 0, lambda: asked.append(1) or len(asked) == 2)
    assert len(asked) == 2


def test_an_argument_that_is_a_box_takes_no_floats():
    c = ss.context("interval").box([0.9] * 4, [1.1] * 4)
    spec = lambda x, c: ss.sum(ss.sin(3 * x) * c + ss.square(x))  # noqa: E731
    proof = ss.prove(spec, np.zeros(4), c, vary={"x": ss.ball(1)}, at_most="5.5", budget=100)
    assert proof.status == "undecided"


@pytest.mark.parametrize("end", [1e308, 8.9e307, np.inf])
def test_boxes_as_large_as_floats_are_searched_silently(end):
    proof = ss.prove(lambda x: ss.sin(x) >= -2, 0.0, vary={"x": ss.box(-end, end)}, budget=100)
    assert proof.status == "proved"
    proof = ss.prove(
        lambda x: ss.sin(x) + ss.cos(3 * x) >= Fraction(-3, 2), 0.0, vary={"x": ss.box(-end, end)}, budget=200
    )
    assert proof.status == "refuted"


def test_a_constant_that_only_finer_intervals_decide_leaves_the_question_open():
    total = lambda x, y: (ss.square(x) - x <= 1) & (ss.sum(y) > 0)  # noqa: E731
    proof = ss.prove(total, 0.0, np.array([1e16, 1.0, -1e16]), vary={"x": ss.ball(1)})
    assert proof.status == "refuted"


@pytest.mark.parametrize("method", CHOICES)
def test_a_branch_that_only_finer_intervals_decide_has_the_bounds_of_an_evaluation(method):
    branch = lambda x: ss.square(x) if x.context.tensor("1e-400") > 0 else x  # noqa: E731
    found = ss.bounds(branch, 0.5, vary={"x": ss.ball("0.25")}, method=method, target="0.1")
    assert (found.lower, found.upper) == (Fraction(1, 16), Fraction(9, 16))
