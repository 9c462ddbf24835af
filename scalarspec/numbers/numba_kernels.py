"""The loops of `interval64`, fused by numba (the optional extra [fast]): the same operations on each element in a pass.

The kernels of `elementary` are compiled from their own texts, for one element: there is one definition of each. The
roundings of the loops are those that the files of `backends/interval64` prove: `ends` for + - × ÷ and squares,
`functions` for elementary functions, `linear` for sums and layers. Boxes come as ends, of shape (2, n): -inf and sup.

Nothing is contracted or reordered but sums, whose bounds hold for any order and with FMA. What was compiled is kept on
disk (`kernel_cache`). Where numba is missing, this module cannot be imported, and `interval64` does without.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit

from scalarspec.numbers import elementary
from scalarspec.numbers.elementary import ERROR, LARGEST, LARGEST_EXPONENT, LAST, SMALL, SMALLEST_EXPONENT, TINY, U

try:
    from scalarspec.numbers.kernel_cache import kept
except ImportError:  # a numba whose insides stand elsewhere: its functions are compiled in each process

    def kept(function: Any) -> Any:
        """The function."""
        return function


Array = np.ndarray[Any, Any]
Loop = Callable[..., None]

ANY_ORDER = {"reassoc", "contract", "nsz"}
"""What the compiler may do to sums: reorder, use FMA, forget the sign of 0. It must not assume that NaN is absent."""


def _compiled(**options: Any) -> Callable[[Any], Any]:
    """numba's decorator, with machine code that is kept on disk."""
    return lambda function: kept(njit(error_model="numpy", **options)(function))


@_compiled()
def _bits(x: float) -> Any:
    return np.float64(x).view(np.int64)


@_compiled()
def _number(pattern: int) -> Any:
    return np.int64(pattern).view(np.float64)


@_compiled()
def _chosen(condition: bool, x: float, y: float) -> float:
    return x if condition else y


def _number_of(value: Any) -> Any:
    """Constants that are arrays of shape (), as numbers."""
    if isinstance(value, tuple):
        return tuple(map(_number_of, value))
    return float(value) if isinstance(value, np.ndarray) else value


def _kernels() -> dict[str, Any]:
    """The functions of `elementary`, each seeing the others compiled."""
    names = {name: _number_of(value) for name, value in vars(elementary).items()}
    scalar = {"bits": _bits, "number": _number, "chosen": _chosen}
    names |= scalar
    for name, function in vars(elementary).items():
        if isinstance(function, FunctionType) and name not in scalar:
            copy = FunctionType(function.__code__, names, name, function.__defaults__)
            copy.__module__ = elementary.__name__
            names[name] = _compiled()(copy)
    return names


_KERNELS = _kernels()


def increasing(name: str, least: float, greatest: float, floor: float, cap: float, zero: float) -> Loop:
    """The loop of one of `elementary.RANGES`: (ends, out), both of shape (2, n)."""
    kernel, error = _KERNELS[name], (ERROR[name] + 2) * U

    @_compiled()
    def loop(e: Array, out: Array) -> None:
        for i in range(e.shape[1]):
            low, high = -e[0, i], e[1, i]
            a = np.minimum(np.maximum(low, least), greatest)
            b = np.minimum(np.maximum(high, least), greatest)
            v, w = kernel(a), kernel(b)
            s, t = abs(v) * error, abs(w) * error
            s += _chosen((abs(v) < SMALL) & ((v != 0.0) | (a != zero)), LAST, 0.0)
            t += _chosen((abs(w) < SMALL) & ((w != 0.0) | (b != zero)), LAST, 0.0)
            out[0, i] = _chosen(low >= least, np.minimum(s - v, -floor), -floor)
            out[1, i] = _chosen(high <= greatest, np.minimum(t + w, cap), cap)

    return loop


INCREASING: dict[str, Loop] = {name: increasing(name, *limits) for name, limits in elementary.RANGES.items()}
_expm1mx, _EXPM1MX_ERROR = _KERNELS["expm1mx"], (ERROR["expm1mx"] + 2) * U


@_compiled()
def expm1mx(e: Array, out: Array) -> bool:
    """False where an end lies beyond the range of exp."""
    within = True
    for i in range(e.shape[1]):
        within &= (-e[0, i] >= SMALLEST_EXPONENT) & (e[1, i] <= LARGEST_EXPONENT)
    if not within:
        return False
    for i in range(e.shape[1]):
        low, high = -e[0, i], e[1, i]
        v, w = _expm1mx(low), _expm1mx(high)
        s, t = v * _EXPM1MX_ERROR, w * _EXPM1MX_ERROR
        s += _chosen((v < SMALL) & (low != 0.0), LAST, 0.0)
        t += _chosen((w < SMALL) & (high != 0.0), LAST, 0.0)
        inside = (low <= 0.0) & (high >= 0.0)
        out[0, i] = _chosen(inside, 0.0, np.minimum(np.maximum(s - v, t - w), 0.0))
        out[1, i] = np.maximum(s + v, t + w)
    return True


