"""Names in generated code: no two are one, whatever specs, stages and parameters are called."""

import keyword
import re

import fuzz_generated as fuzz
import numpy as np
import pytest
import sympy
from generated_code import called, compiled, matrices, named, python
from hypothesis import given
from hypothesis import strategies as st

import scalarspec as ss
from scalarspec.formulas.names import Names
from scalarspec.formulas.programs.c99 import C99
from scalarspec.formulas.programs.lean import LEAN
from scalarspec.formulas.programs.python import PYTHON

SHARE = range(24)


# ---- names on random specs ------------------------------------------------------------------------------------------


def misses(seeds):
    """The seeds whose matrix form, or the Python of whose closed form, is wrong or does not run."""
    for seed in seeds:
        case = fuzz.Case.of(seed)
        inputs = fuzz.inputs_of(case, seed)
        expected = fuzz.evaluated(case, inputs)
        if expected is None or fuzz.derived(case) is None:
            continue
        try:
            wrong = fuzz.far(expected, fuzz.in_python(case, inputs)) or fuzz.wrong_form(seed)
        except Exception as failed:
            wrong = failed
        if wrong:
            yield seed


def test_a_temporary_with_a_users_name_is_caught(monkeypatch):
    monkeypatch.setattr(Names, "new", lambda self, *wishes: self.vocabulary.spelled(wishes[0]))
    assert next(misses(SHARE), None) is not None


# ---- names of users that are names of ours --------------------------------------------------------------------------


def test_a_parameter_called_like_a_temporary():
    def spec(x, t0):
        a = ss.exp(x) * ss.exp(x)
        return a * t0 + a

    found = python(spec, ss.Scalar, ss.Scalar)(0.5, 2.0)
    assert found == pytest.approx(3 * np.e, rel=1e-15)


