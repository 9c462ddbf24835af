"""Exact rationals by `fractions.Fraction`. Promise: every result is the exact real number, or a refusal.

The elementary functions are irrational at every rational argument but a few (Lindemann and Weierstrass); those few
are known here, and the rest are refused: there is no rational to return.

In bulk, a value is a `Ratios`: integers over one common denominator, which floats always have (a power of two). Matrix
products are exact products of integers (`numbers.integers`). Numbers without a moderate common denominator stay an
object array of Fractions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Never

import numpy as np

from scalarspec.core.arrays import Arrays, LiftedArrays, NumPyArrays, lift
from scalarspec.core.context import Context
from scalarspec.errors import DivisionByZero, DomainError, NotExact, TooLarge
from scalarspec.numbers.exact import boxed, exact_text, holds_floats
from scalarspec.numbers.integers import (
    BY_DIGITS_FROM,
    Digits,
    digit_bits,
    least_exponent,
    long_product,
    product,
    whole_numbers,
)

Array = np.ndarray[Any, Any]

COMMON_BITS = 4096
"""A common denominator of more bits than this, and than twice the longest one, is not taken."""

POWER_BITS_LIMIT = 1 << 24
"""A power whose numerator or denominator would have more bits than this is refused."""


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
        return x

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


class Ratios:
    """Rationals over one denominator, which is positive: integers, or the floats that were given."""

    __slots__ = ("_digits", "_numerators", "denominator", "exponent", "floats", "length")

    def __init__(self, numerators: Array | None, denominator: int, floats: Array | None = None) -> None:
        self._numerators = numerators
        self.denominator = denominator
        self.floats = floats
        self._digits: Digits | None = None
        self.exponent = self.length = 0

    @classmethod
    def of_floats(cls, x: Array) -> Ratios:
        """The floats as they are; their integers are worked out when they are needed."""
        exponent, length = least_exponent(x)
        result = cls(None, 1 << max(-exponent, 0), x)
        result.exponent, result.length = exponent, length
        return result

    def __reduce__(self) -> Any:
        return (
            (Ratios.of_floats, (self.floats,))
            if self.floats is not None
            else (Ratios, (self.numerators, self.denominator))
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        return tuple((self.floats if self.floats is not None else self.numerators).shape)

    @property
    def numerators(self) -> Array:
        """Python integers."""
        if self._numerators is None:
            self._numerators = whole_numbers(self.floats, min(self.exponent, 0))  # type: ignore[arg-type]
        return self._numerators

    @property
    def nbytes(self) -> int:
        """The memory that is held: floats, digits, and integers, where they are."""
        floats = 0 if self.floats is None else int(self.floats.nbytes)
        digits = 0 if self._digits is None else int(self._digits.digits.nbytes)
        integers = [] if self._numerators is None else self._numerators.ravel().tolist()
        return floats + digits + sum([8 + int(n.__sizeof__()) for n in integers])

    def over(self, denominator: int) -> Array:
        """The numerators over a multiple of the denominator."""
        factor = denominator // self.denominator
        return self.numerators if factor == 1 else _array(self.numerators * factor)

    def digits(self, bits: int) -> tuple[Digits | None, int]:
        """The digits of the numerators, and a power of two that they are still to be multiplied by."""
        extra = max(self.exponent, 0)
        if self._digits is None or self._digits.bits != bits:
            if self.floats is not None:
                self._digits = Digits.of_floats(self.floats, self.exponent, self.length, bits)
            else:
                self._digits = Digits.of_integers(self.numerators, bits)
        return self._digits, extra

    def mapped(self, function: Callable[[Array], Array]) -> Ratios:
        """With another structure."""
        if self.floats is not None:
            return Ratios.of_floats(np.asarray(function(self.floats)))
        return Ratios(_array(function(self.numerators)), self.denominator)


def _array(numbers: Any) -> Array:
    """An object array, where NumPy has made a plain number of it."""
    return numbers if isinstance(numbers, np.ndarray) else boxed(numbers)


def _common(*values: Ratios) -> tuple[list[Array], int]:
    """The numerators over the least common denominator, and that."""
    denominator = math.lcm(*(v.denominator for v in values))
    return [v.over(denominator) for v in values], denominator


class RationalArrays(NumPyArrays):
    """Values are `Ratios`, or object arrays of Fractions; truths are arrays of bool."""

    def __init__(self, context: RationalContext) -> None:
        super().__init__(context)
        self._lifted = LiftedArrays(context)

    def function(self, operation: str) -> Callable[..., Any]:
        """In bulk where there is a way and the operands have common denominators, else by the scalars."""
        bulk = getattr(self, operation, None)

        def apply(*values: Any, **parameters: Any) -> Any:
            if bulk and not any(_is_plain(value) for value in values):
                return bulk(*values, **parameters)
            return self._by_scalars(operation, *values, **parameters)

        return apply

    def elementwise(self, operation: str, *values: Any) -> Any:
        return self._by_scalars(operation, *values)

    def _by_scalars(self, operation: str, *values: Any, **parameters: Any) -> Any:
        return self.pack(self._lifted.apply(operation, *(self.unpack(value) for value in values), **parameters))

    # ---- in and out -------------------------------------------------------------------------------------------------

    def data(self, array: Array) -> Any:
        if holds_floats(array):
            return Ratios.of_floats(array.astype(np.float64))
        return self.pack(lift(self.context.data, array))

    def pack(self, scalars: Array) -> Any:
        if scalars.size and isinstance(scalars.flat[0], bool | np.bool_):
            return scalars.astype(bool)
        limit = max([COMMON_BITS, *(2 * x.denominator.bit_length() for x in scalars.flat)])
        denominator = 1
        for x in scalars.flat:
            denominator = math.lcm(denominator, x.denominator)
            if denominator.bit_length() > limit:
                return scalars
        return Ratios(lift(lambda x: x.numerator * (denominator // x.denominator), scalars), denominator)

    def unpack(self, value: Any) -> Array:
        if not isinstance(value, Ratios):
            return np.asarray(value, dtype=object)
        return lift(lambda n: Fraction(n, value.denominator), value.numerators)

    # ---- structure --------------------------------------------------------------------------------------------------

    def restructured(self, x: Any, function: Callable[[Array], Array]) -> Any:
        return x.mapped(function) if isinstance(x, Ratios) else np.asarray(function(x))

    def stack(self, *values: Any, axis: int = 0) -> Any:
        if isinstance(values[0], np.ndarray):
            return super().stack(*values, axis=axis)
        numerators, denominator = _common(*values)
        return Ratios(np.stack(numerators, axis), denominator)

    # ---- elementwise ------------------------------------------------------------------------------------------------

    def add(self, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = _common(x, y)
        return Ratios(_array(a + b), denominator)

    def subtract(self, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = _common(x, y)
        return Ratios(_array(a - b), denominator)

    def negative(self, x: Ratios) -> Ratios:
        return x.mapped(operator.neg)

    def multiply(self, x: Ratios, y: Ratios) -> Ratios:
        if x.shape and not y.shape:
            return self._times(x, y.numerators.item(), y.denominator)
        if y.shape and not x.shape:
            return self._times(y, x.numerators.item(), x.denominator)
        return Ratios(_array(x.numerators * y.numerators), x.denominator * y.denominator)

    def _times(self, x: Ratios, n: int, d: int) -> Ratios:
        """x n / d, with the denominator's factors in n taken out."""
        common = math.gcd(n, x.denominator)
        return Ratios(_array(x.numerators * (n // common)), x.denominator // common * d)

    def square(self, x: Ratios) -> Ratios:
        denominator: int = x.denominator * x.denominator
        return Ratios(_array(x.numerators * x.numerators), denominator)

    def divide(self, x: Ratios, y: Ratios) -> Any:
        """By one number; by several, one by one."""
        if y.shape:
            return self._by_scalars("divide", x, y)
        n = y.numerators.item()
        if n == 0:
            raise DivisionByZero("divide: division by zero")
        return self._times(x, y.denominator if n > 0 else -y.denominator, abs(n))

    def maximum(self, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = _common(x, y)
        return Ratios(_array(np.maximum(a, b)), denominator)

    def minimum(self, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = _common(x, y)
        return Ratios(_array(np.minimum(a, b)), denominator)

    def clip(self, x: Ratios, lower: Ratios, upper: Ratios) -> Ratios:
        return self.minimum(self.maximum(x, lower), upper)

    def abs(self, x: Ratios) -> Ratios:
        return x.mapped(np.abs)

    def relu(self, x: Ratios) -> Ratios:
        return x.mapped(lambda a: np.maximum(a, 0))

    def heaviside(self, x: Ratios) -> Ratios:
        return Ratios(np.where(np.asarray(x.numerators > 0, dtype=bool), 1, 0).astype(object), 1)

    def less(self, x: Ratios, y: Ratios) -> Array:
        (a, b), _ = _common(x, y)
        return np.asarray(np.less(a, b), dtype=bool)

    def less_equal(self, x: Ratios, y: Ratios) -> Array:
        (a, b), _ = _common(x, y)
        return np.asarray(np.less_equal(a, b), dtype=bool)

    def equal(self, x: Ratios, y: Ratios) -> Array:
        (a, b), _ = _common(x, y)
        return np.asarray(np.equal(a, b), dtype=bool)

    def logical_not(self, p: Array) -> Array:
        return np.logical_not(p)

    def logical_and(self, p: Array, q: Array) -> Array:
        return np.logical_and(p, q)

    def logical_or(self, p: Array, q: Array) -> Array:
        return np.logical_or(p, q)

    def where(self, p: Array, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = _common(x, y)
        return Ratios(_array(np.where(p, a, b)), denominator)

    # ---- sums and products ------------------------------------------------------------------------------------------

    def sum(self, x: Ratios, axis: tuple[int, ...]) -> Ratios:
        return Ratios(_array(np.sum(x.numerators, axis=axis, initial=0)), x.denominator)

    def mean(self, x: Ratios, axis: tuple[int, ...], count: int) -> Ratios:
        total = self.sum(x, axis)
        return Ratios(total.numerators, total.denominator * max(count, 1))

    def affine_rows(self, weight: Ratios, x: Ratios, bias: Ratios, shape: tuple[int, int]) -> Ratios:
        return self.add(_inner_products(x, weight), self.broadcast_to(bias, shape))

    def matmul(self, a: Ratios, b: Ratios) -> Ratios:
        """Inner products of the rows of a and the columns of b."""
        columns = self.matrix_transpose(b) if len(b.shape) == 2 else b
        return _inner_products(a, columns).mapped(lambda n: n.reshape(a.shape[:-1] + b.shape[1:]))


def _inner_products(a: Ratios, b: Ratios) -> Ratios:
    """a @ bᵀ. a: (m, n) or (n,); b: (p, n) or (n,)."""
    denominator, n = a.denominator * b.denominator, a.shape[-1]
    bits = digit_bits(n)
    if bits and math.prod(a.shape) * math.prod(b.shape) >= BY_DIGITS_FROM * n:
        (left, i), (right, j) = a.digits(bits), b.digits(bits)
        if left is not None and right is not None:
            result = product(_matrix(left), _matrix(right))
            return Ratios(_array(result << (i + j)) if i + j else result, denominator)
    return Ratios(long_product(_rows(a.numerators), _rows(b.numerators)), denominator)


def _rows(x: Array) -> Array:
    return x if x.ndim == 2 else x[None]


def _matrix(d: Digits) -> Digits:
    return d if d.digits.ndim == 3 else Digits(d.digits[:, None], d.bits)


def _is_plain(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object
