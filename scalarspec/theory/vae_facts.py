"""Facts about the loss of a β-VAE with any encoder and decoder."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import Scalar
from scalarspec.latent import half, reparameterize_diag
from scalarspec.models import vae
from scalarspec.theory.arbitrary import (
    OF_VAE,
    POSITIVE,
    SPEC,
    UPSTREAM,
    kl,
    loss,
    of_vae,
    recon,
    wrong_kl,
)
from scalarspec.theory.fact import Equal, Fact, Monotone, Nonnegative
from scalarspec.theory.objectives import TwoTerm, vae_terms

VAE_FACTS: tuple[Fact, ...] = (
    Fact(
        "sample_latent_eq_reparameterize",
        "sample_latent(x, ε) = reparameterize_diag(mean(x), logvar(x), ε)",
        Equal(
            of_vae(lambda m, b, x, e: vae.sample_latent(m, x, e)),
            of_vae(lambda m, b, x, e: reparameterize_diag(m.encoder.mean(x), m.encoder.logvar(x), e)),
            OF_VAE,
        ),
        "log σ² is taken for log σ: σ = exp(logvar)",
        Equal(
            of_vae(lambda m, b, x, e: vae.sample_latent(m, x, e)),
            of_vae(lambda m, b, x, e: m.encoder.mean(x) + f.exp(m.encoder.logvar(x)) * e),
            OF_VAE,
        ),
        source=UPSTREAM,
    ),
    Fact(
        "forward_eq_decoder_sample_latent",
        "forward(x, ε) = decode(sample_latent(x, ε))",
        Equal(
            of_vae(lambda m, b, x, e: vae.forward(m, x, e)),
            of_vae(lambda m, b, x, e: m.decoder.forward(vae.sample_latent(m, x, e))),
            OF_VAE,
        ),
        "the noise is left out: decode(mean(x))",
        Equal(
            of_vae(lambda m, b, x, e: vae.forward(m, x, e)),
            of_vae(lambda m, b, x, e: m.decoder.forward(m.encoder.mean(x))),
            OF_VAE,
        ),
        source=f"{UPSTREAM}.forward_eq_decoder_sampleLatent",
    ),
    Fact(
        "forward_eq_decode_reparameterize",
        "forward(x, ε) = decode(mean(x) + exp(logvar(x) / 2) ⊙ ε)",
        Equal(
            of_vae(lambda m, b, x, e: vae.forward(m, x, e)),
            of_vae(lambda m, b, x, e: m.decoder.forward(m.encoder.mean(x) + f.exp(half(m.encoder.logvar(x))) * e)),
            OF_VAE,
        ),
        "a sign: decode(mean(x) - exp(logvar(x) / 2) ⊙ ε)",
        Equal(
            of_vae(lambda m, b, x, e: vae.forward(m, x, e)),
            of_vae(lambda m, b, x, e: m.decoder.forward(m.encoder.mean(x) - f.exp(half(m.encoder.logvar(x))) * e)),
            OF_VAE,
        ),
        source=f"{SPEC}forward_eq_decode_reparameterize",
    ),
    Fact(
        "loss_eq_reconstruction_add_kl",
        "loss(β, x, ε) = reconstruction_loss(x, ε) + β kl_loss(x)",
        Equal(loss, of_vae(lambda m, b, x, e: recon(m, b, x, e) + b * kl(m, b, x, e)), OF_VAE),
        "a sign: reconstruction_loss - β kl_loss",
        Equal(loss, of_vae(lambda m, b, x, e: recon(m, b, x, e) - b * kl(m, b, x, e)), OF_VAE),
        source=f"{SPEC}loss_eq_reconstruction_add_kl",
    ),
    Fact(
        "beta_vae_loss_eq_weighted_two_term",
        "loss is the weighted two-term objective base + β regularizer of (reconstruction_loss, kl_loss)",
        Equal(loss, of_vae(lambda m, b, x, e: vae_terms(m, x, e).weighted(b)), OF_VAE),
        "β weighs the base: regularizer + β base",
        Equal(loss, of_vae(lambda m, b, x, e: TwoTerm(vae.kl_loss(m, x), recon(m, b, x, e)).weighted(b)), OF_VAE),
        source=f"{UPSTREAM}.betaVae_loss_eq_weightedTwoTerm",
    ),
    Fact(
        "beta_vae_loss_zero_beta",
        "loss(0, x, ε) = reconstruction_loss(x, ε)",
        Equal(of_vae(lambda m, b, x, e: vae.loss(m, 0, x, e)), recon, OF_VAE),
        "at β = 1 instead of 0",
        Equal(of_vae(lambda m, b, x, e: vae.loss(m, 1, x, e)), recon, OF_VAE),
        source=f"{UPSTREAM}.betaVae_loss_zero_beta",
    ),
    Fact(
        "beta_vae_loss_eq_reconstruction_of_zero_kl",
        "loss(β, x, ε) = reconstruction_loss(x, ε) for any β",
        Equal(loss, recon, OF_VAE, given=(kl,)),
        "without the hypothesis",
        Equal(loss, recon, OF_VAE),
        ("kl_loss(x) = 0",),
        f"{UPSTREAM}.betaVae_loss_eq_reconstruction_of_zero_kl",
    ),
    Fact(
        "beta_vae_loss_mono_beta_of_kl_nonneg",
        "base + β regularizer does not fall as β rises",
        Monotone(
            lambda beta, base, regularizer: TwoTerm(base, regularizer).weighted(beta),
            "beta",
            (Scalar, Scalar, Scalar),
            {"regularizer": POSITIVE},
        ),
        "without the hypothesis",
        Monotone(
            lambda beta, base, regularizer: TwoTerm(base, regularizer).weighted(beta), "beta", (Scalar, Scalar, Scalar)
        ),
        ("regularizer >= 0",),
        f"{UPSTREAM}.betaVae_loss_mono_beta_of_kl_nonneg",
    ),
    Fact(
        "beta_vae_loss_mono_beta",
        "loss(β, x, ε) does not fall as β rises",
        Monotone(loss, "beta", OF_VAE),
        "a sign in the KL: + logσ²",
        Monotone(
            of_vae(lambda m, b, x, e: recon(m, b, x, e) + b * wrong_kl(*vae.encode(m, x))),
            "beta",
            OF_VAE,
        ),
    ),
    Fact(
        "beta_vae_loss_nonneg",
        "loss(β, x, ε) >= 0",
        Nonnegative(loss, OF_VAE, {"beta": POSITIVE}),
        "without the hypothesis",
        Nonnegative(loss, OF_VAE),
        ("β >= 0",),
    ),
)
