"""Bounds of a spec over a box of arguments: a ladder of rigorous methods, and values that are surely attained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.arguments import bind
from scalarspec.attained import attained
from scalarspec.context import Context
from scalarspec.errors import ArgumentError
from scalarspec.exact import data_value, interval_text
from scalarspec.functions import endpoints
from scalarspec.ladder import climb
from scalarspec.regions import Ball, Box, Domain
from scalarspec.registry import resolve
from scalarspec.report import ends_json, unboxed
from scalarspec.tensor import Tensor


@dataclass(frozen=True)
class Bounds:
    """What `bounds` found. lower, upper: exact Fractions (or ±inf), or object arrays of them.

    enclosure: the same as a tensor; inner: (least, greatest) value of each output that is surely attained in the box,
    so that the true range lies between inner and (lower, upper); method: what the bounds are from; boxes: into how many
    the box was split.
    """

    lower: Any
    upper: Any
    enclosure: Tensor
    inner: tuple[Any, Any]
    method: str
    boxes: int
    seconds: float

    @property
    def width(self) -> Any:
        """upper - lower."""
        return self.upper - self.lower

    def __str__(self) -> str:
        pairs = zip(np.ravel(self.lower), np.ravel(self.upper), strict=True)
        lines = [interval_text(lower, upper, 10) for lower, upper in pairs]
        count = f"{self.boxes} box{'es' if self.boxes > 1 else ''}"
        attained = ""
        if np.size(self.lower) == 1:
            least, most = (np.ravel(end)[0] for end in self.inner)
            attained = f"; attained: {interval_text(least, most, 10)}"
        return "\n".join([*lines, f"({self.method}, {count}, {self.seconds:.3f} s{attained})"])

    def to_json(self) -> dict[str, Any]:
        """Plain data; the ends as exact strings."""
        ends, inner = ends_json(self.lower, self.upper), ends_json(*self.inner)
        return {**ends, "inner": inner, "method": self.method, "boxes": self.boxes, "seconds": self.seconds}


METHODS = ("auto", "interval", "mean-value", "linear", "subdivide")
BUDGET = 64
"""Into how many boxes `subdivide` splits at most, where nothing is said."""


def bounds(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    method: str = "auto",
    backend: str | Context[Any] = "interval",
    target: Any = None,
    budget: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Bounds:
    """An enclosure of every output of `spec` while the arguments named in `vary` range over their boxes.

    args: the arguments of the spec, models on NumPy arrays among them, each float at its exact value; a model in `vary`
    has all of its numbers vary. Every method is rigorous, rounding included, and no wider than one evaluation:

      interval     one evaluation over the box, under `backend`
      mean-value   f(c) + f'(box) (box - c), by one reverse sweep of interval derivatives
      linear       affine functions below and above each output, found backwards (in the manner of CROWN)
      subdivide    linear on parts of the box, split where the bound is worst: up to `budget` parts, or until every
                   width is at most `target`
      auto         the first of these, in order, whose widths are at most `target`; without a target, linear

    progress: called with (parts done, budget). A target that the budget does not reach is no error: see `width`.
    Raises UnknownName for a name that the spec does not have, ArgumentError for a backend that does not enclose.
    """
    context = resolve(backend)
    if not context.encloses:
        raise ArgumentError(f"backend: expected an enclosing context such as 'interval', got {context.name!r}")
    if method not in METHODS:
        raise ArgumentError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    if budget is not None and budget < 1:
        raise ArgumentError(f"budget: expected at least 1 box, got {budget}")
    domain = Domain(spec, bind(spec, args, known=vary), vary)
    goal = None if target is None else data_value(target)
    start = time.perf_counter()
    enclosure, used, boxes = climb(domain, context, method, goal, budget or BUDGET, progress)
    seconds = time.perf_counter() - start
    lower, upper = map(unboxed, endpoints(enclosure))
    inner = tuple(map(unboxed, attained(domain)))
    return Bounds(lower, upper, enclosure, (inner[0], inner[1]), used, boxes, seconds)
