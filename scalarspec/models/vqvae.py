"""The vector-quantised VAE, with its code index explicit (seed NN.Spec.Models.VqVae; van den Oord et al. 2017).

Stages: z_e, z_q, x_hat, recon, codebook, commitment, loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec import latent
from scalarspec.core import functions as f
from scalarspec.core.functions import Operand
from scalarspec.core.tensor import Tensor
from scalarspec.latent import Codebook
from scalarspec.layers import Map
from scalarspec.loss import mse
from scalarspec.numbers.exact import End


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
    return f.stage("z_e", model.encoder.forward(x))


def quantized(model: Model, idx: int) -> Any:
    """z_q, the code of that index, of shape (*latent,). Raises OutOfRange unless 0 <= idx < num_codes."""
    return latent.quantize_at(model.codebook, idx)


def forward(model: Model, x: Tensor, idx: int) -> Tensor:
    """The reconstruction from a code, of shape (*obs,). Of x only the context matters."""
    return _decode(model, _code(model, x, idx))


def _code(model: Model, x: Tensor, idx: int) -> Tensor:
    """z_q in the context of x."""
    return f.stage("z_q", x.context.tensor(quantized(model, idx)))


def _decode(model: Model, code: Tensor) -> Tensor:
    return f.stage("x_hat", model.decoder.forward(code))


def reconstruction_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """The mean squared error of the reconstruction."""
    return f.stage("recon", mse(forward(model, x, idx), x))


def codebook_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """mse(z_q, z_e), which moves the code."""
    return f.stage("codebook", mse(quantized(model, idx), encode(model, x)))


def commitment_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """mse(z_e, z_q), which moves the encoder; equal in value to the codebook loss."""
    return f.stage("commitment", mse(encode(model, x), quantized(model, idx)))


def loss(model: Model, beta: Operand, x: Tensor, idx: int) -> Tensor:
    """reconstruction_loss + codebook_loss + beta * commitment_loss, with one encoding."""
    z_e, z_q = encode(model, x), _code(model, x, idx)
    reconstruction = f.stage("recon", mse(_decode(model, z_q), x))
    codebook, commitment = f.stage("codebook", mse(z_q, z_e)), f.stage("commitment", mse(z_e, z_q))
    return f.stage("loss", reconstruction + codebook + f.multiply(beta, commitment))


Status = Literal["proved", "refuted", "undecided"]


@dataclass(frozen=True)
class Assignment:
    """Is code `idx` nearest to z_e, for every z_e of a box? None is nearer; another may be as near.

    "proved": yes; "refuted": for no z_e is it, since `competitor` is always nearer; "undecided": `competitor` may be.
    margin: exact bounds on |z_e - competitor|² - |z_e - code|² over the box, for the code that comes closest to being
    nearer; None under floats, which prove nothing, and where there is no other code.
    """

    idx: int
    status: Status
    competitor: int | None = None
    margin: tuple[End, End] | None = None


def nearest_code(model: Model, x: Tensor) -> Assignment:
    """The code nearest to encode(model, x), the lowest index among equals, and how sure that is.

    Under exact contexts it is proved; under enclosing ones, x a point or a box, proved or undecided, with the competing
    code; under floats "undecided": a float comparison proves nothing.
    """
    return nearest_to(model.codebook, encode(model, x))


def check_code(model: Model, x: Tensor, idx: int) -> Assignment:
    """Whether code `idx` is nearest to encode(model, x): proved, refuted, or undecided (under floats, always)."""
    return check_nearest(model.codebook, encode(model, x), idx)


def nearest_to(book: Codebook, z: Tensor) -> Assignment:
    """The code nearest to z, a point or a box of encoder outputs, and how sure that is. z: (*latent,)."""
    squares = _squared_distances(book, z)
    if z.context.rounds:
        return check_nearest(book, z, int(np.argmin(np.asarray(squares))))
    lower, upper = f.endpoints(squares)
    return check_nearest(book, z, int(np.argmin(lower + upper)))


def check_nearest(book: Codebook, z: Tensor, idx: int) -> Assignment:
    """Whether code `idx` is nearest to z: proved, refuted, or undecided (under floats, always). z: (*latent,).

    |z - b|² - |z - a|² is |b|² - |a|² - 2 (b - a)·z: affine in z, so that its range over a box is found exactly, up to
    rounding. Raises OutOfRange for an index that is none.
    """
    codes = f.reshape(z.context.tensor(book.embedding), (book.num_codes, z.size))
    chosen = f.reshape(z.context.tensor(latent.quantize_at(book, idx)), (z.size,))
    if z.context.rounds:
        return Assignment(int(idx), "undecided")
    norms = f.sum(f.square(codes), axis=1) - f.sum(f.square(chosen))
    towards = codes - f.broadcast_to(chosen, codes.shape)
    lower, upper = f.endpoints(f.affine(-2 * towards, f.reshape(z, (z.size,)), norms))
    rivals = [k for k in range(book.num_codes) if k != idx]
    if not rivals:
        return Assignment(int(idx), "proved")
    nearer = [k for k in rivals if upper[k] < 0]
    rival = min(nearer, key=lambda k: upper[k]) if nearer else min(rivals, key=lambda k: lower[k])
    status: Status = "refuted" if nearer else "proved" if lower[rival] >= 0 else "undecided"
    return Assignment(int(idx), status, None if status == "proved" else rival, (lower[rival], upper[rival]))


def distances(model: Model, x: Tensor) -> Tensor:
    """|z_e - code|² for every code, of shape (num_codes,)."""
    return _squared_distances(model.codebook, encode(model, x))


def _squared_distances(book: Codebook, z: Tensor) -> Tensor:
    return f.stack(f.sum(f.square(z - code)) for code in z.context.tensor(book.embedding))
