"""The context of `rational`: the scalars are `fractions.Fraction`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Never

from scalarspec.backends.rational.arrays import RationalArrays
from scalarspec.backends.rational.nothing import Nothing
from scalarspec.core.arrays import Arrays, LiftedArrays
from scalarspec.core.context import Context
from scalarspec.errors import DivisionByZero, DomainError, NotExact, ScalarSpecError, TooLarge
from scalarspec.numbers.exact import exact_text

POWER_BITS_LIMIT = 1 << 24
"""A power whose numerator or denominator would have more bits than this (2 MiB) is refused, as TooLarge."""


@dataclass(frozen=True)
class RationalContext(Context[Fraction]):
    """The field of rational numbers."""

    lifted: bool = False
    exact: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "rational"

    @cached_property
    def arrays(self) -> Arrays:
        return LiftedArrays(self) if self.lifted else RationalArrays(self)

    def reference(self) -> RationalContext:
        """The same numbers, in object arrays of Fractions."""
        return replace(self, lifted=True)

    def __repr__(self) -> str:
        return self.name + (".reference()" if self.lifted else "")

    def literal(self, value: Fraction) -> Fraction:
        return value

    def exact_value(self, x: Fraction) -> Fraction:
        return x.value if isinstance(x, Nothing) else x

    def item(self, x: Fraction) -> Fraction:
        return self.exact_value(x)

    def anything(self, error: ScalarSpecError) -> Any:
        return Nothing(error)

    def text(self, x: Fraction) -> str:
        return exact_text(x)

    def add(self, x: Fraction, y: Fraction) -> Fraction:
        return x + y

    def negative(self, x: Fraction) -> Fraction:
        return -x

    def multiply(self, x: Fraction, y: Fraction) -> Fraction:
        return x * y

    def divide(self, x: Fraction, y: Fraction) -> Fraction:
        if y == 0:
            raise DivisionByZero(f"divide({self.text(x)}, 0): division by zero")
        return x / y

    def less(self, x: Fraction, y: Fraction) -> bool:
        return x < y

    def less_equal(self, x: Fraction, y: Fraction) -> bool:
        return x <= y

    def exp(self, x: Fraction) -> Fraction:
        return Fraction(1) if x == 0 else self.refuse("exp", x)

    def log(self, x: Fraction) -> Fraction:
        if x <= 0:
            raise DomainError(f"log({self.text(x)}): the logarithm needs a positive number")
        return Fraction(0) if x == 1 else self.refuse("log", x)

    def sqrt(self, x: Fraction) -> Fraction:
        if x < 0:
            raise DomainError(f"sqrt({self.text(x)}): the square root needs a non-negative number")
        return self._root(x, 2) or (Fraction(0) if x == 0 else self.refuse("sqrt", x))

    def sin(self, x: Fraction) -> Fraction:
        return Fraction(0) if x == 0 else self.refuse("sin", x)

    def cos(self, x: Fraction) -> Fraction:
        return Fraction(1) if x == 0 else self.refuse("cos", x)

    def atan(self, x: Fraction) -> Fraction:
        return Fraction(0) if x == 0 else self.refuse("atan", x)

    def erf(self, x: Fraction) -> Fraction:
        return Fraction(0) if x == 0 else self.refuse("erf", x)

    def pow(self, x: Fraction, y: Fraction) -> Fraction:
        """Integer powers, and rational ones of perfect powers."""
        if x < 0 and y.denominator > 1:
            raise DomainError(f"pow({self.text(x)}, {y}): a real exponent needs a non-negative base")
        if x == 0 and y < 0:
            raise DivisionByZero(f"pow(0, {y}): division by zero")
        if abs(y.numerator) * max(x.numerator.bit_length(), x.denominator.bit_length()) > POWER_BITS_LIMIT:
            if abs(x) in (0, 1):
                return Fraction(int(x) ** (2 - y.numerator % 2)) if y != 0 else Fraction(1)
            raise TooLarge(f"pow({_short(self.text(x))}, {_short(str(y))}): over {POWER_BITS_LIMIT} bits")
        root = x if y.denominator == 1 else self._root(x, y.denominator)
        if root is None:
            return self.refuse("pow", x, y)
        return Fraction(root**y.numerator)

    def refuse(self, operation: str, *operands: Fraction) -> Never:
        shown = f"({', '.join(_short(self.text(x)) for x in operands)})" if operands else ""
        raise NotExact(f"{operation}{shown} is not rational; use 'interval' or 'symbolic'")

    @staticmethod
    def _root(x: Fraction, degree: int) -> Fraction | None:
        numerator, denominator = _integer_root(x.numerator, degree), _integer_root(x.denominator, degree)
        exact = numerator**degree == x.numerator and denominator**degree == x.denominator
        return Fraction(numerator, denominator) if exact else None


def _integer_root(n: int, degree: int) -> int:
    """The largest integer whose `degree`-th power is at most n >= 0, by Newton's iteration from above."""
    if degree == 2:
        return math.isqrt(n)
    if n < 2 or degree >= n.bit_length():
        return min(n, 1)
    guess = 1 << -(-n.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + n // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better


def _short(text: str, limit: int = 40) -> Any:
    return text if len(text) <= limit else f"{text[:limit]}..."
