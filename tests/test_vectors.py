"""Vectors computed by others: exact under exact contexts, enclosed within a few ulps, within rounding under floats."""

from fractions import Fraction

import numpy as np
import pytest
from agreement import LOOSE, LOOSER, assert_is, assert_near
from conftest import CONTEXTS, WITH_EXP
from specs import autoencoder_vector, mlp

import scalarspec as ss
from scalarspec.models import autoencoder


def fractions(*texts):
    return [Fraction(text) for text in texts]


def test_mlp_forward(context):
    m, x = mlp(context), context.tensor(["0.5", "0.8"])
    assert_is(autoencoder.encode(m, x), fractions("31/100", "67/100", "103/100"))
    assert_is(autoencoder.forward(m, x), fractions("52/25"))


def test_mlp_gradients(context):
    m, x, g = mlp(context), context.tensor(["0.5", "0.8"]), context.tensor([1])
    rows = [fractions("7/20", "14/25"), fractions("2/5", "16/25"), fractions("9/20", "18/25")]
    assert_is(autoencoder.encoder_weights_grad(m, x, g), rows)
    assert_is(autoencoder.encoder_bias_grad(m, x, g), fractions("7/10", "4/5", "9/10"))
    assert_is(autoencoder.input_grad(m, x, g), fractions("19/25", "1"))


def test_mlp_on_a_box(enclosing):
    m = mlp(enclosing)
    low, high = ss.endpoints(autoencoder.forward(m, _box(enclosing, ["0.4", "0.7"], ["0.6", "0.9"])))
    assert low[0] <= Fraction(238, 125)
    assert high[0] >= Fraction(282, 125)
    assert_ends(low, high, fractions("238/125"), fractions("282/125"), enclosing)


def _box(context, lower, upper):
    return context.box([Fraction(v) for v in lower], [Fraction(v) for v in upper])


def assert_ends(low, high, want_low, want_high, context, ulps=32):
    """The enclosure contains the range, and is wider by a few ulps at most."""
    slack = ulps * Fraction(2) ** -min(getattr(context, "prec", 53), 53)
    slack *= LOOSER if context.name in LOOSE else 1
    for got, want in zip(np.ravel(low), want_low, strict=True):
        assert want - slack * max(abs(want), 1) <= got <= want
    for got, want in zip(np.ravel(high), want_high, strict=True):
        assert want <= got <= want + slack * max(abs(want), 1)


def test_interval_propagation_through_two_layers(enclosing):
    w1 = enclosing.tensor([[1 + i + j for j in range(3)] for i in range(4)])
    w2 = enclosing.tensor([[2 + i + j for j in range(4)] for i in range(2)])
    b1, b2 = enclosing.tensor([1, 2, 3, 4]), enclosing.tensor([0, 1])
    x = enclosing.box([0, 1, 2], [2, 3, 4])
    low, high = ss.endpoints(ss.affine(w2, ss.relu(ss.affine(w1, x, b1)), b2))
    if enclosing.name in LOOSE:  # midpoint and radius, whose sums are rounded
        assert_ends(low, high, [230, 291], [554, 699], enclosing)
    else:
        assert (low.tolist(), high.tolist()) == ([230, 291], [554, 699])


def test_gate(enclosing):
    w = enclosing.tensor([[1 + i + j for j in range(3)] for i in range(3)])
    z = ss.affine(w, _box(enclosing, ["0.5", "1.5", "2.5"], ["1.5", "2.5", "3.5"]), enclosing.tensor([0, 1, 2]))
    low, high = ss.endpoints(ss.sigmoid(z) * ss.tanh(z))
    lower = fractions("0.9999832980202678", "0.9999999317439616", "0.9999999997210531")
    upper = fractions("0.999999958600621", "0.9999999999915765", "0.9999999999999982")
    shown = Fraction(1, 10**16)  # to how many digits the vector is known
    assert all(got <= want + shown for got, want in zip(low, lower, strict=True))
    assert all(got >= want - shown for got, want in zip(high, upper, strict=True))
    slack = shown + 32 * Fraction(2) ** -min(getattr(enclosing, "prec", 53), 53)
    assert all(got >= want - slack for got, want in zip(low, lower, strict=True))
    assert all(got <= want + slack for got, want in zip(high, upper, strict=True))


