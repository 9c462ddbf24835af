"""The methods of `bounds`, cheapest first, and the steps from one to the next."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import LATE, Limits, Part, bounded, subdivided
from scalarspec.core import functions as f
from scalarspec.core.arguments import call
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.sets import mid
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import Contradiction, DomainError, NotSupported
from scalarspec.numbers.exact import infinite
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import trace

Progress = Callable[[int, int], None]
Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]
Found = tuple[Ends, int]
"""Ends of the outputs, and into how many boxes the box was split."""


@dataclass(frozen=True)
class Step:
    """An enclosure, its method, and into how many boxes the box was split; for rows of boxes, how many in all."""

    enclosure: Tensor
    method: str
    boxes: int


def steps(
    domain: Domain,
    context: Context[Any],
    methods: Sequence[str],
    limits: Limits,
    progress: Progress | None,
    jobs: Jobs,
) -> Iterator[Step]:
    """The enclosure by one evaluation, then the best one known after each of some methods, and on the way."""
    best = Step(evaluated(domain, context), "interval", domain.rows)
    yield best
    for name in methods if domain.ends and domain.rows else ():
        for ends, count in _as_far_as_it_goes(METHODS[name](domain, jobs, limits, progress)):
            better = narrowed(context, best.enclosure, ends)
            said = "linear" if name == "subdivide" and count == domain.rows else name
            best = best if better is None else Step(better, said, count)
            yield best


def _as_far_as_it_goes(found: Iterator[Found]) -> Iterator[Found]:
    """Up to where a method does not apply: a spec looks at single numbers, a rule is missing, a middle is a pole."""
    with contextlib.suppress(NotSupported, DomainError):
        yield from found


def after_evaluation(method: str, target: Fraction | None) -> tuple[str, ...]:
    """The methods that are tried after evaluation; `subdivide` begins with linear bounds on the whole."""
    if method != "auto":
        return () if method == "interval" else (method,)
    return ("linear",) if target is None else ("mean-value", "subdivide")


def reached(t: Tensor, target: Fraction | None) -> bool:
    """Is every width at most the target?"""
    if target is None:
        return False
    low, high = endpoints(t)
    return all(not infinite(a, b) and b - a <= target for a, b in zip(low.flat, high.flat, strict=True))


def narrowed(context: Context[Any], t: Tensor, ends: Ends) -> Tensor | None:
    """What lies in an enclosure and between ends, in a context; None where that is no less."""
    low, high = endpoints(t)
    lower, upper = np.maximum(low, ends[0]), np.minimum(high, ends[1])
    if np.any(lower > upper):
        raise Contradiction("bounds: nothing is left between two enclosures of one value, so one of them is wrong")
    if np.all(lower == low) and np.all(upper == high):
        return None
    return context.box(np.asarray(lower, dtype=object), np.asarray(upper, dtype=object))


def evaluated(domain: Domain, context: Context[Any]) -> Tensor:
    """The spec over the box, or over each row's."""
    return call(domain.spec_of_rows, domain.boxed(context)[0], context)


def mean_value(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """f(c) + f'(box) (box - c)."""
    found = [endpoints(_mean_value(domain.row(i))) for i in range(domain.rows)]
    low, high = (np.stack([ends[k] for ends in found]) for k in (0, 1))
    yield _shaped(domain, low, high), domain.rows


def _mean_value(domain: Domain) -> Tensor:
    """By one reverse sweep of interval derivatives, which are unbounded where the spec may have steps."""
    context = INTERVALS
    args, boxes = domain.boxed(context)
    traced = trace(Tape(context, shared=True), domain.spec, args, boxes)
    result = traced.result
    size = result.shape.size
    if result.constant or not size:
        return Tensor(context, result.shape, result.value)
    centre = call(domain.spec, domain.at(context, dict(zip(domain.ends, map(mid, boxes), strict=True)))[0], context)
    rows = BatchedContext(context, size)
    units = rows.rows(context.tensor(np.eye(size).reshape(size, *result.shape)))
    total = rows.rows(f.reshape(centre, (size,)))
    for box, slopes in zip(boxes, backward_pass(traced, units), strict=True):
        total = total + f.sum(slopes * (box - context.tensor(mid(box))))
    return f.reshape(Tensor(context, Shape((size,)), rows.arrays.materialize(total.value)), result.shape)


def linear(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """Linear relaxation, for many rows at once. Rows that are not done yet have infinite ends, and so have those that
    there is no time for.
    """
    low, high = _unknown(domain)
    i = 0
    for done in bounded(jobs, [Part.whole(domain, i) for i in range(domain.rows)], split=False):
        for part in done:
            low[i], high[i] = (end.reshape(low.shape[1:]) for end in (part.low, part.high))
            i += 1
        if progress is not None and domain.over:
            progress(i, domain.rows)
        yield _shaped(domain, low, high), domain.rows
        if limits.late and i < domain.rows:
            limits.endings.append(LATE)
            return


def subdivide(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """Linear relaxation on parts of the box, the worst of which are split: one row after the other."""
    if domain.over:
        yield from _subdivided_rows(domain, jobs, limits, progress)
        return
    shape = domain.plan.result.shape
    for hull in subdivided(jobs, Part.whole(domain, 0), limits):
        yield (hull.low.reshape(shape), hull.high.reshape(shape)), hull.parts
        if progress is not None:
            progress(hull.parts, limits.budget)


def _subdivided_rows(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """Linear bounds of all rows, then each row in parts."""
    yield from linear(domain, jobs, limits, progress)
    low, high = _unknown(domain)
    counts = [1] * domain.rows
    for i in range(domain.rows):
        if limits.late:
            limits.endings.append(LATE)
            return
        for hull in subdivided(jobs, Part.whole(domain, i), limits):
            counts[i] = hull.parts
            low[i], high[i] = (end.reshape(low.shape[1:]) for end in (hull.low, hull.high))
        if progress is not None:
            progress(i + 1, domain.rows)
        yield _shaped(domain, low, high), sum(counts)


def _unknown(domain: Domain) -> Ends:
    """Infinite ends of the outputs, for each row."""
    shape = (domain.rows, *domain.plan.result.shape)
    return np.full(shape, -np.inf), np.full(shape, np.inf)


def _shaped(domain: Domain, low: Array, high: Array) -> Ends:
    """The ends for all rows, or of the only box."""
    return (low, high) if domain.over else (low[0], high[0])


METHODS: dict[str, Callable[[Domain, Jobs, Limits, Progress | None], Iterator[Found]]] = {
    "mean-value": mean_value,
    "linear": linear,
    "subdivide": subdivide,
}
"""What finds ends of the outputs, and into how many boxes the box was split, better ones after better ones."""
