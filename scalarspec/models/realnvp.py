"""A normalizing flow of affine coupling layers, real NVP (Dinh, Sohl-Dickstein & Bengio 2017, section 3).

A coupling keeps the first coordinates, and moves the others by a scale and a translation that are any maps of what is
kept. So its inverse needs no inverse of these maps, and its Jacobian is triangular, with the scales on its diagonal.
What one layer changes comes first for the next one, since the coordinates are reversed in between.
A vector x has shape (d,), or (b, d) for a batch; log-determinants and log-densities are in nats, of shape () or (b,).
layer: a `Coupling`, with scale and translation for s and t; flow: a `Flow`.
Stages: y (after each coupling), logdet, log_density.

    layer = realnvp.Coupling(ss.layers.tanh, ss.layers.identity, kept=1)
    flow, x = realnvp.Flow((layer, layer)), ss.context("interval").tensor([0.5, -1.0])
    z = realnvp.forward(flow, x)
    realnvp.inverse(flow, z), realnvp.log_det(flow, x)
    moved = realnvp.couple(layer, x[:1], x[1:])
    realnvp.uncouple(layer, x[:1], moved), realnvp.log_determinant(layer, x[:1])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ShapeError
from scalarspec.layers import Map


@dataclass(frozen=True, eq=False)
class Coupling:
    """The maps s and t of one layer, from the coordinates that are kept, (kept,), to two vectors for the others,
    (d - kept,); they may be any networks, and take a batch where x has one.
    """

    scale: Map
    translation: Map
    kept: int


@dataclass(frozen=True, eq=False)
class Flow:
    """Couplings, the first of which sees the data. couplings: a tuple of `Coupling`."""

    couplings: tuple[Coupling, ...]


def couple(layer: Coupling, kept: Tensor, other: Tensor) -> Tensor:
    """What becomes of the other coordinates: other ⊙ exp(s(kept)) + t(kept), equation 5. kept: (..., kept); other and
    result: (..., d - kept). Raises ShapeError where s or t has another shape, of which the log-determinant would be
    wrong.
    """
    scale, translation = _parameters(layer, kept, other)
    return other * f.exp(scale) + translation


def uncouple(layer: Coupling, kept: Tensor, moved: Tensor) -> Tensor:
    """Its inverse (moved - t(kept)) ⊙ exp(-s(kept)), equation 8. kept: (..., kept); moved, result: (..., d - kept).

    Raises ShapeError as `couple` does.
    """
    scale, translation = _parameters(layer, kept, moved)
    return (moved - translation) * f.exp(-scale)


def log_determinant(layer: Coupling, kept: Tensor) -> Tensor:
    """log |det J| of `couple`: Σ s(kept), equation 6. Its inverse has the negative. kept: (..., kept);
    result: (...).
    """
    return f.sum(layer.scale(kept), axis=-1)


def forward(flow: Flow, x: Tensor) -> Tensor:
    """The latent z of the data. x: (d,) or (b, d); result: the same. Raises ShapeError where a coupling keeps none of
    the coordinates, or all.
    """
    return _forward(flow, x)[0]


def log_det(flow: Flow, x: Tensor) -> Tensor:
    """log |det ∂z/∂x|: the sum over the couplings. x: (d,) or (b, d); result: () or (b,)."""
    return _forward(flow, x)[1]


def inverse(flow: Flow, z: Tensor) -> Tensor:
    """The data of a latent: forward(flow, inverse(flow, z)) = z. z: (d,) or (b, d); result: the same."""
    for layer in reversed(flow.couplings):
        kept, moved = _halves(layer, f.flip(z, axis=-1))
        z = f.concat([kept, uncouple(layer, kept, moved)], axis=-1)
    return z


def log_density(flow: Flow, x: Tensor) -> Tensor:
    """log p(x) = log N(z; 0, I) + log |det ∂z/∂x| (equations 2 and 3), whose negative mean is the loss in training.

    x: (d,) or (b, d); result: () or (b,).

        flow = realnvp.Flow((realnvp.Coupling(ss.layers.tanh, ss.layers.identity, kept=1),) * 2)
        ss.bounds(realnvp.log_density, flow, [0.5, -1.0], vary={"x": ss.ball("0.01")})
    """
    z, logdet = _forward(flow, x)
    normalizer = x.shape[-1] * f.log(2 * f.pi(x.context))
    return f.stage("log_density", logdet - (f.sum(f.square(z), axis=-1) + normalizer) / 2)


def _forward(flow: Flow, x: Tensor) -> tuple[Tensor, Tensor]:
    """The latent, and the log-determinant, with each scale evaluated once."""
    logdet = x.context.tensor(np.zeros(x.shape[:-1], dtype=int))
    for layer in flow.couplings:
        kept, other = _halves(layer, x)
        once = Coupling(_known(layer.scale(kept)), layer.translation, layer.kept)
        x = f.stage("y", f.flip(f.concat([kept, couple(once, kept, other)], axis=-1), axis=-1))
        logdet = logdet + log_determinant(once, kept)
    return x, f.stage("logdet", logdet)


def _parameters(layer: Coupling, kept: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The scale and the translation, one number of each for each other coordinate."""
    scale, translation = layer.scale(kept), layer.translation(kept)
    check_one_shape("realnvp: scale, translation and what they move", scale, translation, other)
    return scale, translation


def _known(value: Tensor) -> Map:
    return lambda _: value


def _halves(layer: Coupling, x: Tensor) -> tuple[Tensor, Tensor]:
    """What is kept, and the others."""
    if x.ndim == 0 or not 0 < layer.kept < x.shape[-1]:
        raise ShapeError(f"realnvp: a coupling keeps {layer.kept} of x of shape {x.shape}; expected some, but not all")
    return x[..., : layer.kept], x[..., layer.kept :]
