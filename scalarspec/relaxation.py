"""Lines below and above a function of one number over an interval, certified.

For each element t in [l, u] of a tensor: a line a t + b with a t + b <= f(t), and one with f(t) <= a t + b. Slopes are
floats, chosen well; intercepts are then enclosed, so that no rounding, and no bad choice, makes a line cross f.

    convex f       below, a tangent: f(t) >= f(p) + f'(p) (t - p); above, the chord, which is highest at an end
    concave f      the same, mirrored
    f' with one peak (sigmoid, tanh, atan, erf): f(t) - a t rises on [l, u] for a <= f'(l), f'(u)
    any other f    f(t) = f(p) + f'(s) (t - p) for some s in [l, u]
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.gradient import RULES
from scalarspec.sets import inf, mid, sup
from scalarspec.tensor import Tensor, elementwise

Array = np.ndarray[Any, Any]

CONVEX = {"square", "exp", "expm1", "expm1mx", "softplus", "logcosh", "cosh", "abs", "relu"}
CONCAVE = {"log", "log1p", "sqrt"}
PEAKED = {"sigmoid", "tanh", "atan", "erf"}
"""Convex up to 0, concave from 0 on."""
SMOOTH = {"sin", "cos", "sinh", "tan", "reciprocal"}
FUNCTIONS = CONVEX | CONCAVE | PEAKED | SMOOTH


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
    found = relaxed.flat()
    for usable, shape in _shapes(operation, relaxed):
        part = relaxed.where(usable)
        if np.any(part.wide):
            found = _chosen(part.wide, shape(part), found)
    return found


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
        part.wide = self.wide & usable
        return part

    def value(self, at: Any) -> Tensor:
        """f at points, or over the box."""
        return elementwise(self.operation, at if isinstance(at, Tensor) else self.context.tensor(self._inside(at)))

    def slope(self, at: Any) -> Tensor:
        """f′ at points, or over the box."""
        t = at if isinstance(at, Tensor) else self.context.tensor(self._inside(at))
        (share,) = RULES[self.operation](self.context.tensor(np.ones(t.shape)), elementwise(self.operation, t), t)
        assert share is not None
        return share()

    def _inside(self, at: Array) -> Array:
        """Points that are used; for the others 1, at which every such f is defined."""
        return np.where(self.wide, at, 1.0)

    def flat(self) -> Lines:
        """The least and the greatest value."""
        y = self.value(self.x)
        zero = np.zeros(self.low.shape)
        return Lines(zero, inf(y), zero, sup(y))

    def beside(self, slopes: Array, at: Array) -> Tensor:
        """f - slopes t at points t."""
        return self.value(at) - self.context.tensor(slopes) * self.context.tensor(self._inside(at))

    def around(self, slopes: Array, at: Array, derivatives: Tensor) -> Tensor:
        """f(p) - slopes p + (derivatives - slopes) (t - p), over all t of the box: f - slopes t, where that is f."""
        p = self.context.tensor(self._inside(at))
        rest = (derivatives - self.context.tensor(slopes)) * (self.x - p)
        return self.beside(slopes, at) + rest


def _convex(r: _Relaxed) -> Lines:
    tangent, chord = mid(r.slope(r.middle)), _chord(r)
    below = r.around(tangent, r.middle, r.slope(r.middle))
    above = np.maximum(sup(r.beside(chord, r.low)), sup(r.beside(chord, r.high)))
    return Lines(tangent, inf(below), chord, above)


def _concave(r: _Relaxed) -> Lines:
    tangent, chord = mid(r.slope(r.middle)), _chord(r)
    above = r.around(tangent, r.middle, r.slope(r.middle))
    below = np.minimum(inf(r.beside(chord, r.low)), inf(r.beside(chord, r.high)))
    return Lines(chord, below, tangent, sup(above))


def _peaked(r: _Relaxed) -> Lines:
    slope = _finite(np.minimum(inf(r.slope(r.low)), inf(r.slope(r.high))))
    return Lines(slope, inf(r.beside(slope, r.low)), slope, sup(r.beside(slope, r.high)))


def _centred(r: _Relaxed) -> Lines:
    derivatives = r.slope(r.x)
    slope = mid(derivatives)
    rest = r.around(slope, r.middle, derivatives)
    return Lines(slope, inf(rest), slope, sup(rest))


def _chord(r: _Relaxed) -> Array:
    """About (f(u) - f(l)) / (u - l)."""
    with np.errstate(all="ignore"):
        return _finite((mid(r.value(r.high)) - mid(r.value(r.low))) / (r.high - r.low))


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
