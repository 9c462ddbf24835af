"""Proves the error bounds of `interval64`'s kernels for every argument of their ranges: `make prove-kernels`.

Each kernel's own text is run on pieces of its reduced arguments (`running_errors`), with the constants that stand in it
against those that they are meant to be, which rational numbers and `interval` enclose. That it is the formula whose
series is cut there is checked in rational numbers (`meaning`). What the cut leaves out is bounded beside, and so is
what the reduction loses, whose exactness is checked on its constants. Pieces are halved until the bound of the code
holds on each, or the proof fails. Underflow, of results below 2^-960, is left to the texts, and so are the three lines
of two-sum in `log1p`, and that x - k/16 is exact in `error_functions` (Sterbenz).
"""

import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import factorial
from types import FunctionType, SimpleNamespace

import numpy as np
from running_errors import (
    ONE,
    C,
    Exact,
    ExactNumpy,
    Numpy,
    Tracked,
    above,
    below,
    interval,
    known,
    meant,
    symmetric,
    tracked,
    variable,
)

from scalarspec.backends.interval import IntervalContext
from scalarspec.numbers import elementary, error_functions, series

U = Fraction(1, 2**53)
C_LONG = IntervalContext(400)
"""For constants whose recurrences lose bits."""
R, QUARTER_TURN = Fraction("0.34658"), Fraction("0.7854")
"""No reduced argument is larger: checked with the reductions."""
DEEPEST = 22
"""A piece is halved so often, and then the proof is given up."""


class NotProved(Exception):
    """What does not hold, and where."""


def require(condition, text):
    if not condition:
        raise NotProved(text)


# ---- the texts, on tracked numbers ----------------------------------------------------------------------------------


def coefficient(k):
    """2 B_2k / (2k)!, of r²ᵏ in r coth(r/2)."""
    return 2 * series.bernoulli(k) / factorial(2 * k)


IDEALS = {
    "_ONE": 1,
    "_TWO": 2,
    **{f"_P{k}": coefficient(k) for k in range(1, 7)},
    "_Q": [Fraction(2, 2 * k + 1) for k in range(1, 11)],
    "_SIN": [Fraction((-1) ** k, factorial(2 * k + 1)) for k in range(1, 9)],
    "_COS": [Fraction((-1) ** k, factorial(2 * k)) for k in range(2, 10)],
    "_LN2_HI": None,
    "_LN2_LO": None,
}
"""What the constants of `elementary` are meant to be; None: themselves, exactly, as the reductions have it."""


def constant(name):
    """One of `elementary`, tracked."""
    value, ideal = getattr(elementary, name), IDEALS[name]
    if isinstance(ideal, list):
        require(len(value) == len(ideal), f"{name} has {len(value)} coefficients")
        return [meant(v, interval(i)) for v, i in zip(value, ideal, strict=True)]
    return meant(value, interval(Fraction(float(value)) if ideal is None else ideal))


def texts(module=elementary, make=constant, **stubs):
    """The functions of a module on tracked numbers, but for stubs. make: what a constant is, by its name."""
    names = {**vars(elementary), **vars(module), "np": Numpy()} | {name: make(name) for name in IDEALS}
    for name, function in list(names.items()):
        if isinstance(function, FunctionType):
            names[name] = FunctionType(function.__code__, names, name, function.__defaults__)
    names |= {"chosen": lambda condition, x, y: x if condition else y, **stubs}
    return names


def worst(bound, pieces, limit):
    """The largest of the bounds on pieces, each of which is halved where its bound is above the limit."""
    largest, waiting = Fraction(0), [(*piece, 0) for piece in pieces]
    while waiting:
        low, high, depth = waiting.pop()
        found = bound(low, high)
        if found <= limit:
            largest = max(largest, Fraction(found))
            continue
        require(depth < DEEPEST, f"{float(found):.3f} units on [{float(low)}, {float(high)}]")
        middle = (low + high) / 2
        waiting += [(low, middle, depth + 1), (middle, high, depth + 1)]
    return largest


def pieces(low, high, count):
    low, high = Fraction(low), Fraction(high)
    return [(low + (high - low) * i / count, low + (high - low) * (i + 1) / count) for i in range(count)]


def around_zero(low, high):
    """Pieces that double in size from 0, on both sides."""
    found = []
    for end in (Fraction(high), Fraction(low)):
        edges = [Fraction(0), *(end / 2**k for k in range(14, -1, -1))]
        found += [tuple(sorted(pair)) for pair in pairwise(edges)]
    return [piece for piece in found if piece[0] != piece[1]]


