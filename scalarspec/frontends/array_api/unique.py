"""The array API's set functions: the different elements of an array.

How many there are depends on the numbers, so that these must be known: the elements are brought into order, and each is
held against the one before it. Where the context cannot tell, Undecided is raised. Each NaN is different from all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scalarspec.core.tensor import Truth
from scalarspec.frontends.array_api.integers import Integers
from scalarspec.frontends.array_api.statistics import argsort
from scalarspec.frontends.array_api.structure import reshape, take

Array = np.ndarray[Any, Any]


class UniqueAll(NamedTuple):
    """The different elements in order; where each comes first; which one each element is; how often each comes."""

    values: Any
    indices: Integers
    inverse_indices: Integers
    counts: Integers


class UniqueCounts(NamedTuple):
    """The different elements in order, and how often each comes."""

    values: Any
    counts: Integers


class UniqueInverse(NamedTuple):
    """The different elements in order, and which one each element is."""

    values: Any
    inverse_indices: Integers


def _groups(x: Any) -> tuple[Array, Array]:
    """The places of the elements in order, and for each of these whether it begins a group of equal ones."""
    numbers = Integers(x.context, np.asarray(x).astype(np.int8)) if isinstance(x, Truth) else x
    order = np.asarray(argsort(numbers))
    values = numbers[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.asarray(values[1:] != values[:-1])
    return order, first


def unique_all(x: Any, /) -> UniqueAll:
    """The different elements of an array, flattened, with their places and counts."""
    flat = reshape(x, (-1,))
    order, first = _groups(flat)
    starts = np.flatnonzero(first)
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.cumsum(first) - 1
    counts = np.diff(np.append(starts, len(order)))
    indices = order[starts]
    found = [Integers(x.context, a.astype(np.int64)) for a in (indices, inverse.reshape(x.shape), counts)]
    return UniqueAll(take(flat, indices), *found)


def unique_counts(x: Any, /) -> UniqueCounts:
    """The different elements of an array, flattened, and how often each comes."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The different elements of an array, flattened, and which one each element is."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Any, /) -> Any:
    """The different elements of an array, flattened, in order."""
    return unique_all(x).values


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (unique_all, unique_counts, unique_inverse, unique_values)
}
"""The functions by their names."""
