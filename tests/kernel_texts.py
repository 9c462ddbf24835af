"""The texts of the kernels, on tracked and on rational numbers, and the formulas that the proofs are about."""

from fractions import Fraction
from math import factorial
from types import FunctionType

from running_errors import Exact, ExactNumpy, Numpy, Tracked, interval, meant

from scalarspec.numbers import elementary, series


class NotProved(Exception):
    """What does not hold, and where."""


def require(condition, text):
    if not condition:
        raise NotProved(text)


# ---- the texts -------------------------------------------------------------------------------------------------------


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


# ---- what stands for bit patterns ------------------------------------------------------------------------------------


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
    same("sigmoid", Exact(x), 1 / (1 + value(-x)), exp=linear)
    same("softplus", Exact(x), max(x, 0) + value(value(max(-size, -708))), exp=linear, log1p=linear)
    same("log1p", Exact(x), value(1 + x), log=linear)
    ln2 = sum(Fraction(float(part)) for part in (elementary._LN2_HI, elementary._LN2_LO))
    logcosh = value(value(min(size, 350))) if size < 350 else size - ln2
    same("logcosh", Exact(x), logcosh, _cosh_minus_one=linear, log1p=linear)
