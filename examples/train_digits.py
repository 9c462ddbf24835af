"""Train the models of `digits.npz` on scikit-learn's 8x8 digits: `pip install '.[train]'`, then run this file.

An autoencoder 64-16-64 (relu), a VAE 64-32-(8, 8)-32-64 whose heads share a trunk, and a VQ-VAE 64-32-8-32-64 with 32
codes, all in float32. Pixels are k/16, which is exact in binary. The last 100 of the 1,797 digits are held out. All are
stored beside the weights, with a fixed noise for the VAE.
"""

import itertools
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as tf

HELD_OUT = 100
BETA = 1 / 32
EPOCHS = 400


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with relu between them."""
    layers: list[nn.Module] = []
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Vae(nn.Module):
    """The VAE; `loss` is scalarspec's, with torch's random noise."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 32), nn.ReLU())
        self.mean, self.logvar = nn.Linear(32, 8), nn.Linear(32, 8)
        self.decoder = nn.Sequential(mlp(8, 32, 64), nn.Sigmoid())

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.trunk(x)
        mu, logvar = self.mean(hidden), self.logvar(hidden)
        z = mu + torch.exp(logvar / 2) * torch.randn_like(mu)
        kl = (torch.exp(logvar) + mu**2 - 1 - logvar).mean() / 2
        return tf.mse_loss(self.decoder(z), x) + BETA * kl


class VqVae(nn.Module):
    """The VQ-VAE, with the straight-through gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = mlp(64, 32, 8), mlp(8, 32, 64)
        self.codebook = nn.Parameter(torch.randn(32, 8))

    def restart_dead_codes(self, x: torch.Tensor) -> None:
        """Move the codes that no input uses onto encodings of random inputs."""
        with torch.no_grad():
            z = self.encoder(x)
            used = torch.cdist(z, self.codebook).argmin(1).unique()
            dead = [i for i in range(len(self.codebook)) if i not in set(used.tolist())]
            self.codebook[dead] = z[torch.randint(len(z), (len(dead),))]

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        z = self.encoder(x)
        code = self.codebook[torch.cdist(z, self.codebook).argmin(1)]
        reconstruction = self.decoder(z + (code - z).detach())
        return tf.mse_loss(reconstruction, x) + tf.mse_loss(code, z.detach()) + 0.25 * tf.mse_loss(z, code.detach())


class Autoencoder(nn.Module):
    """The one-hidden-layer autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(64, 16, 64)

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        return tf.mse_loss(self.net(x), x)


def train(model: Vae | VqVae | Autoencoder, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Adam on shuffled batches; the parameters as NumPy arrays."""
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(EPOCHS):
        if isinstance(model, VqVae) and epoch % 20 == 0 and epoch < EPOCHS // 2:
            model.restart_dead_codes(x)
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = model.loss(x[batch])
            loss.backward()
            optimizer.step()
    print(type(model).__name__, "training loss", model.loss(x).item())
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def main() -> None:
    """Train all three and write `digits.npz`."""
    torch.manual_seed(0)
    digits = load_digits()
    pixels = digits.data.astype(np.uint8)
    x = torch.tensor(pixels[:-HELD_OUT] / 16, dtype=torch.float32)
    models = {"ae": Autoencoder(), "vae": Vae(), "vqvae": VqVae()}
    arrays = {f"{key}.{name}": value for key, model in models.items() for name, value in train(model, x).items()}
    shares = [(1, len(pixels) - HELD_OUT), (0, HELD_OUT)]
    eps = np.concatenate([np.random.default_rng(seed).standard_normal((n, 8)) for seed, n in shares])
    data = {"pixels": pixels, "labels": digits.target.astype(np.uint8), "eps": eps.astype(np.float32)}
    np.savez_compressed(Path(__file__).with_name("digits.npz"), **arrays, **data)


if __name__ == "__main__":
    main()
