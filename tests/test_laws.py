"""Every law over every backend: on fixed operands, and on hypothesis's."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS, NATIVE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scalarspec as ss
from scalarspec import laws
from scalarspec.core import functions, named_contexts
from scalarspec.core.context import DERIVED, PRIMITIVES
from scalarspec.errors import DomainError
from scalarspec.laws.agreement import meet

CASES = [
    pytest.param(context, law, id=f"{name}-{law.kind}-{law.name}")
    for name, context in CONTEXTS.items()
    for law in laws.laws_for(context)
]
OPERANDS = st.integers(-64, 64).map(lambda m: Fraction(m, 16))


def test_every_registered_backend_is_tested():
    assert set(named_contexts.names()) <= {*CONTEXTS, *NATIVE}


@pytest.mark.parametrize("name", NATIVE)
def test_a_backend_of_another_library_is_tested_where_that_is_installed(name):
    pytest.importorskip(name)
    assert name in CONTEXTS


@pytest.mark.parametrize(("subject", "law"), CASES)
def test_law(subject, law):
    result = law.verify(subject)
    assert result.status != "failed", result.message
    if result.status == "skipped":
        pytest.skip(result.message)
    assert result.cases > 0


@pytest.mark.parametrize(("subject", "law"), [case for case in CASES if case.values[1].arity > 0])
def test_law_on_random_operands(subject, law):
    checked = 0

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.tuples(*[OPERANDS] * law.arity))
    def check(operands):
        nonlocal checked
        checked += law.holds(subject, operands)

    check()
    if not checked:
        pytest.skip("refused in every case")


def test_verify_returns_the_results_of_a_lawful_context(rational):
    results = laws.verify(rational)
    assert {result.status for result in results} == {"passed", "skipped"}


@pytest.mark.parametrize("operation", [*PRIMITIVES, *DERIVED])
def test_every_operation_has_a_function_and_a_law(operation):
    assert operation in functions.__all__
    assert getattr(functions, operation).__doc__
    names = " ".join(law.name for context in CONTEXTS.values() for law in laws.laws_for(context))
    covered = {"logical_not": "logic", "logical_and": "logic", "logical_or": "logic", "where": "where of several"}
    assert covered.get(operation, operation) in names


def test_every_replacement_has_its_law():
    for context in CONTEXTS.values():
        replaced = {name for name, default in DERIVED.items() if getattr(type(context), name) is not default}
        assert replaced == {law.name for law in laws.laws_for(context) if law.kind == "replacement"}


def test_a_way_that_says_nothing_is_no_case():
    interval = ss.context("interval")
    with pytest.raises(DomainError, match="tells nothing"):
        meet(interval.tensor([1]), interval.box([0], [np.inf]), Fraction(1), "square")


def test_a_context_that_hides_its_poles_breaks_a_law(monkeypatch):
    (law,) = (law for law in laws.laws_for(CONTEXTS["interval"]) if law.name == "a pole is told")
    assert law.verify(CONTEXTS["interval"]).status == "passed"
    monkeypatch.setattr("scalarspec.backends.interval.field.pole", lambda *_: None)
    assert law.verify(CONTEXTS["interval"]).status == "failed"
