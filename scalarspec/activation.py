"""Activations, and the table of them by name, with their derivatives as functions of the pre-activation.

Names, arguments, defaults and values are PyTorch's. Those that are functions of single elements by themselves (silu,
gelu, mish, ...) are the same as in `ss`.

All are elementwise: x of any shape, the result of the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalarspec.core import functions as f
from scalarspec.core import shape as shapes
from scalarspec.core.functions import (
    elu,
    gelu,
    hardswish,
    leaky_relu,
    mish,
    relu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from scalarspec.core.indexing import at_axis
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.errors import ShapeError, UnknownName

__all__ = [
    "ACTIVATIONS", "Activation", "celu", "elu", "gelu", "glu", "hardsigmoid", "hardswish", "hardtanh", "identity",
    "leaky_relu", "logsigmoid", "mish", "named", "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "softplus",
    "softsign", "tanh",
]  # fmt: skip


@dataclass(frozen=True)
class Activation:
    """A function of tensors, elementwise, with its derivative as another such function.

    For example:

        tanh = ss.activation.named("tanh")
        x = ss.context("interval").tensor([0, 1])
        tanh(x), tanh.derivative(x)
    """

    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """The function of x, in the shape of x."""
        return self.function(x)


def identity(x: Tensor) -> Tensor:
    """x itself."""
    return x


def identity_derivative(x: Tensor) -> Tensor:
    """1, in the shape of x."""
    return f.broadcast_to(x.context.tensor(1), x.shape)


def relu_derivative(x: Tensor) -> Tensor:
    """1 where x > 0, else 0; over an interval that contains 0 and positive numbers, [0, 1]."""
    return f.heaviside(x)


def leaky_relu_derivative(x: Tensor) -> Tensor:
    """1 where x > 0, else the default slope of leaky_relu, 1/100."""
    return f.where(x > 0, f.broadcast_to(x.context.tensor(1), x.shape), "0.01")


def sigmoid_derivative(x: Tensor) -> Tensor:
    """σ(x) (1 - σ(x)), σ being the logistic function."""
    y = f.sigmoid(x)
    return y * (1 - y)


def tanh_derivative(x: Tensor) -> Tensor:
    """1 - tanh² x."""
    return 1 - f.square(f.tanh(x))


def softplus_derivative(x: Tensor) -> Tensor:
    """σ(x), the logistic function."""
    return f.sigmoid(x)


def gelu_derivative(x: Tensor) -> Tensor:
    """Φ(x) + x φ(x), φ being the standard normal density and Φ its distribution function."""
    density = f.exp(-f.square(x) / 2) / f.sqrt(2 * f.pi(x.context))
    return f.erfc(-x / f.sqrt(x.context.tensor(2))) / 2 + x * density


def silu_derivative(x: Tensor) -> Tensor:
    """σ(x) (1 + x (1 - σ(x)))."""
    return f.sigmoid(x) * (1 + x * f.sigmoid(-x))


def mish_derivative(x: Tensor) -> Tensor:
    """t + x (1 - t²) σ(x) for t = tanh(log(1 + eˣ))."""
    t = f.tanh(f.softplus(x))
    return t + x * (1 - f.square(t)) * f.sigmoid(x)


def softsign_derivative(x: Tensor) -> Tensor:
    """1 / (1 + |x|)²."""
    return f.square(1 / (1 + f.abs(x)))


def hardswish_derivative(x: Tensor) -> Tensor:
    """0 up to -3, x / 3 + 1/2 up to 3, 1 from there on: at the two kinks as PyTorch has it."""
    return f.where(x < -3, 0, f.where(x <= 3, x / 3 + "1/2", 1))


def logsigmoid(x: Tensor) -> Tensor:
    """log σ(x), as -softplus(-x), which loses no digits. PyTorch: `F.logsigmoid`."""
    return f.negative(f.softplus(-x))


def logsigmoid_derivative(x: Tensor) -> Tensor:
    """σ(-x)."""
    return f.sigmoid(-x)


def elu_derivative(x: Tensor) -> Tensor:
    """1 where x > 0, else eˣ: for alpha = 1."""
    return f.exp(f.minimum(x, 0))


def selu(x: Tensor) -> Tensor:
    """`SELU_SCALE` times elu of x with `SELU_ALPHA`, which keep a mean of 0 and a variance of 1. PyTorch: `F.selu`.
    Klambauer et al. 2017.
    """
    return f.multiply(f.elu(x, SELU_ALPHA), SELU_SCALE)


def selu_derivative(x: Tensor) -> Tensor:
    """The scale where x > 0, else the scale times alpha eˣ."""
    return f.where(x > 0, 1, f.exp(f.minimum(x, 0)) * SELU_ALPHA) * SELU_SCALE


def celu(x: Tensor, alpha: Operand = 1) -> Tensor:
    """x where x > 0, else alpha (e^(x/alpha) - 1), for alpha > 0. PyTorch: `F.celu`. Barron 2017."""
    return f.multiply(f.elu(f.divide(x, alpha)), alpha)


def hardtanh(x: Tensor, min_val: Operand = -1, max_val: Operand = 1) -> Tensor:
    """x moved into [min_val, max_val]. PyTorch: `F.hardtanh`."""
    return f.clip(x, min_val, max_val)


def hardtanh_derivative(x: Tensor) -> Tensor:
    """1 between -1 and 1, else 0."""
    return f.where((x > -1) & (x < 1), f.broadcast_to(x.context.tensor(1), x.shape), 0)


def relu6(x: Tensor) -> Tensor:
    """x moved into [0, 6]. PyTorch: `F.relu6`."""
    return f.clip(x, 0, 6)


def relu6_derivative(x: Tensor) -> Tensor:
    """1 between 0 and 6, else 0."""
    return f.where((x > 0) & (x < 6), f.broadcast_to(x.context.tensor(1), x.shape), 0)


def hardsigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6: 0 up to -3, 1 from 3 on. PyTorch: `F.hardsigmoid`."""
    return relu6(x + 3) / 6


