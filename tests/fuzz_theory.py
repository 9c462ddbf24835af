"""Verdicts of the theory on random specs that branch on sizes, step, kink and take maxima, held against exact points.

    python tests/fuzz_theory.py [seed] [seconds]

What is proved is looked at, at points of its region and at the sizes that it claims, under intervals of 120 bits.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from fractions import Fraction

import scalarspec as ss
from scalarspec.errors import ScalarSpecError
from scalarspec.theory import prove_equal, prove_monotone, prove_nonnegative

CONTEXT = ss.context("interval", prec=120)
CONSTANTS = ("1", "2", "-1", "1/2", "-3/4", "3")
UNARY = (
    ss.square,
    ss.abs,
    ss.relu,
    ss.exp,
    ss.tanh,
    ss.sigmoid,
    ss.softplus,
    ss.heaviside,
    ss.expm1mx,
    ss.sin,
    ss.sign,
)
POINTS = 40


def vector(rng, depth):
    """A random spec of a vector x and a number s that gives a vector."""
    if not depth:
        return rng.choice([lambda x, s: x, lambda x, s: x * x, lambda x, s: -x, lambda x, s: x * s])
    a, b, c, u = vector(rng, depth - 1), vector(rng, depth - 1), rng.choice(CONSTANTS), rng.choice(UNARY)
    return rng.choice(
        [
            *[lambda x, s: u(a(x, s))] * 6,
            lambda x, s: a(x, s) + b(x, s),
            lambda x, s: a(x, s) * b(x, s),
            lambda x, s: ss.maximum(a(x, s), b(x, s)),
            lambda x, s: ss.minimum(a(x, s), b(x, s)),
            lambda x, s: ss.where(a(x, s) > 0, b(x, s), a(x, s)),
            lambda x, s: ss.clip(a(x, s), c, b(x, s)),
            lambda x, s: a(x, s) * c + c,
            lambda x, s: 1 / (1 + ss.square(a(x, s))),
        ]
    )


def number(rng, depth):
    """A random spec that gives a number, in one of several ways that compute with the size."""
    a, c = vector(rng, depth), rng.choice(CONSTANTS)
    return rng.choice(
        [
            *[lambda x, s: ss.sum(a(x, s))] * 3,
            lambda x, s: ss.mean(a(x, s)) + c,
            lambda x, s: a(x, s)[0],
            lambda x, s: ss.sum(a(x, s)[:2]) * c,
            lambda x, s: ss.sum(a(x, s)) + x.size * s,
            lambda x, s: ss.square(ss.sum(a(x, s))),
            lambda x, s: ss.sum(a(x, s)) - ss.mean(a(x, s)) * x.size + s * s,
        ]
    )


def look(rng, n):
    """A way to look at a size."""
    return rng.choice(
        [
            lambda x: len(x) == n,
            lambda x: x.shape[0] > n,
            lambda x: x.shape == (n,),
            lambda x: x.size in (n,),
            lambda x: x.size % 2 == 0,
            lambda x: str(x.shape) == f"({n},)",
            lambda x: sum(1 for _ in x) == n,
            lambda x: hash(x.shape) == hash((n,)),
        ]
    )


def spec_of(rng):
    """A random spec; one of three looks at the size."""
    depth = rng.randrange(3)
    plain = number(rng, depth)
    if rng.random() > 0.35:
        return plain
    seen, other = look(rng, rng.choice([1, 2, 3, 4, 5])), number(rng, depth)
    return lambda x, s: other(x, s) if seen(x) else plain(x, s)


def ends(spec, x, s):
    """The ends of its value; None where it is not defined."""
    try:
        low, high = ss.endpoints(spec(CONTEXT.tensor(x), CONTEXT.tensor(s)))
    except ScalarSpecError:
        return None
    return low[()], high[()]


def drawn(rng, low, high):
    """A number between two, often a special one."""
    return rng.choice([Fraction(low), Fraction(high), *[Fraction(rng.randint(low * 64, high * 64), 64)] * 4])


def sizes_of(scope, given):
    """The sizes that a verdict is about."""
    if "any sizes" not in scope or "in the place of" in scope:
        return [given]
    least = re.search(r"of at least (\d+)", scope)
    return list(range(int(least[1]) if least else 1, 8))


def wrong(rng, given, verdict, regions, holds):
    """A point at which what is proved does not hold."""
    sizes = sizes_of(verdict.scope, given)
    for _ in range(POINTS if verdict.proved else 0):
        x = [drawn(rng, *regions["x"]) for _ in range(rng.choice(sizes))]
        s = [drawn(rng, *regions["s"]) for _ in range(2)]
        if not holds(x, *sorted(s)):
            return x, s
    return None


def case(rng):
    """One verdict: its kind, itself, and a point where it is wrong."""
    spec, size, over, regions = spec_of(rng), rng.choice([1, 2, 3, 4]), {}, {"x": (-8, 8), "s": (-8, 8)}
    kind = rng.choice(["nonnegative", "monotone", "equal"])
    for name, choices in (("x", [(-1, 1), (0, 2), (-2, -1)]), ("s", [(-1, 1), (0, 2)])):
        if rng.random() < 0.5 and kind != "equal":
            regions[name] = rng.choice(choices)
            over[name] = ss.box(*regions[name])
    args = (ss.Dim(size), ss.Scalar)
    if kind == "nonnegative":
        verdict = prove_nonnegative(spec, *args, over=over)

        def holds(x, s, _):
            found = ends(spec, x, s)
            return found is None or found[1] >= 0
    elif kind == "monotone":
        verdict = prove_monotone(lambda x, s: spec(x, s), "s", *args, over=over)

        def holds(x, s, t):
            first, second = ends(spec, x, s), ends(spec, x, t)
            return first is None or second is None or first[0] <= second[1]
    else:
        other = spec_of(rng) if rng.random() < 0.3 else lambda x, s: spec(x, s) + (ss.mean(x) * x.size - ss.sum(x))
        verdict = prove_equal(spec, other, *args)

        def holds(x, s, _):
            first, second = ends(spec, x, s), ends(other, x, s)
            return first is None or second is None or (first[0] <= second[1] and second[0] <= first[1])

    return kind, verdict, wrong(rng, size, verdict, regions, holds)


def run(seed, seconds=None, count=None):
    """How often each verdict came; and those that are wrong, with the point."""
    rng, start, found, mistaken = random.Random(seed), time.monotonic(), Counter(), []
    while (count is None or found.total() < count) and (seconds is None or time.monotonic() - start < seconds):
        kind, verdict, point = case(rng)
        found[kind, verdict.status, "any sizes" in verdict.scope] += 1
        if point is not None:
            mistaken.append((kind, str(verdict), point))
    return found, mistaken


if __name__ == "__main__":
    found, mistaken = run(
        int(sys.argv[1]) if len(sys.argv) > 1 else 0, float(sys.argv[2]) if len(sys.argv) > 2 else 120
    )
    for (kind, status, large), number_of in sorted(found.items()):
        print(f"{kind:12} {status:10} {'any sizes' if large else '':10} {number_of}")
    print(f"{found.total()} verdicts, {len(mistaken)} wrong", *mistaken, sep="\n")
    sys.exit(bool(mistaken))
