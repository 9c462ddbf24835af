"""Lines below and above a function of one number over an interval, certified.

For each element t in [l, u] of a tensor: a line a t + b with a t + b <= f(t), and one with f(t) <= a t + b. Slopes are
floats, chosen well; intercepts are then enclosed, so that no rounding, and no bad choice, makes a line cross f. f and
f′ are enclosed at three points; what float arithmetic then does to f(t) - a t is at most 2u (|f| + |a t|), and 4u of it
is paid.

    convex f       below, a tangent: f(t) >= f(p) + f'(p) (t - p); above, the chord, which is highest at an end
    concave f      the same, mirrored
    f' with one peak (sigmoid, tanh, atan, erf): f(t) - a t rises on [l, u] for a <= f'(l), f'(u)
    any other f    f(t) = f(p) + f'(s) (t - p) for some s in [l, u]
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core.sets import inf, mid, sup
from scalarspec.core.tensor import Tensor, elementwise
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace
from scalarspec.tracing.vjp_rules import RULES

Array = np.ndarray[Any, Any]

CONVEX = {"square", "exp", "expm1", "expm1mx", "softplus", "logcosh", "cosh", "abs", "relu"}
CONCAVE = {"log", "log1p", "sqrt"}
PEAKED = {"sigmoid", "tanh", "atan", "erf"}
"""Convex up to 0, concave from 0 on."""
OTHERS = {"sin", "cos", "sinh", "tan", "reciprocal"}
KINKED = {"abs", "relu"}
FUNCTIONS = CONVEX | CONCAVE | PEAKED | OTHERS


@dataclass(frozen=True, eq=False)
class Lines:
    """low_slope t + low <= f(t) <= high_slope t + high, elementwise; all floats."""

    low_slope: Array
    low: Array
    high_slope: Array
    high: Array


def lines(operation: str, x: Tensor) -> Lines:
    """Lines around an operation over the box x, in an enclosing context."""
    relaxed = _Relaxed(operation, x)
    y = elementwise(operation, x)
    zero = np.zeros(relaxed.low.shape)
    found = Lines(zero, inf(y), zero, sup(y))
    if not np.any(relaxed.wide):
        return found
    for usable, shape in _shapes(operation, relaxed):
        part = relaxed.where(usable)
        if np.any(part.wide):
            found = _chosen(part.wide, shape(part), found)
    return found


def tangents(operation: str, x: Tensor) -> Lines:
    """The tangent at the middle of the box x: f lies above it by at least (t - m)² inf(f″) / 2, and below likewise."""
    r = _inside(operation, x)
    slope, low, high = r.tangent()
    return Lines(slope, np.where(r.wide, low, -np.inf), slope, np.where(r.wide, high, np.inf))


def curvature(operation: str, x: Tensor) -> tuple[Array, Array]:
    """The ends of f″ over the box x: the derivative's derivative."""
    r = _inside(operation, x)
    x = x.context.box(np.where(r.wide, r.low, 1.0), np.where(r.wide, r.high, 1.0))
    tape = Tape(x.context)
    variable = tape.variable(x)
    slope = _derivative(operation, variable, elementwise(operation, variable))
    if slope.value.constant:
        return np.zeros(x.shape), np.zeros(x.shape)
    (second,) = backward_pass(Trace(tape, [variable.value], slope.value), _ones(x))
    return inf(second), sup(second)


def _inside(operation: str, x: Tensor) -> _Relaxed:
    """Where f is smooth over the box, and the box wide."""
    r = _Relaxed(operation, x)
    return r.where(np.any([usable for usable, _ in _shapes(operation, r)], axis=0))


def _shapes(operation: str, r: _Relaxed) -> list[tuple[Array, Callable[[_Relaxed], Lines]]]:
    """Where which shape of f may be used; later ones go first."""
    everywhere = np.ones(r.low.shape, dtype=bool)
    if operation in CONVEX:
        return [(everywhere, _convex)]
    if operation in CONCAVE:
        return [(r.low > 0 if operation != "log1p" else r.low > -1, _concave)]
    if operation in PEAKED:
        return [(everywhere, _peaked), (r.high <= 0, _convex), (r.low >= 0, _concave)]
    if operation == "reciprocal":
        return [(r.low > 0, _convex), (r.high < 0, _concave)]
    return [(everywhere, _centred)]


