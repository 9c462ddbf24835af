"""Samples of a Gaussian with explicit noise. Variances are given by their logarithms, in nats: logvar = log σ²."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Tensor


def exp(x: Tensor) -> Tensor:
    """eˣ for each element, for log-variances. x: any shape; result: the same one."""
    return f.exp(x)


def half(x: Tensor) -> Tensor:
    """x / 2 for each element. x: any shape; result: the same one."""
    return x / 2


def reparameterize_diag(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """The sample μ + exp(logσ² / 2) ⊙ ε of N(μ, σ²), with its noise explicit.

    mu, logvar: (*latent,); eps: (*latent,), a draw from N(0, I); result: (*latent,). Raises ShapeError for other
    shapes, but for numbers. Kingma & Welling 2014, section 2.4.

        context = ss.context("float64")
        mu, logvar, eps = (context.tensor(values) for values in ([1, 2], [0, 0], [0.5, -0.5]))
        ss.latent.reparameterize_diag(mu, logvar, eps)    # [1.5, 1.5]
    """
    check_one_shape("reparameterize_diag", mu, logvar, eps)
    return mu + exp(half(logvar)) * eps
