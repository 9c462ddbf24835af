"""The arrays of `interval64`: all its operations together, elementwise ones on a block of elements at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from scalarspec.backends.interval64.courses import CourseArrays
from scalarspec.backends.interval64.ends import Ends, FloatArray, empty, signed, unbounded
from scalarspec.backends.interval64.norms import NormArrays
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.backends.interval64.replayed import ReplayedPlan, replayed_step
from scalarspec.backends.interval64.shares import ShareArrays
from scalarspec.core.domains import is_watched
from scalarspec.core.operations import ADDED, having
from scalarspec.numbers.elementary import BLOCK


class Interval64Arrays(CourseArrays, ShareArrays, NormArrays):
    """Ends in float64 arrays, in NumPy."""

    def function(self, operation: str) -> Callable[..., Any]:
        """An elementwise operation on many elements is done part by part."""
        method = super().function(operation)
        return _blocked(method) if operation in BLOCKED else method

    def planned(self, plan: Callable[..., Value]) -> Callable[..., Value]:
        """NumPy's calls alone, once it has been seen which these are."""
        return ReplayedPlan(plan)

    def step(self, operation: str, parameters: dict[str, Any]) -> Callable[..., Value]:
        """A call of it, where a record of it can't be made, or it is not of this library's own text."""
        return replayed_step(super().step(operation, parameters), operation not in ADDED)

    def matmul(self, a: Value, b: Value) -> Value:
        """xᵀx is a sum of squares, in which each x occurs once."""
        if a is b and len(ends_of(a).shape) == 2:
            return self.sum(self.square(a), (0,))
        return super().matmul(a, b)

    # ---- sums of exponentials ---------------------------------------------------------------------------------------

    def logsumexp(self, x: Value, axis: tuple[int, ...]) -> Value:
        """log Σ eˣ, which rises with each element: from that of the lower ends to that of the upper ones."""
        e = signed(unbounded(ends_of(x)))
        kept = [i + 1 for i in range(e.ndim - 1) if i not in axis]
        count = prod([e.shape[a + 1] for a in axis])
        if not count:
            return ends_of(super().logsumexp(x, axis))  # refused
        groups = np.transpose(e, (0, *kept, *(a + 1 for a in axis))).reshape(*(e.shape[i] for i in (0, *kept)), count)
        found = self._logsumexp_at(groups)
        return np.array([found[0, 0], found[1, 1]])

    def _logsumexp_at(self, x: FloatArray) -> Ends:
        """m + log1p(Σ eᵗ) along the last axis, m being the largest number, over the differences t of the others from
        it.
        """
        largest = np.argmax(x, axis=-1, keepdims=True)
        m = np.take_along_axis(x, largest, axis=-1)
        others = np.isfinite(x)
        np.put_along_axis(others, largest, values=False, axis=-1)
        t = self.subtract(Point(np.where(others, x, 0.0)), Point(np.where(others, m, 0.0)))
        terms = np.where(others, ends_of(self.function("exp")(t)), 0.0)
        rest = ends_of(self.sum(terms, (x.ndim - 1,)))
        np.minimum(rest[0, ...], 0.0, out=rest[0, ...])
        m = m[..., 0]
        finite = np.isfinite(m)
        total = ends_of(self.add(Point(np.where(finite, m, 0.0)), self.function("log1p")(rest)))
        return np.where(finite, total, np.stack((-m, m)))


BLOCKED = frozenset(name for name in having(kind="elementwise") if hasattr(Interval64Arrays, name))
"""The elementwise operations from numbers to numbers that have a bulk form."""


def _blocked(operation: Callable[..., Value]) -> Callable[..., Value]:
    """An elementwise operation on BLOCK elements at a time, so that what it needs in between stays in the cache."""

    def run(*values: Value) -> Value:
        for value in values:
            if value.size > 2 * BLOCK and not is_watched():  # a guard knows elements by their places
                return _in_blocks(operation, values)
        return operation(*values)

    return run


def _in_blocks(operation: Callable[..., Value], values: tuple[Value, ...]) -> Value:
    """A value that comes twice is one in each block, too, as x x is a square."""
    shape = max([value.shape if isinstance(value, Point) else value.shape[1:] for value in values], key=len)
    rows = {id(value): _row(value) for value in values}
    first = values[0]
    result = empty((2, prod(shape)), first.x if isinstance(first, Point) else first)
    for start in range(0, result.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        parts = {key: _part(row, part) for key, row in rows.items()}
        result[:, part] = ends_of(operation(*[parts[id(value)] for value in values]))
    return result.reshape(2, *shape)


def _row(x: Value) -> Value:
    """All elements of x, in row-major order; a scalar stays one."""
    if isinstance(x, Point):
        return Point(x.x.reshape(-1)) if x.shape else x
    return x.reshape(2, -1) if x.ndim > 1 else x


def _part(x: Value, part: slice) -> Value:
    """Some of the elements of a row; all of a scalar."""
    if isinstance(x, Point):
        return Point(x.x[part]) if x.shape else x
    return x[:, part] if x.ndim > 1 else x
