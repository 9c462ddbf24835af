"""The shipped models' losses as one would write them in NumPy and in PyTorch: what `scalarspec certify` checks.

Each takes the arguments of the spec, on NumPy arrays, and gives its stages by the spec's names, the loss last. `dtype`
is the format in which it computes: "float32" or "float64".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Stages = dict[str, Any]


class NumPy:
    """What the losses need of NumPy."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def array(self, values: Any) -> Any:
        """An array of the format."""
        return np.asarray(values, dtype=self.dtype)

    def linear(self, layer: Any, x: Any) -> Any:
        """W x + b."""
        return self.array(layer.weight) @ x + self.array(layer.bias)

    def relu(self, x: Any) -> Any:
        """max(x, 0)."""
        return np.maximum(x, 0)

    def exp(self, x: Any) -> Any:
        """eˣ."""
        return np.exp(x)

    def sigmoid(self, x: Any) -> Any:
        """1 / (1 + e⁻ˣ)."""
        return 1 / (1 + np.exp(-x))

    def mse(self, prediction: Any, target: Any) -> Any:
        """The mean squared error."""
        return np.mean((prediction - target) ** 2)

    def mean(self, x: Any) -> Any:
        """The mean."""
        return np.mean(x)

    def number(self, value: Any) -> Any:
        """A number of the format."""
        return self.dtype.type(float(value))


class PyTorch(NumPy):
    """What the losses need of PyTorch."""

    def __init__(self, dtype: str) -> None:
        import torch

        self.torch = torch
        self.format = getattr(torch, dtype)

    def array(self, values: Any) -> Any:
        """A tensor of the format."""
        return self.torch.as_tensor(np.asarray(values), dtype=self.format)

    def linear(self, layer: Any, x: Any) -> Any:
        """`F.linear`."""
        return self.torch.nn.functional.linear(x, self.array(layer.weight), self.array(layer.bias))

    def relu(self, x: Any) -> Any:
        """`torch.relu`."""
        return self.torch.relu(x)

    def exp(self, x: Any) -> Any:
        """`torch.exp`."""
        return self.torch.exp(x)

    def sigmoid(self, x: Any) -> Any:
        """`torch.sigmoid`."""
        return self.torch.sigmoid(x)

    def mse(self, prediction: Any, target: Any) -> Any:
        """`F.mse_loss`."""
        return self.torch.nn.functional.mse_loss(prediction, target)

    def mean(self, x: Any) -> Any:
        """`torch.mean`."""
        return self.torch.mean(x)

    def number(self, value: Any) -> Any:
        """A Python float, which PyTorch rounds."""
        return float(value)


def vae_loss(lib: NumPy, model: Any, beta: Any, x: Any, eps: Any) -> Stages:
    """Reconstruction + β KL, with one encoding."""
    x, eps, (first, _, second, _) = lib.array(x), lib.array(eps), model.decoder.forward.layers
    h = lib.relu(lib.linear(model.encoder.trunk.layers[0], x))
    mu, logvar = lib.linear(model.encoder.mean_head, h), lib.linear(model.encoder.logvar_head, h)
    z = mu + lib.exp(logvar / 2) * eps
    x_hat = lib.sigmoid(lib.linear(second, lib.relu(lib.linear(first, z))))
    recon = lib.mse(x_hat, x)
    kl = lib.mean(lib.exp(logvar) + mu**2 - 1 - logvar) / 2
    loss = recon + lib.number(beta) * kl
    return {"h": h, "mu": mu, "logvar": logvar, "z": z, "x_hat": x_hat, "recon": recon, "kl": kl, "loss": loss}


def vqvae_loss(lib: NumPy, model: Any, beta: Any, x: Any, idx: int) -> Stages:
    """Reconstruction + codebook + β commitment."""
    x = lib.array(x)
    (first, _, second), (third, _, fourth) = model.encoder.forward.layers, model.decoder.forward.layers
    z_e = lib.linear(second, lib.relu(lib.linear(first, x)))
    z_q = lib.array(model.codebook.embedding[idx])
    x_hat = lib.linear(fourth, lib.relu(lib.linear(third, z_q)))
    recon, codebook, commitment = lib.mse(x_hat, x), lib.mse(z_q, z_e), lib.mse(z_e, z_q)
    loss = recon + codebook + lib.number(beta) * commitment
    stages = {"z_e": z_e, "z_q": z_q, "x_hat": x_hat, "recon": recon}
    return {**stages, "codebook": codebook, "commitment": commitment, "loss": loss}


def autoencoder_error(lib: NumPy, model: Any, x: Any) -> Stages:
    """Σ (x - x̂)² / d."""
    x = lib.array(x)
    h = lib.relu(lib.array(model.encoder_weights) @ x + lib.array(model.encoder_bias))
    x_hat = lib.array(model.decoder_weights) @ h + lib.array(model.decoder_bias)
    return {"h": h, "x_hat": x_hat, "error": lib.mse(x_hat, x)}


LOSSES: dict[str, Callable[..., Stages]] = {
    "VAE": vae_loss,
    "VQ-VAE": vqvae_loss,
    "autoencoder": autoencoder_error,
}
LIBRARIES: dict[str, type[NumPy]] = {"NumPy": NumPy, "PyTorch": PyTorch}
