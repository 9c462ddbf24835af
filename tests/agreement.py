"""What it means that a result is a known exact value, in each kind of context."""

from fractions import Fraction

import numpy as np

import scalarspec as ss

LOOSER = 32
"""interval64 promises tens of roundoffs an end where `interval` promises one: expm1mx 40, a layer n + 20."""


LOOSE = {"interval64", "rounding"}
"""The second has the enclosures of the first."""


def assert_is(result, expected, ulps=8, scale=None):
    """`result` is the exact value: equal, or enclosed within a few ulps, or within as many ulps for floats.

    expected: numbers or nested lists of them, exact; scale: the size that an ulp is taken of (default: the value's).
    """
    want = np.vectorize(Fraction, otypes=[object])(np.array(expected, dtype=object))
    assert result.shape == want.shape
    for index in np.ndindex(*want.shape):
        scalar, value = result.scalars()[index], want[index]
        size = max(abs(value), Fraction(scale or 0)) or Fraction(1)
        if result.context.encloses:
            low, high = result.context.endpoints(scalar)
            assert low <= value <= high
            assert high - low <= ulps * roundoff(result.context) * size
        elif result.context.exact:
            assert result.context.exact_value(scalar) == value
        else:
            assert abs(result.context.exact_value(scalar) - value) <= ulps * roundoff(result.context) * size


def assert_near(result, expected, digits=15, ulps=8):
    """`result` is a real number known to so many decimal digits: close to it, and enclosed as far as they tell."""
    value, unit = Fraction(expected), abs(Fraction(expected)) / 10**digits
    scalar = result.scalars()[()]
    if result.context.encloses:
        low, high = result.context.endpoints(scalar)
        assert low - unit <= value <= high + unit
        assert high - low <= ulps * roundoff(result.context) * abs(value)
    else:
        slack = 0 if result.context.exact else ulps * roundoff(result.context) * abs(value)
        assert abs(result.context.approximate(scalar) - value) <= unit + slack


def roundoff(context):
    """The size of an ulp of 1 in the context."""
    if context.encloses:
        low, high = context.endpoints(context.literal(Fraction(1, 3)))
        return 4 * (high - low) * (LOOSER if context.name in LOOSE else 1)
    return Fraction(float(np.finfo(context.dtype).eps))


def same(a, b):
    """Two tensors hold the same, exactly: the same text in every element."""
    return a.shape == b.shape and [a.context.text(x) for x in a.scalars().flat] == [
        b.context.text(x) for x in b.scalars().flat
    ]


def inside(enclosure, exact):
    """Every exact value lies in its enclosure."""
    lower, upper = ss.endpoints(enclosure)
    return bool(np.all((lower <= exact) & (exact <= upper)))
