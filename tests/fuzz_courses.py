"""Fuzz of the functions of single elements that are enclosed by their courses, their steps and those of two numbers:
against arb's balls at 600 bits and more, which know nothing of the code under test.

Run `python tests/fuzz_courses.py --cases 100000`.
"""

import argparse
import random
import sys
from fractions import Fraction
from functools import lru_cache

import numpy as np
from flint import arb, ctx, fmpq
from mpmath import mp

import scalarspec as ss
from scalarspec.core.tensor import elementwise
from scalarspec.errors import DomainError

BITS = 600


def ball(x):
    return arb(fmpq(x.numerator, x.denominator))


def phi(x):
    return (-x / arb(2).sqrt()).erfc() / 2


def odd(function):
    return lambda x: function(x) if x >= 0 else -function(-x)


VALUES = {
    "elu": lambda x: x if x > 0 else x.expm1(),
    "silu": lambda x: x / (1 + (-x).exp()),
    "gelu": lambda x: x * phi(x),
    "gelu_tanh": lambda x: x / (1 + (-(8 / arb.pi()).sqrt() * (x + ball(Fraction("0.044715")) * x**3)).exp()),
    "mish": lambda x: x * x.exp() * (x.exp() + 2) / (x.exp() * (x.exp() + 2) + 2),
    "softsign": lambda x: x / (1 + abs(x)),
    "erf": arb.erf,
    "erfc": arb.erfc,
    "log_ndtr": lambda x: phi(x).log() if x < 0 else (-phi(-x)).log1p(),
    "cbrt": odd(lambda x: x.root(3) if x != 0 else x),
    "log2": lambda x: x.log() / arb(2).log(),
    "log10": lambda x: x.log() / arb(10).log(),
    "asin": arb.asin,
    "acos": arb.acos,
    "asinh": arb.asinh,
    "acosh": arb.acosh,
    "atanh": arb.atanh,
    "lgamma": arb.lgamma,
    "digamma": arb.digamma,
}
"""The values of functions of one number that are not rational."""
STEPS = {
    "floor": lambda x: Fraction(x.__floor__()),
    "ceil": lambda x: Fraction(x.__ceil__()),
    "trunc": lambda x: Fraction(int(x)),
    "round": lambda x: Fraction(round(x)),
    "hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
}
"""Those of functions of one number that are rational."""
PAIRS = {
    "remainder": lambda x, y: x % y,
    "copysign": lambda x, y: -abs(x) if y < 0 else abs(x),
    "hypot": lambda x, y: (ball(x) ** 2 + ball(y) ** 2).sqrt(),
    "atan2": lambda y, x: arb.atan2(ball(y), ball(x)),
}
DOMAINS = {
    "log2": (0, None), "log10": (0, None), "lgamma": (0, None), "digamma": (0, None), "acosh": (1, None),
    "asin": (-1, 1), "acos": (-1, 1), "atanh": (-1, 1),
}  # fmt: skip
FAR = {"lgamma": 1e15, "digamma": 1e15, "log_ndtr": 3e3, "elu": 1e4}
"""Beyond, arb would need more bits than there are."""
TINY = Fraction(1, 10**320)
TAILS = {name: (50, lambda x: (x - TINY, x), lambda x: (-TINY, Fraction(0))) for name in ("gelu", "gelu_tanh")} | {
    "silu": (800, lambda x: (x - TINY, x), lambda x: (-TINY, Fraction(0))),
    "mish": (800, lambda x: (x - TINY, x), lambda x: (-TINY, Fraction(0))),
    "erfc": (40, lambda x: (Fraction(0), TINY), lambda x: (2 - TINY, Fraction(2))),
    "erf": (40, lambda x: (1 - TINY, Fraction(1)), lambda x: (Fraction(-1), TINY - 1)),
}
"""From what size on a value is known to 320 decimals without arb: to the right, and to the left."""


def bounds_of(value):
    """The ends of a ball, or of a rational number."""
    if isinstance(value, Fraction):
        return value, value
    ends = []
    for end in (value.lower(), value.upper()):
        mantissa, exponent = end.man_exp()
        ends.append(Fraction(int(mantissa)) * Fraction(2) ** int(exponent))
    return ends


@lru_cache(maxsize=1 << 14)
def value(name, *operands):
    """Bounds on a value, close together."""
    if name == "log_ndtr" and operands[0] > 40:
        return -TINY, Fraction(0)
    if name in TAILS and abs(operands[0]) > TAILS[name][0]:
        return TAILS[name][1 if operands[0] > 0 else 2](*operands)
    if name in STEPS:
        return bounds_of(STEPS[name](*operands))
    smallness = max([0, *(v.denominator.bit_length() - abs(v.numerator).bit_length() for v in operands if v)])
    size = max([0, *(abs(v.numerator).bit_length() - v.denominator.bit_length() for v in operands if v)])
    with ctx.workprec(BITS + 3 * smallness + 4 * size):
        return bounds_of(PAIRS[name](*operands) if name in PAIRS else VALUES[name](ball(*operands)))


