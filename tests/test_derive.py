"""Closed forms: their stages, sizes and derivatives."""

import inspect
from fractions import Fraction

import numpy as np
import pytest
import sympy
from specs import CLOSED_FORMS, kl, tensors_of, vae_shapes

import scalarspec as ss
from scalarspec.errors import ArgumentError, ShapeError, TooLarge, UnknownName
from scalarspec.layers import Linear, Sequential
from scalarspec.models import autoencoder, vae, vqvae
from scalarspec.tracing.scalar_graph import operations, written


def scaled(x, beta):
    return ss.sum(x) * beta


# ---- stages ---------------------------------------------------------------------------------------------------------


def test_derive_a_closed_form():
    mu, logvar = (sympy.Symbol(name, real=True) for name in ("mu", "logvar"))
    found = ss.derive(kl, ss.Scalar, ss.Scalar)
    assert sympy.expand(found.expand() - (sympy.exp(logvar) + mu**2 - 1 - logvar) / 2) == 0
    assert found.gradient("mu") == mu
    assert found.hessian("mu").tolist() == [[1]]
    assert found.latex() == sympy.latex(found.expand())
    assert set(found.to_json()) == {"name", "shape", "operations", "stages", "latex", "excluded"}


def test_each_stage_is_said_in_terms_of_those_before():
    found = ss.derive(vae.loss, *vae_shapes(2, 1, 1))
    assert list(found.stages) == ["h", "mu", "logvar", "z", "x_hat", "recon", "kl", "loss"]
    text = str(found).split("\n")
    assert "mu_0 = h_0*mean_head_weight_0_0 + mean_head_bias_0" in text
    assert "z_0 = eps_0*exp(logvar_0/2) + mu_0" in text
    assert "kl = -logvar_0/2 + mu_0**2/2 + exp(logvar_0)/2 - 1/2" in text
    assert text[-1] == "loss = beta*kl + recon"
    backwards = str(found.derivative("mean_head_weight")).split("\n")
    assert backwards[-1] == "d_mean_head_weight_0_0 = d_mu_0*h_0"
    assert "d_mu_0 = beta*mu_0 + d_z_0" in backwards
    assert not any(line.startswith(("recon", "kl", "d_recon", "d_kl")) for line in backwards)  # not needed


def test_the_stages_substituted_into_one_another_are_the_expansion():
    for spec, args in CLOSED_FORMS.values():
        found = ss.derive(spec, *args, max_operations=10**6)
        known = {}
        for (symbols, expressions), name in zip(found._shown.values(), found.stages, strict=True):
            assert symbols.shape == expressions.shape, name
            known |= {s: e.xreplace(known) for s, e in zip(symbols.flat, expressions.flat, strict=True)}
        last = list(known.values())[-1]
        assert sympy.expand(last - found.expand()) == 0


def test_latex_shows_the_stages_as_lines():
    found = ss.derive(vae.loss, *vae_shapes(2, 1, 1))
    assert found.latex().startswith("\\begin{aligned}\nh_{0} &= \\tanh")
    assert found.latex().endswith("loss &= \\beta kl + recon\n\\end{aligned}")
    assert found._repr_latex_() == f"$$\n{found.latex()}\n$$"


def test_a_stage_with_the_name_of_a_variable_gets_another_symbol():
    found = ss.derive(lambda x: ss.sum(ss.square(ss.stage("x", ss.exp(x)))), ss.Dim(1))
    assert str(found).split("\n")[:2] == ["x__0 = exp(x_0)", "_lambda_ = x__0**2"]
    with pytest.raises(ArgumentError, match="'x' and 'x_0' would both have a variable x_0_0; rename one"):
        ss.derive(lambda x, x_0: ss.sum(x) + ss.sum(x_0), ss.Shape((1, 1)), ss.Dim(1))


