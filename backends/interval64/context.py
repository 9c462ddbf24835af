"""The context of `interval64`: the scalars of `interval` at 53 bits, held and mapped as float64 ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.backends.interval import IntervalContext
from scalarspec.backends.interval64.arrays import Interval64Arrays
from scalarspec.backends.interval64.ends import FloatArray
from scalarspec.backends.interval64.fused import FusedArrays, numba_is_installed
from scalarspec.core.arrays import Arrays, lift
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.numbers import environment
from scalarspec.numbers.exact import as_array, float_above, float_below, holds_floats


@dataclass(frozen=True)
class Interval64Context(IntervalContext):
    """Closed intervals of reals; in bulk, their ends are float64s."""

    fast: bool = field(default=False, compare=False)
    """Are the loops fused by numba? The numbers mean the same, and mix."""

    @property
    def name(self) -> str:
        return "interval64"

    @cached_property
    def arrays(self) -> Arrays:
        if self.lifted:
            return LiftedArrays(self)
        return FusedArrays(self) if self.fast and numba_is_installed() else Interval64Arrays(self)

    def __repr__(self) -> str:
        return self.name + (".reference()" if self.lifted else "")

    def box(self, lower: Any, upper: Any) -> Tensor:
        environment.check()
        low, high = as_array(lower), as_array(upper)
        if self.lifted or low.shape != high.shape or not _are_boxes(low, high):
            return super().box(lower, upper)  # which names what is wrong, if anything is
        below, above = _floats(low, float_below), _floats(high, float_above)
        return Tensor(self, Shape(low.shape), np.stack((-below, above)))


def _are_boxes(low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> bool:
    """Are these, of one shape, ends of boxes, in order?"""
    if low.dtype == high.dtype == np.float64:  # most are: asked in fewer steps
        return bool(np.logical_and.reduce((low <= high) & (low < np.inf) & (high > -np.inf), axis=None))
    return _are_ends(low, -np.inf) and _are_ends(high, np.inf) and bool(np.all(low <= high))


def _are_ends(end: np.ndarray[Any, Any], unbounded: float) -> bool:
    """Are these float64s, with an infinity where there is no end, or Fractions?"""
    if end.dtype.kind == "f":
        return holds_floats(np.where(end == unbounded, 0.0, end))
    return holds_floats(end) or all(type(x) is Fraction for x in end.flat)


def _floats(end: np.ndarray[Any, Any], rounded: Callable[[Any], float]) -> FloatArray:
    """Floats as they are, Fractions rounded."""
    return (end if end.dtype != object else lift(rounded, end)).astype(np.float64)


def interval64(fast: bool | None = None) -> Interval64Context:
    """Intervals with float64 ends, many at a time.

    fast: with numba's loops (True; ArgumentError where numba is not installed), without (False), or with them where
        numba is installed (None).

    >>> import scalarspec as ss
    >>> context = ss.context("interval64")
    >>> ss.exp(context.box([0.0], [1.0]))
    Tensor([[0.99999999999999944, 2.7182818284590465]], (1,), interval64)
    """
    if fast and not numba_is_installed():
        raise ArgumentError("fast: numba is not installed; pip install 'scalarspec[fast]'")
    return Interval64Context(fast=numba_is_installed() if fast is None else bool(fast))
