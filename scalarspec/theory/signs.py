"""Proofs that a function of a few real variables is not negative: by its values, its convexity, or on boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.branch import refine
from scalarspec.core import functions as f
from scalarspec.core.named_contexts import context as named_context
from scalarspec.errors import ScalarSpecError
from scalarspec.numbers.exact import infinite
from scalarspec.report import unboxed
from scalarspec.theory.function import Function, flat
from scalarspec.tracing.batched import batched
from scalarspec.tracing.gradient import grad, hessian
from scalarspec.verdict import Verdict

BOXES = 10_000
"""How many boxes branch-and-prune may look at."""
TANGENTS = 32
"""How many boxes of a round are tried by convexity."""


def nonnegative(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    """A proof that a function is not negative; with `zero`, that it is 0 there and nowhere else."""
    for method in (_constant, _evaluated, _convex, _pruned):
        try:
            found = method(function, zero)
        except ScalarSpecError:
            continue
        if found is not None:
            return found
    return None


def _constant(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    value = function.form.constant
    if value is None or value < 0 or zero is not None:
        return None
    return Verdict("proved", "exact", steps=(f"it is {value}",))


def _evaluated(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    low, high = map(unboxed, f.endpoints(function(function.over(named_context("interval")))))
    if low < 0 or zero is not None:
        return None
    return Verdict("proved", "interval evaluation", steps=(f"its values lie in [{_number(low)}, {_number(high)}]",))


def _convex(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    """f(c) >= 0, ∇f(c) = 0 and f″ >= 0 in the region: then f >= f(c). And f″(c) > 0: then f > f(c) elsewhere."""
    if not function.smooth or not function.variables or not _says(function, zero):
        return None
    context = named_context("interval", prec=100)
    for point in function.stationary if zero is None else _place(function, zero):
        at = context.tensor(point)
        value = f.endpoints(function(at))
        curvature = f.endpoints(hessian(function)(function.over(context)))
        strict = _definite(f.endpoints(hessian(function)(at)), strictly=True)
        if not _definite(curvature) or (zero is not None and not (strict and np.all(value[1] == 0))):
            continue
        return Verdict("proved", _called(function), steps=_steps(function, point, value, curvature, strict))
    return None


def _says(function: Function, zero: Mapping[str, Any] | None) -> bool:
    """Are the function's variables those that `zero` gives values to?"""
    names = [atom.parameters.get("name") for atom in function.variables if atom.operation == "variable"]
    return zero is None or (set(names) == set(zero) and len(names) == len(function.variables))


def _called(function: Function) -> str:
    return "Taylor remainder" if len(function.variables) == 1 else "convexity with a unique stationary point"


def _steps(function: Function, point: Any, value: Any, curvature: Any, strict: bool) -> tuple[str, ...]:
    names = [str(atom) for atom in function.variables]
    place = ", ".join(f"{name} = {_number(p)}" for name, p in zip(names, point, strict=True))
    second = [
        f"∂²f/∂{a}∂{b} in [{_number(curvature[0][i, j])}, {_number(curvature[1][i, j])}]"
        for i, a in enumerate(names)
        for j, b in enumerate(names[: i + 1])
    ]
    last = "f″ is positive definite there: nowhere else is f so small" if strict else "so f is nowhere smaller"
    return (
        f"f = {function}",
        f"at {place}: f = {_number(unboxed(value[0]))}, ∇f = 0",
        f"f = f(c) + (v - c)ᵀ f″(ξ) (v - c) / 2, and f″ >= 0: {'; '.join(second)}",
        last,
    )


def _place(function: Function, zero: Mapping[str, Any]) -> list[Any]:
    """The point that `zero` says, if it is a stationary one of the region."""
    point = np.array([Fraction(zero[str(atom.parameters["name"])]) for atom in function.variables], dtype=object)
    inside = np.all(np.array(function.low) <= point) and np.all(point <= np.array(function.high))
    return [point] if inside and flat(function, point) else []


def _definite(entries: Any, strictly: bool = False) -> bool:
    """Are all symmetric matrices between two surely positive (semi)definite? By dominant diagonals, or 2x2 minors."""
    low, high = entries
    size = np.maximum(abs(low), abs(high))
    diagonal = list(np.diag(low))
    others = [sum(x for j, x in enumerate(row) if j != i) for i, row in enumerate(size)]
    if any(d < 0 or (strictly and d == 0) for d in diagonal):
        return False
    if all(d > rest or (d == rest and not strictly) for d, rest in zip(diagonal, others, strict=True)):
        return True
    if len(size) != 2 or infinite(*diagonal, *others):
        return False
    minor = diagonal[0] * diagonal[1] - size[0, 1] ** 2
    return bool(minor > 0 or (minor == 0 and not strictly))


