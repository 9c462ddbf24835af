"""A cross-entropy in plain NumPy, as tutorials have it, audited as it stands: run this file.

The loss adds a small number inside of both logarithms, so that neither is asked for at 0. Nothing below is written for
scalarspec: the function is called on tensors, and 1e-7 in it is the float that it is.
"""

from typing import Any

import numpy as np

import scalarspec as ss


def cross_entropy(p: Any, y: Any, eps: float = 1e-7) -> Any:
    """The mean binary cross-entropy of probabilities p and labels y."""
    return -np.mean(y * np.log(p + eps) + (1 - y) * np.log(1 - p + eps))


def main() -> None:
    """Asks whether the loss is ever negative, what float32 makes of it, and how steep it is."""
    spec = ss.as_spec(cross_entropy)
    p, y = np.array([0.75, 0.5]), np.array([1.0, 0.0])

    # A cross-entropy is never negative. This one is, where a prediction is right and certain: log(1 + eps) > 0.
    found = ss.prove(spec, p, y, vary={"p": ss.box([0, 0], [1, 1])}, at_least=0)
    print(f"never negative: {found.status}, at {found.witness}")

    # What float32 makes of it: a certified number of ulps, and whether rounding explains them.
    p32, y32 = p.astype(np.float32), y.astype(np.float32)
    print(ss.crosscheck(spec, p32, y32, actual=np.float32(cross_entropy(p32, y32))))

    # The gradient over a box of predictions, enclosed.
    box = ss.context("interval").box([0.7, 0.45], [0.8, 0.55])
    print("gradient:", ss.grad(spec)(box, box.context.tensor(y)))
    print("constants that are not what they print:", spec.constants, sep="\n")


if __name__ == "__main__":
    main()
