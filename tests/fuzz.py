"""Differential fuzz of the interval kernel, and of interval64 in bulk, against the oracle.

Run `make fuzz`, or `python tests/fuzz.py --help`. A case is one operation at one precision on one choice of points or
boxes. It is a *miss* if the result surely leaves out a number of the exact range, and *open* if the oracle's 200 digits
cannot tell. The widths say how much further out an end lies than the exact one, in units in the last place (1 is the
best that outward rounding can promise).
"""

import argparse
import random
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
import oracle

import scalarspec as ss
from scalarspec.backends.interval import IntervalContext
from scalarspec.errors import DomainError, TooLarge
from scalarspec.numbers.exact import float_above, float_below

PRECISIONS = [24, 53, 64, 113, 200]
REAL_POWERS = [Fraction(1, 2), Fraction(-1, 2), Fraction(5, 4), Fraction(-7, 3)]
OPERATIONS = [*oracle.UNARY, *oracle.BINARY, *(f"pow {n}" for n in oracle.POWERS), *(f"pow {y}" for y in REAL_POWERS)]
SPECIAL = [Fraction(n, 4) for n in range(-16, 17)] + [s * Fraction(2) ** k for s in (-1, 1) for k in (-30, 7, 10)]
PI = Fraction(884279719003555, 281474976710656)  # as a float64 has it


# ---- inputs: six families -------------------------------------------------------------------------------------------


def few_bits(source):
    return Fraction(source.choice([-1, 1]) * source.randint(1, 64)) * Fraction(2) ** source.randint(-60, 5)


def long(source):
    return Fraction(source.choice([-1, 1]) * source.getrandbits(source.choice([60, 130, 300]))) / 2 ** source.randint(
        50, 330
    )


def moderate(source):
    return Fraction(source.choice([-1, 1]) * source.getrandbits(53)) / 2 ** source.randint(46, 56)


def wide(source):
    return Fraction(source.choice([-1, 1]) * source.getrandbits(53)) * Fraction(2) ** source.randint(-400, -40)


def special(source):
    return source.choice([*SPECIAL, PI * Fraction(source.randint(-12, 12), 2)])


def neighbour(source):
    point = special(source)
    return point + source.choice([-1, 1]) * Fraction(source.randint(1, 8)) / 2 ** source.randint(10, 120)


FAMILIES = [few_bits, long, moderate, wide, special, neighbour]


def box(source, family):
    """Half of the time a point, else a box, narrow or wide."""
    a = family(source)
    kind = source.random()
    if kind < 0.5:
        return a, a
    b = a + abs(a) / 2 ** source.randint(1, 60) if kind < 0.8 else source.choice(FAMILIES)(source)
    return min(a, b), max(a, b)


# ---- one case -------------------------------------------------------------------------------------------------------


def evaluate(context, operation, boxes):
    """The kernel's result, as exact ends."""
    name, *exponent = operation.split()
    scalars = [context.enclose(*ends) for ends in boxes]
    if exponent:
        scalars.append(context.data(Fraction(exponent[0])))
    return context.endpoints(getattr(context, name)(*scalars))


def expected(operation, boxes):
    """The oracle's range, or None where the operation has none."""
    name, *exponent = operation.split()
    if exponent:
        y = Fraction(exponent[0])
        return oracle.power(y.numerator, *boxes[0]) if y.denominator == 1 else oracle.real_power(*boxes[0], y)
    if name in oracle.POINT:
        return oracle.unary(name, *boxes[0])
    return oracle.binary(name, *boxes[0], *boxes[1])


def dyadic(operation):
    """A real exponent such as 5/4 is exact in every context; -7/3 is an interval, whose enclosure is wider."""
    exponent = Fraction(operation.split()[1]) if " " in operation else Fraction(0)
    return exponent.denominator & (exponent.denominator - 1) == 0


