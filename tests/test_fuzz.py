"""A quick share of the fuzz, the audit of its oracle, and the proof that it catches a broken kernel."""

import random
from fractions import Fraction

import fuzz
import mpmath
import oracle
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.backends.interval import IntervalContext, functions
from scalarspec.backends.interval import context as waves
from scalarspec.backends.interval import ends as kernel
from scalarspec.numbers.fixed_point import ERROR, EXP_ERROR

MORE = {"exp": 30_000}  # so that one wrong end in ten thousand shows


@pytest.mark.parametrize("operation", fuzz.OPERATIONS)
def test_no_operation_misses(operation):
    tally = fuzz.Tally()
    for prec in fuzz.PRECISIONS:
        cases = MORE.get(operation, 300) if prec == 53 else 150
        tally.add(fuzz.run(operation, prec, "quick", cases)[2])
    assert tally.misses == 0, tally.first_miss
    assert tally.open == 0 or operation == "softplus"  # x + log1p(e⁻ˣ), of which the oracle's digits may see x alone
    assert tally.refused < tally.cases
    assert tally.widest <= 3  # ulps: 1 of outward rounding, 1 of the margin, doubled across a power of two


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", ["bfloat16", "float16"])
@pytest.mark.parametrize("operation", oracle.UNARY)
def test_every_sixteen_bit_float(operation, form):
    _, _, tally = fuzz.run_exhaustive(operation, form)
    assert (tally.misses, tally.open) == (0, 0)
    assert tally.cases == {"bfloat16": 65_280, "float16": 63_488}[form]


def test_the_sixteen_bit_floats_are_all_there():
    values = list(fuzz.sixteen_bit_floats("float16"))
    assert len(values) == 2 * 31 * 2**10
    assert max(values) == 65504
    assert min(v for v in values if v > 0) == Fraction(1, 2**24)
    assert max(fuzz.sixteen_bit_floats("bfloat16")) == (2 - Fraction(1, 2**7)) * 2**127


# ---- broken kernels -------------------------------------------------------------------------------------------------


def misses(operation):
    return fuzz.run(operation, 53, "quick", MORE.get(operation, 300))[2].misses


def test_an_end_of_exp_too_low_in_one_input_of_ten_thousand_is_caught(monkeypatch):
    right = IntervalContext.exp

    def wrong(self, x):
        _, _, m, e = x
        a, j, b, k = right(self, x)
        return (a, j, b - (1 if (m * 2654435761 + e) % 10_000 == 0 and m % 10_000 else 0), k)

    monkeypatch.setattr(IntervalContext, "exp", wrong)
    assert misses("exp") > 0


def test_a_product_rounded_to_nearest_is_caught(monkeypatch):
    def nearest(self, x, y):
        a, e, b, f = kernel.exact_product(x, y)
        k, j = (max(0, n.bit_length() - self.prec) for n in (a, b))
        half, other = (1 << k) >> 1, (1 << j) >> 1
        return kernel.bounded((a + half) >> k, e + k, (b + other) >> j, f + j)

    monkeypatch.setattr(IntervalContext, "multiply", nearest)
    assert misses("multiply") > 0


@pytest.mark.parametrize(("errors", "missed"), [((0, 0), True), ((EXP_ERROR, ERROR), False)])
def test_the_proved_errors_are_needed_and_suffice(monkeypatch, errors, missed):
    """With no guard bits, each unit shows: none is too little; what is proved is enough."""
    monkeypatch.setattr(IntervalContext, "guard", 0)
    for room in (functions, waves):
        monkeypatch.setattr(room, "ERROR", errors[1])
    monkeypatch.setattr(functions, "EXP_ERROR", errors[0])
    tally = fuzz.Tally()
    for operation in ("exp", "log", "sin", "cos", "tan", "atan"):
        for prec in (53, 113):
            tally.add(fuzz.run(operation, prec, "margin", 2000)[2])
    assert (tally.misses > 0) is missed, tally.first_miss


def test_where_mpmath_misses_the_fuzz_sees_it(monkeypatch):
    def theirs(self, x):
        context = mpmath.ctx_iv.MPIntervalContext()
        context.prec = self.prec
        return self.data(context.exp(self.item(x)))

    monkeypatch.setattr(IntervalContext, "exp", theirs)
    assert fuzz.run("exp", 53, "quick", 2000)[2].misses > 0


# ---- the oracle, audited --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", oracle.UNARY)
def test_the_oracle_agrees_with_another_library(name):
    """mpmath at 120 digits, by formulas written for points: an independent opinion at random points and boxes."""
    mp = mpmath.ctx_mp.MPContext()
    mp.dps = 120
    formulas = {
        "expm1mx": lambda x: mp.exp(x) - 1 - x,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: mp.log(1 + mp.exp(x)),
        "logcosh": lambda x: mp.log(mp.cosh(x)),
        "square": lambda x: x * x,
        "abs": abs,
        "relu": lambda x: max(x, 0),
        "negative": lambda x: -x,
    }
    theirs = formulas.get(name) or getattr(mp, name)
    source = random.Random(name)
    for _ in range(60):
        a, b = sorted(Fraction(source.randint(-320, 320), 64) for _ in range(2))
        found = oracle.unary(name, a, b)
        if found is None:
            assert not oracle.DOMAIN[name](a)
            continue
        (low, _), (_, high) = found
        values = [
            theirs(mp.mpf(x.numerator) / x.denominator) for x in (a + (b - a) * Fraction(k, 40) for k in range(41))
        ]
        slack = mp.mpf(10) ** -100
        assert all(_mpf(mp, low) - slack <= v <= _mpf(mp, high) + slack for v in values)
        if low != float("-inf"):
            nearest = min(abs(v - _mpf(mp, low)) for v in values) + min(abs(v - _mpf(mp, high)) for v in values)
            assert nearest <= (1 + max(abs(v) for v in values)) * (1 + (b - a).__float__()) * 20


