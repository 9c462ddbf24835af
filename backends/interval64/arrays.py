"""The arrays of `interval64`: all its operations together, elementwise ones on a block of elements at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from scalarspec.backends.interval64.functions import FunctionArrays
from scalarspec.backends.interval64.linear import LinearArrays
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.core.domains import is_watched
from scalarspec.core.operations import having
from scalarspec.numbers.elementary import BLOCK


class Interval64Arrays(FunctionArrays, LinearArrays):
    """Ends in float64 arrays, in NumPy."""

    def function(self, operation: str) -> Callable[..., Any]:
        """An elementwise operation on many elements is done part by part."""
        method = super().function(operation)
        return _blocked(method) if operation in BLOCKED else method


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
    shape = max([value.shape if isinstance(value, Point) else value.shape[1:] for value in values], key=len)
    result = np.empty((2, prod(shape)))
    for start in range(0, result.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        result[:, part] = ends_of(operation(*(_part(value, part) for value in values)))
    return result.reshape(2, *shape)


def _part(x: Value, part: slice) -> Value:
    """Some of the elements of x, in row-major order; all of a scalar."""
    if isinstance(x, Point):
        return Point(x.x.reshape(-1)[part]) if x.shape else x
    return x.reshape(2, -1)[:, part] if x.ndim > 1 else x
