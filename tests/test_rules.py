"""Tables `operation -> rule` of the formulas and the theory: complete, or refused by name."""

import dataclasses

import pytest
from additions import ADDITIONS

import scalarspec as ss
from scalarspec import extend
from scalarspec.errors import NotSupported
from scalarspec.formulas.notation.latex import LATEX
from scalarspec.formulas.notation.numpy_code import NUMPY
from scalarspec.formulas.notation.text import TEXT
from scalarspec.formulas.programs.c99 import C99
from scalarspec.formulas.programs.lean import LEAN
from scalarspec.formulas.programs.python import PYTHON

PRINTING = {"C99": C99, "Lean": LEAN, "Python": PYTHON, "text": TEXT, "LaTeX": LATEX, "NumPy": NUMPY}


@pytest.mark.parametrize("name", PRINTING)
@pytest.mark.parametrize("operation", ["exp", "maximum", "where"])
def test_a_table_of_patterns_that_lacks_an_operation_does_not_load(name, operation):
    table = PRINTING[name]
    less = {key: pattern for key, pattern in table.patterns.items() if key != operation}
    with pytest.raises(TypeError, match=f"{name}: rules are missing for \\['{operation}'\\]"):
        dataclasses.replace(table, patterns=less)
    with pytest.raises(TypeError, match=f"{name}: .* there are some for \\['flip'\\]"):
        dataclasses.replace(table, patterns={**table.patterns, "flip": table.patterns["exp"]})


@pytest.fixture
def rsqrt():
    line = extend.Operation("rsqrt", "elementwise", 1)
    with extend.added(line, lambda context, x: context.reciprocal(context.sqrt(x))) as function:
        yield function


def test_an_operation_without_a_rule_or_a_definition_is_refused_by_name():
    line, definition, rules = ADDITIONS["flip"]
    refused = pytest.raises(NotSupported, match="matrix_form: flip: no rule is stated")
    with extend.added(line, definition, **rules) as flip, refused:
        ss.matrix_form(lambda x: ss.sum(flip(x, axis=(0,))), ss.Dim(3), wrt=())


def test_an_operation_is_read_in_its_definition_where_it_has_one(rsqrt):
    assert str(ss.derive(lambda x: rsqrt(x), ss.Scalar)) == "1/sqrt(x)"
    assert str(ss.matrix_form(lambda x: rsqrt(x), ss.Dim(3), wrt=())).splitlines()[-1].endswith("= 1 / sqrt(x)")
    assert ss.theory.prove_equal(rsqrt, lambda x: 1 / ss.sqrt(x), ss.Dim(3)).proved


def test_a_map_of_which_nothing_is_known_has_no_matrix_form():
    unknown = ss.theory.Opaque("g", 3)
    with pytest.raises(NotSupported, match="opaque: the table of operations has no such operation"):
        ss.matrix_form(lambda x: ss.sum(unknown(x)), ss.Dim(3), wrt=())


def test_a_language_says_what_it_has_no_form_of():
    with pytest.raises(NotSupported, match="erf has no form in Lean"):
        ss.derive(ss.erf, ss.Scalar).lean()
