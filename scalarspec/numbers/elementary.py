"""Elementary functions on float64 arrays, certified: built on IEEE 754's + - × ÷, comparisons and bit patterns alone.

NumPy's and the C library's functions promise no error bound, and differ from CPU to CPU. Each function here is straight
arithmetic on arrays of any shape, rounded to nearest, without FMA and without any library function, and states a proved
bound: |computed - f(x)| <= ERROR[name] |f(x)| on its range, in units of u = 2^-53. The bounds are sums of what each
rounding adds at most (u relatively), worked out at the worst point of each range. Results of size below 2^-960 may be
off by 2^-1074 more (underflow), which callers add.

    reduced     n = the integer nearest x/ln 2, and r = x - n ln 2, |r| <= 0.34658. ln 2 is held as HI + LO, HI of 42
                bits: n HI is exact for |n| < 2^11 and so is x - n HI (both are multiples of 2^-54, below 2^-1 apart).
                Left: one rounding of r, and |n| 2^-97. Relative to e^x: 0.35 u. For n = 0, r = x exactly.
    quotient    q = e^r - 1 = 2r / (R - r), where R = r coth(r/2) = 2 + r² P(r²), P the series of the Bernoulli numbers
                to the 6th, cut below 2^-57. R - r lies in [1.67, 2.37] and is off by 1.8 u; the division adds 1 u:
                2.8 u.
    exp         2^n (1 + q): 0.35 + 1.87 u, at r = -0.347.
    expm1       2^n q + (2^n - 1), which is q for n = 0 (2.8 u); at worst, 6.2 u, for n = 1 and q = -0.293.
    expm1mx     n = 0: q - r = r² (1 - r P) / (R - r), where nothing cancels: 6.3 u. Else 2^n q + (2^n - 1 - x): at
                worst for x = 0.3466 (n = 1, q = -0.293), where 2q is off by 1.63 u, r counts for 0.36 u and 1 - x is
                off by 0.5 u, together 2.52 u of a value of 0.0676: 37.3 u.
    log         x = 2^k m, m in [√½, √2): k ln 2 + log m, log m = s (2 + s² Q(s²)), s = (m-1)/(m+1), |s| < 0.1716, Q the
                series of atanh to the 10th term, cut below 2^-60. For k = 0: 4.1 u. Else the value is at least 0.3465
                in size, and 6.1 u off.
    log1p       log w + c/w with w = 1 + x rounded and c what that rounding lost. The sum can halve log w once, where w
                is a neighbour of 1: 10 u. c²/2w² is left out, below u/2.
    tanh        em / (em + 2), em = expm1(2|x|): 7.2 u; |x| is cut at 20, where tanh is 1 - 2^-57.
    sinh        (em + em/(em + 1)) / 2, em = expm1(|x|): 8.5 u.
    cosh        1 + f, f = em (em/(em + 1)) / 2: 9 u.
    logcosh     log1p(f): 26 u. From 350 on, |x| - ln 2.
    sigmoid     1 / (1 + e^-x): 4.3 u.
    softplus    max(x, 0) + log1p(e^-|x|): 13.3 u.
    sqrt        NumPy's, which IEEE 754 wants rounded right: 1 u.
    sin, cos    x = n π/2 + r with π/2 in three parts of 33 bits and a last of 53, |n| < 2^19: r is off by 2 u |r| and
                2^-101 (0 for n = 0). Taylor's polynomials on |r| <= 0.7854, cut below 2^-60: 4 u in all, and 2^-100
                absolutely from |x| = 0.78 on.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

Array = Any  # a float64 array, or a number where a compiler reads these texts one element at a time

U = 2.0**-53
ERROR = {
    "exp": 3, "expm1": 7, "expm1mx": 38, "log": 7, "log1p": 11, "tanh": 9, "sinh": 10, "cosh": 10, "logcosh": 28,
    "sigmoid": 5, "softplus": 15, "sqrt": 1, "sin": 4, "cos": 4,
}  # fmt: skip
"""The relative error of each function in units of U, proved in the module's text, rounded up."""
ANGLE_ERROR, ANGLE_EXACT = 2.0**-100, 0.78
"""The absolute error of sin and cos beside that, from |x| = ANGLE_EXACT on."""

BLOCK = 1 << 14
"""Do this many elements at a time: what a function needs in between then stays in the cache."""

