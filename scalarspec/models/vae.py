"""The variational autoencoder, with its noise explicit (seed NN.Spec.Models.Vae; Kingma & Welling 2014)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalarspec import latent
from scalarspec.functions import Operand, multiply
from scalarspec.layers import Map
from scalarspec.loss import mse
from scalarspec.tensor import Tensor

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
        hidden = self.trunk(x)
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
    return model.encoder(x)


def sample_latent(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """z = μ + exp(logσ² / 2) ⊙ ε, of shape (*latent,)."""
    return latent.reparameterize_diag(*encode(model, x), eps)


def forward(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """Encode, reparameterise, decode: the reconstruction, of shape (*obs,)."""
    return model.decoder.forward(sample_latent(model, x, eps))


def reconstruction_loss(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """The mean squared error of the reconstruction over the observation."""
    return mse(forward(model, x, eps), x)


def kl_loss(model: Model, x: Tensor) -> Tensor:
    """KL(q(z|x) ‖ N(0, I)), as the mean over the latent coordinates. It does not depend on ε."""
    return latent.diagonal_gaussian_kl_to_standard(*encode(model, x))


def loss(model: Model, beta: Operand, x: Tensor, eps: Tensor) -> Tensor:
    """reconstruction_loss + beta * kl_loss, with one encoding. Higgins et al. 2017 for beta != 1."""
    mu, logvar = encode(model, x)
    reconstruction = mse(model.decoder.forward(latent.reparameterize_diag(mu, logvar, eps)), x)
    return reconstruction + multiply(beta, latent.diagonal_gaussian_kl_to_standard(mu, logvar))
