"""Lines below and above a function of one number over an interval, certified.

For each element t in [l, u] of a tensor: a line a t + b with a t + b <= f(t), and one with f(t) <= a t + b. Slopes are
floats, chosen well; intercepts are then enclosed, so that no rounding, and no bad choice, makes a line cross f.

    convex f       below, a tangent: f(t) >= f(p) + f'(p) (t - p); above, the chord, which is highest at an end
    concave f      the same, mirrored
    s-shaped f     f' has one peak (sigmoid, tanh, atan, erf): f(t) - a t rises on [l, u] for a <= f'(l), f'(u)
    any other f    as a convex or a concave one, where f″ is enclosed on one side of 0; else of the chord's slope, and
                   on parts of [l, u] by the mean value theorem: f(t) = f(p) + f'(s) (t - p) for some s in the part

Rounding, with u = 2^-53:

    (1) f and f' at l, u and p, and f' over [l, u], are enclosed by `interval64`; from here on their ends are numbers.
    (2) fl(f - fl(a p)) is off by at most u |a p| + u (|f| + |a p| (1 + u)) <= 2 u (1 + u) (|f| + |a p|), unless a
        product underflows: 4 u (|f| + |a p|) + 2^-900 is taken off, itself worked out in four roundings (`beside`).
    (3) Around p, |f' - a| |t - p| <= far steep (1 + 8 u) + 2^-900, where far, steep and their product are three
        roundings; the sum with (2) is off by at most 2 u of its terms, and 4 u are taken off (`around`).
    (4) Ends of lines are rounded no more: passes and forms charge for what they do with them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.derivatives import curvature_of, slope_of, value_and_slope, value_of
from scalarspec.core.domains import leniently
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.sets import middle_of
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainUndecided, NotSupported
from scalarspec.numbers.elementary import TINY, U

Array = np.ndarray[Any, Any]

Ends = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class LinearBounds1D:
    """low_slope t + low <= f(t) <= high_slope t + high, elementwise; all floats."""

    low_slope: Array
    low: Array
    high_slope: Array
    high: Array

    @property
    def bounded(self) -> bool:
        """Is there a line on either side of each element?"""
        return bool(np.isfinite([self.low, self.high]).all())

    def where(self, chosen: Array, other: LinearBounds1D) -> LinearBounds1D:
        """These lines where they are chosen, the others elsewhere."""
        return LinearBounds1D(
            np.where(chosen, self.low_slope, other.low_slope),
            np.where(chosen, self.low, other.low),
            np.where(chosen, self.high_slope, other.high_slope),
            np.where(chosen, self.high, other.high),
        )


def lines(relaxed: Curve) -> LinearBounds1D:
    """Lines around a function over a box."""
    if relaxed.operation == "relu":
        return SHAPES["rectifier"](relaxed)
    found: LinearBounds1D | None = None
    for usable, shape in _graphs(relaxed) if relaxed.any_wide else ():
        part = relaxed if usable is None else relaxed.where(usable)
        if part.any_wide:
            new = SHAPES[shape](part)
            everywhere = part.all_wide and new.bounded
            found = new if everywhere else _chosen(part.wide, new, found or _constant(relaxed))
    return found or _constant(relaxed)


def _constant(relaxed: Curve) -> LinearBounds1D:
    """The ends of the function over the box."""
    try:
        value = value_of(relaxed.operation)(relaxed.x.value)[0]
    except DomainUndecided:  # whoever asks for lines knows of the domain
        value = _wherever(relaxed.operation, relaxed.x)
    zero = np.zeros(relaxed.low.shape)
    low, high = INTERVALS.arrays.floats(value)
    return LinearBounds1D(zero, low, zero, high)


def rectifier(r: Curve) -> LinearBounds1D:
    """Lines around max(t, 0), as `convex` would have them, without its values at points: below, t or 0, whichever cuts
    off less; above, the chord a t + b, where b >= -a l and b >= u - a u, with 4 u of these terms and 2^-900 for their
    rounding. Where the box has no end, 0 and u.
    """
    above, crossing = r.low >= 0, (r.low < 0) & (r.high > 0)
    chord = crossing & r.wide
    down, up = np.where(chord, -r.low, 1.0), np.where(chord, r.high, 1.0)
    slope = up / (up + down)
    apart = np.maximum(slope * down, up - slope * up)
    apart = apart + (4 * U * (slope * down + up + slope * up) + TINY)
    below = np.where(above | (chord & (r.high > -r.low)), 1.0, 0.0)
    end = np.where(chord, apart, np.where(crossing, r.high, 0.0))
    return LinearBounds1D(below, np.zeros(below.shape), np.where(chord, slope, np.where(above, 1.0, 0.0)), end)


def _wherever(operation: str, x: Tensor) -> Any:
    """The function over the box, wherever it has values."""
    with leniently():
        return value_of(operation)(x.value)[0]


@dataclass(frozen=True, eq=False)
class Parabolas:
    """f(t) lies above tangent + least (t - middle)² / 2 and below tangent + most (t - middle)² / 2, elementwise.

    tangent: the line at the middle of the box, one for both sides but for its ends; least, most: the ends of f″.
    """

    middle: Array
    tangent: LinearBounds1D
    least: Array
    most: Array


def parabolas(whole: Curve) -> Parabolas:
    """Around a function over a box; the tangent's ends are infinite where f is not smooth."""
    usable = [whole.wide if each is None else each for each, _ in _graphs(whole)]
    r = whole.where(np.logical_or.reduce(usable))
    slope, low, high = r.tangent
    tangent = LinearBounds1D(slope, np.where(r.wide, low, -np.inf), slope, np.where(r.wide, high, np.inf))
    box = r.x if r.all_wide else INTERVALS.box(np.where(r.wide, r.low, r.inner), np.where(r.wide, r.high, r.inner))
    try:
        least, most = INTERVALS.arrays.floats(curvature_of(r.operation)(box.value)[0])
    except NotSupported:  # its derivative has none
        nothing = np.full(slope.shape, np.inf)
        return Parabolas(r.middle, LinearBounds1D(slope, -nothing, slope, nothing), 0 * slope, 0 * slope)
    return Parabolas(r.middle, tangent, _filling(least, slope.shape), _filling(most, slope.shape))


