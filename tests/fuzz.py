"""Differential fuzz of the interval kernel against the oracle.

A case is one operation at one precision on one choice of points or boxes. It is a *miss* if the result surely leaves
out a number of the exact range, and *open* if the oracle's 200 digits cannot tell. The widths say how much further out
an end lies than the exact one, in units in the last place (1 is the best that outward rounding can promise).
"""

import random
from dataclasses import dataclass
from fractions import Fraction

import flint
import oracle

from scalarspec.backends.interval import IntervalContext
from scalarspec.errors import DomainError

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


# ---- arguments beyond the limit -------------------------------------------------------------------------------------

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
