"""Bounds against values: 200 random models and the shipped ones, by every method, at 100,000 random and hostile points.

    python tests/fuzz_bounds.py [--models 200] [--points 500] [--seed 0]

A point's value is enclosed by `interval64`, and where that does not tell, at 120 bits. Hostile points are corners, and
those to which gradients lead from several starts, for each output.
"""

import argparse
import math
import random
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
from specs import METHODS, OPERATIONS, shipped
from tensor_programs import a_tensor_program

import scalarspec as ss
from scalarspec import layers
from scalarspec.bounding import inner_bounds
from scalarspec.bounding.domain import Domain
from scalarspec.core.arguments import bind, call
from scalarspec.models import vae
from scalarspec.numbers.exact import data_value

PRECISE = ss.context("interval", prec=120)
ACTIVATIONS = [
    ss.relu, ss.tanh, ss.sigmoid, ss.softplus, lambda a: ss.leaky_relu(a, "0.1"), ss.abs, ss.sin,
    ss.silu, ss.gelu, ss.mish, ss.elu, ss.hardswish, ss.softsign, ss.round, ss.asinh, ss.erfc,
]  # fmt: skip


def a_network(seed):
    """A network and a loss of random sizes: the spec, its arguments, and what varies."""
    source, rng = random.Random(seed), np.random.default_rng(seed)
    sizes = [source.randrange(1, 7) for _ in range(source.randrange(2, 5))]
    parts = []
    for n, m in pairwise(sizes):
        parts += [layers.Linear(rng.normal(size=(m, n)) * 1.5 / np.sqrt(n), rng.normal(size=m) / 2)]
        parts += [source.choice(ACTIVATIONS)]
    net, target = layers.Sequential(*parts), rng.normal(size=sizes[-1])
    losses = {
        "mse": lambda m, x: ss.loss.mse(m(x), target),
        "huber": lambda m, x: ss.loss.huber(m(x), target),
        "softmax": lambda m, x: ss.logsumexp(m(x)) - m(x)[0],
        "outputs": lambda m, x: m(x) * 2 - 1,
        "quotient": lambda m, x: ss.sum(m(x)) / (1 + ss.sum(ss.square(x))),
    }
    varied, norm = source.choice(["x", "x", "m"]), source.choice([2, np.inf])
    spec = losses[source.choice(sorted(losses))]
    return spec, (net, rng.normal(size=sizes[0])), {varied: ss.ball(10 ** source.uniform(-5, -0.2), norm)}


def a_vae(seed):
    rng = np.random.default_rng(seed)
    d, h, k = rng.integers(2, 9, 3)

    def part(m, n):
        return layers.Linear(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m) / 5)

    trunk = layers.Sequential(part(h, d), [layers.relu, layers.tanh][seed % 2])
    net = layers.Sequential(part(h, k), layers.relu, part(d, h), layers.sigmoid)
    model = vae.Model(vae.Encoder.with_trunk(trunk, part(k, h), part(k, h)), vae.Decoder(net))
    args = (model, 1, rng.uniform(size=d), rng.normal(size=k))
    return vae.loss, args, {["x", "eps"][seed % 3 == 2]: ss.ball(10 ** rng.uniform(-4, -0.3))}


def a_program(seed):
    source, rng = random.Random(seed), np.random.default_rng(seed)
    steps = [OPERATIONS[source.choice(sorted(OPERATIONS))] for _ in range(source.randrange(1, 5))]

    def spec(x, y):
        for step in steps:
            x = step(x) + y * x / 4
        return x

    radius, (x, y) = 10 ** rng.uniform(-6, -0.3), rng.normal(size=(2, 3))
    near = {"x": ss.ball(radius), "y": ss.ball(radius / 3)}
    if source.random() < 0.3:  # some elements, without an end
        ends = [np.where(rng.random(3) < 0.4, sign * np.inf, x + sign * radius) for sign in (-1, 1)]
        near["x"] = ss.box(*ends)
    return spec, (x, y), near


