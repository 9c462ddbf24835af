"""Attained values that are attained, and refutations that are exact, though floats and interval64 lose all digits."""

import functools
import itertools
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import fuzz_inner
import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.bounding import bounds, inner_bounds
from scalarspec.bounding.domain import Domain
from scalarspec.errors import Contradiction


def test_what_is_attained_around_intervals_reaches_the_ends_of_their_boxes():
    wide = CONTEXTS["interval"].box([0, 0], [2, 2])
    found = ss.bounds(lambda x: ss.sum(x), wide, vary={"x": ss.ball("1/4")})
    assert (found.lower, found.upper) == (Fraction(-1, 2), Fraction(9, 2))
    assert found.inner[0] < Fraction(-1, 2) + Fraction(1, 10**12)
    assert found.inner[1] > Fraction(9, 2) - Fraction(1, 10**12)


INF = float("inf")
PRECISE = ss.context("interval", prec=600)
FAR = np.array([1e8 + 1, 1e8 + 2, 1e8 + 4])


def variance(x):
    return ss.mean_square(x) - ss.square(ss.mean(x))


def test_what_cancels_is_worked_out_exactly():
    found = ss.bounds(variance, FAR, vary={"x": ss.ball("0.001")})
    low, high = found.inner
    assert Fraction("1.5533") < low < high < Fraction("1.5578")
    assert found.lower <= low
    assert high <= found.upper


@pytest.mark.parametrize(
    ("spec", "x", "value"),
    [
        (lambda x: ss.exp(x) / ss.exp(x), 1000.0, 1),
        (lambda x: ss.exp(x) - ss.exp(x), 1.0, 0),
        (lambda x: ss.log(ss.exp(x + 1000)) - x - 1000, 1.0, 0),
        (lambda x: ss.square(ss.sin(x)) + ss.square(ss.cos(x)), 1.0, 1),
    ],
)
def test_one_value_is_not_said_to_be_a_range(spec, x, value):
    """Its enclosure is [b, a] for inner ends (a, b): each end is on the right side of the value."""
    found = ss.bounds(spec, x, vary={"x": ss.ball(1)})
    some_at_most, some_at_least = found.inner
    assert some_at_least <= value <= some_at_most
    assert some_at_most - some_at_least < Fraction(1, 10**20)
    assert "attained: a value in [" in str(found) or some_at_least == some_at_most


def test_none_is_said_to_be_none():
    """A root of what is negative but at the ends, where the search does not look."""
    spec = lambda x: ss.where(x > 5, lambda: ss.exp(x), lambda: ss.log(x)) / x  # noqa: E731
    found = ss.bounds(spec, 6.0, vary={"x": ss.ball("1/2")})
    least, most = found.inner
    assert found.lower <= least < most <= found.upper
    assert inner_bounds.extremes([({}, None, None)]) == (INF, -INF)


def test_a_contradiction_is_loud(monkeypatch):
    right = inner_bounds.inner_bounds
    monkeypatch.setattr(bounds, "inner_bounds", lambda jobs: tuple(end + 10 for end in right(jobs)))
    with pytest.raises(Contradiction, match="inner: a value that is surely attained lies outside of the bounds"):
        assert ss.bounds(ss.exp, 0.0, vary={"x": ss.ball(1)}).inner


def misses(seed):
    """What the fuzz tells, or the library itself."""
    try:
        return fuzz_inner.check(seed, Counter())
    except Contradiction:
        return True


def test_it_is_loud_without_asserts():
    """python -O removes assert statements, and no check of ours."""
    text = (
        "import scalarspec as ss\n"
        "from scalarspec.bounding import methods\n"
        "proper = methods.METHODS['linear']\n"
        "methods.METHODS['linear'] = lambda *a: (((l + 9, h + 9), n) for (l, h), n in proper(*a))\n"
        "try:\n"
        "    ss.bounds(ss.exp, 0.0, vary={'x': ss.ball(1)}, method='linear')\n"
        "except ss.errors.Contradiction as error:\n"
        "    print('loud')\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "loud\n"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ("1/3", "2/3", "attained: [0.3333333334, 0.6666666666]"),
        ("-1/3", "1/8", "attained: [-0.3333333333, 0.125]"),
        ("1/3", "1/3", "attained: a value in [0.3333333333, 0.3333333334]"),
        ("1/3", "0.33333333333334", "attained: a value in [0.3333333333, 0.3333333334]"),
    ],
)
def test_what_is_printed_as_attained_is(low, high, text):
    """Its ends are rounded inward, the bounds outward."""
    assert text in str(ss.bounds(lambda x: 1 * x, Fraction(low), vary={"x": ss.box(low, high)}))