SMALL = 2.0**-960
"""Below, a product may have lost more than its last place."""
TINY = 2.0**-900
"""Pays for the underflow of a sum of products; a normal number, since subnormal ones are slow."""
LAST = 2.0**-1074
LARGEST = float(np.finfo(np.float64).max)

LARGEST_EXPONENT, SMALLEST_EXPONENT = 709.4, -708.0
"""exp is computed between these: beyond, e^x or its neighbours are no normal numbers."""
LARGEST_ANGLE = 2.0**19
RANGES = {
    "exp": (SMALLEST_EXPONENT, LARGEST_EXPONENT, 0.0, np.inf),
    "expm1": (SMALLEST_EXPONENT, LARGEST_EXPONENT, -1.0, np.inf),
    "sigmoid": (SMALLEST_EXPONENT, LARGEST, 0.0, 1.0),
    "softplus": (SMALLEST_EXPONENT, LARGEST, 0.0, np.inf),
    "tanh": (-LARGEST, LARGEST, -1.0, 1.0),
    "sinh": (-LARGEST_EXPONENT, LARGEST_EXPONENT, -np.inf, np.inf),
    "log": (LAST, LARGEST, -np.inf, np.inf),
    "log1p": (-1.0, LARGEST, -np.inf, np.inf),
}
"""The increasing functions: computed from least to greatest, and everywhere between a floor and a cap."""


def _constant(value: float) -> Array:
    """As an array of shape (), with which NumPy is faster than with a number."""
    return np.array(value)


_LN2_HI, _LN2_LO = _constant(0.6931471805598903), _constant(5.497923018708371e-14)
_PER_LN2 = _constant(1.4426950408889634)
_MAGIC = _constant(1.5 * 2.0**52)
"""Added to a number below 2^51 in size, it rounds it to an integer, which then stands in the last bits."""
_TWO_OVER_PI = _constant(0.6366197723675814)
_HALF_PI = tuple(map(_constant, (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)))
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_SMALLEST_NORMAL = 2.0**-1022
_ONE, _TWO = _constant(1.0), _constant(2.0)

_P1, _P2, _P3 = map(_constant, (1 / 6, -1 / 360, 1 / 15120))
_P4, _P5, _P6 = map(_constant, (-1 / 604800, 1 / 23950080, -691 / 653837184000))
_Q = tuple(_constant(2 / (2 * k + 1)) for k in range(1, 11))
_SIN = tuple(_constant((-1) ** k / factorial(2 * k + 1)) for k in range(1, 9))
_COS = tuple(_constant((-1) ** k / factorial(2 * k)) for k in range(2, 10))


def bits(x: Array) -> Array:
    """The bit pattern, as an integer."""
    return x.view(np.int64)


def number(pattern: Array) -> Array:
    """The float64 of a bit pattern."""
    return pattern.view(np.float64)


