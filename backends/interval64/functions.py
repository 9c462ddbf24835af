"""Elementary functions of `interval64` in bulk: certified values at the ends, and the margin for their error.

`scalarspec.numbers.elementary` gives values v of f(x) with |v - f(x)| <= ε|f(x)|, ε = ERROR u, and 2^-1074 more where
|v| < SMALL. Why fl(v + slack) >= f(x) and fl(slack - v) >= -f(x), for slack = fl((ERROR + 2) u |v|) and ERROR <= 38:

  1. |f(x)| <= |v| / (1 - ε), hence |v - f(x)| <= (ε + 2ε²) |v| < (ERROR + 1/4) u |v|.
  2. slack >= (1 - u) (ERROR + 2) u |v| > (ERROR + 7/4) u |v|.
  3. fl(v + slack) >= v + slack - u (|v| + slack) > v + (ERROR + 1/2) u |v|, which with step 1 is above f(x).
  4. Where |v| < SMALL, and f(x) is not an exact 0, 2^-1074 is added for underflow.

A function that is monotone on pieces takes its extremes at the ends of these. Beyond the range in which values are
computed, its floor and its cap bound it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.backends.interval64.arithmetic import FieldArrays
from scalarspec.backends.interval64.ends import (
    COLUMNS,
    LARGEST,
    LAST,
    SMALL,
    Ends,
    FloatArray,
    arrayed,
    magnitude,
    mignitude,
    signed,
)
from scalarspec.backends.interval64.point import Value, ends_of
from scalarspec.core.domains import BY_WIDTH, beyond
from scalarspec.errors import DomainError, DomainUndecided
from scalarspec.numbers import elementary, error_functions
from scalarspec.numbers.elementary import ERROR, RANGES, Range, U
from scalarspec.numbers.exact import interval_text
from scalarspec.numbers.recorded import usual

LOWEST, HIGHEST = np.array(elementary.SMALLEST_EXPONENT), np.array(elementary.LARGEST_EXPONENT)
"""exp is computed between these."""
LIMITS = {name: Range(np.array(r.least), np.array(r.greatest), r.floor, r.cap, r.zero) for name, r in RANGES.items()}
"""`elementary.RANGES` with arrays of shape (), with which NumPy is faster."""
SLACKS = {name: np.array((error + 2) * U) for name, error in {**ERROR, **error_functions.ERROR}.items()}
"""The slack over |v| of each function."""


class FunctionArrays(FieldArrays):
    """Functions that are increasing, that have one valley, and waves. Others are in `courses`, or go by the scalars."""

    # ---- increasing functions ---------------------------------------------------------------------------------------

    def exp(self, x: Value) -> Ends:
        return _increasing("exp", x)

    def expm1(self, x: Value) -> Ends:
        return _increasing("expm1", x)

    def log(self, x: Value) -> Ends:
        return _increasing("log", self.log_domain(x))

    def log1p(self, x: Value) -> Ends:
        return _increasing("log1p", self.log1p_domain(x))

    def sqrt(self, x: Value) -> Ends:
        """NumPy's √, which IEEE 754 wants rounded right."""
        e = signed(ends_of(self._above(-LAST, 0.0, x, "sqrt", "the square root needs a non-negative interval")))
        return widened("sqrt", np.sqrt(e), e)

    def tanh(self, x: Value) -> Ends:
        return _increasing("tanh", x)

    def sigmoid(self, x: Value) -> Ends:
        return _increasing("sigmoid", x)

    def softplus(self, x: Value) -> Ends:
        return _increasing("softplus", x)

    def sinh(self, x: Value) -> Ends:
        return _increasing("sinh", x)

    def log_domain(self, x: Value) -> Value:
        """x, if all of it has a logarithm."""
        return self._above(0.0, np.inf, x, "log", "the logarithm needs a positive interval")

    def log1p_domain(self, x: Value) -> Value:
        """x, if all of 1 + x has a logarithm."""
        return self._above(-1.0, np.inf, x, "log1p", "log(1 + x) needs an interval above -1")

    def _above(self, pole: Any, edge: float, x: Value, name: str, need: str) -> Value:
        """x, if all of it lies above a number; else what `core.domains` lets pass, or its error.

        edge: minus the lower end of what lies above it; ∞ where that is not in the domain.
        """
        low, high = map(arrayed, self.floats(x))
        if np.all(low > pole):
            return x
        partly, outside = ~(low > pole) & (high > pole), ~(high > pole)

        def error(index: tuple[int, ...]) -> DomainError:
            shown = interval_text(float(low[index]), float(high[index]))
            if outside[index]:
                return DomainError(f"{name}({shown}): {need}")
            return DomainUndecided(f"{name}({shown}) at 53 bits: {need}, and {BY_WIDTH}")

        beyond(outside, partly, error)
        e = np.array(ends_of(x))
        np.copyto(e[0, ...], edge, where=partly)
        np.copyto(e, np.inf, where=outside)
        return e

    # ---- functions with one valley ----------------------------------------------------------------------------------

    def expm1mx(self, x: Value) -> Ends:
        """Falling on the negative axis, rising on the positive one, 0 at 0; beyond the range, as eˣ - 1 less x."""
        e = signed(ends_of(x))
        inside = np.logical_and.reduce
        if not (inside(e >= LOWEST, axis=None) and inside(e <= HIGHEST, axis=None)):
            result = ends_of(self.subtract(self.expm1(x), x))
            np.fmin(result[0, ...], 0.0, out=result[0, ...])
            return result
        values = elementary.expm1mx(e)
        slack = slack_of("expm1mx", values, e)
        result = np.empty_like(e)
        np.maximum.reduce(values + slack, axis=0, out=result[1, ...])
        np.maximum.reduce(slack - values, axis=0, out=result[0, ...])
        np.copyto(result[0, ...], 0.0, where=(e[0] <= 0) & (e[1] >= 0))
        np.minimum(result[0, ...], 0.0, out=result[0, ...])
        return result

    def cosh(self, x: Value) -> Ends:
        return _valley("cosh", x, HIGHEST, floor=1.0)

    def logcosh(self, x: Value) -> Ends:
        return _valley("logcosh", x, LARGEST, floor=0.0)

    # ---- waves ------------------------------------------------------------------------------------------------------

    def sin(self, x: Value) -> Ends:
        return self._wave("sin", x, 0.5)

    def cos(self, x: Value) -> Ends:
        return self._wave("cos", x, 0.0)

    def _wave(self, name: str, x: Value, phase: float) -> Ends:
        """From the ends and the extremes; angles beyond LARGEST_ANGLE by the scalars, which reduce any."""
        e = signed(ends_of(x))
        known = (e[0] >= -elementary.LARGEST_ANGLE) & (e[1] <= elementary.LARGEST_ANGLE)
        inside = np.where(known, e, 0.0)
        values = getattr(elementary, name)(inside)
        error = slack_of(name, values, inside)
        error = error + np.where(np.abs(inside) < elementary.ANGLE_EXACT, 0.0, 2 * elementary.ANGLE_ERROR)
        lowest, highest = _extremes(inside, phase)
        result = np.empty_like(e)
        np.minimum(np.maximum.reduce(error - values, axis=0), 1.0, out=result[0, ...])
        np.minimum(np.maximum.reduce(error + values, axis=0), 1.0, out=result[1, ...])
        np.copyto(result[0, ...], 1.0, where=~known | lowest)
        np.copyto(result[1, ...], 1.0, where=~known | highest)
        far = ~known & np.isfinite(e).all(axis=0)
        if far.any():
            result[:, far] = ends_of(self.elementwise(name, ends_of(x)[:, far]))
        return result


