"""Bounds on the errors of the kernels of `elementary`, in units of 2^-53, over pieces of their reduced arguments."""

from fractions import Fraction
from itertools import pairwise
from math import factorial

from kernel_constants import QUARTER_TURN, R, U, ln2_loss, pi_loss
from kernel_texts import (
    PATTERNS,
    Mantissa,
    Shift,
    coefficient,
    meaning,
    power_of_two,
    require,
    texts,
)
from running_errors import ONE, C, Tracked, above, below, interval, known, symmetric, variable

from scalarspec.numbers import elementary

DEEPEST = 22
"""A piece is halved so often, and then the proof is given up."""


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


def changed(x, difference):
    """The same float as an approximation of another number: one that differs so much from the exact one."""
    return Tracked(C.add(x.t, difference), C.add(x.d, difference), x.power, x.base)


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
