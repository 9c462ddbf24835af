"""How each function, layer, loss and activation is called, once, so that the operations that it does can be seen.

What is not listed is called with a vector for each parameter that has no default.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from scalarspec import layers, loss
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor

Spec = Callable[..., Any]


class Call(NamedTuple):
    """A spec, and the shapes of its arguments."""

    spec: Spec
    shapes: Sequence[tuple[int, ...]]

    def arguments(self, context: Context[Any]) -> list[Tensor]:
        """The arguments in a context."""
        return [context.tensor(numbers(shape)) for shape in self.shapes]

    def under(self, context: Context[Any]) -> Any:
        """What comes of the call in a context."""
        return self.spec(*self.arguments(context))


def numbers(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Positive numbers for an argument, whole sixteenths up to 1."""
    return (np.arange(prod(shape)).reshape(shape) * 5 % 16 + 1) / 16


VECTOR, MATRIX, IMAGE, SEQUENCE = (2,), (2, 3), (1, 2, 4, 4), (1, 2, 3)
LABELS = np.array([0, 2])
CALLS: dict[str, Call] = {
    "core.acosh": Call(lambda x: f.acosh(x + 1), [VECTOR]),
    "core.adaptive_avg_pool": Call(lambda x: f.adaptive_avg_pool(x, (2, 2)), [IMAGE]),
    "core.adaptive_max_pool": Call(lambda x: f.adaptive_max_pool(x, (2, 2)), [IMAGE]),
    "core.affine": Call(f.affine, [MATRIX, (3,), VECTOR]),
    "core.all": Call(lambda x: f.all(x > 0), [VECTOR]),
    "core.any": Call(lambda x: f.any(x > 0), [VECTOR]),
    "core.avg_pool": Call(lambda x: f.avg_pool(x, (2, 2)), [IMAGE]),
    "core.broadcast_arrays": Call(f.broadcast_arrays, [MATRIX, (3,)]),
    "core.broadcast_to": Call(lambda x: f.broadcast_to(x, (3, 2)), [VECTOR]),
    "core.clip": Call(lambda x: f.clip(x, 0, 1), [VECTOR]),
    "core.concat": Call(lambda x, y: f.concat([x, y]), [VECTOR, VECTOR]),
    "core.conv": Call(f.conv, [IMAGE, (3, 2, 2, 2), (3,)]),
    "core.conv_transpose": Call(f.conv_transpose, [IMAGE, (2, 3, 2, 2), (3,)]),
    "core.diagonal": Call(f.diagonal, [MATRIX]),
    "core.einsum": Call(lambda x, y: f.einsum("ij,kj->ik", x, y), [MATRIX, MATRIX]),
    "core.flatten": Call(f.flatten, [MATRIX]),
    "core.logical_and": Call(lambda x, y: f.logical_and(x > 0, y > 0), [VECTOR, VECTOR]),
    "core.logical_not": Call(lambda x: f.logical_not(x > 0), [VECTOR]),
    "core.logical_or": Call(lambda x, y: f.logical_or(x > 0, y > 0), [VECTOR, VECTOR]),
    "core.logical_xor": Call(lambda x, y: f.logical_xor(x > 0, y > 0), [VECTOR, VECTOR]),
    "core.matmul": Call(f.matmul, [MATRIX, (3, 2)]),
    "core.matrix_transpose": Call(f.matrix_transpose, [MATRIX]),
    "core.max_pool": Call(lambda x: f.max_pool(x, (2, 2)), [IMAGE]),
    "core.moveaxis": Call(lambda x: f.moveaxis(x, 0, 2), [SEQUENCE]),
    "core.pad": Call(lambda x: f.pad(x, 1), [VECTOR]),
    "core.permute_dims": Call(lambda x: f.permute_dims(x, (2, 0, 1)), [SEQUENCE]),
    "core.pi": Call(lambda x: x + f.pi(x.context), [VECTOR]),
    "core.repeat": Call(lambda x: f.repeat(x, 2), [VECTOR]),
    "core.reshape": Call(lambda x: f.reshape(x, (3, 2)), [MATRIX]),
    "core.roll": Call(lambda x: f.roll(x, 1), [VECTOR]),
    "core.searchsorted": Call(f.searchsorted, [VECTOR, VECTOR]),
    "core.split": Call(lambda x: f.split(x, 1), [VECTOR]),
    "core.squeeze": Call(f.squeeze, [(1, 2)]),
    "core.stack": Call(lambda x, y: f.stack([x, y]), [VECTOR, VECTOR]),
    "core.stage": Call(lambda x: f.stage("h", x), [VECTOR]),
    "core.take": Call(lambda x: f.take(x, [1, 0, 1]), [VECTOR]),
    "core.take_along_axis": Call(lambda x: f.take_along_axis(x, np.array([[0], [1]])), [MATRIX]),
    "core.tensordot": Call(lambda x, y: f.tensordot(x, y, 1), [MATRIX, (3, 2)]),
    "core.tile": Call(lambda x: f.tile(x, 2), [VECTOR]),
    "core.top_k": Call(lambda x: f.top_k(x, 1).values, [(3,)]),
    "core.sort": Call(f.sort, [(3,)]),
    "core.trace": Call(f.trace, [(2, 2)]),
    "core.tril": Call(f.tril, [MATRIX]),
    "core.triu": Call(f.triu, [MATRIX]),
    "core.upsample": Call(lambda x: f.upsample(x, 2), [IMAGE]),
    "core.where": Call(lambda x, y: f.where(x > y, x, y), [VECTOR, VECTOR]),
    "loss.bce": Call(loss.bce, [VECTOR, VECTOR]),
    "loss.cross_entropy": Call(lambda x: loss.cross_entropy(x, LABELS), [MATRIX]),
    "loss.cosine_embedding": Call(lambda x, y: loss.cosine_embedding(x, y, [1, -1]), [MATRIX, MATRIX]),
    "loss.cosine_similarity": Call(loss.cosine_similarity, [MATRIX, MATRIX]),
    "loss.nll": Call(lambda x: loss.nll(x, LABELS), [MATRIX]),
    "loss.triplet_margin": Call(loss.triplet_margin, [MATRIX, MATRIX, MATRIX]),
    "layers.AdaptiveAvgPool": Call(lambda x: layers.AdaptiveAvgPool((2, 2))(x), [IMAGE]),
    "layers.AdaptiveMaxPool": Call(lambda x: layers.AdaptiveMaxPool((2, 2))(x), [IMAGE]),
    "layers.AvgPool": Call(lambda x: layers.AvgPool((2, 2))(x), [IMAGE]),
    "layers.BatchNorm": Call(lambda x, *p: layers.BatchNorm(*p)(x), [SEQUENCE, *[VECTOR] * 4]),
    "layers.Bidirectional": Call(
        lambda x, *p: layers.Bidirectional(layers.RNN(*p[:2]), layers.RNN(*p[2:]))(x),
        [SEQUENCE, (2, 3), (2, 2), (2, 3), (2, 2)],
    ),
    "layers.Conv": Call(lambda x, *p: layers.Conv(*p)(x), [IMAGE, (3, 2, 2, 2), (3,)]),
    "layers.ConvTranspose": Call(lambda x, *p: layers.ConvTranspose(*p)(x), [IMAGE, (2, 3, 2, 2), (3,)]),
    "layers.Dropout": Call(lambda x: layers.Dropout(np.array([True, False]), "1/2")(x), [VECTOR]),
    "layers.Embedding": Call(lambda w: layers.Embedding(w)([1, 0]), [MATRIX]),
    "layers.Flatten": Call(lambda x: layers.Flatten()(x), [IMAGE]),
    "layers.GLU": Call(lambda x: layers.GLU()(x), [VECTOR]),
    "layers.GRU": Call(lambda x, *p: layers.GRU(*p)(x), [SEQUENCE, (6, 3), (6, 2), (6,), (6,)]),
    "layers.GroupNorm": Call(lambda x, *p: layers.GroupNorm(1, *p)(x), [SEQUENCE, VECTOR, VECTOR]),
    "layers.InstanceNorm": Call(lambda x, *p: layers.InstanceNorm(*p)(x), [SEQUENCE, VECTOR, VECTOR]),
    "layers.LSTM": Call(lambda x, *p: layers.LSTM(*p)(x), [SEQUENCE, (8, 3), (8, 2), (8,), (8,)]),
    "layers.LayerNorm": Call(lambda x, *p: layers.LayerNorm(*p)(x), [SEQUENCE, (3,), (3,)]),
    "layers.Linear": Call(lambda x, *p: layers.Linear(*p)(x), [SEQUENCE, MATRIX, VECTOR]),
    "layers.MaxPool": Call(lambda x: layers.MaxPool((2, 2))(x), [IMAGE]),
    "layers.MultiheadAttention": Call(
        lambda x, w, b, v, c: layers.MultiheadAttention(w, b, v, c, 2)(x, x, x),
        [(1, 2, 4), (12, 4), (12,), (4, 4), (4,)],
    ),
    "layers.PReLU": Call(lambda x, w: layers.PReLU(w)(x), [SEQUENCE, VECTOR]),
    "layers.RMSNorm": Call(lambda x, w: layers.RMSNorm(w)(x), [SEQUENCE, (3,)]),
    "layers.RNN": Call(lambda x, *p: layers.RNN(*p)(x), [SEQUENCE, (2, 3), (2, 2), (2,), (2,)]),
    "layers.Residual": Call(lambda x, w: layers.Residual(layers.Linear(w))(x), [VECTOR, (2, 2)]),
    "layers.RotaryEncoding": Call(lambda x, base: layers.RotaryEncoding(base)(x), [(1, 2, 4), ()]),
    "layers.Sequential": Call(lambda x, w: layers.Sequential(layers.Linear(w), layers.relu)(x), [VECTOR, (2, 2)]),
    "layers.SinusoidalEncoding": Call(lambda x, base: layers.SinusoidalEncoding(base)(x), [(1, 2, 4), ()]),
    "layers.Stacked": Call(
        lambda x, *p: layers.Stacked(layers.RNN(*p[:2]), layers.RNN(*p[2:]))(x),
        [SEQUENCE, (2, 3), (2, 2), (2, 2), (2, 2)],
    ),
    "layers.Upsample": Call(lambda x: layers.Upsample(2)(x), [IMAGE]),
    "layers.scaled_dot_product_attention": Call(layers.scaled_dot_product_attention, [(1, 2, 3), (1, 2, 3), (1, 2, 3)]),
    "layers.sinusoids": Call(lambda base: layers.sinusoids(base.context, 2, 4, base), [()]),
}
"""By room and name. What is a constant, such as the base of an encoding, is an argument, so that what is done to it is
seen.
"""
NO_SPECS = {
    "activation.Activation", "activation.named", "latent.Codebook", "latent.quantize_at", "layers.causal_mask",
}  # fmt: skip
"""What is no function of tensors."""


