"""Values that a spec surely attains over a box: how far its bounds can be from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scalarspec.arguments import call
from scalarspec.arrays import lift as lift_elements
from scalarspec.batched import BatchedContext
from scalarspec.errors import ScalarSpecError
from scalarspec.exact import End, as_array, data_value, exact_text, float_above, float_below, infinite
from scalarspec.functions import endpoints
from scalarspec.gradient import Tape, recorded_with
from scalarspec.interpreter import Traced
from scalarspec.jobs import Jobs, work
from scalarspec.plan import FLOAT, INTERVALS
from scalarspec.regions import Domain
from scalarspec.shape import Shape
from scalarspec.tensor import Tensor

Array = np.ndarray[Any, Any]
Point = dict[str, Any]
STEPS, STARTS, OUTPUTS = 14, 6, 8
"""How many steps are taken, from how many points, for each of so many outputs."""
ROWS = 16
"""So many rows of boxes are one job."""


def attained(jobs: Jobs) -> tuple[Any, Any]:
    """The least and the greatest value of each output at some points of the box: object arrays; (inf, -inf) if none.

    Each value is enclosed, and counted where it surely lies inside of what is said. For rows of boxes: of each.
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
    return [[lift_elements(exact_text, end).tolist() for end in _extremes(v)] for v in values(domain, range(*item))]


def _end(text: str) -> End:
    return float(text) if "inf" in text else data_value(text)


def _extremes(found: list[tuple[Point, Any, Any]]) -> tuple[Any, Any]:
    if not found:
        return np.array(np.inf, dtype=object), np.array(-np.inf, dtype=object)
    least = np.min(np.stack([high for _, _, high in found]), axis=0)
    most = np.max(np.stack([low for _, low, _ in found]), axis=0)
    swapped = least > most  # one point, not known exactly
    return np.where(swapped, most, least).astype(object), np.where(swapped, least, most).astype(object)


def values(domain: Domain, rows: Sequence[int] = (0,)) -> list[list[tuple[Point, Any, Any]]]:
    """For each row of the domain, exact points of its box, and the ends of what the spec is there: object arrays.

    The points: the middle, and for each output those where a search found it least and greatest.
    """
    boxes = [domain.box(i) for i in rows]
    middles = [{path: lift_elements(_between, *ends) for path, ends in box.items()} for box in boxes]
    points = [[middle, *found] for middle, found in zip(middles, _searched(domain, rows), strict=True)]
    known = iter(_enclosed(domain, [point for each in points for point in each]))
    pairs = [[(point, next(known)) for point in each] for each in points]
    return [[(point, *ends) for point, ends in each if ends is not None] for each in pairs]


def _between(low: Any, high: Any) -> Any:
    if infinite(low) and infinite(high):
        return 0
    return high if infinite(low) else low if infinite(high) else (low + high) / 2


def _enclosed(domain: Domain, points: list[Point]) -> list[tuple[Any, Any] | None]:
    """The ends of the spec at some points: at all of them at once, or one by one; None where it is not defined."""
    columns = [np.stack([as_array(point[path]) for point in points]) for path in domain.ends]
    try:
        batch = BatchedContext(INTERVALS, len(points))
        _, _, result = _recorded(domain, batch, columns)
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


def _searched(domain: Domain, rows: Sequence[int]) -> list[list[Point]]:
    """By the signs of gradients in floats, from several starts at once: in steps to corners, and in ever smaller ones.

    Nothing where the spec cannot be evaluated for many points at once.
    """
    boxes, rows = [domain.box(i) for i in rows], list(rows)
    floats = [[_inside(*box[path]) for box in boxes] for path in domain.ends]
    low, high = ([np.stack([pair[k] for pair in column]) for column in floats] for k in (0, 1))
    try:
        with np.errstate(all="ignore"):  # floats that overflow are no good points
            best, where = _climbed(
                domain, low, high, [ball and (ball[0][rows], ball[1][rows]) for ball in domain.balls]
            )
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
    domain: Domain, low: list[Array], high: list[Array], balls: list[tuple[Array, Array] | None]
) -> tuple[Array, list[Array]]:
    """For each box, output and side, and start: how far it got, (boxes, sides, starts), and where."""
    size = _slopes(domain, low)[0].shape[1]
    sides = np.array([sign * np.eye(size)[k] for k in range(min(size, OUTPUTS)) for sign in (1, -1)]).reshape(-1, size)
    shape = (len(low[0]), len(sides), STARTS)
    weights = np.broadcast_to(sides[None, :, None], (*shape, size)).reshape(-1, size)
    source = np.random.default_rng(0)
    spread = [(x[:, None, None], y[:, None, None]) for x, y in zip(low, high, strict=True)]
    at = [x + _shares(source, x.shape[3:]) * (y - x) + np.zeros((*shape, *x.shape[3:])) for x, y in spread]
    placed = [None if ball is None else _placed(x, *ball) for x, ball in zip(at, balls, strict=True)]
    at = [x if ball is None else _in_ball(x, *ball) for x, ball in zip(at, placed, strict=True)]
    best, where = np.full(shape, -np.inf), [x.copy() for x in at]
    for k in range(STEPS if best.size else 0):
        outputs, slopes = _slopes(domain, [x.reshape(best.size, *x.shape[3:]) for x in at], weights)
        now = np.nan_to_num((outputs * weights).sum(axis=1), nan=-np.inf).reshape(shape)
        better, best = now > best, np.maximum(now, best)
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


def _recorded(domain: Domain, batch: BatchedContext, at: Sequence[Array]) -> tuple[Tape, list[Traced], Traced]:
    """The spec on a tape over a batch: at many points, a row for each."""
    context = batch.inner
    first = {path: context.tensor(x[0]) for path, x in zip(domain.ends, at, strict=True)}
    rows = {id(first[path]): batch.rows(context.tensor(x)) for path, x in zip(domain.ends, at, strict=True)}
    tape = Tape(batch)
    return tape, *recorded_with(tape, domain.spec, domain.having(context, first), rows)


def _slopes(domain: Domain, at: list[Array], weights: Array | None = None) -> tuple[Array, list[Array]]:
    """The outputs at many points, a row for each, and the gradients of their weighted sums."""
    batch = BatchedContext(FLOAT, len(at[0]))
    tape, inputs, result = _recorded(domain, batch, at)
    outputs = np.asarray(batch.arrays.spread(result.value), dtype=np.float64).reshape(len(at[0]), -1)
    if result.constant or weights is None:
        return outputs, [np.zeros_like(x) for x in at]
    g = batch.rows(FLOAT.tensor(weights.reshape(-1, *result.shape)))
    swept = tape.arrays.swept(result, inputs, g)
    return outputs, [np.asarray(batch.arrays.spread(t.value)) for t in swept]
