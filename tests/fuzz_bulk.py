"""Differential fuzz of interval64, whose operations work on arrays of boxes, against the oracle."""

import random
from fractions import Fraction

import numpy as np
import oracle
from conftest import CONTEXTS
from fuzz import BOUNDED, FAMILIES, LIMITS, Tally, box, expected, judge, judge_far, sixteen_bit_floats, suited

import scalarspec as ss
from scalarspec.backends.interval import IntervalContext
from scalarspec.errors import DomainError, TooLarge
from scalarspec.numbers.exact import float_above, float_below

C = CONTEXTS["interval64"]


BULK = [*oracle.UNARY, *oracle.BINARY, *(f"pow {n}" for n in oracle.POWERS)]
EXTREME = [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1e-310, 1e-160, -1e-160, 1e160, 1e308, -1.7e308, 1.7e308, 709.8]


def extreme(source):
    return Fraction(source.choice(EXTREME)) * source.choice([1, 1, Fraction(3, 4)])


def bulk_boxes(operation, source, count):
    """Boxes with float64 ends, within the operation's domain: a tuple of one box or two for each case."""
    found = []
    while len(found) < count:
        boxes = [box(source, source.choice([*FAMILIES, extreme])) for _ in range(1 + (operation in oracle.BINARY))]
        boxes = suited(operation, boxes, 700)
        if all(abs(a) + abs(b) < 2**1023 for a, b in boxes):
            boxes = [(Fraction(float_below(a)), Fraction(float_above(b))) for a, b in boxes]
            if expected(operation, boxes) is not None:
                found.append(boxes)
    return found


def evaluate_bulk(context, operation, cases):
    """The ends of the operation on all boxes at once."""
    name, *exponent = operation.split()
    ends = [[np.array([float(case[k][end]) for case in cases]) for end in (0, 1)] for k in range(len(cases[0]))]
    return ss.endpoints(getattr(ss, name)(*(context.box(*pair) for pair in ends), *map(int, exponent)))


def run_bulk(operation, fast, seed, cases):
    """The arrays of interval64, with fused loops or without."""
    context, tally = ss.context("interval64", fast=fast), Tally()
    chosen = bulk_boxes(operation, random.Random(f"{operation} bulk {seed}"), cases)
    for boxes, *ends in zip(chosen, *evaluate_bulk(context, operation, chosen), strict=True):
        tally.cases += 1
        judge(context, operation, boxes, ends, expected(operation, boxes), tally)
    return f"{operation} {'fused' if fast else 'bulk'}", 53, tally


MIXED = [
    *(name for name in oracle.UNARY if name != "tan"), *oracle.BINARY, *(f"pow {n}" for n in (2, 3, 4, 5)),
    "maximum", "minimum", "clip", "leaky_relu", "sum", "mean", "mean_square", "dot", "matmul", "affine",
]  # fmt: skip
OPERANDS = {"clip": 3, "affine": 3} | dict.fromkeys([*oracle.BINARY, "maximum", "minimum", "dot", "matmul"], 2)
TOGETHER = 16
"""So many boxes are one array."""
REAL = IntervalContext(200)


def mixed(source, positive=False, limit=None):
    """A box beside which others lie that are nothing like it: -inf and sup, where NaN and ∞ are not known."""
    kind = source.random()
    if kind < 0.3:  # subnormal numbers, and what a product of them would be made of
        a, b = (source.choice([-1, 1]) * source.getrandbits(24) * 2.0 ** source.randint(-1074, -960) for _ in range(2))
    elif kind < 0.45:
        a, b = 0.0, source.choice([0.0, 0.0, 1.0, 5e-324, -5e-324, 2.0**-600])
    elif kind < 0.65:
        a, b = (source.choice([-1, 1]) * 2.0 ** source.randint(-1000, 1020) * source.random() for _ in range(2))
    else:
        a = source.choice([-1, 1]) * source.random() * 2.0 ** source.randint(-30, 8)
        b = a + abs(a) * 2.0 ** source.randint(-52, 3)
    if source.random() < 0.3:
        b = a
    if limit is not None:
        a, b = (max(-limit, min(limit, end)) for end in (a, b))
    if positive:
        a, b = (abs(end) or 5e-324 for end in (a, b))
    how, which = source.choice([np.nan, np.inf]), source.random()
    low, high = sorted((a, b))
    return how if which < 0.15 and not positive else -low, how if 0.1 < which < 0.3 else high


