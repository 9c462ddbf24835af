"""A network that is written and trained in PyTorch alone, and then certified as it stands: run this file, where PyTorch
is installed (`pip install 'scalarspec[torch]'`).

The module below knows nothing of scalarspec. Its parameters enter at their exact float32 values.
"""

from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.examples.digits import ALL, load


def digits() -> tuple[Any, Any]:
    """The images, (1797, 64) in float32, and their labels."""
    found = load(ALL)
    return np.asarray(found.pixels, dtype=np.float32), np.array(found.labels)


def trained(steps: int = 200) -> Any:
    """A classifier of the 8 x 8 digits, trained by Adam, in evaluation mode. Nothing of scalarspec is in it."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    images, labels = (torch.from_numpy(a) for a in digits())
    net = nn.Sequential(nn.Linear(64, 24), nn.LayerNorm(24), nn.GELU(), nn.Dropout(0.1), nn.Linear(24, 10))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return net.eval()


def main() -> None:
    """What is certain of the network around one digit."""
    import torch

    net, (images, labels) = trained(), digits()
    x, label = images[0], int(labels[0])

    # Its logits while each pixel moves by 1/100, rounding included.
    print(ss.bounds(net, x, vary={"input": ss.ball("0.01")}))

    # No such change makes it another digit: a proof, or a counterexample in exact arithmetic.
    stays = ss.prove(lambda x: (net(x) <= net(x)[label]).all(), x, vary={"x": ss.ball("0.01")})
    print(f"it stays a {label}: {stays.status}")

    # How far PyTorch's float32 is from the exact values of the same parameters.
    print(ss.crosscheck(net, x, actual=net(torch.from_numpy(x)).detach().numpy()))


if __name__ == "__main__":
    main()
