"""NumPy's functions that choose among elements, compare them, and put them in order."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core import order
from scalarspec.core.indexing import Fixed
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.errors import ArgumentError
from scalarspec.frontends.calls import (
    IN_PLACE,
    PLACES,
    number,
    refuse,
    truth,
)
from scalarspec.frontends.masked import known
from scalarspec.frontends.numpy.functions import implements
from scalarspec.frontends.numpy.ufuncs import isnan


@implements("where")
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Of three arguments; of one it would tell places."""
    if x is None or y is None:
        refuse("numpy.where", PLACES)
    if isinstance(x, Truth) and isinstance(y, Truth):
        holds = truth(condition) if isinstance(condition, Tensor | Truth) else np.asarray(condition, dtype=bool)
        return (x & holds) | (y & ~holds)
    return chosen(condition, number(x), number(y))


def chosen(condition: Any, x: Any, y: Any) -> Any:
    """`where` for any condition that NumPy takes: truths, bools, and numbers, which hold where they are not 0."""
    condition = truth(condition)
    if not isinstance(condition, Truth):
        known = np.asarray(condition)
        condition = Truth.known(common_context("where", (x, y)), known if known.dtype == bool else known != 0)
    return f.where(condition, x, y)


@implements("select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    found = number(default)
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        found = chosen(condition, number(choice), found)
    return found


@implements("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Any) -> Any:
    """Each function of the elements for which its condition holds, which must be known; a further one of the others."""
    conditions = list(condlist) if isinstance(condlist, list | tuple) else [condlist]
    held = [known(condition) for condition in conditions]
    pieces = list(funclist)
    if len(pieces) == len(held) + 1:
        held.append(~np.any(held, axis=0))
    if len(pieces) != len(held):
        raise ArgumentError(f"numpy.piecewise: {len(pieces)} functions for {len(conditions)} conditions")
    found: Any = x * 0
    for holds, piece in zip(held, pieces, strict=True):
        part = piece(x[holds]) if callable(piece) else piece
        whole = f.broadcast_to(found.context.tensor(0) + number(part), (int(holds.sum()),))
        found = f.where(holds, whole.moved("scatter", index=tuple(map(Fixed, np.nonzero(holds))), shape=x.shape), found)
    return found


@implements("clip")
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    lower, upper = (a_min if a_min is not None else min), (a_max if a_max is not None else max)
    found = a if _is_infinite(lower, -np.inf) else f.maximum(a, lower)
    return found if _is_infinite(upper, np.inf) else f.minimum(found, upper)


def _is_infinite(limit: Any, infinity: float) -> bool:
    """Is it no limit to real numbers?"""
    return limit is None or (isinstance(limit, float | np.floating) and bool(limit == infinity))


@implements("nan_to_num")
def nan_to_num(x: Any, copy: Any = True, nan: Any = 0.0) -> Any:
    """Of real numbers the numbers; of floats NaN is replaced, and infinities, which NumPy makes finite, are refused."""
    if not copy:
        refuse("numpy.nan_to_num", f"copy=False: {IN_PLACE}")
    return f.where(isnan(x), nan, x) if x.context.rounds else x


def _both(a: Any, b: Any) -> list[Tensor]:
    """Two operands of a comparison as tensors, what is no tensor as data."""
    context = common_context("isclose", (a, b))
    return [x if isinstance(x, Tensor) else context.tensor(x) for x in (number(a), number(b))]


_RTOL, _ATOL = Fraction(1e-05), Fraction(1e-08)
"""NumPy's, which are floats."""


@implements("isclose")
def isclose(a: Any, b: Any, rtol: Any = _RTOL, atol: Any = _ATOL, equal_nan: bool = False) -> Any:
    left, right = _both(a, b)
    return f.less_equal(f.abs(left - right), f.add(atol, f.multiply(rtol, f.abs(right))))


@implements("allclose")
def allclose(a: Any, b: Any, rtol: Any = _RTOL, atol: Any = _ATOL, equal_nan: bool = False) -> Any:
    return f.all(isclose(a, b, rtol, atol))


@implements("array_equal")
def array_equal(a1: Any, a2: Any) -> Any:
    left, right = _both(a1, a2)
    return f.all(f.equal(left, right)) if left.shape == right.shape else False


@implements("sinc")
def sinc(x: Any) -> Any:
    """sin(πx) / (πx), and 1 at 0."""
    scaled = f.multiply(x, f.pi(x.context))
    return f.where(f.equal(x, 0), 1, lambda: f.divide(f.sin(scaled), scaled))


@implements("sort")
def sort(a: Any, axis: int | None = -1, *, stable: Any = None) -> Any:
    return f.sort(f.reshape(a, (-1,)), 0) if axis is None else f.sort(a, axis)


@implements("argsort")
def argsort(a: Any, axis: int | None = -1, *, stable: Any = None) -> Any:
    return order.argsort(f.reshape(a, (-1,)), 0) if axis is None else order.argsort(a, axis)


@implements("argmax")
def argmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return order.argmax(number(a), axis, keepdims)


@implements("argmin")
def argmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return order.argmin(number(a), axis, keepdims)


@implements("searchsorted")
def searchsorted(a: Any, v: Any, side: str = "left") -> Any:
    return order.searchsorted(a, v, side)


@implements("digitize")
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    if not isinstance(bins, Tensor) and len(bins) > 1 and bins[0] > bins[-1]:  # they fall
        return len(bins) - order.searchsorted(np.asarray(bins)[::-1], x, "left" if right else "right")
    return order.searchsorted(bins, x, "left" if right else "right")


@implements("count_nonzero")
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return order.count_nonzero(number(a), axis, keepdims)
