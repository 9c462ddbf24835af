"""Gradients under every context: against the hand-written backward pass, against differences, against each other."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
from agreement import assert_is, inside, same
from conftest import CONTEXTS
from test_interpreters import NET, SPECS, VQVAE, XS, YS

import scalarspec as ss
from scalarspec import functions as f
from scalarspec import gradient as g
from scalarspec.context import DERIVED, PRIMITIVES
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.models import autoencoder, vae, vqvae

SMOOTH = [
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "atan",
    "erf",
    "tan",
    "expm1",
    "expm1mx",
    "log1p",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "softplus",
    "logcosh",
    "square",
    "reciprocal",
]


def test_the_autoencoder_against_its_hand_written_backward_pass(context):
    m = ss.lift(NET, context)
    x = context.tensor(XS[0])

    def error(w, b, v, c, x):
        return autoencoder.reconstruction_error(autoencoder.Autoencoder(w, b, v, c), x)

    arguments = (m.encoder_weights, m.encoder_bias, m.decoder_weights, m.decoder_bias, x)
    found = ss.grad(error, (0, 1, 2, 3, 4))(*arguments)
    upstream = ss.loss.mse_derivative(autoencoder.forward(m, x), x)
    expected = [*autoencoder.backward(m, x, upstream)]
    expected[-1] = expected[-1] - upstream  # x is the target too
    for ours, want in zip(found, expected, strict=True):
        assert ours.shape == want.shape
        if context.name == "symbolic" or context.exact:
            assert all(
                context.exact_value(a) == context.exact_value(b)
                for a, b in zip(ours.scalars().flat, want.scalars().flat, strict=True)
            )
        elif context.encloses:
            (a, b), (c, d) = ss.endpoints(ours), ss.endpoints(want)
            assert np.all((a <= d) & (c <= b))
        else:
            assert np.allclose(np.asarray(ours), np.asarray(want), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_one_argument_against_differences(name):
    """In 200-bit intervals: the enclosed derivative against a central difference."""
    context, h = ss.context("interval", prec=200), Fraction(1, 2**40)
    function = getattr(ss, name)
    for x in (Fraction(1, 3), Fraction(2), Fraction(7, 5)):
        (low,), (high,) = (end.ravel() for end in ss.endpoints(ss.grad(function)(context.tensor(x))))
        ends = [ss.endpoints(function(context.tensor(x + s * h)))[0][()] for s in (1, -1)]
        difference = (ends[0] - ends[1]) / (2 * h)
        assert low <= high
        assert abs(difference - low) <= Fraction(1, 2**60) * max(1, abs(low))


@pytest.mark.parametrize("name", [n for n in SPECS if n not in ("lazy where", "a constant")])
def test_gradients_of_specs_are_exact_derivatives_over_the_rationals(name):
    """The specs are piecewise polynomials: between kinks, a difference quotient of a quadratic is its derivative."""
    context = CONTEXTS["rational"]
    spec = SPECS[name]

    def total(x, y):
        return f.sum(spec(x, y))

    x, y = XS[1] + 1 / 16, YS[1] - 1 / 32
    dx, dy = ss.grad(total, (0, 1))(context.tensor(x), context.tensor(y))
    h = Fraction(1, 2**20)
    for found, i in ((dx, 0), (dy, 1)):
        for k in range(3):
            values = []
            for step in (h, -h):
                point = [[Fraction(v) for v in p] for p in (x, y)]
                point[i][k] += step
                values.append(total(*map(context.tensor, point)).item())
            cubic = Fraction(1, 2**30)  # of the cubic specs, whose difference is off by h² times a third derivative
            assert abs((values[0] - values[1]) / (2 * h) - found[k].item()) <= cubic


def test_every_operation_has_a_rule_or_is_a_truth():
    truths = {"less", "less_equal", "equal", "logical_not", "logical_and", "logical_or", "pi"}
    assert set(PRIMITIVES | DERIVED) - truths <= set(g.RULES)


@pytest.mark.parametrize("mistake", ["multiply", "affine", "mean_square", "getitem", "expm1mx", "where", "maximum"])
def test_a_wrong_rule_is_caught(monkeypatch, mistake):
    """Each share doubled, for one operation."""
    right = g.RULES[mistake]
    monkeypatch.setitem(
        g.RULES,
        mistake,
        lambda *a, **p: tuple(s and (lambda s=s: 2 * s()) for s in right(*a, **p)),
    )

    def fails(check, *args):
        try:
            check(*args)
        except AssertionError:
            return True
        return False

    if mistake == "expm1mx":
        assert fails(test_derivatives_of_one_argument_against_differences, "expm1mx")
    elif mistake == "maximum":
        assert ss.grad(ss.maximum)(CONTEXTS["rational"].tensor(2), CONTEXTS["rational"].tensor(1)).item() != 1
    else:
        name = {
            "multiply": "scalars",
            "affine": "forward",
            "mean_square": "scalars",
            "getitem": "index",
            "where": "where",
        }[mistake]
        assert fails(test_gradients_of_specs_are_exact_derivatives_over_the_rationals, name)


def test_kinks_and_steps(context):
    zero = context.tensor(0)
    for function in (ss.relu, ss.abs, ss.heaviside, ss.sign):
        assert_is(ss.grad(function)(zero), 0)
    assert_is(ss.grad(ss.relu)(context.tensor(2)), 1)
    assert_is(ss.grad(ss.abs)(context.tensor(-2)), -1)
    assert_is(ss.grad(ss.leaky_relu)(context.tensor(-1)), Fraction(1, 100))


def test_over_a_box_the_gradient_encloses_all_gradients(enclosing):
    x = enclosing.box([-1, 1, -2], [1, 2, -1])
    gradient = ss.grad(lambda x: f.sum(f.relu(x)))(x)
    low, high = ss.endpoints(gradient)
    assert (low[0], high[0]) == (0, 1)
    assert (low[1], high[1], low[2], high[2]) == (1, 1, 0, 0)


def test_the_models_gradients_lie_in_their_enclosures(enclosing):
    float64, rational = CONTEXTS["float64"], CONTEXTS["rational"]
    for spec, model, rest in ((vqvae.loss, VQVAE, ["1/4"]), (autoencoder.reconstruction_error, NET, [])):

        def loss(x, spec=spec, model=model, rest=rest):
            return spec(model, *[Fraction(r) for r in rest], x, *([1] if rest else []))

        exact = ss.grad(loss)(rational.tensor(XS[2]))
        assert inside(ss.grad(loss)(enclosing.tensor(XS[2])), np.array(exact.tolist(), dtype=object))
        assert np.allclose(np.asarray(ss.grad(loss)(float64.tensor(XS[2]))), np.array(exact.tolist(), dtype=float))


def test_symbolic_then_substituted_is_rational_exactly(symbolic, rational):
    def loss(x):
        return autoencoder.reconstruction_error(NET, x)

    gradient = ss.grad(loss)(symbolic.symbols("x", (3,)))
    numbers = {f"x_{k}": Fraction(v) for k, v in enumerate(XS[3])}
    found = [symbolic.exact_value(symbolic.substitute(s, numbers)) for s in gradient.scalars()]
    assert found == ss.grad(loss)(rational.tensor(XS[3])).tolist()


def test_symbolic_gradients_share_and_stay_linear(symbolic):
    """At most twice the operations of the loss, and in proportion to the parameters."""
    from scalarspec.backends.symbolic import operations

    def loss(wm, wv, wd, x, eps):
        def linear(w):
            return lambda t: ss.tanh(f.matmul(w, t))

        return vae.loss(vae.Model(vae.Encoder(linear(wm), linear(wv)), vae.Decoder(linear(wd))), 1, x, eps)

    counts = []
    for d, k in ((8, 4), (16, 8), (32, 16)):
        shapes = {"wm": (k, d), "wv": (k, d), "wd": (d, k), "x": (d,), "eps": (k,)}
        value, gradient = ss.value_and_grad(loss, (0, 1, 2))(*(symbolic.symbols(n, s) for n, s in shapes.items()))
        own = operations(value.scalars().flat)
        both = operations([s for t in (value, *gradient) for s in t.scalars().flat])
        assert both <= 2 * own
        counts.append(both / (3 * d * k))
    assert counts == sorted(counts, reverse=True)


def test_a_hidden_batch_and_a_gradient_together(context):
    """The gradient of each row's loss, by one batch: contexts nest."""
    gradients = ss.batched(ss.grad(lambda x: f.mean_square(autoencoder.forward(NET, x))), over="x")(context.tensor(XS))
    for i in range(4):
        alone = ss.grad(lambda x: f.mean_square(autoencoder.forward(NET, x)))(context.tensor(XS[i]))
        if context.exact:
            assert same(gradients[i], alone)
        elif context.encloses:
            (a, b), (c, d) = ss.endpoints(gradients[i]), ss.endpoints(alone)
            assert np.all((a <= d) & (c <= b))
        else:
            assert np.allclose(np.asarray(gradients[i]), np.asarray(alone), rtol=1e-5, atol=1e-6)


