"""The multilayer perceptron (Rumelhart, Hinton & Williams 1986), as a classifier: affine maps, and an activation
between them.

x has shape (d,), or (b, d) for a batch; the logits have shape (classes,), or (b, classes).
model: the `Model`, its parameters in the context of x.
Stages: h (after each hidden layer), logits, loss.

    model = mlp.Model((ss.layers.Linear(np.ones((3, 2)), np.zeros(3)), ss.layers.Linear(np.ones((2, 3)), np.zeros(2))))
    ss.bounds(mlp.forward, model, [1.0, -0.5], vary={"x": ss.ball("0.1")})
    ss.bounds(mlp.loss, model, [1.0, -0.5], 1, vary={"x": ss.ball("0.1")})
"""

from __future__ import annotations

from dataclasses import dataclass

from scalarspec import activation as activations
from scalarspec.core.functions import stage
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.errors import ArgumentError
from scalarspec.layers import Map
from scalarspec.loss import cross_entropy


@dataclass(frozen=True, eq=False)
class Model:
    """The layers, each a map of the last axis such as `layers.Linear`, and the name of the activation between them.

    activation: a name of `activation.ACTIVATIONS`. Raises UnknownName for any other one, ArgumentError without layers.
    """

    layers: tuple[Map, ...]
    activation: str = "relu"

    def __post_init__(self) -> None:
        activations.named(self.activation)
        if not self.layers:
            raise ArgumentError("layers: expected one at least, got none")


def forward(model: Model, x: Tensor) -> Tensor:
    """The logits. x: (d,) or (b, d); result: (classes,) or (b, classes)."""
    activation = activations.named(model.activation).function
    for layer in model.layers[:-1]:
        x = stage("h", activation(layer(x)))
    return stage("logits", model.layers[-1](x))


def loss(model: Model, x: Tensor, target: Operand) -> Tensor:
    """The cross-entropy of the logits, as `loss.cross_entropy` reads the target. x: (d,) or (b, d); result: ()."""
    return stage("loss", cross_entropy(forward(model, x), target))
