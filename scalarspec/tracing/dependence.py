"""Which elements of the values on a tape others may depend on, as far as one sees: masks that are handed back as
cotangents are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import find
from scalarspec.core.tensor import Tensor
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation
from scalarspec.tracing.vjp_rules import RULES

Mask = np.ndarray[Any, Any]
"""An array of bools, in the shape of a value."""


def dependence(
    equations: Sequence[Equation],
    seeds: Mapping[Traced, Mask],
    branches: Callable[[Equation], tuple[Mask, Mask]] | None = None,
    zero: Callable[[Traced], Mask] | None = None,
) -> dict[Traced, Mask]:
    """By each value, which of its elements those of the seeds may depend on, through the equations.

    seeds: masks of values, by value; branches: for a `where`, which elements of each branch may count; zero: which
    elements of a constant are surely 0, so that what they multiply does not count. Whatever is not in a mask surely has
    no effect; what is in one may have none.
    """
    found = {x: np.asarray(mask) for x, mask in seeds.items()}
    for eqn in reversed(equations):
        mask = found.get(eqn.result)
        if mask is not None and mask.any():
            for x, part in zip(eqn.operands, _handed(eqn, mask, branches, zero), strict=True):
                fits = part.shape == x.shape
                found[x] = found.get(x, np.False_) | (part if fits else np.full(x.shape, part.any()))
    return found


def _handed(
    eqn: Equation,
    mask: Mask,
    branches: Callable[[Equation], tuple[Mask, Mask]] | None,
    zero: Callable[[Traced], Mask] | None,
) -> list[Mask]:
    """The masks of the operands of an equation, from that of its result."""
    if eqn.operation == "where" and branches is not None:
        return [mask, *(mask & each for each in branches(eqn))]
    if eqn.operation == "multiply" and zero is not None:
        others = [np.broadcast_to(zero(x), mask.shape) if x.constant else np.False_ for x in eqn.operands[::-1]]
        return [np.asarray(mask & ~other) for other in others]
    line = find(eqn.operation, "grad")
    if line.scalar:
        return [mask] * len(eqn.operands)
    if line.moves or (line.kind == "reduction" and line.shape is not None and line.graph == "linear"):
        return _through(eqn, mask)
    if line.kind == "reduction":  # each result has to do with all along the axes
        (x, *rest), axes = eqn.operands, eqn.parameters["axis"]
        along = mask.any(axis=axes, keepdims=True) if mask.shape == x.shape else np.expand_dims(mask, axes)
        return [np.broadcast_to(along, x.shape), *(np.full(y.shape, mask.any()) for y in rest)]
    return [np.full(x.shape, True) for x in eqn.operands]


def _through(eqn: Equation, mask: Mask) -> list[Mask]:
    """A mask handed back through what moves elements, or adds them, as a cotangent of ones would be."""
    floats: Any = named_context("float64")
    placeholders = [Tensor(floats, x.shape, np.zeros(x.shape)) for x in eqn.operands]
    g = floats.tensor(mask.astype(float))
    cotangents = RULES[eqn.operation](g, g, *placeholders, **eqn.parameters)
    return [
        np.asarray(np.asarray(cotangent()) > 0) if cotangent else np.asarray(mask.any()) for cotangent in cotangents
    ]
