"""Elementary functions on float64 arrays, certified: built on IEEE 754's + - × ÷, comparisons and bit patterns alone.

NumPy's and the C library's functions promise no error bound, and differ from CPU to CPU. Each function here is straight
arithmetic on arrays of any shape, rounded to nearest, without FMA and without any library function, and states a proved
bound: |computed - f(x)| <= ERROR[name] |f(x)| on its range, in units of u = 2^-53. Results of size below 2^-960 may be
off by 2^-1074 more (underflow), which callers add.

`make prove-kernels` proves the bounds once more, by running these texts on intervals of roundings. How the proofs by
hand, which stand with the functions, count (Higham 2002, chapters 2 and 3):

  (1)  fl(a op b) = (a op b) (1 + δ), |δ| <= u. In absolute terms fl is off by at most 2^(e-53) for results in
       [2^e, 2^(e+1)), which is u / 4 in [1/4, 1/2), u in [1, 2), 2u in [2, 4).
  (2)  Differences of floats within a factor of 2 are exact (Sterbenz 1974), as are products with powers of two, and
       sums that are multiples of 2^k and below 2^(k+53) in size.
  (3)  An error of ε in an argument z counts |z g'(z) / g(z)| ε in g(z), relatively: 1 in a product or a quotient.
  (4)  Errors add up; products of two of them are below 2^-40 u here, and the rounding up of ERROR pays for them.
"""

from __future__ import annotations

from math import factorial
from typing import Any, NamedTuple

import numpy as np

Array = Any  # a float64 array, or a number where a compiler reads these texts one element at a time

U = 2.0**-53
ERROR = {
    "exp": 3, "expm1": 7, "expm1mx": 38, "log": 7, "log1p": 11, "tanh": 9, "sinh": 10, "cosh": 10, "logcosh": 28,
    "sigmoid": 5, "softplus": 15, "sqrt": 1, "sin": 4, "cos": 4,
}  # fmt: skip
"""The relative error of each function in units of U, proved in the functions' texts, rounded up. sqrt is NumPy's."""
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


class Range(NamedTuple):
    """Where an increasing function is computed, and what bounds it elsewhere."""

    least: Any
    """The smallest argument that its text here takes."""
    greatest: Any
    """The largest one."""
    floor: float
    """A lower bound of its values, everywhere."""
    cap: float
    """An upper bound of its values, everywhere."""
    zero: float = 0.0
    """The argument at which it is exactly 0, if it is at any."""


RANGES = {
    "exp": Range(SMALLEST_EXPONENT, LARGEST_EXPONENT, floor=0.0, cap=np.inf),
    "expm1": Range(SMALLEST_EXPONENT, LARGEST_EXPONENT, floor=-1.0, cap=np.inf),
    "sigmoid": Range(SMALLEST_EXPONENT, -SMALLEST_EXPONENT, floor=0.0, cap=1.0),
    "softplus": Range(SMALLEST_EXPONENT, LARGEST, floor=0.0, cap=np.inf),
    "tanh": Range(-LARGEST, LARGEST, floor=-1.0, cap=1.0),
    "sinh": Range(-LARGEST_EXPONENT, LARGEST_EXPONENT, floor=-np.inf, cap=np.inf),
    "log": Range(LAST, LARGEST, floor=-np.inf, cap=np.inf, zero=1.0),
    "log1p": Range(-1.0, LARGEST, floor=-np.inf, cap=np.inf),
}
"""The increasing functions."""


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
    """n + MAGIC and r with x = n ln 2 + r, |r| <= 0.34658, n an integer. For |x| <= 745.

    1. n is the integer nearest to x / ln 2, or a neighbour where x / ln 2 is near n + 1/2; |n| < 2^11.
    2. ln 2 = HI + LO up to 2^-102. HI is a multiple of 2^-42 of 42 bits: n HI is exact.
    3. x - n HI is exact: for n != 0, |x| > 1/4, and both are multiples of 2^-54 that are less than 2^-1 apart.
    4. n LO and the error of LO are off by |n| 2^-97 together; the last difference is rounded: u / 4 for |r| >= 1/4.
    5. So r is off by 0.26 u at most, which counts as much in e^r, relatively; for n = 0, r = x exactly.
    """
    shifted = x * _PER_LN2 + _MAGIC
    n = shifted - _MAGIC
    return shifted, (x - n * _LN2_HI) - n * _LN2_LO


def power_of_two(shifted: Array) -> Array:
    """2^n from n + MAGIC, for n from -1022 to 1023."""
    return number((bits(shifted) + 1023) << 52)


def bernoulli(square: Array) -> Array:
    """P(r²), of r coth(r/2) = 2 + r² P(r²): the series of the Bernoulli numbers to the 6th, for |r| <= 0.34658.

    The rest of the series is below 2^-56 in r² P. The last sum and the constant 1/6 are rounded, and the other terms
    are small: P is off by 2u beside that.
    """
    p = square * _P6 + _P5
    p = p * square + _P4
    p = p * square + _P3
    p = p * square + _P2
    return p * square + _P1


