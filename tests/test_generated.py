"""What is generated: names, parentheses, stable forms, zeros that stay zeros. `fuzz_generated.py` does more of it."""

import dataclasses
import inspect
import keyword
import re

import fuzz_generated as fuzz
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from reading import read_latex, read_text
from test_derive import called, compiled

import scalarspec as ss
from scalarspec.errors import NotSupported, TooLarge
from scalarspec.formulas import matrix, notation, programs
from scalarspec.formulas.names import Names
from scalarspec.formulas.programs import C99, LEAN, PYTHON

SHARE = range(24)


def python(spec, *shapes, name="generated", **options):
    """The Python function that is generated for a spec."""
    scope = {}
    exec(ss.derive(spec, *shapes).python(name, **options), scope)
    return scope[name]


def matrices(spec, *shapes):
    scope = {}
    exec(ss.matrix_form(spec, *shapes).python("form"), scope)
    return scope["form"]


def named(spec, **shapes):
    """A spec whose parameters have these names, and the shapes."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    spec.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in shapes])
    return spec, *shapes.values()


# ---- all of it, on random specs -------------------------------------------------------------------------------------


def test_python_and_c_agree_with_the_spec(tmp_path):
    found = list(fuzz.wrong_code(SHARE, tmp_path))
    assert len(found) > 0.8 * len(SHARE)
    assert [(seed, wrong) for seed, wrong in found if wrong] == []


@pytest.mark.parametrize("seeds", [range(100, 120), range(120, 140)])
def test_formulas_say_what_their_numpy_does(seeds):
    assert [(seed, wrong) for seed in seeds if (wrong := fuzz.wrong_form(seed))] == []


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


@pytest.mark.parametrize("style", ["TEXT", "LATEX", "NUMPY"])
def test_missing_parentheses_are_caught(monkeypatch, style):
    careless = dataclasses.replace(getattr(notation, style), parentheses="{}")
    for module in (matrix, fuzz) if style != "NUMPY" else (matrix,):
        monkeypatch.setattr(module, style, careless)
    assert any(fuzz.wrong_form(seed) for seed in range(100, 130))


def test_a_fraction_that_takes_in_a_factor_is_caught(monkeypatch):
    loose = notation.TEXT.patterns | {"over": ("{} / {}", notation.PRODUCT, (notation.PRODUCT, notation.POSTFIX))}
    careless = dataclasses.replace(notation.TEXT, patterns=loose)
    for module in (matrix, fuzz):
        monkeypatch.setattr(module, "TEXT", careless)
    assert any(fuzz.wrong_form(seed) for seed in range(100, 130))


# ---- names ----------------------------------------------------------------------------------------------------------


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


def test_lean_has_names_of_its_own_and_exponents_of_their_kind():
    spec, *shapes = named(
        lambda a, b: (
            a ** "1/2" + b**3 + (1 + ss.square(a)) ** -1 + ss.abs(ss.abs(a) - 1) + ss.logsumexp(ss.stack([a, b]))
        ),
        Real=ss.Scalar,
        λ=ss.Scalar,
    )
    text = ss.derive(spec, *shapes).lean("id")
    assert "noncomputable def id (Real_ lambda : ℝ) : ℝ :=" in text
    assert "(Real_ ^ ((1/2) : ℝ))" in text
    assert "(lambda ^ 3)" in text
    assert "^ ((-1) : ℤ))" in text
    assert "||" not in text
    assert "(Real.log ((Real.exp Real_) + (Real.exp lambda)))" in text
    assert text.index("namespace Generated") < text.index("def id") < text.index("end Generated")
    shared = ss.derive(lambda x, y: ss.where(x < y, x, y) * ss.where(x < y, y, 1), ss.Scalar, ss.Scalar).lean()
    assert "let" not in shared  # a truth has no name, since nothing could decide it
    with pytest.raises(NotSupported, match="no form in Lean"):
        ss.derive(lambda x: x * ss.context("symbolic").tensor(sympy.sqrt(2)), ss.Scalar).lean()


def test_lean_vectors_are_of_the_variables_whatever_they_are_called():
    spec, *shapes = named(lambda a, b: a * b + 1, double=ss.Scalar, Real=ss.Scalar)
    assert "example : spec 0 0 = 1 := by norm_num [spec]" in ss.derive(spec, *shapes).lean()


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
    written = form._written(notation.LATEX)
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


# ---- stable forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[1000.0, 0.0], [-1000.0, -1001.0], [0.0, 0.0], [710.0, 710.0]])
def test_logsumexp_does_not_overflow(x, tmp_path):
    def spec(x):
        return ss.logsumexp(x)

    value, gradient = (np.asarray(t) for t in ss.value_and_grad(spec)(ss.context("float64").tensor(x)))
    derived = ss.derive(spec, ss.Dim(2))
    library = compiled(derived.c99("generated", wrt="x"), "generated", tmp_path)
    form = matrices(spec, ss.Dim(2))(np.array(x))
    for theirs in (
        python(spec, ss.Dim(2), wrt="x")(np.array(x)),
        called(library, [np.array(x)], [1, 2]),
        (form[0], form[1]["x"]),
    ):
        np.testing.assert_allclose(np.ravel(theirs[0]), value, rtol=1e-15)
        np.testing.assert_allclose(theirs[1], gradient, rtol=1e-12)
        assert np.sum(theirs[1]) == pytest.approx(1)


def test_logsumexp_of_many_nests_little_and_takes_further_axes():
    function = python(ss.logsumexp, ss.Dim(3000), wrt="x")
    value, gradient = function(np.zeros((3000, 2)) + np.array([0.0, 700.0]))
    np.testing.assert_allclose(value, np.log(3000) + np.array([0, 700]))
    np.testing.assert_allclose(gradient, np.full((3000, 2), 1 / 3000))
    derived = ss.derive(lambda x: ss.sum(ss.logsumexp(x, axis=1)), ss.Shape((2, 2)))
    assert str(derived) == "log(exp(x_0_0) + exp(x_0_1)) + log(exp(x_1_0) + exp(x_1_1))"


EVERYWHERE = [0.0, 1e-320, 1e-160, 1e-8, 0.3, 1.0, 9.01, 40.0, 88.0, 350.0, 709.0, 800.0, 1e160, 1.7e308]
FUNCTIONS = """
    sigmoid softplus logcosh expm1mx expm1 log1p tanh sqrt erf atan sinh cosh abs square relu exp log
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_over_all_doubles(name, tmp_path):
    """Values and derivatives are those of the float backend, which keeps the digits of small ones."""
    function = getattr(ss, name)
    derived = ss.derive(function, ss.Scalar)
    (variable,) = derived.variables
    library = compiled(derived.c99("generated", wrt=variable), "generated", tmp_path)
    generated = python(function, ss.Scalar, wrt=variable)
    for x in [*EVERYWHERE, *(-x for x in EVERYWHERE)]:
        mine = [np.asarray(t) for t in ss.value_and_grad(function)(ss.context("float64").tensor(x))]
        for theirs in (generated(x), [a[0] for a in called(library, [np.array(x)], [1, 1])]):
            np.testing.assert_allclose(theirs, mine, rtol=1e-13, atol=1e-300, equal_nan=True, err_msg=str(x))