def hardsigmoid_derivative(x: Tensor) -> Tensor:
    """1/6 between -3 and 3, else 0."""
    return f.where((x > -3) & (x < 3), f.broadcast_to(x.context.tensor("1/6"), x.shape), 0)


def prelu(x: Tensor, weight: Operand) -> Tensor:
    """x where x > 0, else weight x. PyTorch: `F.prelu`; He et al. 2015.

    weight: a number for all elements, or a tensor that goes with x: PyTorch's weight of one number for each channel is
    to be reshaped to (channels, 1, ...).
    """
    return f.leaky_relu(x, weight)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """a σ(b), where a and b are the two halves of x along an axis of even length. PyTorch: `F.glu` (dim). Dauphin et
    al. 2017. Raises ShapeError for an odd length, and for an axis that x has not.

        ss.activation.glu(ss.context("float64").tensor([1.0, 0.0]))    # [0.5]
    """
    (place,) = shapes.normal_axes("glu", x.shape, axis)
    length, odd = divmod(x.shape[place], 2)
    if odd:
        raise ShapeError(f"glu: axis {axis} of shape {x.shape} has an odd length")
    return x[at_axis(place, slice(length))] * f.sigmoid(x[at_axis(place, slice(length, None))])


SELU_ALPHA, SELU_SCALE = "1.6732632423543772848170429916717", "1.0507009873554804934193349852946"
"""The constants of selu, exactly the decimals in PyTorch's source."""

ACTIVATIONS = {
    "relu": Activation(f.relu, relu_derivative),
    "leaky_relu": Activation(f.leaky_relu, leaky_relu_derivative),
    "sigmoid": Activation(f.sigmoid, sigmoid_derivative),
    "tanh": Activation(f.tanh, tanh_derivative),
    "softplus": Activation(f.softplus, softplus_derivative),
    "gelu": Activation(f.gelu, gelu_derivative),
    "silu": Activation(f.silu, silu_derivative),
    "mish": Activation(f.mish, mish_derivative),
    "elu": Activation(f.elu, elu_derivative),
    "selu": Activation(selu, selu_derivative),
    "celu": Activation(celu, elu_derivative),
    "softsign": Activation(f.softsign, softsign_derivative),
    "logsigmoid": Activation(logsigmoid, logsigmoid_derivative),
    "hardtanh": Activation(hardtanh, hardtanh_derivative),
    "relu6": Activation(relu6, relu6_derivative),
    "hardsigmoid": Activation(hardsigmoid, hardsigmoid_derivative),
    "hardswish": Activation(f.hardswish, hardswish_derivative),
    "identity": Activation(identity, identity_derivative),
}
"""The activations by name: those that `Autoencoder` takes."""


def named(name: str) -> Activation:
    """The activation of that name. Raises UnknownName, listing the valid ones.

    For example:

        ss.activation.named("relu").function(ss.context("rational").tensor([-1, 2]))    # [0, 2]
    """
    if name not in ACTIVATIONS:
        raise UnknownName(f"no activation is called {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
