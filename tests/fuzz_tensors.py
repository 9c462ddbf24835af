"""Rules for whole tensors against exact points: shares, norms, extremes, sums and windows, over hostile boxes.

    python tests/fuzz_tensors.py [--boxes 2000] [--seed 0]

Each box is given to each operation in `interval`, and in `interval64` with and without fused loops; at exact points of
the box, corners among them, the value is enclosed at 300 bits, and must meet what encloses the box.
"""

import argparse
import itertools
import sys
from fractions import Fraction

import numpy as np

import scalarspec as ss
from scalarspec.errors import ScalarSpecError

PRECISE = ss.context("interval", prec=300)
CONTEXTS = {
    "interval": ss.context("interval"),
    "interval64": ss.context("interval64", fast=False),
    "fused": ss.context("interval64"),
}
POWERS = (-320, -300, -160, -20, -3, -1, 0, 0, 0, 1, 2, 3, 20, 150, 300)
"""Of ten: the sizes of numbers, subnormal ones and those whose squares overflow among them."""
WEIGHT = [[[0.3333, -7.0]]]
OPERATIONS = {
    "softmax": ss.softmax,
    "softmax, masked": lambda t: ss.softmax(t, where=np.arange(t.size) % 3 != 1),
    "log_softmax": ss.log_softmax,
    "logsumexp": ss.logsumexp,
    "rms_norm": lambda t: ss.rms_norm(t, eps="0.00001"),
    "rms_norm, tiny eps": lambda t: ss.rms_norm(t, eps=Fraction(1, 2**950)),
    "rms_norm, large eps": lambda t: ss.rms_norm(t, eps=10**40),
    "layer norm": lambda t: ss.rms_norm(t - ss.mean(t), eps="0.00001"),
    "variance": ss.var,
    "cumulative_sum": ss.cumulative_sum,
    "max": ss.max,
    "min": ss.min,
    "sort": ss.sort,
    "windows that add": lambda t: ss.conv_transpose(ss.reshape(t, (1, -1)), WEIGHT),
    "convolution": lambda t: ss.conv(ss.reshape(t, (1, -1)), WEIGHT, padding=1),
    "products": lambda t: ss.matmul(ss.reshape(t, (1, 1, -1)), ss.reshape(t, (1, -1, 1))),
    "products of points": lambda t: ss.matmul(np.ones((2, 1, t.size)), ss.reshape(t, (-1, 1))),
}


def a_box(rng):
    """Ends of up to six numbers: anything, or near one size."""
    n = int(rng.integers(1, 7))
    if rng.random() < 0.5:
        low = rng.normal(size=n) * 10.0 ** rng.choice(POWERS)
        return low, low + rng.exponential(size=n) * 10.0 ** rng.choice(POWERS)
    ends = [[rng.choice([0.0, 1.0, -1.0, rng.normal()]) * 10.0 ** rng.choice(POWERS) for _ in range(n)] for _ in "ab"]
    return np.minimum(*ends), np.maximum(*ends)


def points_of(low, high, rng, count=3):
    """Exact points: quarters between the ends, 0 and 4 of them as often as others."""
    for _ in range(count):
        parts = rng.integers(0, 5, size=len(low))
        yield np.array(
            [Fraction(a) + (Fraction(b) - Fraction(a)) * int(k) / 4 for a, b, k in zip(low, high, parts, strict=True)],
            dtype=object,
        )


def misses(boxes, seed, operations=OPERATIONS, contexts=CONTEXTS):
    """How many values lie outside of what encloses them, and how many were looked at."""
    rng, wrong, cases = np.random.default_rng(seed), 0, 0
    for _ in range(boxes):
        low, high = a_box(rng)
        for (name, operation), (kind, context) in itertools.product(operations.items(), contexts.items()):
            try:
                least, most = ss.endpoints(operation(context.box(low, high)))
            except ScalarSpecError:  # a domain may be left
                continue
            for point in points_of(low, high, rng):
                try:
                    below, above = ss.endpoints(operation(PRECISE.tensor(point)))
                except ScalarSpecError:
                    continue
                cases += np.size(below)
                outside = np.asarray(above < least) | np.asarray(below > most)
                if outside.any():
                    wrong += int(outside.sum())
                    print(f"outside: {name} in {kind}, [{low}, {high}] at {point}", file=sys.stderr)
    return wrong, cases


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boxes", type=int, default=2000, help="boxes (default 2000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong, cases = misses(options.boxes, options.seed)
    print(f"{options.boxes} boxes, {len(OPERATIONS)} operations, {cases} values: {wrong} outside")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
