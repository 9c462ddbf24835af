"""The workloads that are measured: models of three sizes on random weights, and the same written by hand in NumPy.

A: the VAE loss 784-400-20 (MNIST's size), a trunk shared by both heads. B: the same, 64-32-8. C: an autoencoder
784-64-784 and its error. And a classifier of two hidden layers of 256 rectifiers, as in the verification competition.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scalarspec import layers
from scalarspec.models import autoencoder, vae

A, B = (784, 400, 20), (64, 32, 8)
BETA = 1


@dataclass(frozen=True)
class Linear:
    """The parameters of a layer, and the layer in NumPy."""

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def random(cls, rng, inputs, outputs):
        """Weights of variance 1/inputs."""
        return cls(rng.normal(size=(outputs, inputs)) / np.sqrt(inputs), rng.normal(size=outputs) / 10)

    def __call__(self, x):
        """The rows of x through the layer."""
        return (self.weight @ x if x.ndim == 1 else x @ self.weight.T) + self.bias

    def spec(self):
        """The same as a layer of ours."""
        return layers.Linear(self.weight, self.bias)


@dataclass(frozen=True)
class Vae:
    """The VAE of some sizes (observation, hidden, latent), and an input for it."""

    sizes: tuple
    batch: int | None = None

    def __post_init__(self):
        d, h, k = self.sizes
        rng = np.random.default_rng(0)
        parts = {"trunk": (d, h), "mean": (h, k), "logvar": (h, k), "decode": (k, h), "out": (h, d)}
        for name, (inputs, outputs) in parts.items():
            object.__setattr__(self, name, Linear.random(rng, inputs, outputs))
        rows = () if self.batch is None else (self.batch,)
        object.__setattr__(self, "x", rng.uniform(size=(*rows, d)))
        object.__setattr__(self, "eps", rng.normal(size=(*rows, k)))

    def model(self):
        """The spec's model."""
        trunk = layers.Sequential(self.trunk.spec(), layers.relu)
        encoder = vae.Encoder.with_trunk(trunk, self.mean.spec(), self.logvar.spec())
        net = layers.Sequential(self.decode.spec(), layers.relu, self.out.spec(), layers.sigmoid)
        return vae.Model(encoder, vae.Decoder(net))

    def by_hand(self):
        """The loss of each row, as one would write it in NumPy."""
        x = self.x
        hidden = np.maximum(self.trunk(x), 0)
        mu, logvar = self.mean(hidden), self.logvar(hidden)
        z = mu + np.exp(logvar / 2) * self.eps
        y = 1 / (1 + np.exp(-self.out(np.maximum(self.decode(z), 0))))
        kl = np.mean(np.exp(logvar) + mu**2 - 1 - logvar, axis=-1) / 2
        return np.mean((y - x) ** 2, axis=-1) + BETA * kl


@dataclass(frozen=True)
class Rectifiers:
    """The scores of a network of rectifiers of some sizes, inputs and scores included, and an input for it."""

    sizes: tuple = (784, 256, 256, 10)

    def __post_init__(self):
        rng = np.random.default_rng(0)
        object.__setattr__(self, "linear", [Linear.random(rng, *pair) for pair in pairwise(self.sizes)])
        object.__setattr__(self, "x", rng.uniform(size=self.sizes[0]))

    def model(self):
        """The spec's model."""
        *hidden, last = [each.spec() for each in self.linear]
        return layers.Sequential(*(part for each in hidden for part in (each, layers.relu)), last)

    def by_hand(self):
        """The scores, as one would write them in NumPy."""
        *hidden, last = self.linear
        t = self.x
        for layer in hidden:
            t = np.maximum(layer(t), 0)
        return last(t)


@dataclass(frozen=True)
class Autoencoder:
    """The autoencoder of some sizes (observation, hidden), and an input for it."""

    sizes: tuple = (784, 64)
    batch: int | None = None

    def __post_init__(self):
        d, h = self.sizes
        rng = np.random.default_rng(0)
        object.__setattr__(self, "encode", Linear.random(rng, d, h))
        object.__setattr__(self, "decode", Linear.random(rng, h, d))
        object.__setattr__(self, "x", rng.uniform(size=(d,) if self.batch is None else (self.batch, d)))

    def model(self):
        """The spec's model."""
        e, d = self.encode, self.decode
        return autoencoder.Autoencoder(e.weight, e.bias, d.weight, d.bias)

    def by_hand(self):
        """The error of each row, in NumPy."""
        return np.mean((self.x - self.decode(np.maximum(self.encode(self.x), 0))) ** 2, axis=-1)
