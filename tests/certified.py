"""Certificates for tests: specs, claims, an evaluation of programs that owes nothing to the checker, and mutants."""

import copy
import json
import random
from fractions import Fraction

import mpmath
import numpy as np

import scalarspec as ss
from scalarspec import check

RNG = np.random.default_rng(11)
WEIGHT, BIAS = np.round(RNG.normal(size=(3, 2)) * 8) / 8, np.round(RNG.normal(size=3) * 8) / 8
HEAD = np.round(RNG.normal(size=(2, 3)) * 8) / 8
CENTRE = [0.25, -0.5]


def hidden(x):
    """Three rectified numbers."""
    return ss.relu(ss.affine(WEIGHT, x, BIAS))


SPECS = {
    "affine": lambda x: ss.affine(WEIGHT, x, BIAS),
    "rectifier": lambda x: ss.sum(hidden(x)) - x[0],
    "two layers": lambda x: ss.relu(ss.matmul(HEAD, hidden(x))),
    "tanh": lambda x: ss.tanh(ss.matmul(HEAD, hidden(x))),
    "sigmoid": lambda x: ss.mean(ss.sigmoid(4 * ss.affine(WEIGHT, x, BIAS))),
    "softplus": lambda x: ss.softplus(3 * x) - x,
    "product": lambda x: x[0] * x[1] + ss.exp(x[0]) * x[1],
    "product of functions": lambda x: ss.sum(ss.square(hidden(x))) * ss.exp(x[0]) * ss.sigmoid(x[1]),
    "quotient": lambda x: (1 + x[0]) / (2 + ss.square(x[1])),
    "root": lambda x: ss.sqrt(1 + ss.square(x)),
    "logarithm": lambda x: ss.log(2 + x) + ss.log1p(ss.square(x)),
    "mse": lambda x: ss.loss.mse(ss.sigmoid(ss.matmul(HEAD, hidden(x))), [1, 0]),
    "cross-entropy": lambda x: ss.loss.cross_entropy(ss.matmul(HEAD, hidden(x)), 0),
    "extremes": lambda x: ss.max(x) - ss.min(x) + ss.clip(x, -0.25, 0.125)[0] + abs(x[1]),
    "third": lambda x: x / 3 + ss.mean(ss.concat([x, 2 * x, x[::-1]])),
    "irrational": lambda x: x * ss.exp(x.context.tensor("1/2")) + ss.log(x.context.tensor(2)),
    "activations": lambda x: ss.elu(x) + ss.silu(x) + ss.leaky_relu(x, 0.25) + ss.expm1(x),
}
CLAIMS = {
    "and": lambda x: (ss.square(x) <= 4).all() & (ss.exp(x[0]) > x[0]),
    "or": lambda x: (x[0] > "1/10") | (x[0] * x[0] < "1/2") | (x[1] > 7),
    "not": lambda x: ~((ss.sum(hidden(x)) < -1) | (x[0] > 2)) & ((x[0] <= 1) | (x[1] >= 2)),
}


def certificate_of(name, radius="0.25", **how):
    """The certificate of a spec by its name, or of a claim."""
    asked = {"vary": {"x": ss.ball(radius)}}
    if name in CLAIMS:
        return ss.prove(CLAIMS[name], CENTRE, **asked).certificate()
    return ss.bounds(SPECS[name], CENTRE, **asked, **how).certificate()


# ---- what a program says, by other means ----------------------------------------------------------------------------

FUNCTIONS = {
    "relu": lambda t: max(t, mpmath.mpf(0)),
    "square": lambda t: t * t,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "reciprocal": lambda t: 1 / t,
    "sigmoid": lambda t: 1 / (1 + mpmath.exp(-t)),
}


def exact(entry):
    """The numbers of an entry, as Fractions."""
    return [Fraction(n) * Fraction(2) ** entry["exponent"] / entry.get("denominator", 1) for n in entry["integers"]]


def real(x):
    return mpmath.mpf(x.numerator) / x.denominator


