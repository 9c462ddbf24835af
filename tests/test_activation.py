"""Activations and their derivatives, under every context that supports them."""

from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, assert_near
from conftest import CONTEXTS, WITH_EXP

import scalarspec as ss
from scalarspec import activation
from scalarspec.errors import ShapeError, UnknownName
from scalarspec.models import autoencoder

HALF = Fraction(1, 2)


def test_relu_and_identity(context):
    t = context.tensor([-2, 0, 3])
    assert_is(autoencoder.activation("relu", t), [0, 0, 3])
    assert_is(autoencoder.activation_derivative("relu", t), [0, 0, 1])
    assert_is(autoencoder.activation("identity", t), [-2, 0, 3])
    assert_is(autoencoder.activation_derivative("identity", t), [1, 1, 1])
    assert_is(activation.named("leaky_relu")(t), [Fraction(-1, 50), 0, 3])
    assert_is(activation.named("leaky_relu").derivative(t), [Fraction(1, 100), Fraction(1, 100), 1])


@pytest.mark.parametrize("name", WITH_EXP)
def test_smooth_activations(name):
    t = CONTEXTS[name].tensor(HALF)
    assert_near(autoencoder.activation("sigmoid", t), "0.62245933120185456464", 18)
    assert_near(autoencoder.activation_derivative("sigmoid", t), "0.23500371220159448907", 18, ulps=16)
    assert_near(autoencoder.activation("tanh", t), "0.46211715726000975850", 18)
    assert_near(autoencoder.activation_derivative("tanh", t), "0.78644773296592741014", 18, ulps=16)
    assert_near(activation.named("softplus")(t), "0.97407698418010668087", 18)
    assert_near(activation.named("softplus").derivative(t), "0.62245933120185456464", 18)
    assert_near(activation.named("gelu")(t), "0.34573123063700655", 16, ulps=32)
    assert_near(activation.named("gelu").derivative(t), "0.86749512465616284", 16, ulps=64)


def test_the_smooth_activations_at_zero_are_rational(rational):
    zero = rational.tensor(0)
    assert_is(autoencoder.activation("sigmoid", zero), HALF)
    assert_is(autoencoder.activation_derivative("sigmoid", zero), Fraction(1, 4))
    assert_is(autoencoder.activation("tanh", zero), 0)
    assert_is(autoencoder.activation_derivative("tanh", zero), 1)


def test_the_derivative_of_relu_over_a_straddling_interval(enclosing):
    low, high = ss.endpoints(autoencoder.activation_derivative("relu", enclosing.box(-1, 1)))
    assert (low, high) == (0, 1)


def test_an_unknown_activation_is_refused(context):
    message = "no activation is called 'relú'; there are relu, leaky_relu, sigmoid, tanh, softplus, gelu, silu, mish"
    with pytest.raises(UnknownName, match=message):
        autoencoder.activation("relú", context.tensor([1]))
    with pytest.raises(UnknownName):
        autoencoder.Autoencoder(*np.zeros((4, 1)), activation="Relu")


PYTORCH = [
    ("silu", (), "0.7310585786300049", "-0.2689414213699951"),
    ("gelu", (), "0.8413447460685429", "-0.15865525393145705"),
    ("gelu", ("tanh",), "0.8411919906082768", "-0.1588080093917232"),
    ("mish", (), "0.8650983882673103", "-0.3034014613741089"),
    ("elu", (), "1", "-0.6321205588285577"),
    ("elu", (2,), "1", "-1.2642411176571153"),
    ("selu", (), "1.0507009873554805", "-1.1113307378125625"),
    ("celu", (2,), "1", "-0.7869386805747332"),
    ("softsign", (), "0.5", "-0.5"),
    ("logsigmoid", (), "-0.3132616875182228", "-1.3132616875182228"),
    ("hardtanh", ("-0.5", "0.25"), "0.25", "-0.5"),
    ("relu6", (), "1", "0"),
    ("hardsigmoid", (), "0.6666666666666666", "0.3333333333333333"),
    ("hardswish", (), "0.6666666666666666", "-0.3333333333333333"),
    ("prelu", ("0.25",), "1", "-0.25"),
]
"""Activations, their further arguments, and PyTorch's values at 1 and -1."""


@pytest.mark.parametrize(("name", "arguments", "at_one", "at_minus_one"), PYTORCH)
def test_activations_have_pytorchs_values(name, arguments, at_one, at_minus_one):
    for context in map(CONTEXTS.get, ("float64", "interval", "interval64")):
        found = getattr(activation, name)(context.tensor([1, -1]), *arguments)
        for t, expected in zip(found, (at_one, at_minus_one), strict=True):
            middle = sum(end.item() for end in ss.endpoints(t)) / 2 if context.encloses else Fraction(t.item())
            assert abs(middle - Fraction(expected)) < Fraction(1, 10**15)


def test_glu_halves_an_axis():
    x = CONTEXTS["float64"].tensor([[1.0, 2.0, 0.0, -1.0], [3.0, 4.0, 1.0, 5.0]])
    assert activation.glu(x).shape == (2, 2)
    assert activation.glu(x)[0].tolist() == pytest.approx([0.5, 2 * 0.2689414213699951])
    assert activation.glu(x, axis=0).tolist() == [
        pytest.approx([0.9525741268224334, 1.9640275800758169, 0.0, -0.9933071490757153])
    ]
    with pytest.raises(ShapeError, match=r"glu: axis -1 of shape .* has an odd length"):
        activation.glu(x[:, :3])
    with pytest.raises(ShapeError, match="glu: axis 2"):
        activation.glu(x, axis=2)


@pytest.mark.parametrize("name", activation.ACTIVATIONS)
def test_named_derivatives_are_the_gradients(name):
    """At points without kinks, where there is one answer; and over boxes they hold these."""
    named, context = activation.named(name), ss.context("interval", prec=80)
    points = [Fraction(n, 7) for n in (-30, -15, -8, -2, 3, 9, 16, 43)]
    low, high = ss.endpoints(named.derivative(context.tensor(points)))
    least, most = ss.endpoints(ss.grad(lambda x: ss.sum(named(x)))(context.tensor(points)))
    assert np.all((low <= most) & (least <= high))
    assert all(b - a < Fraction(1, 2**60) for a, b in zip([*low, *least], [*high, *most], strict=True))
    wide = ss.endpoints(named.derivative(CONTEXTS["interval64"].box(-5.0, 7.0)))
    assert wide[0] <= min(low)
    assert max(high) <= wide[1]


@pytest.mark.parametrize(("name", "slope"), [("elu", 1), ("celu", 1), ("softsign", 1), ("gelu", HALF), ("silu", HALF)])
def test_what_has_a_derivative_at_zero_has_it_in_every_context(name, slope):
    for context in ("float64", "float32", "interval", "interval64"):
        t = ss.grad(getattr(activation, name))(ss.context(context).tensor(0))
        low, high = ss.endpoints(t) if t.context.encloses else (t.item(), t.item())
        assert low <= slope <= high
        assert float(high - low) < 1e-12


def test_activations_are_enclosed_by_their_own_minima():
    """Not as products of intervals, which make gelu's lower end over [-2, 2] the -2 of x."""
    x = CONTEXTS["interval64"].box(-2.0, 2.0)
    for name, least in (("gelu", -0.16998), ("silu", -0.27847), ("mish", -0.30885), ("hardswish", -0.37501)):
        low, high = ss.endpoints(getattr(activation, name)(x))
        assert least < low < least + 2e-5
        assert high < 2