def chosen(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, else y."""
    return np.where(condition, x, y)


def reduced(x: Array) -> tuple[Array, Array]:
    """n + MAGIC and r with x = n ln 2 + r. For |x| <= 745."""
    shifted = x * _PER_LN2 + _MAGIC
    n = shifted - _MAGIC
    return shifted, (x - n * _LN2_HI) - n * _LN2_LO


def power_of_two(shifted: Array) -> Array:
    """2^n from n + MAGIC, for n from -1022 to 1023."""
    return number((bits(shifted) + 1023) << 52)


def bernoulli(square: Array) -> Array:
    """P(r²), of r coth(r/2) = 2 + r² P(r²)."""
    p = square * _P6 + _P5
    p = p * square + _P4
    p = p * square + _P3
    p = p * square + _P2
    return p * square + _P1


def quotient(r: Array) -> Array:
    """e^r - 1 for |r| <= 0.34658."""
    square = r * r
    return (r + r) / ((_TWO - r) + square * bernoulli(square))


def exp(x: Array) -> Array:
    """e^x, for x in [-708, 709.4]."""
    shifted, r = reduced(x)
    return number(bits(_ONE + quotient(r)) + (bits(shifted) << 52))


def expm1(x: Array) -> Array:
    """e^x - 1, for x in [-708, 709.4]."""
    shifted, r = reduced(x)
    scale = power_of_two(shifted)
    return scale * quotient(r) + (scale - _ONE)


def expm1mx(x: Array) -> Array:
    """e^x - 1 - x, for x in [-708, 709.4]."""
    shifted, r = reduced(x)
    scale = power_of_two(shifted)
    square = r * r
    p = bernoulli(square)
    below = (_TWO - r) + square * p
    return chosen(scale == _ONE, square * (_ONE - r * p) / below, scale * ((r + r) / below) + ((scale - _ONE) - x))


def log(x: Array) -> Array:
    """The logarithm of a finite positive number."""
    subnormal = x < _SMALLEST_NORMAL
    pattern = bits(x * chosen(subnormal, 2.0**54, _ONE))
    k = (pattern - _SQRT_HALF_BITS) >> 52
    f = number(pattern - (k << 52)) - _ONE
    exponent = k - chosen(subnormal, 54.0, 0.0)
    s = f / (_TWO + f)
    square = s * s
    q = square * _Q[9] + _Q[8]
    q = q * square + _Q[7]
    q = q * square + _Q[6]
    q = q * square + _Q[5]
    q = q * square + _Q[4]
    q = q * square + _Q[3]
    q = q * square + _Q[2]
    q = q * square + _Q[1]
    q = q * square + _Q[0]
    return exponent * _LN2_HI + (exponent * _LN2_LO + s * (_TWO + square * q))


def log1p(x: Array) -> Array:
    """log(1 + x), for a finite x > -1."""
    w = _ONE + x
    back = w - _ONE
    lost = (_ONE - (w - back)) + (x - back)
    return log(w) + lost / w


def tanh(x: Array) -> Array:
    """Tanh x."""
    size = np.minimum(np.abs(x), 20.0)
    em = expm1(size + size)
    return np.copysign(em / (em + _TWO), x)


def sinh(x: Array) -> Array:
    """Sinh x, for |x| <= 709.4."""
    em = expm1(np.abs(x))
    return np.copysign((em + em / (em + _ONE)) * 0.5, x)


def _cosh_minus_one(x: Array) -> Array:
    em = expm1(np.abs(x))
    return em * (em / (em + _ONE)) * 0.5


def cosh(x: Array) -> Array:
    """Cosh x, for |x| <= 709.4."""
    return _ONE + _cosh_minus_one(x)


def logcosh(x: Array) -> Array:
    """Log cosh x, for a finite x."""
    size = np.abs(x)
    return chosen(size < 350.0, log1p(_cosh_minus_one(np.minimum(size, 350.0))), (size - _LN2_HI) - _LN2_LO)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), for x in [-708, 709.4]; larger x count as 708."""
    return _ONE / (_ONE + exp(np.maximum(-x, -708.0)))


def softplus(x: Array) -> Array:
    """log(1 + e^x), for a finite x >= -708; beyond 708, x."""
    return np.maximum(x, 0.0) + log1p(exp(np.maximum(-np.abs(x), -708.0)))


def turned(x: Array) -> tuple[Array, Array]:
    """n + MAGIC and r with x = n π/2 + r. For |x| <= 2^19."""
    shifted = x * _TWO_OVER_PI + _MAGIC
    n = shifted - _MAGIC
    return shifted, ((x - n * _HALF_PI[0]) - n * _HALF_PI[1]) - n * _HALF_PI[2]


def sin_and_cos(r: Array) -> tuple[Array, Array]:
    """Of |r| <= 0.7854."""
    square = r * r
    s, c = square * _SIN[7] + _SIN[6], square * _COS[7] + _COS[6]
    s, c = s * square + _SIN[5], c * square + _COS[5]
    s, c = s * square + _SIN[4], c * square + _COS[4]
    s, c = s * square + _SIN[3], c * square + _COS[3]
    s, c = s * square + _SIN[2], c * square + _COS[2]
    s, c = s * square + _SIN[1], c * square + _COS[1]
    s, c = s * square + _SIN[0], c * square + _COS[0]
    return r + r * (square * s), 1.0 - square * (0.5 - square * c)


def sin(x: Array) -> Array:
    """Sin x, for |x| <= 2^19."""
    shifted, r = turned(x)
    s, c = sin_and_cos(r)
    quadrant = bits(shifted)
    value = chosen(quadrant & 1 == 0, s, c)
    return value * (1.0 - (quadrant & 2))


def cos(x: Array) -> Array:
    """Cos x, for |x| <= 2^19."""
    shifted, r = turned(x)
    s, c = sin_and_cos(r)
    quadrant = bits(shifted) + 1
    value = chosen(quadrant & 1 == 0, s, c)
    return value * (1.0 - (quadrant & 2))
