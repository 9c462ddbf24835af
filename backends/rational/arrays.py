"""The arrays of `rational`: `Ratios` where there is a common denominator of moderate size, else arrays of Fractions."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.backends.rational.nothing import Nothing
from scalarspec.backends.rational.ratios import Array, Ratios, added, as_objects, inner_products, over_common
from scalarspec.core import windows
from scalarspec.core.arrays import Lengths, NumPyArrays, lift
from scalarspec.core.context import Context
from scalarspec.core.lifted_arrays import LiftedArrays, multiplied
from scalarspec.errors import DivisionByZero
from scalarspec.numbers.exact import boxed, holds_floats
from scalarspec.numbers.integers import sum_of_squares

COMMON_BITS = 4096
"""A common denominator of more bits than this, and than twice the longest one, is not taken: all numerators would be as
long. Floats have at most 1,074."""


class RationalArrays(NumPyArrays):
    """Values are `Ratios`, or object arrays of Fractions; truths are arrays of bool."""

    def __init__(self, context: Context[Fraction]) -> None:
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
        if any(isinstance(x, Nothing) for x in scalars.flat):
            return scalars
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

    def restructured(self, function: Callable[..., Array], *values: Any) -> Any:
        if isinstance(values[0], np.ndarray):
            return np.asarray(function(*values))
        if len(values) == 1:
            return values[0].mapped(function)
        numerators, denominator = over_common(*values)
        return Ratios(as_objects(function(*numerators)), denominator)

    # ---- elementwise ------------------------------------------------------------------------------------------------

    def add(self, x: Ratios, y: Ratios) -> Ratios:
        if (found := added(x, y, 1)) is not None:
            return found
        (a, b), denominator = over_common(x, y)
        return Ratios(as_objects(a + b), denominator)

    def subtract(self, x: Ratios, y: Ratios) -> Ratios:
        if (found := added(x, y, -1)) is not None:
            return found
        (a, b), denominator = over_common(x, y)
        return Ratios(as_objects(a - b), denominator)

    def negative(self, x: Ratios) -> Ratios:
        return x.mapped(operator.neg)

    def multiply(self, x: Ratios, y: Ratios) -> Ratios:
        if x.shape and not y.shape:
            return self._times(x, y.numerators.item(), y.denominator)
        if y.shape and not x.shape:
            return self._times(y, x.numerators.item(), x.denominator)
        return Ratios(as_objects(x.numerators * y.numerators), x.denominator * y.denominator)

    def _times(self, x: Ratios, n: int, d: int) -> Ratios:
        """x n / d, with the denominator's factors in n taken out."""
        common = math.gcd(n, x.denominator)
        return Ratios(as_objects(x.numerators * (n // common)), x.denominator // common * d)

    def square(self, x: Ratios) -> Ratios:
        denominator: int = x.denominator * x.denominator
        return Ratios(as_objects(x.numerators * x.numerators), denominator)

    def divide(self, x: Ratios, y: Ratios) -> Any:
        """By one number; by several, one by one."""
        if y.shape:
            return self._by_scalars("divide", x, y)
        n = y.numerators.item()
        if n == 0:
            raise DivisionByZero("divide: division by zero")
        return self._times(x, y.denominator if n > 0 else -y.denominator, abs(n))

    def maximum(self, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = over_common(x, y)
        return Ratios(as_objects(np.maximum(a, b)), denominator)

    def minimum(self, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = over_common(x, y)
        return Ratios(as_objects(np.minimum(a, b)), denominator)

    def clip(self, x: Ratios, lower: Ratios, upper: Ratios) -> Ratios:
        return self.minimum(self.maximum(x, lower), upper)

    def abs(self, x: Ratios) -> Ratios:
        return x.mapped(np.abs)

    def relu(self, x: Ratios) -> Ratios:
        return x.mapped(lambda a: np.maximum(a, 0))

    def heaviside(self, x: Ratios) -> Ratios:
        return Ratios(np.where(np.asarray(x.numerators > 0, dtype=bool), 1, 0).astype(object), 1)

    def less(self, x: Ratios, y: Ratios) -> Array:
        (a, b), _ = over_common(x, y)
        return np.asarray(np.less(a, b), dtype=bool)

    def less_equal(self, x: Ratios, y: Ratios) -> Array:
        (a, b), _ = over_common(x, y)
        return np.asarray(np.less_equal(a, b), dtype=bool)

    def equal(self, x: Ratios, y: Ratios) -> Array:
        (a, b), _ = over_common(x, y)
        return np.asarray(np.equal(a, b), dtype=bool)

    def logical_not(self, p: Array) -> Array:
        return np.asarray(np.logical_not(p))

    def logical_and(self, p: Array, q: Array) -> Array:
        return np.asarray(np.logical_and(p, q))

    def logical_or(self, p: Array, q: Array) -> Array:
        return np.asarray(np.logical_or(p, q))

    def where(self, p: Array, x: Ratios, y: Ratios) -> Ratios:
        (a, b), denominator = over_common(x, y)
        return Ratios(as_objects(np.where(p, a, b)), denominator)

    # ---- sums and products ------------------------------------------------------------------------------------------

    def sum(self, x: Ratios, axis: tuple[int, ...]) -> Ratios:
        return Ratios(as_objects(np.sum(x.numerators, axis=axis, initial=0)), x.denominator)

    def mean(self, x: Ratios, axis: tuple[int, ...], count: int) -> Ratios:
        total = self.sum(x, axis)
        return Ratios(total.numerators, total.denominator * max(count, 1))

    def mean_square(self, x: Any, axis: tuple[int, ...], count: int) -> Any:
        """Of numbers in digits by these, without joining them."""
        if not isinstance(x, Ratios) or x.sums is None or not x.in_digits() or len(axis) < len(x.shape):
            return super().mean_square(x, axis, count)
        total = sum_of_squares(x.sums.reshape(len(x.sums), -1), x.bits)
        return Ratios(boxed(total), x.denominator**2 * max(count, 1))

    def max(self, x: Ratios, axis: tuple[int, ...], counts: tuple[int, ...]) -> Ratios:
        return x.mapped(lambda a: np.max(a, axis=axis))

    def min(self, x: Ratios, axis: tuple[int, ...], counts: tuple[int, ...]) -> Ratios:
        return x.mapped(lambda a: np.min(a, axis=axis))

    def cumulative_sum(self, x: Ratios, axis: tuple[int, ...]) -> Ratios:
        return Ratios(np.cumsum(x.numerators, axis=axis[0]), x.denominator)

    def fold(self, x: Ratios, stride: Lengths, dilation: Lengths, size: Lengths) -> Ratios:
        return Ratios(windows.folded(x.numerators, stride, dilation, size), x.denominator)

    def affine_rows(self, weight: Ratios, x: Ratios, bias: Ratios, shape: tuple[int, int]) -> Ratios:
        return self.add(inner_products(x, weight), self.broadcast_to(bias, shape))

    def matmul(self, a: Ratios, b: Ratios) -> Ratios:
        """Inner products of the rows of a and the columns of b; of many matrices one after the other."""
        if max(len(a.shape), len(b.shape)) <= 2:
            columns = self.matrix_transpose(b) if len(b.shape) == 2 else b
            return inner_products(a, columns).reshaped(a.shape[:-1] + b.shape[1:])
        if len(a.shape) == 2 and a.shape[0] and len(b.shape) > 2:
            return self._one_matrix(a, b)
        found = multiplied(
            lambda m, n: inner_products(Ratios(m, a.denominator), Ratios(n.T, b.denominator)).numerators,
            a.numerators, b.numerators,
        )  # fmt: skip
        return Ratios(found, a.denominator * b.denominator)

    def _one_matrix(self, a: Ratios, b: Ratios) -> Ratios:
        """One matrix times many, whose columns are put side by side."""
        count = math.prod(b.shape[:-2]) * b.shape[-1]
        columns = b.mapped(lambda n: np.moveaxis(n, -2, -1).reshape(count, n.shape[-2]))
        shape = (a.shape[0], *b.shape[:-2], b.shape[-1])
        return inner_products(a, columns).mapped(lambda n: np.moveaxis(n.reshape(shape), 0, -2))


def _is_plain(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object
