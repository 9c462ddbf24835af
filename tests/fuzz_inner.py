"""The inner ends of bounds against true ranges, of specs that lose their digits in floats: `make fuzz`.

A spec is a sum of functions that rise, so that its range over a box is known from two corners, at 600 bits; a third of
the specs is then written so that floats lose all of it: by cancellation, or by overflow. An inner end may never lie
beyond the true range, nor outside of the bounds. Exit code 1 on a miss.
"""

import argparse
import random
import sys
from collections import Counter
from fractions import Fraction

import numpy as np

import scalarspec as ss

RISING = {
    "x": lambda t: t,
    "cube": lambda t: t**3 / 3 + t,
    "exp": ss.exp,
    "tanh": ss.tanh,
    "sigmoid": ss.sigmoid,
    "softplus": ss.softplus,
    "atan": ss.atan,
    "sinh": ss.sinh,
    "relu": ss.relu,
    "wave": lambda t: 2 * t + ss.sin(t),
}
LOSING = {
    "a sum": lambda t, u: (t + 2**80) - 2**80,
    "a quotient": lambda t, u: t * (ss.exp(u) / ss.exp(u)),
    "a difference": lambda t, u: t + (ss.exp(u / 100) - ss.exp(u / 100)),
    "a binomial": lambda t, u: (ss.square(t + 2**60) - ss.square(t) - 2**120) / 2**61,
    "an overflow": lambda t, u: ss.log(ss.exp(t + u) / ss.exp(u)),
    "a variance": lambda t, u: t + ss.square(u) - ss.mean_square(ss.stack([u, u])),
}  # fmt: skip


def random_spec(source):
    """The spec, its text, and the signs of its slopes."""
    n = source.randint(1, 3)
    parts = [(source.choice(sorted(RISING)), source.choice([-2, -1, 1, 3])) for _ in range(n)]
    loss = source.choice(sorted(LOSING)) if source.random() < 1 / 3 else None

    def spec(x):
        total = sum([c * RISING[name](x[i]) for i, (name, c) in enumerate(parts)], x.context.tensor(0))
        return total if loss is None else LOSING[loss](total, 1000 + x[0])

    return spec, f"{parts}, {loss}", [c for _, c in parts], loss


def check(seed, counts):
    """Misses of one spec, told."""
    source = random.Random(seed)
    spec, text, signs, loss = random_spec(source)
    middle = np.array([source.uniform(-2, 2) for _ in signs])
    radius = Fraction(source.choice(["1/1000000", "1/1000", "1/10", "1", "0"]))
    found = ss.bounds(spec, middle, vary={"x": ss.ball(radius)}, method=source.choice(["interval", "linear"]))
    least, most = found.inner
    context = ss.context("interval", prec=600)
    corners = [
        [Fraction(x) + side * radius * np.sign(c) for x, c in zip(middle, signs, strict=True)] for side in (-1, 1)
    ]
    (lowest, _), (_, highest) = (
        tuple(end[()] for end in ss.endpoints(spec(context.tensor(np.array(corner, dtype=object)))))
        for corner in corners
    )
    counts["losing" if loss else "plain"] += 1
    if least == np.inf:
        counts["none found"] += 1
    elif radius and most - least > (highest - lowest) / 2:
        counts["more than half of the range"] += 1
    if least < lowest or most > highest:
        return [
            f"seed {seed}: {text} at {middle} ± {radius}: inner {float(least)} {float(most)}, true {lowest} {highest}"
        ]
    if found.lower > least or found.upper < most:
        return [f"seed {seed}: {text}: inner outside of the bounds"]
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=2_000, help="specs (default 2000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts = Counter()
    misses = [miss for seed in range(options.seed, options.seed + options.count) for miss in check(seed, counts)]
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    print(f"{options.count} specs: {len(misses)} misses", *misses[:20], sep="\n")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
