"""Results of every float format and library, read at their exact values."""

import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError
from scalarspec.numbers import formats
from scalarspec.rounding_errors.float_results import read_stages


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_numpys_formats(dtype):
    x = np.array([0.5, -1.25, 3.0], dtype=dtype)
    found = ss.crosscheck(lambda x: ss.tanh(x), x, actual=np.tanh)
    assert found.dtype == dtype
    assert found.certified
    assert found.max_ulps < 4
    worst = found.worst
    ulp = Fraction(float(np.spacing(np.tanh(x)[worst])))
    error = abs(Fraction(float(np.tanh(x)[worst])) - (found.enclosure[0] + found.enclosure[1])[worst] / 2)
    assert abs(found.max_ulps - float(error / abs(ulp))) < 0.011


def test_bfloat16_by_name():
    """1/3 rounds to 171/512, a third of an ulp (1/512) too much; a float32 that is no bfloat16 is refused."""
    found = ss.crosscheck(lambda x: 1 / x, 3.0, actual=171 / 512, dtype="bfloat16")
    assert found.ulps == (Fraction(1, 3),) * 2
    with pytest.raises(ArgumentError, match="expected bfloat16, got float64 whose element"):
        ss.crosscheck(lambda x: 1 / x, 3.0, actual=1 / 3, dtype="bfloat16")


def test_pytorch_results_of_every_format():
    torch = pytest.importorskip("torch")
    x = np.array([0.5, -1.25, 3.0])
    for dtype in formats.FORMATS:

        def actual(x, dtype=dtype):
            return torch.sigmoid(torch.tensor(x, dtype=getattr(torch, dtype)))

        found = ss.crosscheck(lambda x: ss.sigmoid(x), x, actual=actual)
        assert found.dtype == dtype
        assert found.max_ulps < 2


def test_our_own_float_backend_and_values():
    assert ss.crosscheck(lambda x: ss.exp(x), np.zeros(2), actual=[1.0, 1.0]).max_ulps == 0
    for actual in ("float64", ss.context("float64"), lambda x: ss.exp(ss.context("float64").tensor(x)), math.exp(0.7)):
        assert ss.crosscheck(lambda x: ss.exp(x), 0.7, actual=actual).max_ulps < 1


def test_stages_are_read_in_the_specs_order():
    """What follows a NaN says nothing of rounding, in whatever order the stages were given."""

    given = {"first": np.array([1.0]), "second": np.array([np.nan]), "third": np.array([3.0])}
    for order in permutations(given):
        read = read_stages({name: given[name] for name in order}, ["first", "second", "third"])
        assert list(read) == ["first", "second"]
