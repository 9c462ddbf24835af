"""Values that a spec surely attains over a box: how far its bounds can be from the truth."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs, work
from scalarspec.bounding.plan import FLOAT, INTERVALS
from scalarspec.core.arguments import call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.registry import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ScalarSpecError
from scalarspec.numbers.exact import End, as_array, data_value, exact_text, float_above, float_below, infinite
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.evaluation import Evaluation
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace, trace

Array = np.ndarray[Any, Any]
Point = dict[str, Any]
STEPS, STARTS, OUTPUTS = 14, 6, 8
"""How many steps are taken, from how many points, for each of so many outputs at a time."""
ROWS = 16
"""So many rows of boxes are one job."""
SHARP = 1 << 20
"""An enclosure of a value is sharp where it is this much narrower than the values are apart, or than it is large."""
TINIEST = Fraction(1, 2**1100)
"""Narrower enclosures are sharp, whatever they are of: what cancels to 0 never is beside its own size."""
FIRST_BITS, MOST_BITS = 113, 1 << 11
"""The precision that is tried where interval64 is not sharp, doubled up to the last."""
MOST_EXACT_BITS = 1 << 18
"""No longer rationals are worked out."""

Side = tuple[int, int]
"""An output, by its place among all, and 1 where its greatest value is asked for, -1 for its least."""
Settled = Callable[[Array, Array], bool]
"""Do these ends of the outputs at a point answer the question?"""


def attained(jobs: Jobs) -> tuple[Any, Any]:
    """For each output, a number that some value in the box is at most, and one that some value is at least.

    Object arrays; (inf, -inf) where none is known. Each value is known exactly, or enclosed: where the enclosures are
    not sharp by interval64, at growing precision. The first number exceeds the second only where the two are what is
    known of one value. For rows of boxes: of each.
    """
    rows = jobs.domain.rows
    answers = jobs.map(witnessed, [[start, min(start + ROWS, rows)] for start in range(0, rows, ROWS)])
    found = [[lift_elements(_end, np.array(end, dtype=object)) for end in ends] for part in answers for ends in part]
    if not jobs.domain.over:
        return found[0][0], found[0][1]
    least, most = (np.stack(ends) for ends in zip(*found, strict=True))
    return least, most


@work
def witnessed(domain: Domain, item: list[int]) -> Any:
    """The same for some rows, as exact texts."""
    rows = range(*item)
    found = [_sharpened(domain.row(i), each) for i, each in zip(rows, values(domain, rows), strict=True)]
    return [[lift_elements(exact_text, end).tolist() for end in _extremes(each)] for each in found]


def _end(text: str) -> End:
    return float(text) if "inf" in text else data_value(text)


def _extremes(found: list[Valued]) -> tuple[Any, Any]:
    known = [(low, high) for _, low, high in found if low is not None]
    if not known:
        return np.array(np.inf, dtype=object), np.array(-np.inf, dtype=object)
    least = np.min(np.stack([high for _, high in known]), axis=0)
    most = np.max(np.stack([low for low, _ in known]), axis=0)
    return np.asarray(least, dtype=object), np.asarray(most, dtype=object)


def _sharpened(domain: Domain, found: list[Valued]) -> list[Valued]:
    """The same points, with values at higher precision where interval64 does not tell them apart."""
    least, most = _extremes(found)

    def sharp(low: Array, high: Array) -> bool:
        apart = np.broadcast_to(most - least, np.shape(low))
        return all(map(_sharp, np.ravel(low), np.ravel(high), np.ravel(apart)))

    again = [(point, *closer(domain, point, sharp, (low, high))) for point, low, high in found]
    return [(point, low, high) for point, low, high in again if low is not None]


def _sharp(low: Any, high: Any, apart: Any) -> bool:
    """Is an enclosure narrow beside how far the values are apart, or beside its own size?"""
    if infinite(low, high):
        return False
    width, size, spread = high - low, abs(low), Fraction(0) if infinite(apart) else apart
    if spread < 0:  # all that is known are enclosures of one value, as it seems
        return bool(width <= TINIEST or SHARP**5 * width <= size)
    return bool(width <= TINIEST or SHARP**2 * width <= size or SHARP * width <= spread)


Valued = tuple[Point, Any, Any]
"""An exact point, and the ends of the spec's value there: object arrays, or None where it is not known."""


def closer(domain: Domain, point: Point, settled: Settled, known: tuple[Any, Any]) -> tuple[Any, Any]:
    """The ends of the spec at a point that settle a question, as far as they can be had.

    Exactly, where the spec is rational there; else at growing precision. known: what is known before.
    """
    if known[0] is not None and settled(*known):
        return known
    for context in _closer_contexts(domain, point):
        try:
            ends = endpoints(call(domain.spec, domain.at(context, point)[0], context))
        except ScalarSpecError:
            continue
        known = np.asarray(ends[0], dtype=object), np.asarray(ends[1], dtype=object)
        if context.exact or settled(*known):
            break
    return known


