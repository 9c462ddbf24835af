"""Facts about the importance weighted bound, with any encoder and decoder."""

from __future__ import annotations

from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.models import iwae, vae
from scalarspec.theory.arbitrary import EPS, LATENT, VAE, X
from scalarspec.theory.fact import Equal, Fact

ONE_DRAW = Shape((1, LATENT))


def _log_weight(model: Any, x: Tensor, eps: Tensor) -> Tensor:
    return iwae.log_weight(model, x, vae.encode(model, x), eps)


def _log_densities(model: Any, x: Tensor, eps: Tensor) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x): the last is the density of ε, over the product of the scales."""
    z, logvar = vae.sample_latent(model, x, eps), model.encoder.logvar(x)
    posterior = iwae.log_normal(eps) - f.sum(logvar) / 2
    return iwae.log_normal(x - vae.forward(model, x, eps)) + iwae.log_normal(z) - posterior


IWAE_FACTS: tuple[Fact, ...] = (
    Fact(
        "iwae_of_one_sample_is_the_elbo",
        "with k = 1 the bound is log p(x, z) - log q(z|x), the ELBO of one sample",
        Equal(iwae.bound, lambda m, x, e: _log_weight(m, x, e[0]), (VAE, X, ONE_DRAW)),
        "log p(x|z) alone",
        Equal(iwae.bound, lambda m, x, e: iwae.log_normal(x - vae.forward(m, x, e[0])), (VAE, X, ONE_DRAW)),
    ),
    Fact(
        "iwae_log_weight_eq_log_densities",
        "log w = log N(x; x̂, I) + log N(z; 0, I) - log N(z; μ, σ²)",
        Equal(_log_weight, _log_densities, (VAE, X, EPS)),
        "the log-variance is left out of q",
        Equal(_log_weight, lambda m, x, e: _log_densities(m, x, e) - f.sum(m.encoder.logvar(x)) / 2, (VAE, X, EPS)),
    ),
)
