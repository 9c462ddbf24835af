"""The methods of `bounds`, cheapest first, and the climb from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.arguments import call
from scalarspec.attained import gradient_at
from scalarspec.context import Context
from scalarspec.errors import NotSupported
from scalarspec.exact import infinite
from scalarspec.functions import endpoints
from scalarspec.linear import Relaxation
from scalarspec.regions import Domain, Ends
from scalarspec.registry import context as named_context
from scalarspec.sets import mid
from scalarspec.tensor import Tensor

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Rung:
    """An enclosure, what it is from, and into how many boxes the box was split."""

    enclosure: Tensor
    method: str
    boxes: int


def climb(
    domain: Domain,
    context: Context[Any],
    methods: Sequence[str],
    target: Fraction | None,
    budget: int,
    progress: Progress | None,
) -> Iterator[Rung]:
    """The enclosure by one evaluation, then the best one known after each of some methods."""
    best, linear = Rung(call(domain.spec, domain.boxed(context)[0]), "interval", 1), None
    yield best
    for name in methods if domain.ends else ():
        count = 1
        if name in ("linear", "subdivide"):
            ends = linear = linear or relaxed(domain, "linear")
        else:
            ends = relaxed(domain, name)
        if name == "subdivide" and linear is not None:
            ends, count = subdivided(domain, linear, target, budget, progress)
        better = narrowed(context, best.enclosure, ends)
        best = best if better is None else Rung(better, name, count)
        yield best


def rungs(method: str, target: Fraction | None) -> tuple[str, ...]:
    """The methods that are tried after evaluation."""
    if method != "auto":
        return () if method == "interval" else (method,)
    return ("linear",) if target is None else ("mean-value", "linear", "subdivide")


def reached(t: Tensor, target: Fraction | None) -> bool:
    """Is every width at most the target?"""
    if target is None:
        return False
    low, high = endpoints(t)
    return all(not infinite(a, b) and b - a <= target for a, b in zip(low.flat, high.flat, strict=True))


def relaxed(domain: Domain, method: str, ends: Mapping[str, Ends] | None = None) -> tuple[Any, Any] | None:
    """The ends by a method of `Relaxation`, over the box or a part of it; None where it does not apply."""
    context = named_context("interval64", fast=False)  # to compile loops takes longer than a few calls
    try:
        args, boxes = domain.boxed(context, ends)
        relaxation = Relaxation.of(domain.spec, args, boxes)
        if method == "linear":
            return endpoints(relaxation.linear())
        middles = dict(zip(domain.ends, map(mid, boxes), strict=True))
        return endpoints(relaxation.mean_value(call(domain.spec, domain.at(context, middles)[0])))
    except NotSupported:
        return None  # a spec that looks at single numbers, or an operation without a rule


def narrowed(context: Context[Any], t: Tensor, ends: tuple[Any, Any] | None) -> Tensor | None:
    """What lies in an enclosure and between ends, in a context; None where that is no less."""
    if ends is None:
        return None
    low, high = endpoints(t)
    lower, upper = np.maximum(low, ends[0]), np.minimum(high, ends[1])
    if np.all(lower == low) and np.all(upper == high):
        return None
    return context.box(np.asarray(lower, dtype=object), np.asarray(upper, dtype=object))


def subdivided(
    domain: Domain, first: tuple[Any, Any], target: Fraction | None, budget: int, progress: Progress | None
) -> tuple[tuple[Any, Any], int]:
    """The hull of linear bounds on parts of the box, and how many: the part is halved next whose bound sticks out.

    first: the linear bounds on the box.
    """
    parts: list[tuple[Mapping[str, Ends], Any]] = [(domain.ends, first)]
    while len(parts) < budget:
        lows, highs = _sides(parts)
        widths = highs.max(axis=0) - lows.min(axis=0)
        if target is not None and all(width <= target for width in widths):
            break
        output = int(np.argmax(widths))
        worst = int(np.argmin(lows[:, output]) if len(parts) % 2 else np.argmax(highs[:, output]))
        halves = _halved(domain, parts[worst][0], output)
        if halves is None:
            break
        parts[worst : worst + 1] = [(half, relaxed(domain, "linear", half)) for half in halves]
        if progress is not None:
            progress(len(parts), budget)
    shape = np.shape(first[0])
    lows, highs = _sides(parts)
    return (lows.min(axis=0).reshape(shape), highs.max(axis=0).reshape(shape)), len(parts)


def _sides(parts: list[tuple[Mapping[str, Ends], Any]]) -> tuple[Any, Any]:
    """The lower and the upper ends: a row for each part, a column for each output."""
    lows, highs = (np.stack([np.ravel(found[k]) for _, found in parts]) for k in (0, 1))
    return lows, highs


def _halved(domain: Domain, ends: Mapping[str, Ends], output: int) -> list[dict[str, Ends]] | None:
    """A part as two, across the element along which the output changes most."""
    if any(infinite(*np.ravel(low), *np.ravel(high)) for low, high in ends.values()):
        return None
    middle = {path: np.asarray((low + high) / 2, dtype=object) for path, (low, high) in ends.items()}
    slopes = gradient_at(domain, middle, output)
    if slopes is None:
        return None
    changes = {
        path: abs(slope) * np.asarray(high - low, dtype=np.float64)
        for (path, (low, high)), slope in zip(ends.items(), slopes, strict=True)
    }
    path = max(changes, key=lambda name: np.max(changes[name], initial=0.0))
    if not np.max(changes[path], initial=0.0) > 0:
        return None
    at = np.unravel_index(int(np.argmax(changes[path])), np.shape(changes[path]))
    low, high = (np.array(end, dtype=object) for end in ends[path])
    left, right = high.copy(), low.copy()
    left[at] = right[at] = middle[path][at]
    return [dict(ends) | {path: (low, left)}, dict(ends) | {path: (right, high)}]
