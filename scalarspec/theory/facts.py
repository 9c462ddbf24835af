"""The facts of the VAE theory: statements with their hypotheses, each with a mutation that its check refutes.

Sources: TorchLean's NN.MLTheory.Generative.Latent.VAE and NN.Spec.Models.{Vae,VqVae,Autoencoder}, and what follows from
them. `encode`, `decode` and so on are any maps whatever (`Opaque`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from scalarspec.activation import named
from scalarspec.core import functions as f
from scalarspec.core.region import Ball, Box, box
from scalarspec.core.shape import Dim, Scalar, Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import UnknownName
from scalarspec.latent import Codebook, diagonal_gaussian_kl_to_standard, half, quantize_at, reparameterize_diag
from scalarspec.layers import Linear
from scalarspec.loss import mse
from scalarspec.models import autoencoder, vae, vqvae
from scalarspec.theory.laws import Expectation, JointLaw, NormalLaw
from scalarspec.theory.objectives import (
    ElboTerms,
    TwoTerm,
    beta_negative_elbo,
    kl_coordinate,
    kl_sum,
    negative_elbo,
    vae_terms,
    variance_of_scale,
    vqvae_terms,
)
from scalarspec.theory.prove import prove_equal, prove_monotone, prove_nonnegative
from scalarspec.theory.statements import Opaque, Spec
from scalarspec.tracing.gradient import grad, vjp
from scalarspec.verdict import Verdict, timed


@dataclass(frozen=True)
class Equal:
    """lhs = rhs, where the specs in `given` are 0."""

    lhs: Spec
    rhs: Spec
    args: Sequence[Any]
    given: Sequence[Spec] = ()

    def check(self) -> Verdict:
        """By `prove_equal`."""
        return prove_equal(self.lhs, self.rhs, *self.args, given=self.given)


@dataclass(frozen=True)
class Nonnegative:
    """spec >= 0; with `zero`, and 0 there and nowhere else."""

    spec: Spec
    args: Sequence[Any]
    over: Mapping[str, Ball | Box] = field(default_factory=dict)
    zero: Mapping[str, Any] | None = None

    def check(self) -> Verdict:
        """By `prove_nonnegative`."""
        return prove_nonnegative(self.spec, *self.args, over=self.over, zero=self.zero)


@dataclass(frozen=True)
class Monotone:
    """spec does not fall while an argument rises."""

    spec: Spec
    name: str
    args: Sequence[Any]
    over: Mapping[str, Ball | Box] = field(default_factory=dict)

    def check(self) -> Verdict:
        """By `prove_monotone`."""
        return prove_monotone(self.spec, self.name, *self.args, over=self.over)


Claim = Equal | Nonnegative | Monotone | NormalLaw | JointLaw | Expectation


@dataclass(frozen=True)
class Fact:
    """A statement, its hypotheses, and what is checked. source: the module or theorem upstream, or "derived"."""

    name: str
    statement: str
    claim: Claim
    mutation: str
    mutant: Claim
    hypotheses: tuple[str, ...] = ()
    source: str = "derived"

    @property
    def control(self) -> Fact:
        """The negative control: the mutated statement, which the same check must refute."""
        return Fact(f"not: {self.name}", self.mutation, self.mutant, self.statement, self.claim, source=self.source)


# ---- the models that the facts are about: any maps, any sizes --------------------------------------------------------

LATENT, OBS, CODES = 3, 4, 5
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


def _vae(spec: Callable[..., Tensor]) -> Spec:
    def of(model: Any, beta: Tensor, x: Tensor, eps: Tensor) -> Tensor:
        return spec(model, beta, x, eps)

    return of


recon = _vae(lambda m, b, x, e: vae.reconstruction_loss(m, x, e))
kl = _vae(lambda m, b, x, e: vae.kl_loss(m, x))
loss = _vae(vae.loss)


def _vq(spec: Callable[..., Tensor]) -> Spec:
    def of(model: Any, beta: Tensor, x: Tensor) -> Tensor:
        return spec(model, beta, x)

    return of


vq_loss = _vq(lambda m, b, x: vqvae.loss(m, b, x, 1))
vq_recon = _vq(lambda m, b, x: vqvae.reconstruction_loss(m, x, 1))
codebook = _vq(lambda m, b, x: vqvae.codebook_loss(m, x, 1))
commitment = _vq(lambda m, b, x: vqvae.commitment_loss(m, x, 1))


def _wrong_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """A sign is wrong: + logσ²."""
    return f.mean(f.exp(logvar) + f.square(mu) - 1 + logvar) / 2


def _autoencoder(activation: str, parts: Sequence[Tensor]) -> autoencoder.Autoencoder:
    w, b, v, c = parts
    return autoencoder.Autoencoder(w, b, v, c, activation)


SMOOTH = ("relu", "sigmoid", "tanh", "identity")


def _by_hand(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor, g: Tensor, *ts: Tensor) -> Tensor:
    """⟨the hand-written gradients, t⟩, for each activation."""
    found = [autoencoder.backward(_autoencoder(name, (w, b, v, c)), x, g) for name in SMOOTH]
    return f.stack([_paired(gradients, ts) for gradients in found])


def _swept(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor, g: Tensor, *ts: Tensor) -> Tensor:
    """⟨the gradients of one reverse sweep, t⟩, for each activation."""

    def pulled(name: str) -> Any:
        def forward(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor) -> Tensor:
            return autoencoder.forward(_autoencoder(name, (w, b, v, c)), x)

        return vjp(forward, tuple(range(5)))(w, b, v, c, x)[1](g)

    return f.stack([_paired(pulled(name), ts) for name in SMOOTH])


def _after_activation(w: Tensor, b: Tensor, v: Tensor, c: Tensor, x: Tensor, g: Tensor, *ts: Tensor) -> Tensor:
    """The same by hand, but a′ is taken of a(z) in the place of z."""
    parts = []
    for name in SMOOTH:
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


def _affine_vae(mu: Tensor, logvar: Tensor, w: Tensor, b: Tensor) -> vae.Model:
    return vae.Model(vae.Encoder(lambda _: mu, lambda _: logvar), vae.Decoder(Linear(w, b)))


UPSTREAM = "NN.MLTheory.Generative.Latent.VAE"
SPEC, VQ_SPEC = "Generative.VAE.", "Generative.VQVAE."

FACTS: tuple[Fact, ...] = (
    Fact(
        "sample_latent_eq_reparameterize",
        "sample_latent(x, ε) = reparameterize_diag(mean(x), logvar(x), ε)",
        Equal(
            _vae(lambda m, b, x, e: vae.sample_latent(m, x, e)),
            _vae(lambda m, b, x, e: reparameterize_diag(m.encoder.mean(x), m.encoder.logvar(x), e)),
            OF_VAE,
        ),
        "log σ² is taken for log σ: σ = exp(logvar)",
        Equal(
            _vae(lambda m, b, x, e: vae.sample_latent(m, x, e)),
            _vae(lambda m, b, x, e: m.encoder.mean(x) + f.exp(m.encoder.logvar(x)) * e),
            OF_VAE,
        ),
        source=UPSTREAM,
    ),
    Fact(
        "forward_eq_decoder_sample_latent",
        "forward(x, ε) = decode(sample_latent(x, ε))",
        Equal(
            _vae(lambda m, b, x, e: vae.forward(m, x, e)),
            _vae(lambda m, b, x, e: m.decoder.forward(vae.sample_latent(m, x, e))),
            OF_VAE,
        ),
        "the noise is left out: decode(mean(x))",
        Equal(
            _vae(lambda m, b, x, e: vae.forward(m, x, e)),
            _vae(lambda m, b, x, e: m.decoder.forward(m.encoder.mean(x))),
            OF_VAE,
        ),
        source=f"{UPSTREAM}.forward_eq_decoder_sampleLatent",
    ),
    Fact(
        "forward_eq_decode_reparameterize",
        "forward(x, ε) = decode(mean(x) + exp(logvar(x) / 2) ⊙ ε)",
        Equal(
            _vae(lambda m, b, x, e: vae.forward(m, x, e)),
            _vae(lambda m, b, x, e: m.decoder.forward(m.encoder.mean(x) + f.exp(half(m.encoder.logvar(x))) * e)),
            OF_VAE,
        ),
        "a sign: decode(mean(x) - exp(logvar(x) / 2) ⊙ ε)",
        Equal(
            _vae(lambda m, b, x, e: vae.forward(m, x, e)),
            _vae(lambda m, b, x, e: m.decoder.forward(m.encoder.mean(x) - f.exp(half(m.encoder.logvar(x))) * e)),
            OF_VAE,
        ),
        source=f"{SPEC}forward_eq_decode_reparameterize",
    ),
    Fact(
        "loss_eq_reconstruction_add_kl",
        "loss(β, x, ε) = reconstruction_loss(x, ε) + β kl_loss(x)",
        Equal(loss, _vae(lambda m, b, x, e: recon(m, b, x, e) + b * kl(m, b, x, e)), OF_VAE),
        "a sign: reconstruction_loss - β kl_loss",
        Equal(loss, _vae(lambda m, b, x, e: recon(m, b, x, e) - b * kl(m, b, x, e)), OF_VAE),
        source=f"{UPSTREAM}.betaVae_loss_decomposition, {SPEC}loss_eq_reconstruction_add_kl",
    ),
    Fact(
        "beta_vae_loss_eq_weighted_two_term",
        "loss is the weighted two-term objective base + β regularizer of (reconstruction_loss, kl_loss)",
        Equal(loss, _vae(lambda m, b, x, e: vae_terms(m, x, e).weighted(b)), OF_VAE),
        "β weighs the base: regularizer + β base",
        Equal(loss, _vae(lambda m, b, x, e: TwoTerm(vae.kl_loss(m, x), recon(m, b, x, e)).weighted(b)), OF_VAE),
        source=f"{UPSTREAM}.betaVae_loss_eq_weightedTwoTerm",
    ),
    Fact(
        "beta_vae_loss_zero_beta",
        "loss(0, x, ε) = reconstruction_loss(x, ε)",
        Equal(_vae(lambda m, b, x, e: vae.loss(m, 0, x, e)), recon, OF_VAE),
        "at β = 1 instead of 0",
        Equal(_vae(lambda m, b, x, e: vae.loss(m, 1, x, e)), recon, OF_VAE),
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
            _vae(lambda m, b, x, e: recon(m, b, x, e) + b * _wrong_kl(*vae.encode(m, x))),
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
    Fact(
        "exp_ge_one_add",
        "exp(x) >= 1 + x",
        Nonnegative(lambda x: f.exp(x) - 1 - x, (Scalar,)),
        "a factor: exp(x) >= 1 + 2x",
        Nonnegative(lambda x: f.exp(x) - 1 - 2 * x, (Scalar,)),
        source=UPSTREAM,
    ),
    Fact(
        "exp_gt_one_add",
        "exp(x) > 1 + x for x ≠ 0, with equality at 0",
        Nonnegative(lambda x: f.exp(x) - 1 - x, (Scalar,), zero={"x": 0}),
        "equality at 1",
        Nonnegative(lambda x: f.exp(x) - 1 - x, (Scalar,), zero={"x": 1}),
        source=UPSTREAM,
    ),
    Fact(
        "kl_coordinate_nonneg",
        "(exp(l) + μ² - 1 - l) / 2 >= 0",
        Nonnegative(kl_coordinate, (Scalar, Scalar)),
        "a sign: + l",
        Nonnegative(_wrong_kl, (Scalar, Scalar)),
        source=UPSTREAM,
    ),
    Fact(
        "kl_coordinate_eq_zero_iff",
        "(exp(l) + μ² - 1 - l) / 2 = 0 iff μ = 0 and l = 0",
        Nonnegative(kl_coordinate, (Scalar, Scalar), zero={"mu": 0, "logvar": 0}),
        "μ² is left out",
        Nonnegative(lambda mu, logvar: f.expm1mx(logvar) / 2 + 0 * mu, (Scalar, Scalar), zero={"mu": 0, "logvar": 0}),
        source=UPSTREAM,
    ),
    Fact(
        "kl_nonneg",
        "Σ (exp(lᵢ) + μᵢ² - 1 - lᵢ) / 2 >= 0",
        Nonnegative(kl_sum, (MU, MU)),
        "a sign: - μᵢ²",
        Nonnegative(lambda mu, logvar: f.sum(f.exp(logvar) - f.square(mu) - 1 - logvar) / 2, (MU, MU)),
        source=UPSTREAM,
    ),
    Fact(
        "kl_eq_zero_iff",
        "Σ (exp(lᵢ) + μᵢ² - 1 - lᵢ) / 2 = 0 iff all μᵢ = 0 and all lᵢ = 0",
        Nonnegative(kl_sum, (MU, MU), zero={"mu": 0, "logvar": 0}),
        "the terms in l are left out",
        Nonnegative(
            lambda mu, logvar: f.sum(f.square(mu)) / 2 + 0 * f.sum(logvar), (MU, MU), zero={"mu": 0, "logvar": 0}
        ),
        source=f"{UPSTREAM}.diagonalGaussianKlToStandardReal_eq_zero_iff",
    ),
    Fact(
        "executable_kl_eq_sum_div_n",
        "the executable KL (a mean) = the KL of the theory (a sum) / n",
        Equal(diagonal_gaussian_kl_to_standard, lambda mu, logvar: kl_sum(mu, logvar) / len(mu), (MU, MU)),
        "sum for mean: without / n",
        Equal(diagonal_gaussian_kl_to_standard, kl_sum, (MU, MU)),
        ("n >= 1",),
    ),
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
        JointLaw(reparameterize_diag, independent=True),
        "without independence: ε₁ = ε₂ has the same coordinates",
        JointLaw(reparameterize_diag, independent=False),
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
    Fact(
        "quantized_eq_embedding",
        "quantized(i) = embedding[i]",
        Equal(_vq(lambda m, b, x: vqvae.quantized(m, 1)), _vq(lambda m, b, x: quantize_at(m.codebook, 1)), OF_VQ),
        "the next code",
        Equal(_vq(lambda m, b, x: vqvae.quantized(m, 1)), _vq(lambda m, b, x: quantize_at(m.codebook, 2)), OF_VQ),
        source=f"{VQ_SPEC}quantized_eq_embedding",
    ),
    Fact(
        "vq_loss_eq_weighted_three_term",
        "VQ loss = reconstruction + codebook + β commitment",
        Equal(vq_loss, _vq(lambda m, b, x: vqvae_terms(m, x, 1).weighted(b)), OF_VQ),
        "β weighs the reconstruction",
        Equal(
            vq_loss,
            _vq(lambda m, b, x: b * vq_recon(m, b, x) + codebook(m, b, x) + commitment(m, b, x)),
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
        Equal(codebook, _vq(lambda m, b, x: LATENT * commitment(m, b, x)), OF_VQ),
    ),
    Fact(
        "vq_loss_eq_reconstruction_add_codebook",
        "VQ loss = reconstruction + (1 + β) codebook",
        Equal(vq_loss, _vq(lambda m, b, x: vq_recon(m, b, x) + (1 + b) * codebook(m, b, x)), OF_VQ),
        "reconstruction + β codebook",
        Equal(vq_loss, _vq(lambda m, b, x: vq_recon(m, b, x) + b * codebook(m, b, x)), OF_VQ),
    ),
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


def facts() -> tuple[Fact, ...]:
    """All facts."""
    return FACTS


def check(fact: Fact | str) -> Verdict:
    """A fact, by itself or by name: proved (how), refuted (with a witness), or undecided.

    `check(fact.control)` checks its mutation in the same way. Raises UnknownName for a name that no fact has.
    """
    if isinstance(fact, Fact):
        return timed(fact.claim.check)()
    found = [known for known in FACTS if known.name == fact]
    if not found:
        raise UnknownName(f"no fact is called {fact!r}; there are {', '.join(known.name for known in FACTS)}")
    return check(found[0])
