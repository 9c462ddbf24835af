"""Gradients of random specs, full of ties and kinks on purpose, against exact one-sided differences: `make fuzz`.

A spec is a piecewise rational function of a vector. At a point, its one-sided derivatives along some directions are
known from exact differences; the gradient under rationals must give all of them or be refused, and those under
intervals, at points and over boxes around them, must contain them. Prints the shares; exit code 1 on a miss.
"""

import argparse
import itertools
import random
import sys
from collections import Counter
from fractions import Fraction

import numpy as np

import scalarspec as ss
from scalarspec.errors import DomainError, NotDifferentiable, NotSupported, Undecided

STEP = Fraction(1, 2**60)
NEAR = Fraction(1, 2**24)
"""How far a difference quotient may be from a derivative: the step times curvatures, with room."""
JUMP = Fraction(2**24)
"""A quotient beyond this is a jump's."""
VALUES = [Fraction(n, 2) for n in range(-4, 5)]


def random_spec(source, steps=True):
    """A function of a vector of 3 numbers; and its text, for a report."""
    size, lines = 3, []
    program = []
    for k in range(source.randint(1, 7)):
        operation = source.choice(OPERATIONS if steps else CONTINUOUS)
        program.append(
            (operation, [source.randrange(size + k) for _ in range(4)], [source.choice(VALUES) for _ in range(3)])
        )
        lines.append(f"v{size + k} = {operation}{program[-1][1]} {[str(c) for c in program[-1][2]]}")
    last = [source.randrange(size + len(program)) for _ in range(2)] + [size + len(program) - 1]

    def spec(x):
        values = [x[i] for i in range(size)]
        for operation, places, constants in program:
            values.append(TABLE[operation](*(values[i] for i in places), *constants))
        return sum([values[i] for i in last[1:]], values[last[0]])

    return spec, "; ".join([*lines, f"v{last[0]} + v{last[1]} + v{last[2]}"])