UNROLLED = {
    "core.all", "core.any", "core.cumulative_prod", "core.prod", "core.sort", "core.split", "core.top_k",
    "core.unstack", "layers.Bidirectional", "layers.GRU", "layers.LSTM", "layers.RNN", "layers.Stacked",
}  # fmt: skip
"""What does something as often as a size says."""
SIZED = UNROLLED | {
    "activation.glu", "core.adaptive_avg_pool", "core.adaptive_max_pool", "core.diagonal", "core.pad", "core.repeat",
    "core.roll", "core.trace", "core.tril", "core.triu", "core.upsample", "layers.AdaptiveAvgPool",
    "layers.AdaptiveMaxPool", "layers.GLU", "layers.MultiheadAttention", "layers.RotaryEncoding",
    "layers.SinusoidalEncoding", "layers.Upsample",
}  # fmt: skip
"""Of what depends on a size beyond its name: `matrix_form`, whose sizes are variables, refuses it."""


def call(room: str, name: str, function: Callable[..., Any]) -> Call | None:
    """The call of a function; None for what is no function of tensors."""
    key = f"{room}.{name}"
    if key in NO_SPECS:
        return None
    if key in CALLS:
        return CALLS[key]
    parameters = inspect.signature(function).parameters.values()
    return Call(function, [VECTOR] * sum(p.default is inspect.Parameter.empty for p in parameters))
