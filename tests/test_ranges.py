"""`ranges`: the operations that may leave the range of a format, the first one first."""

from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import DomainError, UnknownName


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


def test_the_table_rounds_its_ends_outward():
    """[1/3, 2/3] 10⁵ in float16, whose greatest number is 65504."""
    found = ss.ranges(lambda x: x * 100000, 0.5, vary={"x": ss.box("1/3", "2/3")}, dtype="float16")
    (row,) = str(found).splitlines()[3:]
    assert row.split()[-2:] == ["3.333E+4", "6.667E+4"]
    found = ss.ranges(lambda x: x * -100000, 0.5, vary={"x": ss.box("1/3", "2/3")}, dtype="float16")
    (row,) = str(found).splitlines()[3:]
    assert row.split()[-2:] == ["-6.667E+4", "-3.333E+4"]


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


def test_a_float_that_rounds_into_a_pole_is_seen():
    def spec(x):
        return ss.log(ss.stage("slope", 1 - ss.square(ss.tanh(x))))

    found = ss.ranges(spec, 10.0, vary={"x": ss.ball("0.01")}, dtype="float32")
    assert [(o.risk, o.operation, o.stage) for o in found.offenders] == [("domain", "log", None)]
    assert 1 - np.square(np.tanh(np.float32(10))) == 0
    assert ss.ranges(spec, 20.0, vary={"x": ss.ball("0.01")}).offenders[0].risk == "domain"  # at 106 bits
    with pytest.raises(DomainError, match="log"):
        ss.ranges(lambda x: ss.log(x), 0.0, vary={"x": ss.ball(1)})
    assert not ss.ranges(spec, 10.0, vary={"x": ss.ball("0.01")}).offenders
    assert not ss.ranges(spec, 1.0, vary={"x": ss.ball("0.01")}, dtype="float32").offenders
    rows = ss.ranges(spec, np.array([1.0, 10.0, 2.0, 12.0]), vary={"x": ss.ball("0.01")}, dtype="float32")
    assert [(o.elements, o.size) for o in rows.offenders] == [(2, 4)]


@pytest.mark.parametrize(
    ("spec", "operation"),
    [
        (lambda x: ss.sqrt(x - 2), "sqrt"),
        (lambda x: 1 / (x - 2), "divide"),
        (lambda x: (x - 2) ** "1/2", "pow"),
        (lambda x: ss.log1p(1 - x), "log1p"),
    ],
)
def test_the_edge_of_a_domain_is_within_rounding(spec, operation):
    near, far = Fraction(2) + Fraction(1, 2**30), Fraction(5, 2) if operation != "log1p" else Fraction(3, 2)
    if operation == "log1p":
        near = 4 - near
    for x, found in ((near, [("domain", operation)]), (far, [])):
        offenders = ss.ranges(spec, x, vary={"x": ss.ball(0)}, dtype="float32").offenders
        assert [(o.risk, o.operation) for o in offenders] == found


def test_operations_are_counted_not_rows():
    found = ss.ranges(lambda x: ss.exp(x) * 2, np.array([100.0, -100.0]), vary={"x": ss.ball(1)}, dtype="float32")
    assert len(found.offenders) == 4
    assert str(found).startswith("2 of 2 operations can leave the range of float32")


def test_ranges_of_narrow_formats():
    spec = lambda x: ss.square(x)  # noqa: E731
    assert not ss.ranges(spec, 20.0, vary={"x": ss.ball(1)}, dtype="float8_e4m3fn").offenders
    found = ss.ranges(spec, 22.0, vary={"x": ss.ball(1)}, dtype="float8_e4m3fn").offenders
    assert [o.risk for o in found] == ["overflow"]
