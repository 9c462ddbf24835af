"""Bounds of a convolutional network as large as those for CIFAR's images, in one call: what it takes.

    python -m scalarspec.examples.bound_image_cnn

The network has 3 x 32 x 32 inputs, two convolutions of stride 2, two dense layers and 215,000 weights, drawn as one
begins to train with them; what is asked is where its ten outputs lie while every input moves by 1/255. On one core of a
server it takes about 2 seconds, and 165 MB beside the 65 MB that Python holds with scalarspec. The memory stays so for
many images: where their affine forms are large, those of one image at a time are held.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.layers import Conv, Flatten, Linear, Sequential, relu

RADIUS = "1/255"


def weights(rng: np.random.Generator, *shape: int) -> Any:
    """Of a layer, float32s as large as relus want them."""
    scale = np.sqrt(2 / np.prod(shape[1:]))
    return (scale * rng.normal(size=shape)).astype(np.float32)


def network(seed: int = 0) -> Sequential:
    """Convolutions from 3 to 16 to 32 channels, and dense layers from 2,048 to 100 to 10 numbers."""
    rng = np.random.default_rng(seed)
    biases = {n: np.zeros(n, dtype=np.float32) for n in (10, 16, 32, 100)}
    return Sequential(
        Conv(weights(rng, 16, 3, 4, 4), biases[16], stride=2, padding=1),
        relu,
        Conv(weights(rng, 32, 16, 4, 4), biases[32], stride=2, padding=1),
        relu,
        Flatten(0),
        Linear(weights(rng, 100, 2048), biases[100]),
        relu,
        Linear(weights(rng, 10, 100), biases[10]),
    )


def outputs(net: Sequential, x: ss.Tensor) -> ss.Tensor:
    """What the network makes of an image."""
    found: ss.Tensor = net(x)
    return found


def memory() -> float:
    """The most that this process has held so far, in MB; NaN where the system does not tell, as Windows."""
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Prints the bounds of the first output, the time, and the memory."""
    net, x = network(), np.random.default_rng(1).uniform(size=(3, 32, 32)).astype(np.float32)
    before, start = memory(), time.perf_counter()
    found = ss.bounds(outputs, net, x, vary={"x": ss.ball(RADIUS)}, method="linear")
    seconds, more = time.perf_counter() - start, memory() - before
    lower, upper = ss.endpoints(found.enclosure[0])
    print(f"the first output lies in [{float(lower):.4f}, {float(upper):.4f}]")
    print(f"{seconds:.1f} s, and {more:.0f} MB more than before")


if __name__ == "__main__":
    main()