@dataclass
class Tally:
    cases: int = 0
    misses: int = 0
    open: int = 0
    refused: int = 0
    widest: float = 0.0
    first_miss: str = ""

    def add(self, other):
        self.first_miss = self.first_miss or other.first_miss
        self.widest = max(self.widest, other.widest)
        for name in ("cases", "misses", "open", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def check(context, operation, boxes, tally):
    """One case, entered into the tally."""
    tally.cases += 1
    want = expected(operation, boxes)
    try:
        low, high = evaluate(context, operation, boxes)
    except (DomainError, ZeroDivisionError):
        tally.refused += 1
        assert want is None or "pow" in operation, f"{operation} refused {boxes}"
        return
    if want is None:
        tally.misses += 1  # an answer where there is none
        tally.first_miss = tally.first_miss or f"{operation} at {context.prec} bits answered on {boxes}"
        return
    judge(context, operation, boxes, (low, high), want, tally)


def judge(context, operation, boxes, ends, want, tally):
    """Is the range inside, as far as the oracle can tell?"""
    low, high = ends
    (inf_low, inf_high), (sup_low, sup_high) = want
    if low > inf_high or high < sup_low:
        tally.misses += 1
        tally.first_miss = tally.first_miss or f"{operation} at {context.prec} bits on {boxes}"
    elif low > inf_low or high < sup_high:
        tally.open += 1
    if tally.cases % 8 == 0 and dyadic(operation):
        tally.widest = max(tally.widest, excess(context, inf_low, low), excess(context, sup_high, high))


def excess(context, exact, end):
    """How far an end lies from the exact one, in ulps of the exact one; 0 where it is infinite, or beyond the limit."""
    if isinstance(exact, float) or isinstance(end, float) or exact == 0 or exact.denominator.bit_length() > 900_000:
        return 0.0
    if context.name == "interval64" and not Fraction(2) ** -900 < abs(exact) < 2**1000:
        return 0.0  # floats have no such ulps there
    exponent = abs(exact).numerator.bit_length() - abs(exact).denominator.bit_length()
    exponent -= abs(exact) < Fraction(2) ** exponent
    return float(abs(exact - end) / Fraction(2) ** (exponent + 1 - context.prec))


def suited(operation, boxes, limit):
    """The boxes moved to where the oracle can follow: exponents within 8, exponentials within a limit."""
    if operation == "pow":
        base, exponent = boxes
        return [sorted(map(abs, base)), [max(-8, min(8, end)) for end in exponent]]
    if operation not in BOUNDED:
        return boxes
    limit = LIMITS.get(operation, limit)
    return [tuple(max(-limit, min(limit, end)) for end in ends) for ends in boxes]


def run(operation, prec, seed, cases):
    """`cases` cases of one operation at one precision, a sixth in each family."""
    source = random.Random(f"{operation} {prec} {seed}")
    context, tally = IntervalContext(prec), Tally()
    while tally.cases < cases:
        family = FAMILIES[tally.cases % len(FAMILIES)]
        boxes = [box(source, family)]
        if operation in oracle.BINARY:
            boxes.append(box(source, source.choice(FAMILIES)))
        check(context, operation, suited(operation, boxes, 2000), tally)
    return operation, prec, tally


# ---- in bulk --------------------------------------------------------------------------------------------------------

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


# On larger arguments the oracle's exact ends would have millions of digits, or could not be told from a limit.
BOUNDED = {"exp", "expm1", "expm1mx", "sinh", "cosh", "tanh", "sigmoid", "softplus", "logcosh", "erf"}
LIMITS = {"erf": 15, "tanh": 120, "expm1": 250, "sigmoid": 250, "expm1mx": 250}


def check_far(context, operation, x, tally):
    """One case on an argument beyond the limit, compared as balls."""
    judge_far(operation, x, *evaluate(context, operation, [(x, x)]), tally)


def judge_far(operation, x, low, high, tally):
    tally.cases += 1
    with flint.ctx.workprec(oracle.BITS):
        value = oracle.POINT[operation](oracle.ball(x))
        below = isinstance(low, Fraction) and value < oracle.ball(low)
        above = isinstance(high, Fraction) and value > oracle.ball(high)
        if below or above:
            tally.misses += 1
            tally.first_miss = tally.first_miss or f"{operation} at {x}"


# ---- every 16-bit float ---------------------------------------------------------------------------------------------


def sixteen_bit_floats(form):
    """Every finite number of the format, "bfloat16" or "float16"."""
    exponent_bits, fraction_bits = {"bfloat16": (8, 7), "float16": (5, 10)}[form]
    bias = 2 ** (exponent_bits - 1) - 1
    for e in range(2**exponent_bits - 1):
        for f in range(2**fraction_bits):
            mantissa, exponent = (f, 1) if e == 0 else (2**fraction_bits + f, e)
            value = Fraction(mantissa) * Fraction(2) ** (exponent - bias - fraction_bits)
            yield value
            yield -value


def run_exhaustive(operation, form):
    context, tally = IntervalContext(53), Tally()
    for x in sixteen_bit_floats(form):
        if operation in BOUNDED and abs(x) > LIMITS.get(operation, 2000):
            check_far(context, operation, x, tally)
        else:
            check(context, operation, [(x, x)], tally)
    return operation, form, tally


# ---- the command ----------------------------------------------------------------------------------------------------


def report(tallies):
    """The table, an operation a row."""
    lines = [f"{'operation':16} {'cases':>9} {'misses':>7} {'open':>6} {'refused':>8} {'widest end, ulps':>17}"]
    for operation, tally in tallies.items():
        lines.append(
            f"{operation:16} {tally.cases:9} {tally.misses:7} {tally.open:6} {tally.refused:8} {tally.widest:17.3f}"
        )
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    lines.append(f"{'all':16} {total.cases:9} {total.misses:7} {total.open:6} {total.refused:8} {total.widest:17.3f}")
    lines += [f"MISS: {tally.first_miss}" for tally in tallies.values() if tally.first_miss]
    return "\n".join(lines), total.misses


def collect(jobs, processes):
    """Run (function, *arguments) jobs in a pool, with progress; the tallies by operation."""
    tallies = defaultdict(Tally)
    with ProcessPoolExecutor(processes) as pool:
        pending = [pool.submit(*job) for job in jobs]
        for done, future in enumerate(pending, 1):
            operation, _, tally = future.result()
            tallies[operation].add(tally)
            if sys.stderr.isatty() or done % 50 == 0:
                end = "\r" if sys.stderr.isatty() else "\n"
                print(f"{done} of {len(pending)} jobs", end=end, file=sys.stderr, flush=True)
    return tallies


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=3_200_000, help="cases in all (default 3200000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other cases (default 0)")
    parser.add_argument("--processes", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--exhaustive", action="store_true", help="instead, every finite bfloat16 and float16 number")
    options = parser.parse_args()
    if options.exhaustive:
        forms, every = ("bfloat16", "float16"), (run_exhaustive, run_exhaustive_bulk)
        jobs = [(run, operation, form) for operation in oracle.UNARY for form in forms for run in every]
    else:
        each = -(-options.cases // (len(OPERATIONS) * len(PRECISIONS) * 4))
        parts = [4 * options.seed + part for part in range(4)]
        jobs = [(run, operation, prec, part, each) for part in parts for operation in OPERATIONS for prec in PRECISIONS]
        jobs += [
            (run_bulk, operation, fast, part, each) for part in parts for operation in BULK for fast in (False, True)
        ]
        jobs += [
            (run_mixed, operation, fast, part, each) for part in parts for operation in MIXED for fast in (False, True)
        ]
    text, misses = report(collect(jobs, options.processes))
    print(text)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
