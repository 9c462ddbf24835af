"""Formats of floats: rounding and units in the last place, as NumPy and IEEE 754 have them."""

import itertools
import random
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError, UnknownName
from scalarspec.numbers import formats


@pytest.mark.parametrize("name", formats.FORMATS)
def test_formats_round_as_numpy_and_ieee_do(name):
    form, source = formats.named(name), random.Random(name)
    for _ in range(400):
        value = Fraction(source.randint(-(2**30), 2**30), 2 ** source.randint(0, 60))
        nearest = form.nearest(value)
        if name in ("float64", "float32", "float16"):
            with np.errstate(over="ignore"):
                theirs = float(np.dtype(name).type(float(value)))
            assert nearest == (Fraction(theirs) if np.isfinite(theirs) else theirs)
        if isinstance(nearest, float):
            assert abs(value) > form.largest
            continue
        assert abs(nearest - value) <= Fraction(float(form.half_ulp(np.array(abs(float(value)))))) * (
            1 + Fraction(1, 2**50)
        )
        x = float(value)
        assert Fraction(float(form.rounding_errors(np.array(x)))) == abs(form.nearest(Fraction(x)) - Fraction(x))


def test_ulps_are_numpys_spacing():
    for name in ("float64", "float32", "float16"):
        kind, form = np.dtype(name).type, formats.named(name)
        for x in (1.0, 0.75, 3.0, 1e-4, 6e-8, 1000.0, float(np.finfo(kind).tiny)):
            rounded = kind(x)
            assert form.ulp(Fraction(float(rounded))) == Fraction(float(np.spacing(rounded)))
    assert formats.named("bfloat16").ulp(Fraction(1)) == Fraction(1, 128)


@pytest.mark.parametrize("dtype", [np.float32, np.dtype("float32"), np.single, "float32", "torch.float32"])
def test_a_format_is_asked_for_by_whatever_has_its_name(dtype):
    x, vary = np.ones(2), {"x": ss.ball(1)}
    assert formats.named(dtype) is formats.named("float32")
    assert ss.tolerance(ss.exp, x, vary=vary, dtype=dtype, accumulate=dtype).dtype == "float32"
    assert ss.ranges(ss.exp, x, vary=vary, dtype=dtype).dtype == "float32"
    found = ss.crosscheck(ss.exp, x, actual=np.exp(np.float32(x)), dtype=dtype, accumulate=dtype).to_json()
    assert found["dtype"] == found["accumulate"] == "float32"
    assert ss.context("rounding", dtype=dtype) == ss.context("rounding", dtype="float32")
    if find_spec("onnx"):
        assert ss.to_onnx(ss.exp, x, dtype=dtype) == ss.to_onnx(ss.exp, x, dtype="float32")
    if find_spec("torch"):
        assert ss.context("torch", dtype=dtype) == ss.context("torch", dtype="float32")


def test_what_has_no_format_is_refused():
    for dtype in (np.int32, np.longdouble, float, 32, None):
        with pytest.raises(UnknownName, match="dtype: no format is called"):
            formats.named(dtype)
    for context in (np.float32, None, 3):
        with pytest.raises(ArgumentError, match="expected a context, or the name of one such as 'interval', got"):
            ss.lift([1.0], context)


def decoded(code, exponent_bits, mantissa_bits, bias):
    """The number of a code of eight bits by the definition: Micikevicius et al. 2022, section 3."""
    exponent, mantissa = (code >> mantissa_bits) % 2**exponent_bits, code % 2**mantissa_bits
    if exponent:
        return (1 + Fraction(mantissa, 2**mantissa_bits)) * Fraction(2) ** (exponent - bias)
    return Fraction(mantissa, 2**mantissa_bits) * Fraction(2) ** (1 - bias)


EIGHT = {
    "float8_e4m3fn": [decoded(code, 4, 3, 7) for code in range(0x7F)],  # 0x7F is NaN
    "float8_e5m2": [decoded(code, 5, 2, 15) for code in range(0x7C)],  # from 0x7C on infinity and NaNs
}


@pytest.mark.parametrize("name", EIGHT)
def test_formats_of_eight_bits_are_their_codes(name):
    form, numbers = formats.named(name), EIGHT[name]
    assert all(form.holds(x) and form.holds(-x) for x in numbers)
    assert form.largest == numbers[-1] == (448 if name == "float8_e4m3fn" else 57344)
    assert form.least_normal == (Fraction(1, 64) if name == "float8_e4m3fn" else Fraction(1, 2**14))
    assert form.ulp(Fraction(0)) == numbers[1]
    for below, above in itertools.pairwise(numbers):
        middle, third = (below + above) / 2, (2 * below + above) / 3
        assert not form.holds(middle)
        assert form.nearest(third) == below
        assert form.nearest(middle) == (below if numbers.index(below) % 2 == 0 else above)  # ties to even codes
        assert Fraction(float(form.half_ulp(np.array(float(above))))) >= (above - below) / 2


def test_beyond_the_range_is_nan_where_there_are_no_infinities():
    e4m3, e5m2 = formats.named("float8_e4m3fn"), formats.named("float8_e5m2")
    assert e4m3.nearest(Fraction(464)) == 448  # a tie, and 480 has an odd significand
    assert np.isnan(e4m3.nearest(Fraction(465)))
    assert np.isnan(e4m3.nearest(Fraction(-1000)))
    assert not e4m3.holds(float("inf"))
    assert e5m2.nearest(Fraction(-(2**17))) == float("-inf")
    assert e5m2.holds(float("inf"))


def test_eight_bits_as_pytorch_and_ml_dtypes_have_them():
    kinds = pytest.importorskip("ml_dtypes")
    for name in EIGHT:
        kind, form = getattr(kinds, name), formats.named(name)
        for x in np.random.default_rng(0).normal(size=500) * 100:
            theirs = float(np.float32(x).astype(kind))
            mine = form.nearest(Fraction(float(np.float32(x))))
            assert mine == theirs or np.isnan(theirs)


def test_tf32_has_the_exponents_of_float32_and_the_significand_of_float16():
    form = formats.named("tf32")
    assert form.holds(1 + Fraction(1, 2**10))
    assert not form.holds(1 + Fraction(1, 2**11))
    assert formats.named("float32").contains(form)
    assert form.ulp(Fraction(0)) == Fraction(1, 2**136)


def test_which_formats_hold_which():
    known = formats.FORMATS
    wider = {(a, b) for a in known for b in known if known[a].contains(known[b])}
    assert ("float32", "bfloat16") in wider
    assert ("float16", "float8_e5m2") in wider
    assert ("float16", "bfloat16") not in wider
    assert ("bfloat16", "float16") not in wider
    assert ("float8_e5m2", "float8_e4m3fn") not in wider
