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
from scalarspec.bounding.inner_bounds import middle
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.linear import LinearBounds
from scalarspec.bounding.parts import Part, bounded
from scalarspec.bounding.search import LATE, Limits, Progress, subdivided
from scalarspec.core import functions as f
from scalarspec.core.arguments import call
from scalarspec.core.context import Context
from scalarspec.core.domains import leniently, watching_poles
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.sets import mid
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import Contradiction, DomainError, DomainUndecided, NotSupported, ScalarSpecError, Undecided
from scalarspec.numbers.exact import infinite
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import trace

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]
Found = tuple[Ends, int]
"""Ends of the outputs, and into how many boxes the box was split."""


ROWS = 32
"""So many rows are evaluated at once."""
IN_FLOATS = named_context("interval")
"""The context whose bits are those of floats."""
FINER = (106, 212, 424, 848)
"""The bits of further evaluations where it is not known whether an operation has a value."""


@dataclass(frozen=True)
class Step:
    """An enclosure, its method, and into how many boxes the box was split; for rows of boxes, how many in all.

    partly: where the spec may have no value at some points, of which the enclosure tells nothing then, what says so.
    """

    enclosure: Tensor
    method: str
    boxes: int
    partly: str = ""


def steps(
    domain: Domain,
    context: Context[Any],
    methods: Sequence[str],
    limits: Limits,
    progress: Progress | None,
    jobs: Jobs,
) -> Iterator[Step]:
    """The enclosure by one evaluation, then the best one known after each of some methods, and on the way."""
    yield (best := _first(jobs, context))
    for name in methods if domain.varied and domain.rows else ():
        for ends, count in _as_far_as_it_goes(METHODS[name](domain, jobs, limits, progress)):
            said = "linear" if name == "subdivide" and count == domain.rows else name
            better = narrowed(context, best.enclosure, ends)
            best = best if better is None else Step(better, said, count, best.partly)
            yield best


def _as_far_as_it_goes(found: Iterator[Found]) -> Iterator[Found]:
    """Up to where a method does not apply: a spec looks at single numbers, or at truths that floats do not decide, a
    rule is missing, a middle is a pole.
    """
    with contextlib.suppress(NotSupported, DomainError, Undecided):
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


def _first(jobs: Jobs, context: Context[Any]) -> Step:
    """The enclosure by one evaluation; of the values that there are, where it is not known that there are all."""
    try:
        enclosure, poles = evaluated_by(jobs, context)
        return Step(enclosure, "interval", jobs.domain.rows, next(iter(poles), ""))
    except DomainUndecided as error:
        return Step(_wherever(jobs.domain, context), "interval", jobs.domain.rows, str(error))


def evaluated_by(jobs: Jobs, context: Context[Any]) -> tuple[Tensor, list[str]]:
    """As `evaluated` has it, and what says of each pole that one may lie in the box; many rows are evaluated some at a
    time, by who does the jobs.
    """
    rows = jobs.domain.rows
    if rows <= ROWS:
        return _with_poles(jobs.domain, context)
    found = list(jobs.each(_ends_of_rows, [(i, min(i + ROWS, rows), context) for i in range(0, rows, ROWS)]))
    low, high = (np.concatenate([ends[k] for ends, _ in found]) for k in (0, 1))
    return context.box(low, high), [pole for _, poles in found for pole in poles]


def ends_at_once(jobs: Jobs) -> Ends:
    """The ends of the outputs by one evaluation; infinite where points may have no value, since what has none
    proves nothing, and parts of the box may tell.
    """
    with contextlib.suppress(DomainUndecided):
        enclosure, poles = evaluated_by(jobs, named_context("interval"))
        if not poles:
            return endpoints(enclosure)
    return _shaped(jobs.domain, *unknown(jobs.domain))


def _with_poles(domain: Domain, context: Context[Any]) -> tuple[Tensor, list[str]]:
    """An evaluation, and the poles that may lie in the box, as far as the ranges of linear bounds tell too."""
    with watching_poles() as poles:
        found = evaluated(domain, context)
    return found, [] if poles and _has_values(domain) else [note.message for note in poles]


def _ends_of_rows(domain: Domain, start: int, stop: int, context: Context[Any]) -> tuple[Ends, list[str]]:
    found, poles = _with_poles(domain.some(start, stop), context)
    return endpoints(found), poles


def evaluated(domain: Domain, context: Context[Any]) -> Tensor:
    """The spec over the box, or over each row's; by more bits where it touches the edge of an operation's domain.

    Raises DomainError where the spec surely has no value at some point of the box, DomainUndecided where it may have
    none at any precision that is tried.
    """
    try:
        found = _in_floats(domain, context)
        return _over(domain, context) if found is None else found
    except DomainUndecided:
        if _is_defined(domain):
            return _wherever(domain, context)
        look_at_points(domain)
        for bits in FINER:
            try:
                return context.box(*endpoints(_over(domain, named_context("interval", prec=bits))))
            except DomainUndecided as error:
                told = error
        raise told from None


