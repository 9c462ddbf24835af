"""The context of `rational`: the scalars are `fractions.Fraction`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Never

from scalarspec.backends.rational.arrays import RationalArrays
from scalarspec.backends.rational.nothing import Nothing
from scalarspec.core.arrays import Arrays
from scalarspec.core.context import Context
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import DivisionByZero, DomainError, NotExact, ScalarSpecError, TooLarge
from scalarspec.numbers.exact import exact_text, integer_root

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

    def floor(self, x: Fraction) -> Fraction:
        return Fraction(math.floor(x))

    def round(self, x: Fraction) -> Fraction:
        return Fraction(round(x))

    def cbrt(self, x: Fraction) -> Fraction:
        root = self._root(abs(x), 3)
        return self.refuse("cbrt", x) if root is None else root if x > 0 else -root

    def log2(self, x: Fraction) -> Fraction:
        return self._logarithm("log2", x, 2)

    def log10(self, x: Fraction) -> Fraction:
        return self._logarithm("log10", x, 10)

    def _logarithm(self, name: str, x: Fraction, base: int) -> Fraction:
        """Of a power of the base."""
        self._inside(name, x)
        size, sign = (x.numerator, 1) if x.denominator == 1 else (x.denominator, -1)
        power = round(math.log(size, base))
        exact = 1 in (x.numerator, x.denominator) and base**power == size
        return Fraction(sign * power) if exact else self.refuse(name, x)

    def atan2(self, y: Fraction, x: Fraction) -> Fraction:
        if x == y == 0:
            raise DivisionByZero("atan2(0, 0): the origin has no angle")
        return Fraction(0) if y == 0 < x else self.refuse("atan2", y, x)

    def lgamma(self, x: Fraction) -> Fraction:
        self._inside("lgamma", x)
        return Fraction(0) if x in (1, 2) else self.refuse("lgamma", x)

    def digamma(self, x: Fraction) -> Fraction:
        self._inside("digamma", x)
        return self.refuse("digamma", x)

    def log_ndtr(self, x: Fraction) -> Fraction:
        return self.refuse("log_ndtr", x)

    def _inside(self, name: str, x: Fraction) -> None:
        """Raises DomainError for a number outside of a function's domain."""
        line = OPERATIONS[name]
        assert line.course is not None
        low, high = line.course.domain
        if not (low < x < high or (low <= x <= high and line.border != "pole")):
            raise DomainError(f"{name}({self.text(x)}): {line.course.need(line.border == 'pole')}")

    def refuse(self, operation: str, *operands: Fraction) -> Never:
        shown = f"({', '.join(_short(self.text(x)) for x in operands)})" if operands else ""
        raise NotExact(f"{operation}{shown} is not rational; use 'interval' or 'symbolic'")

    @staticmethod
    def _root(x: Fraction, degree: int) -> Fraction | None:
        numerator, denominator = integer_root(x.numerator, degree), integer_root(x.denominator, degree)
        exact = numerator**degree == x.numerator and denominator**degree == x.denominator
        return Fraction(numerator, denominator) if exact else None


def _short(text: str, limit: int = 40) -> Any:
    return text if len(text) <= limit else f"{text[:limit]}..."


def _at_one_number(name: str) -> Callable[[RationalContext, Fraction], Fraction]:
    """A function of the table that is rational at one integer, where it is worked out once, and refused elsewhere."""
    line = OPERATIONS[name]

    def method(self: RationalContext, x: Fraction) -> Fraction:
        self._inside(name, x)
        return VALUES.get(name, Fraction(0)) if x == line.rational else self.refuse(name, x)

    return method


VALUES = {"erfc": Fraction(1)}
"""The values there, where they are not 0."""
for _name, _line in OPERATIONS.items():
    if _line.course and type(_line.rational) is int and getattr(RationalContext, _name) is getattr(Context, _name):
        setattr(RationalContext, _name, _at_one_number(_name))
