"""The arrays of `interval`: object arrays of scalars, whose sums and inner products are exact before they are rounded.

Where one factor of a product of matrices is points, W, and the other boxes, the product is two products of integer
matrices, which `numbers.integers` takes to BLAS: see `exact_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from scalarspec.backends.interval.bulk import (
    MANY,
    UNIT_LIMIT,
    Boxes,
    Ends,
    added,
    integer_ends,
    moved,
    negated,
    outward,
    positive,
    rounded,
    sigmoids,
    squared,
)
from scalarspec.backends.interval.ends import ZERO, exact_product
from scalarspec.backends.interval.functions import MonotoneFunctions
from scalarspec.backends.interval.points import Points
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.numbers import environment
from scalarspec.numbers.dyadic import exact_sum
from scalarspec.numbers.exact import holds_floats

Array = np.ndarray[Any, Any]


class IntervalArrays(LiftedArrays):
    """Values are object arrays of scalars, `Points`, or `Boxes`. Sums and inner products are exact, and rounded outward
    once.
    """

    context: MonotoneFunctions

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Where floats are floats: products of matrices are made of them."""
        environment.check()
        return function(*values, **parameters)

    def data(self, array: Array) -> Any:
        if holds_floats(array):
            return Points(array.astype(np.float64))
        return super().data(array)

    def unpack(self, value: Any) -> Array:
        if isinstance(value, Boxes):
            return value.scalars(self.context.prec)
        return value.scalars() if isinstance(value, Points) else super().unpack(value)

    def ends(self, value: Any) -> Ends | None:
        """The ends as integers of one unit. None where they are too far apart, or infinite."""
        return value.ends() if isinstance(value, Boxes | Points) else integer_ends(value)

    # ---- what takes points as they are, and what makes scalars of them ----------------------------------------------

    def restructured(self, function: Callable[..., Array], *values: Any) -> Any:
        if all(isinstance(x, Points) for x in values):
            return Points(np.asarray(function(*(x.floats for x in values))))
        if len(values) == 1 and isinstance(values[0], Boxes):
            low, high, exponent = values[0].ends()
            return Boxes(function(low), function(high), exponent)
        return function(*map(self.unpack, values))

    def elementwise(self, operation: str, *values: Any) -> Any:
        if operation == "multiply" and values[0] is values[1]:
            operation, values = "square", values[:1]
        return super().elementwise(operation, *map(self.unpack, values))

    def reduced(self, total: Callable[[list[Any]], Any], x: Any, axis: tuple[int, ...]) -> Any:
        return super().reduced(total, self.unpack(x), axis)

    # ---- many at once -----------------------------------------------------------------------------------------------

    def add(self, x: Any, y: Any) -> Any:
        return self._in_bulk("add", added, x, y)

    def subtract(self, x: Any, y: Any) -> Any:
        return self._in_bulk("subtract", lambda a, b: added(a, negated(b)), x, y)

    def square(self, x: Any) -> Any:
        return self._in_bulk("square", squared, x)

    def relu(self, x: Any) -> Any:
        return Boxes(*positive(x.ends())) if isinstance(x, Boxes) else self.elementwise("relu", x)

    def _in_bulk(self, operation: str, exactly: Callable[..., Ends], *values: Any) -> Any:
        """An operation by the exact ends of many intervals, rounded outward; of few, one by one."""
        found = [self.ends(value) for value in values] if max(map(_size, values)) >= MANY else [None]
        ends = [each for each in found if each is not None]
        exact = exactly(*ends) if len(ends) == len(found) else None
        if exact is None or abs(exact[2]) >= UNIT_LIMIT:
            return self.elementwise(operation, *values)
        return rounded(exact, self.context.prec)

    def sigmoid(self, x: Any) -> Any:
        ends, context = self.ends(x), self.context
        wp = context.prec + 2 * context.guard
        found = None if ends is None else sigmoids(ends, context.prec, wp)
        if found is None:
            return self.elementwise("sigmoid", x)
        return Boxes(*found) if _size(x) >= MANY else outward(found, context.prec)

    def sum(self, x: Any, axis: tuple[int, ...]) -> Any:
        ends = self.ends(x) if _size(x) >= MANY else None
        if ends is None:
            return super().sum(x, axis)
        low, high = (np.asarray(np.sum(part, axis=axis, initial=0), dtype=object) for part in ends[:2])
        return rounded((low, high, ends[2]), self.context.prec)

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
        found = self._layer(weight, x, bias)
        return self._rows(weight, self.unpack(x)[None], self.unpack(bias)[None])[0] if found is None else found

    def affine_rows(self, weight: Any, x: Any, bias: Any, shape: tuple[int, int]) -> Any:
        found = self._layer(weight, x, bias)
        if found is None:
            return self._rows(weight, self.unpack(x), np.broadcast_to(self.unpack(bias), shape))
        return found

    def _layer(self, weight: Any, x: Any, bias: Any) -> Any:
        """x @ weightᵀ + bias by exact products. None where there are none. weight: (m, n); x: (..., n); bias: (m,)."""
        products, last = self._products(weight, x), self.ends(bias)
        return None if products is None or last is None else rounded(added(products, last), self.context.prec)

    def _products(self, weight: Any, x: Any) -> Ends | None:
        """x @ weightᵀ, exactly, for a matrix of points. None elsewhere, and where an end is infinite, or too long."""
        ends = self.ends(x) if isinstance(weight, Points) else None
        return None if ends is None else exact_rows(weight, ends)

    def _rows(self, weight: Any, x: Array, bias: Array) -> Array:
        """The same, term by term. x: (b, n); bias: (b, m)."""
        rows, result = list(self.unpack(weight)), np.empty(bias.shape, dtype=object)
        for i, j in np.ndindex(*bias.shape):
            result[i, j] = self.total([*map(exact_product, rows[j], x[i]), bias[i, j]])
        return result

    def matmul(self, a: Any, b: Any) -> Any:
        axes = _axes(a), _axes(b)
        if a is b and axes[0] == 1:
            return self.sum(self.apply("square", a), (0,))
        products = None
        if axes[0] == 2 and isinstance(a, Points):
            products = self._products(a, b if axes[1] == 1 else self.matrix_transpose(b))
            products = products if products is None or axes[1] == 1 else moved(products)
        elif axes[1] == 2 and isinstance(b, Points):
            products = self._products(self.matrix_transpose(b), a)
        if products is None:
            return super().matmul(self.unpack(a), self.unpack(b))
        return rounded(products, self.context.prec)


