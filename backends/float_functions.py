"""What floats compute where a function is no single operation of theirs: NumPy's and C's functions, and formulas.

A formula here keeps its digits everywhere: nothing in it cancels, and what overflows or underflows on the way leaves
the right result. Special values are those of NumPy or, for activations, of PyTorch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np

from scalarspec.core.context import Context

Float = Any  # a NumPy scalar, or an array of them


@cache
def _taylor_at_two() -> tuple[float, ...]:
    """(-1)ᵏ (ζ(k) - 1) / k from k = 40 down to 2, and 1 - γ: Taylor's coefficients of log Γ(2 + z). NIST's Digital
    Library of Mathematical Functions, 5.7.3.
    """
    from mpmath.ctx_mp import MPContext

    mp = MPContext()
    mp.prec = 100
    return (*(float((-1) ** k * (mp.zeta(k) - 1) / k) for k in range(40, 1, -1)), float(1 - mp.euler))


def _or_infinity(function: Callable[[float], float], x: float) -> float:
    """What a function of the C library gives, where Python raises an error for an infinity."""
    try:
        return function(x)
    except (ValueError, OverflowError):
        return math.inf


ERF, ERFC = (np.vectorize(function, otypes=[np.float64]) for function in (math.erf, math.erfc))
"""The C library's, in double precision; NumPy has none."""
LGAMMA = np.vectorize(lambda x: _or_infinity(math.lgamma, x), otypes=[np.float64])
"""Python's; infinite at its poles, and where it overflows. Near its zeros at 1 and 2 it is off by hundreds of ulps,
and by more than 4 up to 6."""
STIRLING, DIGAMMA = 12, (-691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
"""From 12 on log x - 1/2x less the series of B₂ₖ / (2k x²ᵏ) is the digamma function, but for 2^-54; these, the last
first."""
FAR_TAIL = -25.0
"""From here on down log Φ is worked out by a series, whose ninth term is below 2^-53."""
SATURATED = 20.0
"""From here on up tanh(log(1 + eˣ)) is 1 in float64."""


_BERNOULLI = (1 / 23950080, -1 / 604800, 1 / 15120, -1 / 360, 1 / 6)
"""2 B₂ₖ / (2k)! for k = 5, 4, ..., 1."""


def bernoulli(size: int) -> tuple[float, ...]:
    """The coefficients that floats of so many bytes need."""
    return _BERNOULLI if size > 4 else _BERNOULLI[2:]


def expm1mx(xp: Any, x: Any) -> Any:
    """eˣ - 1 - x. Where that cancels, below 1/4 in size, as x² (1 - x P) / (x coth(x/2) - x), x coth(x/2) = 2 + x² P.

    P is the series of the Bernoulli numbers, cut below 2**-56, for shorter floats below 2**-32. xp: whose functions are
    called: NumPy, or a library with the same names.
    """
    near = xp.clip(x, -0.25, 0.25)
    square = near * near
    first, *others, last = bernoulli(x.dtype.itemsize)
    series = square * first
    for coefficient in others:
        series = (series + coefficient) * square
    series = (series + last) * near
    value = square * (1 - series) / (near * series + 2 - near)
    return xp.where(xp.abs(x) < 0.25, value, xp.expm1(x) - x)


def logcosh(xp: Any, x: Any) -> Any:
    """Log(cosh x): near 0 as log(1 + 2 sinh²(x/2)); beyond 1 as |x| + log(1 + e^-2|x|) - log 2, which does not
    overflow. xp: as for `expm1mx`.
    """
    size = xp.abs(x)
    near = xp.log1p(2 * xp.square(xp.sinh(xp.clip(size, 0, 1) / 2)))
    far = size + xp.log1p(xp.exp(-2 * size)) - math.log(2)
    return xp.where(size < 1, near, far)


def gelu_tanh(x: Any, sigmoid: Callable[[Any], Any]) -> Any:
    """x σ(2u), 2u = √(8/π) (x + 0.044715 x³). sigmoid: of the library whose array x is."""
    return x * sigmoid(math.sqrt(8 / math.pi) * (x * (1 + 0.044715 * (x * x))))


def lgamma(xp: Any, t: Any, elsewhere: Callable[[Any], Any]) -> Any:
    """log Γ(t): up to 6.5 by log Γ(2 + z) and Γ(t + 1) = t Γ(t), with |z| <= 0.7. elsewhere: the function beyond, and
    for t <= 0; xp: as for `expm1mx`.
    """
    near = xp.where((t > 0) & (t <= 6.5), t, 2.0)
    z, factors, series = near, xp.ones_like(near), xp.zeros_like(near)
    for reached in (near >= 0.5, near >= 1.3, near > 2.5, near > 3.5, near > 4.5, near > 5.5):
        z = z - xp.where(reached, 1.0, 0.0)
    for k in (1, 2, 3, 4):
        factors = factors * xp.where(near > k + 1.5, near - k, 1.0)
    for coefficient in _taylor_at_two():
        series = (series + coefficient) * z
    below = xp.where(near < 0.5, xp.log(near), 0.0) + xp.where(near < 1.3, xp.log1p(z), 0.0)
    return xp.where(near == t, series + xp.log(factors) - below, elsewhere(t))


def digamma(xp: Any, t: Any) -> Any:
    """ψ(t) = ψ(t + 1) - 1/t up to `STIRLING`, there the asymptotic series; by reflection for t < 0. xp: as for
    `expm1mx`.
    """
    z = xp.where(t <= 0, 1 - t, t)
    total = xp.where(t <= 0, -math.pi / xp.tan(math.pi * xp.fmod(t, 1)), 0.0)
    for _ in range(STIRLING):
        small = z < STIRLING
        z, total = xp.where(small, z + 1, z), xp.where(small, total - 1 / z, total)
    square, series = xp.square(1 / z), xp.zeros_like(z)
    for coefficient in DIGAMMA:
        series = (series + coefficient) * square
    value = total + (xp.log(z) - 0.5 / z - series)
    at_pole = (t <= 0) & (xp.floor(t) == t)
    return xp.where(at_pole, xp.where(t == 0, xp.copysign(math.inf, -t), math.nan), value)


class FloatFunctions(Context[Float], Protocol):
    """Functions of NumPy scalars and arrays alike."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""

    def floor(self, x: Float) -> Float:
        return np.floor(x)

    def ceil(self, x: Float) -> Float:
        return np.ceil(x)

    def trunc(self, x: Float) -> Float:
        return np.trunc(x)

    def round(self, x: Float) -> Float:
        return np.rint(x)

    def remainder(self, x: Float, y: Float) -> Float:
        return np.remainder(x, y)

    def copysign(self, x: Float, y: Float) -> Float:
        return np.copysign(x, y)

    def cbrt(self, x: Float) -> Float:
        return np.cbrt(x)

    def hypot(self, x: Float, y: Float) -> Float:
        return np.hypot(x, y)

    def log2(self, x: Float) -> Float:
        return np.log2(x)

    def log10(self, x: Float) -> Float:
        return np.log10(x)

    def asin(self, x: Float) -> Float:
        return np.arcsin(x)

    def acos(self, x: Float) -> Float:
        return np.arccos(x)

    def atan2(self, y: Float, x: Float) -> Float:
        return np.arctan2(y, x)

    def asinh(self, x: Float) -> Float:
        return np.arcsinh(x)

    def acosh(self, x: Float) -> Float:
        return np.arccosh(x)

    def atanh(self, x: Float) -> Float:
        return np.arctanh(x)

    def erf(self, x: Float) -> Float:
        return self._of_double(ERF(x))

    def erfc(self, x: Float) -> Float:
        return self._of_double(ERFC(x))

    def elu(self, x: Float) -> Float:
        return self.where(x > 0, x, np.expm1(np.minimum(x, 0)))

    def silu(self, x: Float) -> Float:
        """x / (1 + e⁻ˣ), for x < 0 as x eˣ / (1 + eˣ)."""
        power = np.exp(-np.abs(x))
        return self.where(x < 0, x * power, x) / (1 + power)

    def gelu(self, x: Float) -> Float:
        """x erfc(-x / √2) / 2."""
        return x * self.erfc(x * self.dtype.type(-math.sqrt(0.5))) / 2

    def gelu_tanh(self, x: Float) -> Float:
        return gelu_tanh(x, self.sigmoid)

    def mish(self, x: Float) -> Float:
        """x n / (n + 2) for n = eˣ (eˣ + 2)."""
        power = np.exp(np.minimum(x, self.dtype.type(SATURATED)))
        ratio = power * (power + 2)
        return x * (ratio / (ratio + 2))

    def log_ndtr(self, x: Float) -> Float:
        """By the tail of Φ on the side of x; far out by log Φ(-t) = -t²/2 - log(t √(2π)) + log(1 - 1/t² + 3/t⁴ - ...).

        In double precision, since the tails leave the range of shorter floats.
        """
        t = np.asarray(x, dtype=np.float64)
        below = np.log(ERFC(np.clip(t, FAR_TAIL, 0.0) * -math.sqrt(0.5)) / 2)
        above = np.log1p(-ERFC(np.maximum(t, 0.0) * math.sqrt(0.5)) / 2)
        far, series = np.minimum(t, FAR_TAIL), np.zeros_like(t)
        for n in range(8, 0, -1):
            series = (1 + series) * ((1 - 2 * n) / np.square(far))
        tail = -np.square(far) / 2 - np.log(-far) - math.log(2 * math.pi) / 2 + np.log1p(series)
        return self._of_double(np.where(t < FAR_TAIL, tail, np.where(t < 0, below, above)))

    def lgamma(self, x: Float) -> Float:
        """In double precision."""
        return self._of_double(lgamma(np, np.asarray(x, dtype=np.float64), LGAMMA))

    def digamma(self, x: Float) -> Float:
        """In double precision."""
        return self._of_double(digamma(np, np.asarray(x, dtype=np.float64)))

    def _of_double(self, value: Any) -> Float:
        """Double precision, rounded to the format."""
        return np.asarray(value).astype(self.dtype)[()]