def test_one_shape_for_two_fields_makes_two_variables():
    two = ss.Dim(2)
    layers = Sequential(Linear(ss.Shape((2, 2)), two), Linear(ss.Shape((2, 2)), two))
    found = ss.derive(lambda m, x: ss.sum(m(x)), layers, two)
    assert list(found.variables) == ["layers_0_weight", "layers_0_bias", "layers_1_weight", "layers_1_bias", "x"]
    assert len(ss.matrix_form(lambda m, x: ss.sum(m(x)), layers, two).shapes) == 5


def test_one_symbol_for_a_name(symbolic):
    plain = symbolic.tensor(sympy.Symbol("x"))
    assert (plain - symbolic.symbols("x")).item() == 0


def test_no_float_and_no_simplify_in_any_form(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("simplify was called")

    monkeypatch.setattr(sympy, "simplify", refuse)
    monkeypatch.setattr(sympy.Basic, "simplify", refuse)
    layer = Linear(np.array([[0.1, -0.7]]), np.array([0.3]))
    found = ss.derive(lambda m, x: ss.mean_square(ss.stage("h", ss.sigmoid(m(x)))), layer, ss.Dim(2))
    shown = [found.expand(), *found.gradient("x"), *found.hessian("x").flat, *found.stages.values()]
    assert not any(e.has(sympy.Float) for entry in shown for e in np.ravel(np.array(entry, dtype=object)))


# ---- sizes ----------------------------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused_with_its_stages_offered():
    def loss(x):
        return ss.stage("loss", ss.sum(ss.stage("h", ss.tanh(ss.outer(x, x))) @ ss.stage("e", ss.exp(x))))

    deep = ss.derive(loss, ss.Dim(12), max_operations=2000)
    assert len(str(deep).split("\n")) == 12 * 12 + 12 + 1
    with pytest.raises(TooLarge, match=r"written out, \d+ operations are more than .* 2000; see its stages \(h, e"):
        deep.gradient()
    small = ss.derive(loss, ss.Dim(12), max_operations=100)
    for shown in (str, lambda d: d.latex(), lambda d: d.stages, lambda d: d.to_json()):
        with pytest.raises(TooLarge, match=r"stage by stage, .* take python"):
            shown(small)
    assert small._repr_latex_() is None
    assert repr(small) == f"<loss (): {small.operations} operations, stages h, e>"
    assert small.python() == deep.python()


def test_written_counts_what_is_shared_each_time(symbolic):
    x = symbolic.symbols("x")
    for _ in range(100):
        x = x + ss.exp(x)
    assert operations([x.scalars()[()]]) == 200
    assert written([x.scalars()[()]]) > 2**100


@pytest.mark.parametrize("sizes", [((4, 3, 2), (8, 6, 4)), ((6, 6, 3), (12, 12, 6))])
def test_operations_grow_with_the_parameters(sizes):
    counts = []
    for d, h, k in sizes:
        found = ss.derive(vae.loss, *vae_shapes(d, h, k))
        gradients = [found.derivative(name).value for name in found.variables]
        nodes = [x for t in (found.value, *gradients) for x in t.scalars().flat]
        counts.append(operations(nodes) / sum(t.size for t in found.inputs.values()))
    assert counts[1] <= counts[0]


# ---- derivatives ----------------------------------------------------------------------------------------------------


def test_derive_with_respect_to_given_arguments():
    found = ss.derive(scaled, np.array([0.1, 0.5]), 3, wrt="x")
    assert [str(s) for s in found.variables["x"]] == ["x_0", "x_1"]
    assert found.gradient().tolist() == [3, 3]
    both = ss.derive(scaled, np.array([0.1, 0.5]), 3, wrt=["beta"])
    tenth = Fraction(0.1)
    assert both.gradient("beta") == sympy.Rational(tenth.numerator, tenth.denominator) + sympy.Rational(1, 2)


def test_derive_with_respect_to_fields_of_a_model():
    layer = Linear(np.array([[2.0, 3.0]]), np.array([1.0]))
    found = ss.derive(lambda m, x: ss.sum(ss.square(m(x))), layer, np.array([1.0, 1.0]), wrt=["m.weight", "x"])
    assert list(found.variables) == ["weight", "x"]
    assert str(found.gradient("weight")[0, 1]) == str(found.derivative("weight").expand()[0, 1])
    assert "bias" not in str(found)
    assert list(ss.derive(lambda m, x: ss.sum(m(x)), layer, np.ones(2), wrt="m").variables) == ["weight", "bias"]


@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_rational_gradients_are_the_symbolic_ones_at_the_point(activation, rational, symbolic):
    rng = np.random.default_rng(5)

    def small(*shape):
        return np.array([Fraction(int(n), 4) for n in rng.integers(-9, 10, shape).flat], dtype=object).reshape(shape)

    quantizer = vqvae.Model(
        vqvae.Encoder(Linear(small(2, 3), small(2))),
        ss.latent.Codebook(small(3, 2)),
        vqvae.Decoder(Sequential(Linear(small(3, 2), small(3)), ss.relu)),
    )
    flat = Linear(np.zeros((2, 3), dtype=object), np.zeros(2, dtype=object))  # e⁰ is rational
    gaussian = vae.Model(vae.Encoder(Linear(small(2, 3), small(2)), flat), vae.Decoder(Linear(small(3, 2), small(3))))
    coder = autoencoder.Autoencoder(small(2, 3), small(2), small(3, 2), small(3), activation)
    cases = [
        (autoencoder.reconstruction_error, (coder, small(3))),
        (lambda m, beta, x: vqvae.loss(m, beta, x, 1), (quantizer, Fraction(1, 3), small(3))),
        (vae.loss, (gaussian, Fraction(2, 3), small(3), small(2))),
    ]
    for spec, args in cases:
        lifted = [ss.lift(a, rational) for a in args]
        exact = tensors_of(ss.grad(spec, tuple(range(len(args))))(*lifted))
        found = ss.derive(spec, *args, wrt=list(inspect.signature(spec).parameters))
        point = {
            str(symbol): value
            for variable, t in zip(found.inputs.values(), tensors_of(lifted), strict=True)
            for symbol, value in zip(flat_items(variable), flat_items(t), strict=True)
        }
        for name, expected in zip(found.variables, exact, strict=True):
            nodes = found.derivative(name).value.scalars().flat
            assert [symbolic.exact_value(symbolic.substitute(x, point)) for x in nodes] == list(flat_items(expected))


def flat_items(t):
    return t.context.arrays.items(t.value).flat


def test_derive_takes_symbolic_tensors_as_arguments(symbolic):
    found = ss.derive(scaled, symbolic.symbols("y", (2,)), 1)
    assert str(found) == "y_0 + y_1"
    with pytest.raises(UnknownName, match="no variable 'x'; there are none"):
        found.gradient("x")
    with pytest.raises(ArgumentError, match="y_0 is no variable of this derivation"):
        found.python()


def test_derive_refuses_what_it_cannot_use():
    with pytest.raises(ArgumentError, match="only tensors and numbers become variables"):
        ss.derive(lambda f, x: f(x), ss.layers.relu, np.zeros(1), wrt="f")
    with pytest.raises(UnknownName, match="has no parameter 'y'"):
        ss.derive(scaled, ss.Dim(1), 2, wrt="y.weight")
    with pytest.raises(ArgumentError, match=r"wrt: 'm.wieght' holds nothing that can vary"):
        ss.derive(lambda m, x: ss.sum(m(x)), Linear(np.ones((1, 1)), np.ones(1)), ss.Dim(1), wrt="m.wieght")
    with pytest.raises(ShapeError, match=r"the spec has shape \(2,\); expected \(\)"):
        ss.derive(lambda x: x, ss.Dim(2)).gradient()
    with pytest.raises(ArgumentError, match="of a derivative"):
        ss.derive(scaled, ss.Dim(2), 1).derivative().derivative()


def test_the_derivative_at_a_kink_is_zero():
    x = sympy.Symbol("x", real=True)
    assert ss.derive(ss.abs, ss.Scalar).gradient().subs(x, 0) == 0
    assert ss.derive(ss.relu, ss.Scalar).gradient().subs(x, 0) == 0
