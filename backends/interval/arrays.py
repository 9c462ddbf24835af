"""The arrays of `interval`: object arrays of scalars, whose sums and inner products are exact before they are rounded.

Where one factor of a product of matrices is points, W, and the other boxes, the product is two products of integer
matrices, which `numbers.integers` takes to BLAS: see `exact_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from scalarspec.backends.interval.bulk import Ends, added, integer_ends, outward, sigmoids
from scalarspec.backends.interval.ends import ZERO, exact_product
from scalarspec.backends.interval.functions import MonotoneFunctions
from scalarspec.backends.interval.points import Points
from scalarspec.core.arrays import LiftedArrays
from scalarspec.numbers import environment
from scalarspec.numbers.dyadic import exact_sum
from scalarspec.numbers.exact import holds_floats

Array = np.ndarray[Any, Any]


class IntervalArrays(LiftedArrays):
    """Values are object arrays of scalars, or `Points`. Sums and inner products are exact, and rounded outward once."""

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

    def sigmoid(self, x: Any) -> Any:
        ends, context = integer_ends(self.unpack(x)), self.context
        wp = context.prec + 2 * context.guard
        found = None if ends is None else sigmoids(ends, context.prec, wp, context.margin)
        return self.elementwise("sigmoid", x) if found is None else found

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
        added_up = None if products is None else integer_ends(bias)
        if products is not None and added_up is not None:
            return outward(added(products, added_up), self.context.prec)
        rows, result = list(self.unpack(weight)), np.empty(bias.shape, dtype=object)
        for i, j in np.ndindex(*bias.shape):
            result[i, j] = self.total([*map(exact_product, rows[j], x[i]), bias[i, j]])
        return result

    def matmul(self, a: Any, b: Any) -> Any:
        if a is b and self.unpack(a).ndim == 1:
            return self.sum(self.elementwise("square", a), (0,))
        left, right = self.unpack(a), self.unpack(b)
        products = self._exact_products(a, b, left, right)
        return super().matmul(left, right) if products is None else products

    def _exact_products(self, a: Any, b: Any, left: Array, right: Array) -> Array | None:
        """a @ b, rounded once, where one of them is a matrix of points; None elsewhere. left, right: their scalars."""
        if isinstance(a, Points) and left.ndim == 2:
            columns = right if right.ndim == 1 else np.moveaxis(right, -2, -1)
            ends = exact_rows(a, columns.reshape(prod(columns.shape[:-1]), left.shape[1]))
            if ends is None:
                return None
            products = outward(ends, self.context.prec).reshape(*columns.shape[:-1], left.shape[0])
            return products if right.ndim == 1 else np.moveaxis(products, -1, -2)
        if isinstance(b, Points) and right.ndim == 2:
            ends = exact_rows(self.matrix_transpose(b), left.reshape(prod(left.shape[:-1]), right.shape[0]))
            if ends is not None:
                return outward(ends, self.context.prec).reshape(*left.shape[:-1], right.shape[1])
        return None


def boxed_row(scalars: list[Any]) -> Array:
    """Scalars, which are tuples, as an array of objects."""
    row = np.empty(len(scalars), dtype=object)
    row[:] = scalars
    return row


def exact_rows(weight: Points, x: Array) -> Ends | None:
    """x @ weightᵀ, the exact ends.

    1. weight = w 2^p for a matrix w of integers; x lies between low 2^q and high 2^q, integers too.
    2. An interval [l, h] times a number w has the midpoint w (l + h) / 2 and the radius |w| (h - l) / 2; these add up.
    3. So the ends are (w (low + high) ± |w| (high - low)) 2^(p+q-1): two exact products of integer matrices.

    weight: (m, n); x: (b, n), an object array of scalars; result: of shape (b, m). None where an end is infinite, and
    where numbers are too long for digits.
    """
    if (ends := integer_ends(x)) is None:
        return None
    low, high, exponent = ends
    products = weight.products(high + low, high - low)
    if products is None:
        return None
    middle, radius = products
    return middle - radius, middle + radius, weight.exponent + exponent - 1
