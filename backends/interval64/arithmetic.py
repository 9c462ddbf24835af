"""The field operations of `interval64` in bulk, and powers and choices that are made of them.

Each is NumPy's operation, rounded to nearest, at the right ends, and then `up_sum` or `up_product` of `ends`, where the
proofs stand. Results that need no rounding (points whose sum or product is a float, factors that are powers of two)
are not widened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.backends.interval64.ends import (
    FLOOR,
    SMALL,
    Ends,
    aligned,
    corners,
    empty,
    exact_product,
    product_of,
    quotient_of,
    signed,
    unbounded,
    up_product,
    up_sum,
)
from scalarspec.backends.interval64.order import OrderedArrays
from scalarspec.backends.interval64.point import Point, Value, ends_of, least_quotient, least_size
from scalarspec.core.domains import beyond, pole, watching_poles
from scalarspec.errors import DivisionByZero
from scalarspec.numbers.recorded import usual

LARGEST_POWER = 64
"""Integer powers up to this are made by products, and their ends then lie some 3 (n - 1) u outside; the scalars, which
round once, take the others."""


class FieldArrays(OrderedArrays):
    """+ - × ÷, squares and powers."""

    def add(self, x: Value, y: Value) -> Value:
        if isinstance(x, Point) and isinstance(y, Point):
            s, lost = up_sum(x.x, y.x)
            if not lost.any() and (s > FLOOR).all():
                return Point(s)
        return up_sum(*aligned(ends_of(x), ends_of(y)))[0]

    def subtract(self, x: Value, y: Value) -> Value:
        return self.add(x, self.negative(y))

    def negative(self, x: Value) -> Value:
        return Point(-x.x) if isinstance(x, Point) else x[::-1]

    def multiply(self, x: Value, y: Value) -> Value:
        if x is y:
            return self.square(x)

        def least() -> Any:
            return least_size(x) * least_size(y)

        if isinstance(x, Point):
            if isinstance(y, Point) and (exact := exact_product(x.x, y.x)) is not None:
                return Point(exact)
            x, y = y, x
        if isinstance(y, Point):
            e = ends_of(x)
            product = _scaled(e, y, np.multiply)
            if _is_exact(e, product, y):
                return product
            return up_product(product, least, lambda: _scaled(e, y, product_of))
        ends = aligned(ends_of(x), ends_of(y))
        return up_product(corners(np.multiply, *ends), least, lambda: corners(product_of, *map(unbounded, ends)))

    def divide(self, x: Value, y: Value) -> Value:
        """The set of quotients; by what contains 0, as the scalars do it."""
        if isinstance(y, Point) and y.x.all():
            product = exact_product(x.x / y.x, y.x) if isinstance(x, Point) else None
            if isinstance(x, Point) and product is not None and np.array_equal(product, x.x):
                return Point(x.x / y.x)
            e = ends_of(x)
            quotient = _scaled(e, y, np.divide)
            if _is_exact(e, quotient, y):
                return quotient
            return up_product(quotient, lambda: least_quotient(x, y))
        e, divisor = np.broadcast_arrays(*aligned(ends_of(x), ends_of(y)))
        hard = ~((divisor[0] < 0) | (divisor[1] < 0))
        if hard.any():
            return self._divide_some(e, divisor, hard)
        return up_product(
            corners(np.divide, e, divisor),
            lambda: least_quotient(e, divisor),
            lambda: corners(quotient_of, unbounded(e), unbounded(divisor)),
        )

    def _divide_some(self, x: Ends, y: Ends, hard: np.ndarray[Any, Any]) -> Ends:
        """By what may contain 0, where `hard` says so, one by one; the others in bulk."""
        zero = (y == 0).all(axis=0)
        if np.any(zero):
            beyond(zero, np.False_, lambda index: DivisionByZero("divide: division by zero"))
            x, y = np.where(zero, np.inf, x), np.where(zero, np.inf, y)  # all reals
        pole(lambda: "divide: 0 lies in a divisor", hard)
        result = empty(x.shape, x)
        with watching_poles():  # they are told
            result[:, hard] = ends_of(self.elementwise("divide", x[:, hard], y[:, hard]))
        result[:, ~hard] = ends_of(self.divide(x[:, ~hard], y[:, ~hard]))
        return result

    def reciprocal(self, x: Value) -> Value:
        return self.divide(Point(np.float64(1.0)), x)

    def square(self, x: Value) -> Value:
        if isinstance(x, Point) and (exact := exact_product(x.x, x.x)) is not None:
            return Point(exact)
        e = ends_of(x)
        inside, high = -e, np.maximum(e[0], e[1])
        low = np.fmax(np.fmax(inside[0], inside[1]), 0.0)
        s = np.empty_like(low, shape=e.shape)
        np.multiply(low, -low, out=s[0, ...])
        np.multiply(high, high, out=s[1, ...])
        result = up_product(s, lambda: least_size(x) * least_size(x))
        np.fmin(result[0, ...], 0.0, out=result[0, ...])
        return result

    def pow(self, x: Value, y: Value) -> Any:
        """Integer powers from 1 to LARGEST_POWER by products; others as the scalars do it."""
        n = float(y.x) if type(y) is Point and np.ndim(y.x) == 0 else 0.5
        if not (n.is_integer() and 1 <= n <= LARGEST_POWER):
            return self.elementwise("pow", x, y)
        if n % 2 == 0:
            return self._product_of(self.abs(x), int(n))
        e = signed(unbounded(ends_of(x)))
        sizes = ends_of(self._product_of(Point(np.abs(e)), int(n)))  # of |inf| and of |sup|
        low, high = np.where(e < 0, sizes[::-1], sizes).swapaxes(0, 1)
        return np.stack((low[0], high[1]))

    def _product_of(self, x: Value, n: int) -> Value:
        """xⁿ for x >= 0, where every product is increasing."""
        if n == 1:
            return x
        even = self._product_of(self.square(x), n // 2)
        return self.multiply(even, x) if n % 2 else even

    def leaky_relu(self, x: Value, slope: Value) -> Value:
        return self.add(self.relu(x), self.multiply(slope, self.minimum(x, Point(np.float64(0.0)))))

    def sign(self, x: Value) -> Value:
        return self.subtract(self.heaviside(x), self.heaviside(self.negative(x)))


def _scaled(x: Ends, y: Point, operation: Callable[..., Any]) -> Ends:
    """x times, or over, points, rounded to nearest: the ends change places where these are negative."""
    if not y.x.ndim:
        scaled: Ends = operation(x if y.x >= 0 else x[::-1], np.abs(y.x))
        return scaled
    a, b = aligned(x, y.x[None])
    result: Ends = operation(a, np.abs(b[0]))
    negative = b[0] < 0
    return result if usual(~negative) else np.where(negative, result[::-1], result)


def _is_exact(x: Ends, result: Ends, factor: Point) -> bool:
    """Is x times, or over, the factor surely exact: by powers of two, and without underflow or overflow?"""
    if not factor.are_powers_of_two() or not np.logical_and.reduce(np.isfinite(result), axis=None):
        return False
    large = np.abs(result) >= SMALL
    if usual(large):
        return True
    x, result = aligned(x, result)
    return bool(np.logical_and.reduce(large | (result == 0) & (x == 0), axis=None))
