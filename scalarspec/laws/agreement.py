"""When a result agrees with what is known of it: by the promise of its context."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainError
from scalarspec.laws.law import LawViolation, Operands
from scalarspec.numbers.exact import End, infinite, interval_text

FLOAT_ULPS = 32
"""The stated bound for floats, in units of roundoff of the largest term: NumPy's functions keep within 4."""
DIGITS = 100
"""Of the references: far beyond every precision that laws are checked at."""

REFERENCE_ERROR = Fraction(1, 10**DIGITS)
"""The relative error that a reference may have: mpmath works out 20 digits more (see `exact_values`)."""


def ranges_of(t: Tensor) -> Iterator[tuple[End, End]]:
    """What each element stands for: a point, or the ends of an enclosure."""
    for scalar in t.scalars().flat:
        if t.context.encloses:
            yield t.context.endpoints(scalar)
        else:
            value = t.context.approximate(scalar)
            yield value, value


def roundoff(context: Context[Any]) -> Fraction:
    """The relative roundoff of a context, as the error or the width that it has at 1/3."""
    third = context.tensor("1/3")
    (low, high), *_ = ranges_of(third)
    return max(Fraction(high) - Fraction(low), abs(Fraction(low) - Fraction(1, 3))) * 3


def agree(actual: Tensor, expected: Sequence[tuple[Fraction, Fraction]], scale: Fraction, what: str) -> None:
    """Each element agrees with what it is to be, given by lower and upper bounds on the exact value."""
    context = actual.context
    tolerance = Fraction(0) if context.encloses else REFERENCE_ERROR * (1 + scale)
    if not context.exact and not context.encloses:
        tolerance = FLOAT_ULPS * roundoff(context)
    for (low, high), (least, greatest) in zip(ranges_of(actual), expected, strict=True):
        slack = tolerance * max(scale, abs(least), abs(greatest)) if not context.exact else tolerance
        if low > greatest + slack or high < least - slack:
            raise LawViolation(f"{what} is {interval_text(low, high)}, expected {interval_text(least, greatest)}")


def meet(left: Tensor, right: Tensor, scale: Fraction, what: str) -> None:
    """Two ways to the same reals agree: enclosures of them meet. Raises DomainError where one way says nothing."""
    ends = list(ranges_of(right))
    if any(infinite(*pair) for pair in ends):
        raise DomainError(f"{what}: an infinite end tells nothing of the other way")
    agree(left, [(Fraction(low), Fraction(high)) for low, high in ends], scale, what)


def points(values: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
    """Exact values as bounds on themselves."""
    return [(value, value) for value in values]


def square_scale(operands: Operands) -> Fraction:
    """The size that terms of degree two in the operands can have."""
    return 1 + sum((x * x for x in operands), Fraction(0))


def exponential_scale(operands: Operands) -> Fraction:
    """The size that products of an exponential and three operands can have."""
    largest = max(map(abs, operands))
    return (1 + largest) ** 3 * Fraction(math.exp(largest))


def lifted(context: Context[Any], operands: Operands) -> list[Tensor]:
    """Each operand as a tensor of shape ()."""
    return [context.tensor(operand) for operand in operands]