def test_a_second_derivative(rational):
    second = ss.grad(ss.grad(lambda x: x * x * x))
    assert second(rational.tensor(5)).item() == 30


def test_bad_input(float64):
    x = float64.tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"grad: the spec has shape \(2,\); expected \(\), such as a sum"):
        ss.grad(ss.exp)(x)
    with pytest.raises(ArgumentError, match="argnums: expected a tensor at position 1 of mse, got 2"):
        ss.grad(ss.loss.mse, 1)(x, 2)
    with pytest.raises(ArgumentError, match="argnums: expected a tensor at position 5 of mse, got 2 arguments"):
        ss.grad(ss.loss.mse, 5)(x, x)


def test_a_constant_and_an_unused_argument_have_gradient_zero(context):
    x, y = context.tensor(XS[0]), context.tensor(YS[0])
    unused, zero = ss.grad(lambda x, y: f.sum(x), (1,))(x, y), ss.grad(lambda x: context.tensor(3))(x)
    assert_is(unused[0], [0, 0, 0])
    assert_is(zero, [0, 0, 0])


@pytest.mark.parametrize("name", [name for name in SMOOTH if name in oracle.POINT])
def test_float_gradients_lie_near_the_enclosed_ones(name):
    x = [0.25, 0.5, 1.5]
    low, high = ss.endpoints(ss.grad(lambda t: f.sum(getattr(ss, name)(t)))(CONTEXTS["interval"].tensor(x)))
    found = np.asarray(ss.grad(lambda t: f.sum(getattr(ss, name)(t)))(CONTEXTS["float64"].tensor(x)))
    assert np.all(np.abs(found - low.astype(float)) <= 1e-14 * (1 + np.abs(found)))
    assert np.all(low <= high)
