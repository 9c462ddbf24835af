"""Memory for large arrays, taken again once nobody holds what it was taken for.

An operating system hands out large pieces page by page, and takes them back when they are freed: fresh memory for the
result of a loop costs more than the loop. So pieces are kept, and one that only this file refers to is free.
"""

from __future__ import annotations

import sys
from math import prod
from threading import local
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LARGE = 1 << 13
"""From so many numbers on, memory is kept; smaller pieces the C library keeps by itself."""
PIECES, LARGEST = 12, 1 << 22
"""How many pieces each thread keeps at most, and how many numbers one has at most."""
COUNTS = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
"""Does Python know how often an object is referred to?"""


class _Pieces(local):
    """Those of a thread, the longest unused one first."""

    def __init__(self) -> None:
        self.kept: list[Array] = []


_PIECES = _Pieces()


def _references(pieces: list[Array], i: int) -> int:
    return sys.getrefcount(pieces[i])


FREE = _references([np.empty(1)], 0) if COUNTS else 0
"""What Python counts for an array that a list refers to, and nothing else."""


def empty(shape: tuple[int, ...], kind: Any = np.float64) -> Array:
    """An array whose numbers are not set."""
    size = prod(shape)
    if not LARGE <= size <= LARGEST or not COUNTS:
        return np.empty(shape, kind)
    pieces, length = _PIECES.kept, size * np.dtype(kind).itemsize
    for i in range(len(pieces)):
        if length <= pieces[i].size <= 2 * length and _references(pieces, i) == FREE:
            pieces.append(pieces.pop(i))
            break
    else:
        pieces.append(np.empty(length, np.uint8))
        del pieces[:-PIECES]
    return np.ndarray(shape, kind, pieces[-1])


def empty_like(x: Array) -> Array:
    """One of the shape of another one."""
    return np.empty(x.shape) if x.size < LARGE else empty(x.shape)