@_compiled()
def relu(e: Array, out: Array) -> None:
    """max(x, 0)."""
    for i in range(e.shape[1]):
        out[0, i] = np.fmin(e[0, i], 0.0)
        out[1, i] = np.maximum(e[1, i], 0.0)


@_compiled()
def _floored(s: float) -> float:
    """As `ends` has it: -LARGEST in the place of -∞."""
    return _chosen(s < -LARGEST, -LARGEST, s)


@_compiled()
def _up(s: float, exact: bool) -> float:
    """At least the product or quotient that s rounds, as `ends.up_product` has it; `exact`: s is that itself."""
    s = _floored(s)
    return s + _chosen(exact, 0.0, _chosen(abs(s) < SMALL, LAST, 0.0) + abs(s) * (2 * U))


@_compiled()
def square(e: Array, out: Array) -> None:
    """x²."""
    for i in range(e.shape[1]):
        size = np.maximum(e[0, i], e[1, i])
        least = -np.fmin(np.fmin(e[0, i], e[1, i]), 0.0)
        out[0, i] = np.fmin(_up(-(least * least), least == 0.0), 0.0)
        out[1, i] = _up(size * size, size == 0.0)


@_compiled()
def _up_sum(x: float, y: float) -> float:
    """At least x + y, as `ends.up_sum` has it; NaN where the sum overflows above."""
    s = _floored(x + y)
    back = s - x
    lost = (x - (s - back)) + (y - back)
    above = s + _chosen(lost > 0.0, abs(s) * (2 * U), 0.0)
    return _chosen(abs(s) <= LARGEST, above, np.nan)


@_compiled()
def add(a: Array, b: Array, out: Array) -> None:
    """x + y, by two-sum."""
    for k in range(2):
        for i in range(out.shape[1]):
            out[k, i] = _up_sum(a[k, i], b[k, i])


@_compiled()
def subtract(a: Array, b: Array, out: Array) -> None:
    """x - y, by two-sum."""
    for k in range(2):
        for i in range(out.shape[1]):
            out[k, i] = _up_sum(a[k, i], b[1 - k, i])


@_compiled()
def _up_scaled(s: float, x: float, shift: bool) -> float:
    """At least the product or quotient of x that s rounds; exact by a power of two, unless it is small."""
    exact = (x == 0.0) | (shift & (abs(s) >= SMALL))
    return _up(s, exact)


@_compiled()
def _scaled(low: float, high: float, factor: float, divide: bool) -> tuple[float, float]:
    """One box times, or over, one number."""
    size = abs(factor)
    shift = (_bits(size) & 0xFFFFFFFFFFFFF) == 0
    zero = size == 0.0
    if factor < 0.0:
        low, high = high, low
    s, t = (low / size, high / size) if divide else (low * size, high * size)
    return _chosen(zero, 0.0, _up_scaled(s, low, shift)), _chosen(zero, 0.0, _up_scaled(t, high, shift))


@_compiled()
def scaled(e: Array, x: Array, divide: bool, out: Array) -> bool:
    """The boxes e times, or over, the points x: of shape (n,), or (1,) for one number. False where it divides by 0."""
    if divide and np.any(x == 0.0):
        return False
    if len(x) == 1:
        factor = x[0]
        for i in range(out.shape[1]):
            out[0, i], out[1, i] = _scaled(e[0, i], e[1, i], factor, divide)
    else:
        for i in range(out.shape[1]):
            out[0, i], out[1, i] = _scaled(e[0, i], e[1, i], x[i], divide)
    return True


@_compiled(fastmath=ANY_ORDER)
def _sums(x: Array) -> tuple[float, float]:
    """Of x and of |x|."""
    total = size = 0.0
    for i in range(len(x)):
        total += x[i]
        size += abs(x[i])
    return total, size


@_compiled(fastmath=ANY_ORDER)
def _sums_of_squares(a: Array, b: Array) -> tuple[float, float]:
    """Of the least and the largest sizes of boxes."""
    low = high = 0.0
    for i in range(len(a)):
        size, least = np.maximum(a[i], b[i]), np.fmin(np.fmin(a[i], b[i]), 0.0)  # a largest size may be NaN
        low += least * least
        high += size * size
    return low, high