# ---- the formulas of the texts --------------------------------------------------------------------------------------


def exactly(name):
    """A constant of `elementary` as what it is meant to be."""
    value, ideal = getattr(elementary, name), IDEALS[name]
    if isinstance(ideal, list):
        require(len(value) == len(ideal), f"{name} has {len(value)} coefficients")
        return list(map(Exact, ideal))
    return Exact(Fraction(float(value)) if ideal is None else ideal)


def polynomial(coefficients, x):
    return sum(c * x**k for k, c in enumerate(coefficients))


POINTS = [Fraction(n, 37) for n in range(-24, 25) if n]
"""More places than the degrees of the formulas, which are the same where they agree on all."""


def linear(x):
    """Stands for any function in a text."""
    return Exact.of(x) * Exact(Fraction(3, 7)) + Exact(Fraction(5, 11))


def value(x):
    """The same of a rational number."""
    return linear(Exact(x)).value


def agree(names, name, argument, formula, **stubs):
    """A text, with stubs for what it takes from others, has the value of a formula."""
    kept = {key: names[key] for key in stubs}
    names.update(stubs)
    found = names[name](argument)
    names.update(kept)
    parts = zip(found, formula, strict=True) if isinstance(found, tuple) else [(found, formula)]
    require(all(Exact.of(f).value == g for f, g in parts), f"the text of {name} is another formula")


def meaning():
    """The texts, on rational numbers and with the constants that are meant, are the formulas that the proofs are about.

    What they take from others stands for anything: a linear function, by which its argument is seen.
    """
    names = texts(make=exactly, np=ExactNumpy(), **PATTERNS)
    p = [coefficient(k) for k in range(1, 7)]

    def same(name, argument, formula, **stubs):
        agree(names, name, argument, formula, **stubs)

    for r in POINTS:
        x, square = Exact(r), r * r
        same("bernoulli", Exact(square), polynomial(p, square))
        below = 2 - r + square * polynomial(p, square)
        same("quotient", x, 2 * r / below)
        for n in (0, 1, -3):
            power, whole = Fraction(2) ** n, n * Fraction(7, 10) + r
            own = {"reduced": lambda _, n=n, x=x: (Shift(n), x), "power_of_two": lambda s: Exact(Fraction(2) ** s.n)}
            same("exp", Exact(whole), power * (1 + 2 * r / below), **own)
            same("expm1", Exact(whole), power * (1 + 2 * r / below) - 1, **own)
            same("expm1mx", Exact(whole), power * (1 + 2 * r / below) - 1 - whole, **own)
            s = r / (2 + r)
            logarithm = polynomial([Fraction(2, 2 * k + 1) for k in range(11)], s * s) * s
            ln2 = sum(Fraction(float(part)) for part in (elementary._LN2_HI, elementary._LN2_LO))
            same("log", Mantissa(n, x), n * ln2 + logarithm)
        waves = [[Fraction((-1) ** k, factorial(2 * k + odd)) for k in range(10 - odd)] for odd in (1, 0)]
        same("sin_and_cos", x, (r * polynomial(waves[0], square), polynomial(waves[1], square)))
        for scale in (1, 30, 2000):
            outer_texts(same, r * scale)


def outer_texts(same, x):
    """Functions of the three, with their arguments cut where they are."""
    size, sign = abs(x), 1 if x > 0 else -1
    z, em = value(2 * min(size, 20)), value(size)
    same("tanh", Exact(x), sign * z / (z + 2), expm1=linear)
    same("sinh", Exact(x), sign * (em + em / (em + 1)) / 2, expm1=linear)
    same("_cosh_minus_one", Exact(x), em * em / (em + 1) / 2, expm1=linear)
    same("cosh", Exact(x), 1 + em * em / (em + 1) / 2, expm1=linear)
    same("sigmoid", Exact(x), 1 / (1 + value(max(-x, -708))), exp=linear)
    same("softplus", Exact(x), max(x, 0) + value(value(max(-size, -708))), exp=linear, log1p=linear)
    same("log1p", Exact(x), value(1 + x), log=linear)
    ln2 = sum(Fraction(float(part)) for part in (elementary._LN2_HI, elementary._LN2_LO))
    logcosh = value(value(min(size, 350))) if size < 350 else size - ln2
    same("logcosh", Exact(x), logcosh, _cosh_minus_one=linear, log1p=linear)


# ---- the reductions -------------------------------------------------------------------------------------------------


def multiple(value, power):
    """Is a float a whole multiple of 2^power; and how many bits has that?"""
    scaled = Fraction(float(value)) / Fraction(2) ** power
    return scaled.denominator == 1, abs(scaled.numerator).bit_length()


