"""Elementary functions on floats: within their stated error, the same bits everywhere, and an ulp is seen."""

import hashlib
import random
from fractions import Fraction

import numpy as np
import pytest
from faults import inward
from fuzz_bulk import misses_of

import scalarspec as ss
from scalarspec.backends.interval64 import arithmetic
from scalarspec.numbers import elementary
from scalarspec.numbers.elementary import ERROR, U

PRECISE = ss.context("interval", prec=120)


# ---- the kernels, bit by bit ----------------------------------------------------------------------------------------


def kernel_points(name):
    """The same numbers on every machine: random ones and structured ones, within the function's range."""
    source = random.Random(name)
    points = [source.uniform(-1, 1) * 2.0 ** source.randint(-30, 9) for _ in range(4000)]
    points += [k / 64 for k in range(-2048, 2048)] + [2.0**-k for k in range(1, 60)]
    if name in ("log", "sqrt"):
        points = [abs(x) for x in points if x] + [2.0**k for k in range(-1074, 1024)]
    if name == "log1p":
        points = [x for x in points if x > -1]
    return np.array(points)


def digest(name):
    """Of the bits of a kernel's values."""
    function = getattr(elementary, name, np.sqrt)
    with np.errstate(all="ignore"):
        return hashlib.sha256(function(kernel_points(name)).tobytes()).hexdigest()[:16]


def test_kernels_are_within_their_stated_error():
    """Against 120-bit enclosures at every point: not by the margin of the ends, but of the values themselves."""
    for name, error in ERROR.items():
        points = kernel_points(name)
        points = points[np.abs(points) < 600][::7]
        values = getattr(elementary, name, np.sqrt)(points)
        for value, low, high in zip(values, *ss.endpoints(getattr(ss, name)(PRECISE.tensor(points))), strict=True):
            worst = max(abs(Fraction(value) - low), abs(Fraction(value) - high))
            angle = Fraction(elementary.ANGLE_ERROR) if name in ("sin", "cos") else 0
            assert worst <= error * Fraction(U) * max(abs(low), abs(high)) + angle


def test_the_kernels_give_the_same_bits_on_every_machine():
    """They rest on IEEE 754's operations alone, so that no machine may differ, and no edit goes unseen."""
    assert {name: digest(name) for name in DIGESTS} == DIGESTS


DIGESTS = {
    "exp": "ad5b5250917b76a3",
    "expm1": "afc99cc30c4178d3",
    "expm1mx": "b24e929f8406b521",
    "log": "ea90742e50b9ba74",
    "log1p": "a4362f768323c9d5",
    "tanh": "12af0f9e320c42e7",
    "sinh": "e2a7d38786d3a350",
    "cosh": "242b1bc98db195b4",
    "logcosh": "8537a378603691a8",
    "sigmoid": "4104a67d977b92d8",
    "softplus": "2ad311d720c3c97a",
    "sqrt": "801471139f97a8b5",
    "sin": "0e6954d0777903aa",
    "cos": "9f29f1fc57284a68",
}


# ---- one ulp inward, injected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("helper", "operations"),
    [("up_sum", ["add", "subtract"]), ("up_product", ["multiply", "divide", "pow 2", "square"]), ("slack_of", ["exp"])],
)
def test_one_ulp_too_little_is_caught(monkeypatch, helper, operations):
    if helper == "slack_of":  # the margin is wider than an ulp: the values show it instead
        right = elementary.quotient
        monkeypatch.setattr(elementary, "quotient", lambda r: np.nextafter(right(r), np.inf))
        assert digest("exp") != DIGESTS["exp"]
        return
    monkeypatch.setattr(arithmetic, helper, inward(getattr(arithmetic, helper)))
    for operation in operations:
        assert misses_of(operation, count=200)


@pytest.mark.parametrize("name", DIGESTS)
def test_one_ulp_in_a_kernel_is_caught(monkeypatch, name):
    if name == "sqrt":
        pytest.skip("NumPy's own: IEEE 754 wants it rounded right")
    right = getattr(elementary, name)
    monkeypatch.setattr(elementary, name, lambda x: np.nextafter(right(x), np.inf))
    assert digest(name) != DIGESTS[name]