def result(certificate, points):
    """The elements of the result at one point for each input, in 600 bits."""
    with mpmath.workprec(600):
        values, inputs = [], iter(points)
        for entry in certificate["program"]:
            name, operands = entry["operation"], [values[v] for v in entry.get("operands", ())]
            if name == "input":
                values.append([real(x) for x in next(inputs)])
            elif name == "constant":
                values.append([real(x) for x in exact(entry["lower"])])
            elif name in FUNCTIONS:
                values.append([FUNCTIONS[name](t) for t in operands[0]])
            elif name == "multiply":
                a, b = operands
                n = max(len(a), len(b))
                values.append([a[i % len(a)] * b[i % len(b)] for i in range(n)])
            elif name == "matmul":
                k = entry["inner"]
                a, b = (np.array(x, dtype=object) for x in operands)
                rows = a.reshape(-1, k) @ (b.reshape(-1, k).T if entry["transposed"] else b.reshape(k, -1))
                values.append(list(rows.ravel()))
            else:
                signs = [-1 if name == "negative" or (name == "subtract" and k) else 1 for k in range(len(operands))]
                flat = [sign * t for sign, x in zip(signs, operands, strict=True) for t in x]
                counts = [max(len(row), 1) if name == "mean" else 1 for row in entry["elements"]]
                rows = zip(entry["elements"], counts, strict=True)
                values.append([mpmath.fsum(flat[k] for k in row) / n for row, n in rows])
        return values[certificate["value"]]


def is_true(claim, y):
    """Does a claim hold of numbers that are exact to some 590 bits? At its very edge it does."""
    if claim[0] in ("and", "or"):
        return (all if claim[0] == "and" else any)(is_true(part, y) for part in claim[1:])
    with mpmath.workprec(600):
        c = mpmath.mpf(claim[2]) / claim[3]
        slack = mpmath.mpf(2) ** -500 * (1 + abs(c))
        return y[claim[1]] >= c - slack if claim[0] in ("at least", "above") else y[claim[1]] <= c + slack


def points(certificate, count=6, seed=0):
    """Corners of the box, its middle, and points inside: for each, exact numbers for each input."""
    source = random.Random(seed)
    boxes = [(exact(e["lower"]), exact(e["upper"])) for e in certificate["program"] if e["operation"] == "input"]
    ways = [lambda: Fraction(0), lambda: Fraction(1), lambda: Fraction(1, 2)]
    ways += [lambda: Fraction(source.randrange(2)), lambda: Fraction(source.randrange(17), 16)] * count
    for way in ways:
        yield [[a + (b - a) * way() for a, b in zip(low, high, strict=True)] for low, high in boxes]


def refuted(certificate):
    """Is the claim of a certificate false at one of some points?"""
    for at in points(certificate):
        try:
            y = result(certificate, at)
            true = is_true(certificate["claim"], y)
        except (ZeroDivisionError, ValueError, TypeError):  # no value there, or a complex one
            true = False
        if not true:
            return True
    return False


# ---- mutants --------------------------------------------------------------------------------------------------------


def places(data, path=()):
    """The paths of all that is in JSON data."""
    yield path
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inside:
        yield from places(value, (*path, key))


def at(data, path):
    return at(data[path[0]], path[1:]) if path else data


CHANGES = [
    lambda x, s: x + s.choice([-1, 1]),
    lambda x, s: -x,
    lambda x, s: x * 2,
    lambda x, s: x // 2,
    lambda x, s: x + s.choice([-1, 1]) * max(1, abs(x) >> s.randrange(1, 60)),
    lambda x, s: s.choice([0, 1, -1, 2, 1 << 100, -(1 << 200)]),
]


def mutant(certificate, source):
    """A copy with one to three changes."""
    changed = copy.deepcopy(certificate)
    for _ in range(source.choice([1, 1, 1, 2, 3])):
        paths = [path for path in places(changed) if path]
        path = source.choice(paths)
        parent, key, value = at(changed, path[:-1]), path[-1], at(changed, path)
        kind = source.randrange(12)
        if kind > 9 and changed == certificate:
            nodes = [path[:-1] for path in paths if path[-1] in ("bounds", "slopes", "split")]
            node = at(changed, source.choice(nodes or [("proof",)]))
            v, i = str(source.randrange(len(changed["program"]))), source.choice([0, 0, 1, -1])
            if kind > 10:
                node.setdefault("bounds", {}).setdefault(v, [[], []])[source.randrange(2)].append(i)
            else:
                slopes = [source.choice([0, 1, -1, 3]) * check.SLOPE_ONE // 2 for _ in range(2)]
                node.setdefault(source.choice(["slopes", "claim slopes"]), {}).setdefault(v, []).append([i, *slopes])
            continue
        if isinstance(value, int) and kind < 8:
            parent[key] = source.choice(CHANGES)(value, source)
        elif kind == 8:
            del parent[key]
        elif isinstance(value, list) and value and kind < 6:
            i, j = source.randrange(len(value)), source.randrange(len(value))
            value[i], value[j] = value[j], value[i]
        else:
            parent[key] = copy.deepcopy(
                source.choice([at(changed, source.choice(paths)), True, None, "1", [], 0.5, {}])
            )
    return changed


def text(certificate):
    return json.dumps(certificate)
