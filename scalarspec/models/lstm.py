"""A classifier of sequences by long short-term memory (Hochreiter & Schmidhuber 1997; with the gates that forget, Gers,
Schmidhuber & Cummins 2000): the last state of the memory says what the sequence is.

x has shape (length, d), or (b, length, d) for a batch, or (length,) and (b, length) of labels where they are embedded;
the logits have shape (classes,), or (b, classes).
model: the `Model`, its parameters in the context of x. recurrent: the memory; embedding: what is done to each element.
Stages: outputs, h, logits, loss.

    memory = ss.layers.LSTM(np.ones((8, 3)), np.ones((8, 2)))
    model = lstm.Model(memory, ss.layers.Linear(np.ones((2, 2))))
    ss.bounds(lstm.forward, model, np.zeros((4, 3)), vary={"x": ss.ball("0.1")})
    ss.bounds(lstm.loss, model, np.zeros((4, 3)), 1, vary={"x": ss.ball("0.1")})
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scalarspec.core.functions import stage
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.layers import Map, identity
from scalarspec.loss import cross_entropy

Recurrent = Callable[[Tensor], tuple[Tensor, Any]]
"""From a sequence to the hidden states at each place, (..., length, hidden), and the last state: `layers.LSTM`, and
others like it.
"""


@dataclass(frozen=True, eq=False)
class Model:
    """The memory, the head from its last hidden state to the logits, and what is done to each element before."""

    recurrent: Recurrent
    head: Map
    embedding: Callable[[Any], Tensor] = identity


def forward(model: Model, x: Tensor) -> Tensor:
    """The logits. x: (length, d) or (b, length, d); result: (classes,) or (b, classes)."""
    outputs, _ = model.recurrent(model.embedding(x))
    last = stage("h", stage("outputs", outputs)[..., -1, :])
    return stage("logits", model.head(last))


def loss(model: Model, x: Tensor, target: Operand) -> Tensor:
    """The cross-entropy of the logits, as `loss.cross_entropy` reads the target. x: as for `forward`; result: ()."""
    return stage("loss", cross_entropy(forward(model, x), target))
