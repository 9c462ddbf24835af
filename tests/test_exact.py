"""Exact numbers in and out, however long they are."""

import decimal
import random
import time
from fractions import Fraction

import pytest

from scalarspec.errors import ArgumentError
from scalarspec.numbers import exact

ROUNDINGS = (decimal.ROUND_FLOOR, decimal.ROUND_CEILING, decimal.ROUND_HALF_EVEN)


def test_long_numbers_are_printed_as_digit_by_digit(monkeypatch):
    source = random.Random(0)
    numbers = [
        Fraction(source.getrandbits(source.randint(1, 900)) + 1, source.getrandbits(source.randint(1, 900)) + 1)
        * Fraction(2) ** source.randint(-900, 900)
        * source.choice((1, -1))
        for _ in range(200)
    ]
    slow = [exact.decimal_text(x, 12, rounding) for x in numbers for rounding in ROUNDINGS]
    monkeypatch.setattr(exact, "LONG_BITS", 0)
    assert [exact.decimal_text(x, 12, rounding) for x in numbers for rounding in ROUNDINGS] == slow


def test_a_million_bits_take_no_second():
    start = time.perf_counter()
    text = exact.interval_text(Fraction(1, 2**1048576), Fraction(3, 2**1000000))
    assert text == "[1.4834285912814577E-315653, 3.0301021775940907E-301030]"
    assert time.perf_counter() - start < 0.5


def test_fractions_of_any_length_are_read():
    assert exact.data_value("1/" + "3" * 6000) == Fraction(1, (10**6000 - 1) // 3)
    assert exact.data_value(" -1 / 3 ") == Fraction(-1, 3)
    long = Fraction(2**40000, 3**20000)
    assert exact.data_value(exact.exact_text(long)) == long


@pytest.mark.parametrize("text", ["1//3", "a/3", "1/0", "1/2/3", "1/3.5", "/", "1/", "--1/3"])
def test_other_texts_are_refused(text):
    with pytest.raises(ArgumentError, match="expected a number such as"):
        exact.data_value(text)
