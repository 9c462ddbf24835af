"""Facts about the autoencoder of one hidden layer: its error, and its backward pass, which is written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scalarspec.activation import named
from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor
from scalarspec.loss import mse
from scalarspec.models import autoencoder
from scalarspec.theory.arbitrary import (
    OF_AE,
    X,
)
from scalarspec.theory.fact import Equal, Fact
from scalarspec.tracing.gradient import vjp


def _autoencoder(activation: str, parts: Sequence[Tensor]) -> autoencoder.Autoencoder:
    w, b, v, c = parts
    return autoencoder.Autoencoder(w, b, v, c, activation)


CHECKED = ("relu", "sigmoid", "tanh", "identity")
"""The activations that the backward pass is checked for."""


def _by_hand(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor, g: Tensor, *ts: Tensor) -> Tensor:
    """⟨the hand-written gradients, t⟩, for each activation."""
    found = [autoencoder.backward(_autoencoder(name, (w, b, v, c)), x, g) for name in CHECKED]
    return f.stack([_paired(gradients, ts) for gradients in found])


def _swept(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor, g: Tensor, *ts: Tensor) -> Tensor:
    """⟨the gradients of one reverse sweep, t⟩, for each activation."""

    def pulled(name: str) -> Any:
        def forward(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor) -> Tensor:
            return autoencoder.forward(_autoencoder(name, (w, b, v, c)), x)

        return vjp(forward, tuple(range(5)))(w, b, v, c, x)[1](g)

    return f.stack([_paired(pulled(name), ts) for name in CHECKED])


def _after_activation(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor, g: Tensor, *ts: Tensor) -> Tensor:
    """The same by hand, but a′ is taken of a(z) in the place of z."""
    parts = []
    for name in CHECKED:
        m = _autoencoder(name, (w, b, v, c))
        h = autoencoder.encode(m, x)
        dz = (g @ v) * named(name).derivative(h)
        parts.append(_paired((f.outer(dz, x), dz, f.outer(g, h), g, dz @ w), ts))
    return f.stack(parts)


def _paired(gradients: Sequence[Tensor], ts: Sequence[Tensor]) -> Tensor:
    total = f.sum(gradients[0] * ts[0])
    for gradient, t in zip(gradients[1:], ts[1:], strict=True):
        total = total + f.sum(gradient * t)
    return total


AUTOENCODER_FACTS: tuple[Fact, ...] = (
    Fact(
        "reconstruction_error_eq_mse",
        "the autoencoder's error Σ (x - x̂)² / d = mse(x̂, x)",
        Equal(
            lambda *a: autoencoder.reconstruction_error(_autoencoder("tanh", a[:4]), a[4]),
            lambda *a: mse(autoencoder.forward(_autoencoder("tanh", a[:4]), a[4]), a[4]),
            OF_AE,
        ),
        "sum for mean",
        Equal(
            lambda *a: autoencoder.reconstruction_error(_autoencoder("tanh", a[:4]), a[4]),
            lambda *a: f.sum(f.square(autoencoder.forward(_autoencoder("tanh", a[:4]), a[4]) - a[4])),
            OF_AE,
        ),
        ("d ≠ 0",),
    ),
    Fact(
        "autoencoder_backward_eq_vjp",
        "the autoencoder's hand-written backward pass = the vector-Jacobian product, for relu, sigmoid, tanh, identity",
        Equal(_by_hand, _swept, (*OF_AE, X, *OF_AE)),
        "a′ is taken of a(z) in the place of z",
        Equal(_after_activation, _swept, (*OF_AE, X, *OF_AE)),
    ),
)
