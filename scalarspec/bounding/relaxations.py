"""Lines below and above a function of one number over an interval, certified.

For each element t in [l, u] of a tensor: a line a t + b with a t + b <= f(t), and one with f(t) <= a t + b. Slopes are
floats, chosen well; intercepts are then enclosed, so that no rounding, and no bad choice, makes a line cross f.

    convex f       below, a tangent: f(t) >= f(p) + f'(p) (t - p); above, the chord, which is highest at an end
    concave f      the same, mirrored
    s-shaped f     convex below 0, concave above it (sigmoid, tanh, atan, erf): above, a tangent at some p >= 0, moved
                   up to f(l) if that is higher; below, the same, mirrored
    any other f    as a convex or a concave one, where f″ is enclosed on one side of 0; else of the chord's slope, and
                   on parts of [l, u] by the mean value theorem: f(t) = f(p) + f'(s) (t - p) for some s in the part

What rounding takes off is said in `curves`. Ends of lines are rounded no more: passes and forms charge for what they do
with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.curves import Curve, Ends, around, beside, filling, graphs
from scalarspec.bounding.derivatives import curvature_of, slope_of, value_and_slope, value_of
from scalarspec.core.domains import leniently
from scalarspec.core.sets import middle_of
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainUndecided, NotSupported
from scalarspec.numbers.elementary import TINY, U

Array = np.ndarray[Any, Any]


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
    for usable, shape in graphs(relaxed) if relaxed.any_wide else ():
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
    usable = [whole.wide if each is None else each for each, _ in graphs(whole)]
    r = whole.where(np.logical_or.reduce(usable))
    slope, low, high = r.tangent
    tangent = LinearBounds1D(slope, np.where(r.wide, low, -np.inf), slope, np.where(r.wide, high, np.inf))
    box = r.x if r.all_wide else INTERVALS.box(np.where(r.wide, r.low, r.inner), np.where(r.wide, r.high, r.inner))
    try:
        least, most = INTERVALS.arrays.floats(curvature_of(r.operation)(box.value)[0])
    except NotSupported:  # its derivative has none
        nothing = np.full(slope.shape, np.inf)
        return Parabolas(r.middle, LinearBounds1D(slope, -nothing, slope, nothing), 0 * slope, 0 * slope)
    return Parabolas(r.middle, tangent, filling(least, slope.shape), filling(most, slope.shape))


def moved_tangents(r: Curve, points: Array, known: LinearBounds1D) -> LinearBounds1D:
    """The known lines, with tangents at other points where f is convex or concave over the box.

    points: (boxes, rows, *shape), inside the boxes; so are the arrays of the lines.
    """
    bends, low, high = (a[:, None] for a in (r.bends, r.low, r.high))
    points = np.where(bends == 0, r.inner, points)
    y, derivative = (INTERVALS.arrays.floats(a) for a in value_and_slope(r.operation)(INTERVALS.arrays.data(points)))
    slopes = np.broadcast_to(middle_of(*derivative), points.shape)
    lower, upper = around(beside(points, y, slopes), slopes, derivative, (points - low, high - points))
    of_rows = LinearBounds1D(*(np.broadcast_to(a[:, None], points.shape) for a in vars(known).values()))
    below, above = (bends > 0) & np.isfinite(lower), (bends < 0) & np.isfinite(upper)
    return LinearBounds1D(
        np.where(below, slopes, of_rows.low_slope),
        np.where(below, lower, of_rows.low),
        np.where(above, slopes, of_rows.high_slope),
        np.where(above, upper, of_rows.high),
    )


def convex(r: Curve) -> LinearBounds1D:
    """Below, the tangent; above, the chord."""
    (tangent, below, _), (chord, _, above) = r.tangent, r.chord()
    return LinearBounds1D(tangent, below, chord, above)


def concave(r: Curve) -> LinearBounds1D:
    """Below, the chord; above, the tangent."""
    (tangent, _, above), (chord, below, _) = r.tangent, r.chord()
    return LinearBounds1D(chord, below, tangent, above)


TOUCHING = (1 / 2, 3 / 8, 1 / 4, 1 / 8)
"""Where a line through one end of a box may touch an s-shaped curve: at these parts of that end, on the other side of
0. That of a cubic touches at a half, and those of curves that level off before it."""


def s_shaped(r: Curve) -> LinearBounds1D:
    """Above, a tangent on the right of 0 that reaches the left end; below, one on the left that reaches the right end;
    where 0 is no inner point, lines are found as around what is convex or concave.
    """
    crossing = r.where((r.low < 0) & (r.high > 0))
    if not crossing.any_wide:
        return _constant(r)
    (slope, above), (other, below) = _touching(crossing, 1), _touching(crossing, -1)
    lines = LinearBounds1D(other, -below, slope, above)
    return lines if crossing.all_wide else lines.where(crossing.wide, _constant(r))


def _touching(r: Curve, sign: int) -> Ends:
    """The slope and the end of a line above g(t) = sign f(sign t), which is convex on [l, 0] and concave on [0, u].

    For any slope a and any p in [0, u]: on [0, u] g lies below its tangent at p, so that g(t) - a t is at most what is
    found around p; on [l, 0] it is convex, and greatest at l or 0. Of some p, the one whose line is lowest in the
    middle; at p = u, a line through both ends where that is flatter than the tangent.
    """
    low, high = (np.where(r.wide, end, other) for end, other in ((r.low, -1.0), (r.high, 1.0)))
    near, far = (low, high) if sign > 0 else (-high, -low)
    parts = -near * np.array(TOUCHING).reshape(-1, *(1,) * near.ndim)
    middle = np.where(r.wide, np.maximum(sign * r.middle, 0.0), 0.0)  # where the tangent is best if it reaches the end
    points = np.minimum(far, np.concatenate([parts, middle[None]]))
    y, derivative = value_and_slope(r.operation)(INTERVALS.arrays.data(sign * points))
    ends, derivatives = INTERVALS.arrays.floats(y), INTERVALS.arrays.floats(derivative)
    slopes = middle_of(*derivatives)
    slopes = np.where(points == far, np.minimum(slopes, r.chord()[0]), slopes)
    at_touch = beside(points, ends if sign > 0 else (-ends[1], -ends[0]), slopes)
    above = around(at_touch, slopes, derivatives, (points, far - points))[1]
    at_near = r.beside(slopes, 0)[1] if sign > 0 else -r.beside(slopes, 1)[0]
    above = np.maximum(above, at_near)
    best = np.argmin(slopes * (sign * r.middle) + above, axis=0)[None]
    return np.take_along_axis(slopes, best, axis=0)[0], np.take_along_axis(above, best, axis=0)[0]


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


def _chosen(where: Array, new: LinearBounds1D, old: LinearBounds1D) -> LinearBounds1D:
    """The new lines there, if they are lines; the old ones elsewhere."""
    low, high = where & np.isfinite(new.low), where & np.isfinite(new.high)
    return LinearBounds1D(
        np.where(low, new.low_slope, old.low_slope),
        np.where(low, new.low, old.low),
        np.where(high, new.high_slope, old.high_slope),
        np.where(high, new.high, old.high),
    )