def test_an_unstable_helper_is_caught(monkeypatch):
    monkeypatch.setitem(programs.PYTHON.patterns, "logaddexp", "numpy.log(numpy.exp({}) + numpy.exp({}))")
    assert not np.isfinite(python(ss.logsumexp, ss.Dim(2))(np.array([1000.0, 0.0])))


# ---- zeros ----------------------------------------------------------------------------------------------------------

HOLES = {
    "sqrt": (lambda x: ss.where(x > 0, lambda: ss.sqrt(x), 0), {-1.0: 0, 0.0: 0, 4.0: 0.25}),
    "other side": (lambda x: ss.where(x <= 0, 0, lambda: ss.log(x)), {-1.0: 0, 0.0: 0, 4.0: 0.25}),
    "exp": (lambda x: ss.where(x < 100, ss.exp(x), x), {1000.0: 1, 0.0: 1}),
    "nested": (
        lambda x: ss.where(x > 0, lambda: ss.where(x < 9, lambda: 1 / ss.sqrt(x), 0), 0),
        {-1.0: 0, 0.0: 0, 4.0: -1 / 16, 16.0: 0},
    ),
    "twice": (lambda x: (lambda r: ss.where(x > 0, r * r + r, 0))(ss.sqrt(x)), {-1.0: 0, 0.0: 0, 4.0: 1.25}),
    "two conditions": (
        lambda x: (lambda r: ss.where(x > 0, r, 0) + ss.where(x > 1, r, 0))(ss.sqrt(x)),
        {-1.0: 0, 0.0: 0, 0.25: 1, 4.0: 0.5},
    ),
    "a factor": (lambda x: (x - x.context.tensor(4)) * ss.sqrt(x - 4), {4.0: 0}),
    "norm": (lambda x: ss.square(ss.sqrt(ss.square(x))), {0.0: 0, 3.0: 6}),
    "maximum": (lambda x: ss.maximum(ss.sqrt(x), 1), {0.0: 0, 4.0: 0.25}),
    "power": (lambda x: x**0 + ss.where(x > 0, lambda: x ** "1/2", 0), {0.0: 0, 4.0: 0.25}),
}


@pytest.mark.parametrize("name", HOLES)
def test_an_adjoint_that_is_zero_hands_on_zero(name, tmp_path):
    spec, points = HOLES[name]
    derived = ss.derive(spec, ss.Scalar)
    (variable,) = derived.variables
    generated = python(spec, ss.Scalar, wrt=variable)
    library = compiled(derived.c99("generated", wrt=variable), "generated", tmp_path)
    form = matrices(spec, ss.Scalar)
    whole = matrices(lambda x: ss.sum(spec(x)), ss.Dim(2))
    for x, slope in points.items():
        found = [
            generated(x)[1],
            called(library, [np.array(x)], [1, 1])[1][0],
            form(np.array(x))[1][variable],
            whole(np.array([x, 2.0]))[1][variable][0],
        ]
        np.testing.assert_allclose(np.array(found, dtype=float), slope, rtol=1e-14, err_msg=f"at {x}")


def test_a_formula_that_a_condition_makes_zero_is_zero_there():
    x = sympy.Symbol("x", real=True)
    gradient = ss.derive(lambda x: ss.where(x > 0, lambda: ss.sqrt(x), 0), ss.Scalar).gradient()
    assert [gradient.subs(x, v) for v in (-1, 0, 4)] == [0, 0, sympy.Rational(1, 4)]
    form = ss.matrix_form(lambda x: ss.sum(ss.where(x > 0, lambda: ss.sqrt(x), 0)), ss.Dim(3))
    assert str(form).split("\n")[-2:] == ["∂_lambda_/∂x = where(0 < x, 1 ⊘ (2 sqrt(x)), 0)", "where x ≠ 0"]


def test_the_value_of_a_spec_is_not_filled_in():
    """0 · log(0) in the spec itself stays what floats make of it."""
    spec = lambda x: ss.where(x > 0, x, 0) * ss.log(x)  # noqa: E731
    assert np.isnan(python(spec, ss.Scalar)(0.0))
    assert np.isnan(matrices(spec, ss.Scalar)(np.array(0.0))[0])


# ---- simplifying ----------------------------------------------------------------------------------------------------


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
