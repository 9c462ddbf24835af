"""Rationals in bulk: bit for bit what `Fraction` gives, whichever way a product takes."""

import random
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.numbers import integers
from scalarspec.numbers.integers import TERMS, Digits, digit_bits

C = CONTEXTS["rational"]


def random_floats(source, shape, spread):
    """Floats whose exponents are spread over so many bits, some of them 0, of 1 to 53 bits each."""
    rng = np.random.default_rng(source.getrandbits(32))
    mantissas = rng.integers(0, 2 ** source.choice([1, 8, 24, 53]), size=shape).astype(float)
    signs = rng.choice([-1.0, 1.0, 1.0, 0.0], size=shape)
    low = source.choice([-1074, -600, -60, 0, 400])
    return signs * np.ldexp(mantissas, np.clip(low + rng.integers(0, spread + 1, size=shape), -1074, 960))


def layers(count):
    """Layers of all sizes, those at which the digits' base changes among them."""
    source = random.Random(0)
    for i in range(count):
        n = source.choice([1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 127, 128, 255, 256])
        m = source.choice([4, 5, 9]) if n > 40 else source.choice([1, 4, 16, 64])
        spread = source.choice([0, 3, 20, 40, 60, 150, 400])
        yield i, random_floats(source, (m, n), spread), random_floats(source, n, spread), random_floats(source, m, 3)


def by_fractions(w, x, b):
    numbers = [Fraction(v) for v in x.tolist()]
    return [
        sum((Fraction(a) * v for a, v in zip(row, numbers, strict=True) if a and v), Fraction(c))
        for row, c in zip(w.tolist(), b.tolist(), strict=True)
    ]


def wrong_layers(count):
    """The layers whose result is not that of Fraction."""
    wrong = []
    for i, w, x, b in layers(count):
        if ss.affine(C.tensor(w), C.tensor(x), C.tensor(b)).tolist() != by_fractions(w, x, b):
            wrong.append(i)
    return wrong


@pytest.mark.parametrize("with_flint", [True, False])
def test_a_thousand_random_layers(monkeypatch, with_flint):
    used = {"digits": 0, "long": 0}
    by_digits, by_integers = integers.digit_sums, integers.long_product
    count_calls(monkeypatch, "digit_sums", used, "digits", by_digits)
    count_calls(monkeypatch, "long_product", used, "long", by_integers)
    if not with_flint:
        monkeypatch.setattr(integers, "flint", None)
    assert wrong_layers(1000) == []
    assert used["digits"] > 150
    assert used["long"] > 100


def count_calls(monkeypatch, name, used, key, right):
    def counted(*args):
        used[key] += 1
        return right(*args)

    monkeypatch.setattr("scalarspec.backends.rational.ratios." + name, counted)


@pytest.mark.parametrize("mistake", ["too wide digits", "a lost carry", "a lost digit", "one off"])
def test_a_broken_product_is_caught(monkeypatch, mistake):
    if mistake == "too wide digits":
        monkeypatch.setattr("scalarspec.backends.rational.ratios.digit_bits", lambda n: digit_bits(n) + 7)
    elif mistake == "a lost carry":
        monkeypatch.setattr(
            "scalarspec.backends.rational.ratios.joined",
            lambda sums, bits: integers_joined(sums[:1] * 0 + sums, bits, 1),
        )
    elif mistake == "a lost digit":
        right = Digits.of_floats.__func__
        monkeypatch.setattr(Digits, "of_floats", classmethod(lambda cls, *a: without_last(right(cls, *a))))
    else:
        right = integers.digit_sums
        monkeypatch.setattr("scalarspec.backends.rational.ratios.digit_sums", lambda a, b: right(a, b) + 1)
    assert wrong_layers(60)


def integers_joined(sums, bits, dropped):
    whole = [[int(v) for v in part.ravel()] for part in sums]
    flat = [sum((part[i] << (bits * k)) for k, part in enumerate(whole)) & ~dropped for i in range(len(whole[0]))]
    return np.array(flat, dtype=object).reshape(sums.shape[1:])


def without_last(digits):
    if digits is not None and len(digits.digits):
        digits.digits[0] = 0
    return digits


def test_the_bound_on_digits():
    for n in (*range(1, 300), 784, 10**4, 10**6):
        bits = digit_bits(n)
        assert n * 2 ** (2 * bits - 2) <= 2**53
        assert bits >= 16