def _closer_contexts(domain: Domain, point: Point) -> Iterator[Context[Any]]:
    first: Context[Any] = named_context("interval", prec=FIRST_BITS)
    reading = None
    with contextlib.suppress(ScalarSpecError):
        reading = Evaluation.of(domain.spec, domain.at(first, point)[0], first)
    if reading is None or (not reading.surely_irrational() and reading.exact_bits() <= MOST_EXACT_BITS):
        yield named_context("rational")
    bits = FIRST_BITS
    while bits <= MOST_BITS:
        yield named_context("interval", prec=bits)
        bits *= 2


def values(domain: Domain, rows: Sequence[int] = (0,), sides: Sequence[Side] | None = None) -> list[list[Valued]]:
    """For each row of the domain, exact points of its box, and the ends of what the spec is there, by interval64.

    The points: the middle, and for each side of an output (by default, of the first few) those where a search found it
    greatest, or least.
    """
    boxes = [domain.box(i) for i in rows]
    middles = [{path: lift_elements(_between, *ends) for path, ends in box.items()} for box in boxes]
    points = [[middle, *found] for middle, found in zip(middles, _searched(domain, rows, sides), strict=True)]
    known = iter(_enclosed(domain, [point for each in points for point in each]))
    return [[(point, *(next(known) or (None, None))) for point in each] for each in points]


def _between(low: Any, high: Any) -> Any:
    if infinite(low) and infinite(high):
        return 0
    return high if infinite(low) else low if infinite(high) else (low + high) / 2


def _enclosed(domain: Domain, points: list[Point]) -> list[tuple[Any, Any] | None]:
    """The ends of the spec at some points: at all of them at once, or one by one; None where it is not defined."""
    columns = [np.stack([as_array(point[path]) for point in points]) for path in domain.ends]
    try:
        batch = BatchedContext(INTERVALS, len(points))
        result = _traced(domain, batch, columns).result
        found = endpoints(Tensor(INTERVALS, Shape((len(points), *result.shape)), batch.arrays.spread(result.value)))
        return [
            (np.asarray(low, dtype=object), np.asarray(high, dtype=object)) for low, high in zip(*found, strict=True)
        ]
    except ScalarSpecError:
        return [_alone(domain, point) for point in points]


def _alone(domain: Domain, point: Point) -> tuple[Any, Any] | None:
    try:
        return endpoints(call(domain.spec, domain.at(INTERVALS, point)[0], INTERVALS))
    except ScalarSpecError:
        return None


def _searched(domain: Domain, rows: Sequence[int], sides: Sequence[Side] | None = None) -> list[list[Point]]:
    """By the signs of gradients in floats, from several starts at once: in steps to corners, and in ever smaller ones.

    Nothing where the spec cannot be evaluated for many points at once.
    """
    boxes, rows = [domain.box(i) for i in rows], list(rows)
    floats = [[_inside(*box[path]) for box in boxes] for path in domain.ends]
    low, high = ([np.stack([pair[k] for pair in column]) for column in floats] for k in (0, 1))
    try:
        with np.errstate(all="ignore"):  # floats that overflow are no good points
            balls = [ball and (ball[0][rows], ball[1][rows]) for ball in domain.balls]
            best, where = _climbed(domain, low, high, balls, sides)
    except ScalarSpecError:
        return [[] for _ in boxes]
    found = []
    for i, box in enumerate(boxes):
        chosen = [(t, int(np.argmax(row))) for t, row in enumerate(best[i]) if np.isfinite(row.max(initial=-np.inf))]
        exact = [
            {
                path: lift_elements(_exactly, np.asarray(x[i, t, k], dtype=object), *box[path], *pairs[i])
                for path, x, pairs in zip(box, where, floats, strict=True)
            }
            for t, k in chosen
        ]
        found.append([point for point in exact if domain.holds(point, rows[i])])
    return found


