"""The variational autoencoder, with its noise explicit (seed NN.Spec.Models.Vae; Kingma & Welling 2014).

Stages: h (with a trunk), mu, logvar, z, x_hat, recon, kl, loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalarspec import latent
from scalarspec.core.functions import Operand, exp, matmul, mean, multiply, square, stage
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.layers import Linear, Map
from scalarspec.loss import mse

Moments = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Encoder:
    """The diagonal Gaussian q(z|x): two maps from an observation, to μ and to logσ²."""

    mean: Map
    logvar: Map

    def __call__(self, x: Tensor) -> Moments:
        """(μ, logσ²)."""
        return self.mean(x), self.logvar(x)

    @staticmethod
    def with_trunk(trunk: Map, mean: Map, logvar: Map) -> TrunkEncoder:
        """An encoder whose two heads share a trunk, which one encoding evaluates once."""
        return TrunkEncoder(trunk, mean, logvar)


@dataclass(frozen=True, eq=False)
class TrunkEncoder:
    """The encoder with mean(x) = mean_head(trunk(x)) and logvar(x) = logvar_head(trunk(x))."""

    trunk: Map
    mean_head: Map
    logvar_head: Map

    def mean(self, x: Tensor) -> Tensor:
        """μ."""
        return self.mean_head(self.trunk(x))

    def logvar(self, x: Tensor) -> Tensor:
        """logσ²."""
        return self.logvar_head(self.trunk(x))

    def __call__(self, x: Tensor) -> Moments:
        """(μ, logσ²), the trunk evaluated once."""
        hidden = stage("h", self.trunk(x))
        return self.mean_head(hidden), self.logvar_head(hidden)


@dataclass(frozen=True, eq=False)
class Decoder:
    """p(x|z), by the map from a latent to the mean of the reconstruction."""

    forward: Map


@dataclass(frozen=True, eq=False)
class Model:
    """An encoder and a decoder."""

    encoder: Encoder | TrunkEncoder | Callable[[Tensor], Moments]
    decoder: Decoder


def encode(model: Model, x: Tensor) -> Moments:
    """(μ, logσ²) of q(z|x), each of shape (*latent,)."""
    mu, logvar = model.encoder(x)
    return stage("mu", mu), stage("logvar", logvar)


def sample_latent(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """z = μ + exp(logσ² / 2) ⊙ ε, of shape (*latent,)."""
    return _sample(encode(model, x), eps)


def forward(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """Encode, reparameterise, decode: the reconstruction, of shape (*obs,)."""
    return _decode(model, sample_latent(model, x, eps))


def reconstruction_loss(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """The mean squared error of the reconstruction over the observation."""
    return _reconstruction(forward(model, x, eps), x)


def kl_loss(model: Model, x: Tensor) -> Tensor:
    """KL(q(z|x) ‖ N(0, I)), as the mean over the latent coordinates. It does not depend on ε."""
    return _kl(encode(model, x))


def loss(model: Model, beta: Operand, x: Tensor, eps: Tensor) -> Tensor:
    """reconstruction_loss + beta * kl_loss, with one encoding. Higgins et al. 2017 for beta != 1."""
    moments = encode(model, x)
    reconstruction = _reconstruction(_decode(model, _sample(moments, eps)), x)
    return stage("loss", reconstruction + multiply(beta, _kl(moments)))


def _sample(moments: Moments, eps: Tensor) -> Tensor:
    return stage("z", latent.reparameterize_diag(*moments, eps))


def _decode(model: Model, z: Tensor) -> Tensor:
    return stage("x_hat", model.decoder.forward(z))


def _reconstruction(x_hat: Tensor, x: Tensor) -> Tensor:
    return stage("recon", mse(x_hat, x))


def _kl(moments: Moments) -> Tensor:
    return stage("kl", latent.diagonal_gaussian_kl_to_standard(*moments))


def expected_reconstruction_loss(model: Model, x: Tensor) -> Tensor:
    """E over ε ~ N(0, I) of `reconstruction_loss`, without sampling, for a decoder W z + b.

    mse(W μ + b, x) + Σ W_ij² σ_j² / d: the error is quadratic in ε, whose mean is 0 and whose covariance is I.
    x: (d,); the latent has one dimension. Raises ArgumentError unless the decoder is a `layers.Linear`.
    """
    return _expected_reconstruction(model, x, *encode(model, x))


def expected_loss(model: Model, beta: Operand, x: Tensor) -> Tensor:
    """E over ε of `loss`: expected_reconstruction_loss + beta * kl_loss, with one encoding."""
    mu, logvar = encode(model, x)
    kl = latent.diagonal_gaussian_kl_to_standard(mu, logvar)
    return _expected_reconstruction(model, x, mu, logvar) + multiply(beta, kl)


def _expected_reconstruction(model: Model, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    decoder = model.decoder.forward
    if not isinstance(decoder, Linear):
        raise ArgumentError(f"decoder: expected a layers.Linear, which is affine in z, got {type(decoder).__name__}")
    variances = matmul(square(x.context.tensor(decoder.weight)), exp(logvar))
    return mse(decoder(mu), x) + mean(variances)