@pytest.mark.parametrize("name", WITH_EXP)
def test_tanh_of_a_summed_net(name):
    """The published value is a float's, right to 16 digits: the exact one ends in ...7320548.

    The definition of tanh that a context inherits, 1 - 2 / (e²ˣ + 1), is 36 times as wide here as a tanh of its own.
    """
    assert_near(ss.tanh(CONTEXTS[name].tensor("693/25000")), "0.027712902180357324", digits=15, ulps=256)


def test_autoencoder_forward(context):
    m, x = autoencoder_vector(context)
    assert_is(ss.affine(m.encoder_weights, x, m.encoder_bias), fractions("-3", "3", "-3/2"))
    assert_is(autoencoder.encode(m, x), fractions("0", "3", "0"))
    assert_is(autoencoder.forward(m, x), fractions("5/4", "-1/4"))
    assert_is(autoencoder.reconstruction_error(m, x), Fraction(41, 16))


def test_autoencoder_backward(context):
    m, x = autoencoder_vector(context)
    g = ss.loss.mse_derivative(autoencoder.forward(m, x), x)
    assert_is(g, fractions("1/4", "-9/4"), scale=3)
    grads = autoencoder.backward(m, x, g)
    assert grads._fields == ("encoder_weights", "encoder_bias", "decoder_weights", "decoder_bias", "input")
    assert_is(grads.encoder_weights, [[0, 0], fractions("1/12", "1/6"), [0, 0]], scale=3)
    assert_is(grads.encoder_bias, fractions("0", "1/12", "0"), scale=3)
    assert_is(grads.decoder_weights, [fractions("0", "3/4", "0"), fractions("0", "-27/4", "0")], scale=9)
    assert_is(grads.decoder_bias, fractions("1/4", "-9/4"), scale=3)
    assert_is(grads.input, fractions("1/4", "1/24"), scale=3)


def kl(context, mu, logvar):
    return ss.latent.diagonal_gaussian_kl_to_standard(context.tensor(mu), context.tensor(logvar))


def test_kl_at_rational_points(context):
    assert_is(kl(context, [0], [0]), 0)
    assert_is(kl(context, [1], [0]), Fraction(1, 2))


@pytest.mark.parametrize("name", WITH_EXP)
def test_kl(name):
    context = CONTEXTS[name]
    logvar = ss.log(context.tensor([4]))
    ours = ss.latent.diagonal_gaussian_kl_to_standard(context.tensor([0]), logvar)
    assert_near(ours, "0.80685281944005469058", digits=19, ulps=16)  # (3 - ln 4) / 2
    assert_near(kl(context, ["0.5", -1], [0, "0.2"]), "0.3178506895400424", digits=15)


def test_kl_is_symbolically_equal(symbolic):
    import sympy

    logvar = ss.log(symbolic.tensor([4]))
    closed = ss.latent.diagonal_gaussian_kl_to_standard(symbolic.tensor([0]), logvar).item()
    assert sympy.simplify(closed - (3 - sympy.log(4)) / 2) == 0


def polynomial(x, square):
    return square + x / 10 - "1/2"


def test_dependency(enclosing):
    x = _box(enclosing, ["-1/2"], ["1/2"])
    low, high = ss.endpoints(polynomial(x, x * (x + 0)))
    assert_ends(low, high, fractions("-4/5"), fractions("-1/5"), enclosing)
    low, high = ss.endpoints(polynomial(x, ss.square(x)))
    assert_ends(low, high, fractions("-11/20"), fractions("-1/5"), enclosing)
    if enclosing.name != "arb":
        low, high = ss.endpoints(polynomial(x, x * x))
        assert_ends(low, high, fractions("-11/20"), fractions("-1/5"), enclosing)


def test_products_quotients_and_clips(enclosing):
    box = enclosing.box
    low, high = ss.endpoints(box(-1, 1) * box(-2, 3))
    assert_ends(low, high, [-3], [3], enclosing, ulps=1)
    with pytest.raises(ss.errors.DivisionByZero):
        1 / enclosing.tensor([-0.0])
    for (a, b), want in {(-3, -2): 0, (2, 3): 1}.items():
        low, high = ss.endpoints(ss.clip(box(a, b), 0, 1))
        assert (low, high) == (want, want)
