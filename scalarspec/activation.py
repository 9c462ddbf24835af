"""Activations by name, with their derivatives as functions of the pre-activation (TorchLean's definitions).

All are elementwise: x of any shape, the result of the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor
from scalarspec.errors import UnknownName


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


def gelu(x: Tensor) -> Tensor:
    """x Φ(x), Φ being the standard normal distribution function: the exact form, not the one by tanh. PyTorch:
    `F.gelu`. Hendrycks & Gimpel 2016.
    """
    return x / 2 * (1 + f.erf(x / f.sqrt(x.context.tensor(2))))


def gelu_derivative(x: Tensor) -> Tensor:
    """Φ(x) + x φ(x), φ being the standard normal density."""
    density = f.exp(-f.square(x) / 2) / f.sqrt(2 * f.pi(x.context))
    return (1 + f.erf(x / f.sqrt(x.context.tensor(2)))) / 2 + x * density


ACTIVATIONS = {
    "relu": Activation(f.relu, relu_derivative),
    "leaky_relu": Activation(f.leaky_relu, leaky_relu_derivative),
    "sigmoid": Activation(f.sigmoid, sigmoid_derivative),
    "tanh": Activation(f.tanh, tanh_derivative),
    "softplus": Activation(f.softplus, softplus_derivative),
    "gelu": Activation(gelu, gelu_derivative),
    "identity": Activation(identity, identity_derivative),
}
"""The activations by name: those that `Autoencoder` takes."""


def named(name: str) -> Activation:
    """The activation of that name. Raises UnknownName, listing the valid ones."""
    if name not in ACTIVATIONS:
        raise UnknownName(f"no activation is called {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