def _pruned(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    """Interval branch-and-prune over a bounded region: all boxes that are left are divided in each round."""
    if zero is not None or not function.tame() or infinite(*function.low, *function.high) or not function.variables:
        return None
    search = _Pruning(function)
    whole = np.array(function.low, dtype=object), np.array(function.high, dtype=object)
    *_, left = refine(search.open([whole]), search.worst, search.halved)
    if left or search.failed:
        return None
    return Verdict("proved", "interval branch-and-prune", steps=(f"f = {function}", f"{search.seen} boxes"))


_OpenBox = tuple[Any, Any]
"""The exact ends of a box of the variables on which the function may be negative, as far as is known."""


class _Pruning:
    """Which boxes are left of some. seen: how many were looked at; failed: is the function, or may it be, negative?"""

    def __init__(self, function: Function) -> None:
        self.function, self.seen, self.failed = function, 0, False
        self.context, self.exact = named_context("interval64"), named_context("interval", prec=100)

    def worst(self, boxes: Sequence[_OpenBox]) -> Sequence[_OpenBox]:
        """All of them, unless the search is over."""
        return [] if self.failed or self.seen + 2 * len(boxes) > BOXES else boxes

    def halved(self, boxes: Sequence[_OpenBox]) -> list[_OpenBox]:
        """What is left of their halves, across their longest sides."""
        low, high = _halved(*map(np.stack, zip(*boxes, strict=True)))
        return self.open(list(zip(low, high, strict=True)))

    def open(self, boxes: Sequence[_OpenBox]) -> list[_OpenBox]:
        """Of each box the part on which the function is smallest; none where its value, or mean value form, is >= 0."""
        self.seen += len(boxes)
        low, high = map(np.stack, zip(*boxes, strict=True))
        box, function = self.context.box(low, high), self.function
        values, slopes = (f.endpoints(batched(part, over="v")(box)) for part in (function, grad(function)))
        centre = f.endpoints(batched(function, over="v")(self.context.tensor((low + high) / 2)))
        if np.any(centre[1] < 0):
            self.failed = True
            return []
        mean = centre[0] - (np.maximum(abs(slopes[0]), abs(slopes[1])) * (high - low) / 2).sum(axis=1)
        left = np.flatnonzero((values[0] < 0) & (mean < 0))
        if function.smooth:
            left = left[~_tangent(function, low[left], high[left])]
        return self._divisible(*_slid(low[left], high[left], slopes[0][left], slopes[1][left]))

    def _divisible(self, low: Any, high: Any) -> list[_OpenBox]:
        """The boxes that are no points; at a point the function must be >= 0."""
        points = np.all(low == high, axis=1)
        self.failed |= any(f.endpoints(self.function(self.exact.tensor(point)))[0] < 0 for point in low[points])
        return list(zip(low[~points], high[~points], strict=True))


def _tangent(function: Function, low: Any, high: Any) -> Any:
    """The boxes on which a stationary point with value >= 0 and convexity around it shows that f >= 0."""
    context = named_context("interval", prec=100)
    found = np.zeros(len(low), dtype=bool)
    for point in function.stationary[:1]:
        for i in range(min(len(low), TANGENTS)):
            hull = context.box(np.minimum(low[i], point), np.maximum(high[i], point))
            found[i] = _definite(f.endpoints(hessian(function)(hull)))
    return found


def _slid(low: Any, high: Any, steepest: Any, flattest: Any) -> tuple[Any, Any]:
    """Each box without the directions in which f only rises, or only falls: f is smallest on that side."""
    rises, falls = steepest >= 0, flattest <= 0
    return np.where(falls & ~rises, high, low), np.where(rises, low, high)


def _halved(low: Any, high: Any) -> tuple[Any, Any]:
    """Each box as two, across its longest side."""
    rows = np.arange(len(low))
    longest = np.argmax((high - low).astype(float), axis=1)
    upper, lower = high.copy(), low.copy()
    upper[rows, longest] = lower[rows, longest] = (low[rows, longest] + high[rows, longest]) / 2
    return np.concatenate([low, lower]), np.concatenate([upper, high])


def _number(x: Any) -> str:
    return (
        ("-inf" if x < 0 else "inf")
        if infinite(x)
        else str(x)
        if Fraction(x).denominator < 10**6
        else f"{float(x):.6g}"
    )
