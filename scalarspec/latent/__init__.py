"""Latent-variable helpers: reparameterisation, the Gaussian KL term, and codebooks (seed NN.Spec.Generative.Latent).

May import: `core`, `numbers`.
"""

from scalarspec.latent.codebooks import Codebook, quantize_at
from scalarspec.latent.gaussian_kl import diagonal_gaussian_kl_to_standard
from scalarspec.latent.reparameterization import exp, half, reparameterize_diag

__all__ = ["Codebook", "diagonal_gaussian_kl_to_standard", "exp", "half", "quantize_at", "reparameterize_diag"]
