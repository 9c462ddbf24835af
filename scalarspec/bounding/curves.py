"""A function of one number over boxes: its values and derivatives at points, and how its graph bends.

Rounding, with u = 2^-53:

    (1) f and f' at l, u and p, and f' over [l, u], are enclosed by `interval64`; from here on their ends are numbers.
    (2) fl(f - fl(a p)) is off by at most u |a p| + u (|f| + |a p| (1 + u)) <= 2 u (1 + u) (|f| + |a p|), unless a
        product underflows: 4 u (|f| + |a p|) + 2^-900 is taken off, itself worked out in four roundings (`beside`).
    (3) Over [p - before, p + after], with f' in [d, e], (f' - a) (t - p) is at most the larger one of (e - a) after and
        (a - d) before, and at least the negative of (a - d) after or of (e - a) before. Each is three roundings, which
        (1 + 8 u) and 2^-900 pay for; the sum with (2) is off by at most 2 u of its terms, and 4 u are taken off
        (`around`).
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.derivatives import curvature_of, value_and_slope
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.sets import middle_of
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.elementary import TINY, U

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]

Graphs = list[tuple[Array | None, str]]
"""Where (None: everywhere) a graph has a shape, a name of `relaxations.SHAPES`."""


def graphs(r: Curve) -> Graphs:
    """Which shape the graph of f has where, inside its domain; later ones go first."""
    inside = _inside(r)
    match OPERATIONS[r.operation].graph:
        case "convex" | "concave" as shape:
            return [(inside, shape)]
        case "s_shaped":
            return [(inside, "s_shaped"), (r.high <= 0, "convex"), (r.low >= 0, "concave")]
        case "by_sign":
            return [(r.low > 0, "convex"), (r.high < 0, "concave")]
    return by_curvature(r, inside)


def _inside(r: Curve) -> Array | None:
    """Where a box lies inside the domain, whose ends have no finite slopes; None: everywhere."""
    course = OPERATIONS[r.operation].course
    if course is None or not np.isfinite(course.domain).any():
        return None
    return np.asarray((r.low > course.domain[0]) & (r.high < course.domain[1]))


def by_curvature(r: Curve, inside: Array | None) -> Graphs:
    """Convex or concave where f″ keeps its sign on the box; of any other smooth function what its slopes tell."""
    usable = r.wide if inside is None else r.wide & inside
    if not usable.any():
        return [(usable, "mean_value")]
    low, high = (np.where(usable, end, end[usable].flat[0]) for end in (r.low, r.high))
    least, most = INTERVALS.arrays.floats(curvature_of(r.operation)(INTERVALS.box(low, high).value)[0])
    above, below = least >= 0, most <= 0
    return [(usable & ~(above | below), "mean_value"), (usable & above, "convex"), (usable & below, "concave")]


PIECES = 8
"""Into so many parts a box is cut over which the curvature of a function is not known to have one sign."""
SUBGRADIENTS = {"abs", "relu"}
"""Those with a kink at 0 whose rule gives a subgradient there; of others it is a convention, by which no line goes."""


class Curve:
    """A function over a box: its ends and a point between, as floats, and its values and derivatives there."""

    def __init__(self, operation: str, x: Tensor) -> None:
        self.operation, self.x = operation, x
        self.low, self.high = INTERVALS.arrays.floats(x.value)
        self.wide = np.isfinite(self.high - self.low) & (self.low < self.high)
        self.any_wide = bool(np.logical_or.reduce(self.wide, axis=None))
        self.middle = middle_of(self.low, self.high)
        if operation == "relu":  # the line that cuts off less
            self.middle = np.where(self.wide & (self.high > -self.low), self.high, np.where(self.wide, self.low, 0.0))
        elif OPERATIONS[operation].kinks != "nowhere" and operation not in SUBGRADIENTS:
            self.middle = np.where(self.wide & (self.middle == 0), self.high, self.middle)

    @property
    def all_wide(self) -> bool:
        """Are all elements looked at?"""
        return bool(np.logical_and.reduce(self.wide, axis=None))

    @property
    def inner(self) -> float:
        """A number inside the domain."""
        course = OPERATIONS[self.operation].course
        return course.inner if course else 1.0

    def where(self, usable: Array) -> Curve:
        """The same, where only some elements are looked at: what is known at points is known of them."""
        wide = self.wide & usable
        if np.array_equal(wide, self.wide):
            return self
        part = copy.copy(self)
        part.wide = wide
        part.any_wide = bool(np.logical_or.reduce(part.wide, axis=None))
        return part

    def pieces(self) -> Curve:
        """The function over `PIECES` parts of each box that is looked at, side by side; some may be points, which are
        ends of others.
        """
        low, high = np.where(self.wide, self.low, self.inner), np.where(self.wide, self.high, self.inner)
        places = np.arange(PIECES + 1).reshape(-1, *(1,) * low.ndim) / PIECES
        ends = np.minimum(low + (high - low) * places, high)
        ends[-1] = high
        return Curve(self.operation, INTERVALS.box(ends[:-1], ends[1:]))

    @cached_property
    def at_points(self) -> tuple[Array, Ends, Ends]:
        """The two ends and the middle, f and f′ there; where nothing is looked at a number inside f's domain."""
        points = np.array([self.low, self.high, self.middle])
        points[:, ~self.wide] = self.inner
        arrays = INTERVALS.arrays
        y, slope = value_and_slope(self.operation)(arrays.data(points))
        low, high = arrays.floats(slope)
        return points, arrays.floats(y), (filling(low, points.shape), filling(high, points.shape))

    def beside(self, slopes: Array, k: int) -> Ends:
        """The ends of f - slopes t at one of the three points."""
        points, (lows, highs), _ = self.at_points
        return beside(points[k], (lows[k], highs[k]), slopes)

    def around(self, slopes: Array, derivatives: Ends) -> Ends:
        """The ends of f(p) - slopes p + (derivatives - slopes) (t - p) over the box: f - slopes t, where that is f."""
        reach = self.middle - self.low, self.high - self.middle
        return around(self.beside(slopes, 2), slopes, derivatives, reach)

    @cached_property
    def bends(self) -> Array:
        """1 where f is known to be convex over the box, -1 where it is concave, else 0."""
        found = np.zeros(self.low.shape)
        for usable, shape in graphs(self) if self.any_wide else ():
            sign = {"convex": 1.0, "concave": -1.0}.get(shape, 0.0)
            found = np.where(self.wide if usable is None else self.wide & usable, sign, found)
        return found

    @cached_property
    def tangent(self) -> tuple[Array, Array, Array]:
        """About f′ at the middle, and the ends of f - slopes t by it, where that is f."""
        low, high = self.at_points[2]
        slopes = middle_of(low[2], high[2])
        return slopes, *self.around(slopes, (low[2], high[2]))

    def chord(self) -> tuple[Array, Array, Array]:
        """About (f(u) - f(l)) / (u - l), and the ends of f - slopes t at both ends."""
        _, (lows, highs), _ = self.at_points
        y = lows[:2] / 2 + highs[:2] / 2
        with np.errstate(all="ignore"):
            slopes = finite((y[1] - y[0]) / (self.high - self.low))
        (low, high), (lower, higher) = self.beside(slopes, 0), self.beside(slopes, 1)
        return slopes, np.minimum(low, lower), np.maximum(high, higher)


def beside(points: Array, y: Ends, slopes: Array) -> Ends:
    """The ends of y - slopes points, by (2)."""
    (low, high), product = y, slopes * points
    slack = 4 * U * (np.maximum(np.abs(low), np.abs(high)) + np.abs(product)) + TINY
    return low - product - slack, high - product + slack


def around(ends: Ends, slopes: Array, derivatives: Ends, reach: Ends) -> Ends:
    """The ends at p, and what is added to them before and after it, where f' lies between the derivatives, by (3)."""
    (low, high), (before, after) = ends, reach
    rises, falls = derivatives[1] - slopes, slopes - derivatives[0]
    down = np.maximum(np.maximum(falls * after, rises * before), 0) * (1 + 8 * U) + TINY
    up = np.maximum(np.maximum(rises * after, falls * before), 0) * (1 + 8 * U) + TINY
    slack = 4 * U * (np.maximum(np.abs(low), np.abs(high)) + np.maximum(down, up))
    return low - down - slack, high + up + slack


def filling(array: Array, shape: tuple[int, ...]) -> Array:
    """The array in a shape; a derivative may be a constant."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def finite(slopes: Array) -> Array:
    """The slopes, 0 where there is none."""
    return np.where(np.isfinite(slopes), slopes, 0.0)