def ln2_loss():
    """How far `reduced` is off for n != 0, beside half a last place of r. The steps of its text."""
    high, low, per = (Fraction(float(getattr(elementary, n))) for n in ("_LN2_HI", "_LN2_LO", "_PER_LN2"))
    whole, length = multiple(high, -42)
    require(whole and length <= 42, "LN2_HI is no multiple of 2^-42 of 42 bits")
    bits = 300
    ln2 = Fraction(series.ln2(bits), 2**bits)
    miss = abs(high + low - ln2) + Fraction(1, 2**bits)
    require(miss <= Fraction(1, 2**102), "LN2_HI + LN2_LO is not ln 2 to 2^-102")
    largest = Fraction(745)
    n = largest / ln2 + 1
    require(n < 2**11, "n has more than 11 bits")
    turns = largest * abs(per * ln2 - 1) / ln2 + largest * per * U  # by which x / ln 2 is off before it is rounded
    require((Fraction(1, 2) + turns) * (ln2 + Fraction(1, 2**bits)) + n * miss <= R, "r is larger than is said")
    require((Fraction(1, 2) - turns) * ln2 > Fraction(1, 4), "x may be below 1/4 for n != 0")
    require(R + n * low < Fraction(1, 2), "x - n HI may need more bits")
    return n * (abs(low) * U + miss)


def pi_loss():
    """How far `turned` is off for n != 0, beside 2 u |r|. The steps of its text."""
    a, b, c = (Fraction(float(part)) for part in elementary._HALF_PI)
    bits = 300
    half_pi = Fraction(series.pi(bits), 2 ** (bits + 1))
    n = Fraction(elementary.LARGEST_ANGLE) / half_pi + 1
    for part, power, length in ((a, -30, 31), (b, -65, 32)):
        whole, found = multiple(part, power)
        require(whole and found <= length, "a part of π/2 has too many bits")
        require(n * 2**length < 2**53, "a product with n is not exact")
    miss = abs(a + b + c - half_pi) + Fraction(1, 2**bits)
    per = Fraction(float(elementary._TWO_OVER_PI))
    turns = elementary.LARGEST_ANGLE * abs(per - 1 / half_pi) + n * U + Fraction(1, 2**200)
    require((Fraction(1, 2) + turns) * half_pi + n * miss < QUARTER_TURN, "r is larger than is said")
    require((Fraction(1, 2) - turns) * half_pi > Fraction(1, 2), "x may be below 1/2 for n != 0")
    require(QUARTER_TURN + n * (abs(b) + abs(c)) < 1, "x - n A may need more bits")
    return n * (abs(c) * U + miss) * (1 + 4 * U)


def shifts_are_exact():
    """The bit patterns, for each exponent: 2^n, an exponent that is added, and the k of `log` at the border √½ 2^k,
    where it changes, by the values there.
    """
    n = np.arange(-1022, 1024, dtype=float)
    powers = elementary.power_of_two(n + float(elementary._MAGIC))
    require([float(p) for p in powers] == [2.0 ** int(k) for k in n], "power_of_two")
    added = elementary.number(elementary.bits(np.ones(len(n))) + (elementary.bits(n + float(elementary._MAGIC)) << 52))
    require([float(p) for p in added] == [2.0 ** int(k) for k in n], "an exponent that is added")
    root = Fraction(float(np.int64(elementary._SQRT_HALF_BITS).view(np.float64)))
    require(abs(root**2 - Fraction(1, 2)) < Fraction(1, 2**50), "the border of the binades of log is not √½")
    for k in range(-1073, 1024):
        border = float(root) * 2.0**k
        x = np.array([border, np.nextafter(border, 0)])
        for value, at in zip(elementary.log(x).tolist(), x.tolist(), strict=True):
            off = C.subtract(interval(Fraction(value)), C.log(interval(Fraction(at))))
            require(above(off) <= elementary.ERROR["log"] * U * abs(Fraction(value)), f"log at {at}")
    return Fraction(0)


def is_nearest(value, ideal, last_places=Fraction(1, 2)):
    """Is a float within half a last place of what it is meant to be, of which `ideal` is a close enclosure?"""
    ulp = Fraction(float(np.spacing(abs(float(value)))))
    return above(C_LONG.subtract(interval(Fraction(float(value))), ideal)) <= last_places * ulp