TABLE = {
    "add": lambda a, b, c, d, p, q, r: a + b,
    "subtract": lambda a, b, c, d, p, q, r: a - b,
    "multiply": lambda a, b, c, d, p, q, r: a * b / 2,
    "scale": lambda a, b, c, d, p, q, r: p * a + q,
    "square": lambda a, b, c, d, p, q, r: ss.square(a - p) / 2,
    "cube": lambda a, b, c, d, p, q, r: a**3 / 4,
    "one": lambda a, b, c, d, p, q, r: a**0,
    "quotient": lambda a, b, c, d, p, q, r: a / (1 + ss.square(b)),
    "relu": lambda a, b, c, d, p, q, r: ss.relu(a),
    "relu_shifted": lambda a, b, c, d, p, q, r: ss.relu(a - p),
    "relu_difference": lambda a, b, c, d, p, q, r: ss.relu(a) - ss.relu(-a),
    "abs": lambda a, b, c, d, p, q, r: ss.abs(a - b),
    "leaky": lambda a, b, c, d, p, q, r: ss.leaky_relu(a, "1/4"),
    "maximum": lambda a, b, c, d, p, q, r: ss.maximum(a, b),
    "minimum": lambda a, b, c, d, p, q, r: ss.minimum(a, b),
    "max_constant": lambda a, b, c, d, p, q, r: ss.maximum(a, p),
    "same": lambda a, b, c, d, p, q, r: ss.maximum(a + a, 2 * a) - a,
    "sum_of_two": lambda a, b, c, d, p, q, r: ss.maximum(a, b) + ss.minimum(a, b),
    "clip": lambda a, b, c, d, p, q, r: ss.clip(a, p, q),
    "clip_of": lambda a, b, c, d, p, q, r: ss.clip(a, b, c),
    "fold": lambda a, b, c, d, p, q, r: ss.maximum(ss.maximum(a, a), ss.maximum(b, c)),
    "norm2": lambda a, b, c, d, p, q, r: ss.square(ss.sqrt(ss.square(a * a))),
    "huber": lambda a, b, c, d, p, q, r: ss.square(ss.minimum(ss.abs(a), 1)) / 2 + ss.relu(ss.abs(a) - 1),
    "hardswish": lambda a, b, c, d, p, q, r: ss.hardswish(a),
    "softsign": lambda a, b, c, d, p, q, r: ss.softsign(a),
    "huber_where": lambda a, b, c, d, p, q, r: ss.where(ss.abs(a) <= 1, ss.square(a) / 2, ss.abs(a) - "1/2"),
    "relu_where": lambda a, b, c, d, p, q, r: ss.where(a > 0, a, 0),
    "max_where": lambda a, b, c, d, p, q, r: ss.where(a > b, a, b),
    "dead": lambda a, b, c, d, p, q, r: ss.where(a > 3, ss.abs(b), c),
    "matmul": lambda a, b, c, d, p, q, r: ss.dot(ss.stack([a, b]), [p, q]) + r,
    "mean": lambda a, b, c, d, p, q, r: ss.mean(ss.relu(ss.stack([a, b, c]))),
    "vector": lambda a, b, c, d, p, q, r: ss.sum(ss.maximum(ss.stack([a, b]), ss.stack([c, d]))),
}  # fmt: skip
CONTINUOUS = sorted(TABLE)
TABLE |= {
    "choice": lambda a, b, c, d, p, q, r: ss.where(a > p, b, c),
    "hole": lambda a, b, c, d, p, q, r: ss.where(ss.equal(a, p), q, b),
    "lazy": lambda a, b, c, d, p, q, r: ss.where(a > 0, lambda: b * b, c),
    "both": lambda a, b, c, d, p, q, r: ss.where((a > 0) & (b <= c), d, a),
    "not": lambda a, b, c, d, p, q, r: ss.where(~(a < p), a, b),
    "step": lambda a, b, c, d, p, q, r: ss.heaviside(a - p) * b,
    "sign": lambda a, b, c, d, p, q, r: ss.sign(a) * b,
    "floor": lambda a, b, c, d, p, q, r: ss.floor(a) / 4,
    "round": lambda a, b, c, d, p, q, r: ss.round(a - p) * b / 4,
    "trunc": lambda a, b, c, d, p, q, r: ss.trunc(2 * a) / 4,
    "remainder": lambda a, b, c, d, p, q, r: ss.remainder(a, 1 + ss.square(b)),
    "copysign": lambda a, b, c, d, p, q, r: ss.copysign(a, b),
}
OPERATIONS = sorted(TABLE) + CONTINUOUS


def slopes(spec, point, directions):
    """The one-sided derivatives along the directions: exact quotients over a tiny step, as fractions."""
    rational = ss.context("rational")

    def at(p):
        return spec(rational.tensor(p)).item()

    start = at(point)
    return [(at([x + STEP * d for x, d in zip(point, way, strict=True)]) - start) / STEP for way in directions]


def directions(source):
    """Along the axes, both ways, and others."""
    axes = [[sign * int(i == k) for i in range(3)] for k in range(3) for sign in (1, -1)]
    return axes + [[source.randint(-5, 5) for _ in range(3)] for _ in range(4)]


def is_linear(found, ways):
    """Are these one-sided derivatives those of one gradient?"""
    gradient = [found[2 * k] for k in range(3)]
    return all(
        abs(sum(g * d for g, d in zip(gradient, way, strict=True)) - s) < NEAR
        for way, s in zip(ways, found, strict=True)
    )


def check_point(spec, point, source, counts):
    """The gradient in rationals: right, refused, or a miss (which is told)."""
    ways = directions(source)
    found = slopes(spec, point, ways)
    try:
        gradient = ss.grad(spec)(ss.context("rational").tensor(point)).tolist()
    except NotDifferentiable:
        counts["refused, though differentiable" if is_linear(found, ways) else "refused, rightly"] += 1
        return None
    counts["given"] += 1
    for way, slope in zip(ways, found, strict=True):
        along = sum(g * d for g, d in zip(gradient, way, strict=True))
        if abs(along - slope) > NEAR * (1 + abs(slope)):
            return f"rational: {[str(g) for g in gradient]} along {way}: {float(along)}, but {float(slope)}"
    return None


