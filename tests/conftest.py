"""The contexts that every law and every spec is tested under, a third party's among them."""

import pytest
from arb_backend import ArbContext

import scalarspec as ss

CONTEXTS = {
    "float64": ss.context("float64"),
    "float32": ss.context("float32"),
    "interval": ss.context("interval"),
    "interval24": ss.context("interval", prec=24),
    "interval113": ss.context("interval", prec=113),
    "interval64": ss.context("interval64", fast=False),
    "fused": ss.context("interval64", fast=True),
    "rounding": ss.context("rounding"),
    "rational": ss.context("rational"),
    "symbolic": ss.context("symbolic"),
    "arb": ArbContext(),
}
EXACT = ["rational", "symbolic"]
ENCLOSING = ["interval", "interval24", "interval113", "interval64", "fused", "rounding", "arb"]


def pytest_generate_tests(metafunc):
    """Tests with a `context` argument run under all contexts; `exact` and `enclosing` under those that are."""
    for argument, names in {"context": list(CONTEXTS), "exact": EXACT, "enclosing": ENCLOSING}.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, [CONTEXTS[name] for name in names], ids=names)


@pytest.fixture
def rational():
    return CONTEXTS["rational"]


@pytest.fixture
def interval():
    return CONTEXTS["interval"]


@pytest.fixture
def float64():
    return CONTEXTS["float64"]


@pytest.fixture
def symbolic():
    return CONTEXTS["symbolic"]