def slack_of(name: str, values: FloatArray, x: FloatArray, zero: float = 0.0, floor: float = -np.inf) -> FloatArray:
    """What is to be added to values of a function of `elementary` at x, by the steps of this file.

    zero: the float at which the function is exactly 0, if it is at any; floor: none of the values lies below.
    """
    sizes = values if floor >= 0 else np.abs(values)
    slack: FloatArray = sizes * SLACKS[name]
    if not usual(sizes >= SMALL):
        slack += LAST * ((sizes != 0) | (sizes < SMALL) & (x != zero))
    return slack


def widened(name: str, values: FloatArray, x: FloatArray, zero: float = 0.0, floor: float = -np.inf) -> Ends:
    """Ends around values of a function of `elementary` at x: its infimum and its supremum."""
    ends = slack_of(name, values, x, zero, floor)
    ends += values * COLUMNS[values.ndim - 1]
    return ends


def _increasing(name: str, x: Value) -> Ends:
    """One of `elementary.RANGES`."""
    return increasing(name, getattr(elementary, name), LIMITS[name], x)


def increasing(name: str, kernel: Callable[[FloatArray], FloatArray], limits: Range, x: Value) -> Ends:
    """A function that rises, by its values at the ends. limits: where it is computed, and what bounds it elsewhere."""
    least, greatest, floor, cap, zero = limits
    e = signed(ends_of(x))
    inside, all_inside = _moved(e, least, greatest)
    result = widened(name, kernel(inside), inside, zero, floor)
    if not all_inside:  # also where x is unknown
        np.copyto(result[0, ...], -floor, where=~(e[0] >= least))
        np.copyto(result[1, ...], cap, where=~(e[1] <= greatest))
    if floor > -np.inf and floor != 0:  # what lies above 0 is larger than its slack
        np.minimum(result[0, ...], -floor, out=result[0, ...])
    if cap < np.inf:
        np.minimum(result[1, ...], cap, out=result[1, ...])
    return result


def _valley(name: str, x: Value, limit: Any, floor: float) -> Ends:
    """An even function that rises with |x| from `floor`; beyond the limit, perhaps ∞."""
    e = ends_of(x)
    sizes = np.stack((mignitude(e), magnitude(e)))
    inside, all_inside = _moved(sizes, 0.0, limit)
    result = widened(name, getattr(elementary, name)(inside), inside)
    np.fmin(result[0, ...], -floor, out=result[0, ...])
    if not all_inside:
        np.copyto(result[1, ...], np.inf, where=~(sizes[1] <= limit))
    return result


def _moved(x: FloatArray, least: Any, greatest: Any) -> tuple[FloatArray, bool]:
    """x moved into the range of a function; and was it all there before?"""
    if usual(x >= least) and usual(x <= greatest):
        return x, True
    return np.minimum(np.maximum(x, least), greatest), False


def _extremes(x: FloatArray, phase: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where cos(t - phase π) may be -1, and where it may be 1, for some t between x[0] and x[1].

    Extremes lie where t/π - phase is an integer: 1 at the even ones, -1 at the odd ones.

    1. fl(fl(x / fl(π)) - phase) is off by at most 4u (|x/π| + 1): π, the quotient and the difference are each off by u.
    2. Twice that is the slack; so each integer in the exact range lies in the widened one.
    3. Two integers or more: both extremes. One: by its parity.
    """
    turns = x / np.pi - phase
    slack = (np.abs(turns) + 1) * (8 * U)
    first, last = np.ceil(turns[0] - slack[0]), np.floor(turns[1] + slack[1])
    several, odd = first < last, np.mod(first, 2.0) != 0
    one = first == last
    return several | (one & odd), several | (one & ~odd)
