"""Formulas read as they are: parentheses, powers and fractions, in text and LaTeX."""

import dataclasses
import re

import fuzz_generated as fuzz
import numpy as np
import pytest
from generated_code import matrices
from reading import read_latex, read_text

import scalarspec as ss
from scalarspec.errors import TooLarge
from scalarspec.formulas import matrix
from scalarspec.formulas.notation.latex import LATEX
from scalarspec.formulas.notation.style import POSTFIX, PRODUCT
from scalarspec.formulas.notation.text import TEXT

# ---- formulas of random specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [range(100, 120), range(120, 140)])
def test_formulas_say_what_their_numpy_does(seeds):
    assert [(seed, wrong) for seed in seeds if (wrong := fuzz.wrong_form(seed))] == []


@pytest.mark.parametrize("style", ["TEXT", "LATEX", "NUMPY"])
def test_missing_parentheses_are_caught(monkeypatch, style):
    careless = dataclasses.replace(getattr(matrix, style), parentheses="{}")
    for module in (matrix, fuzz) if style != "NUMPY" else (matrix,):
        monkeypatch.setattr(module, style, careless)
    assert any(fuzz.wrong_form(seed) for seed in range(100, 130))


def test_a_fraction_that_takes_in_a_factor_is_caught(monkeypatch):
    loose = TEXT.patterns | {"over": ("{} / {}", PRODUCT, (PRODUCT, POSTFIX))}
    careless = dataclasses.replace(TEXT, patterns=loose)
    for module in (matrix, fuzz):
        monkeypatch.setattr(module, "TEXT", careless)
    assert any(fuzz.wrong_form(seed) for seed in range(100, 130))


# ---- parentheses ----------------------------------------------------------------------------------------------------

FORMULAS = {
    "sum(t² / (pi + 2))": lambda t, a: ss.sum(ss.square(t) / (2 + ss.pi(t.context))),
    "(1 / a) sum(t)": lambda t, a: (1 / a) * ss.sum(t),
    "(a / sum(t)) / a": lambda t, a: a / ss.sum(t) / a,
    "a / (sum(t) / a)": lambda t, a: a / (ss.sum(t) / a),
    "a - (sum(t) - a)": lambda t, a: a - (ss.sum(t) - a),
    "-(a + sum(t))": lambda t, a: -(a + ss.sum(t)),
    "-sum(t)²": lambda t, a: -ss.square(ss.sum(t)),
    "(-a)²": lambda t, a: ss.square(-a),
    "(a²)²": lambda t, a: ss.square(ss.square(a)),
    "(a^3)^a": lambda t, a: (a**3) ** a,
    "2^(-a)": lambda t, a: ss.pow(a.context.tensor(2), -a),
    "(1/2)^a": lambda t, a: ss.pow(a.context.tensor("1/2"), a),
    "a^(-1)": lambda t, a: a**-1,
    "a^(1/2)": lambda t, a: a ** "1/2",
    "(a + 1) (sum(t) + 1)": lambda t, a: (a + 1) * (ss.sum(t) + 1),
    "(tᵀ t) a": lambda t, a: ss.dot(t, t) * a,
    "((1/n) sum(t))²": lambda t, a: ss.square(ss.mean(t)),
    "[a - sum(t) > 0]": lambda t, a: ss.heaviside(a - ss.sum(t)),
    "where(a < sum(t) + 1, a, -a)": lambda t, a: ss.where(a < ss.sum(t) + 1, a, -a),
    "a where(a < 1, a, 2)": lambda t, a: a * ss.where(a < 1, a, 2),
    "a - 1/2": lambda t, a: a - "1/2",
}


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_read_as_they_are(text):
    form = ss.matrix_form(FORMULAS[text], ss.Dim(3), ss.Scalar, wrt=())
    assert str(form).split("\n")[-1] == f"_lambda_ = {text}"
    inputs = [np.array([0.25, -0.5, 2.0]), np.array(0.75)]
    mine = np.asarray(FORMULAS[text](*map(ss.context("float64").tensor, inputs)))
    scope = {}
    exec(form.python("form"), scope)
    written = form._written(LATEX)
    for theirs in (
        scope["form"](*inputs)[0],
        read_text(form, inputs)["_lambda_"],
        read_latex(form, inputs)[written.plain[form.name]],
    ):
        assert theirs == pytest.approx(mine, rel=1e-14)


def test_latex_puts_no_power_on_a_fraction_and_no_two_on_one_name():
    form = ss.matrix_form(lambda a_b, x: ss.square(a_b / x[0]) * x[1], ss.Scalar, ss.Dim(2))
    text = form.latex()
    assert r"\left(\frac{a_{\mathrm{b}}}{{x}_{[0]}}\right)^{2}" in text
    assert not re.search(r"\}_\{[^{}]*\}_\{|\}\^\{[^{}]*\}\^\{", text)
    cases = ss.matrix_form(lambda a: a * ss.where(a < 1, a, 2), ss.Scalar).latex()
    assert r"a \, \left(\begin{cases}" in cases


def test_constants_are_exact_or_refused():
    form = ss.matrix_form(lambda x: ss.sum(x / 3 * 10**400), ss.Dim(3))
    assert f"({10**400}/3)" in str(form)
    with pytest.raises(TooLarge, match="beyond the range of doubles"):
        form.python()
    wide = ss.matrix_form(lambda x: ss.sum(x) * f"{2**60 + 1}/{2**61 + 3}", ss.Dim(3)).python()
    assert repr(float((2**60 + 1) / (2**61 + 3))) in wide
    many = ss.matrix_form(lambda x: ss.sum(x * ss.pi(x.context)) / x.size, ss.Dim(3))
    assert "pi" in str(many)
    assert matrices(lambda x: ss.sum(x * ss.pi(x.context)) / x.size, ss.Dim(3))(np.ones(5))[0] == pytest.approx(np.pi)
