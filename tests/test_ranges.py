"""`ranges`: the operations that may leave the range of a format, the first one first."""

from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import UnknownName


def test_the_first_offender_comes_first():
    def spec(x):
        e = ss.stage("e", ss.exp(x))
        return ss.log(ss.stage("total", ss.sum(e * e)))

    found = ss.ranges(spec, np.array([1.0, 40.0, 70.0]), vary={"x": ss.ball(1)}, dtype="float32")
    assert [(o.risk, o.operation, o.stage, o.elements) for o in found.offenders] == [
        ("overflow", "square", "total", 1),
        ("overflow", "sum", "total", 1),
    ]
    assert found.offenders[0].upper > Fraction(2) ** 128
    assert "2 of 4 operations can leave the range of float32" in str(found)
    assert not ss.ranges(spec, np.array([1.0, 40.0, 70.0]), vary={"x": ss.ball(1)}).offenders


def test_underflow_is_not_a_range_across_zero():
    def tiny(x):
        return ss.exp(-x * x) * (x - 30)

    found = ss.ranges(tiny, 30.0, vary={"x": ss.ball(1)}, dtype="float32")
    assert [(o.risk, o.operation) for o in found.offenders] == [("underflow", "exp"), ("underflow", "multiply")]
    assert found.to_json()["offenders"][0]["risk"] == "underflow"
    assert not ss.ranges(lambda x: x - 30, 30.0, vary={"x": ss.ball(1)}, dtype="float16").offenders


def test_ranges_of_a_format_that_does_not_exist():
    with pytest.raises(UnknownName, match="no format is called 'half'"):
        ss.ranges(lambda x: x, 1.0, vary={"x": ss.ball(1)}, dtype="half")


def test_truths_in_other_places_are_no_numbers():
    found = ss.ranges(lambda x: ss.where((x > 0)[0], x * 2, x)[0], np.array([1.0, 2.0]), vary={"x": ss.ball(3)})
    assert not found.offenders
