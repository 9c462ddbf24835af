"""Intervals as sets: the predicates and numeric functions of IEEE 1788-2015, on tensors of enclosing and exact
contexts.

A predicate speaks of the sets that enclose the numbers, where a comparison such as x < y speaks of the numbers
themselves. Each looks at exact end points, so each is exact; predicates give NumPy arrays of bool. Operands are tensors
of equal shapes, or scalars; a number among them is a literal, an array is data. An exact number is an interval of one
point, and no interval is empty. All raise NotSupported for contexts that round without enclosing.

    x = ss.context("interval").box([0, 1], [1, 3])
    ss.contains(x, 2)      # [False, True]
    ss.subset(x, ss.hull(x, 0))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift
from scalarspec.core.functions import broadcast_arrays, endpoints
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ArgumentError, DomainError
from scalarspec.numbers.exact import End, infinite

Array = np.ndarray[Any, Any]

__all__ = [
    "contains", "disjoint", "hull", "inf", "interior", "intersection", "intersects", "precedes", "strictly_precedes",
    "subset", "sup", "width",
]  # fmt: skip


def inf(x: Tensor) -> Array:
    """The infimum of each element as a float64 array of x's shape, rounded down (IEEE 1788-2015, table 9.2). See
    `endpoints` for the exact one.
    """
    return _floats(x)[0]


def sup(x: Tensor) -> Array:
    """The supremum of each element as a float64 array of x's shape, rounded up (IEEE 1788-2015, table 9.2). See
    `endpoints` for the exact one.
    """
    return _floats(x)[1]


def mid(x: Tensor) -> Array:
    """A float inside each element, about its middle, and the one nearest to 0 where it is unbounded; an array of x's
    shape. IEEE 1788-2015, table 9.2, has the exact middle.
    """
    return middle_of(*_floats(x))


def middle_of(low: Array, high: Array) -> Array:
    """A float between `low` and `high`, arrays of floats of one shape, about the middle, and the one nearest to 0 where
    that is not finite: it always lies between them, since a mean value theorem expands around it. Halving first keeps
    the sum from overflowing; clipping undoes what its rounding may do beyond the ends.
    """
    with np.errstate(all="ignore"):
        middle = np.minimum(np.maximum(low / 2 + high / 2, low), high)
    if np.logical_and.reduce(np.isfinite(middle), axis=None):
        return np.asarray(middle)
    return np.where(np.isfinite(middle), middle, np.fmin(np.fmax(low, 0.0), high))


def width(x: Tensor) -> Array:
    """sup - inf of each element, exactly: an object array of x's shape, of Fractions, or inf. IEEE 1788-2015, table
    9.2, calls it `wid`, and rounds it.
    """
    lower, upper = endpoints(x)
    return lift(lambda low, high: math.inf if infinite(low, high) else high - low, lower, upper)


def contains(x: Operand, number: Operand) -> Array:
    """Is the number in x? For a box in its place: is each point of it? IEEE 1788-2015, clause 10.6.3, calls it
    isMember.
    """
    return subset(number, x)


def subset(x: Operand, y: Operand) -> Array:
    """Is every number of x in y? IEEE 1788-2015, table 9.3."""
    return _predicate("subset", lambda a, b, c, d: c <= a and b <= d, x, y)


def interior(x: Operand, y: Operand) -> Array:
    """Does x lie inside y, without touching an end of it? An infinite end is not touched. IEEE 1788-2015, table 9.3."""
    return _predicate("interior", lambda a, b, c, d: (c < a or c == -math.inf) and (b < d or d == math.inf), x, y)


def intersects(x: Operand, y: Operand) -> Array:
    """Have x and y a number in common? The opposite of `disjoint`; the standard's `overlap` tells sixteen cases
    apart.
    """
    return _predicate("intersects", lambda a, b, c, d: a <= d and c <= b, x, y)


def disjoint(x: Operand, y: Operand) -> Array:
    """Have x and y no number in common? IEEE 1788-2015, table 9.3."""
    return ~intersects(x, y)


def precedes(x: Operand, y: Operand) -> Array:
    """Is every number of x at most every number of y? They may touch. IEEE 1788-2015, table 10.3."""
    return _predicate("precedes", lambda a, b, c, d: b <= c, x, y)


def strictly_precedes(x: Operand, y: Operand) -> Array:
    """Is every number of x less than every number of y? IEEE 1788-2015, table 10.3, calls it strictPrecedes."""
    return _predicate("strictly_precedes", lambda a, b, c, d: b < c, x, y)


def hull(x: Operand, y: Operand) -> Tensor:
    """The smallest interval that contains x and y, for each element (IEEE 1788-2015, clause 9.3: convexHull), its ends
    rounded outward to the context's precision. Exact contexts, which have no boxes, raise NotSupported.
    """
    return _box("hull", lambda a, b, c, d: (min(a, c), max(b, d)), x, y)


def intersection(x: Operand, y: Operand) -> Tensor:
    """The numbers that x and y have in common, for each element (IEEE 1788-2015, clause 9.3). Raises DomainError where
    there are none: no interval is empty here. Exact contexts, which have no boxes, raise NotSupported.
    """
    return _box("intersection", lambda a, b, c, d: (max(a, c), min(b, d)), x, y)


def _ends(operation: str, x: Operand, y: Operand) -> tuple[Tensor, list[Array]]:
    """The first operand as a tensor, and the four arrays of ends: of x, below and above, and of y."""
    _, (s, t) = operands_of(operation, x, y)
    s, t = broadcast_arrays(s, t)
    return s, [*endpoints(s), *endpoints(t)]


def _predicate(operation: str, holds: Callable[..., bool], x: Operand, y: Operand) -> Array:
    """A condition on the four ends, for each element."""
    _, ends = _ends(operation, x, y)
    return np.asarray(lift(holds, *ends).astype(bool))


def _box(operation: str, combine: Callable[..., tuple[End, End]], x: Operand, y: Operand) -> Tensor:
    """The interval whose ends are found from the four, for each element."""
    s, ends = _ends(operation, x, y)

    def scalar(*four: End) -> Any:
        lower, upper = combine(*four)
        if lower > upper:
            raise DomainError(f"{operation}: {s.context} intervals without a common number")
        return s.context.enclose(lower, upper)

    return Tensor.from_scalars(s.context, lift(scalar, *ends))


def _floats(x: Tensor) -> tuple[Array, Array]:
    """The float64 ends of a tensor, rounded outward."""
    if not isinstance(x, Tensor):
        raise ArgumentError(f"inf and sup: expected a Tensor, got {type(x).__name__}")
    return x.context.arrays.floats(x.value)
