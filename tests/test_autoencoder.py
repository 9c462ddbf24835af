"""The autoencoder, its gradients by hand, and its error, under every context."""

import math
from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, same
from specs import autoencoder_vector

import scalarspec as ss
from scalarspec import loss
from scalarspec.errors import ShapeError
from scalarspec.models import autoencoder


def test_batched_forward_is_the_single_pass_exactly(context):
    m, _ = autoencoder_vector(context)
    x = context.tensor([[1, 2], ["1/3", -1], ["0.1", "0.7"]])
    batch = autoencoder.batched_forward(m, x)
    assert batch.shape == (3, 2)
    for row, single in zip(batch, x, strict=True):
        assert same(row, autoencoder.forward(m, single))
    assert autoencoder.batched_forward(m, context.tensor(np.zeros((0, 2)))).shape == (0, 2)
    with pytest.raises(ShapeError, match=r"expected \(b, d\)"):
        autoencoder.batched_forward(m, x[0])


def test_the_gradients_one_by_one_are_those_of_backward(context):
    m, x = autoencoder_vector(context)
    g = context.tensor([1, "-1/2"])
    separate = (
        autoencoder.encoder_weights_grad(m, x, g),
        autoencoder.encoder_bias_grad(m, x, g),
        autoencoder.decoder_weights_grad(m, x, g),
        autoencoder.decoder_bias_grad(m, x, g),
        autoencoder.input_grad(m, x, g),
    )
    assert [t.shape for t in separate] == [(3, 2), (3,), (2, 3), (2,), (2,)]
    assert all(same(a, b) for a, b in zip(separate, autoencoder.backward(m, x, g), strict=True))
    with pytest.raises(ShapeError):
        autoencoder.decoder_bias_grad(m, x, context.tensor([1]))


def test_the_backward_pass_is_the_derivative(symbolic):
    """Every gradient, with a smooth activation, against SymPy's derivative of the error."""
    import sympy

    shapes = {"W": (2, 2), "b": (2,), "V": (2, 2), "c": (2,), "x": (2,)}
    t = {name: symbolic.symbols(name, shape) for name, shape in shapes.items()}
    m = autoencoder.Autoencoder(t["W"], t["b"], t["V"], t["c"], activation="tanh")
    error = autoencoder.reconstruction_error(m, t["x"]).item()
    g = loss.mse_derivative(autoencoder.forward(m, t["x"]), t["x"])
    grads = autoencoder.backward(m, t["x"], g)
    numbers = {s: sympy.Rational(k + 1, 7) for k, s in enumerate(s for a in t.values() for s in np.ravel(a.tolist()))}
    direct = [-2 * (a - b) / 2 for a, b in zip(autoencoder.forward(m, t["x"]).tolist(), t["x"].tolist(), strict=True)]
    for name, grad in zip("WbVcx", grads, strict=True):
        for k, (symbol, ours) in enumerate(zip(np.ravel(t[name].tolist()), np.ravel(grad.tolist()), strict=True)):
            target_too = direct[k] if name == "x" else 0  # x is also the target of the error
            difference = error.diff(symbol) - ours - target_too
            assert abs(sympy.N(difference.subs(numbers), 50)) < sympy.Float("1e-40")


def test_reconstruction_error_is_mse(context):
    m, x = autoencoder_vector(context)
    assert_is(autoencoder.reconstruction_error(m, x), Fraction(41, 16))
    assert_is(loss.mse(autoencoder.forward(m, x), x), Fraction(41, 16))
    empty = autoencoder.Autoencoder(*(context.tensor(np.zeros(s)) for s in ((1, 0), (1,), (0, 1), (0,))))
    with pytest.raises(ShapeError, match="d > 0"):
        autoencoder.reconstruction_error(empty, context.tensor([]))


def test_compression_ratio():
    assert autoencoder.compression_ratio(64, 16) == 4.0
    assert autoencoder.compression_ratio(64, 0) == math.inf
    assert math.isnan(autoencoder.compression_ratio(0, 0))


def test_a_model_on_arrays_need_not_be_lifted(context):
    weights = np.array([[0.5, -1.0], [2.0, 0.25]])
    m = autoencoder.Autoencoder(weights, np.zeros(2), weights.T, np.ones(2))
    x = context.tensor([1, 2])
    lifted = ss.lift(m, context)
    assert same(autoencoder.forward(m, x), autoencoder.forward(lifted, x))
    g = context.tensor([1, 1])
    for a, b in zip(autoencoder.backward(m, x, g), autoencoder.backward(lifted, x, g), strict=True):
        assert same(a, b)