def of_constants(limit, places=None):
    """Each coefficient and table entry is the float nearest to the number that it is meant to be; those of erf, which
    are worked out in floats, to 2 last places.
    """
    for name, ideal in IDEALS.items():
        value = getattr(elementary, name)
        both = zip(value, ideal, strict=True) if isinstance(ideal, list) else [(value, ideal)] if ideal else []
        for i, (v, true) in enumerate(both):
            require(is_nearest(v, C_LONG.literal(true)), f"{name}, coefficient {i}")
    two_over_pi, per_ln2 = C_LONG.divide((2, 0, 2, 0), C_LONG.pi()), C_LONG.reciprocal(C_LONG.log((2, 0, 2, 0)))
    require(is_nearest(elementary._TWO_OVER_PI, two_over_pi), "_TWO_OVER_PI")
    require(is_nearest(elementary._PER_LN2, per_ln2), "_PER_LN2")
    for n, (value, ideal) in enumerate(zip(error_functions._ERF, erf_coefficients(), strict=True)):
        require(is_nearest(value, ideal, 2), f"_ERF, coefficient {n}")
    table = error_functions._table()
    for k in range(table.shape[1]) if places is None else places:
        for n, (value, ideal) in enumerate(zip(table[:, k], bracket_coefficients(k), strict=True)):
            require(is_nearest(value, ideal), f"the table of erfc, row {n}, place {k}")
    return Fraction(0)


class Shift:
    """n + MAGIC, whose last bits are n; as bits, what is added to an exponent."""

    def __init__(self, n):
        self.n = n

    def __lshift__(self, places):
        return self

    def __radd__(self, other):
        return other * (Exact(Fraction(2) ** self.n) if isinstance(other, Exact) else power_of_two(self))


def power_of_two(shift):
    """2^n of a `Shift`."""
    return Tracked((1, shift.n, 1, shift.n))


PATTERNS = {"bits": lambda x: x, "number": lambda x: x}
"""Bit patterns are numbers here."""


# ---- functions of e^r -----------------------------------------------------------------------------------------------


class Exponentials:
    """The texts that begin with `reduced`, on pieces of r for one n at a time, each against its function of x."""

    def __init__(self):
        self.loss = ln2_loss()
        self.names = texts(power_of_two=power_of_two, **PATTERNS)
        self.series = self.names["bernoulli"]

    def at(self, name, n, low, high):
        """The result of exp, expm1 or expm1mx, against the function of the true x, from which n ln 2 + r differs."""
        size = max(abs(low), abs(high))
        r = variable(low, high) if n == 0 else known(low, high)
        lost = half_last(size) + self.loss if n else Fraction(0)
        x = C.add(C.multiply((n, 0, n, 0), C.log((2, 0, 2, 0))), interval(low - lost, high + lost))
        rest = abs(coefficient(7)) * size**12  # the terms of r coth(r/2) alternate, and fall: so do those of P
        self.names["reduced"] = lambda _: (Shift(n), r)
        self.names["bernoulli"] = lambda square: changed(self.series(square), symmetric(rest))
        result = self.names[name](r if n == 0 else Tracked(x))
        if n:
            slope = C.multiply((1, n, 1, n), C.exp(interval(low - lost, high + lost)))
            result = changed(result, symmetric(C.multiply(symmetric(lost), slope)))
        return result, x

    def relative(self, name, n, low, high):
        """The error of a function in units: of one of those three, or of one of `INNER`."""
        inner = INNER.get(name, name)
        result, x = self.at(inner, n, low, high)
        if inner != name:
            return self.outer(name, result) / U
        least = below(result.t)
        if n:
            least = max(least, below(getattr(C, name)(x)))
        return above(result.d) / least / U if least else float("inf")

    def outer(self, name, inner):
        """The relative error of a function of e^x or e^x - 1, by its text for an exact one, and by its condition."""
        own, texts_inner = INNER[name], self.names[INNER[name]]
        self.names[own] = lambda _: Tracked(C.add(inner.t, inner.d), power=inner.power, base=inner.base)
        found = self.names[name](Tracked(ONE))
        self.names[own] = texts_inner
        around = C.multiply(inner.scale(inner.power), C.add(inner.t, symmetric(inner.d)))
        condition = above(CONDITION[name](around)) * (1 + Fraction(1, 2**40))
        return (1 + found.relative()) * (1 + condition * inner.relative()) - 1


def changed(x, difference):
    """The same float as an approximation of another number: one that differs so much from the exact one."""
    return Tracked(C.add(x.t, difference), C.add(x.d, difference), x.power, x.base)


def half_last(size):
    """Half the last place of a float below a size, at most 1/2."""
    power = Fraction(1, 2)
    while power > size:
        power /= 2
    return power * U


