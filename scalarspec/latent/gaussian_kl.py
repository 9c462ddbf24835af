"""The KL divergence of diagonal Gaussians from the standard one. logvar = log σ², in nats."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Tensor
from scalarspec.latent.reparameterization import half


def diagonal_gaussian_kl_to_standard(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = (e^logσ² + μ² - 1 - logσ²) / 2 in nats, as the mean over the latent coordinates.

    mu, logvar: (*latent,); result: (). It is never negative, and 0 for μ = 0 and logσ² = 0 alone. Raises ShapeError for
    other shapes, but for numbers. Kingma & Welling 2014, appendix B, has the sum over the coordinates.
    """
    check_one_shape("diagonal_gaussian_kl_to_standard", mu, logvar)
    return f.mean(half(f.expm1mx(logvar) + f.square(mu)))
