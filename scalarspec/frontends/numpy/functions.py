"""The table of NumPy's functions, and how one is entered in it or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.frontends.calls import (
    DTYPE,
    IN_PLACE,
    LENGTH,
    NOT_OURS,
    PLACES,
    Handler,
    Table,
    refusal,
)

FUNCTIONS: Table = {}
"""What each of NumPy's functions does, in all files of this family."""


def implements(*names: str) -> Callable[[Handler], Handler]:
    """Marks what does functions of NumPy, by their dotted names; a version that lacks one is none the worse."""

    def marked(handler: Handler) -> Handler:
        for name in names:
            theirs: Any = np
            for part in name.split("."):
                theirs = getattr(theirs, part, None)
            if theirs is not None:
                FUNCTIONS[theirs] = handler
        return handler

    return marked


REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ("put", "place", "putmask", "copyto", "put_along_axis", "fill_diagonal", "fill"), IN_PLACE
    ),
    **dict.fromkeys(("nonzero", "argwhere", "flatnonzero"), PLACES),
    **dict.fromkeys(
        ("unique", "unique_all", "unique_counts", "unique_inverse", "unique_values", "extract", "compress",
         "intersect1d", "union1d", "setdiff1d", "setxor1d", "trim_zeros", "isin", "in1d"), LENGTH
    ),
    "astype": DTYPE,
    **dict.fromkeys(("linalg.solve", "linalg.inv", "linalg.det", "linalg.svd", "linalg.eigh"), NOT_OURS),
}  # fmt: skip
"""Reasons for refusing functions that are told more than that they are not in the vocabulary."""
for _name, _reason in REFUSED.items():
    implements(_name)(refusal(_reason))


def handler(function: Any) -> tuple[str, Handler]:
    """The name of a function of NumPy, and what does it."""
    module = getattr(function, "__module__", "numpy") or "numpy"
    name = f"{module}.{getattr(function, '__name__', function)}"
    return name, FUNCTIONS.get(function) or refusal(NOT_OURS)