def quotient(r: Array) -> Array:
    """q = e^r - 1 = 2r / (R - r) with R = r coth(r/2), for |r| <= 0.34658.

    1. R - r = (2 - r) + r² P lies in [1.67, 2.37]. r² P <= 0.021 is off by 4u relatively, 0.08 u absolutely.
    2. 2 - r and the sum are off by u each where they are below 2, and by 2u above: together 2.05 u relatively, at worst
       where r is a little below 0, and 1.8 u at r = -0.34658.
    3. The division adds 1u: 3.1 u in all. At r = -0.34658 it adds u / 4 to |q| = 0.293, hence 2.7 u there.
    """
    square = r * r
    return (r + r) / ((_TWO - r) + square * bernoulli(square))


def exp(x: Array) -> Array:
    """e^x = 2^n (1 + q), for x in [-708, 709.4].

    1. r's error counts 0.26 u (`reduced`).
    2. q's counts |q| / (1 + q): most at r = -0.34658, where 2.7 u × 0.293 / 0.707 = 1.12 u.
    3. The sum, above 0.707, is off by u / 2 below 1: 0.71 u; above 1, by u.
    4. Together 2.3 u. The product with 2^n is exact: it adds n to the exponent's bits.
    """
    shifted, r = reduced(x)
    return number(bits(_ONE + quotient(r)) + (bits(shifted) << 52))


def expm1(x: Array) -> Array:
    """e^x - 1 = 2^n q + (2^n - 1), for x in [-708, 709.4].

    1. n = 0: q itself, 3.1 u.
    2. Else 2^n q is exact but for q's error; 2^n - 1 is exact for |n| <= 53, and off by u beyond, where it rules.
    3. The worst is n = 1, q = -0.293, whose value is 0.414: q counts 2 × 0.293 × 2.7 u = 1.59 u, r counts 2 × 0.707 ×
       u / 4 = 0.36 u, and the sum is off by u / 4: 2.2 u, or 5.4 u relatively. ERROR allows 7.
    """
    shifted, r = reduced(x)
    scale = power_of_two(shifted)
    return scale * quotient(r) + (scale - _ONE)


def expm1mx(x: Array) -> Array:
    """e^x - 1 - x, for x in [-708, 709.4].

    1. n = 0: q - r = r² (1 - r P) / (R - r), where nothing cancels. r² counts 1u; 1 - r P >= 0.94, 1.3 u; the product,
       1u; R - r, 2.05 u; the division, 1u: 6.4 u.
    2. Else 2^n q + (2^n - 1 - x). The worst is x = 0.3466 (n = 1, q = -0.293), whose value is 0.0676: 2q is off by
       1.6 u, r counts 0.36 u, 1 - x is off by u / 2, and the sum by u / 16: 2.53 u, or 37.5 u relatively.
    """
    shifted, r = reduced(x)
    scale = power_of_two(shifted)
    square = r * r
    p = bernoulli(square)
    below = (_TWO - r) + square * p
    return chosen(scale == _ONE, square * (_ONE - r * p) / below, scale * ((r + r) / below) + ((scale - _ONE) - x))


def log(x: Array) -> Array:
    """The logarithm of a finite positive number x = 2^k m, m in [√½, √2): k ln 2 + log m.

    1. log m = s (2 + s² Q(s²)), s = (m - 1) / (m + 1), |s| < 0.1716, Q the series of atanh to the 10th term, cut below
       2^-60. m - 1 is exact; s is off by 2u, s² by 5u, Q by 2u; s² Q <= 0.021, off by 8u, counts 0.09 u in 2 + s² Q.
    2. The sum and the product with s add 1u each: log m is off by 4.1 u; for k = 0 that is all.
    3. Else the value is at least 0.3465 in size. k HI is exact, as in `reduced`. At worst, for k LO + log m of 0.3466
       in size, log m counts 4.1 u, the inner sum 1u, and the last one 1u: 6.1 u.
    """
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
    """log(1 + x) = log w + c/w - ..., for a finite x > -1: w = fl(1 + x), and c what that has lost, exactly (two-sum).

    1. log w is off by 6.1 u, and by 4.1 u where k = 0 in `log`.
    2. |c| <= u w. The sum can halve log w once, where w is a neighbour of 1 (k = 0): 2 × 4.1 u. Elsewhere it takes a
       quarter from it at most.
    3. c/w, of the size of the result at most, and the sum add 1u each; c²/2w² and more, left out, is below u/2.
    4. 10.7 u in all.
    """
    w = _ONE + x
    back = w - _ONE
    lost = (_ONE - (w - back)) + (x - back)
    return log(w) + lost / w