Graphs = list[tuple[Array | None, str]]
"""Where (None: everywhere) a graph has a shape, a name of `SHAPES`."""


def _graphs(r: Curve) -> Graphs:
    """Which shape the graph of f has where, inside its domain; later ones go first."""
    inside = _inside(r)
    match OPERATIONS[r.operation].graph:
        case "convex" | "concave" as shape:
            return [(inside, shape)]
        case "s_shaped":
            return [(inside, "s_shaped"), (r.high <= 0, "convex"), (r.low >= 0, "concave")]
        case "by_sign":
            return [(r.low > 0, "convex"), (r.high < 0, "concave")]
    return _by_curvature(r, inside)


def _inside(r: Curve) -> Array | None:
    """Where a box lies inside the domain, whose ends have no finite slopes; None: everywhere."""
    course = OPERATIONS[r.operation].course
    if course is None or not np.isfinite(course.domain).any():
        return None
    return np.asarray((r.low > course.domain[0]) & (r.high < course.domain[1]))


def _by_curvature(r: Curve, inside: Array | None) -> Graphs:
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
        return points, arrays.floats(y), (_filling(low, points.shape), _filling(high, points.shape))

    def beside(self, slopes: Array, k: int) -> Ends:
        """The ends of f - slopes t at one of the three points."""
        points, (lows, highs), _ = self.at_points
        low, high, product = lows[k], highs[k], slopes * points[k]
        slack = 4 * U * (np.maximum(np.abs(low), np.abs(high)) + np.abs(product)) + TINY
        return low - product - slack, high - product + slack

    def around(self, slopes: Array, derivatives: Ends) -> Ends:
        """The ends of f(p) - slopes p + (derivatives - slopes) (t - p) over the box: f - slopes t, where that is f."""
        low, high = self.beside(slopes, 2)
        far = np.maximum(self.high - self.middle, self.middle - self.low)
        steep = np.maximum(np.abs(derivatives[0] - slopes), np.abs(derivatives[1] - slopes))
        aside = far * steep * (1 + 8 * U) + TINY
        slack = 4 * U * (np.maximum(np.abs(low), np.abs(high)) + aside)
        return low - aside - slack, high + aside + slack

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
            slopes = _finite((y[1] - y[0]) / (self.high - self.low))
        (low, high), (lower, higher) = self.beside(slopes, 0), self.beside(slopes, 1)
        return slopes, np.minimum(low, lower), np.maximum(high, higher)


def convex(r: Curve) -> LinearBounds1D:
    """Below, the tangent; above, the chord."""
    (tangent, below, _), (chord, _, above) = r.tangent, r.chord()
    return LinearBounds1D(tangent, below, chord, above)


def concave(r: Curve) -> LinearBounds1D:
    """Below, the chord; above, the tangent."""
    (tangent, _, above), (chord, below, _) = r.tangent, r.chord()
    return LinearBounds1D(chord, below, tangent, above)


def s_shaped(r: Curve) -> LinearBounds1D:
    """Of the smaller slope of the two ends: below through the left end, above through the right one."""
    least = r.at_points[2][0]
    slope = _finite(np.minimum(least[0], least[1]))
    return LinearBounds1D(slope, r.beside(slope, 0)[0], slope, r.beside(slope, 1)[1])


def mean_value(r: Curve) -> LinearBounds1D:
    """Of the chord's slope, by pieces of the box: around the middle of each, by all slopes of it."""
    slope = r.chord()[0]
    pieces = r.pieces()
    derivatives = INTERVALS.arrays.floats(slope_of(r.operation)(pieces.x.value)[0])
    low, high = pieces.around(np.broadcast_to(slope, pieces.low.shape), derivatives)
    least, most = np.where(pieces.wide, low, np.inf).min(axis=0), np.where(pieces.wide, high, -np.inf).max(axis=0)
    return LinearBounds1D(slope, np.where(r.wide, least, 0.0), slope, np.where(r.wide, most, 0.0))


SHAPES: dict[str, Callable[[Curve], LinearBounds1D]] = {
    "convex": convex,
    "concave": concave,
    "s_shaped": s_shaped,
    "mean_value": mean_value,
    "rectifier": rectifier,
}
"""Lines around a function over a box on which its graph has a shape; any that is smooth has that of a mean value."""


def _filling(array: Array, shape: tuple[int, ...]) -> Array:
    """The array in a shape; a derivative may be a constant."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def _finite(slopes: Array) -> Array:
    return np.where(np.isfinite(slopes), slopes, 0.0)


def _chosen(where: Array, new: LinearBounds1D, old: LinearBounds1D) -> LinearBounds1D:
    """The new lines there, if they are lines; the old ones elsewhere."""
    low, high = where & np.isfinite(new.low), where & np.isfinite(new.high)
    return LinearBounds1D(
        np.where(low, new.low_slope, old.low_slope),
        np.where(low, new.low, old.low),
        np.where(high, new.high_slope, old.high_slope),
        np.where(high, new.high, old.high),
    )
