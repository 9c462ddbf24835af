"""`LiftedArrays`: the scalar operations of a context, lifted over NumPy object arrays of its scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np

from scalarspec.core.arrays import Array, NumPyArrays, ObjectArray, Value, lift
from scalarspec.numbers.exact import as_array


class LiftedArrays(NumPyArrays):
    """NumPy object arrays over which the scalar operations of a context are lifted: right for any scalar, and slow."""

    def elementwise(self, operation: str, *values: Value) -> Value:
        """One call of the context's method for each element."""
        return self.each(getattr(self.context, operation), *values)

    def data(self, array: np.ndarray[Any, Any]) -> Value:
        """Each number as `Context.data` has it."""
        return lift(self.context.data, array)

    def pack(self, scalars: ObjectArray) -> Value:
        """The array itself."""
        return scalars

    def unpack(self, value: Value) -> ObjectArray:
        """The array itself."""
        return as_array(value)

    def total(self, terms: Sequence[Any]) -> Any:
        """The sum of scalars: a left fold from zero, TorchLean's order. Replace it where n-ary sums are better."""
        return reduce(self.context.add, terms, self.context.literal(Fraction(0)))

    def inner(self, xs: Sequence[Any], ys: Sequence[Any]) -> Any:
        """The sum of the products of two sequences of scalars."""
        return self.total(list(map(self.context.multiply, xs, ys)))

    def sum(self, x: Value, axis: tuple[int, ...]) -> Value:
        """The sum over some axes, each in row-major order."""
        return self.reduced(self.total, x, axis)

    def reduced(self, total: Callable[[list[Any]], Any], x: Value, axis: tuple[int, ...]) -> Value:
        """A function of the scalars along some axes, these in row-major order."""
        kept = [i for i in range(x.ndim) if i not in axis]
        groups = np.transpose(x, (*kept, *axis)).reshape(*(x.shape[i] for i in kept), -1 if x.size else 0)
        return _reduce(total, groups, tuple(x.shape[i] for i in kept))

    def matmul(self, a: Value, b: Value) -> Value:
        """The matrix product, of which each entry is the sum of products of a row and a column."""
        return multiplied(self._product, a, b)

    def _product(self, a: Value, b: Value) -> Value:
        """The product of two matrices."""
        result = np.empty((len(a), b.shape[1]), dtype=object)
        for i, row in enumerate(a):
            for j, column in enumerate(b.T):
                result[i, j] = self.inner(row, column)
        return result

    # ---- along an axis ----------------------------------------------------------------------------------------------

    def along(self, function: Callable[[list[Any]], list[Any]], x: Value, axis: tuple[int, ...]) -> Value:
        """A function of the scalars along an axis, which gives as many."""
        rows = np.moveaxis(x, axis[0], -1)
        result = np.empty(rows.shape, dtype=object)
        for index in np.ndindex(*rows.shape[:-1]):
            for k, scalar in enumerate(function(list(rows[index]))):
                result[(*index, k)] = scalar
        return np.moveaxis(result, -1, axis[0])

    def cumulative_sum(self, x: Value, axis: tuple[int, ...]) -> Value:
        """The sums of the first elements along an axis."""
        return self.along(lambda row: list(accumulate(row, self.context.add)), self.unpack(x), axis)

    def softmax(self, x: Value, axis: tuple[int, ...], mask: Array | None) -> Value:
        """Shares of exponentials, of those that a mask lets take part; the others are 0."""
        x = self.unpack(x)
        if mask is None:
            return self.along(self.shares, x, axis)
        result = np.empty(x.shape, dtype=object)
        rows, kept, found = (np.moveaxis(a, axis[0], -1) for a in (x, np.broadcast_to(mask, x.shape), result))
        for index in np.ndindex(*rows.shape[:-1]):
            shares = iter(self.shares([s for s, k in zip(rows[index], kept[index], strict=True) if k]))
            for k, taken in enumerate(kept[index]):
                found[(*index, k)] = next(shares) if taken else self.context.literal(Fraction(0))
        return result

    def log_softmax(self, x: Value, axis: tuple[int, ...]) -> Value:
        """Their logarithms."""
        return self.along(self.log_shares, self.unpack(x), axis)

    def shares(self, terms: list[Any]) -> list[Any]:
        """Of one row. The first number is subtracted from all, so that equal numbers have exact shares everywhere."""
        exponentials = [self.context.exp(self.context.subtract(term, terms[0])) for term in terms]
        whole = self.total(exponentials)
        return [self.context.divide(each, whole) for each in exponentials]

    def log_shares(self, terms: list[Any]) -> list[Any]:
        """Of one row."""
        shifted = [self.context.subtract(term, terms[0]) for term in terms]
        whole = self.context.log(self.total(list(map(self.context.exp, shifted))))
        return [self.context.subtract(each, whole) for each in shifted]


def multiplied(product: Callable[[Any, Any], Any], a: Value, b: Value) -> Value:
    """The matrix product of arrays by NumPy's rule, from that of two matrices."""
    rows, columns = a if a.ndim > 1 else a[None, :], b if b.ndim > 1 else b[:, None]
    before = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    result = np.empty((*before, rows.shape[-2], columns.shape[-1]), dtype=object)
    left, right = (np.broadcast_to(m, (*before, *m.shape[-2:])) for m in (rows, columns))
    for index in np.ndindex(*before):
        result[index] = product(left[index], right[index])
    return result.reshape((*before, *a.shape[:-1][-1:], *(b.shape[-1:] if b.ndim > 1 else ())))


def _reduce(total: Callable[[list[Any]], Any], groups: ObjectArray, shape: tuple[int, ...]) -> ObjectArray:
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        result[index] = total(list(groups[index]))
    return result
