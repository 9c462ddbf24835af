"""The digits' VAE, trained by JAX from the spec's text: `pip install 'scalarspec[jax]'`, then run this file.

The same model, batches and rate as in `train_in_torch`. The model is a pytree, so that Adam is ten lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.core.lifting import mapped
from scalarspec.examples.digit_training import RATE, STEPS, batch_loss, batches, report, untrained
from scalarspec.examples.digits import BETA_VAE
from scalarspec.models import vae


def train(steps: int = STEPS) -> tuple[vae.Model, list[float]]:
    """The trained model, its numbers in NumPy's arrays, and the loss of each step."""
    import jax
    import jax.numpy as jnp

    floats = ss.context("jax")

    def loss(model: vae.Model, x: Any, eps: Any) -> Any:
        return batch_loss(model, floats.tensor(x), floats.tensor(eps)).value

    @jax.jit  # type: ignore[untyped-decorator]
    def step(model: Any, first: Any, second: Any, count: int, x: Any, eps: Any) -> Any:
        """Kingma & Ba 2014, algorithm 1."""
        value, gradient = jax.value_and_grad(loss)(model, x, eps)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        model = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), model, first, second)
        return model, first, second, value

    model, losses = ss.lift(untrained(), floats), []
    first = second = jax.tree.map(jnp.zeros_like, model)
    for count, (x, eps) in enumerate(batches(steps), 1):
        model, first, second, value = step(model, first, second, count, x, eps)
        losses.append(float(value))
    return in_numpy(model), losses


def in_numpy(model: Any) -> Any:
    """A model with NumPy's arrays in the place of its tensors, exactly."""
    return mapped(model, lambda part, _: np.asarray(part) if isinstance(part, ss.Tensor) else None)


def by_jax(model: vae.Model, x: Any, eps: Any) -> Any:
    """The loss of one digit in float32, as JAX has it."""
    floats = ss.context("jax")
    return np.asarray(vae.loss(ss.lift(model, floats), BETA_VAE, floats.tensor(x), floats.tensor(eps)))


if __name__ == "__main__":
    print(report(*train(), by_jax))
