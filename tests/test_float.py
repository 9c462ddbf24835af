"""Floats: how near NumPy comes, the order of sums, and the better forms of some operations."""

import math
from fractions import Fraction

import numpy as np
import oracle
import pytest
from agreement import roundoff
from conftest import CONTEXTS

import scalarspec as ss

POINTS = [s * m / Fraction(2) ** k for s in (-1, 1) for m in (1, 3, 13) for k in (-2, 0, 1, 4, 10, 20)]


@pytest.mark.parametrize("backend", ["float64", "float32"])
@pytest.mark.parametrize("name", oracle.UNARY)
def test_elementary_functions_come_within_eight_ulps(backend, name):
    context = CONTEXTS[backend]
    for x in POINTS:
        if not oracle.in_domain(name, x):
            continue
        least, _ = oracle.at(oracle.POINT[name], x)
        largest, smallest = (Fraction(float(v)) for v in (np.finfo(backend).max, np.finfo(backend).tiny))
        if not smallest < abs(least) < largest:
            continue
        actual = Fraction(getattr(ss, name)(context.tensor(x)).item())
        assert abs(actual - least) <= 8 * roundoff(context) * abs(least), f"{name}({x})"


def test_the_reference_sums_from_zero_left_to_right(float64):
    data = [1e16, 1.0, 1.0, -1e16]
    assert ss.sum(float64.reference().tensor(data)).item() == 0.0
    assert repr(float64.reference()) == "float64.reference()"
    assert float64.reference() != float64


def test_the_reference_is_quiet_too(float64):
    t = float64.reference().tensor([-1.0, 0.0])
    assert np.isnan(ss.log(t).tolist()[0])
    assert ss.logsumexp(t).item() == pytest.approx(0.3132616875182228)


def test_special_data_keep_their_bits(float64):
    t = float64.tensor([-0.0, np.inf])
    assert np.signbit(np.asarray(t)[0])
    assert np.asarray(float64.tensor(np.array([-0.0])) * 1)[0] == 0


def test_the_format_holds_through_every_function():
    t = ss.context("float32").tensor([0.5, 2.0])
    for name in oracle.UNARY:
        if name != "log1p":
            assert np.asarray(getattr(ss, name)(t)).dtype == np.float32
    assert np.asarray(ss.mean(t / 3 + "0.1")).dtype == np.float32


@pytest.mark.parametrize("name", ["float64", "float32"])
def test_logsumexp_is_shifted_and_keeps_special_values(name):
    context = ss.context(name)
    rows = [[1000, 999], [-1000, -1001], [np.inf, 0], [-np.inf, 0], [-np.inf, -np.inf], [np.nan, 0]]
    found = np.asarray(ss.logsumexp(context.tensor(np.array(rows, dtype=float)), axis=1))
    shift = math.log1p(math.exp(-1))
    assert found[:2] == pytest.approx([1000 + shift, -1000 + shift], rel=1e-6)
    assert found[2:5].tolist() == [np.inf, 0, -np.inf]
    assert np.isnan(found[5])
    assert ss.logsumexp(context.tensor(np.zeros(0))).item() == -np.inf
    assert found.dtype == np.dtype(name)


@pytest.mark.parametrize("name", ["float64", "float32"])
@pytest.mark.parametrize("operation", ["expm1mx", "relu", "sigmoid"])
def test_texts_for_arrays_give_the_bits_of_those_for_numbers(name, operation):
    context = CONTEXTS[name]
    edges = [0.0, -0.0, 0.25, -0.25, 0.2499999999, 1e-300, -1e300, 709.0, math.inf, -math.inf, math.nan]
    with np.errstate(all="ignore"):
        x = np.array([*edges, *np.random.default_rng(1).normal(size=1000)]).astype(name)
        expected = np.asarray(getattr(context, operation)(x))
    found = getattr(ss, operation)(context.tensor(x)).value
    assert found.dtype == expected.dtype == name
    assert found.tobytes() == expected.tobytes()