HELPERS = """
    sigmoid erf logcosh expm1mx exp log relu square softplus heaviside maximum sign fabs pow isnan ss_relu _erf
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", HELPERS)
def test_a_stage_a_parameter_or_a_function_called_like_a_helper(name, tmp_path):
    def spec(x):
        y = ss.stage(name, ss.sigmoid(x) + ss.erf(x) + ss.logcosh(x) + ss.expm1mx(x) + ss.maximum(x, 1))
        return y * (ss.relu(y) + ss.square(y) + ss.exp(-y) + ss.log(y) + ss.softplus(y)) + ss.pow(y, "1/3") + ss.abs(y)

    spec, *shapes = named(spec, **{name: ss.Scalar})
    mine = np.asarray(spec(ss.context("float64").tensor(0.75)))
    for function in (name, "plain"):
        derived = ss.derive(spec, *shapes)
        scope = {}
        text = derived.python(function)
        exec(text, scope)
        actual = re.search(r"def ([^(]+)\(" + re.escape(PYTHON.vocabulary.spelled(name)), text)[1]
        assert scope[actual](0.75) == pytest.approx(mine, rel=1e-14)
        text = derived.c99(function)
        (tmp_path / function).mkdir()
        library = compiled(text, re.search(r"^void (\w+)", text, re.M)[1], tmp_path / function)
        assert called(library, [np.array(0.75)], [1])[0][0] == pytest.approx(mine, rel=1e-14)


@pytest.mark.parametrize("name", ["value", "d_x", "numpy", "lambda", "while", "t0", "x_0", "x", "generated", "d_value"])
def test_stages_called_like_variables_outputs_and_keywords(name, tmp_path):
    def spec(x, value):
        y = ss.stage(name, ss.sum(ss.exp(x)) * value)
        return ss.stage("y", y * y) + ss.stage("d_y", ss.sin(y))

    over = ["x", "value"]
    inputs = [np.array([0.25, -0.5]), np.array(0.5)]
    tensors = [ss.context("float64").tensor(a) for a in inputs]
    value, gradients = ss.value_and_grad(spec, (0, 1))(*tensors)
    mine = [np.ravel(np.asarray(t)) for t in (value, *gradients)]
    derived = ss.derive(spec, ss.Dim(2), ss.Scalar)
    library = compiled(derived.c99("generated", wrt=over), "generated", tmp_path)
    found, of_form = matrices(spec, ss.Dim(2), ss.Scalar)(*inputs)
    for theirs in (
        python(spec, ss.Dim(2), ss.Scalar, wrt=over)(*inputs),
        called(library, inputs, [1, 2, 1]),
        [found, *of_form.values()],
    ):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(np.ravel(b), a, rtol=1e-13)


def test_names_that_become_the_same_are_told_apart():
    spec, *shapes = named(lambda a, b, c: a + 2 * b + 3 * c, α=ss.Scalar, alpha=ss.Scalar, ά=ss.Scalar)
    derived = ss.derive(spec, *shapes)
    assert re.findall(r"const double \*(\w+)", derived.c99()) == ["alpha", "alpha_", "alpha__"]
    assert "def spec (alpha alpha_ alpha__ : ℝ)" in derived.lean()
    assert "def spec(α, alpha, ά)" in derived.python()
    assert str(ss.matrix_form(spec, *shapes)).startswith("α: (), alpha: (), ά: ()")
    two = ss.matrix_form(lambda W, weight: ss.sum(W) + ss.sum(ss.square(weight)), ss.Dim(3), ss.Dim(3))  # noqa: N803
    assert str(two).split("\n")[0] == "W: (n), weight: (n)"


def test_stages_that_become_the_same_are_told_apart():
    def spec(x):
        a, b = ss.stage("a b", ss.exp(x)), ss.stage("a_b", ss.sin(x))
        return ss.stage("a.b", a * b) + a * a + b * b

    assert python(spec, ss.Scalar)(0.5) == pytest.approx(np.exp(0.5) * np.sin(0.5) + np.exp(1) + np.sin(0.5) ** 2)
    text = str(ss.matrix_form(spec, ss.Scalar))
    assert len({line.split(" = ")[0] for line in text.split("\n")[1:]}) == len(text.split("\n")[1:])


def test_a_stage_called_like_the_spec_or_like_an_adjoint_keeps_its_line():
    def loss(x):
        h = ss.stage("loss", ss.exp(x))
        return ss.stage("d_loss", h * h) * h

    derived = ss.derive(loss, ss.Scalar)
    assert str(derived).split("\n") == ["loss = exp(x)", "d_loss = loss**2", "loss_ = d_loss*loss"]
    lines = str(derived.derivative()).split("\n")
    assert len({line.split(" = ")[0] for line in lines}) == len(lines)
    assert derived.gradient() == 3 * sympy.exp(3 * sympy.Symbol("x", real=True))


@given(st.lists(st.text(max_size=6), min_size=1, max_size=12))
def test_names_are_identifiers_and_no_two_are_one(wishes):
    for language, form in ((PYTHON, None), (C99, r"[A-Za-z]\w*"), (LEAN, r"[A-Za-z]\w*")):
        names = Names(language.vocabulary)
        found = [names.new(wish) for wish in wishes]
        assert len(set(found)) == len(found)
        assert not language.vocabulary.words & set(found)
        for name in found:
            assert re.fullmatch(form, name, re.A) if form else name.isidentifier() and not keyword.iskeyword(name)


def test_names_stay_where_they_can():
    names = Names(PYTHON.vocabulary)
    assert [names.new(w) for w in ("exp", "match", "_", "λ", "lambda", "numpy")] == [
        "exp", "match", "_", "λ", "lambda_", "numpy_",
    ]  # fmt: skip
    assert [C99.vocabulary.function(w) for w in ("f", "y0", "printf", "while", "λ")] == [
        "f", "y0_", "printf_", "while_", "lambda",
    ]  # fmt: skip
