"""A network whose weights come from a file, as networks are shared: run this file, where the package safetensors is
installed (`pip install 'scalarspec[weights]'`).

The file, which is written here into a folder that goes away, has PyTorch's names, and float16 weights. They enter at
their exact values.
"""

import tempfile
from pathlib import Path

import numpy as np

import scalarspec as ss
from scalarspec.layers import Linear, Sequential, relu

TEMPLATE = Sequential(Linear(np.zeros((8, 3)), np.zeros(8)), relu, Linear(np.zeros((2, 8)), np.zeros(2)))
"""The network without its weights: of the arrays, the shapes count."""


def saved(folder: Path) -> Path:
    """A file as the state dict of `nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))` makes it."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    shapes = {"0.weight": (8, 3), "0.bias": (8,), "2.weight": (2, 8), "2.bias": (2,)}
    save_file({n: rng.normal(size=s).astype(np.float16) for n, s in shapes.items()}, folder / "net.safetensors")
    return folder / "net.safetensors"


def main() -> None:
    """What is certain of the network around one input."""
    with tempfile.TemporaryDirectory() as folder:
        net = ss.load_weights(TEMPLATE, saved(Path(folder)))

    # Its outputs while each input moves by 1/100.
    x = np.array([0.5, -1.0, 2.0])
    print(ss.bounds(net, x, vary={"x": ss.ball("0.01")}))

    # How far float32 is from the exact values of the same weights.
    print(ss.crosscheck(net, x, actual=ss.compare(net, x)["float32"].value))


if __name__ == "__main__":
    main()
