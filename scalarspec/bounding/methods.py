"""The methods of `bounds`, cheapest first, and the climb from one to the next."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs, work
from scalarspec.bounding.linear import Relaxation
from scalarspec.bounding.plan import INTERVALS
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
Steps = Iterator[tuple[Ends, int]]

BATCH, FEW = 64, 16
"""So many boxes go through the plan at once, in one job; fewer where parts of one box do, for several workers to do."""
NUMBERS = 1 << 23
"""Fewer boxes do, where their affine forms would hold more numbers than that."""
ROUND = 16
"""So many parts are split at a time."""


@dataclass(frozen=True)
class Rung:
    """An enclosure, what it is from, and into how many boxes the box was split (in all, for rows of boxes)."""

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
    jobs: Jobs,
) -> Iterator[Rung]:
    """The enclosure by one evaluation, then the best one known after each of some methods, and on the way."""
    best = Rung(evaluated(domain, context), "interval", domain.rows)
    yield best
    for name in methods if domain.ends and domain.rows else ():
        for ends, count in _as_far_as_it_goes(METHODS[name](domain, jobs, target, budget, progress)):
            better = narrowed(context, best.enclosure, ends)
            said = "linear" if name == "subdivide" and count == domain.rows else name
            best = best if better is None else Rung(better, said, count)
            yield best


def _as_far_as_it_goes(steps: Steps) -> Steps:
    """Up to where a method does not apply: a spec looks at single numbers, a rule is missing, a middle is a pole."""
    with contextlib.suppress(NotSupported, DomainError):
        yield from steps


def rungs(method: str, target: Fraction | None) -> tuple[str, ...]:
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


def mean_value(domain: Domain, jobs: Jobs, target: Fraction | None, budget: int, progress: Progress | None) -> Steps:
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
    return f.reshape(Tensor(context, Shape((size,)), rows.arrays.spread(total.value)), result.shape)


def linear(domain: Domain, jobs: Jobs, target: Fraction | None, budget: int, progress: Progress | None) -> Steps:
    """Linear relaxation, for many rows at once. Rows that are not done yet have infinite ends."""
    low, high = _unknown(domain)
    i = 0
    for done in _worked(jobs, [_whole(domain, i) for i in range(domain.rows)]):
        for part in done:
            low[i], high[i] = (end.reshape(low.shape[1:]) for end in (part.low, part.high))
            i += 1
        if progress is not None and domain.over:
            progress(i, domain.rows)
        yield _shaped(domain, low, high), domain.rows


def subdivide(domain: Domain, jobs: Jobs, target: Fraction | None, budget: int, progress: Progress | None) -> Steps:
    """Linear relaxation on parts of the box, the worst of which are split: one row after the other."""
    if domain.over:
        yield from linear(domain, jobs, target, budget, progress)
    low, high = _unknown(domain)
    counts = [1] * domain.rows
    for i in range(domain.rows):
        for ends, count in _divided(jobs, _whole(domain, i), target, budget, None if domain.over else progress):
            counts[i] = count
            low[i], high[i] = (end.reshape(low.shape[1:]) for end in ends)
            if not domain.over:
                yield _shaped(domain, low, high), count
        if domain.over:
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


METHODS: dict[str, Callable[[Domain, Jobs, Fraction | None, int, Progress | None], Steps]] = {
    "mean-value": mean_value,
    "linear": linear,
    "subdivide": subdivide,
}


# ---- branch and bound -----------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Part:
    """A part of a row's box: a box of the inputs, in floats, and kinks on one side of which some values are.

    sides: (equation, element, 1 or -1) for an element of an equation's result that is >= 0, or <= 0, there. low, high:
    bounds of the outputs; choices: what it may be split into.
    """

    box: list[Ends]
    row: int = 0
    sides: tuple[tuple[int, int, int], ...] = ()
    low: Any = -np.inf
    high: Any = np.inf
    choices: tuple[tuple[Part, Part], ...] = ()
    depth: int = 0

    def to_json(self) -> Any:
        """For a job."""
        return [[[low.tolist(), high.tolist()] for low, high in self.box], self.row, self.sides]


def _whole(domain: Domain, row: int) -> Part:
    """A row's box."""
    return Part([(low[row, ...], high[row, ...]) for low, high in domain.floats], row)