class _Relaxed:
    """A function over a box: its ends and a point between, as floats, and its values and derivatives there."""

    def __init__(self, operation: str, x: Tensor) -> None:
        self.operation, self.x, self.context = operation, x, x.context
        self.low, self.high = inf(x), sup(x)
        finite = np.isfinite(self.low) & np.isfinite(self.high)
        self.wide = finite & (self.low < self.high)
        self.middle = mid(x)
        if operation == "relu":  # the line that cuts off less
            self.middle = np.where(self.wide & (self.high > -self.low), self.high, np.where(self.wide, self.low, 0.0))

    def where(self, usable: Array) -> _Relaxed:
        """The same, where only some elements are looked at."""
        part = copy.copy(self)
        part.__dict__.pop("at_points", None)
        part.wide = self.wide & usable
        return part

    @cached_property
    def at_points(self) -> tuple[Array, Tensor, Tensor]:
        """The two ends and the middle, f and f′ there; where nothing is looked at 1, where every such f is defined."""
        points = np.where(self.wide, np.stack([self.low, self.high, self.middle]), 1.0)
        t = self.context.tensor(points)
        y = elementwise(self.operation, t)
        return points, y, _derivative(self.operation, t, y)

    def beside(self, slopes: Array, k: int) -> tuple[Array, Array]:
        """The ends of f - slopes t at one of the three points."""
        points, y, _ = self.at_points
        low, high, product = inf(y)[k], sup(y)[k], slopes * points[k]
        slack = 4 * U * (np.maximum(np.abs(low), np.abs(high)) + np.abs(product)) + TINY
        return low - product - slack, high - product + slack

    def around(self, slopes: Array, derivatives: Tensor) -> tuple[Array, Array]:
        """The ends of f(p) - slopes p + (derivatives - slopes) (t - p) over the box: f - slopes t, where that is f."""
        low, high = self.beside(slopes, 2)
        reach = np.maximum(self.high - self.middle, self.middle - self.low)
        steep = np.maximum(np.abs(inf(derivatives) - slopes), np.abs(sup(derivatives) - slopes))
        rest = reach * steep * (1 + 8 * U) + TINY
        slack = 4 * U * (np.maximum(np.abs(low), np.abs(high)) + rest)
        return low - rest - slack, high + rest + slack

    def tangent(self) -> tuple[Array, Array, Array]:
        """About f′ at the middle, and the ends of f - slopes t by it, where that is f."""
        derivatives = self.at_points[2][2]
        slopes = _finite(mid(derivatives))
        return slopes, *self.around(slopes, derivatives)

    def chord(self) -> tuple[Array, Array, Array]:
        """About (f(u) - f(l)) / (u - l), and the ends of f - slopes t at both ends."""
        y = mid(self.at_points[1])
        with np.errstate(all="ignore"):
            slopes = _finite((y[1] - y[0]) / (self.high - self.low))
        (low, high), (lower, higher) = self.beside(slopes, 0), self.beside(slopes, 1)
        return slopes, np.minimum(low, lower), np.maximum(high, higher)


def _convex(r: _Relaxed) -> Lines:
    (tangent, below, _), (chord, _, above) = r.tangent(), r.chord()
    return Lines(tangent, below, chord, above)


def _concave(r: _Relaxed) -> Lines:
    (tangent, _, above), (chord, below, _) = r.tangent(), r.chord()
    return Lines(chord, below, tangent, above)


def _peaked(r: _Relaxed) -> Lines:
    least = inf(r.at_points[2])
    slope = _finite(np.minimum(least[0], least[1]))
    return Lines(slope, r.beside(slope, 0)[0], slope, r.beside(slope, 1)[1])


def _centred(r: _Relaxed) -> Lines:
    derivatives = _derivative(r.operation, r.x, elementwise(r.operation, r.x))
    slope = mid(derivatives)
    low, high = r.around(slope, derivatives)
    return Lines(slope, low, slope, high)


def _derivative(operation: str, t: Tensor, y: Tensor) -> Tensor:
    """f′ at points, or over a box, where f is y; at a kink of a convex f one of its subgradients."""
    (cotangent,) = RULES[operation](_ones(t), y, t)
    assert cotangent is not None
    return cotangent()


def _ones(t: Tensor) -> Tensor:
    return t.context.tensor(np.ones(t.shape))


def _finite(slopes: Array) -> Array:
    return np.where(np.isfinite(slopes), slopes, 0.0)


def _chosen(where: Array, new: Lines, old: Lines) -> Lines:
    """The new lines there, if they are lines; the old ones elsewhere."""
    low, high = where & np.isfinite(new.low), where & np.isfinite(new.high)
    return Lines(
        np.where(low, new.low_slope, old.low_slope),
        np.where(low, new.low, old.low),
        np.where(high, new.high_slope, old.high_slope),
        np.where(high, new.high, old.high),
    )
