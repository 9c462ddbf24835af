"""Rigorous intervals with float64 ends, in NumPy arrays. Promise: every result contains the exact real value.

The scalars are those of `interval` at 53 bits; this file is how many of them are held and mapped in bulk. A value is
an array `ends` of shape (2, *shape), which holds -inf and sup (so that to round outward is to round up, for both, and
to negate is to swap), or a `Point`, an array of floats that stands for itself. An end that is +∞ or NaN means that no
bound is known; -∞ never occurs as an end, since whatever would give it gives NaN.

What encloses, and why. u = 2^-53; all rests on IEEE 754's + - × ÷ √, comparisons and bit patterns.

    + -            what a sum of floats has lost is a float (two-sum); where it is positive, s + 2u|s| lies above
    × ÷            off by half a last place: s + 2u|s| lies above, plus 2^-1074 where it may have underflowed
    √ exp log ...  `numbers.elementary`, whose relative errors are proved, at both ends of pieces on which the
                   function is monotone, and its error added
    sums           any order of n terms is off by at most (n - 1) u Σ|x| (1 + small); 2 (n + 2) u is added
    affine matmul  midpoint and radius (Rump 1999): for x within r of m, W x lies within |W| (r + γ|m|) of BLAS's W m,
                   γ = (n + 16) u, which holds for every order of summation and with FMA; the same bound once more pays
                   for the radius product; 2^-900, and 2^-960 in r, for underflow. Large |W| are held in float32,
                   rounded up.
    other          tan atan erf, real powers, division by what contains 0: scalar by scalar, as `interval` does it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property, partial
from importlib.util import find_spec
from math import prod
from threading import local
from typing import Any

import numpy as np

from scalarspec.backends.interval import IntervalContext
from scalarspec.core.arrays import Arrays, LiftedArrays, lift
from scalarspec.core.context import DERIVED, PRIMITIVES
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.core.truth import Maybe
from scalarspec.errors import ArgumentError, DivisionByZero, DomainError
from scalarspec.numbers import elementary, environment
from scalarspec.numbers.dyadic import INF, MINUS_INF
from scalarspec.numbers.elementary import BLOCK, ERROR, U
from scalarspec.numbers.exact import as_array, float_above, float_below, holds_floats, interval_text

Ends = np.ndarray[Any, Any]
FloatArray = np.ndarray[Any, Any]

SMALL, TINY, LAST, LARGEST = map(np.array, (elementary.SMALL, elementary.TINY, elementary.LAST, elementary.LARGEST))
TWO_U, FOUR_U = np.array(2 * U), np.array(4 * U)
KEPT = 1 << 12
"""So many points keep their ends."""
SINGLE_FROM, SINGLE_LENGTH = 1 << 14, 1 << 11
"""|W| is held in float32 from that many weights on, and up to that many columns: looser by at most 1.3e-4."""


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
        known = all(holds_floats(end) or all(type(x) is Fraction for x in end.flat) for end in (low, high))
        if self.lifted or not known or low.shape != high.shape or not np.all(low <= high):
            return super().box(lower, upper)  # which names what is wrong, if anything is
        below, above = _floats(low, float_below), _floats(high, float_above)
        return Tensor(self, Shape(low.shape), np.stack((-below, above)))


def _floats(end: np.ndarray[Any, Any], rounded: Callable[[Any], float]) -> FloatArray:
    """Floats as they are, others rounded."""
    return (end if holds_floats(end) else lift(rounded, end)).astype(np.float64)


class Point:
    """Floats that stand for themselves: weights, data, literals."""

    __slots__ = ("_ends", "_magnitudes", "_shifts", "x")

    def __init__(self, x: Any) -> None:
        self.x = np.asarray(x)
        self._magnitudes: FloatArray | None = None
        self._ends: Ends | None = None
        self._shifts: bool | None = None

    @property
    def size(self) -> int:
        """How many."""
        return int(self.x.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        return tuple(self.x.shape)

    def __reduce__(self) -> Any:
        return Point, (self.x,)

    def magnitudes(self) -> FloatArray:
        """|x|; of many, in float32, rounded up."""
        if self._magnitudes is None:
            single = self.x.size >= SINGLE_FROM and self.x.shape[1] <= SINGLE_LENGTH
            self._magnitudes = _single_above(np.abs(self.x)) if single else np.abs(self.x)
        return self._magnitudes

    def ends(self) -> Ends:
        """-x and x; kept where they are few."""
        if self._ends is not None:
            return self._ends
        result = np.empty((2, *self.x.shape))
        np.negative(self.x, out=result[0, ...])
        result[1] = self.x
        if self.x.size <= KEPT:
            self._ends = result
        return result

    def shifts(self) -> bool:
        """Are all of them powers of two, or less one's sign?"""
        if self._shifts is None:
            self._shifts = bool((np.abs(np.frexp(self.x)[0]) == 0.5).all())
        return self._shifts

    @property
    def nbytes(self) -> int:
        """The memory that is held."""
        return sum([a.nbytes for a in (self.x, self._magnitudes, self._ends) if a is not None])

    def bound(self, t: FloatArray) -> FloatArray:
        """At least |x| @ t (or t @ |x|ᵀ for rows t) / (1 + 2(n + 8) u), for t >= 0; the caller adds TINY.

        What t held is lost.
        """
        magnitude = self.magnitudes()
        if magnitude.dtype == np.float64:
            return np.asarray(np.dot(magnitude, t) if t.ndim == 1 else np.dot(t, magnitude.T))
        n = self.x.shape[1]
        scale = np.maximum(np.maximum.reduce(t, axis=-1, keepdims=True, initial=0.0), TINY)
        t /= scale
        t += 2.0**-60  # no term of the product is subnormal, but for a |x| below 2^-66
        rows = t.astype(np.float32)
        rows *= np.float32(1 + 2.0**-22)
        product = np.dot(magnitude, rows) if t.ndim == 1 else np.dot(rows, magnitude.T)
        product += np.float32(n * 2.0**-120)
        return np.asarray(product * (scale * (1 + (n + 16) * 2.0**-23)))


