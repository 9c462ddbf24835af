"""Facts about the loss of a VQ-VAE with any encoder, decoder and codebook."""

from __future__ import annotations

from typing import Any

from scalarspec.core.functions import tanh
from scalarspec.core.shape import Dim, Scalar, Shape
from scalarspec.core.tensor import Tensor
from scalarspec.latent import Codebook, quantize_at
from scalarspec.layers import Linear, Sequential
from scalarspec.models import vqvae
from scalarspec.theory.arbitrary import (
    CODES,
    LATENT,
    OBS,
    OF_VQ,
    VQ_SPEC,
    X,
    codebook,
    commitment,
    of_vq,
    vq_loss,
    vq_recon,
)
from scalarspec.theory.fact import Equal, Fact
from scalarspec.theory.objectives import vqvae_terms
from scalarspec.theory.statements import Opaque
from scalarspec.tracing.gradient import grad

_HIDDEN = 6
_NET = Sequential(Linear(Shape((_HIDDEN, LATENT)), Dim(_HIDDEN)), tanh, Linear(Shape((OBS, _HIDDEN)), Dim(OBS)))
_DECODED = vqvae.Model(vqvae.Encoder(Opaque("encode", LATENT)), Codebook(Shape((CODES, LATENT))), vqvae.Decoder(_NET))
OF_TRAINING = (_DECODED, Scalar, X)  # as OF_VQ, with a decoder that has derivatives


def _derivative(part: int) -> Any:
    """The derivative of the loss of training, with what is stopped held fast, in the encoding (0) or the code (1)."""

    def of(model: Any, beta: Tensor, x: Tensor) -> Tensor:
        now = vqvae.Gradients(vqvae.encode(model, x), model.codebook.embedding[1])

        def moving(z: Tensor, code: Tensor) -> Tensor:
            return vqvae.surrogate(model, beta, x, z, code, now)

        found: Tensor = grad(moving, part)(*now)
        return found

    return of


VQ_FACTS: tuple[Fact, ...] = (
    Fact(
        "quantized_eq_embedding",
        "quantized(i) = embedding[i]",
        Equal(of_vq(lambda m, b, x: vqvae.quantized(m, 1)), of_vq(lambda m, b, x: quantize_at(m.codebook, 1)), OF_VQ),
        "the next code",
        Equal(of_vq(lambda m, b, x: vqvae.quantized(m, 1)), of_vq(lambda m, b, x: quantize_at(m.codebook, 2)), OF_VQ),
        source=f"{VQ_SPEC}quantized_eq_embedding",
    ),
    Fact(
        "vq_loss_eq_weighted_three_term",
        "VQ loss = reconstruction + codebook + β commitment",
        Equal(vq_loss, of_vq(lambda m, b, x: vqvae_terms(m, x, 1).weighted(b)), OF_VQ),
        "β weighs the reconstruction",
        Equal(
            vq_loss,
            of_vq(lambda m, b, x: b * vq_recon(m, b, x) + codebook(m, b, x) + commitment(m, b, x)),
            OF_VQ,
        ),
        source=f"{VQ_SPEC}loss_eq_reconstruction_add_codebook_add_commitment",
    ),
    Fact(
        "vq_forward_does_not_depend_on_x",
        "VQ forward(x, i) is the same for all x",
        Equal(
            lambda m, b, x, other: vqvae.forward(m, x, 1),
            lambda m, b, x, other: vqvae.forward(m, other, 1),
            (*OF_VQ, X),
        ),
        "neither does the VQ loss",
        Equal(lambda m, b, x, other: vq_loss(m, b, x), lambda m, b, x, other: vq_loss(m, b, other), (*OF_VQ, X)),
    ),
    Fact(
        "codebook_eq_commitment",
        "codebook loss = commitment loss, as numbers",
        Equal(codebook, commitment, OF_VQ),
        "sum for mean in one of them",
        Equal(codebook, of_vq(lambda m, b, x: LATENT * commitment(m, b, x)), OF_VQ),
    ),
    Fact(
        "vq_loss_eq_reconstruction_add_codebook",
        "VQ loss = reconstruction + (1 + β) codebook",
        Equal(vq_loss, of_vq(lambda m, b, x: vq_recon(m, b, x) + (1 + b) * codebook(m, b, x)), OF_VQ),
        "reconstruction + β codebook",
        Equal(vq_loss, of_vq(lambda m, b, x: vq_recon(m, b, x) + b * codebook(m, b, x)), OF_VQ),
    ),
    Fact(
        "vq_encoder_gradient",
        "straight_through: g + β (2/n) (z_e - e) is the derivative in z_e of the loss with its stop-gradients",
        Equal(of_vq(lambda m, b, x: vqvae.straight_through(m, b, x, 1).encoding), _derivative(0), OF_TRAINING),
        "without the decoder's gradient g",
        Equal(
            of_vq(
                lambda m, b, x: b * 2 * (vqvae.encode(m, x) - m.codebook.embedding[1]) / len(m.codebook.embedding[1])
            ),
            _derivative(0),
            OF_TRAINING,
        ),
        ("decode(z) = V tanh(W z + b) + c",),
        f"{VQ_SPEC}trainingGradients",
    ),
    Fact(
        "vq_codebook_gradient",
        "straight_through: (2/n) (e - z_e) is the derivative in the code of the loss with its stop-gradients",
        Equal(of_vq(lambda m, b, x: vqvae.straight_through(m, b, x, 1).code), _derivative(1), OF_TRAINING),
        "a sign",
        Equal(of_vq(lambda m, b, x: -vqvae.straight_through(m, b, x, 1).code), _derivative(1), OF_TRAINING),
        source=f"{VQ_SPEC}trainingGradients",
    ),
)
