"""The integer functions against python-flint and mpmath at several times their bits: never off by as much as is proved.

At hostile arguments: near 0, 1 and multiples of π/2, tiny, huge, beside the tables' numbers, of few bits and of many.
"""

import random
from fractions import Fraction
from math import inf

import flint
import mpmath
import pytest
from flint import arb, fmpz

from scalarspec.backends.interval import IntervalContext
from scalarspec.numbers import angles, fixed_point, series
from scalarspec.numbers.dyadic import INFINITE, fixed
from scalarspec.numbers.fixed_point import ERROR, EXP_ERROR, NEAR, SERIES_BITS

PRECISIONS = [26, 53, 77, 130, 324, 1024]
BEYOND = [SERIES_BITS, SERIES_BITS + 1, 3001]
"""Where tables end, and halving begins."""


def scaled(m, e):
    """M 2^e, exactly."""
    return arb(fmpz(m)) * arb(2) ** e


def off(value, q, true):
    """How far an integer is from true 2^q, at most. Infinite errors below are of results that are too small."""
    return abs(float((arb(fmpz(value)) - true * arb(2) ** q).abs_upper()))


def exp_error(m, e, wp):
    value, n = fixed_point.exp(m, e, wp)
    return off(value, wp - n, scaled(m, e).exp()) / EXP_ERROR


def log_error(m, e, wp):
    value, q, n = fixed_point.log(m, e, wp)
    return off(value, q, scaled(m, e).log()) / (ERROR + abs(n)) if abs(value) >> (wp - NEAR - 2) else inf


def cos_sin_error(m, e, wp):
    c, s, q, n = angles.cos_sin(m, e, wp)
    r = scaled(m, e) - arb(fmpz(n)) * arb.pi() / 2
    if not abs(r) < 0.786 or not abs(s) >> (wp - NEAR - 3):
        return inf
    return max(off(c, wp, r.cos()), off(s, q, r.sin())) / ERROR


def atan_error(m, e, wp):
    value, q = angles.atan(m, e, wp)
    return off(value, q, scaled(m, e).atan()) / ERROR if value >> (wp - NEAR - 2) else inf


def erf_error(m, e, wp):
    if fixed(m * m, 2 * e, 0) > wp:  # beyond, `interval` takes another way
        return 0.0
    value, q, error = fixed_point.erf(m, e, wp)
    return off(value, q, scaled(m, e).erf()) / error


ERRORS = {"exp": exp_error, "log": log_error, "cos_sin": cos_sin_error, "atan": atan_error, "erf": erf_error}


def arguments(name, wp, count):
    """Numbers m 2^e, which are positive, but for exp."""
    source = random.Random(f"{name} {wp}")
    for _ in range(count):
        bits = source.choice([1, 2, 8, 24, 53, wp, 2 * wp])
        m = source.getrandbits(bits) | 1
        yield m, source.randint(-12, 3) - m.bit_length()  # of the size of 1
        yield m, source.randint(-2 * wp, 20) - m.bit_length()  # tiny to large
        far = source.randint(1, 2 * wp)
        yield (1 << far) + source.choice([-1, 1]) * (source.getrandbits(min(far, 8)) >> 1 | 1), -far  # near 1
        yield (
            (source.randint(1, 402) << far) + source.choice([-1, 0, 1]),
            -far - 9,
        )  # near the tables' numbers, or between
        if name == "cos_sin":
            n = source.getrandbits(source.choice([1, 3, 20, 64, 500])) | 1
            places = source.choice([10, 53, wp, 2 * wp])
            yield n * series.pi(places) + source.choice([-1, 0, 1, 2]), -places - source.choice([0, 1, 2])
            yield m, source.choice([100, 1000, 2000])
        if name in ("log", "atan"):
            yield m, source.choice([-3000, 100, 3000])


def largest_error(name, wp, count):
    """Over that which is proved. The judge has bits for the smallest results."""
    worst = 0.0
    for m, e in arguments(name, wp, count):
        if (m, e) == (1, 0) and name == "log":
            continue
        for x in (m, -m) if name == "exp" else (m,):
            with flint.ctx.workprec(max(600, 3 * wp) + 3 * abs(m.bit_length() + e) + 2 * m.bit_length()):
                worst = max(worst, ERRORS[name](x, e, wp))
    return worst


@pytest.mark.parametrize("wp", PRECISIONS)
@pytest.mark.parametrize("name", ERRORS)
def test_no_result_is_off_by_more_than_is_proved(name, wp):
    assert largest_error(name, wp, 150 if wp < 300 else 60) < 1


@pytest.mark.parametrize("wp", BEYOND)
@pytest.mark.parametrize("name", ERRORS)
def test_nor_where_arguments_are_halved(name, wp):
    assert largest_error(name, wp, 4) < 1


# ---- as `interval` uses them, at the ends of its range --------------------------------------------------------------