def _size(value: Any) -> int:
    """How many numbers a value holds."""
    return int((value.floats if isinstance(value, Points) else value).size)


def _axes(value: Any) -> int:
    """How many axes a value has."""
    return int((value.floats if isinstance(value, Points) else value).ndim)


def boxed_row(scalars: list[Any]) -> Array:
    """Scalars, which are tuples, as an array of objects."""
    row = np.empty(len(scalars), dtype=object)
    row[:] = scalars
    return row


def exact_rows(weight: Points, x: Ends) -> Ends | None:
    """x @ weightᵀ, the exact ends.

    1. weight = w 2^p for a matrix w of integers; x lies between low 2^q and high 2^q, integers too.
    2. An interval [l, h] times a number w has the midpoint w (l + h) / 2 and the radius |w| (h - l) / 2; these add up.
    3. So the ends are (w (low + high) ± |w| (high - low)) 2^(p+q-1): two exact products of integer matrices.

    weight: (m, n); x: of shape (..., n); result: (..., m). None where numbers are too long for digits.
    """
    low, high, exponent = x
    shape = (*low.shape[:-1], len(weight.floats))
    low, high = (part.reshape(prod(part.shape[:-1]), part.shape[-1]) for part in (low, high))
    products = weight.products(high + low, high - low)
    if products is None:
        return None
    middle, radius = products
    return (middle - radius).reshape(shape), (middle + radius).reshape(shape), weight.exponent + exponent - 1