@work
def relaxed(domain: Domain, item: Any) -> Any:
    """Linear bounds of the outputs in parts of the box, and how to split these: a kink's place, an input's."""
    plan, count = domain.plan, len(item)
    boxes = []
    for k, x in enumerate(plan.inputs):
        low, high = (np.array([box[k][end] for box, _, _ in item]).reshape(count, *x.shape) for end in (0, 1))
        boxes.append((low, high))
    rows = [row for _, row, _ in item]
    balls = [None if ball is None else (ball[0][rows], ball[1][rows]) for ball in domain.balls]
    clips: dict[int, Ends] = {}
    for i, (_, _, sides) in enumerate(item):
        for eqn, element, side in sides:
            shape = (count, *plan.equations[eqn].result.shape)
            low, high = clips.setdefault(eqn, (np.full(shape, -np.inf), np.full(shape, np.inf)))
            (low if side > 0 else high)[i].flat[element] = 0.0
    with np.errstate(all="ignore"):  # what overflows gives no bound
        relaxation = Relaxation(plan, boxes, balls, clips)
        ends = [end.reshape(count, -1).tolist() for end in relaxation.bounds()]
        return list(map(list, zip(*ends, relaxation.kinks(), relaxation.inputs(), strict=True)))


def _worked(jobs: Jobs, parts: Sequence[Part], most: int = BATCH) -> Iterator[list[Part]]:
    """The parts with their bounds and choices, some at a time."""
    plan = jobs.domain.plan
    size = max([eqn.result.shape.size for eqn in plan.equations], default=1) * sum(x.shape.size for x in plan.inputs)
    batch = max(1, min(most, NUMBERS // max(size, 1)))
    groups = [parts[i : i + batch] for i in range(0, len(parts), batch)]
    items = [[part.to_json() for part in group] for group in groups]
    for group, answers in zip(groups, jobs.map(relaxed, items), strict=True):
        for part, (low, high, kink, places) in zip(group, answers, strict=True):
            part.low, part.high = np.maximum(part.low, low), np.minimum(part.high, high)
            place = places and places[part.depth % 3 == 2]  # the widest element by turns: slopes can be 0 in the middle
            ways = ((_at_kink, kink), (_halved, place))
            part.choices = tuple(split(part, *where) for split, where in ways if where)
        yield list(group)


def _divided(
    jobs: Jobs, root: Part, target: Fraction | None, budget: int, progress: Progress | None
) -> Iterator[tuple[Ends, int]]:
    """The hull of the bounds on the parts, as they are split, and how many there are."""
    parts = next(_worked(jobs, [root]))
    while True:
        low, high = np.min([p.low for p in parts], axis=0), np.max([p.high for p in parts], axis=0)
        yield (low, high), len(parts)
        if progress is not None:
            progress(len(parts), budget)
        room = budget - len(parts)
        if room < 1 or not low.size or (target is not None and all(high - low <= float(target))):
            return
        chosen = _worst(parts, int(np.argmax(high - low)), min(room, ROUND))
        if not chosen:
            return
        for _ in _worked(jobs, [p for part in chosen for pair in part.choices for p in pair], FEW):
            pass  # they have their bounds then
        for part in chosen:
            parts.remove(part)
            best = min(part.choices, key=_spread)
            parts += [p for p in best if np.all(p.low <= p.high)]  # else nothing of the box is there
        if not parts:
            raise Contradiction("bounds: nothing is left of the box, so some bound of a part is wrong")


def _worst(parts: Sequence[Part], output: int, count: int) -> list[Part]:
    """Whose bounds stick out most, above and below by turns; of those that can be split."""
    open_parts = [part for part in parts if part.choices]
    above = sorted(open_parts, key=lambda p: -p.high[output])
    below = sorted(open_parts, key=lambda p: p.low[output])
    found: dict[int, Part] = {}
    for pair in zip(above, below, strict=True):
        found |= {id(part): part for part in pair}
        if len(found) >= count:
            break
    return list(found.values())[:count]


def _spread(pair: tuple[Part, Part]) -> float:
    """What a split has left: the sum over the outputs of the widths of the hull and of both parts."""
    kept = [p for p in pair if np.all(p.low <= p.high)]
    if not kept:
        return 0.0
    hull = np.max([p.high for p in kept], axis=0) - np.min([p.low for p in kept], axis=0)
    return float(np.sum(hull) + sum(np.sum(p.high - p.low) for p in kept) / 2)


def _at_kink(part: Part, eqn: int, element: int) -> tuple[Part, Part]:
    """Where a value is at least 0, and where it is at most 0."""
    first, second = (_within(part, sides=(*part.sides, (eqn, element, side))) for side in (1, -1))
    return first, second


def _halved(part: Part, k: int, element: int) -> tuple[Part, Part]:
    """Two halves of the box, across an element of an input."""
    low, high = part.box[k]
    left, right = high.copy(), low.copy()
    left.flat[element] = right.flat[element] = low.flat[element] / 2 + high.flat[element] / 2
    first, second = ([*part.box[:k], ends, *part.box[k + 1 :]] for ends in ((low, left), (right, high)))
    return _within(part, box=first), _within(part, box=second)


def _within(part: Part, **changes: Any) -> Part:
    """A part of a part: its bounds are no wider."""
    return replace(part, choices=(), depth=part.depth + 1, **changes)