def shipped_jobs():
    for spec, args, varied in shipped().values():
        for radius in ("0.001", "0.05"):
            names = list(bind(spec, args))
            for name in varied:
                yield spec, args, {name if name in names else names[0]: ss.ball(radius)}


def points_of(domain, count, rng):
    """Exact points of the box: hostile ones, corners, and random ones."""
    boxes = [domain.box(0)]
    points = [point for found in inner_bounds.searched(domain, [0]) for point in found]
    while len(points) < count:
        corner = len(points) % 2
        point = {}
        for path, (low, high) in boxes[0].items():
            cotangent = rng.choice([0, 1], size=np.shape(low)) if corner else rng.uniform(size=np.shape(low))
            exact = np.frompyfunc(data_value, 1, 1)(cotangent)
            low, high = bounded(low, high, rng)
            point[path] = in_ball(low + exact * (high - low), (low + high) / 2, domain.vary[path.split(".")[0]])
        points.append(point)
    return [point for point in points if domain.holds(point)]


def bounded(low, high, rng):
    """Ends, far away where there are none."""

    def far(a, b):
        size = Fraction(10 ** rng.uniform(-1, 3))
        return b - size if a == -np.inf and b != np.inf else -size if a == -np.inf else a

    lower = np.frompyfunc(far, 2, 1)(low, high)
    upper = -np.frompyfunc(far, 2, 1)(-high, -lower)
    return np.asarray(lower, dtype=object), np.asarray(upper, dtype=object)


def in_ball(x, centre, region):
    """A point moved into a Euclidean ball, where there is one, near its surface."""
    aside = np.asarray(x - centre, dtype=object)
    norm = math.hypot(*np.ravel(aside).astype(float))
    if getattr(region, "norm", None) != 2 or norm == 0:
        return np.asarray(x, dtype=object)
    cotangent = min(Fraction(1), region.radius / Fraction(norm) * (1 - Fraction(1, 2**45)))
    return np.asarray(centre + cotangent * aside, dtype=object)


def misses(spec, args, vary, count, rng, methods=METHODS, budget=12):
    """How many values lie outside of some bounds, and how many were looked at."""
    domain = Domain(spec, bind(spec, args), vary)
    try:
        found = [ss.bounds(spec, *args, vary=vary, method=method, budget=budget) for method in methods]
    except ss.errors.ScalarSpecError:
        return 0, 0  # refused: outside of a domain, say
    points = points_of(domain, count, rng)
    wrong = 0
    for point, ends in zip(points, inner_bounds.enclosed(domain, points), strict=True):
        if ends is None:
            continue
        for bound in found:
            low, high = ends
            if np.all(bound.lower <= low) and np.all(high <= bound.upper):
                continue
            low, high = ss.endpoints(call(spec, domain.at(PRECISE, point)[0], PRECISE))
            if np.any(high < bound.lower) or np.any(low > bound.upper):
                wrong += 1
                print(f"outside: {bound.method} {bound.lower} {bound.upper} {low} {high} at {point}", file=sys.stderr)
    return wrong, len(points)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=200, help="random models (default 200)")
    parser.add_argument("--points", type=int, default=500, help="points of each (default 500)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    kinds = (a_network, a_vae, a_program, a_tensor_program)
    jobs = [kinds[k % 4](options.seed + k) for k in range(options.models)] + list(shipped_jobs())
    wrong = looked_at = 0
    for k, (spec, args, vary) in enumerate(jobs):
        outside, points = misses(spec, args, vary, options.points, rng)
        wrong, looked_at = wrong + outside, looked_at + points
        if sys.stderr.isatty():
            print(f"{k + 1} of {len(jobs)} models", end="\r", file=sys.stderr, flush=True)
    print(f"{len(jobs)} models, {looked_at} points, {len(METHODS)} methods: {wrong} values outside")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