def point_of(source, ends):
    """An exact number in a box, beyond its known end where the other is not known: 0 and subnormal ones among them."""
    low, high = (Fraction(end) if np.isfinite(end) else None for end in ends)
    low = None if low is None else -low
    far = Fraction(source.randint(1, 1 << 20), 1 << source.choice([0, 10, 20]))
    if low is None and high is None:
        return source.choice([-1, 0, 1]) * far
    if low is None or high is None:
        return high - source.choice([0, far]) if low is None else low + source.choice([0, far])
    return low + (high - low) * source.choice([0, 1, Fraction(source.getrandbits(20), 1 << 20)])


def apply(operation, tensors):
    """By the functions of the library, on tensors of any context."""
    name, *exponent = operation.split()
    if name in ("dot", "matmul", "affine"):
        rows = [ss.reshape(t, (4, 4)) for t in tensors]
        if name == "affine":
            return ss.stack([ss.affine(rows[0], x, tensors[2][:4]) for x in rows[1]])
        return ss.matmul(*rows)
    if name in ("sum", "mean", "mean_square"):
        return getattr(ss, name)(ss.reshape(tensors[0], (4, 4)), axis=1)
    if name == "leaky_relu":
        return ss.leaky_relu(tensors[0], "0.125")
    return getattr(ss, name)(*tensors, *map(int, exponent))


def mixed_misses(context, operation, source):
    """An array of boxes in bulk: at what points does its enclosure surely leave out the value?"""
    name = operation.split()[0]
    limit = LIMITS.get(name, 700) if name in BOUNDED else None
    positive = name in ("log", "sqrt", "log1p", "divide", "pow", "reciprocal") and source.random() < 0.9
    if name == "pow" and " " in operation:
        positive = False
    operands = [[mixed(source, positive, limit) for _ in range(TOGETHER)] for _ in range(OPERANDS.get(operation, 1))]
    if name == "clip":
        operands[1], operands[2] = [(0.25, -0.25)] * TOGETHER, [(-2.0, 2.0)] * TOGETHER
    tensors = []
    for k, boxes in enumerate(operands):
        if source.random() < 0.3:  # numbers, which stand for themselves
            points = [float(point_of(source, ends)) for ends in boxes]
            operands[k] = [(-x, x) for x in points]
            tensors.append(context.tensor(np.array(points)))
        else:
            tensors.append(ss.Tensor(context, ss.Shape((TOGETHER,)), np.array(boxes).T.copy()))
    try:
        found = [np.ravel(end) for end in ss.endpoints(apply(operation, tensors))]
    except (DomainError, TooLarge):
        return []
    missed = []
    for _ in range(2):
        points = [[point_of(source, ends) for ends in boxes] for boxes in operands]
        try:
            value = apply(operation, [REAL.tensor(each) for each in points])
        except (DomainError, TooLarge):
            continue
        for i, (low, high, least, most) in enumerate(zip(*found, *map(np.ravel, ss.endpoints(value)), strict=True)):
            if low > most or high < least:
                missed.append((operation, i, [list(map(float, x)) for x in points], (float(low), float(high))))
    return missed


def run_mixed(operation, fast, seed, cases):
    """Subnormal, unknown and ordinary ends in one array: what one element needs, no other may turn off."""
    context, tally = ss.context("interval64", fast=fast), Tally()
    source = random.Random(f"{operation} mixed {seed}")
    while tally.cases < cases:
        missed = mixed_misses(context, operation, source)
        tally.add(Tally(cases=2 * TOGETHER, misses=len(missed), first_miss=str(missed[0]) if missed else ""))
    return f"{operation} {'fused' if fast else 'bulk'}, mixed", 53, tally


def run_exhaustive_bulk(operation, form):
    """Every finite 16-bit float at once."""
    context, tally = ss.context("interval64", fast=False), Tally()
    points = [x for x in sixteen_bit_floats(form) if oracle.in_domain(operation, x)]
    ends = ss.endpoints(getattr(ss, operation)(context.tensor(np.array(points, dtype=float))))
    for x, low, high in zip(points, *ends, strict=True):
        if operation in BOUNDED and abs(x) > LIMITS.get(operation, 700):
            judge_far(operation, x, low, high, tally)
        else:
            tally.cases += 1
            judge(context, operation, [(x, x)], (low, high), expected(operation, [(x, x)]), tally)
    return f"{operation} bulk", form, tally


def misses_of(operation, seed="quick", count=300):
    """The boxes whose enclosure surely leaves out a number, with their ends as text."""
    cases = bulk_boxes(operation, random.Random(f"{operation} {seed}"), count)
    missed = []
    for case, low, high in zip(cases, *evaluate_bulk(C, operation, cases), strict=True):
        (_, inf_high), (sup_low, _) = expected(operation, case)
        if low > inf_high or high < sup_low:
            missed.append([[float(end) for end in box] for box in case])
    return missed
