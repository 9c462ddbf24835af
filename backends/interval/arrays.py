"""The arrays of `interval`: object arrays of scalars, whose sums and inner products are exact before they are rounded.

Where one factor of a product of matrices is points, W, and the other boxes, the product is two products of integer
matrices, which `numbers.integers` takes to BLAS: see `exact_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from scalarspec.backends.interval.ends import ZERO, Interval, bounded, exact_product
from scalarspec.backends.interval.field import IntervalField
from scalarspec.core.arrays import LiftedArrays, lift
from scalarspec.numbers import environment
from scalarspec.numbers.dyadic import INFINITE, exact_sum
from scalarspec.numbers.exact import holds_floats
from scalarspec.numbers.integers import (
    BY_DIGITS_FROM,
    TERMS,
    Digits,
    digit_bits,
    least_exponent,
    product,
    whole_numbers,
)

Array = np.ndarray[Any, Any]


class Points:
    """Floats that stand for themselves: weights and data, as they came.

    floats: the array. Each float is an integer below 2^length in size, times 2^exponent.
    """

    __slots__ = ("_digits", "_scalars", "exponent", "floats", "length")

    def __init__(self, floats: Array) -> None:
        self.floats = floats
        self.exponent, self.length = least_exponent(floats)
        self._scalars: Array | None = None
        self._digits: Digits | None = None

    def __reduce__(self) -> Any:
        return Points, (self.floats,)

    def scalars(self) -> Array:
        """The intervals that they are."""
        if self._scalars is None:
            mantissas = whole_numbers(self.floats, self.exponent)
            self._scalars = lift(lambda m: (m, self.exponent, m, self.exponent), mantissas)
        return self._scalars

    def digits(self) -> Digits | None:
        """Of the floats over 2^exponent, for inner products along the last axis; None if they are too long."""
        if self._digits is None and (bits := digit_bits(self.floats.shape[-1])):
            self._digits = Digits.of_floats(self.floats, self.exponent, self.length, bits)
        return self._digits


class IntervalArrays(LiftedArrays):
    """Values are object arrays of scalars, or `Points`. Sums and inner products are exact, and rounded outward once."""

    context: IntervalField

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Where floats are floats: products of matrices are made of them."""
        environment.check()
        return function(*values, **parameters)

    def data(self, array: Array) -> Any:
        if holds_floats(array):
            return Points(array.astype(np.float64))
        return super().data(array)

    def unpack(self, value: Any) -> Array:
        return value.scalars() if isinstance(value, Points) else super().unpack(value)

    # ---- what takes points as they are, and what makes scalars of them ----------------------------------------------

    def restructured(self, function: Callable[..., Array], *values: Any) -> Any:
        if all(isinstance(x, Points) for x in values):
            return Points(np.asarray(function(*(x.floats for x in values))))
        return function(*map(self.unpack, values))

    def elementwise(self, operation: str, *values: Any) -> Any:
        if operation == "multiply" and values[0] is values[1]:
            operation, values = "square", values[:1]
        return super().elementwise(operation, *map(self.unpack, values))

    def reduced(self, total: Callable[[list[Any]], Any], x: Any, axis: tuple[int, ...]) -> Any:
        return super().reduced(total, self.unpack(x), axis)

    # ---- sums and products ------------------------------------------------------------------------------------------

    def total(self, terms: Sequence[Any]) -> Any:
        """The sum of scalars, rounded once."""
        if not terms:
            return ZERO
        lows, highs = [t[:2] for t in terms], [t[2:] for t in terms]
        return self.context.rounded((*exact_sum(lows, -1), *exact_sum(highs, 1)))

    def logsumexp(self, x: Any, axis: tuple[int, ...]) -> Any:
        """Shifted by the largest, so that nothing overflows."""
        return self.reduced(self.context.logsumexp, x, axis)

    def shares(self, terms: list[Any]) -> list[Any]:
        return self.context.shares(terms)

    def log_shares(self, terms: list[Any]) -> list[Any]:
        return self.context.log_shares(terms)

    def rms_norm(self, x: Any, eps: Any, axis: tuple[int, ...], count: int, shape: tuple[int, ...]) -> Array:
        """Row by row, each element at its ends."""
        x, (e,) = self.unpack(x), self.unpack(eps).flat
        kept = [i for i in range(x.ndim) if i not in axis]
        rows = np.transpose(x, (*kept, *axis)).reshape(-1, count) if count else x.reshape(0, 0)
        found = np.empty(rows.shape, dtype=object)
        for k, row in enumerate(rows):
            found[k] = boxed_row(self.context.rms_norm(list(row), e))
        moved = found.reshape([x.shape[i] for i in (*kept, *axis)])
        return np.transpose(moved, np.argsort((*kept, *axis)))

    def along(self, function: Callable[[list[Any]], list[Any]], x: Any, axis: tuple[int, ...]) -> Array:
        return np.asarray(super().along(function, self.unpack(x), axis))

    def inner(self, xs: Sequence[Any], ys: Sequence[Any]) -> Any:
        """The sum of products of scalars, rounded once."""
        return self.total(list(map(exact_product, xs, ys)))

    def affine(self, weight: Any, x: Any, bias: Any) -> Any:
        """weight @ x + bias, rounded once. weight: (m, n); x: (n,); bias: (m,)."""
        return self._rows(weight, self.unpack(x)[None], self.unpack(bias)[None])[0]

    def affine_rows(self, weight: Any, x: Any, bias: Any, shape: tuple[int, int]) -> Any:
        return self._rows(weight, self.unpack(x), np.broadcast_to(self.unpack(bias), shape))

    def _rows(self, weight: Any, x: Array, bias: Array) -> Array:
        """x @ weightᵀ + bias. weight: (m, n); x: (b, n); bias: (b, m)."""
        products = exact_rows(weight, x) if isinstance(weight, Points) else None
        if products is not None:
            return np.asarray(lift(self._bounded_sum, products, bias))
        rows, result = list(self.unpack(weight)), np.empty(bias.shape, dtype=object)
        for i, j in np.ndindex(*bias.shape):
            result[i, j] = self.total([*map(exact_product, rows[j], x[i]), bias[i, j]])
        return result

    def _bounded_sum(self, x: Interval, y: Interval) -> Interval:
        return bounded(*self.context.add(x, y))

    def matmul(self, a: Any, b: Any) -> Any:
        if a is b and self.unpack(a).ndim == 1:
            return self.sum(self.elementwise("square", a), (0,))
        left, right = self.unpack(a), self.unpack(b)
        products = self._exact_products(a, b, left, right)
        return super().matmul(left, right) if products is None else lift(self.context.rounded, products)

    def _exact_products(self, a: Any, b: Any, left: Array, right: Array) -> Array | None:
        """a @ b, exactly, where one of them is a matrix of points; None elsewhere. left, right: their scalars."""
        if isinstance(a, Points) and left.ndim == 2:
            columns = right if right.ndim == 1 else np.moveaxis(right, -2, -1)
            products = exact_rows(a, columns.reshape(prod(columns.shape[:-1]), left.shape[1]))
            if products is None:
                return None
            return (
                products.T
                if right.ndim == 2
                else products[0]
                if right.ndim == 1
                else np.moveaxis(products.reshape(*columns.shape[:-1], left.shape[0]), -1, -2)
            )
        if isinstance(b, Points) and right.ndim == 2:
            products = exact_rows(self.matrix_transpose(b), left.reshape(prod(left.shape[:-1]), right.shape[0]))
            return None if products is None else products.reshape(*left.shape[:-1], right.shape[1])
        return None


