"""Facts about the loss of a VQ-VAE with any encoder, decoder and codebook."""

from __future__ import annotations

from scalarspec.latent import quantize_at
from scalarspec.models import vqvae
from scalarspec.theory.arbitrary import (
    LATENT,
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
)
