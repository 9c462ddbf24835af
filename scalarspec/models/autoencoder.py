"""A fully connected autoencoder with one hidden layer, and its hand-written backward pass.

From the seed NN.Spec.Models.Autoencoder. d = input dimension, h = hidden dimension, z = W_e x + b_e. A backward
function takes the upstream gradient g = ∂loss/∂x̂, of shape (d,), and is a vector-Jacobian product.
Stages: h, x_hat, error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from scalarspec import activation as activations
from scalarspec.core import functions as f
from scalarspec.core.functions import Operand
from scalarspec.core.tensor import Tensor, operands_of
from scalarspec.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """The parameters, as tensors or NumPy arrays, and the name of the hidden activation.

    encoder_weights: (h, d); encoder_bias: (h,); decoder_weights: (d, h); decoder_bias: (d,).
    Raises UnknownName for an activation that does not exist.
    """

    encoder_weights: Any
    encoder_bias: Any
    decoder_weights: Any
    decoder_bias: Any
    activation: str = "relu"

    def __post_init__(self) -> None:
        activations.named(self.activation)


class Gradients(NamedTuple):
    """The five gradients of a loss, in the order of the seed."""

    encoder_weights: Tensor
    encoder_bias: Tensor
    decoder_weights: Tensor
    decoder_bias: Tensor
    input: Tensor


def activation(name: str, t: Tensor) -> Tensor:
    """The activation of that name, elementwise."""
    return activations.named(name).function(t)


def activation_derivative(name: str, t: Tensor) -> Tensor:
    """Its derivative at the pre-activation t."""
    return activations.named(name).derivative(t)


def encode(m: Autoencoder, x: Tensor) -> Tensor:
    """h = a(W_e x + b_e). x: (d,); result: (h,)."""
    return f.stage("h", activation(m.activation, _preactivation(m, x)))


def decode(m: Autoencoder, hidden: Tensor) -> Tensor:
    """x̂ = W_d h + b_d. hidden: (h,); result: (d,)."""
    return f.stage("x_hat", f.affine(m.decoder_weights, hidden, m.decoder_bias))


def forward(m: Autoencoder, x: Tensor) -> Tensor:
    """decode(encode(x)). x: (d,); result: (d,)."""
    return decode(m, encode(m, x))


def batched_forward(m: Autoencoder, x: Tensor) -> Tensor:
    """The forward pass of each row, exactly as `forward` gives it. x: (b, d); result: (b, d)."""
    if len(x.shape) != 2:
        raise ShapeError(f"batched_forward: x of shape {x.shape}; expected (b, d)")
    return Tensor.of(x.context, x.shape.rest, [forward(m, row) for row in x])


def encoder_weights_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """dW_e = dZ ⊗ x. Result: (h, d)."""
    return f.outer(_preactivation_grad(m, x, grad_output), x)


def encoder_bias_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """db_e = dZ. Result: (h,)."""
    return _preactivation_grad(m, x, grad_output)


def decoder_weights_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """dW_d = g ⊗ h. Result: (d, h)."""
    return f.outer(grad_output, encode(m, x))


def decoder_bias_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """db_d = g. Result: (d,)."""
    _, (_, g) = operands_of("decoder_bias_grad", x, grad_output)
    if g.shape != x.shape:
        raise ShapeError(f"decoder_bias_grad: a gradient of shape {g.shape} for an output of shape {x.shape}")
    return g


def input_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """dx = W_eᵀ dZ. Result: (d,)."""
    return f.matmul(_preactivation_grad(m, x, grad_output), m.encoder_weights)


def backward(m: Autoencoder, x: Tensor, grad_output: Operand) -> Gradients:
    """All five gradients: (dW_e, db_e, dW_d, db_d, dx)."""
    return Gradients(
        encoder_weights_grad(m, x, grad_output),
        encoder_bias_grad(m, x, grad_output),
        decoder_weights_grad(m, x, grad_output),
        decoder_bias_grad(m, x, grad_output),
        input_grad(m, x, grad_output),
    )


def reconstruction_error(m: Autoencoder, x: Tensor) -> Tensor:
    """Σ (x - x̂)² / d, for d != 0. x: (d,); result: ()."""
    if x.size == 0:
        raise ShapeError(f"reconstruction_error: x of shape {x.shape} is empty; expected (d,) with d > 0")
    return f.stage("error", f.mean_square(x - forward(m, x)))


def compression_ratio(input_dim: int, hidden_dim: int) -> float:
    """d / h as a float, for display; ∞ for h = 0, NaN for d = h = 0."""
    if hidden_dim == 0:
        return math.inf if input_dim else math.nan
    return input_dim / hidden_dim


def _preactivation(m: Autoencoder, x: Tensor) -> Tensor:
    return f.affine(m.encoder_weights, x, m.encoder_bias)


def _preactivation_grad(m: Autoencoder, x: Tensor, grad_output: Operand) -> Tensor:
    """dZ = (W_dᵀ g) ⊙ a′(z)."""
    _, (_, g) = operands_of("backward", x, grad_output)
    return f.matmul(g, m.decoder_weights) * activation_derivative(m.activation, _preactivation(m, x))