def boxed_row(scalars: list[Any]) -> Array:
    """Scalars, which are tuples, as an array of objects."""
    row = np.empty(len(scalars), dtype=object)
    row[:] = scalars
    return row


def exact_rows(weight: Points, x: Array) -> Array | None:
    """x @ weightᵀ, the exact ends.

    1. weight = w 2^p for a matrix w of integers; x lies between low 2^q and high 2^q, integers too.
    2. An interval [l, h] times a number w has the midpoint w (l + h) / 2 and the radius |w| (h - l) / 2; these add up.
    3. So the ends are (w (low + high) ± |w| (high - low)) 2^(p+q-1): two exact products of integer matrices.

    weight: (m, n); x: (b, n), an object array of scalars; result: (b, m), one of scalars that are not rounded. None
    where it does not pay, where an end is infinite, and where numbers are too long for digits.
    """
    if weight.floats.size * len(x) < BY_DIGITS_FROM or (w := weight.digits()) is None:
        return None
    ends = _integer_ends(x, furthest=w.bits * TERMS)
    if ends is None:
        return None
    low, high, exponent = ends
    sums, widths = Digits.of_integers(high + low, w.bits), Digits.of_integers(high - low, w.bits)
    if sums is None or widths is None:
        return None
    middle = product(sums, w)
    radius = product(widths, Digits(np.abs(w.digits), w.bits)) if len(widths.digits) else 0 * middle
    power = weight.exponent + exponent - 1
    return lift(lambda a, b: (a, power, b, power), middle - radius, middle + radius)


def _integer_ends(x: Array, furthest: int) -> tuple[Array, Array, int] | None:
    """low, high and q, for x between low 2^q and high 2^q. None where exponents are further apart, or ends infinite."""
    scalars = x.ravel().tolist()
    lows, highs = [(a, e) for a, e, _, _ in scalars], [(b, f) for _, _, b, f in scalars]
    exponents = [e for m, e in [*lows, *highs] if m]
    least, greatest = min(exponents, default=0), max(exponents, default=0)
    if greatest - least > furthest or greatest == INFINITE:
        return None
    low, high = (np.array([m << (e - least) if m else 0 for m, e in ends], dtype=object) for ends in (lows, highs))
    return low.reshape(x.shape), high.reshape(x.shape), least
