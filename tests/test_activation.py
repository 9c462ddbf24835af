"""Activations and their derivatives, under every context that supports them."""

from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, assert_near
from conftest import CONTEXTS, WITH_EXP

import scalarspec as ss
from scalarspec import activation
from scalarspec.errors import UnknownName
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
