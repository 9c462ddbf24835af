"""Generated programs: the numbers of the spec, stable forms, zeros that stay zeros, and Lean."""

import functools
import inspect

import fuzz_generated as fuzz
import numpy as np
import pytest
import sympy
from generated_code import called, compiled, matrices, named, python
from specs import CLOSED_FORMS, an_autoencoder

import scalarspec as ss
from scalarspec.core.lifting import mapped
from scalarspec.errors import NotSupported
from scalarspec.formulas.programs.python import PYTHON
from scalarspec.models import autoencoder

SHARE = range(24)


# ---- the numbers of the spec ----------------------------------------------------------------------------------------

COUNT = 1000


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_generated_python_and_c_agree_with_floats_on_a_thousand_inputs(name, tmp_path):
    """The value and a gradient, each within what rounding its operations can cause, beside our own float64."""
    spec, shapes = CLOSED_FORMS[name]
    rng = np.random.default_rng(7)
    args = [mapped(a, lambda v, path: rng.normal(size=v) if path and isinstance(v, ss.Shape) else None) for a in shapes]
    over = [n for n, a in zip(inspect.signature(spec).parameters, args, strict=True) if isinstance(a, ss.Shape)]
    found = ss.derive(spec, *args)
    scope = {}
    exec(found.python("generated", wrt=over[-1]), scope)
    function = compiled(found.c99("generated", wrt=over[-1]), "generated", tmp_path)

    inputs = [rng.normal(size=(COUNT, *found.inputs[n].shape)) for n in over]
    in_python = scope["generated"](*(np.moveaxis(a, 0, -1) for a in inputs))
    in_c = [called(function, row, [1, found.inputs[over[-1]].size]) for row in zip(*inputs, strict=True)]
    theirs = [
        [in_python[0], np.moveaxis(in_python[1], -1, 0)],
        [np.array([value[0] for value, _ in in_c]), np.array([gradient for _, gradient in in_c])],
    ]

    def evaluated(context):
        given = iter(inputs)
        here = [context.tensor(next(given)) if isinstance(a, ss.Shape) else ss.lift(a, context) for a in args]
        gradient = ss.grad(spec, len(args) - 1)
        return [ss.batched(function, over=over)(*here) for function in (spec, gradient)]

    for mine, bound, others in zip(
        evaluated(ss.context("float64")), evaluated(ss.context("rounding")), zip(*theirs, strict=True), strict=True
    ):
        for other in others:
            assert np.all(np.abs(np.asarray(mine) - other) <= 2 * bound.value.bound)


def test_a_generated_gradient_is_the_hand_written_one(float64):
    model = an_autoencoder(3, 2, "tanh")
    found = ss.derive(autoencoder.reconstruction_error, model, ss.Dim(3))
    scope = {}
    exec(found.python("generated", wrt=list(found.variables)), scope)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=t.shape) for t in found.inputs.values()]
    m = autoencoder.Autoencoder(*(float64.tensor(a) for a in arrays[:4]), "tanh")
    x = float64.tensor(arrays[4])
    value, *gradients = scope["generated"](*arrays)
    g = 2 * (autoencoder.forward(m, x) - x) / 3
    by_hand = autoencoder.backward(m, x, g)
    np.testing.assert_allclose(value, np.asarray(autoencoder.reconstruction_error(m, x)), rtol=1e-14)
    for mine, theirs in zip(gradients[:4], by_hand[:4], strict=True):
        np.testing.assert_allclose(mine, np.asarray(theirs), rtol=1e-13, atol=1e-15)


def test_generated_code_takes_stable_forms_and_says_nan(tmp_path):
    def spec(x):
        return ss.stack(
            [
                ss.sigmoid(x),
                ss.softplus(x),
                ss.expm1mx(x / 1000),
                ss.logcosh(x),
                ss.relu(x),
                ss.heaviside(x),
                ss.sign(x),
                ss.maximum(x, 1),
                ss.minimum(x, 1),
            ]
        )

    found = ss.derive(spec, ss.Scalar)
    scope = {}
    exec(found.python("generated"), scope)
    function = compiled(found.c99("generated"), "generated", tmp_path)
    for x in (800.0, -800.0, 1e-6, -0.25, 0.0):
        mine = np.asarray(spec(ss.context("float64").tensor(x)))
        for theirs in (scope["generated"](x), called(function, [np.array(x)], [9])[0]):
            np.testing.assert_allclose(theirs, mine, rtol=1e-15 * 8)
    with np.errstate(invalid="ignore"):
        assert np.isnan(scope["generated"](np.nan)).all()
    assert np.isnan(called(function, [np.array(np.nan)], [9])[0]).all()


def test_generated_code_has_safe_names_and_any_length():
    def spec(double, numpy):
        return ss.stage("lambda", ss.sum(ss.stage("x y", ss.square(double)))) * numpy

    found = ss.derive(spec, ss.Dim(3000), ss.Scalar)
    scope = {}
    exec(found.python("while"), scope)
    assert scope["while_"](np.ones(3000), 2.0) == 6000
    assert "const double *double_" in found.c99()
    deep = ss.derive(lambda x: functools.reduce(lambda t, _: ss.tanh(t) + x, range(500), x), ss.Scalar)
    exec(deep.python("deep"), scope)
    assert np.isfinite(scope["deep"](0.5))


def test_generated_code_of_nothing_and_of_constants():
    for spec, expected in (
        (lambda x: ss.sum(x), 0),
        (lambda x: x, np.zeros(0)),
        (lambda x: ss.sum(x) + ss.pi(x.context) + "1/3", np.pi + 1 / 3),
    ):
        scope = {}
        exec(ss.derive(spec, ss.Dim(0)).python("f"), scope)
        np.testing.assert_array_equal(scope["f"](np.zeros(0)), expected)


def test_python_and_c_agree_with_the_spec(tmp_path):
    found = list(fuzz.wrong_code(SHARE, tmp_path))
    assert len(found) > 0.8 * len(SHARE)
    assert [(seed, wrong) for seed, wrong in found if wrong] == []


# ---- Lean -----------------------------------------------------------------------------------------------------------


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
    monkeypatch.setitem(PYTHON.patterns, "logaddexp", "numpy.log(numpy.exp({}) + numpy.exp({}))")
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
