"""The vector-quantised VAE, with its code index explicit (seed NN.Spec.Models.VqVae; van den Oord et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec import functions as f
from scalarspec import latent
from scalarspec.errors import Undecided
from scalarspec.functions import Operand
from scalarspec.latent import Codebook
from scalarspec.layers import Map
from scalarspec.loss import mse
from scalarspec.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Encoder:
    """The map from an observation to the latent z_e, before quantisation."""

    forward: Map


@dataclass(frozen=True, eq=False)
class Decoder:
    """The map from a code to an observation."""

    forward: Map


@dataclass(frozen=True, eq=False)
class Model:
    """Encoder, codebook and decoder."""

    encoder: Encoder
    codebook: Codebook
    decoder: Decoder


def encode(model: Model, x: Tensor) -> Tensor:
    """z_e, of shape (*latent,)."""
    return model.encoder.forward(x)


def quantized(model: Model, idx: int) -> Any:
    """z_q, the code of that index, of shape (*latent,). Raises OutOfRange unless 0 <= idx < num_codes."""
    return latent.quantize_at(model.codebook, idx)


def forward(model: Model, x: Tensor, idx: int) -> Tensor:
    """The reconstruction from a code, of shape (*obs,). Of x only the context matters."""
    return model.decoder.forward(x.context.tensor(quantized(model, idx)))


def reconstruction_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """The mean squared error of the reconstruction."""
    return mse(forward(model, x, idx), x)


def codebook_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """mse(z_q, z_e), which moves the code."""
    return mse(quantized(model, idx), encode(model, x))


def commitment_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """mse(z_e, z_q), which moves the encoder; equal in value to the codebook loss."""
    return mse(encode(model, x), quantized(model, idx))


def loss(model: Model, beta: Operand, x: Tensor, idx: int) -> Tensor:
    """reconstruction_loss + codebook_loss + beta * commitment_loss, with one encoding."""
    z_e, z_q = encode(model, x), quantized(model, idx)
    return reconstruction_loss(model, x, idx) + mse(z_q, z_e) + f.multiply(beta, mse(z_e, z_q))


@dataclass(frozen=True)
class Assignment:
    """Is code `idx` the nearest to z_e? `competitor`: a code proved nearer, or one that may be; None if proved."""

    idx: int
    status: Literal["proved", "refuted", "undecided"]
    competitor: int | None = None


def nearest_code(model: Model, x: Tensor) -> Assignment:
    """The code nearest to encode(model, x), the lowest index among equals, and how sure that is.

    Under exact contexts it is proved; under enclosing ones proved or undecided, with the competing code; under floats
    "undecided" with no competitor: a float comparison proves nothing.
    """
    return check_code(model, x, int(np.argmin(_midpoints(distances(model, x)))))


def check_code(model: Model, x: Tensor, idx: int) -> Assignment:
    """Whether code `idx` is nearest to encode(model, x): proved, refuted, or undecided (under floats, always).

    |z - a|² <= |z - b|² is decided as 2 z·(b - a) <= |b|² - |a|², where z occurs once.
    """
    z = encode(model, x)
    codes = z.context.tensor(model.codebook.embedding)
    chosen = z.context.tensor(quantized(model, idx))
    if z.context.rounds:
        return Assignment(int(idx), "undecided")
    open_rival: int | None = None
    for rival, code in enumerate(codes):
        nearer = 2 * f.sum(z * (code - chosen)) <= f.sum(f.square(code)) - f.sum(f.square(chosen))
        try:
            if not nearer:
                return Assignment(int(idx), "refuted", rival)
        except Undecided:
            open_rival = rival if rival != idx and open_rival is None else open_rival
    return Assignment(int(idx), "proved" if open_rival is None else "undecided", open_rival)


def distances(model: Model, x: Tensor) -> Tensor:
    """|z_e - code|² for every code, of shape (num_codes,)."""
    z = encode(model, x)
    codes = z.context.tensor(model.codebook.embedding)
    return f.stack(f.sum(f.square(z - code)) for code in codes)


def _midpoints(squares: Tensor) -> np.ndarray[Any, Any]:
    """What to take the least of: the numbers themselves, or the middles of enclosures."""
    if squares.context.rounds:
        return np.asarray(squares)
    lower, upper = f.endpoints(squares)
    return np.asarray(lower + upper)