EDGES = {
    **{name: [(3, e) for e in (1000, 16000, -1000, -(10**6))] for name in ("sin", "cos", "tan")},
    "atan": [(3, e) for e in (16000, 10**6, -1000, -(10**6))],
    "log": [(5, e) for e in (-(10**6), -1048575, 10**6, 1048000)],
    "erf": [(1, -(10**6)), (-3, -1000), (9, 0), (35, -2), (1, 1000), (-1, 10**6)],
    "exp": [(1, 19), (-1, 19), (1, 20), (-1, 20), (3, 18), (1, -1000), (-1, -(10**6))],
}
"""Numbers m 2^e: angles of thousands of bits, and where results leave, or nearly leave, the range of exponents."""


@pytest.mark.parametrize("prec", [53, 106, 300, 1000])
@pytest.mark.parametrize("name", EDGES)
def test_extreme_arguments_are_enclosed(name, prec):
    for m, e in EDGES[name]:
        a, j, b, k = getattr(IntervalContext(prec), name)((m, e, m, e))
        with flint.ctx.workprec(40_000 if 0 < e < 10**5 else 4_000):
            true = getattr(scaled(m, e), name)()
            assert j == INFINITE or not scaled(a, j) > true
            assert k == INFINITE or not scaled(b, k) < true


@pytest.mark.parametrize("prec", [53, 300])
def test_exact_results_are_exact(prec):
    context, zero, one = IntervalContext(prec), (0, 0, 0, 0), (1, 0, 1, 0)
    assert [getattr(context, name)(zero) for name in ("sin", "tan", "atan", "exp", "cos")] == [*[zero] * 3, one, one]
    assert context.log(one) == context.log((8, -3, 8, -3)) == zero


# ---- the pieces, each within what it proves -------------------------------------------------------------------------


def wrong_constants(bits):
    """π and ln 2 to so many bits that are not cut from mpmath's: one unit off counts."""
    mp = mpmath.ctx_mp.MPContext()
    mp.prec = bits + 600
    wanted = {series.pi: mp.pi, series.ln2: mp.ln2}
    return [f.__name__ for f, true in wanted.items() if f(bits) != int(mp.floor(mp.ldexp(true, bits)))]


@pytest.mark.parametrize("bits", [0, 1, 2, 64, 255, 256, 257, 1000, 5000])
def test_constants_are_cut_exactly(bits):
    assert not wrong_constants(bits)