INNER = {"tanh": "expm1", "sinh": "expm1", "_cosh_minus_one": "expm1", "cosh": "expm1", "sigmoid": "exp"}
"""What each takes, of an argument that is exact."""


def _inverse(em):
    return C.reciprocal(C.add(em, ONE))


CONDITION = {
    "tanh": lambda em: C.divide((2, 0, 2, 0), C.add(em, (2, 0, 2, 0))),
    "sinh": lambda em: C.divide(C.add(ONE, C.square(_inverse(em))), C.add(ONE, _inverse(em))),
    "_cosh_minus_one": lambda em: C.add(ONE, _inverse(em)),
    "cosh": lambda em: C.divide(
        C.multiply(C.divide(C.square(em), C.add(em, ONE)), C.add(em, (2, 0, 2, 0))),
        C.add(ONE, C.square(C.add(em, ONE))),
    ),
    "sigmoid": lambda z: C.divide(z, C.add(z, ONE)),
}
"""|z g'(z) / g(z)|, by which an error in z = e^x - 1 (or e^-x) counts in g: in z / (z + 2), (z + z / (z + 1)) / 2,
z² / (z + 1) / 2, 1 more than that, and 1 / (1 + z)."""
POWERS = {
    "exp": (0, 1), "expm1": range(-1022, 1025), "expm1mx": range(-1022, 1025), "tanh": range(59), "sinh": range(1025),
    "_cosh_minus_one": range(1025), "cosh": range(1025), "sigmoid": range(-1022, 1023),
}  # fmt: skip
"""The n of each; exp is the same at each n but for the reduction."""
BEYOND = {"tanh": Fraction(1, 2**56), "sigmoid": Fraction(1, 2**1000)}
"""What is lost where arguments are cut: 1 - tanh 20 and e^-708 are less."""


def of_exponential(name, limit, powers=None):
    """The bound of one of `POWERS`, in units."""
    meaning()
    found, run = Fraction(0), Exponentials()
    limit -= BEYOND.get(name, 0) / U
    for n in POWERS[name] if powers is None else powers:
        start = around_zero(-R, R) if n == 0 else pieces(-R, R, 8 if abs(n) < 4 else 2)
        found = max(found, worst(lambda low, high, n=n: run.relative(name, n, low, high), start, limit))
    return found + BEYOND.get(name, 0) / U + Fraction(1, 2**800)  # which pays for parts that underflow beside others


# ---- logarithms -----------------------------------------------------------------------------------------------------


class Mantissa:
    """A number m 2^k as `log` takes it apart: by its bit pattern, of which only f = m - 1 and k matter."""

    def __init__(self, k, f):
        self.k, self.f = k, f

    def __lt__(self, other):
        return False

    def __mul__(self, other):
        return self

    def __sub__(self, other):
        return self.f if isinstance(other, Tracked | Exact) else self

    def __rshift__(self, places):
        return Exponent(self.k, isinstance(self.f, Exact))


class Exponent:
    """k, which is exact."""

    def __init__(self, k, rational):
        self.k, self.rational = k, rational

    def __lshift__(self, places):
        return self

    def __sub__(self, other):
        return Exact(self.k) if self.rational else Tracked((self.k, 0, self.k, 0))


ROOT = Fraction("0.70710678118"), Fraction("1.41421356238")


def log_error(names, k, low, high):
    """Of log (1 + f) 2^k by a text, in units."""
    f = variable(low, high) if k == 0 else known(low, high)
    result = names["log"](Mantissa(k, f))
    size = max(abs(low), abs(high)) / (2 + low)
    rest = size**22 / 23 / (1 - size**2)  # of the series of atanh, of which 11 terms are kept, over s
    if k == 0:
        return changed(result, C.multiply(result.t, symmetric(rest))).relative() / U
    lost = 2 * size * rest + abs(k) * Fraction(1, 2**102)
    true = C.add(C.multiply((k, 0, k, 0), C.log((2, 0, 2, 0))), C.log1p(interval(low, high)))
    return (above(result.d) + lost) / below(true) / U


def of_log(limit, powers=range(-1074, 1025)):
    meaning()
    ln2_loss()
    low, high, names = ROOT[0] - 1, ROOT[1] - 1, texts(**PATTERNS)
    found = worst(lambda a, b: log_error(names, 0, a, b), around_zero(low, high), limit)
    for k in powers:
        if k:
            count = 6 if abs(k) < 4 else 2
            found = max(found, worst(lambda a, b, k=k: log_error(names, k, a, b), pieces(low, high, count), limit))
    return found