@pytest.mark.parametrize("n", [1, 3, 64, 784])
def test_products_at_the_bound(n):
    """All digits as large as can be, all of one sign, as many as can be."""
    bits = digit_bits(n)
    least = -sum(2 ** (bits * k + bits - 1) for k in range(TERMS - 1)) - 2 ** (bits * TERMS - 2)
    a = np.full((2, n), least, dtype=object)
    digits = Digits.of_integers(a, bits)
    assert digits.digits.min(axis=(1, 2)).tolist() == [-(2.0 ** (bits - 1))] * (TERMS - 1) + [-(2.0 ** (bits - 2))]
    assert integers.product(digits, digits).tolist() == [[n * least**2] * 2] * 2
    largest = np.full((1, n), 2 ** (bits * TERMS - 1) - 1, dtype=object)
    assert integers.product(Digits.of_integers(largest, bits), digits).tolist() == [[n * largest[0, 0] * least] * 2]
    assert Digits.of_integers(largest + 1, bits) is None


def test_every_numerator_is_a_python_integer():
    """NumPy's own integers overflow in silence."""
    for data in (np.array([3, -4]), np.array(3), np.array([0.5, -8.0]), np.array(2.5), [Fraction(1, 3), 2]):
        t = C.tensor(data)
        total = ss.sum(t)
        for u in (
            t,
            t + 1,
            t * t,
            t / 3,
            -t,
            ss.relu(t),
            ss.abs(t),
            ss.square(t),
            ss.heaviside(t),
            ss.sign(t),
            total,
            total * 2,
            ss.mean(t),
            ss.maximum(t, 0),
            ss.where(t > 0, t, 1),
            ss.clip(t, 0, 1),
            total[()],
            t**3,
        ):
            assert all(type(n) is int for n in u.value.numerators.flat)


def test_huge_and_tiny_numbers_meet_exactly():
    t = C.tensor(np.array([1e308, 5e-324, -1e308]))
    assert ss.sum(t).item() == Fraction(5e-324)
    assert (t @ t).item() == 2 * Fraction(1e308) ** 2 + Fraction(5e-324) ** 2


def test_numbers_without_a_common_denominator_stay_exact():
    primes = [2**k - 1 for k in range(3, 400, 4)]
    t = C.tensor([Fraction(1, p) for p in primes])
    assert ss.sum(t).item() == sum(Fraction(1, p) for p in primes)
    assert (1 / t).tolist() == primes
    assert (t * 2).tolist() == [Fraction(2, p) for p in primes]
    assert ss.stack([t, t]).shape == (2, len(primes))
    assert ss.affine(C.tensor(np.ones((2, len(primes)))), t, C.tensor([0.0, 1.0])).tolist() == [
        ss.sum(t).item(),
        ss.sum(t).item() + 1,
    ]


def test_mixed_representations():
    plain = C.tensor([Fraction(1, 2**k - 1) for k in range(3, 400, 4)])
    common = C.tensor(np.ones(plain.size))
    assert (plain + common).tolist() == [v + 1 for v in plain.tolist()]
    assert ss.stack([plain, common])[1].tolist() == [1] * plain.size
    assert ss.where(plain < common, plain, common).tolist() == plain.tolist()


def test_no_growth_by_constants_that_cancel():
    t = C.tensor(np.array([0.5, 0.75]))
    for _ in range(200):
        t = t * 2 / 2
    assert t.value.denominator.bit_length() < 8


def test_a_lifted_model_takes_at_most_eight_times_its_floats():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(64, 784)) / 28
    t = C.tensor(w)
    ss.affine(t, C.tensor(rng.uniform(size=784)), C.tensor(rng.normal(size=64)))
    assert t.value.nbytes <= 8 * w.nbytes


def test_sums_in_digits_are_those_of_fractions():
    """Of many numbers, which stay digits: floats added and subtracted, a mean of squares, and doubling without end."""
    rng = np.random.default_rng(0)
    w, x, b, y = rng.normal(size=(300, 5)), rng.normal(size=5), rng.normal(size=300), rng.normal(size=300)
    right = [u - Fraction(v) for u, v in zip(by_fractions(w, x, b), y.tolist(), strict=True)]
    t = ss.affine(C.tensor(w), C.tensor(x), C.tensor(b)) - C.tensor(y)
    assert t.value.in_digits()
    assert ss.mean_square(t).item() == sum(v * v for v in right) / 300
    assert (C.tensor(y) - t).tolist() == [Fraction(v) - u for u, v in zip(right, y.tolist(), strict=True)]
    doubled = t
    for _ in range(70):
        doubled = doubled + doubled
    assert doubled.tolist() == [v * 2**70 for v in right]
    assert t.tolist() == right
