"""Many intervals at once in `interval`: their ends as integers of one unit, and what is rounded outward from these."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.backends.interval.ends import Interval, bounded
from scalarspec.numbers.dyadic import EXPONENT_LIMIT, INFINITE
from scalarspec.numbers.fixed_point import EXP_ERROR, exp_reduced
from scalarspec.numbers.series import ln2

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array, int]
"""low, high and q, for intervals from low 2^q to high 2^q: object arrays of integers."""

MANY = 24
"""So many intervals are held as `Boxes`; fewer as scalars."""

UNIT_LIMIT = EXPONENT_LIMIT >> 1
"""Where units are within 2^±this, no exponent of what is held so comes to the limit."""
FURTHEST = 256
"""Ends whose exponents are further apart are not made integers of one unit."""
NEAR_BITS = 5
"""Logistic functions are taken in bulk of numbers below 2^this, whose exponentials are below 2^NEAREST."""
NEAREST = 48
MOST_BITS = 512
"""Beyond so many bits of the exponential, one by one is as fast."""
MARGIN = EXP_ERROR + 4
"""By so many units exponentials may be off here."""


class Boxes:
    """Intervals whose ends are integers of one unit, each a number of the context's bits."""

    __slots__ = ("_scalars", "exponent", "high", "low")

    def __init__(self, low: Array, high: Array, exponent: int) -> None:
        self.low, self.high, self.exponent = low, high, exponent
        self._scalars: Array | None = None

    def __reduce__(self) -> Any:
        return Boxes, self.ends()

    @property
    def size(self) -> int:
        """How many there are."""
        return self.low.size

    @property
    def ndim(self) -> int:
        """How many axes they have."""
        return self.low.ndim

    def ends(self) -> Ends:
        """The ends."""
        return self.low, self.high, self.exponent

    def scalars(self, prec: int) -> Array:
        """The intervals one by one."""
        if self._scalars is None:
            self._scalars = outward(self.ends(), prec)
        return self._scalars


def integer_ends(x: Array) -> Ends | None:
    """The ends of an array of scalars. None where their exponents are too far apart, or ends infinite."""
    scalars = x.ravel().tolist()
    exponents = {e for a, e, _, _ in scalars if a} | {f for _, _, b, f in scalars if b}
    least, greatest = min(exponents, default=0), max(exponents, default=0)
    if greatest - least > FURTHEST or greatest == INFINITE:
        return None
    low, high = np.empty(len(scalars), dtype=object), np.empty(len(scalars), dtype=object)
    low[:] = [a << (e - least) if a else 0 for a, e, _, _ in scalars]
    high[:] = [b << (f - least) if b else 0 for _, _, b, f in scalars]
    return low.reshape(x.shape), high.reshape(x.shape), least


# ---- exact ends of results ------------------------------------------------------------------------------------------


def added(x: Ends, y: Ends) -> Ends:
    """The sums of intervals."""
    if x[2] < y[2]:
        x, y = y, x
    (a, b, e), (c, d, f) = x, y
    return (a << (e - f)) + c, (b << (e - f)) + d, f


def negated(x: Ends) -> Ends:
    """The negatives of intervals."""
    return -x[1], -x[0], x[2]


def squared(x: Ends) -> Ends:
    """The squares of intervals."""
    low, high, q = x
    sizes = np.abs(low), np.abs(high)
    least = np.where((low < 0) & (high > 0), 0, np.minimum(*sizes))
    return least**2, np.maximum(*sizes) ** 2, 2 * q


def positive(x: Ends) -> Ends:
    """The positive parts of intervals."""
    return np.maximum(x[0], 0), np.maximum(x[1], 0), x[2]


def moved(x: Ends) -> Ends:
    """The last two axes exchanged."""
    return np.swapaxes(x[0], -1, -2), np.swapaxes(x[1], -1, -2), x[2]


# ---- rounded outward ------------------------------------------------------------------------------------------------


def rounded(ends: Ends, prec: int) -> Boxes | Array:
    """The intervals with these ends, moved outward to so many bits: `Boxes` where they are many and not far apart."""
    low, high, q = ends
    if low.size < MANY or abs(q) >= UNIT_LIMIT:
        return outward(ends, prec)
    numbers = [*low.ravel().tolist(), *high.ravel().tolist()]
    lengths = np.fromiter(map(int.bit_length, numbers), dtype=np.int64, count=len(numbers)).reshape(2, *low.shape)
    beyond = np.maximum(lengths - prec, 0)
    most = int(beyond.max())
    least = int(np.where(lengths > 0, beyond, most).min())
    if most - least > FURTHEST:
        return outward(ends, prec)
    if not most:
        return Boxes(low, high, q)
    down, up = np.maximum(beyond, least).astype(object)
    return Boxes((low >> down) << (down - least), -((-high >> up) << (up - least)), q + least)


