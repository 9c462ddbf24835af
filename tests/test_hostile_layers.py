"""What layers and searches once got wrong: terms that cancel where elements move, underflow, overflow, limits."""

from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.numbers.exact import difference_ends

BIG = Fraction(2) ** 1000
NEAR = (Fraction(51, 100), Fraction(53, 100))


def thrice(x):
    """2^-60 max(x, 0), by terms that cancel."""
    return ss.affine([[1, Fraction(1, 2**60), -1]], ss.concat([ss.relu(x)] * 3), [0])


def by_index(x):
    return ss.affine([[1, Fraction(1, 2**60), -1]], ss.relu(x)[np.array([0, 0, 0])], [0])


def repeated(x):
    return ss.matmul([[1, Fraction(1, 2**60), -1]], ss.reshape(ss.broadcast_to(ss.relu(x), (3, 1)), (3,)))


def underflowing(x):
    """2^-200 max(x, 0)."""
    return ss.relu(x) * BIG * Fraction(1, 2**600) * Fraction(1, 2**600)


def overflowing(x):
    """max(x, 0)."""
    return ss.relu(x) * BIG * 2**24 / BIG / 2**24


CASES = [
    (thrice, Fraction(1, 2**60)),
    (by_index, Fraction(1, 2**60)),
    (repeated, Fraction(1, 2**60)),
    (underflowing, Fraction(1, 2**200)),
    (overflowing, Fraction(1)),
]


@pytest.mark.parametrize(("spec", "slope"), CASES)
def test_bounds_contain_what_is_attained(spec, slope):
    found = ss.bounds(spec, [0.0], vary={"x": ss.box([-1], [1])}, method="linear")
    assert found.lower[0] <= 0 < slope <= found.upper[0]


@pytest.mark.parametrize(("spec", "slope"), CASES)
def test_a_claim_that_is_false_in_the_middle_is_not_proved(spec, slope):
    claim = lambda x: (ss.relu(spec(x)) <= slope / 2) | (x <= NEAR[0]) | (x >= NEAR[1])  # noqa: E731
    assert ss.prove(claim, [0.0], vary={"x": ss.box([0], [1])}, budget=40).status != "proved"


def test_constants_among_what_cancels():
    def spec(x):
        return ss.matmul([[1, 1, 1, 1]], ss.concat([x.context.tensor([1, Fraction(1, 2**60), -1]), ss.relu(x)]))

    found = ss.bounds(spec, [0.0], vary={"x": ss.box([-2], [-1])}, method="linear")
    assert found.lower[0] <= Fraction(1, 2**60) <= found.upper[0]


@pytest.mark.parametrize("spec", [overflowing, lambda x: ss.relu(ss.relu(x) * BIG * 2**24) / BIG / 2**24])
def test_products_that_overflow_prove_nothing(spec):
    claim = lambda x: (spec(x) >= Fraction(6, 5)) | (x <= 1)  # noqa: E731
    assert ss.prove(claim, [1.0], vary={"x": ss.box([-1], [2])}, budget=50).status != "proved"


def test_margins_are_no_better_than_they_are():
    c = Fraction(5, 3)
    spec = lambda x: ss.stack([x, x * (1 - x) * (x * x + 1) * x + c - Fraction(4, 10)])  # noqa: E731
    assert ss.prove(spec, 0.0, vary={"x": ss.box(0, 1)}, at_most=c, budget=300).margins[0][0] <= c - 1


@pytest.mark.parametrize("index", [np.array([1, 0]), [1, 0], (np.array([1, 0]),)])
def test_truths_that_are_taken_by_arrays(index):
    vary = {"x": ss.ball(1)}
    assert ss.prove(lambda x: (x <= 1)[index], [0, 0], vary=vary).status == "proved"
    assert ss.prove(lambda x: (x < 1)[index], [0, 0], vary=vary).status == "refuted"


def test_limits_beyond_floats():
    spec = lambda x: (ss.relu(x) - ss.relu(-x)) * Fraction(2) ** 600 * Fraction(2) ** 600  # noqa: E731
    found = ss.prove(spec, [1.0], vary={"x": ss.box([0], [1])}, at_least=-(Fraction(2) ** 1100))
    assert found.status in ("proved", "undecided")


def test_limits_beyond_floats_beside_what_is_unbounded():
    spec = lambda x: x * Fraction(2) ** 600 * Fraction(2) ** 600  # noqa: E731
    found = ss.prove(spec, [1.0, 1.0], vary={"x": ss.box([0, 0], [1, np.inf])}, at_least=-(Fraction(2) ** 1100))
    assert found.status in ("proved", "undecided")


def test_differences_of_finite_floats_among_fractions_are_differences():
    ends = np.array([0.5, np.inf, Fraction(1, 3)], dtype=object)
    for found in difference_ends(ends, Fraction(1, 3)):
        assert found.tolist() == [Fraction(1, 6), np.inf, 0]