def tanh(x: Array) -> Array:
    """Tanh x = em / (em + 2), em = expm1(2|x|).

    1. em's error counts 2 / (em + 2): 5.4 u × 0.83 at worst (em = 0.414), or 3.1 u for n = 0 in `expm1`.
    2. The sum and the division add 1u each: 6.5 u. ERROR allows 9.
    3. |x| is cut at 20: tanh is within 2^-56.7 = 0.08 u of tanh 20 beyond.
    """
    size = np.minimum(np.abs(x), 20.0)
    em = expm1(size + size)
    return np.copysign(em / (em + _TWO), x)


def sinh(x: Array) -> Array:
    """Sinh x = (em + em / (em + 1)) / 2, em = expm1(|x|), for |x| <= 709.4.

    1. em is off by 5.4 u where em >= 0.414, and by 3.1 u below.
    2. em / (em + 1): em counts 1 / (em + 1), the sum and the division 1u each: 5.9 u, or 5.1 u below 0.414.
    3. Both terms are positive, and their sum adds 1u: 6.9 u. ERROR allows 10.
    """
    em = expm1(np.abs(x))
    return np.copysign((em + em / (em + _ONE)) * 0.5, x)


def _cosh_minus_one(x: Array) -> Array:
    """Cosh x - 1 = em (em / (em + 1)) / 2, em = expm1(|x|).

    1. em counts 1 + 1 / (em + 1), which is at most 2, and 1.71 from em = 0.414 on: 9.3 u, or 6.2 u below 0.414.
    2. The sum, the division and the product add 1u each: 12.3 u.
    """
    em = expm1(np.abs(x))
    return em * (em / (em + _ONE)) * 0.5


def cosh(x: Array) -> Array:
    """Cosh x = 1 + f, f = cosh x - 1, for |x| <= 709.4.

    1. f counts f / (1 + f): 12.3 u × 0.06 where em = 0.414. From em = 1.83 on (n >= 2 in `expm1`), em is off by 3.4 u,
       f by 3.4 u × 1.36 + 3u = 7.7 u; between, f / (1 + f) <= 0.38.
    2. The sum adds 1u: 8.7 u.
    """
    return _ONE + _cosh_minus_one(x)


def logcosh(x: Array) -> Array:
    """Log cosh x = log(1 + f), f = cosh x - 1, for a finite x.

    1. f, off by 12.3 u, counts f / ((1 + f) log(1 + f)) <= 1; log1p adds 10.7 u: 23 u. ERROR allows 28.
    2. From 350 on, |x| - ln 2: e^-700 is nothing beside it, and two differences are rounded.
    """
    size = np.abs(x)
    return chosen(size < 350.0, log1p(_cosh_minus_one(np.minimum(size, 350.0))), (size - _LN2_HI) - _LN2_LO)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), for x in [-708, 708].

    e^-x counts at most its 2.3 u, and the sum and the division add 1u each: 4.3 u.
    """
    return _ONE / (_ONE + exp(-x))


def softplus(x: Array) -> Array:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), for a finite x >= -708; beyond 708, x.

    e^-|x| counts at most its 2.3 u in log1p, which adds 10.7 u; the sum adds 1u: 14 u.
    """
    return np.maximum(x, 0.0) + log1p(exp(np.maximum(-np.abs(x), -708.0)))


def turned(x: Array) -> tuple[Array, Array]:
    """n + MAGIC and r with x = n π/2 + r, |r| <= 0.7854, n an integer. For |x| <= 2^19, so that |n| < 2^19.

    1. π/2 = A + B + C up to 2^-122; A is a multiple of 2^-30 of 31 bits, B one of 2^-65 of 32 bits: n A, n B are exact.
    2. x - n A is exact: for n != 0, |x| > 1/2, and both are multiples of 2^-53 that are less than 1 apart.
    3. Taking n B is rounded, by u |r| or, below 2^-12, not at all; so is taking n C, by u |r|.
    4. n C and the error of C are off by 2^-102 together. So r is off by 2u |r| + 2^-102; by nothing for n = 0.
    """
    shifted = x * _TWO_OVER_PI + _MAGIC
    n = shifted - _MAGIC
    return shifted, ((x - n * _HALF_PI[0]) - n * _HALF_PI[1]) - n * _HALF_PI[2]


def sin_and_cos(r: Array) -> tuple[Array, Array]:
    """Of |r| <= 0.7854, by Taylor's polynomials, cut below 2^-60.

    1. sin r = r + r (r² S), |r² S| < 0.104, off by 6u relatively: 0.7 u of sin r. The last sum adds 1u.
    2. cos r = 1 - r² (1/2 - r² C) >= 0.707. The term in r², at most 0.293, is off by 3.2 u relatively: 1.33 u of cos r
       at worst. The last difference, below 1, adds 0.71 u.
    3. r's error of 2u |r| counts 2u |r cot r| <= 2u in sin r, and 2u |r tan r| <= 1.58 u in cos r.
    4. Together below 4u; and ANGLE_ERROR pays for the 2^-102 of r, where n != 0: from |x| = 0.78 on.
    """
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
