"""The vector-quantised VAE, with its code index explicit (seed NN.Spec.Models.VqVae; van den Oord et al. 2017).

An observation x has shape (*obs,), a latent or a code shape (*latent,). The index idx, 0 <= idx < num_codes, is an
argument, so that every function is a function; `nearest_code` finds one, and says how sure that is. Wherever an index
is none, OutOfRange is raised.
model: the `Model`, its parameters in the context of x; book: its codebook; beta: a number.
Stages: z_e, z_q, x_hat, recon, codebook, commitment, loss.

    encoder, decoder = vqvae.Encoder(ss.layers.identity), vqvae.Decoder(ss.layers.identity)
    model = ss.lift(vqvae.Model(encoder, ss.latent.Codebook(np.eye(2)), decoder), "rational")
    x = ss.context("rational").tensor(["1/4", "1/2"])
    found = vqvae.nearest_code(model, x)    # an Assignment(idx=1, ...), proved
    vqvae.check_code(model, x, 0).status    # refuted
    z = vqvae.encode(model, x)
    vqvae.nearest_to(model.codebook, z), vqvae.check_nearest(model.codebook, z, 1), vqvae.distances(model, x)
    vqvae.loss(model, "1/4", x, 1), vqvae.forward(model, x, 1), vqvae.quantized(model, 1)
    vqvae.reconstruction_loss(model, x, 1), vqvae.codebook_loss(model, x, 1), vqvae.commitment_loss(model, x, 1)
    stopped = vqvae.Gradients(z, model.codebook.embedding[1])
    vqvae.surrogate(model, "1/4", x, z, model.codebook.embedding[1], stopped)
    vqvae.decoder_gradient(model, x, model.codebook.embedding[1])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from scalarspec import latent
from scalarspec.core import functions as f
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.latent import Codebook
from scalarspec.layers import Map
from scalarspec.loss import mse, mse_derivative
from scalarspec.numbers.exact import End
from scalarspec.tracing.gradient import grad


@dataclass(frozen=True, eq=False)
class Encoder:
    """The map `forward` from an observation, (*obs,), to the latent z_e, (*latent,), before quantisation."""

    forward: Map


@dataclass(frozen=True, eq=False)
class Decoder:
    """The map `forward` from a code, (*latent,), to an observation, (*obs,)."""

    forward: Map


@dataclass(frozen=True, eq=False)
class Model:
    """An encoder, a codebook and a decoder."""

    encoder: Encoder
    codebook: Codebook
    decoder: Decoder


def encode(model: Model, x: Tensor) -> Tensor:
    """The latent z_e before quantisation. x: (*obs,); result: (*latent,)."""
    return f.stage("z_e", model.encoder.forward(x))


def quantized(model: Model, idx: int) -> Any:
    """The code z_q of an index, of shape (*latent,), as the codebook holds it."""
    return latent.quantize_at(model.codebook, idx)


def forward(model: Model, x: Tensor, idx: int) -> Tensor:
    """The reconstruction from the code of an index. x: (*obs,), of which only the context matters; result: (*obs,)."""
    return _decode(model, _code(model, x, idx))


def _code(model: Model, x: Tensor, idx: int) -> Tensor:
    """z_q in the context of x."""
    return f.stage("z_q", x.context.tensor(quantized(model, idx)))


def _decode(model: Model, code: Tensor) -> Tensor:
    return f.stage("x_hat", model.decoder.forward(code))


def reconstruction_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """The mean squared error of the reconstruction over the observation. x: (*obs,); result: ()."""
    return f.stage("recon", mse(forward(model, x, idx), x))


def codebook_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """mse(z_q, z_e), which moves the code towards the encoding. x: (*obs,); result: ()."""
    return f.stage("codebook", mse(quantized(model, idx), encode(model, x)))


def commitment_loss(model: Model, x: Tensor, idx: int) -> Tensor:
    """mse(z_e, z_q), which moves the encoding towards the code; equal in value to the codebook loss. x: (*obs,);
    result: ().
    """
    return f.stage("commitment", mse(encode(model, x), quantized(model, idx)))


def loss(model: Model, beta: Operand, x: Tensor, idx: int) -> Tensor:
    """reconstruction_loss + codebook_loss + beta * commitment_loss, with one encoding. beta: a number; x: (*obs,);
    result: ().

    Van den Oord et al. 2017, equation 3, without its stop-gradients: they change no value.
    """
    z_e, z_q = encode(model, x), _code(model, x, idx)
    reconstruction = f.stage("recon", mse(_decode(model, z_q), x))
    codebook, commitment = f.stage("codebook", mse(z_q, z_e)), f.stage("commitment", mse(z_e, z_q))
    return f.stage("loss", reconstruction + codebook + f.multiply(beta, commitment))


class Gradients(NamedTuple):
    """What training moves an encoding and its code along, each of shape (*latent,)."""

    encoding: Tensor
    code: Tensor


def straight_through(model: Model, beta: Operand, x: Tensor, idx: int) -> Gradients:
    """The gradients of training in z_e and in the code e = z_q, with its stop-gradients: g + β (2/n) (z_e - e), and
    (2/n) (e - z_e), where g is the gradient of the reconstruction loss at the code, and n the size of a code.

    The encoding is handed g as if it had been decoded itself, since the choice of a code has no derivative; the code
    learns from the codebook loss alone. beta: a number; x: (*obs,). Van den Oord et al. 2017, section 3.2.

        vqvae.straight_through(model, "1/4", ss.context("rational").tensor([1, 2]), 0).encoding
    """
    z_e, z_q = encode(model, x), _code(model, x, idx)
    commitment = f.multiply(beta, mse_derivative(z_e, z_q))
    return Gradients(decoder_gradient(model, x, z_q) + commitment, mse_derivative(z_q, z_e))


def decoder_gradient(model: Model, x: Tensor, code: Tensor) -> Tensor:
    """The gradient of mse(decode(code), x) in the code. x: (*obs,); code, result: (*latent,)."""
    found: Tensor = grad(lambda z, target: mse(model.decoder.forward(z), target))(code, x)
    return found


def surrogate(model: Model, beta: Operand, x: Tensor, z_e: Tensor, code: Tensor, stopped: Gradients) -> Tensor:
    """The loss of training, of which `straight_through` has the gradients: equation 3, where stopped values are given
    apart, as what does not move.

    It is mse(decode(z_e + sg(e - z_e)), x) + mse(sg(z_e), e) + β mse(z_e, sg(e)). stopped: sg(z_e) and sg(e).
    """
    decoded = model.decoder.forward(z_e + (stopped.code - stopped.encoding))
    return mse(decoded, x) + mse(code, stopped.encoding) + f.multiply(beta, mse(z_e, stopped.code))


Status = Literal["proved", "refuted", "undecided"]
"""What is known of an assignment."""


@dataclass(frozen=True)
class Assignment:
    """Whether code `idx` is nearest to z_e, for every z_e of a box: none is nearer, though another may be as near.

    status: "proved", it is; "refuted", for no z_e is it, since `competitor` is always nearer; "undecided", `competitor`
    may be nearer. margin: exact bounds on |z_e - competitor|² - |z_e - code|² over the box, for the code that comes
    closest to being nearer; None under floats, which prove nothing, and where there is no other code.
    """

    idx: int
    status: Status
    competitor: int | None = None
    margin: tuple[End, End] | None = None


def nearest_code(model: Model, x: Tensor) -> Assignment:
    """The code nearest to encode(model, x), the lowest index among equals, and how sure that is. x: (*obs,).

    Under exact contexts it is proved; under enclosing ones, x being a point or a box, it is proved or undecided, with
    the competing code; under floats it is "undecided", since a float comparison proves nothing.

        identity = ss.layers.identity
        model = vqvae.Model(vqvae.Encoder(identity), ss.latent.Codebook(np.eye(2)), vqvae.Decoder(identity))
        vqvae.nearest_code(model, ss.context("interval").box([0.6, 0], [1, 0.25])).status    # "proved"
    """
    return nearest_to(model.codebook, encode(model, x))


def check_code(model: Model, x: Tensor, idx: int) -> Assignment:
    """Whether code `idx` is nearest to encode(model, x): proved, refuted, or undecided (under floats always). x:
    (*obs,).
    """
    return check_nearest(model.codebook, encode(model, x), idx)


def nearest_to(book: Codebook, z: Tensor) -> Assignment:
    """The code nearest to z, a point or a box of encoder outputs, and how sure that is, as `nearest_code`. z:
    (*latent,).
    """
    squares = _squared_distances(book, z)
    if z.context.rounds:
        return check_nearest(book, z, int(np.argmin(np.asarray(squares))))
    lower, upper = f.endpoints(squares)
    return check_nearest(book, z, int(np.argmin(lower + upper)))


def check_nearest(book: Codebook, z: Tensor, idx: int) -> Assignment:
    """Whether code `idx` is nearest to z: proved, refuted, or undecided (under floats always). z: (*latent,).

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
    """The squared distances |z_e - code|² to all codes. x: (*obs,); result: (num_codes,)."""
    return _squared_distances(model.codebook, encode(model, x))


def _squared_distances(book: Codebook, z: Tensor) -> Tensor:
    """|z - code|² for each code. z: (*latent,); result: (num_codes,). Raises ShapeError for a z of another shape."""
    codes = z.context.tensor(book.embedding)
    check_one_shape("quantisation: z and the codes", z, *codes)
    return f.stack(f.sum(f.square(z - code)) for code in codes)