def of_log1p(limit):
    """log w + fl(c/w), w = fl(1 + x), with what that has lost, exactly (two-sum, Knuth 1969): |c| <= u w, or half
    of the last place where w is near 1, whose neighbours are 2^-53 below and 2^-52 above. log w is as `of_log` has it.

    For w = 1 it is exact. Else c/w is off by u relatively, and log(1 + c/w) by (c/w)²/2 at most; the sum adds u.
    """
    bound = of_log(limit - 2)  # k != 0: the value is at least 0.34, and c/w counts 3 u² there
    far = bound + 1 + Fraction(1, 2**20)
    near, names = Fraction(0), texts(**PATTERNS)
    for side in (1, -1):
        gap = Fraction(1, 2**52) if side > 0 else Fraction(1, 2**53)
        for j in range(54):
            a, b = gap * 2**j, min(gap * 2 ** (j + 1), ROOT[1] - 1 if side > 0 else 1 - ROOT[0])
            if a < b:
                own = worst(
                    lambda p, q: log_error(names, 0, p, q), [tuple(sorted((side * a, side * b)))], Fraction("4.2")
                )
                quotient = gap / 2 / (1 if side > 0 else 1 - b) * (1 + U)
                share = quotient / below(C.log1p(interval(side * a)))
                near = max(near, (own + share * (1 + quotient / U / 2)) / (1 - share * (1 + U)) * (1 + U) + 1)
    require(max(far, near) <= limit, f"{float(max(far, near)):.3f} units")
    return max(far, near)


def chained(*errors):
    """Of relative errors that count once each, in units."""
    product = Fraction(1)
    for error in errors:
        product *= 1 + error * U
    return (product - 1) / U


def of_softplus(limit):
    """e^-|x|, off by ε, counts ε y / ((1 + y) log(1 + y)) <= ε in log(1 + y); the sum, of two that are not negative."""
    found = chained(of_exponential("exp", elementary.ERROR["exp"]), of_log1p(elementary.ERROR["log1p"]), 1)
    require(found <= limit, f"{float(found):.3f} units")
    return found


def of_logcosh(limit):
    """As softplus, of cosh x - 1; from 350 on |x| - ln 2, of which two differences and e^-700 are less than 3 units."""
    found = chained(of_exponential("_cosh_minus_one", 13), of_log1p(elementary.ERROR["log1p"]))
    ln2_loss()
    require(max(found, Fraction(3)) <= limit, f"{float(found):.3f} units")
    return found


# ---- sin and cos ----------------------------------------------------------------------------------------------------


def wave_error(names, low, high):
    """Of sin r and cos r by a text, where r is off by 2 u |r|, in units: the larger."""
    r, size = variable(low, high), max(abs(low), abs(high))
    s, c = names["sin_and_cos"](r)
    s = changed(s, symmetric(size**18 / factorial(19)))
    c = changed(c, symmetric(size**20 / factorial(20)))
    off = 2 * U * (1 + Fraction(1, 2**30))
    s, c = (changed(v, symmetric(off * w)) for v, w in ((s, Fraction(1)), (c, size * size)))
    return max(s.relative(), c.relative()) / U


def of_waves(limit):
    meaning()
    require(pi_loss() <= Fraction(elementary.ANGLE_ERROR) / 2, "ANGLE_ERROR does not pay for what a reduction loses")
    exact = Fraction(elementary.ANGLE_EXACT) * Fraction(float(elementary._TWO_OVER_PI)) * (1 + U)
    require(exact < Fraction(1, 2), "an angle below ANGLE_EXACT may be reduced")
    names = texts()
    return worst(lambda low, high: wave_error(names, low, high), around_zero(-QUARTER_TURN, QUARTER_TURN), limit)


# ---- error functions ------------------------------------------------------------------------------------------------


class Place:
    """k, of the expansion at k/16."""

    def __init__(self, k, rational=False):
        self.k, self.rational = k, rational

    def __truediv__(self, other):
        quotient = Fraction(self.k, other)
        return Exact(quotient) if self.rational else Tracked(interval(quotient))

    def astype(self, _):
        return self.k


@dataclass(frozen=True)
class Argument(Tracked):
    """x = a + h, from which a is taken exactly."""

    h: Tracked | None = None

    def __sub__(self, other):
        return self.h


def _slope():
    """2/√π, of which erf begins."""
    return C_LONG.divide((2, 0, 2, 0), C_LONG.sqrt(C_LONG.pi()))


def erf_coefficients():
    """2/√π (-1)ⁿ / (n! (2n + 1)), enclosed, for n below 12."""
    return [C_LONG.divide(_slope(), interval((-1) ** n * factorial(n) * (2 * n + 1))) for n in range(12)]


