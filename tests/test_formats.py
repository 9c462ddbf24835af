"""Formats of floats: rounding and units in the last place, as NumPy and IEEE 754 have them."""

import random
from fractions import Fraction

import numpy as np
import pytest

from scalarspec.numbers import formats


@pytest.mark.parametrize("name", formats.FORMATS)
def test_formats_round_as_numpy_and_ieee_do(name):
    form, source = formats.named(name), random.Random(name)
    for _ in range(400):
        value = Fraction(source.randint(-(2**30), 2**30), 2 ** source.randint(0, 60))
        nearest = form.nearest(value)
        if name != "bfloat16":
            with np.errstate(over="ignore"):
                theirs = float(np.dtype(name).type(float(value)))
            assert nearest == (Fraction(theirs) if np.isfinite(theirs) else theirs)
        if isinstance(nearest, float):
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
    assert formats.named(np.dtype("float32")) is formats.named("float32")
