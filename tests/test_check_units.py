"""The checker of certificates to the last unit: claims that are false by less than a unit of 2^-100 to 2^-300 are
refused, and each is accepted by a checker that rounds one step the other way.
"""

import sys
import types

import pytest
from test_check import SOURCE, accepts

from scalarspec import check

THIRD = {"operation": "constant", "shape": [], "lower": {"exponent": 0, "integers": [1], "denominator": 3}}


def between(low, high, exponent=0, denominator=1):
    """An input of shape (), between two numbers."""
    ends = ({"exponent": exponent, "integers": [end], "denominator": denominator} for end in (low, high))
    return dict(zip(("operation", "shape", "lower", "upper"), ("input", [], *ends), strict=True))


def times(a, b):
    """The product of two values."""
    return {"operation": "multiply", "shape": [], "operands": [a, b]}


def certificate(claim, *program, **proof):
    """A certificate about the last value of a program."""
    found = {"format": check.FORMAT, "version": check.VERSION, "program": [*program], "value": len(program) - 1}
    return {**found, "claim": claim, "proof": proof}


def above_a_third(bits):
    """At least what is a third, rounded up to so many bits."""
    return ["at least", 0, (1 << bits) // 3 + 1, 1 << bits]


def below_a_third(bits):
    """At most what is a third, rounded down."""
    return ["at most", 0, (1 << bits) // 3, 1 << bits]


A_THIRD = between(1, 1), THIRD, times(0, 1)
TINY = between(0, 1, -100)
SUM = {"operation": "add", "shape": [], "operands": [0, 1], "elements": [[0, 1]]}
FALSE = {
    "an input rounded up": (
        certificate(above_a_third(100), between(1, 1, 0, 3)),
        ("floor(a * ONE), ceil(b * ONE)", "ceil(a * ONE), ceil(b * ONE)"),
    ),
    "an input rounded down": (
        certificate(below_a_third(100), between(1, 1, 0, 3)),
        ("floor(a * ONE), ceil(b * ONE)", "floor(a * ONE), floor(b * ONE)"),
    ),
    "the upper end of a sum rounded down": (
        certificate(below_a_third(100), *A_THIRD),
        ("over(high, below * ONE)", "high // (below * ONE)"),
    ),
    "a bound rounded up": (
        certificate(above_a_third(100), *A_THIRD, bounds={"2": [[0], []]}),
        ("part.least(v, i, side) // ONE**2", "over(part.least(v, i, side), ONE**2)"),
    ),
    "a coefficient rounded up": (
        certificate(above_a_third(200), *A_THIRD),
        ("into[j] += g // one", "into[j] += over(g, one)"),
    ),
    "a constant rounded up": (
        certificate(above_a_third(300), between(0, 0), THIRD, SUM),
        (
            "total += ONE * handed.pop(None, {}).get(None, 0) // one",
            "total += over(ONE * handed.pop(None, {}).get(None, 0), one)",
        ),
    ),
    "a radius rounded down": (
        certificate(["at most", 0, 0, 1], TINY, TINY, times(0, 1)),
        ("(high - low + 1) // 2", "(high - low) // 2"),
    ),
    "the rest of a product rounded down": (
        certificate(
            ["at least", 0, -((1 << 300) // 3), 1 << 300],
            between(-1, 1), between(-1, 1), THIRD, times(0, 1), times(3, 2),
        ),
        ("total -= over(g * a * b + abs(g) * r * s, one)", "total -= (g * a * b + abs(g) * r * s) // one"),
    ),
    "a gap between the halves": (
        certificate(
            ["or", ["at most", 0, 0, 1], ["at least", 0, 1, 1 << 100]], TINY, split=[0, 0, 0], parts=[{}, {}]
        ),
        ("max(low, at), high)", "max(low, at + 1), high)"),
    ),
    "points taken for nothing": (
        certificate(["at most", 0, 0, 1], between(1, 1), bounds={"0": [[0], []]}),
        ("if low > high:", "if low >= high:"),
    ),
}  # fmt: skip
"""False claims, and the change of the checker's text by which each is accepted."""


@pytest.mark.parametrize("name", FALSE)
def test_what_is_false_by_less_than_a_unit_is_refused(name):
    false, (before, after) = FALSE[name]
    assert not accepts(check, false)
    assert SOURCE.count(before) == 1
    changed = types.ModuleType("mutant")
    sys.modules["mutant"] = changed
    exec(compile(SOURCE.replace(before, after), "mutant", "exec"), vars(changed))
    assert accepts(changed, false)