def test_prove_attacks_every_output():
    """One margin of nine fails: in whatever order, it is refuted."""
    rng = np.random.default_rng(0)
    w, c = rng.normal(size=(12, 5)), np.zeros(12)
    sizes = np.abs(w).sum(axis=1)
    for failing in range(12):
        limits = sizes + 0.01
        limits[failing] -= 0.1
        found = ss.prove(lambda x, b=c - limits: ss.matmul(w, x) + b, np.zeros(5), vary={"x": ss.ball(1)}, at_most=0)
        assert (found.status, found.output) == ("refuted", (failing,))
        assert found.value[0] > 0


def test_the_order_of_outputs_decides_nothing():
    w = np.random.default_rng(1).normal(size=(9, 4))
    spec = lambda w, x: ss.matmul(w, ss.tanh(x))  # noqa: E731
    orders = list(itertools.islice(itertools.permutations(range(9)), 0, 362880, 60000))
    limit = Fraction(str(round(float(np.abs(w).sum(axis=1).max() * np.tanh(1)), 3))) - Fraction(1, 100)
    found = {ss.prove(spec, w[list(o)], np.zeros(4), vary={"x": ss.ball(1)}, at_most=limit).status for o in orders}
    assert found == {"refuted"}


def test_prove_refutes_where_floats_cannot_tell():
    near = {"x": ss.ball(1)}
    assert ss.prove(lambda x: ss.exp(x) / ss.exp(x) <= "0.9", 1000.0, vary=near).status == "refuted"
    found = ss.prove(variance, FAR, vary={"x": ss.ball("0.001")}, at_least="1.6")
    low, high = found.value
    assert (found.status, low) == ("refuted", high)  # in rationals
    point = {"x": np.array(found.witness["x"], dtype=object)}
    assert ss.endpoints(variance(ss.context("rational").tensor(point["x"])))[0] == low
    assert ss.prove(lambda x: ss.square(x) < ss.square(x), 3.0, vary=near).status == "refuted"
    assert ss.prove(lambda x: ss.square(x) + 2**80 - 2**80 <= 15, 3.0, vary=near).status == "refuted"


def test_undecided_says_where():
    spec = lambda x: ss.stack([x, ss.exp(x) - ss.exp(x)])  # noqa: E731
    found = ss.prove(spec, 0.0, vary={"x": ss.ball(1)}, at_most=1, at_least=-1)
    assert found.status in ("proved", "undecided")
    found = ss.prove(lambda x: ss.stack([x - 2, ss.exp(x) - ss.exp(x)]), 1.0, vary={"x": ss.ball("1/2")}, at_most=0)
    assert found.status == "undecided"
    assert "at output [1], into" in found.steps[0]


def test_random_specs_that_lose_their_digits():
    counts = Counter()
    assert not [miss for seed in range(60) for miss in fuzz_inner.check(seed, counts)]
    assert counts["losing"] > 15
    assert counts["none found"] == 0


@pytest.mark.parametrize("fault", ["swapped", "clipped"])
def test_the_fuzz_sees_inner_ends_that_are_not_attained(monkeypatch, fault):
    """Ends that change places where they cross, or that are cut to the bounds."""
    monkeypatch.setattr(inner_bounds, "sharpened", lambda domain, found: [f for f in found if f[1] is not None])
    if fault == "clipped":
        monkeypatch.setattr(bounds.Bounds, "inner", property(lambda self: (self.lower, self.upper)))
    else:
        proper = inner_bounds.extremes
        monkeypatch.setattr(
            inner_bounds, "extremes", lambda found: tuple(sorted(proper(found), key=lambda end: end[()]))
        )
    assert any(misses(seed) for seed in range(60))


@pytest.mark.parametrize(
    ("spec", "precisions"),
    [
        (lambda x: ss.exp(x), [113, 226, 452, 904, 1808]),  # surely irrational
        (lambda x: functools.reduce(lambda y, _: ss.square(y), range(13), x), [113, 226, 452, 904, 1808]),  # too long
        (lambda x: ss.square(x), [113, None]),  # which is exact
        (lambda x: ss.exp(x) if bool(x > 0) else ss.log(x), [113, 226, 452, 904, 1808]),
    ],
)
def test_a_point_is_worked_out_once_at_each_precision(spec, precisions):
    seen = []

    def noted(x):
        seen.append(getattr(x.context.wrapped or x.context, "prec", None))
        return spec(x)

    domain = Domain(noted, {"x": 0.5}, {"x": ss.ball(1)})
    inner_bounds.closer(domain, {"x": np.array(Fraction(1, 3), dtype=object)}, lambda low, high: False, (None, None))
    assert seen == precisions