Value = Ends | Point


def _single_above(x: FloatArray) -> FloatArray:
    """float32s at least as large as the x >= 0, and no subnormal ones."""
    single = x.astype(np.float32) * np.float32(1 + 2.0**-22)
    return np.where((x > 0) & (single < 2.0**-126), np.float32(2.0**-126), single)


def ends_of(x: Value) -> Ends:
    """-inf and sup."""
    return x.ends() if type(x) is Point else x  # type: ignore[return-value]


COLUMNS = [np.array([-1.0, 1.0]).reshape(2, *(1,) * n) for n in range(32)]
"""Minus for the lower ends, by the number of axes."""


def signed(x: Ends) -> FloatArray:
    """inf and sup."""
    return np.asarray(np.multiply(x, COLUMNS[x.ndim - 1]))


def up_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The least floats that are at least a + b, nearly; and what rounding lost, exactly (Knuth's two-sum)."""
    s = np.asarray(a + b)
    back = s - a
    lost = (a - (s - back)) + (b - back)
    above = np.abs(s)
    above *= TWO_U
    above *= lost > 0
    above += s
    return above, lost


def up_product(s: FloatArray, least: Callable[[], float], mended: Callable[[], FloatArray] | None = None) -> FloatArray:
    """At least the products or quotients that s rounds; least() is below the size of each that is not 0.

    mended() is s where 0 has met an end that is not known. No NaN ever passes for a number that is large enough.
    """
    above = np.abs(s)
    smallest = np.minimum.reduce(above, axis=None, initial=np.inf)
    large = smallest >= SMALL
    if not large:
        if mended is not None and np.isnan(smallest):
            s = mended()
            above = np.abs(s)
        large = least() >= SMALL
    if large:
        above *= TWO_U
    else:
        above = np.where(above < SMALL, LAST + above * (2 * U), above * (2 * U))
    above += s
    return above


def least_size(x: Value) -> float:
    """The smallest nonzero |x|, or ∞. What is not known has no size."""
    size = np.abs(x.x if isinstance(x, Point) else x)
    return float(np.min(size, where=size > 0, initial=np.inf))


def greatest_size(x: Value) -> float:
    """The largest finite |x|, or 0."""
    size = np.abs(x.x if isinstance(x, Point) else x)
    return float(np.max(size, where=np.isfinite(size), initial=0.0))


def least_quotient(x: Value, y: Value) -> float:
    """Below the size of each x / y that is not 0, by ends that are known."""
    divisor = greatest_size(y)
    return least_size(x) / divisor if divisor else np.inf


def unbounded(e: Ends) -> Ends:
    """The same ends, +∞ wherever none is known."""
    return np.where(np.isnan(e), np.inf, e)


def product_of(x: FloatArray, y: FloatArray) -> FloatArray:
    """x y; 0 times an infinite end is 0, since it stands for reals."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


def quotient_of(x: FloatArray, y: FloatArray) -> FloatArray:
    """x / y; over an infinite end, 0."""
    return np.where((x == 0) | np.isinf(y), 0.0, x / y)


def aligned(*values: Ends) -> list[Ends]:
    """Ends of shape () beside others: with as many axes."""
    dimensions = max(e.ndim for e in values)
    return [e if e.ndim == dimensions else e.reshape(len(e), *(1,) * (dimensions - 1)) for e in values]


def magnitude(e: Ends) -> FloatArray:
    """The largest |x|."""
    return np.asarray(np.maximum(e[0], e[1]))


def mignitude(e: Ends) -> FloatArray:
    """The smallest |x|."""
    return np.asarray(-np.fmin(np.fmin(e[0], e[1]), 0.0))


def slack_of(name: str, values: FloatArray, x: FloatArray) -> FloatArray:
    """More than the error of the values of a function of `elementary` at x."""
    sizes = np.abs(values)
    slack = np.asarray(sizes * SLACKS[name])
    if np.fmin.reduce(sizes, axis=None, initial=np.inf) < SMALL:
        slack += LAST * ((sizes != 0) | (sizes < SMALL) & (x != (1.0 if name == "log" else 0.0)))
    return slack


def widened(name: str, values: FloatArray, x: FloatArray) -> Ends:
    """Ends around the values of a function of `elementary` at x, its infimum and its supremum."""
    ends = slack_of(name, values, x)
    ends += values * COLUMNS[values.ndim - 1]
    return ends


def moved(x: FloatArray, least: Any, greatest: Any) -> tuple[FloatArray, bool]:
    """x moved into the range of a function; and was it all there before?"""
    inside = np.minimum(np.maximum(x, least), greatest)
    return inside, not (inside != x).any()


class Interval64Arrays(Arrays):
    """Values are `Ends` or `Point`; truths are arrays of bool, or of objects where some are undecided."""

    context: Interval64Context

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Without NumPy's warnings: overflow gives an unknown end, which is an answer."""
        environment.check()
        return environment.quiet(function, *values, **parameters)

    def function(self, operation: str) -> Callable[..., Any]:
        """An elementwise operation on many elements is done part by part."""
        method = super().function(operation)
        return _blocked(method) if operation in _NUMERIC else method

    # ---- in and out -------------------------------------------------------------------------------------------------

    def elementwise(self, operation: str, *values: Any) -> Any:
        """An operation that has no bulk form: by the scalars."""
        scalars = [self.unpack(value) for value in values]
        packed: Value = self.pack(lift(getattr(self.context, operation), *scalars))
        return packed

    def data(self, array: np.ndarray[Any, Any]) -> Value:
        environment.check()
        if holds_floats(array):
            return Point(array.astype(np.float64))
        packed: Value = self.pack(lift(self.context.data, array))
        return packed

    def pack(self, scalars: np.ndarray[Any, Any]) -> Any:
        environment.check()
        if scalars.size and isinstance(scalars.flat[0], bool | Maybe):
            return _decided(scalars)
        result = np.empty((2, *scalars.shape))
        for index, scalar in np.ndenumerate(scalars):
            low, high = self.context.endpoints(scalar)
            result[(0, *index)], result[(1, *index)] = -float_below(low), float_above(high)
        points = np.array_equal(-result[0], result[1]) and not np.isinf(result).any()
        return Point(result[1]) if points else result

    def unpack(self, value: Any) -> np.ndarray[Any, Any]:
        if type(value) is np.ndarray and value.dtype != np.float64:
            return value.astype(object)
        low, high = signed(ends_of(value))
        scalars = np.empty(np.shape(low), dtype=object)
        for index, a in np.ndenumerate(low):
            scalars[index] = (*_end(a, MINUS_INF), *_end(high[index], INF))
        return scalars

    def floats(self, value: Value) -> tuple[FloatArray, FloatArray]:
        low, high = signed(ends_of(value))
        return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)

    # ---- structure --------------------------------------------------------------------------------------------------

    def getitem(self, x: Any, index: tuple[Any, ...]) -> Any:
        return _structural(x, lambda a: a[(*index, ...)], lambda e: e[(slice(None), *index, ...)])

    def scatter(self, x: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        result = np.zeros((2, *shape))
        result[(slice(None), *index, ...)] = ends_of(x)
        return result

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        return _structural(x, lambda a: np.reshape(a, shape), lambda e: e.reshape(2, *shape))

    def matrix_transpose(self, x: Any) -> Any:
        return _structural(x, *[lambda a: np.swapaxes(a, -1, -2)] * 2)

    def broadcast_to(self, x: Any, shape: tuple[int, ...]) -> Any:
        def spread(e: Ends) -> Ends:
            padding = (1,) * (len(shape) - e.ndim + 1)
            return np.broadcast_to(e.reshape(2, *padding, *e.shape[1:]), (2, *shape))

        return _structural(x, lambda a: np.broadcast_to(a, shape), spread)

    def stack(self, *values: Any, axis: int = 0) -> Any:
        if all(type(value) is Point for value in values):
            return Point(np.stack([value.x for value in values], axis))
        return np.stack([ends_of(value) for value in values], axis + 1)

    # ---- the field --------------------------------------------------------------------------------------------------

    def add(self, x: Value, y: Value) -> Value:
        if isinstance(x, Point) and isinstance(y, Point):
            s, lost = up_sum(x.x, y.x)
            if not lost.any():
                return Point(s)
        return up_sum(*aligned(ends_of(x), ends_of(y)))[0]

    def subtract(self, x: Value, y: Value) -> Value:
        return self.add(x, self.negative(y))

    def negative(self, x: Value) -> Value:
        return Point(-x.x) if isinstance(x, Point) else np.asarray(x[::-1])

    def multiply(self, x: Value, y: Value) -> Value:
        def least() -> float:
            return least_size(x) * least_size(y)

        if isinstance(x, Point):
            if isinstance(y, Point) and (exact := _exact_product(x.x, y.x)) is not None:
                return Point(exact)
            x, y = y, x
        if isinstance(y, Point):
            e = ends_of(x)
            product = _scaled(e, y, np.multiply)
            if _is_shift(e, product, y):
                return product
            return up_product(product, least, lambda: _scaled(e, y, product_of))
        ends = aligned(ends_of(x), ends_of(y))
        return up_product(_corners(np.multiply, *ends), least, lambda: _corners(product_of, *map(unbounded, ends)))

    def divide(self, x: Value, y: Value) -> Value:
        """By what contains 0: as the scalars do it."""
        if isinstance(y, Point) and y.x.all():
            e = ends_of(x)
            quotient = _scaled(e, y, np.divide)
            if _is_shift(e, quotient, y):
                return quotient
            return up_product(quotient, lambda: least_quotient(x, y))
        e, divisor = np.broadcast_arrays(*aligned(ends_of(x), ends_of(y)))
        hard = ~((divisor[0] < 0) | (divisor[1] < 0))
        if hard.any():
            return self._divide_some(e, divisor, hard)
        return up_product(
            _corners(np.divide, e, divisor),
            lambda: least_quotient(e, divisor),
            lambda: _corners(quotient_of, unbounded(e), unbounded(divisor)),
        )

    def _divide_some(self, x: Ends, y: Ends, hard: np.ndarray[Any, Any]) -> Ends:
        """By what may contain 0, one by one; the others in bulk."""
        if np.any(hard & (y == 0).all(axis=0)):
            raise DivisionByZero("divide: division by zero")
        result = np.empty(x.shape)
        result[:, hard] = ends_of(self.elementwise("divide", x[:, hard], y[:, hard]))
        result[:, ~hard] = ends_of(self.divide(x[:, ~hard], y[:, ~hard]))
        return result

    def reciprocal(self, x: Value) -> Value:
        return self.divide(Point(np.float64(1.0)), x)

    def square(self, x: Value) -> Value:
        if isinstance(x, Point) and (exact := _exact_product(x.x, x.x)) is not None:
            return Point(exact)
        e = ends_of(x)
        low, high = mignitude(e), magnitude(e)
        s = np.empty((2, *np.shape(low)))
        np.multiply(low, -low, out=s[0, ...])
        np.multiply(high, high, out=s[1, ...])
        result = up_product(s, lambda: least_size(x) ** 2)
        np.fmin(result[0, ...], 0.0, out=result[0, ...])
        return result

    def pow(self, x: Value, y: Value) -> Any:
        """Small integer powers by products; others as the scalars do it."""
        n = float(y.x) if type(y) is Point and np.ndim(y.x) == 0 else 0.5
        if not (n.is_integer() and 1 <= n <= 64):
            return self.elementwise("pow", x, y)
        if n % 2 == 0:
            return self._product_of(self.abs(x), int(n))
        e = signed(unbounded(ends_of(x)))
        sizes = ends_of(self._product_of(Point(np.abs(e)), int(n)))  # of |inf| and of |sup|
        low, high = np.where(e < 0, sizes[::-1], sizes).swapaxes(0, 1)
        return np.stack((low[0], high[1]))

    def _product_of(self, x: Value, n: int) -> Value:
        """xⁿ for x >= 0, where every product is increasing."""
        if n == 1:
            return x
        even = self._product_of(self.square(x), n // 2)
        return self.multiply(even, x) if n % 2 else even

    # ---- order ------------------------------------------------------------------------------------------------------

    def less(self, x: Value, y: Value) -> np.ndarray[Any, Any]:
        a, b = aligned(ends_of(x), ends_of(y))
        return self._relation("<", np.asarray(a[1] < -b[0]), np.asarray(-a[0] >= b[1]), x, y)

    def less_equal(self, x: Value, y: Value) -> np.ndarray[Any, Any]:
        a, b = aligned(ends_of(x), ends_of(y))
        return self._relation("<=", np.asarray(a[1] <= -b[0]), np.asarray(-a[0] > b[1]), x, y)

    def _relation(self, symbol: str, true: Any, false: Any, x: Value, y: Value) -> np.ndarray[Any, Any]:
        if np.all(true | false):
            return np.asarray(true)
        left, right = (np.broadcast_to(self.unpack(v), true.shape) for v in (x, y))
        truths = np.array(true, dtype=object)
        for index in np.argwhere(~(true | false)):
            truths[*index] = Maybe(self.context, symbol, left[*index], right[*index])
        return truths

    def equal(self, x: Value, y: Value) -> np.ndarray[Any, Any]:
        return self.logical_and(self.less_equal(x, y), self.less_equal(y, x))

    def logical_not(self, p: Any) -> np.ndarray[Any, Any]:
        return self._logical(np.logical_not, "logical_not", p)

    def logical_and(self, p: Any, q: Any) -> np.ndarray[Any, Any]:
        return self._logical(np.logical_and, "logical_and", p, q)

    def logical_or(self, p: Any, q: Any) -> np.ndarray[Any, Any]:
        return self._logical(np.logical_or, "logical_or", p, q)

    def _logical(self, decided: Callable[..., Any], operation: str, *truths: Any) -> np.ndarray[Any, Any]:
        if all(p.dtype == bool for p in truths):
            return np.asarray(decided(*truths))
        return _decided(lift(getattr(self.context, operation), *(p.astype(object) for p in truths)))

    def where(self, p: Any, x: Value, y: Value) -> Ends:
        """The hull of both branches where p is undecided."""
        a, b = aligned(ends_of(x), ends_of(y))
        a, b, _ = aligned(a, b, np.empty((2, *p.shape)))
        if p.dtype == bool:
            return np.where(p, a, b)
        undecided = lift(lambda q: isinstance(q, Maybe), p).astype(bool)
        true = lift(lambda q: q is True, p).astype(bool)
        return np.where(undecided, np.maximum(a, b), np.where(true, a, b))

    def maximum(self, x: Value, y: Value) -> Ends:
        return _extreme(np.fmin, np.maximum, x, y)

    def minimum(self, x: Value, y: Value) -> Ends:
        return _extreme(np.maximum, np.fmin, x, y)

    def abs(self, x: Value) -> Value:
        if isinstance(x, Point):
            return Point(np.abs(x.x))
        return np.stack((-mignitude(x), magnitude(x)))

    def clip(self, x: Value, lower: Value, upper: Value) -> Ends:
        return self.minimum(self.maximum(x, lower), upper)

    def relu(self, x: Value) -> Value:
        if isinstance(x, Point):
            return Point(np.maximum(x.x, 0.0))
        result = np.empty(x.shape)
        np.fmin(x[0], 0.0, out=result[0, ...])
        np.maximum(x[1], 0.0, out=result[1, ...])
        return result

    def leaky_relu(self, x: Value, slope: Value) -> Value:
        return self.add(self.relu(x), self.multiply(slope, self.minimum(x, Point(np.float64(0.0)))))

    def heaviside(self, x: Value) -> Ends:
        e = ends_of(x)
        return np.stack((np.where(e[0] < 0, -1.0, 0.0), np.where(e[1] <= 0, 0.0, 1.0)))

    def sign(self, x: Value) -> Value:
        return self.subtract(self.heaviside(x), self.heaviside(self.negative(x)))

    # ---- elementary functions ---------------------------------------------------------------------------------------

    def exp(self, x: Value) -> Ends:
        return self._increasing("exp", x)

    def expm1(self, x: Value) -> Ends:
        return self._increasing("expm1", x)

    def log(self, x: Value) -> Ends:
        return self._increasing("log", self._above(0.0, "log", x))

    def log1p(self, x: Value) -> Ends:
        return self._increasing("log1p", self._above(-1.0, "log1p", x))

    def sqrt(self, x: Value) -> Ends:
        e = signed(ends_of(self._above(-LAST, "sqrt", x)))
        return widened("sqrt", np.sqrt(e), e)

    def tanh(self, x: Value) -> Ends:
        return self._increasing("tanh", x)

    def sigmoid(self, x: Value) -> Ends:
        return self._increasing("sigmoid", x)

    def softplus(self, x: Value) -> Ends:
        return self._increasing("softplus", x)

    def sinh(self, x: Value) -> Ends:
        return self._increasing("sinh", x)

    def _increasing(self, name: str, x: Value) -> Ends:
        """One of `elementary.RANGES`."""
        least, greatest, floor, cap = LIMITS[name]
        e = signed(ends_of(x))
        inside, all_inside = moved(e, least, greatest)
        result = widened(name, getattr(elementary, name)(inside), inside)
        if not all_inside:  # also where x is unknown
            np.copyto(result[0, ...], -floor, where=~(e[0] >= least))
            np.copyto(result[1, ...], cap, where=~(e[1] <= greatest))
        if floor > -np.inf:
            np.minimum(result[0, ...], -floor, out=result[0, ...])
        if cap < np.inf:
            np.minimum(result[1, ...], cap, out=result[1, ...])
        return result

    def _above(self, pole: Any, name: str, x: Value) -> Value:
        """x, if all of it lies above a number, else DomainError."""
        low, high = map(np.asarray, self.floats(x))
        if not np.all(low > pole):
            index = np.unravel_index(np.argmax(~(low > pole)), low.shape)
            shown = interval_text(float(low[index]), float(high[index]))
            raise DomainError(f"{name}({shown}): {_DOMAINS[name]}")
        return x

    def expm1mx(self, x: Value) -> Ends:
        """Falling on the negative axis, rising on the positive one, 0 at 0; beyond the range, as eˣ - 1 less x."""
        e = signed(ends_of(x))
        inside, all_inside = moved(e, LOWEST, HIGHEST)
        if not all_inside:
            result = ends_of(self.subtract(self.expm1(x), x))
            np.fmin(result[0, ...], 0.0, out=result[0, ...])
            return result
        values = elementary.expm1mx(inside)
        slack = slack_of("expm1mx", values, inside)
        result = np.empty(e.shape)
        np.maximum.reduce(values + slack, axis=0, out=result[1, ...])
        np.maximum.reduce(slack - values, axis=0, out=result[0, ...])
        np.copyto(result[0, ...], 0.0, where=(e[0] <= 0) & (e[1] >= 0))
        np.minimum(result[0, ...], 0.0, out=result[0, ...])
        return result

    def cosh(self, x: Value) -> Ends:
        return self._valley("cosh", x, HIGHEST, floor=1.0)

    def logcosh(self, x: Value) -> Ends:
        return self._valley("logcosh", x, LARGEST, floor=0.0)

    def _valley(self, name: str, x: Value, limit: Any, floor: float) -> Ends:
        """An even function that rises with |x| from `floor`; beyond the limit, perhaps ∞."""
        e = ends_of(x)
        sizes = np.stack((mignitude(e), magnitude(e)))
        inside, all_inside = moved(sizes, 0.0, limit)
        result = widened(name, getattr(elementary, name)(inside), inside)
        np.fmin(result[0, ...], -floor, out=result[0, ...])
        if not all_inside:
            np.copyto(result[1, ...], np.inf, where=~(sizes[1] <= limit))
        return result

    def sin(self, x: Value) -> Ends:
        return self._wave("sin", x, 0.5)

    def cos(self, x: Value) -> Ends:
        return self._wave("cos", x, 0.0)

    def _wave(self, name: str, x: Value, phase: float) -> Ends:
        """From the ends and the extremes, which lie where x/π - phase is an integer: even for 1, odd for -1.

        x/π is computed to 4 u |x/π| + 2^-1074; an extreme is taken to lie in x wherever it may.
        """
        e = signed(ends_of(x))
        known = (e[0] >= -elementary.LARGEST_ANGLE) & (e[1] <= elementary.LARGEST_ANGLE)
        inside = np.where(known, e, 0.0)
        values, turns = getattr(elementary, name)(inside), inside / np.pi - phase
        slack = (np.abs(turns) + 1) * (8 * U)
        first, last = np.ceil(turns[0] - slack[0]), np.floor(turns[1] + slack[1])
        several, odd = first < last, np.mod(first, 2.0) != 0
        error = slack_of(name, values, inside)
        error = error + np.where(np.abs(inside) < elementary.ANGLE_EXACT, 0.0, 2 * elementary.ANGLE_ERROR)
        result = np.empty(e.shape)
        np.minimum(np.maximum.reduce(error - values, axis=0), 1.0, out=result[0, ...])
        np.minimum(np.maximum.reduce(error + values, axis=0), 1.0, out=result[1, ...])
        np.copyto(result[0, ...], 1.0, where=~known | several | ((first == last) & odd))
        np.copyto(result[1, ...], 1.0, where=~known | several | ((first == last) & ~odd))
        far = ~known & np.isfinite(e).all(axis=0)
        if far.any():  # by the scalars, which reduce any angle
            result[:, far] = ends_of(self.elementwise(name, ends_of(x)[:, far]))
        return result

    # ---- sums -------------------------------------------------------------------------------------------------------

    def sum(self, x: Value, axis: tuple[int, ...]) -> Ends:
        e = ends_of(x)
        axes = tuple([a + 1 for a in axis])
        count = prod([e.shape[a] for a in axes])
        total = np.asarray(np.add.reduce(e, axis=axes))
        if count > 1:
            total = total + np.add.reduce(np.abs(e), axis=axes) * (2 * (count + 2) * U)
        return total

    def mean(self, x: Value, axis: tuple[int, ...], count: int) -> Ends:
        total = self.sum(x, axis)
        return up_product(total / max(count, 1), lambda: least_size(total) / max(count, 1))

    def mean_square(self, x: Value, axis: tuple[int, ...], count: int) -> Ends:
        """Of the smallest and the largest sizes; never negative."""
        e = ends_of(x)
        low, high = (_sum_of_squares(size, axis) / max(count, 1) for size in (mignitude(e), magnitude(e)))
        slack = 2 * (count + 8) * U
        result = np.empty((2, *np.shape(low)))
        np.minimum(low * slack - low, 0.0, out=result[0, ...])
        np.add(high, high * slack, out=result[1, ...])
        np.copyto(result[0, ...], 0.0, where=~(low >= TINY))  # where squares may be rounded up from below 2^-1074
        if np.fmin.reduce(high, axis=None, initial=np.inf) < TINY:
            result[1] += TINY * np.any(magnitude(e) != 0, axis=axis)
        return result

    # ---- linear algebra ---------------------------------------------------------------------------------------------

    def affine(self, weight: Value, x: Value, bias: Value) -> Ends:
        if isinstance(weight, Point) and isinstance(bias, Point) and weight.x.size:
            return _layer(weight, x, bias)
        return ends_of(super().affine(weight, x, bias))

    def affine_rows(self, weight: Value, x: Value, bias: Value, shape: tuple[int, int]) -> Ends:
        if isinstance(weight, Point) and isinstance(bias, Point) and weight.x.size:
            return _layer(weight, x, bias)
        return ends_of(super().affine_rows(weight, x, bias, shape))

    def matmul(self, a: Value, b: Value) -> Value:
        """Of middles (m, c) and radii (r, s): m c, off by |m| (s + γ|c|) + r (|c| + s)."""
        n = a.shape[-1]
        (m, r), (c, s) = _middle(a, n), _middle(b, n)
        center = np.asarray(m @ c)
        if not n:
            return Point(center)
        radius = np.abs(m) @ s
        if not isinstance(a, Point):
            radius = radius + r @ (np.abs(c) + s)
        return _around(center, np.asarray(radius), np.empty((2, *center.shape)))


_NUMERIC = {
    name
    for name in PRIMITIVES | DERIVED
    if hasattr(Interval64Arrays, name)
    and name not in ("less", "less_equal", "equal", "where")
    and "logical" not in name
}
_DOMAINS = {
    "log": "the logarithm needs a positive interval",
    "log1p": "log(1 + x) needs an interval above -1",
    "sqrt": "the square root needs a non-negative interval",
}
LOWEST, HIGHEST = np.array(elementary.SMALLEST_EXPONENT), np.array(elementary.LARGEST_EXPONENT)
LIMITS: dict[str, tuple[Any, Any, float, float]] = {
    name: (np.array(least), np.array(greatest), floor, cap)
    for name, (least, greatest, floor, cap) in elementary.RANGES.items()
}
SLACKS = {name: np.array((error + 2) * U) for name, error in ERROR.items()}


def _layer(weight: Point, x: Value, bias: Point) -> Ends:
    """weight @ x + bias, or that for each row of x."""
    n = weight.x.shape[1]
    m, t = _middle(x, n)
    radius = weight.bound(t)
    result = np.empty((2, *radius.shape))
    center = result[1, ...]
    if m.ndim == 1:
        np.dot(weight.x, m, out=center)
    else:
        np.dot(m, weight.x.T, out=center)
    center += bias.x
    return _around(center, radius, result)


def _blocked(operation: Callable[..., Value]) -> Callable[..., Value]:
    """An elementwise operation on some elements at a time, so that what it needs in between stays in the cache."""

    def run(*values: Value) -> Value:
        for value in values:
            if value.size > 2 * BLOCK:
                return _in_blocks(operation, values)
        return operation(*values)

    return run


def _in_blocks(operation: Callable[..., Value], values: tuple[Value, ...]) -> Value:
    shape = max([value.shape if isinstance(value, Point) else value.shape[1:] for value in values], key=len)
    result = np.empty((2, prod(shape)))
    for start in range(0, result.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        result[:, part] = ends_of(operation(*(_part(value, part) for value in values)))
    return result.reshape(2, *shape)


def _part(x: Value, part: slice) -> Value:
    """Some of the elements of x, in row-major order; all of a scalar."""
    if isinstance(x, Point):
        return Point(x.x.reshape(-1)[part]) if x.shape else x
    return x.reshape(2, -1)[:, part] if x.ndim > 1 else x


def _middle(x: Value, n: int) -> tuple[FloatArray, FloatArray]:
    """m and t with t at least |x - m| + γ|m|, times 1 + 2(n + 16) u, for sums of n products.

    SMALL pays for underflow in either, which large weights would make matter.
    """
    if isinstance(x, Point):
        return x.x, np.abs(x.x) * (1.001 * (n + 16) * U) + SMALL
    m = x[1] - x[0]
    t = x[0] + x[1]
    t *= 0.5 + (n + 16) * U
    m *= 0.5
    size = np.abs(m)
    size *= 1.001 * (n + 16) * U
    t += size
    t += SMALL
    return m, t


def _around(center: FloatArray, radius: FloatArray, result: Ends) -> Ends:
    """The ends center ± radius: center is off by one rounding more, and so is each end. It may lie in result[1]."""
    slack = np.abs(center, out=result[0, ...])
    slack *= FOUR_U
    slack += radius
    slack += TINY
    above = slack + center
    np.subtract(slack, center, out=result[0, ...])
    result[1] = above
    return result


def _sum_of_squares(x: FloatArray, axis: tuple[int, ...]) -> FloatArray:
    if x.ndim == len(axis) == 1:
        return np.dot(x, x)  # type: ignore[no-any-return]
    return np.asarray(np.add.reduce(np.square(x), axis=axis))


def _scaled(x: Ends, y: Point, operation: Callable[..., Any]) -> Ends:
    """x times, or over, points: the ends change places where these are negative."""
    if not y.x.ndim:
        return np.asarray(operation(x if y.x >= 0 else x[::-1], np.abs(y.x)))
    a, b = aligned(x, y.x[None])
    result: Ends = operation(a, np.abs(b[0]))
    negative = b[0] < 0
    return np.where(negative, result[::-1], result) if negative.any() else result


def _exact_product(x: FloatArray, y: FloatArray) -> FloatArray | None:
    """x y, if no rounding is needed for it (Dekker's two-product, where nothing overflows or underflows)."""
    product = x * y
    sizes = np.abs(np.broadcast_arrays(x, y, product))
    if not ((sizes < 1 / SMALL) & ((sizes > SMALL) | (product == 0) & ((x == 0) | (y == 0)))).all():
        return None
    (a, b), (c, d) = _halves(x), _halves(y)
    lost = b * d - (((product - a * c) - b * c) - a * d)
    return None if lost.any() else product


def _halves(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two floats of at most 26 bits whose sum is x (Veltkamp)."""
    spread = x * 134217729.0
    high = spread - (spread - x)
    return high, x - high


def _is_shift(x: Ends, result: Ends, factor: Point) -> bool:
    """Are the factors powers of two, and the result exact?"""
    if not factor.shifts():
        return False
    if np.fmin.reduce(np.abs(result), axis=None, initial=np.inf) >= SMALL:
        return True
    x, result = aligned(x, result)
    return bool(((np.abs(result) >= SMALL) | (result == 0) & (x == 0)).all())


def _corners(operation: Callable[[Any, Any], Any], x: Ends, y: Ends) -> Ends:
    """The hull of the values at the ends."""
    (a, b), (c, d) = signed(x), signed(y)
    p, q, r, s = operation(a, c), operation(a, d), operation(b, c), operation(b, d)
    result = np.empty((2, *np.shape(p)))
    np.negative(np.minimum(np.minimum(p, q), np.minimum(r, s)), out=result[0, ...])
    np.maximum(np.maximum(p, q), np.maximum(r, s), out=result[1, ...])
    return result


def _extreme(of_low: Callable[..., Any], of_high: Callable[..., Any], x: Value, y: Value) -> Ends:
    """Of minus the lower ends, and of the upper ones."""
    a, b = aligned(ends_of(x), ends_of(y))
    low, high = of_low(a[0], b[0]), of_high(a[1], b[1])
    return np.stack((low, high))


def _structural(x: Any, of_points: Callable[[Any], Any], of_ends: Callable[[Any], Any]) -> Any:
    """What structure does to points (and truths), and to ends."""
    if type(x) is Point:
        return Point(of_points(x.x))
    return of_ends(x) if x.dtype == np.float64 else of_points(x)


def _decided(truths: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As an array of bool where all are decided."""
    undecided = any(isinstance(p, Maybe) for p in truths.flat)
    return truths if undecided else truths.astype(bool)


def _end(value: float, unknown: tuple[int, int]) -> tuple[int, int]:
    """An end as a scalar of `interval` has it."""
    if not np.isfinite(value):
        return unknown
    mantissa, power = float(value).as_integer_ratio()
    return mantissa, 1 - power.bit_length()


class FusedArrays(Interval64Arrays):
    """The same with fused loops, for the operations that have them."""

    def function(self, operation: str) -> Callable[..., Any]:
        """Fused, if it can be: the loops take many elements as they take few."""
        loops = _fused()
        plain = super().function(operation)
        fused = getattr(self, f"_fused_{operation}", None)
        if fused:
            return partial(fused, loops, plain)
        loop = loops.INCREASING.get(operation) or {"relu": loops.relu, "square": loops.square}.get(operation)
        return _of_boxes(loop, plain) if loop else plain

    def _fused_log(self, loops: Any, plain: Callable[..., Value], x: Value) -> Value:
        return _looped(loops.INCREASING["log"], ends_of(self._above(0.0, "log", x)))

    def _fused_log1p(self, loops: Any, plain: Callable[..., Value], x: Value) -> Value:
        return _looped(loops.INCREASING["log1p"], ends_of(self._above(-1.0, "log1p", x)))

    def _fused_expm1mx(self, loops: Any, plain: Callable[..., Value], x: Value) -> Value:
        e = ends_of(x)
        result = np.empty(e.shape)
        inside = loops.expm1mx(_contiguous(e).reshape(2, -1), result.reshape(2, -1))
        return result if inside else plain(x)

    def _fused_add(self, loops: Any, plain: Callable[..., Value], x: Value, y: Value) -> Value:
        return self._sum_of_two(loops.add, plain, x, y)

    def _fused_subtract(self, loops: Any, plain: Callable[..., Value], x: Value, y: Value) -> Value:
        return self._sum_of_two(loops.subtract, plain, x, y)

    def _sum_of_two(self, loop: Callable[..., None], plain: Callable[..., Value], x: Value, y: Value) -> Value:
        if type(x) is Point and type(y) is Point:
            return plain(x, y)
        a, b = ends_of(x), ends_of(y)
        return _looped(loop, a, b) if a.shape == b.shape else plain(x, y)

    def _fused_multiply(self, loops: Any, plain: Callable[..., Value], x: Value, y: Value) -> Value:
        if type(x) is Point:
            x, y = y, x
        product = self._scaled(loops, False, x, y) if _scales(x, y) else None
        return plain(x, y) if product is None else product

    def _fused_divide(self, loops: Any, plain: Callable[..., Value], x: Value, y: Value) -> Value:
        quotient = self._scaled(loops, True, x, y) if _scales(x, y) else None
        return plain(x, y) if quotient is None else quotient

    def _scaled(self, loops: Any, divide: bool, x: Any, y: Any) -> Ends | None:
        result = np.empty(x.shape)
        factors = _contiguous(y.x).reshape(-1)
        return result if loops.scaled(_contiguous(x).reshape(2, -1), factors, divide, result.reshape(2, -1)) else None

    def _fused_mean(
        self, loops: Any, plain: Callable[..., Value], x: Value, axis: tuple[int, ...], count: int
    ) -> Value:
        return self._of_rows(loops.mean, plain, x, axis, count)

    def _fused_mean_square(
        self, loops: Any, plain: Callable[..., Value], x: Value, axis: tuple[int, ...], count: int
    ) -> Value:
        return self._of_rows(loops.mean_square, plain, x, axis, count)

    def _of_rows(
        self, loop: Callable[..., None], plain: Callable[..., Value], x: Value, axis: tuple[int, ...], count: int
    ) -> Value:
        """A reduction over the last axis."""
        e = ends_of(x)
        if axis != (e.ndim - 2,) or not count:
            return plain(x, axis=axis, count=count)
        result = np.empty((2, *e.shape[1:-1]))
        loop(_contiguous(e).reshape(2, -1, count), result.reshape(2, -1))
        return result

    def _fused_affine(self, loops: Any, plain: Callable[..., Value], weight: Value, x: Value, bias: Value) -> Value:
        if type(weight) is not Point or type(bias) is not Point or not weight.x.size:
            return plain(weight, x, bias)
        result = np.empty((2, len(bias.x)))
        loops.layer(weight.x, _contiguous(ends_of(x)), bias.x, result)
        return result

    def _fused_affine_rows(
        self, loops: Any, plain: Callable[..., Value], weight: Value, x: Value, bias: Value, shape: tuple[int, int]
    ) -> Value:
        if not (isinstance(weight, Point) and isinstance(bias, Point) and weight.size):
            return plain(weight, x, bias, shape=shape)
        e, magnitudes, n = _contiguous(ends_of(x)), weight.magnitudes(), weight.shape[1]
        single = magnitudes.dtype == np.float32
        m, scale = _scratch("m", e.shape[1:], np.float64), np.empty(e.shape[1])
        t = _scratch("t32" if single else "t", e.shape[1:], magnitudes.dtype)
        product = _scratch("product32" if single else "product", shape, magnitudes.dtype)
        (loops.middles_in_single if single else loops.middles)(e, m, t, scale)
        result = np.empty((2, *shape))
        np.dot(t, magnitudes.T, out=product)
        np.dot(m, weight.x.T, out=result[1])
        loops.around(product, scale, _contiguous(bias.x), n * 2.0**-119 if single else 0.0, result)
        return result


_buffers = local()


def _scratch(use: str, shape: tuple[int, ...], kind: Any) -> FloatArray:
    """A buffer of the thread's own: fresh memory for large arrays costs as much as the loops over them."""
    flat: FloatArray | None = getattr(_buffers, use, None)
    if flat is None or flat.size < prod(shape):
        flat = np.empty(prod(shape), kind)
        setattr(_buffers, use, flat)
    return flat[: prod(shape)].reshape(shape)


def _scales(x: Value, y: Value) -> bool:
    """Are x boxes and y points, one for each or one for all?"""
    return type(x) is not Point and isinstance(y, Point) and y.x.shape in ((), x.shape[1:])


def _of_boxes(loop: Callable[..., None], plain: Callable[..., Value]) -> Callable[..., Value]:
    """A function of one argument: fused for boxes, plain for points."""

    def run(x: Value) -> Value:
        return plain(x) if isinstance(x, Point) else _looped(loop, x)

    return run


def _looped(loop: Callable[..., None], *values: Ends) -> Ends:
    """An elementwise loop over arrays of one shape."""
    shape = values[0].shape
    result = np.empty(shape)
    if len(shape) == 2:
        loop(*[v if v.flags.c_contiguous else v.copy() for v in values], result)
    else:
        loop(*[_contiguous(v).reshape(2, -1) for v in values], result.reshape(2, -1))
    return result


def _contiguous(x: FloatArray) -> FloatArray:
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


@cache
def numba_is_installed() -> bool:
    """Asked once."""
    return find_spec("numba") is not None


@cache
def _fused() -> Any:
    """The compiled loops; compiling takes some seconds, once."""

    from scalarspec.numbers import numba_kernels

    return numba_kernels


def interval64(fast: bool | None = None) -> Interval64Context:
    """Intervals with float64 ends, many at a time. fast: with numba's loops; None: where numba is installed."""
    if fast and not numba_is_installed():
        raise ArgumentError("fast: numba is not installed; pip install 'scalarspec[fast]'")
    return Interval64Context(fast=numba_is_installed() if fast is None else bool(fast))
