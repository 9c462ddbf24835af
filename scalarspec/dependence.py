"""Which elements of the values on a tape others may depend on, as far as one sees: masks, handed back like adjoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scalarspec.context import DERIVED, PRIMITIVES
from scalarspec.interpreter import Traced
from scalarspec.registry import context as named_context
from scalarspec.tape import Note
from scalarspec.tensor import Tensor
from scalarspec.vjp_rules import RULES

Mask = np.ndarray[Any, Any]
ELEMENTWISE = {*PRIMITIVES, *DERIVED}
STRUCTURE = {"getitem", "reshape", "matrix_transpose", "broadcast_to", "stack", "sum", "mean"}
"""Through which it is followed element by element."""


def dependence(
    notes: Sequence[Note],
    seeds: Mapping[Traced, Mask],
    branches: Callable[[Note], tuple[Mask, Mask]] | None = None,
    zero: Callable[[Traced], Mask] | None = None,
) -> dict[Traced, Mask]:
    """By each value, which of its elements those of the seeds may depend on, through the notes.

    branches: for a `where`, which elements of each branch may count; zero: which elements of a constant are 0.
    """
    found = {x: np.asarray(mask) for x, mask in seeds.items()}
    for note in reversed(notes):
        mask = found.get(note.result)
        if mask is not None and mask.any():
            for x, part in zip(note.operands, _handed(note, mask, branches, zero), strict=True):
                fits = part.shape == x.shape
                found[x] = found.get(x, np.False_) | (part if fits else np.full(x.shape, part.any()))
    return found


def _handed(
    note: Note,
    mask: Mask,
    branches: Callable[[Note], tuple[Mask, Mask]] | None,
    zero: Callable[[Traced], Mask] | None,
) -> list[Mask]:
    if note.operation == "where" and branches is not None:
        return [mask, *(mask & each for each in branches(note))]
    if note.operation == "multiply" and zero is not None:
        others = [np.broadcast_to(zero(x), mask.shape) if x.constant else np.False_ for x in note.operands[::-1]]
        return [np.asarray(mask & ~other) for other in others]
    if note.operation in ELEMENTWISE:
        return [mask] * len(note.operands)
    if note.operation in STRUCTURE:
        return _through(note, mask)
    return [np.full(x.shape, True) for x in note.operands]


def _through(note: Note, mask: Mask) -> list[Mask]:
    """A mask handed back through a change of structure, or a sum, as an adjoint of ones would be."""
    floats: Any = named_context("float64")
    placeholders = [Tensor(floats, x.shape, np.zeros(x.shape)) for x in note.operands]
    g = floats.tensor(mask.astype(float))
    shares = RULES[note.operation](g, g, *placeholders, **note.parameters)
    return [np.asarray(np.asarray(share()) > 0) if share else np.asarray(mask.any()) for share in shares]
