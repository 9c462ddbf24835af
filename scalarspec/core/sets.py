"""Intervals as sets: IEEE 1788's predicates and numeric functions on the tensors of enclosing and exact contexts.

Each looks at the exact end points, so each is exact. Predicates give NumPy arrays of bool: they speak of the sets that
enclose the numbers, where a comparison such as x < y speaks of the numbers themselves. Operands are tensors of equal
shapes, or scalars; a number among them is a literal, an array is data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.arrays import lift
from scalarspec.core.functions import Operand, endpoints
from scalarspec.core.tensor import Tensor, operands_of
from scalarspec.errors import ArgumentError, DomainError
from scalarspec.numbers.exact import End, infinite

Array = np.ndarray[Any, Any]

__all__ = [
    "contains", "disjoint", "hull", "inf", "interior", "intersection", "intersects", "precedes", "strictly_precedes",
    "subset", "sup", "width",
]  # fmt: skip


def inf(x: Tensor) -> Array:
    """The infimum of each element as a float64, rounded down."""
    return _floats(x)[0]


def sup(x: Tensor) -> Array:
    """The supremum of each element as a float64, rounded up."""
    return _floats(x)[1]


def mid(x: Tensor) -> Array:
    """About the middle of each element, a float inside it; 0 where it is unbounded."""
    return middle_of(*_floats(x))


def middle_of(low: Array, high: Array) -> Array:
    """The same, between two arrays of floats."""
    with np.errstate(all="ignore"):
        middle = np.clip(low / 2 + high / 2, low, high)
    return np.where(np.isfinite(middle), middle, 0.0)


def width(x: Tensor) -> Array:
    """sup - inf of each element, exactly: an object array of Fraction, or inf."""
    lower, upper = endpoints(x)
    return lift(lambda low, high: math.inf if infinite(low, high) else high - low, lower, upper)


def contains(x: Operand, number: Operand) -> Array:
    """Is the number (a point, or each point of a box) in x? IEEE 1788's isMember."""
    return subset(number, x)


def subset(x: Operand, y: Operand) -> Array:
    """Is every number of x in y?"""
    return _predicate("subset", lambda a, b, c, d: c <= a and b <= d, x, y)


def interior(x: Operand, y: Operand) -> Array:
    """Does x lie in y without touching an end of y? An infinite end is not touched."""
    return _predicate("interior", lambda a, b, c, d: (c < a or c == -math.inf) and (b < d or d == math.inf), x, y)


def intersects(x: Operand, y: Operand) -> Array:
    """Have x and y a number in common?"""
    return _predicate("intersects", lambda a, b, c, d: a <= d and c <= b, x, y)


def disjoint(x: Operand, y: Operand) -> Array:
    """Have x and y no number in common?"""
    return ~intersects(x, y)


def precedes(x: Operand, y: Operand) -> Array:
    """Is every number of x at most every number of y?"""
    return _predicate("precedes", lambda a, b, c, d: b <= c, x, y)


def strictly_precedes(x: Operand, y: Operand) -> Array:
    """Is every number of x less than every number of y?"""
    return _predicate("strictly_precedes", lambda a, b, c, d: b < c, x, y)


def hull(x: Operand, y: Operand) -> Tensor:
    """The smallest boxes that contain x and y (IEEE 1788's convexHull)."""
    return _box("hull", lambda a, b, c, d: (min(a, c), max(b, d)), x, y)


def intersection(x: Operand, y: Operand) -> Tensor:
    """The numbers that x and y have in common. DomainError where there are none."""
    return _box("intersection", lambda a, b, c, d: (max(a, c), min(b, d)), x, y)


def _ends(operation: str, x: Operand, y: Operand) -> tuple[Tensor, list[Array]]:
    _, (s, t) = operands_of(operation, x, y)
    shapes.equal_shapes(operation, [s.shape, t.shape])
    return s, [*endpoints(s), *endpoints(t)]


def _predicate(operation: str, holds: Callable[..., bool], x: Operand, y: Operand) -> Array:
    _, ends = _ends(operation, x, y)
    return np.asarray(lift(holds, *ends).astype(bool))


def _box(operation: str, combine: Callable[..., tuple[End, End]], x: Operand, y: Operand) -> Tensor:
    s, ends = _ends(operation, x, y)

    def scalar(*four: End) -> Any:
        lower, upper = combine(*four)
        if lower > upper:
            raise DomainError(f"{operation}: {s.context} intervals without a common number")
        return s.context.enclose(lower, upper)

    return Tensor.from_scalars(s.context, lift(scalar, *ends))


def _floats(x: Tensor) -> tuple[Array, Array]:
    if not isinstance(x, Tensor):
        raise ArgumentError(f"inf and sup: expected a Tensor, got {type(x).__name__}")
    return x.context.arrays.floats(x.value)
