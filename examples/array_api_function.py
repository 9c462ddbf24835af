"""A function that is written for any array library is a spec: SciPy's geometric mean, and a softmax, under intervals.

Both ask their argument for its functions, by the array API standard, and so never learn what a number is. Run it with
SciPy installed to see SciPy's own code enclosed; without it the softmax below is all.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import scalarspec as ss

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # SciPy reads it when it is imported


def softmax(x: Any) -> Any:
    """Shares e^x over their sum, as one writes it for NumPy, PyTorch and JAX alike."""
    xp = x.__array_namespace__()
    powers = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def geometric_mean(x: Any) -> Any:
    """SciPy's own function, which asks `x` for a namespace, too."""
    return import_module("scipy.stats").gmean(x)


def enclosed(function: Any, lower: Any, upper: Any) -> Any:
    """What a function gives for all arguments in a box: certain bounds."""
    return function(ss.context("interval").box(lower, upper))


def main() -> None:
    """Print both, for numbers of which each is known to a tenth."""
    lower, upper = ["0.9", "1.9", "2.9"], ["1.1", "2.1", "3.1"]
    functions = [softmax, *([geometric_mean] if find_spec("scipy") else [])]
    for function in functions:
        print(function.__name__, enclosed(function, lower, upper))


if __name__ == "__main__":
    main()