def outward(ends: Ends, prec: int) -> Array:
    """The array of scalars with these ends, moved outward to so many bits."""
    low, high, q = ends
    found = np.empty(low.size, dtype=object)
    found[:] = [_outward(a, b, q, prec) for a, b in zip(low.ravel().tolist(), high.ravel().tolist(), strict=True)]
    return found.reshape(low.shape)


def _outward(a: int, b: int, q: int, prec: int) -> Interval:
    """`>>` of Python's integers rounds down, and -(-b >> k) up."""
    e = f = q
    k = a.bit_length() - prec
    if k > 0:
        a, e = a >> k, e + k
    k = b.bit_length() - prec
    if k > 0:
        b, f = -(-b >> k), f + k
    return (a, e, b, f) if abs(q) < UNIT_LIMIT else bounded(a, e, b, f)


def sigmoids(x: Ends, prec: int, wp: int) -> Ends | None:
    """1 / (1 + e⁻ˣ), which rises, at the ends, of `prec` bits. None for numbers that are not near.

    1. e⁻ˣ lies within MARGIN units of 2^(n-wp) of v 2^(n-wp) (`_falling`); where x is 0, it is 1.
    2. So 1 + e⁻ˣ lies within MARGIN of v + 2^(wp-n), in these units; a quotient is rounded outward once.

    wp: bits of the exponential.
    """
    low, high, q = x
    if not NEAREST < wp <= MOST_BITS or low.size == 0 or _bits(low, high) + q > NEAR_BITS:
        return None
    at_low, at_high = _falling(low.ravel(), high.ravel(), q, wp)
    down = _reciprocals(low, *at_low, MARGIN, wp, prec)
    up = _reciprocals(high, *at_high, -MARGIN, wp, prec)
    least = min(e for _, e in [*down, *up])
    found = np.empty((2, low.size), dtype=object)
    found[0], found[1] = ([m << (e - least) for m, e in some] for some in (down, up))
    return found[0].reshape(low.shape), found[1].reshape(low.shape), least


def _bits(low: Array, high: Array) -> int:
    """How long the longest number is."""
    return max(-int(np.min(low)), int(np.max(high))).bit_length()


def _falling(low: Array, high: Array, q: int, wp: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """v and n with e⁻ˣ near v 2^(n-wp), for the low ends and for the high ones.

    Where these differ by a d < 2^-(wp/2), e^-d is 1 - d but for less than a unit, and d itself, in units, but for one:
    so v (1 - d) is off by less than four units more than v. At 0 it is exact: n is 0 beside it.
    """
    half = len(low)
    narrow = int(np.max(high - low)).bit_length() + q < -(wp // 2) - 1
    x, shift = low if narrow else np.concatenate([low, high]), q + wp + NEAR_BITS
    t, unit = _shifted(-x, shift), ln2(wp + NEAR_BITS)
    n = t // unit
    v = exp_reduced(t - n * unit >> NEAR_BITS, wp)
    if narrow:
        beside = v - (v * _shifted(high - low, q + wp) >> wp)
        return (v, n), (np.where(high == 0, 1 << wp, beside), n)
    return (v[:half], n[:half]), (v[half:], n[half:])


def _shifted(numbers: Array, power: int) -> Array:
    """Times 2^power, rounded down."""
    return numbers << power if power >= 0 else numbers >> -power


def _reciprocals(x: Array, v: Array, n: Array, margin: int, wp: int, prec: int) -> list[tuple[int, int]]:
    """1 / (1 + (v + margin) 2^(n-wp)) for each, of `prec` bits, rounded down; for a margin below 0 up. Where x is 0, v
    is exact.
    """
    found, sign = [], 1 if margin > 0 else -1
    denominators = v + (1 << (wp - n)) + np.where(x.ravel() == 0, 0, margin)
    for number, unit in zip(denominators.tolist(), (wp - n).tolist(), strict=True):
        bits = prec + number.bit_length() - 1
        found.append((sign * ((sign << bits) // number), unit - bits))
    return found