@_compiled()
def mean(e: Array, n: int, out: Array) -> None:
    """Of each row of n. e: (2, b n); out: (2, b)."""
    slack = _chosen(n > 1, 2 * (n + 2) * U, 0.0)
    for k in range(2):
        for row in range(out.shape[1]):
            x = e[k, row * n : (row + 1) * n]
            total, size = _sums(x)
            total = total + size * slack
            if not abs(total) <= LARGEST and np.all(x <= 0.0):
                total = -LARGEST / 2
            total = total / n
            out[k, row] = _up(total, size == 0.0)


@_compiled()
def mean_square(e: Array, n: int, out: Array) -> None:
    """Of each row of n. e: (2, b n); out: (2, b)."""
    slack = 2 * (n + 8) * U
    for row in range(out.shape[1]):
        a, b = e[0, row * n : (row + 1) * n], e[1, row * n : (row + 1) * n]
        low, high = _sums_of_squares(a, b)
        low, high = np.minimum(low, LARGEST) / n, high / n
        out[0, row] = _chosen(low >= TINY, np.minimum(low * slack - low, 0.0), 0.0)
        out[1, row] = high + high * slack
        if not high >= TINY:
            out[1, row] += _chosen(np.any(a != 0.0) | np.any(b != 0.0), TINY, 0.0)


@_compiled(fastmath=ANY_ORDER)
def _products(w: Array, m: Array, t: Array) -> tuple[float, float]:
    """w · m, and |w| · t."""
    center = radius = 0.0
    for j in range(len(m)):
        center += w[j] * m[j]
        radius += abs(w[j]) * t[j]
    return center, radius


@_compiled()
def _radius(a: float, b: float, n: int) -> float:
    """The t of `linear`, step 2, for a box with ends -a and b, in sums of n products."""
    return (a + b) * (0.5 + (n + 16) * U) + abs(b - a) * (0.501 * (n + 16) * U) + SMALL


@_compiled()
def layer(weight: Array, e: Array, bias: Array, out: Array) -> None:
    """weight @ x + bias by the steps of `linear`, with one pass over the weights.

    weight: (m, n); e: (2, n); bias: (m,); out: (2, m).
    """
    n = e.shape[1]
    m, t = np.empty(n), np.empty(n)
    for j in range(n):
        m[j] = 0.5 * (e[1, j] - e[0, j])
        t[j] = _radius(e[0, j], e[1, j], n)
    for i in range(len(bias)):
        product, radius = _products(weight[i], m, t)
        center = product + bias[i]
        radius = radius + abs(center) * (4 * U) + TINY
        out[0, i] = radius - center
        out[1, i] = radius + center


@_compiled()
def middles(e: Array, m: Array, t: Array, scale: Array) -> None:
    """The middle m of each row, and the t of `linear`, step 2. e: (2, b, n); m, t: (b, n); scale: (b,), which is 1."""
    n = e.shape[2]
    for row in range(e.shape[1]):
        for j in range(n):
            m[row, j] = 0.5 * (e[1, row, j] - e[0, row, j])
            t[row, j] = _radius(e[0, row, j], e[1, row, j], n)
        scale[row] = 1.0


@_compiled(fastmath=ANY_ORDER)
def _sum_of_radii(a: Array, b: Array) -> float:
    total = TINY
    for j in range(len(a)):
        total += _radius(a[j], b[j], len(a))
    return total


@_compiled()
def middles_in_single(e: Array, m: Array, t: Array, scale: Array) -> None:
    """The same with t in float32, rounded up as `Point.bound` does it, over its sum in the row, which is the scale."""
    n = e.shape[2]
    one_above = np.float32(1 + 2.0**-22)
    for row in range(e.shape[1]):
        total = _sum_of_radii(e[0, row], e[1, row])
        inverse = 1.0 / total
        for j in range(n):
            m[row, j] = 0.5 * (e[1, row, j] - e[0, row, j])
            t[row, j] = np.float32(_radius(e[0, row, j], e[1, row, j], n) * inverse + 2.0**-60) * one_above
        scale[row] = total * (1 + (n + 16) * 2.0**-23)


@_compiled()
def around(product: Array, scale: Array, bias: Array, underflow: float, out: Array) -> None:
    """The ends of a layer (`linear`, steps 4 and 5).

    product: t |W|ᵀ, (b, m), from `middles`, with its scale, (b,); out: (2, b, m), with m Wᵀ in its upper half.
    """
    for row in range(product.shape[0]):
        for i in range(product.shape[1]):
            c = out[1, row, i] + bias[i]
            radius = (product[row, i] + underflow) * scale[row] + abs(c) * (4 * U) + TINY
            out[0, row, i] = radius - c
            out[1, row, i] = radius + c
