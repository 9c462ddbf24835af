"""What training the digits' VAE takes, whoever trains it: the model, the loss, the batches, and the last report.

`train_in_torch` and `train_in_jax` train it from the spec's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec import layers
from scalarspec.examples.digits import ALL, BETA_VAE, HELD_OUT, load
from scalarspec.models import vae

STEPS, BATCH, RATE = 300, 128, 3e-3


def untrained(seed: int = 0) -> vae.Model:
    """The VAE 64-32-(8, 8)-32-64, with random weights of variance 1/inputs."""
    rng = np.random.default_rng(seed)

    def linear(n: int, m: int) -> layers.Linear:
        return layers.Linear(rng.standard_normal((m, n)) / np.sqrt(n), np.zeros(m))

    encoder = vae.Encoder.with_trunk(layers.Sequential(linear(64, 32), layers.relu), linear(32, 8), linear(32, 8))
    decoder = layers.Sequential(linear(8, 32), layers.relu, linear(32, 64), layers.sigmoid)
    return vae.Model(encoder, vae.Decoder(decoder))


def batch_loss(model: vae.Model, x: ss.Tensor, eps: ss.Tensor) -> ss.Tensor:
    """The mean of the VAE's loss over a batch. x: (b, 64); eps: (b, 8); result: ()."""
    return ss.mean(ss.batched(vae.loss, over=("x", "eps"))(model, BETA_VAE, x, eps))


def batches(steps: int, seed: int = 0) -> Iterator[tuple[Any, Any]]:
    """Digits and noise, in float32, for each step."""
    rng, pixels = np.random.default_rng(seed), load(ALL).pixels[:-HELD_OUT].astype(np.float32)
    for _ in range(steps):
        yield pixels[rng.integers(len(pixels), size=BATCH)], rng.standard_normal((BATCH, 8), dtype=np.float32)


def report(model: vae.Model, losses: list[float], actual: Callable[..., Any]) -> str:
    """How training went; bounds on the loss around a held-out digit, and what float32 gives there.

    actual: what a library gives for the model's loss at that digit, a function of the model, the digit and the noise.
    """
    digits = load(1)
    arguments = (vae.loss, model, BETA_VAE, digits.pixels[0], digits.eps[0])
    bounds = ss.bounds(*arguments, vary={"x": ss.ball("1/100")})
    checked = ss.crosscheck(*arguments, actual=actual(model, digits.pixels[0], digits.eps[0]))
    went = f"loss {losses[0]:.4f} -> {np.mean(losses[-10:]):.4f} in {len(losses)} steps"
    return f"{went}\nwithin 1/100 of a held-out digit: {bounds}\n{checked}"