def check_box(spec, low, high, points, name, source, counts):
    """Over a box, under an enclosing context: the one-sided derivatives at points of it."""
    context = ss.context(name)
    try:
        lower, upper = ss.endpoints(ss.grad(spec)(context.box(low, high)))
    except (DomainError, NotSupported, Undecided) as error:
        counts[f"{name}: {type(error).__name__}"] += 1
        return None
    counts[
        f"{name}: {'bounded' if np.all(np.isfinite(np.concatenate([lower, upper]).astype(float))) else 'unbounded'}"
    ] += 1
    ways = directions(source)
    for point in points:
        for way, slope in zip(ways, slopes(spec, point, ways), strict=True):
            least = sum(d * (a if d > 0 else b) for d, a, b in zip(way, lower, upper, strict=True) if d)
            most = sum(d * (b if d > 0 else a) for d, a, b in zip(way, lower, upper, strict=True) if d)
            slack = NEAR * (1 + abs(slope))
            if not (least - slack <= slope <= most + slack):
                return f"{name}: [{least}, {most}] along {way} at {[str(p) for p in point]}, but {float(slope)}"
    return None


def check(seed, counts):
    """One spec, at a point and over a box, under all three."""
    source = random.Random(seed)
    spec, text = random_spec(source)
    point = [source.choice(VALUES) for _ in range(3)]
    if source.random() < 0.3:
        point[1] = point[0]
    radii = [source.choice([Fraction(0), Fraction(0), Fraction(1, 2), Fraction(1)]) for _ in range(3)]
    low, high = ([x + s * r for x, r in zip(point, radii, strict=True)] for s in (-1, 1))
    inside = [point, [a + (b - a) * Fraction(source.randint(0, 4), 4) for a, b in zip(low, high, strict=True)]]
    misses = [check_point(spec, point, source, counts)]
    for name in ("interval", "interval64"):
        misses.append(check_box(spec, point, point, [point], name, source, counts))
        misses.append(check_box(spec, low, high, inside, name, source, counts))
    return [f"seed {seed}: {text}: {miss}" for miss in misses if miss]


def check_bounds(seed, counts, number=100):
    """Mean-value bounds over a box at random points; and a proof that a spec is monotone against its values."""
    source = random.Random(seed)
    spec, text = random_spec(source)
    middle = [source.choice(VALUES) for _ in range(3)]
    radius = source.choice(["1/2", 1, "1/8"])
    found = ss.bounds(spec, np.array(middle, dtype=object), vary={"x": ss.ball(radius)}, method="mean-value")
    rational, size = ss.context("rational"), Fraction(radius)

    points = [[x + size * Fraction(source.randint(-12, 12), 12) for x in middle] for _ in range(number)]
    for point, value in zip(points, ss.batched(spec, over="x")(rational.tensor(points)).tolist(), strict=True):
        if not found.lower <= value <= found.upper:
            return [f"seed {seed}: {text}: {value} at {point} outside of mean-value {found.lower} {found.upper}"]
    counts[f"mean-value bounds by {found.method}"] += 1

    def of_one(t):
        x = middle
        return spec(ss.stack([t, t.context.tensor(x[1]), t.context.tensor(x[2])]))

    region = {"t": ss.box(middle[0] - size, middle[0] + size)}
    verdict = ss.theory.prove_monotone(lambda t: of_one(t), "t", ss.Scalar, over=region)
    counts[f"monotone: {verdict.status}"] += 1
    if verdict.proved:
        places = [middle[0] - size + 2 * size * Fraction(k, number) for k in range(number + 1)]
        values = ss.batched(of_one, over="t")(rational.tensor(places)).tolist()
        if any(b < a for a, b in itertools.pairwise(values)):
            return [f"seed {seed}: {text}: proved monotone in its first number, but it falls"]
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="specs for gradients (default 20000)")
    parser.add_argument("--bounds", type=int, default=2_000, help="specs for mean-value bounds and monotony (2000)")
    parser.add_argument("--points", type=int, default=1_000, help="points for each of these (1000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts, misses = Counter(), []
    for seed in range(options.seed, options.seed + options.count):
        misses += check(seed, counts)
    for seed in range(options.seed, options.seed + options.bounds):
        misses += check_bounds(seed, counts, options.points)
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    print(
        f"{options.count} gradients, {options.bounds} bounds and proofs: {len(misses)} misses", *misses[:20], sep="\n"
    )
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