def bracket_coefficients(k):
    """Those of the bracket of `error_functions` at k/16, enclosed by its recurrence."""
    a = interval(Fraction(k, error_functions.PER_UNIT))
    twice = C_LONG.multiply((2, 0, 2, 0), a)
    c = [C_LONG.erfc(a)]
    c.append(C_LONG.subtract(C_LONG.multiply(twice, c[0]), C_LONG.multiply(_slope(), C_LONG.exp(negative_square(a)))))
    for n in range(1, error_functions.DEGREE):
        both = C_LONG.add(C_LONG.multiply(twice, c[n]), C_LONG.multiply((2, 0, 2, 0), c[n - 1]))
        c.append(C_LONG.divide(both, (n + 1, 0, n + 1, 0)))
    return c


def negative_square(a):
    return C_LONG.negative(C_LONG.square(a))


def meaning_of_error_functions():
    """As `meaning`, with any coefficients."""
    numpy = ExactNumpy()
    numpy.rint = lambda x: Place(round(x.value), rational=True)
    any_of = [[Fraction(k % 7 + n + 2, n * n + k + 3) for n in range(12)] for k in range(425)]
    rows = [[Exact(any_of[k][n]) for k in range(425)] for n in range(error_functions.DEGREE + 1)]
    names = texts(error_functions, make=exactly, np=numpy, _table=lambda: rows)
    names |= {"elementary": SimpleNamespace(exp=linear), "_ERF": list(map(Exact, any_of[0]))}
    for x in (r * scale for r in POINTS for scale in (Fraction(1, 3), 9, 40)):
        size, sign = abs(x), 1 if x > 0 else -1
        k = round(min(size * 16, 424))
        h = size - Fraction(k, 16)
        bracket = polynomial(any_of[k][: error_functions.DEGREE + 1], h)
        agree(names, "_upper", Exact(size), bracket * value(-h * (size + Fraction(k, 16))))
        tail = value(min(size, Fraction(53, 2)))
        agree(names, "erfc", Exact(x), 2 - tail if x < 0 else tail, _upper=linear)
        small = x * polynomial(any_of[0], x * x)
        large = sign * abs(1 - value(min(size, Fraction(13, 2))))
        agree(names, "erf", Exact(x), small if size <= Fraction(1, 2) else large, _upper=linear)


class ErrorFunctions:
    """erfc, by cells k and pieces of h; erf beside it."""

    def __init__(self):
        meaning_of_error_functions()
        self.exp_error = of_exponential("exp", elementary.ERROR["exp"]) * U
        self.table = error_functions._table()
        self.ideals = {}
        self.names = texts(error_functions, elementary=self, _table=lambda: self.rows)
        self.names["_ERF"] = [meant(v, i) for v, i in zip(error_functions._ERF, erf_coefficients(), strict=True)]
        self.upper = self.names["_upper"]

    def exp(self, y):
        """elementary.exp, as near as it was proved to be."""
        true = C.exp(y.t)
        spread = C.multiply(true, C.expm1(symmetric(y.d)))
        require(above(C.expm1(symmetric(y.d))) < Fraction(1, 2**40), "the argument of exp is too far off")
        return Tracked(true, C.add(spread, C.multiply(true, symmetric(self.exp_error * (1 + Fraction(1, 2**39))))))

    def tail(self, k, low, high):
        """_upper(x) on x = k/16 + [low, high], and the range of erfc there.

        What Taylor's series leaves out is at most its first term at the left end, since w is completely monotone; the
        ratio of that to w falls with x, as the average of (2t)^10 under e^(-t² - 2xt) does, and so does -w'/w, from
        2/√π at 0: relatively to w(x) it is below |h|^10 / Γ(6) e^(1.13 |h|), where 1/Γ(6) = 1/120.
        """
        if k not in self.ideals:
            self.ideals = {k: bracket_coefficients(k)}
        self.rows = [{k: meant(row[k], ideal)} for row, ideal in zip(self.table, self.ideals[k], strict=True)]
        a = Fraction(k, error_functions.PER_UNIT)
        x = interval(a + low, a + high)
        self.names["np"].rint = lambda _: Place(k)
        result = self.upper(Argument(x, h=known(low, high)))
        size = max(abs(low), abs(high))
        rest = size**10 / 120 * (1 + 2 * size)
        return changed(result, C.multiply(result.t, symmetric(rest))), C.erfc(x)

    def cells(self, first, last):
        """The pieces of h of each k, from one x to another."""
        half = Fraction(1, 2 * error_functions.PER_UNIT)
        for k in range(round(first * error_functions.PER_UNIT), round(last * error_functions.PER_UNIT) + 1):
            yield k, pieces(0 if k == 0 else -half, half, 2)

    def of_erfc(self, limit, cells=None):
        """Both of erfc x, and of 2 - erfc x beside a value of at least 1."""

        def bound(k, low, high):
            tail, true = self.tail(k, low, high)
            other = (tracked(2) - tail).d
            return max(above(tail.d) / below(true), above(other) + Fraction(1, 2**1000)) / U

        return self.largest(bound, limit, self.cells(0, 26.5) if cells is None else cells)

    def of_erf(self, limit, cells=None):
        """1 - erfc x from 1/2 on; before, a series, whose rest is below x²⁴/(12! 25) of its first term."""

        def bound(k, low, high):
            if Fraction(k, 16) + high <= Fraction(1, 2):
                return Fraction(0)
            low = max(low, Fraction(1, 2) - Fraction(k, 16))
            tail, true = self.tail(k, low, high)
            return above((tracked(1) - tail).d) / below(C.subtract(ONE, true)) / U

        found = self.largest(bound, limit, self.cells(0.5, 6.5) if cells is None else cells)
        beyond = above(C.erfc(interval(6.5))) / U * 2
        require(found + beyond <= limit, "erf is cut too early")
        small = worst(self.small_erf, around_zero(0, Fraction(1, 2)), limit)
        return max(found + beyond, small)

    def small_erf(self, low, high):
        """Of erf x for x below 1/2."""
        self.names |= {"_upper": lambda _: tracked(1)}
        result = self.names["erf"](variable(low, high))
        self.names |= {"_upper": self.upper}
        rest = high**24 / (factorial(12) * 25) * Fraction(114, 100)
        return changed(result, symmetric(rest)).relative() / U

    @staticmethod
    def largest(bound, limit, cells):
        return max(worst(lambda low, high, k=k: bound(k, low, high), some, limit) for k, some in cells)