def _climbed(
    domain: Domain,
    low: list[Array],
    high: list[Array],
    balls: list[tuple[Array, Array] | None],
    sides: Sequence[Side] | None,
) -> tuple[Array, list[Array]]:
    """For each box, output and side, and start: how far it got, (boxes, sides, starts), and where."""
    size = _slopes(domain, low)[0].shape[1]
    if sides is None:
        sides = [(k, sign) for k in range(min(size, OUTPUTS)) for sign in (1, -1)]
    rows = np.zeros((len(sides), size))
    for row, (k, sign) in zip(rows, sides, strict=True):
        row[k] = sign
    shape = (len(low[0]), len(sides), STARTS)
    weights = np.broadcast_to(rows[None, :, None], (*shape, size)).reshape(-1, size)
    source = np.random.default_rng(0)
    spread = [(x[:, None, None], y[:, None, None]) for x, y in zip(low, high, strict=True)]
    at = [x + _shares(source, x.shape[3:]) * (y - x) + np.zeros((*shape, *x.shape[3:])) for x, y in spread]
    placed = [None if ball is None else _placed(x, *ball) for x, ball in zip(at, balls, strict=True)]
    at = [x if ball is None else _in_ball(x, *ball) for x, ball in zip(at, placed, strict=True)]
    best, where = np.full(shape, -np.inf), [x.copy() for x in at]
    for k in range(STEPS if best.size else 0):
        outputs, slopes = _slopes(domain, [x.reshape(best.size, *x.shape[3:]) for x in at], weights)
        now = np.nan_to_num((outputs * weights).sum(axis=1), nan=-np.inf).reshape(shape)
        better, best = now >= best, np.maximum(now, best)  # where digits are lost, the gradients go on
        step = np.where(np.arange(STARTS) % 2, 0.7**k, 1.0)
        for j, ((x, y), slope) in enumerate(zip(spread, slopes, strict=True)):
            columns = (..., *(None,) * (at[j].ndim - 3))
            where[j] = np.where(better[columns], at[j], where[j])
            slope = np.nan_to_num(slope).reshape(at[j].shape)
            if (ball := placed[j]) is None:
                at[j] = np.clip(at[j] + step[columns] * (y - x) * np.sign(slope), x, y)
            else:
                at[j] = _in_ball(at[j] + step[columns] * 2 * ball[1] * (slope / _norm(slope)), *ball)
    return best, where


def _placed(at: Array, centre: Array, radius: Array) -> tuple[Array, Array]:
    """A ball for each box, as arrays beside the points."""
    return centre[:, None, None], radius.reshape(-1, *(1,) * (at.ndim - 1))


def _in_ball(at: Array, centre: Array, radius: Array) -> Array:
    """Points moved into a ball, a little inside of its surface."""
    aside = at - centre
    return np.asarray(centre + aside * np.minimum(1.0, radius * (1 - 1e-12) / _norm(aside)))


def _norm(aside: Array) -> Array:
    """The Euclidean norm of each point's array, not 0."""
    return np.asarray(np.maximum(np.sqrt((aside**2).sum(axis=tuple(range(3, aside.ndim)), keepdims=True)), 1e-300))


def _shares(source: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Where in the box the starts are: two in the middle, the others anywhere."""
    shares = source.uniform(size=(STARTS, *shape))
    shares[:2] = 0.5
    return shares


def _inside(low: Any, high: Any) -> tuple[Array, Array]:
    """Floats in the box: its ends, rounded inward, or near its middle where there is none."""
    middle = lift_elements(lambda a, b: float(_between(a, b)), low, high).astype(np.float64)
    least = lift_elements(lambda a, m: m - 1 if infinite(a) else float_above(a), low, middle).astype(np.float64)
    most = lift_elements(lambda b, m: m + 1 if infinite(b) else float_below(b), high, middle).astype(np.float64)
    return np.minimum(least, most), most


def _exactly(x: Any, low: Any, high: Any, least: Any, most: Any) -> Any:
    """A float as a point of the box: an end where it is the float of that end."""
    if x <= least and not infinite(low):
        return low
    if x >= most and not infinite(high):
        return high
    return data_value(x)


def _traced(domain: Domain, batch: BatchedContext, at: Sequence[Array]) -> Trace:
    """The spec over a batch: at many points, a row for each."""
    context = batch.inner
    first = {path: context.tensor(x[0]) for path, x in zip(domain.ends, at, strict=True)}
    rows = {id(first[path]): batch.rows(context.tensor(x)) for path, x in zip(domain.ends, at, strict=True)}
    return trace(Tape(batch), domain.spec, domain.having(context, first), rows)


def _slopes(domain: Domain, at: list[Array], weights: Array | None = None) -> tuple[Array, list[Array]]:
    """The outputs at many points, a row for each, and the gradients of their weighted sums."""
    batch = BatchedContext(FLOAT, len(at[0]))
    traced = _traced(domain, batch, at)
    result = traced.result
    outputs = np.asarray(batch.arrays.spread(result.value), dtype=np.float64).reshape(len(at[0]), -1)
    if result.constant or weights is None:
        return outputs, [np.zeros_like(x) for x in at]
    g = batch.rows(FLOAT.tensor(weights.reshape(-1, *result.shape)))
    gradients = backward_pass(traced, g)
    return outputs, [np.asarray(batch.arrays.spread(t.value)) for t in gradients]
