"""The digits' VAE, trained by PyTorch from the spec's text: `pip install 'scalarspec[torch]'`, then run this file.

Adam, 300 steps on batches of 128 of the digits that are not held out, from small random weights. Then the same text
bounds the loss of a held-out digit around it, and certifies the float32 that PyTorch gives there.
"""

from __future__ import annotations

from typing import Any

import scalarspec as ss
from scalarspec.examples.digit_training import RATE, STEPS, batch_loss, batches, report, untrained
from scalarspec.examples.digits import BETA_VAE
from scalarspec.models import vae


def train(steps: int = STEPS) -> tuple[vae.Model, list[float]]:
    """The trained model, its numbers in NumPy's arrays, and the loss of each step."""
    import torch

    module, losses = ss.to_torch(batch_loss, untrained(), inputs=("x", "eps")), []
    optimizer = torch.optim.Adam(module.parameters(), RATE)
    for x, eps in batches(steps):
        optimizer.zero_grad()
        loss = module(torch.from_numpy(x), torch.from_numpy(eps))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return module.model(), losses


def by_torch(model: vae.Model, x: Any, eps: Any) -> Any:
    """The loss of one digit in float32, as PyTorch has it."""
    import torch

    module = ss.to_torch(vae.loss, model, BETA_VAE, inputs=("x", "eps"))
    return module(torch.tensor(x, dtype=torch.float32), torch.tensor(eps)).detach().numpy()


if __name__ == "__main__":
    print(report(*train(), by_torch))
