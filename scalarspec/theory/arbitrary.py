"""What the facts are about: models of any maps, arguments of any sizes, and the parts of losses as specs of these."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.region import box
from scalarspec.core.shape import Dim, Scalar, Shape
from scalarspec.core.tensor import Tensor
from scalarspec.latent import Codebook
from scalarspec.models import vae, vqvae
from scalarspec.theory.statements import Opaque, Spec

LATENT, OBS, CODES = 3, 4, 5
"""Sizes that differ, so that none is taken for another; a proof for any sizes does not depend on them."""

VAE = vae.Model(
    vae.Encoder(Opaque("encode_mean", LATENT), Opaque("encode_logvar", LATENT)), vae.Decoder(Opaque("decode", OBS))
)
VQ = vqvae.Model(
    vqvae.Encoder(Opaque("encode", LATENT)), Codebook(Shape((CODES, LATENT))), vqvae.Decoder(Opaque("decode", OBS))
)
X, EPS, MU = Dim(OBS), Dim(LATENT), Dim(LATENT)
OF_VAE = (VAE, Scalar, X, EPS)  # model, beta, x, eps
OF_VQ = (VQ, Scalar, X)  # model, beta, x; the index is 1
OF_AE = (Shape((LATENT, OBS)), Dim(LATENT), Shape((OBS, LATENT)), Dim(OBS), X)
POSITIVE = box(0, inf)

UPSTREAM = "NN.MLTheory.Generative.Latent.VAE"
SPEC, VQ_SPEC = "Generative.VAE.", "Generative.VQVAE."
"""Where a fact comes from: the modules of TorchLean."""


def of_vae(spec: Callable[..., Tensor]) -> Spec:
    """A part of the loss of a VAE, as a spec of the model, beta, x and eps."""

    def of(model: Any, beta: Tensor, x: Tensor, eps: Tensor) -> Tensor:
        return spec(model, beta, x, eps)

    return of


recon = of_vae(lambda m, b, x, e: vae.reconstruction_loss(m, x, e))
kl = of_vae(lambda m, b, x, e: vae.kl_loss(m, x))
loss = of_vae(vae.loss)


def of_vq(spec: Callable[..., Tensor]) -> Spec:
    """A part of the loss of a VQ-VAE, as a spec of the model, beta and x; the index of the code is 1."""

    def of(model: Any, beta: Tensor, x: Tensor) -> Tensor:
        return spec(model, beta, x)

    return of


vq_loss = of_vq(lambda m, b, x: vqvae.loss(m, b, x, 1))
vq_recon = of_vq(lambda m, b, x: vqvae.reconstruction_loss(m, x, 1))
codebook = of_vq(lambda m, b, x: vqvae.codebook_loss(m, x, 1))
commitment = of_vq(lambda m, b, x: vqvae.commitment_loss(m, x, 1))


def wrong_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """A sign is wrong: + logσ²."""
    return f.mean(f.exp(logvar) + f.square(mu) - 1 + logvar) / 2
