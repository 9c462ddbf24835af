"""Functions of `interval64` in bulk by their courses (`core.course`): at the ends of all boxes at once, as points."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from scalarspec.backends.interval import IntervalContext
from scalarspec.backends.interval.courses import BY_COURSE, minimum, place_of_minimum
from scalarspec.backends.interval64.ends import Ends, aligned, magnitude, signed, unbounded
from scalarspec.backends.interval64.functions import FunctionArrays, increasing
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.core.definitions import definition, is_defined
from scalarspec.core.domains import BY_WIDTH, beyond
from scalarspec.core.operation import Operation
from scalarspec.core.operations import OPERATIONS, forgotten_when_removed
from scalarspec.errors import DomainError, DomainUndecided
from scalarspec.numbers import error_functions
from scalarspec.numbers.dyadic import fraction
from scalarspec.numbers.elementary import Range
from scalarspec.numbers.exact import float_above, float_below, interval_text

BULK = {"log_ndtr": (-36.0, np.inf)}
"""Where definitions serve in float64, if not everywhere; beyond, the scalars do."""
SQUARES = (2.0**-450, 2.0**510)
"""The squares of numbers between these are normal numbers, and so are sums of two of them."""


class CourseArrays(FunctionArrays):
    """Steps, error functions, distances; those that have a course and a definition are added below."""

    def floor(self, x: Value) -> Value:
        return _stepped(np.ceil, np.floor, x)

    def ceil(self, x: Value) -> Value:
        return _stepped(np.floor, np.ceil, x)

    def trunc(self, x: Value) -> Value:
        return _stepped(np.trunc, np.trunc, x)

    def round(self, x: Value) -> Value:
        return _stepped(np.rint, np.rint, x)

    def copysign(self, x: Value, y: Value) -> Any:
        return definition(self, "copysign")(x, y)

    def erf(self, x: Value) -> Ends:
        return increasing("erf", error_functions.erf, error_functions.RANGES["erf"], x)

    def erfc(self, x: Value) -> Ends:
        """It rises with -x."""
        least, greatest, floor, cap, zero = error_functions.RANGES["erfc"]
        limits = Range(-greatest, -least, floor, cap, zero)
        return increasing("erfc", lambda t: error_functions.erfc(-t), limits, self.negative(x))

    def hypot(self, x: Value, y: Value) -> Value:
        """By squares; where these leave the range of float64, by the scalars."""
        a, b = np.broadcast_arrays(*aligned(ends_of(x), ends_of(y)))
        size = np.maximum(magnitude(a), magnitude(b))
        hard = ~((size <= SQUARES[1]) & ((size >= SQUARES[0]) | (size == 0)))
        result = ends_of(self.sqrt(self.add(self.square(np.where(hard, 0.0, a)), self.square(np.where(hard, 0.0, b)))))
        if np.any(hard):
            result[:, hard] = ends_of(self.elementwise("hypot", a[:, hard], b[:, hard]))
        return result


def _stepped(of_negated: Callable[[Any], Any], step: Callable[[Any], Any], x: Value) -> Value:
    """A step that rises, which is exact. of_negated: what it is of -x, negated."""
    if isinstance(x, Point):
        return Point(step(x.x))
    return np.stack((of_negated(x[0]), step(x[1])))


# ---- by courses -----------------------------------------------------------------------------------------------------


def by_course(arrays: CourseArrays, name: str, x: Value) -> Ends:
    """The range over boxes: the hull of the values at their ends, or of the limits where these are infinite or poles,
    and of the minimum where it may be in the box. What float64 cannot say is asked of the scalars.
    """
    line = OPERATIONS[name]
    course = line.course
    assert course is not None
    boxes, outside = _inside(arrays, line, ends_of(x))
    e = signed(unbounded(boxes))
    at_limit = ~np.isfinite(e)
    if line.border == "pole":
        at_limit |= (e == course.domain[0]) | (e == course.domain[1])
    least, greatest = BULK.get(name, course.domain)
    usable = ~at_limit & (e >= least) & (e <= greatest)
    values = ends_of(definition(arrays, name)(Point(np.where(usable, e, course.inner))))
    limits = np.array(course.limits).reshape(2, *(1,) * (e.ndim - 1))
    result = np.stack([np.where(at_limit, sign * limits, values[k]).max(axis=0) for k, sign in enumerate((-1, 1))])
    if course.turn is not None:
        first, last, bottom = _bottom(arrays.context, name)
        held = (e[0] <= last) & (e[1] >= first)
        result[0] = np.where(held, np.maximum(result[0], bottom), result[0])
    low, high = line.range or (-np.inf, np.inf)
    result = np.minimum(result, np.array((-low, high)).reshape(limits.shape))
    lost = ~(usable | at_limit).all(axis=0) | ~(at_limit.any(axis=0) | np.isfinite(result).all(axis=0))
    if lost.any():
        result[:, lost] = ends_of(arrays.elementwise(name, boxes[:, lost]))
    result[:, outside] = np.inf
    return np.asarray(result)


def _inside(arrays: CourseArrays, line: Operation, e: Ends) -> tuple[Ends, Any]:
    """The ends moved into the domain of a function, and which boxes lie outside of it. Raises DomainError, or
    DomainUndecided, unless `core.domains` lets that pass.
    """
    assert line.course is not None
    poles, (first, last) = line.border == "pole", line.course.domain
    low, high = map(np.asarray, arrays.floats(e))
    below, above = np.less_equal if poles else np.less, np.greater_equal if poles else np.greater
    outside = (below(high, first) if first > -np.inf else np.False_) | (
        above(low, last) if last < np.inf else np.False_
    )
    partly = (below(low, first) if first > -np.inf else np.False_) | (above(high, last) if last < np.inf else np.False_)
    outside, partly = np.broadcast_to(outside, low.shape), np.broadcast_to(partly & ~outside, low.shape)
    if not np.any(outside | partly):
        return e, outside
    need = line.course.need(poles)

    def error(index: tuple[int, ...]) -> DomainError:
        shown = f"{line.name}({interval_text(float(low[index]), float(high[index]))})"
        if outside[index]:
            return DomainError(f"{shown}: {need}")
        return DomainUndecided(f"{shown} at 53 bits: {need}, and {BY_WIDTH}")

    beyond(outside, partly, error)
    return np.where(partly, np.stack((np.minimum(e[0], -first), np.minimum(e[1], last))), e), outside


@forgotten_when_removed
@cache
def _bottom(context: IntervalContext, name: str) -> tuple[float, float, float]:
    """Floats below and above the place of the minimum, and minus a float that is at most the minimum."""
    first, last = place_of_minimum(name)
    return (
        float_below(fraction(*first)),
        float_above(fraction(*last)),
        -float_below(fraction(*minimum(context, name))),
    )


def _method(name: str) -> Callable[[CourseArrays, Value], Ends]:
    def method(self: CourseArrays, x: Value) -> Ends:
        return by_course(self, name, x)

    return method


for _name in BY_COURSE:
    if not hasattr(CourseArrays, _name) and is_defined(_name):
        setattr(CourseArrays, _name, _method(_name))
