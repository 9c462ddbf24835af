"""Verdicts of `prove` on random claims against exact values: no false one is proved, no true one refuted: `make fuzz`.

    python tests/fuzz_claims.py [--claims 2000] [--seed 0]

A claim is made of comparisons by &, |, ~, ==, != and all(), of functions that are rational, or nearly all of them.
Limits are often the exact value at a corner, so that `<=` holds at the edge and `<` fails there alone. The claim is
evaluated in rationals (where it has no rational value, at 200 bits) at corners, middles, points of a grid, and those
where a comparison of an affine function turns.
"""

import argparse
import itertools
import random
import sys
from collections import Counter
from fractions import Fraction

import numpy as np

import scalarspec as ss
from scalarspec.core.truth import Maybe

RATIONAL, PRECISE = ss.context("rational"), ss.context("interval", prec=200)
FUNCTIONS = [
    lambda x: x,
    lambda x: x[::-1] * 2,
    lambda x: ss.square(x),
    lambda x: x * x[0],
    lambda x: ss.relu(x) - x / 2,
    lambda x: abs(x),
    lambda x: ss.maximum(x, x[1]),
    lambda x: x * x - x,
    lambda x: x - x[0],
    lambda x: x[0] - x,
    lambda x: x + x[0] - x[1],
    lambda x: ss.where(x > 0, x, 2 * x),
    lambda x: ss.heaviside(x),
    lambda x: ss.relu(ss.affine([[1, -2], [3, 1]], x, [0, "1/2"])),
    lambda x: ss.stack([ss.sum(x), ss.mean_square(x)]),
    lambda x: ss.tanh(x),
    lambda x: ss.exp(x) - 1,
]
"""Of two numbers, to two numbers."""


def a_number(source):
    """Few numbers, so that ties come by themselves."""
    return Fraction(source.randrange(-6, 7), source.choice([1, 1, 2, 2, 3, 10]))


def a_comparison(source, box):
    """A claim of one comparison, of two functions or of one and a limit, that of a corner for example."""
    f = source.choice(FUNCTIONS)
    kind = source.randrange(4)
    if kind == 0:
        g = source.choice([source.choice(FUNCTIONS), f, lambda x: f(x)[source.randrange(2)]])
        k = source.randrange(2)
        right = source.choice([g, lambda x: g(x)[k]]) if g in FUNCTIONS else (lambda x: f(x)[k])
    else:
        corner = [source.choice(ends) for ends in box]
        value = ss.endpoints(f(PRECISE.tensor(corner)))[0]
        limit = a_number(source) if kind == 1 else Fraction(value[source.randrange(2)]).limit_denominator(1 << 20)
        right = lambda x: limit  # noqa: E731
    relations = ["<=", "<", ">=", ">", "==", "!="]
    first = compared(source.choice(relations), f, right)
    if source.random() < 0.8:
        return first
    second = compared(source.choice(relations), *source.choice([(f, right), (right, f)]))  # about one margin twice
    return source.choice([lambda x: first(x) | second(x), lambda x: first(x) & second(x)])


def compared(relation, f, g):
    """The comparison of two functions."""
    return {
        "<=": lambda x: f(x) <= g(x),
        "<": lambda x: f(x) < g(x),
        ">=": lambda x: f(x) >= g(x),
        ">": lambda x: f(x) > g(x),
        "==": lambda x: f(x) == g(x),
        "!=": lambda x: f(x) != g(x),
    }[relation]


def a_claim(source, box, depth):
    """A claim made of comparisons, and of parts that occur twice."""
    if depth == 0 or source.random() < 0.2:
        return a_comparison(source, box)
    p, q = a_claim(source, box, depth - 1), a_claim(source, box, depth - 1)
    q = source.choice([q, q, q, p, lambda x: ~p(x)])
    k = source.randrange(2)
    return source.choice(
        [
            lambda x: p(x) & q(x),
            lambda x: p(x) | q(x),
            lambda x: p(x) | q(x),
            lambda x: ~p(x),
            lambda x: p(x) & (q(x)[k] if q(x).shape else q(x)),
            lambda x: p(x).all() | q(x),
            lambda x: p(x).any() | q(x),
        ]
    )


def case(seed):
    """A claim, a box of two numbers, and a budget."""
    source = random.Random(seed)
    box = []
    for _ in range(2):
        low, width = a_number(source), Fraction(source.choice(["0", "1/2", "1", "2", "1/3"]))
        box.append((low, low + width))
    return a_claim(source, box, source.randrange(3)), box, source.choice([1, 8, 40])


def points(box, source):
    """Corners, and points of a grid and between, of the box."""
    shares = [Fraction(k, 12) for k in range(13)] + [Fraction(source.randrange(1001), 1000) for _ in range(3)]
    turns = [Fraction(k, 60) for k in range(-360, 361)]
    lines = [sorted({a + s * (b - a) for s in shares} | {t for t in turns if a <= t <= b}) for a, b in box]
    kept = [[a, b, *source.sample(line, min(len(line), 12))] for (a, b), line in zip(box, lines, strict=True)]
    zeros = [[*line, Fraction(0)] if a <= 0 <= b else line for (a, b), line in zip(box, kept, strict=True)]
    return list(itertools.product(*zeros))


def fails(claim, point):
    """Does a claim surely fail at a point? True, False, or None where that is not known."""
    for context in (RATIONAL, PRECISE):
        try:
            truths = list(claim(context.tensor(point)).scalars().flat)
        except ss.errors.NotExact:
            continue
        known = [bool(p) for p in truths if not isinstance(p, Maybe)]
        return True if not all(known) else False if len(known) == len(truths) else None
    return None


def wrong(seed):
    """What is wrong with the verdict on a claim: None, or a text; and the verdict."""
    claim, box, budget = case(seed)
    low, high = ([pair[k] for pair in box] for k in (0, 1))
    try:
        found = ss.prove(claim, np.array(low, dtype=object), vary={"x": ss.box(low, high)}, budget=budget)
    except ss.errors.Contradiction as error:
        return f"{seed}: {error}", None
    if found.status == "refuted":
        witness = found.witness["x"]
        inside = all(a <= x <= b for (a, b), x in zip(box, witness, strict=True))
        fits = inside and fails(claim, witness) is not False  # equal nodes of tanh are not told apart by intervals
        return (None if fits else f"{seed}: no witness: {found}"), found
    source = random.Random(seed + 1)
    broken = next((p for p in points(box, source) if found.proved and fails(claim, p)), None)
    return (None if broken is None else f"{seed}: proved, and false at {list(map(str, broken))}"), found


def misses(seeds, report=print):
    """How many verdicts are wrong, and how many there are of each."""
    counts = Counter()
    for seed in seeds:
        text, found = wrong(seed)
        counts[found and found.status] += 1
        if text:
            counts["wrong"] += 1
            report(text)
    return counts


def main():
    """Runs many cases; exit code 1 where a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--claims", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts = misses(range(options.seed, options.seed + options.claims))
    shown = ", ".join(f"{counts[status]} {status}" for status in ("proved", "refuted", "undecided"))
    print(f"{options.claims} claims: {shown}; {counts['wrong']} wrong")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