def are_identities():
    """Are the sums of PI_PARTS and LN2_PARTS π and ln 2? In whole numbers: by arguments of Gaussian integers, and by
    powers of 2.
    """
    real, imaginary = 1, 0
    for c, q in series.PI_PARTS:
        sign = 1 if c > 0 else -1
        for _ in range(abs(c) // 4):
            real, imaginary = real * q - imaginary * sign, imaginary * q + real * sign
    quarter = sum(Fraction(c, 4 * q) for c, q in series.PI_PARTS)  # so near to π/4 that no turn is missed
    product = Fraction(1)
    for c, q in series.LN2_PARTS:
        product *= Fraction(q + 1, q - 1) ** c
    return real == imaginary > 0 and 0 < quarter < 2 and product == 4 and all(c % 4 == 0 for c, _ in series.PI_PARTS)


def test_the_sums_of_constants_are_identities():
    assert are_identities()


@pytest.mark.parametrize("bits", [10, 64, 333])
@pytest.mark.parametrize(("p", "q"), [(1, 18), (1, 239), (1, 256), (100, 256), (255, 256), (256, 256)])
def test_arctangents_of_rationals_are_enclosed(p, q, bits):
    with flint.ctx.workprec(1000):
        value, error = series.atan_of(p, q, bits)
        true = arb(flint.fmpq(p, q)).atan() * arb(2) ** bits
        assert value <= true < value + error
        if 4 * p <= q:
            value, error = series.atanh_of(p, q, bits)
            true = arb(flint.fmpq(p, q)).atanh() * arb(2) ** bits
            assert value <= true < value + error


@pytest.mark.parametrize("bits", [32, 33, 63, 64, 100, 127, 128, 500, 2048, 5000])
def test_halving_is_as_near_as_it_proves(bits):
    source = random.Random(bits)
    for t in [0, 1, (1 << bits) - 1, *(source.getrandbits(bits) for _ in range(20 if bits < 1000 else 2))]:
        with flint.ctx.workprec(3 * bits + 200):
            x, unit = scaled(t, -bits), arb(2) ** bits
            lost = x.exp() * unit - arb(fmpz(series.exp_by_halving(t, bits)))
            assert lost >= 0 or t == 0
            assert lost < 4
            c, s = series.cos_sin_by_halving(t, bits)
            assert abs(x.cos() * unit - arb(fmpz(c))) < 2
            assert abs(x.sin() * unit - arb(fmpz(s))) < 2


def test_the_sizes_of_halving_are_as_its_text_has_them():
    for bits in [*range(series.HALVED_BITS, 4000), *(1 << k for k in range(12, 24))]:
        p, h, g = series._sizes(bits)
        m = 4 * (series.isqrt(p // h) // 4 + 1)
        assert h >= 4
        assert p == bits + h + g <= 2 * bits
        assert 2 * (p // h + 1 + m) + m + 10 < 2**g - 4


def tables_off(wp):
    """The largest error in the tables, in units: 1.1 is proved."""
    source, unit, bits, worst = random.Random(wp), arb(2) ** wp, fixed_point.shared_bits(wp), 0.0
    more = bits - wp
    with flint.ctx.workprec(wp + 200):

        def look(true, found):
            nonlocal worst
            worst = max(worst, float(abs(true * unit - arb(fmpz(found))).abs_upper()))

        for step, table in zip((21, 14, 7), fixed_point._exp_tables(wp), strict=True):
            for k in (0, 1, len(table) - 1, source.randrange(len(table))):
                look(scaled(k, -step).exp(), table[k])
        for k in (0, 1, 201, 202, source.randint(1, 202)):
            for true, found in zip((scaled(k, -8).cos(), scaled(k, -8).sin()), angles._turns(bits)[k], strict=True):
                look(true, found >> more)
        for k in (0, 1, 255, 256, source.randint(1, 256)):
            look(scaled(k, -8).atan(), angles._atan_of_table(k, bits) >> more)
        for k in (192, 255, 256, 257, 384, source.randint(192, 384)):
            look(scaled(k, -8).log(), fixed_point._log_of_table(k, bits) >> more)
    return worst


@pytest.mark.parametrize("wp", [26, 77, 100, 324, SERIES_BITS])
def test_tables_are_as_near_as_they_prove(wp):
    assert tables_off(wp) < 1.1


def test_bernoulli_numbers_are_exact():
    for k in (1, 2, 3, 6, 31, 32, 33, 64, 100):
        true = flint.fmpq.bernoulli(2 * k)
        assert series.bernoulli(k) == Fraction(int(true.p), int(true.q))


# ---- mistakes are seen ----------------------------------------------------------------------------------------------


@pytest.fixture
def forgetful():
    """Tables are forgotten before and after: a test changes what they are made of."""
    kept = [f for room in (series, fixed_point, angles) for f in vars(room).values() if hasattr(f, "cache_clear")]

    def forget():
        for function in kept:
            function.cache_clear()

    forget()
    yield
    forget()


def shortened(right):
    """The chunks of a series without its last term."""

    def wrong(name, wp):
        *others, (bits, coefficients) = right(name, wp)
        return [*others, (bits, coefficients[1:])]

    return wrong


def ended_early(w, wp, sign):
    """The odd series without its last even power."""
    square, power, k, even, odd = w * w >> wp, 1 << wp, 1, 0, 0
    while power * square >> wp:
        even, odd = even + power // k, odd + power // (k + 2)
        power, k = power * square >> wp, k + 4
    return even + (sign * w * odd >> wp)


FAULTS = {
    "a remainder left out of e^r": (fixed_point, "_chunks", shortened(fixed_point._chunks), "exp", 77),
    "a remainder left out of sin": (fixed_point, "_chunks", shortened(fixed_point._chunks), "cos_sin", 130),
    "a remainder left out of log": (fixed_point, "odd_series", ended_early, "log", 77),
    "a remainder left out of atan": (angles, "odd_series", ended_early, "atan", 77),
    "ln 2 with too few bits": (fixed_point, "ln2", lambda bits: series.ln2(bits - 16) << 16, "exp", 77),
    "π with too few bits": (angles, "pi", lambda bits: series.pi(bits - 6) << 6, "cos_sin", 77),
    "no more bits beside a multiple of π/2": (angles, "NEAR", 60, "cos_sin", 77),
    "no more bits for odd series": (angles, "MORE", -8, "atan", 53),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_shows(monkeypatch, forgetful, fault):
    room, attribute, wrong, name, wp = FAULTS[fault]
    monkeypatch.setattr(room, attribute, wrong)
    assert largest_error(name, wp, 150) > 1


@pytest.mark.parametrize(
    "parts", [{"LN2_PARTS": ((18, 26), (-2, 4801), (8, 8750))}, {"PI_PARTS": ((48, 18), (32, 58))}]
)
def test_a_wrong_formula_for_a_constant_shows(monkeypatch, forgetful, parts):
    for name, wrong in parts.items():
        monkeypatch.setattr(series, name, wrong)
    assert not are_identities()
    assert wrong_constants(100)


@pytest.mark.parametrize("table", ["_powers_of_e", "_turns", "_atan_of_table", "_log_of_table"])
def test_a_table_that_is_one_unit_off_shows(monkeypatch, forgetful, table):
    room = fixed_point if hasattr(fixed_point, table) else angles
    right = getattr(room, table)

    def raised(value):
        if isinstance(value, int):
            return value + 2
        return [raised(v) if isinstance(v, int) else tuple(map(raised, v)) for v in value]

    monkeypatch.setattr(room, table, lambda *arguments: raised(right(*arguments)))
    assert tables_off(64) > 1.1


def test_a_constant_that_is_one_unit_off_shows(monkeypatch, forgetful):
    right = series._sum
    monkeypatch.setattr(series, "_sum", lambda *arguments: right(*arguments) + 1)
    assert wrong_constants(256)