def _in_floats(domain: Domain, context: Context[Any]) -> Tensor | None:
    """The spec over the box, by many floats at a time, where that is asked for at the bits of floats.

    None for a spec so small that exact ends are affordable, and where floats find no ends, or do not tell whether there
    is a value.
    """
    if context != IN_FLOATS or not domain.varied or domain.small:
        return None
    try:
        low, high = INTERVALS.arrays.floats(_over(domain, INTERVALS).value)
    except ScalarSpecError:
        return None
    return context.box(low, high) if np.isfinite([low, high]).all() else None


def _over(domain: Domain, context: Context[Any]) -> Tensor:
    """The spec over the box. Raises DomainUndecided, too, where a branch that may be taken may have no value."""
    with leniently() as notes:
        value = _evaluation(domain, context)
    if notes:
        raise DomainUndecided(notes[0].message)
    return value


def _wherever(domain: Domain, context: Context[Any]) -> Tensor:
    """The values that there are."""
    with leniently():
        return _evaluation(domain, context)


def _evaluation(domain: Domain, context: Context[Any]) -> Tensor:
    return call(domain.spec_of_rows, domain.boxed(context)[0], context)


def _is_defined(domain: Domain) -> bool:
    """Is there a value everywhere, since conditions of `where` say so of their branches?"""
    try:
        guarded = any(eqn.guards for eqn in domain.plan.equations)
    except NotSupported:
        return False
    return guarded and _has_values(domain)


def _has_values(domain: Domain) -> bool:
    """Is there a value everywhere, by the ranges of linear bounds and by what conditions say?"""
    with contextlib.suppress(NotSupported), np.errstate(all="ignore"):
        return not LinearBounds(domain.plan, domain.floats, domain.balls).state.partly.any()
    return False


def look_at_points(domain: Domain) -> None:
    """Raises DomainError where the spec has no value at the middle or a corner of the box, or of a row's."""
    context = named_context("interval", prec=FINER[0])
    for i in range(domain.rows):
        row = domain.row(i)
        box = row.box(0)
        for point in (middle(box), *({path: ends[k] for path, ends in box.items()} for k in (0, 1))):
            if not infinite(*(x for end in point.values() for x in np.ravel(end))) and row.holds(point):
                with contextlib.suppress(DomainUndecided):
                    call(row.spec, row.at(context, point)[0], context)


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
    centre = call(domain.spec, domain.at(context, dict(zip(domain.varied, map(mid, boxes), strict=True)))[0], context)
    rows = BatchedContext(context, size)
    units = rows.rows(context.tensor(np.eye(size).reshape(size, *result.shape)))
    total = rows.rows(f.reshape(centre, (size,)))
    for box, slopes in zip(boxes, backward_pass(traced, units), strict=True):
        total = total + f.sum(slopes * (box - context.tensor(mid(box))))
    return f.reshape(Tensor(context, Shape((size,)), rows.arrays.materialize(total.value)), result.shape)


def linear(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """Linear relaxation, for many rows at once. Rows that are not done yet have infinite ends, and so have those that
    there is no time for. Who is told what is known looks at all rows, and so is told seldom.
    """
    low, high = unknown(domain)
    i = told = 0
    try:
        for done in bounded(jobs, [Part.whole(domain, i) for i in range(domain.rows)]):
            for part in done:
                low[i], high[i] = (end.reshape(low.shape[1:]) for end in (part.low, part.high))
                i += 1
            if progress is not None and domain.over:
                progress(i, domain.rows, "")
            late = limits.late and i < domain.rows
            limits.endings += [LATE] * late
            if late or i == domain.rows or i >= 2 * told:
                told = i
                yield _shaped(domain, low, high), domain.rows
            if late:
                return
    except KeyboardInterrupt:
        yield _shaped(domain, low, high), domain.rows
        raise


def subdivide(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """Linear relaxation on parts of the box, the worst of which are split: one row after the other."""
    if domain.over:
        yield from _subdivided_rows(domain, jobs, limits, progress)
        return
    shape = domain.plan.result.shape
    for hull in subdivided(jobs, Part.whole(domain, 0), limits):
        yield (hull.low.reshape(shape), hull.high.reshape(shape)), hull.parts
        if progress is not None:
            progress(hull.parts, limits.budget, str(hull))


def _subdivided_rows(domain: Domain, jobs: Jobs, limits: Limits, progress: Progress | None) -> Iterator[Found]:
    """Linear bounds of all rows, then each row in parts."""
    yield from linear(domain, jobs, limits, progress)
    low, high = unknown(domain)
    counts = [1] * domain.rows
    for i in range(domain.rows):
        if limits.late:
            limits.endings.append(LATE)
            return
        for hull in subdivided(jobs, Part.whole(domain, i), limits):
            counts[i] = hull.parts
            low[i], high[i] = (end.reshape(low.shape[1:]) for end in (hull.low, hull.high))
        if progress is not None:
            progress(i + 1, domain.rows, "")
        yield _shaped(domain, low, high), sum(counts)


def unknown(domain: Domain) -> Ends:
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
