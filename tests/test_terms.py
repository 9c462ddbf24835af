"""Terms are simplified where this holds for all numbers and sizes, and nowhere else."""

import pytest
import sympy

import scalarspec as ss
from scalarspec.errors import NotSupported


@pytest.mark.parametrize("choice", [ss.maximum, ss.minimum])
def test_the_larger_of_one_thing_is_that(choice):
    assert str(ss.derive(lambda x: choice(x, x), ss.Scalar)) == "x"
    assert ss.derive(lambda x: choice(x, x), ss.Scalar).gradient("x") == 1
    form = ss.matrix_form(lambda x: ss.sum(choice(x, x)), ss.Dim(3))
    assert str(form).split("\n")[1:] == ["_lambda_ = sum(x)", "∂_lambda_/∂x = 1"]


def test_comparisons_of_one_thing_are_decided():
    form = ss.matrix_form(lambda x: ss.sum(ss.where((x <= x) & ~(x < x), x, 1) * ss.heaviside(x - x + 1)), ss.Dim(3))
    assert str(form).split("\n")[1] == "_lambda_ = sum(x)"
    scalar = ss.derive(lambda x: ss.where(x < x, 1, x) + ss.where(x > 0, x, x), ss.Scalar)
    assert str(scalar) == "2*x"


def test_a_comparison_with_a_size_is_not_decided():
    with pytest.raises(NotSupported, match="depends on the sizes"):
        ss.matrix_form(lambda x: ss.sum(x) * (1 if len(x) % 2009 < 1010 else 2), ss.Dim(3))
    form = ss.matrix_form(lambda x: ss.where(ss.sum(x * 0 + 1) > 5, ss.sum(x), 0), ss.Dim(3))
    assert "5 < n" in str(form)


def test_a_sum_of_what_is_not_opposite_is_kept():
    y = sympy.Symbol("y", real=True)
    for function, expected in ((ss.erf, sympy.erf), (ss.exp, sympy.exp), (ss.tanh, sympy.tanh)):
        assert ss.derive(lambda y, f=function: f(-y) - y, ss.Scalar).expand() == expected(-y) - y
    assert ss.derive(lambda y: ss.exp(y) - ss.exp(y), ss.Scalar).expand() == 0
