"""The objects of the theory that are no losses by themselves: weighted objectives, ELBO terms, the KL as a sum."""

from __future__ import annotations

from dataclasses import dataclass

from scalarspec.core import functions as f
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.latent import diagonal_gaussian_kl_to_standard
from scalarspec.models import vae, vqvae


@dataclass(frozen=True, eq=False)
class TwoTerm:
    """An objective of two terms, the second of which is weighted.

    base, regularizer: the terms, of shape ().
    """

    base: Tensor
    regularizer: Tensor

    def weighted(self, beta: Operand) -> Tensor:
        """base + beta * regularizer."""
        return self.base + f.multiply(beta, self.regularizer)


@dataclass(frozen=True, eq=False)
class ThreeTerm:
    """An objective of three terms, the last of which is weighted.

    base, second, regularizer: the terms, of shape ().
    """

    base: Tensor
    second: Tensor
    regularizer: Tensor

    def weighted(self, beta: Operand) -> Tensor:
        """base + second + beta * regularizer."""
        return self.base + self.second + f.multiply(beta, self.regularizer)


def vae_terms(model: vae.Model, x: Tensor, eps: Tensor) -> TwoTerm:
    """The reconstruction and the KL (upstream: vaeObjectiveTerms).

    model, x, eps: as for `vae.loss`.
    """
    return TwoTerm(vae.reconstruction_loss(model, x, eps), vae.kl_loss(model, x))


def vqvae_terms(model: vqvae.Model, x: Tensor, idx: int) -> ThreeTerm:
    """The reconstruction, the codebook loss and the commitment loss.

    model, x, idx: as for `vqvae.loss`.
    """
    reconstruction = vqvae.reconstruction_loss(model, x, idx)
    return ThreeTerm(reconstruction, vqvae.codebook_loss(model, x, idx), vqvae.commitment_loss(model, x, idx))


@dataclass(frozen=True, eq=False)
class ElboTerms:
    """E[-log p(x|z)] and KL(q(z|x) ‖ p(z)), as numbers of shape (): what they are is an assumption about the model.

    reconstruction_nll, kl_posterior_prior: these two.

        terms = ss.theory.ElboTerms(ss.context("rational").tensor(2), ss.context("rational").tensor(1))
    """

    reconstruction_nll: Tensor
    kl_posterior_prior: Tensor


def negative_elbo(terms: ElboTerms) -> Tensor:
    """reconstruction_nll + kl_posterior_prior.

    terms: of shape ().
    """
    return terms.reconstruction_nll + terms.kl_posterior_prior


def beta_negative_elbo(beta: Operand, terms: ElboTerms) -> Tensor:
    """reconstruction_nll + beta * kl_posterior_prior.

    beta: a number; terms: of shape ().
    """
    return terms.reconstruction_nll + f.multiply(beta, terms.kl_posterior_prior)


def kl_coordinate(mu: Tensor, logvar: Tensor) -> Tensor:
    """(e^logσ² + μ² - 1 - logσ²) / 2, of one coordinate: tensors of shape (). The executable loss, at that shape.

    mu, logvar: () each.

        ss.theory.kl_coordinate(ss.context("rational").tensor(1), ss.context("rational").tensor(0))    # 1/2
    """
    return diagonal_gaussian_kl_to_standard(mu, logvar)


def kl_sum(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, I)) in nats, as the sum over coordinates: what the theory is about.

    mu, logvar: (n,) each; result: ().

        ss.theory.kl_sum(ss.context("rational").tensor([1, 2]), ss.context("rational").tensor([0, 0]))    # 5/2
    """
    return f.sum(f.exp(logvar) + f.square(mu) - 1 - logvar) / 2


def variance_of_scale(sigma: Tensor) -> Tensor:
    """The variance that multiplying a standard normal by σ gives: σ².

    sigma: any shape; result: the same one.

        ss.theory.variance_of_scale(ss.context("rational").tensor(3))    # 9
    """
    return f.square(sigma)