def _mpf(mp, x):
    return mp.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else mp.mpf(x)


def test_the_oracle_on_known_ranges():
    half, one, two = Fraction(1, 2), Fraction(1), Fraction(2)
    assert oracle.unary("square", -one, two) == ((0, 0), (4, 4))
    assert oracle.unary("cos", -one, half)[1] == (1, 1)
    assert oracle.unary("sin", one, two)[1] == (1, 1)
    assert oracle.unary("tan", one, two) == ((-float("inf"),) * 2, (float("inf"),) * 2)
    assert oracle.unary("log", Fraction(0), one) is None
    assert oracle.binary("divide", one, two, -one, one) == ((-float("inf"),) * 2, (float("inf"),) * 2)
    assert oracle.binary("divide", one, two, Fraction(0), half) == ((2, 2), (float("inf"),) * 2)
    assert oracle.binary("multiply", -one, one, -two, Fraction(3)) == ((-3, -3), (3, 3))
    assert oracle.power(2, -one, two) == ((0, 0), (4, 4))
    assert oracle.power(-1, half, two) == ((half, half), (2, 2))


# ---- whole specs, and relations between results ---------------------------------------------------------------------


def spec_of(name):
    return {
        "kl": lambda x, y: ss.latent.diagonal_gaussian_kl_to_standard(x, y),
        "mse": ss.loss.mse,
        "gate": lambda x, y: ss.sum(ss.sigmoid(x) * ss.tanh(y)),
        "huber": ss.loss.huber,
        "log_cosh": ss.loss.log_cosh,
        "softmax": lambda x, y: ss.loss.cross_entropy(x, ss.exp(y)),
    }[name]


@pytest.mark.parametrize("name", ["kl", "mse", "gate", "huber", "log_cosh", "softmax"])
def test_whole_specs_contain_their_values_at_random_points_of_random_boxes(name):
    source, spec, precise = random.Random(name), spec_of(name), IntervalContext(200)
    for context in (*map(IntervalContext, (24, 53, 113)), CONTEXTS["interval64"], CONTEXTS["fused"]):
        for _ in range(20):
            boxes = [[fuzz.box(source, fuzz.moderate) for _ in range(3)] for _ in range(2)]
            wide = spec(*(context.box(*map(list, zip(*b, strict=True))) for b in boxes))
            low, high = (end[()] for end in ss.endpoints(wide))
            for _ in range(5):
                points = [[a + (c - a) * Fraction(source.randint(0, 8), 8) for a, c in b] for b in boxes]
                inner = spec(*map(precise.tensor, points))
                least, greatest = (end[()] for end in ss.endpoints(inner))
                assert low <= greatest
                assert least <= high


@pytest.mark.parametrize("operation", oracle.UNARY)
def test_two_precisions_overlap_and_the_finer_lies_in_the_coarser_nearly(operation):
    source = random.Random(operation)
    coarse, fine = IntervalContext(24), IntervalContext(113)
    for _ in range(100):
        boxes = [fuzz.box(source, fuzz.few_bits)]
        try:
            (a, b), (c, d) = (fuzz.evaluate(context, operation, boxes) for context in (coarse, fine))
        except ss.errors.DomainError:
            continue
        assert max(a, c) <= min(b, d)
        assert c >= a or abs(c - a) <= abs(a) / 2**20
        assert d <= b or abs(d - b) <= abs(b) / 2**20


@pytest.mark.parametrize("operation", oracle.UNARY)
def test_isotonicity_and_union(operation):
    """f of a part lies in f of the whole; the parts' results cover the whole's, to the rounding."""
    source, context = random.Random(operation), IntervalContext(53)
    for _ in range(100):
        a, b = sorted(source.choice([fuzz.few_bits, fuzz.moderate])(source) for _ in range(2))
        middle = (a + b) / 2
        try:
            whole, left, right = (
                fuzz.evaluate(context, operation, [ends]) for ends in ((a, b), (a, middle), (middle, b))
            )
        except ss.errors.DomainError:
            continue
        assert whole[0] <= min(left[0], right[0])
        assert max(left[1], right[1]) <= whole[1]
        if float("inf") not in (abs(whole[0]), abs(whole[1])):
            slack = max(abs(whole[0]), abs(whole[1])) / 2**50
            assert min(left[0], right[0]) - whole[0] <= slack
            assert whole[1] - max(left[1], right[1]) <= slack
