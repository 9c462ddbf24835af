"""Facts about the reparameterisation, the ELBO, and what the noise does: laws, expectations, gradients of the KL."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import Scalar
from scalarspec.core.tensor import Tensor
from scalarspec.latent import diagonal_gaussian_kl_to_standard, half, reparameterize_diag
from scalarspec.layers import Linear
from scalarspec.loss import mse
from scalarspec.models import vae
from scalarspec.theory.arbitrary import (
    EPS,
    MU,
    OF_VAE,
    UPSTREAM,
    kl,
    loss,
    recon,
)
from scalarspec.theory.distributions import Expectation, JointLaw, NormalLaw
from scalarspec.theory.fact import Equal, Fact
from scalarspec.theory.objectives import ElboTerms, beta_negative_elbo, negative_elbo, variance_of_scale
from scalarspec.tracing.gradient import grad


def _affine_vae(mu: Tensor, logvar: Tensor, w: Tensor, b: Tensor) -> vae.Model:
    return vae.Model(vae.Encoder(lambda _: mu, lambda _: logvar), vae.Decoder(Linear(w, b)))


SAMPLING_FACTS: tuple[Fact, ...] = (
    Fact(
        "variance_of_scale",
        "the scale exp(l / 2) has the variance exp(l)",
        Equal(lambda logvar: variance_of_scale(f.exp(half(logvar))), f.exp, (MU,)),
        "log-variance taken for log σ: the scale exp(l)",
        Equal(lambda logvar: variance_of_scale(f.exp(logvar)), f.exp, (MU,)),
        source=f"{UPSTREAM}.varianceOfScale",
    ),
    Fact(
        "scalar_reparameterization_law",
        "μ + σε ~ N(μ, σ²)",
        NormalLaw(lambda mu, s, eps: mu + s * eps, variance_of_scale, positive=True),
        "σ taken for the variance",
        NormalLaw(lambda mu, s, eps: mu + s * eps, lambda s: s, positive=True),
        ("ε ~ N(0, 1)", "σ > 0"),
        UPSTREAM,
    ),
    Fact(
        "diagonal_reparameterization_coordinate_law",
        "each coordinate of reparameterize_diag(μ, logvar, ε) ~ N(μᵢ, exp(logvarᵢ))",
        NormalLaw(reparameterize_diag, f.exp),
        "log-variance taken for log σ: the variance exp(2 logvar)",
        NormalLaw(reparameterize_diag, lambda s: f.exp(2 * s)),
        ("each εᵢ ~ N(0, 1)",),
        f"{UPSTREAM}.diagonal_reparameterization_coordinate_law",
    ),
    Fact(
        "joint_reparameterization_law",
        "reparameterize_diag(μ, logvar, ε) ~ N(μ, diag exp(logvar)), jointly",
        JointLaw(reparameterize_diag, f.exp, independent=True),
        "without independence: ε₁ = ε₂ has the same coordinates",
        JointLaw(reparameterize_diag, f.exp, independent=False),
        ("each εᵢ ~ N(0, 1)", "the εᵢ are independent"),
    ),
    Fact(
        "negative_elbo",
        "negative ELBO = NLL + KL",
        Equal(lambda nll, kl: negative_elbo(ElboTerms(nll, kl)), lambda nll, kl: nll + kl, (Scalar, Scalar)),
        "a sign: NLL - KL",
        Equal(lambda nll, kl: negative_elbo(ElboTerms(nll, kl)), lambda nll, kl: nll - kl, (Scalar, Scalar)),
        source=UPSTREAM,
    ),
    Fact(
        "beta_negative_elbo",
        "the β-negative ELBO is NLL + β KL, at β = 1 the negative ELBO",
        Equal(
            lambda beta, nll, kl: beta_negative_elbo(beta, ElboTerms(nll, kl)),
            lambda beta, nll, kl: negative_elbo(ElboTerms(nll, kl)) + (beta - 1) * kl,
            (Scalar, Scalar, Scalar),
        ),
        "at any β the negative ELBO",
        Equal(
            lambda beta, nll, kl: beta_negative_elbo(beta, ElboTerms(nll, kl)),
            lambda beta, nll, kl: negative_elbo(ElboTerms(nll, kl)),
            (Scalar, Scalar, Scalar),
        ),
        source=f"{UPSTREAM}.betaNegativeElbo",
    ),
    Fact(
        "beta_vae_loss_matches_named_elbo_terms",
        "loss(β, x, ε) = NLL + β KL(q ‖ p), the β-negative ELBO",
        Equal(
            lambda m, b, x, e, nll, prior: vae.loss(m, b, x, e),
            lambda m, b, x, e, nll, prior: beta_negative_elbo(b, ElboTerms(nll, prior)),
            (*OF_VAE, Scalar, Scalar),
            given=(
                lambda m, b, x, e, nll, prior: recon(m, b, x, e) - nll,
                lambda m, b, x, e, nll, prior: kl(m, b, x, e) - prior,
            ),
        ),
        "without the second identification",
        Equal(
            lambda b, recon, kl, prior: recon + b * kl,
            lambda b, recon, kl, prior: beta_negative_elbo(b, ElboTerms(recon, prior)),
            (Scalar, Scalar, Scalar, Scalar),
        ),
        ("reconstruction_loss(x, ε) = NLL", "kl_loss(x) = KL(q ‖ p)"),
        f"{UPSTREAM}.betaVae_loss_matches_named_elbo_terms",
    ),
    Fact(
        "kl_does_not_depend_on_the_noise",
        "loss(β, x, ε) - reconstruction_loss(x, ε) is the same for all ε",
        Equal(
            lambda m, b, x, e, other: loss(m, b, x, e) - recon(m, b, x, e),
            lambda m, b, x, e, other: loss(m, b, x, other) - recon(m, b, x, other),
            (*OF_VAE, EPS),
        ),
        "neither does the loss",
        Equal(
            lambda m, b, x, e, other: loss(m, b, x, e),
            lambda m, b, x, e, other: loss(m, b, x, other),
            (*OF_VAE, EPS),
        ),
    ),
    Fact(
        "kl_gradient_mu",
        "∂KL/∂μ = μ / n",
        Equal(grad(diagonal_gaussian_kl_to_standard, 0), lambda mu, logvar: mu / len(mu), (MU, MU)),
        "sum for mean: μ",
        Equal(grad(diagonal_gaussian_kl_to_standard, 0), lambda mu, logvar: mu, (MU, MU)),
    ),
    Fact(
        "kl_gradient_logvar",
        "∂KL/∂logvar = (exp(logvar) - 1) / (2n)",
        Equal(
            grad(diagonal_gaussian_kl_to_standard, 1),
            lambda mu, logvar: (f.exp(logvar) - 1) / (2 * len(mu)),
            (MU, MU),
        ),
        "a factor: (exp(logvar) - 1) / n",
        Equal(grad(diagonal_gaussian_kl_to_standard, 1), lambda mu, logvar: (f.exp(logvar) - 1) / len(mu), (MU, MU)),
    ),
    Fact(
        "expected_reconstruction",
        "E over ε of reconstruction_loss = mse(W μ + b, x) + Σ W² exp(logvar) / d",
        Expectation(
            lambda mu, logvar, w, b, x, eps: vae.reconstruction_loss(_affine_vae(mu, logvar, w, b), x, eps),
            lambda mu, logvar, w, b, x: vae.expected_reconstruction_loss(_affine_vae(mu, logvar, w, b), x),
            ((2,), (2,), (2, 2), (2,), (2,)),
            (2,),
        ),
        "the reconstruction of the mean: without Σ W² exp(logvar) / d",
        Expectation(
            lambda mu, logvar, w, b, x, eps: vae.reconstruction_loss(_affine_vae(mu, logvar, w, b), x, eps),
            lambda mu, logvar, w, b, x: mse(f.affine(w, mu, b), x) + 0 * f.sum(logvar),
            ((2,), (2,), (2, 2), (2,), (2,)),
            (2,),
        ),
        ("decode(z) = W z + b", "ε ~ N(0, I)"),
    ),
)
