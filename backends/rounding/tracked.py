"""A value with the errors of its floats, a truth that rounding may turn, and what bounds on errors are made of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.sets import sup
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth

Array = np.ndarray[Any, Any]


class Tracked:
    """Real values and bounds on the errors of their floats, all tensors of one enclosing context.

    real: the real values, of shape s;
    error: |float - real value| in all, of shape s or (); its upper ends count. None: every float is exact;
    local: the part of it that the last operation added itself, likewise;
    non_negative: bools of shape s or (): elements whose float is not negative, whatever rounding did.
    """

    __slots__ = ("_wide", "error", "local", "non_negative", "real")

    def __init__(
        self, real: Tensor, error: Tensor | None = None, local: Tensor | None = None, non_negative: Any = False
    ) -> None:
        self.real = real
        self.error = error
        self.local = local
        self.non_negative = non_negative
        self._wide: Tensor | None = None

    @property
    def shape(self) -> Shape:
        """Of the values."""
        return self.real.shape

    @property
    def rounded(self) -> bool:
        """May a float differ from its real value?"""
        return self.error is not None

    @property
    def wide(self) -> Tensor:
        """What holds the real values and the floats."""
        if self._wide is None:
            self._wide = self.real if self.error is None else self._widened(self.error)
        return self._wide

    @property
    def bound(self) -> Array:
        """The greatest error of each element, as float64s rounded up."""
        return np.zeros(self.shape) if self.error is None else np.broadcast_to(sup(self.error), self.shape)

    def _widened(self, error: Tensor) -> Tensor:
        around = plus_minus(self.real, error)
        if not np.any(self.non_negative):
            return around
        low, high = ends(around)
        cut = self.non_negative & (low < 0)
        return around.context.box(np.where(cut, 0.0, low), high) if np.any(cut) else around

    def mapped(self, function: Callable[[Tensor], Tensor]) -> Tracked:
        """The values and their errors, moved to other places by a function."""
        return Tracked(function(self.real), None if self.error is None else function(self.error))

    def without_error(self) -> Tracked:
        """All that the values or the floats may be, as values without an error."""
        return Tracked(self.wide)

    def __reduce__(self) -> Any:
        return Tracked, (self.real, self.error, self.local, self.non_negative)


@dataclass(frozen=True, eq=False)
class Decision:
    """Truths of the enclosing context, and may rounding turn them? They read as values that have no error."""

    truth: Truth
    rounded: bool

    @property
    def shape(self) -> Shape:
        """Of the truths."""
        return self.truth.shape

    @property
    def real(self) -> Truth:
        """The truths, which hold for the real values and the floats, or are undecided."""
        return self.truth

    @property
    def wide(self) -> Truth:
        """The same."""
        return self.truth

    @property
    def error(self) -> None:
        """None: a wrong truth is no error in size."""
        return

    def without_error(self) -> Decision:
        """Itself."""
        return self


@dataclass(frozen=True)
class Rounded:
    """What `item()` hands out: mpmath's interval around the real value, and the greatest |float - real value|."""

    enclosure: Any
    error: float


# ---- what bounds are made of ----------------------------------------------------------------------------------------

unit_ball: Callable[[Any], Tensor] = lru_cache(maxsize=64)(lambda inner: inner.box(-1, 1))
"""[-1, 1], in a context. Kept for the few contexts that a program uses."""


def plus_minus(x: Tensor, error: Tensor) -> Tensor:
    """What lies within an error of some values."""
    return x + unit_ball(x.context) * error


def ends(x: Tensor) -> tuple[Array, Array]:
    """The infima and suprema, as float64s rounded outward: both at once."""
    return x.context.arrays.floats(x.value)


def magnitude(x: Tensor) -> Array:
    """The greatest |x| of each element, as a float64 rounded up."""
    low, high = ends(x)
    return np.maximum(-low, high)


def width(x: Tensor) -> Tensor:
    """How far two numbers in the same enclosure can be apart: |a - b| for any a and b in it, element by element."""
    return f.abs(x - x)


def is_point(x: Tensor) -> bool:
    """Is each element one known number?"""
    return bool(np.array_equal(*ends(x)))


def error_or_zeros(x: Tracked) -> Tensor:
    """The error, zeros where there is none."""
    if x.error is not None:
        return x.error
    zeros: Tensor = f.broadcast_to(x.real.context.tensor(0), x.shape)
    return zeros


def total(errors: Sequence[Tensor | None]) -> Tensor | None:
    """The sum of what is there."""
    present = [error for error in errors if error is not None]
    return functools.reduce(f.add, present) if present else None


def greatest(errors: Sequence[Tensor]) -> Tensor | None:
    """The greatest of each element; None where there is none."""
    return functools.reduce(f.maximum, errors) if errors else None
