"""The functions that specs are written in, under their array-API names where that has them.

    elementwise     of single elements: what holds for all of them is said there
    choices         comparisons, connectives, and `where`
    reductions      sums, means, extremes, ... over axes; softmax and sums along an axis
    products        of vectors, matrices and tensors
    structure       what moves elements
    exponentials    and logarithms, of two tensors
    padding         and other ways to put elements beside those of a tensor
    convolutions    and pools
    order           of elements, and their places in it

Each checks shapes, and hands the rest to the arrays of the context. Operands are broadcast by NumPy's rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.core import (
    choices,
    convolutions,
    elementwise,
    exponentials,
    order,
    padding,
    products,
    reductions,
    structure,
)
from scalarspec.core.choices import *  # noqa: F403
from scalarspec.core.convolutions import *  # noqa: F403
from scalarspec.core.elementwise import *  # noqa: F403
from scalarspec.core.exponentials import *  # noqa: F403
from scalarspec.core.order import *  # noqa: F403
from scalarspec.core.padding import *  # noqa: F403
from scalarspec.core.products import *  # noqa: F403
from scalarspec.core.reductions import *  # noqa: F403
from scalarspec.core.structure import *  # noqa: F403
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import End

PARTS = (choices, convolutions, elementwise, exponentials, order, padding, products, reductions, structure)
"""The files that the functions stand in."""

__all__ = ["endpoints", "stage"]
__all__ += [name for part in PARTS for name in part.__all__]


def stage(name: str, x: Tensor) -> Tensor:
    """x itself, to which the spec gives a name: an intermediate result that `crosscheck` reports on, `derive` shows as
    a line of its own, and in whose place an actual value may be put.

        x = ss.context("float64").tensor([1, 2])
        h = ss.stage("h", ss.tanh(x))

    A name that comes again in one evaluation is numbered: h, h#2, ... Raises ArgumentError where x is no tensor.
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"stage {name!r}: expected a Tensor, got {type(x).__name__}")
    return x.context.stage(name, x)


def endpoints(x: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The exact infimum and supremum of each element: two object arrays of x's shape, of Fractions, or ±inf.

    Of an exact context both are the number itself. Raises NotSupported for a context that rounds and does not enclose,
    ArgumentError where x is no tensor, NotExact for a symbol.

        lower, upper = ss.endpoints(ss.context("interval").box(0, 1) / 3)    # 0, and at least 1/3
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"endpoints: expected a Tensor, got {type(x).__name__}")
    scalars = x.scalars()
    lower, upper = np.empty(x.shape, dtype=object), np.empty(x.shape, dtype=object)
    for index in np.ndindex(*x.shape):
        ends: tuple[End, End] = x.context.endpoints(scalars[index])
        lower[index], upper[index] = ends
    return lower, upper