@lru_cache(maxsize=64)
def turning_point(name):
    """The place of the minimum, to 60 digits, where there is one: found here once more, by its slope."""

    def cubic(t):
        return t + mp.mpf("0.044715") * t**3

    slopes = {
        "silu": (lambda x: 1 + mp.exp(-x) + x * mp.exp(-x), -1.3),
        "gelu": (lambda x: mp.ncdf(x) + x * mp.npdf(x), -0.75),
        "gelu_tanh": (lambda x: mp.diff(lambda t: t * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * cubic(t))), x), -0.75),
        "mish": (lambda x: mp.diff(lambda t: t * mp.tanh(mp.log1p(mp.exp(t))), x), -1.2),
        "lgamma": (mp.digamma, 1.46),
    }  # fmt: skip
    if name == "hardswish":
        return Fraction(-3, 2)
    if name not in slopes:
        return None
    with mp.workdps(90):
        slope, start = slopes[name]
        return Fraction(mp.nstr(mp.findroot(slope, start, tol=1e-120), 60))


def number(source, name):
    """A float: ordinary, tiny, huge, subnormal, near a turning point, an integer or an end of the domain."""
    kind, sign = source.random(), source.choice([-1, 1])
    if kind < 0.35:
        x = sign * source.random() * 2.0 ** source.randint(-3, 6)
    elif kind < 0.5:
        x = sign * source.random() * 2.0 ** source.randint(-1074, 1020)
    elif kind < 0.6:
        x = sign * source.choice([0.0, 5e-324, 2.0**-1022, 1e-160, 1.0, 2.0, 3.0, 26.5, 26.54, 37.5, 40.0, 710.0, 1e19])
    elif kind < 0.75:
        x = sign * source.randint(0, 40) / 2 + source.choice([-1, 0, 1]) * 2.0 ** source.randint(-52, -20)
    else:
        centre = turning_point(name) or source.choice([0, 1, -1, 2, -3, 3])
        x = float(centre) + sign * 2.0 ** source.randint(-54, 1)
    low, _ = DOMAINS.get(name, (None, None))
    if low == -1:
        return max(-1.0, min(1.0, x if abs(x) <= 1 else 1 / x))
    if low is not None:
        return low + abs(x - low)
    return max(-FAR.get(name, 1e308), min(FAR.get(name, 1e308), x))


def boxes(source, name, count, operands):
    """Ends of boxes, of which some are points: arrays of shape (operands, 2, count)."""
    found = np.empty((operands, 2, count))
    for k in range(operands):
        for i in range(count):
            a = number(source, name)
            b = a if source.random() < 0.4 else number(source, name)
            if source.random() < 0.3:
                b = float(np.nextafter(a, np.inf)) if a < 1e300 else a
            if DOMAINS.get(name, (0, 0))[1] == 1:
                b = min(b, 1.0)
            found[k, :, i] = sorted((a, b))
    return found


def inside(source, name, ends):
    """Exact points of a box: its ends, one between, and the turning point where it is inside."""
    places = [Fraction(0), Fraction(1), Fraction(source.getrandbits(16), 1 << 16)]
    for place in places:
        yield tuple(Fraction(low) + place * (Fraction(high) - Fraction(low)) for low, high in ends)
    turn = turning_point(name)
    if turn is not None and Fraction(ends[0][0]) <= turn <= Fraction(ends[0][1]):
        yield (turn,)


def defined(name, point):
    """Has the function a value there?"""
    low, high = DOMAINS.get(name, (None, None))
    if name in ("remainder", "atan2"):
        return point[-1] != 0 or (name == "atan2" and point[0] != 0)
    if low == 0:
        return point[0] > 0
    return name != "atanh" or abs(point[0]) < high


def misses(name, context, seed, count):
    """What enclosures miss, in words, and how many values were tried."""
    source, operands = random.Random(f"{name} {seed}"), 2 if name in PAIRS else 1
    ends = boxes(source, name, count, operands)
    kept = [i for i in range(count) if all(defined(name, tuple(map(Fraction, ends[:, k, i]))) for k in (0, 1))]
    if name == "remainder":
        kept = [i for i in kept if ends[1, 0, i] > 0 or ends[1, 1, i] < 0]
    if name == "atan2":
        kept = [i for i in kept if not (ends[:, 0, i] <= 0).all() or not (ends[:, 1, i] >= 0).all()]
    ends = ends[:, :, kept]
    try:
        low, high = ss.endpoints(elementwise(name, *(context.box(*pair) for pair in ends)))
    except DomainError as error:
        return [f"{name}: {error}"], 0
    missed, tried = [], 0
    for i in range(len(kept)):
        for point in inside(source, name, ends[:, :, i]):
            least, most = value(name, *point)
            tried += 1
            if low[i] > most or high[i] < least:
                shown = ", ".join(f"{float(x):.17g}" for x in point)
                missed.append(f"{name}({shown}) in {context}: {float(least)!r} is not in [{low[i]}, {high[i]}]")
    return missed, tried


NAMES = [*VALUES, *STEPS, *PAIRS]
CONTEXTS = [ss.context("interval64", fast=False), ss.context("interval"), ss.context("interval", prec=150)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--names", nargs="*", default=NAMES)
    options = parser.parse_args()
    each, wrong, total = options.cases // (len(options.names) * len(CONTEXTS)) // 3 + 1, [], 0
    for name in options.names:
        for context in CONTEXTS:
            missed, tried = misses(name, context, options.seed, each)
            wrong, total = wrong + missed, total + tried
        print(name, total, len(wrong), flush=True)
    print("\n".join(wrong[:20]))
    print(f"{total} values, {len(wrong)} misses")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
