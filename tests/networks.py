"""Networks of the shipped models with numbers that every format holds, and an input of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec import layers
from scalarspec.models import cnn, lstm, mlp, resnet, transformer

SOURCE = np.random.default_rng(11)


def sixteenths(*shape, most=16):
    """Random multiples of 1/16, which every format holds."""
    return SOURCE.integers(-most, most + 1, shape) / 16


def linear(m, n):
    return layers.Linear(sixteenths(m, n), sixteenths(m))


def conv(m, n, k=3, **more):
    return layers.Conv(sixteenths(m, n, k, k, most=8), sixteenths(m), **more)


def norm(n):
    """The statistics and weights of a batch norm in evaluation."""
    return layers.BatchNorm(sixteenths(n), sixteenths(n) ** 2 + 1, sixteenths(n), sixteenths(n), axis=-3)


def a_block(width=4, hidden=6, heads=2):
    attention = layers.MultiheadAttention(
        sixteenths(3 * width, width, most=8),
        sixteenths(3 * width),
        sixteenths(width, width, most=8),
        sixteenths(width),
        heads,
    )
    norms = [layers.LayerNorm(sixteenths(width) + 2, sixteenths(width)) for _ in range(2)]
    return transformer.Block(attention, linear(hidden, width), linear(width, hidden), *norms)


def a_residual_network():
    basic = resnet.Block.basic(conv(3, 3, padding=1), norm(3), conv(3, 3, padding=1), norm(3))
    shortcut = layers.Sequential(conv(4, 3, 1, stride=2), norm(4))
    middle = conv(2, 2, padding=1, stride=2)
    narrow = resnet.Block.bottleneck(conv(2, 3, 1), norm(2), middle, norm(2), conv(4, 2, 1), norm(4), shortcut)
    return resnet.Model(layers.Sequential(conv(3, 1, padding=1), norm(3), layers.relu), (basic, narrow), linear(2, 4))


@dataclass(frozen=True)
class Case:
    """A model, its spec, and an input; is its value rational? smallest: a model for formulas, and its input."""

    spec: Any
    model: Any
    x: Any
    rational: bool = False


def a_memory(inputs=3, hidden=2):
    weights = [sixteenths(4 * hidden, n) for n in (inputs, hidden)]
    return layers.LSTM(*weights, sixteenths(4 * hidden), sixteenths(4 * hidden))


def an_encoder():
    return transformer.Encoder((a_block(), a_block()), layers.LayerNorm(np.ones(4)))


def a_cnn():
    return cnn.Model((conv(3, 1, padding=1), conv(2, 3, padding=1)), linear(3, 2))


CASES = {
    "mlp": Case(mlp.forward, mlp.Model((linear(4, 3), linear(3, 4), linear(2, 3))), sixteenths(3), True),
    "tanh mlp": Case(mlp.forward, mlp.Model((linear(4, 3), linear(2, 4)), "tanh"), sixteenths(3)),
    "cnn": Case(cnn.forward, a_cnn(), sixteenths(1, 4, 4), True),
    "resnet": Case(resnet.forward, a_residual_network(), sixteenths(1, 4, 4)),
    "pre-norm": Case(transformer.pre_norm, a_block(), sixteenths(3, 4)),
    "post-norm": Case(transformer.post_norm, a_block(), sixteenths(3, 4)),
    "encoder": Case(transformer.forward, an_encoder(), sixteenths(2, 4)),
    "lstm": Case(lstm.forward, lstm.Model(a_memory(), linear(2, 2)), sixteenths(4, 3)),
}  # fmt: skip