# ---- the slack around values ----------------------------------------------------------------------------------------


def of_slack(error):
    """fl(v + fl((ERROR + 2) u |v|)) is at least f for |v - f| <= ERROR u |f|, of either sign: the steps of
    `backends.interval64.functions`, by rational numbers; without underflow. In units: what is left of 2.
    """
    epsilon, slack = error * U, (error + 2) * U * (1 - U)
    positive = (1 + slack) * (1 - U) - 1 / (1 - epsilon)
    negative = 1 / (1 + epsilon) - (1 - slack) * (1 + U)
    require(min(positive, negative) >= 0, f"a slack of {error} + 2 units is too little")
    return 2 - min(positive, negative) / U


# ---- the command ----------------------------------------------------------------------------------------------------


def kernels():
    """Each kernel that is proved: its name, the bound of the code, and what proves it."""
    error = {**elementary.ERROR, **error_functions.ERROR}
    for name in ("exp", "expm1", "expm1mx", "tanh", "sinh", "cosh", "sigmoid"):
        yield name, error[name], lambda limit, name=name: of_exponential(name, limit)
    yield "log", error["log"], of_log
    yield "log1p", error["log1p"], of_log1p
    yield "softplus", error["softplus"], of_softplus
    yield "logcosh", error["logcosh"], of_logcosh
    for name in ("sin", "cos"):
        yield name, error[name], of_waves
    yield "erf", error["erf"], lambda limit: ErrorFunctions().of_erf(limit)
    yield "erfc", error["erfc"], lambda limit: ErrorFunctions().of_erfc(limit)
    yield "constants and tables", 0, of_constants
    yield "the slack around them", 2, lambda limit: max(map(of_slack, sorted(set(error.values()))))
    yield "bit patterns", 0, lambda limit: shifts_are_exact()


NOT_PROVED = {
    "sqrt": "it is NumPy's, which IEEE 754 wants rounded right",
    "underflow": "results below 2^-960 in size, for which callers add 2^-1074: by the texts alone",
}


def main():
    failed = False
    print(f"{'kernel':24}{'proved':>10}{'in the code':>14}{'seconds':>10}")
    for name, limit, prove in kernels():
        began = time.perf_counter()
        try:
            proved = f"{float(prove(Fraction(limit))):10.2f}"
            text = ""
        except NotProved as reason:
            proved, text, failed = f"{'-':>10}", f"  NOT PROVED: {reason}", True
        print(f"{name:24}{proved}{limit:14}{time.perf_counter() - began:10.1f}{text}", flush=True)
    for name, reason in NOT_PROVED.items():
        print(f"{name:24}not proved: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
