"""A fully connected autoencoder with one hidden layer, and its hand-written backward pass.

From the seed NN.Spec.Models.Autoencoder. d is the input dimension, h the hidden dimension, and z = W_e x + b_e the
pre-activation. A backward function takes the upstream gradient g = ∂loss/∂x̂, of shape (d,), and is a vector-Jacobian
product.
In each function m is the `Autoencoder`.
Stages: h, x_hat, error.

    model = Autoencoder(np.ones((1, 2)), np.zeros(1), np.ones((2, 1)), np.zeros(2), "tanh")
    ss.bounds(reconstruction_error, model, [0.5, -0.25], vary={"x": ss.ball("0.1")})
    m, x, g = ss.lift((model, [0.5, -0.25], [1.0, 0.0]), "float64")
    forward(m, x), decode(m, encode(m, x)), batched_forward(m, ss.stack([x, x]))
    backward(m, x, g)    # Gradients, one by one:
    encoder_weights_grad(m, x, g), encoder_bias_grad(m, x, g)
    decoder_weights_grad(m, x, g), decoder_bias_grad(m, x, g), input_grad(m, x, g)
    activation_derivative("tanh", activation("tanh", x)), compression_ratio(2, 1)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from scalarspec import activation as activations
from scalarspec.core import functions as f
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """The parameters, as tensors or NumPy arrays, and the name of the hidden activation.

    encoder_weights: (h, d); encoder_bias: (h,); decoder_weights: (d, h); decoder_bias: (d,); activation: a name of
    `activation.ACTIVATIONS`. Raises UnknownName for an activation that does not exist.
    """

    encoder_weights: Any
    encoder_bias: Any
    decoder_weights: Any
    decoder_bias: Any
    activation: str = "relu"

    def __post_init__(self) -> None:
        activations.named(self.activation)


class Gradients(NamedTuple):
    """The gradients of a loss, in the order of the seed: of the four parameters encoder_weights, encoder_bias,
    decoder_weights and decoder_bias, each in its shape, and of the input, (d,).
    """

    encoder_weights: Tensor
    encoder_bias: Tensor
    decoder_weights: Tensor
    decoder_bias: Tensor
    input: Tensor


def activation(name: str, t: Tensor) -> Tensor:
    """The activation of that name, elementwise. t: any shape; result: the same one."""
    return activations.named(name).function(t)


def activation_derivative(name: str, t: Tensor) -> Tensor:
    """The derivative of the activation of that name at the pre-activation t. t: any shape; result: the same one."""
    return activations.named(name).derivative(t)


def encode(m: Autoencoder, x: Tensor) -> Tensor:
    """The code h = a(W_e x + b_e), a being the activation. x: (d,); result: (h,)."""
    return f.stage("h", activation(m.activation, _preactivation(m, x)))


def decode(m: Autoencoder, hidden: Tensor) -> Tensor:
    """The reconstruction x̂ = W_d h + b_d. hidden: (h,); result: (d,)."""
    return f.stage("x_hat", f.affine(m.decoder_weights, hidden, m.decoder_bias))


def forward(m: Autoencoder, x: Tensor) -> Tensor:
    """The reconstruction decode(encode(x)). x: (d,); result: (d,)."""
    return decode(m, encode(m, x))


def batched_forward(m: Autoencoder, x: Tensor) -> Tensor:
    """The reconstruction of each row, exactly as `forward` gives it. x: (b, d); result: (b, d).

    Raises ShapeError for any other number of axes. `ss.batched(forward, over="x")` does all rows at once, in which
    floats may add in another order.
    """
    if len(x.shape) != 2:
        raise ShapeError(f"batched_forward: x of shape {x.shape}; expected (b, d)")
    return Tensor.of(x.context, x.shape.rest, [forward(m, row) for row in x])


def encoder_weights_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """The gradient dW_e = dZ ⊗ x. x, grad_output: (d,); result: (h, d)."""
    return f.outer(_preactivation_grad(m, x, grad_output), x)


def encoder_bias_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """The gradient db_e = dZ. x, grad_output: (d,); result: (h,)."""
    return _preactivation_grad(m, x, grad_output)


def decoder_weights_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """The gradient dW_d = g ⊗ h. x, grad_output: (d,); result: (d, h)."""
    return f.outer(grad_output, encode(m, x))


def decoder_bias_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """The gradient db_d = g. x, grad_output: (d,); result: (d,). Raises ShapeError where g has another shape."""
    _, (_, g) = operands_of("decoder_bias_grad", x, grad_output)
    if g.shape != x.shape:
        raise ShapeError(f"decoder_bias_grad: a gradient of shape {g.shape} for an output of shape {x.shape}")
    return g


def input_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """The gradient dx = W_eᵀ dZ. x, grad_output: (d,); result: (d,)."""
    return f.matmul(_preactivation_grad(m, x, grad_output), m.encoder_weights)


def backward(m: Autoencoder, x: Tensor, grad_output: Operand) -> Gradients:
    """All five gradients: dW_e, db_e, dW_d, db_d and dx, given the upstream gradient. x, grad_output: (d,).

    They are what `ss.vjp(forward, argnums=(0, 1))` gives, written by hand: with a hidden relu at 0, by the convention
    that its derivative there is 0.
    """
    return Gradients(
        encoder_weights_grad(m, x, grad_output),
        encoder_bias_grad(m, x, grad_output),
        decoder_weights_grad(m, x, grad_output),
        decoder_bias_grad(m, x, grad_output),
        input_grad(m, x, grad_output),
    )


def reconstruction_error(m: Autoencoder, x: Tensor) -> Tensor:
    """The mean squared error Σ (x - x̂)² / d of the reconstruction. x: (d,); result: (). Raises ShapeError for d =
    0, and for an x̂ of another shape.
    """
    if x.size == 0:
        raise ShapeError(f"reconstruction_error: x of shape {x.shape} is empty; expected (d,) with d > 0")
    x_hat = forward(m, x)
    check_one_shape("reconstruction_error", x, x_hat)
    return f.stage("error", f.mean_square(x - x_hat))


def compression_ratio(input_dim: int, hidden_dim: int) -> float:
    """d / h, which are input_dim and hidden_dim, as a float, for display: ∞ for h = 0, and NaN for d = h = 0."""
    if hidden_dim == 0:
        return math.inf if input_dim else math.nan
    return input_dim / hidden_dim


def _preactivation(m: Autoencoder, x: Tensor) -> Tensor:
    """z = W_e x + b_e."""
    return f.affine(m.encoder_weights, x, m.encoder_bias)


def _preactivation_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """The gradient in z: dZ = (W_dᵀ g) ⊙ a′(z)."""
    _, (_, g) = operands_of("backward", x, grad_output)
    hidden, z = f.matmul(g, m.decoder_weights), _preactivation(m, x)
    check_one_shape("backward", hidden, z)
    return hidden * activation_derivative(m.activation, z)
