"""Train the network of `digit_cnn.npz` on the digits in `digits.npz`: `pip install torch`, then run this file.

Two convolutions of 3x3, each with relu and max-pooling, 8 and 16 channels wide, and a linear head, in float32. The last
100 digits are held out. Uniform noise on the pixels is what makes its margins wide enough to be proved.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as tf

HELD_OUT = 100
EPOCHS = 60
NOISE = 0.2
FOLDER = Path(__file__).parent


def network() -> nn.Sequential:
    """The layers, in the order of `digit_cnn.py`."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def train(net: nn.Sequential, x: torch.Tensor, labels: torch.Tensor) -> None:
    """Adam on shuffled batches, each with its own noise."""
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(64):
            noisy = x[batch] + NOISE * (2 * torch.rand_like(x[batch]) - 1)
            optimizer.zero_grad()
            tf.cross_entropy(net(noisy), labels[batch]).backward()
            optimizer.step()
        schedule.step()


def main() -> None:
    """Train, say how many held-out digits are told right, and write `digit_cnn.npz`."""
    torch.manual_seed(0)
    with np.load(FOLDER / "digits.npz") as data:
        pixels, labels = data["pixels"], torch.tensor(data["labels"], dtype=torch.int64)
    x = torch.tensor(pixels.reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    net = network()
    train(net, x[:-HELD_OUT], labels[:-HELD_OUT])
    right = (net(x).argmax(1) == labels).float()
    print("right:", right[:-HELD_OUT].mean().item(), "in training,", right[-HELD_OUT:].mean().item(), "held out")
    np.savez_compressed(FOLDER / "digit_cnn.npz", **{name: value.numpy() for name, value in net.state_dict().items()})


if __name__ == "__main__":
    main()
