"""Inner bounds: values that a spec surely attains over a box, which say how far its bounds can be from the truth."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs, work
from scalarspec.bounding.sign_ascent import Side, ascend, traced_rows
from scalarspec.core.arguments import call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ScalarSpecError
from scalarspec.numbers.exact import End, as_array, data_value, exact_text, float_above, float_below, infinite
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.evaluation import Evaluation

Array = np.ndarray[Any, Any]
Point = dict[str, Any]
Ends = tuple[Array, Array]
ROWS = 16
"""Rows of boxes in one job: their searches share evaluations, and several workers have something to do."""
SHARP = 1 << 20
"""An enclosure of a value is sharp where it is this much narrower than the values are apart, or than it is large."""
TINIEST = Fraction(1, 2**1100)
"""Narrower enclosures are sharp, whatever they are of: what cancels to 0 never is beside its own size."""
FIRST_BITS, MOST_BITS = 113, 1 << 11
"""The precision that is tried where interval64 is not sharp, doubled up to the last, which takes about a second."""
MOST_EXACT_BITS = 1 << 18
"""The most bits of a rational that is worked out: longer ones take more than seconds."""

Settled = Callable[[Array, Array], bool]
"""Do these ends of the outputs at a point answer the question?"""


def inner_bounds(jobs: Jobs) -> tuple[Any, Any]:
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
    found = [sharpened(domain.row(i), each) for i, each in zip(rows, values(domain, rows), strict=True)]
    return [[lift_elements(exact_text, end).tolist() for end in extremes(each)] for each in found]


def _end(text: str) -> End:
    return float(text) if "inf" in text else data_value(text)


def extremes(found: list[Valued]) -> tuple[Any, Any]:
    """For each output, a number that some value is at most, and one that some value is at least; infinite: none."""
    known = [(low, high) for _, low, high in found if low is not None]
    if not known:
        return np.array(np.inf, dtype=object), np.array(-np.inf, dtype=object)
    least = np.min(np.stack([high for _, high in known]), axis=0)
    most = np.max(np.stack([low for low, _ in known]), axis=0)
    return np.asarray(least, dtype=object), np.asarray(most, dtype=object)


def sharpened(domain: Domain, found: list[Valued]) -> list[Valued]:
    """The same points, with values at higher precision where interval64 does not tell them apart."""
    least, most = extremes(found)

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
    for ends, exact in _closer_ends(domain, point):
        known = ends or known
        if ends and (exact or settled(*ends)):
            break
    return known


def _closer_ends(domain: Domain, point: Point) -> Iterator[tuple[Ends | None, bool]]:
    """The ends of the spec at a point, and are they exact? None where it has no value.

    In rationals, unless it is surely irrational there or its numbers are too long; then at growing precision.
    """
    first = _evaluation(domain, point)
    if first is None or not (first.surely_irrational() or first.exact_bits() > MOST_EXACT_BITS):
        yield _ends(domain, point, named_context("rational")), True
    if first is not None:
        yield endpoints(first.result), False
    bits = FIRST_BITS if first is None else 2 * FIRST_BITS
    while bits <= MOST_BITS:
        yield _ends(domain, point, named_context("interval", prec=bits)), False
        bits *= 2


def _evaluation(domain: Domain, point: Point) -> Evaluation | None:
    """The spec at a point in the first precision, with what it did; None where that fails."""
    context: Context[Any] = named_context("interval", prec=FIRST_BITS)
    with contextlib.suppress(ScalarSpecError):
        return Evaluation.of(domain.spec, domain.at(context, point)[0], context)
    return None


def _ends(domain: Domain, point: Point, context: Context[Any]) -> Ends | None:
    """The ends of the spec at a point in a context; None where it has no value there."""
    with contextlib.suppress(ScalarSpecError):
        return endpoints(call(domain.spec, domain.at(context, point)[0], context))
    return None


def values(domain: Domain, rows: Sequence[int] = (0,), sides: Sequence[Side] | None = None) -> list[list[Valued]]:
    """For each row of the domain, exact points of its box, and the ends of what the spec is there, by interval64.

    The points: the middle, and for each side of an output (by default, of the first few) those where a search found it
    greatest, or least.
    """
    middles = [middle(domain.box(i)) for i in rows]
    points = [[first, *found] for first, found in zip(middles, searched(domain, rows, sides), strict=True)]
    known = iter(enclosed(domain, [point for each in points for point in each]))
    return [[(point, *(next(known) or (None, None))) for point in each] for each in points]


def middle(box: Mapping[str, Ends]) -> Point:
    """The middle of a box; where that has but one end, the end."""
    return {path: lift_elements(_between, *ends) for path, ends in box.items()}


def _between(low: Any, high: Any) -> Any:
    if infinite(low) and infinite(high):
        return 0
    return high if infinite(low) else low if infinite(high) else (low + high) / 2


def enclosed(domain: Domain, points: list[Point]) -> list[Ends | None]:
    """The ends of the spec at some points: at all of them at once, or one by one; None where it is not defined."""
    columns = [np.stack([as_array(point[path]) for point in points]) for path in domain.varied]
    try:
        batch = BatchedContext(INTERVALS, len(points))
        result = traced_rows(domain, batch, columns).result
        found = endpoints(
            Tensor(INTERVALS, Shape((len(points), *result.shape)), batch.arrays.materialize(result.value))
        )
        return [
            (np.asarray(low, dtype=object), np.asarray(high, dtype=object)) for low, high in zip(*found, strict=True)
        ]
    except ScalarSpecError:
        return [_ends(domain, point, INTERVALS) for point in points]


def searched(domain: Domain, rows: Sequence[int], sides: Sequence[Side] | None = None) -> list[list[Point]]:
    """For each row, where sign-gradient ascent in floats has the outputs greatest or least, as exact points.

    Nothing where the spec cannot be evaluated for many points at once.
    """
    boxes, rows = [domain.box(i) for i in rows], list(rows)
    floats = [[_inside(*box[path]) for box in boxes] for path in domain.varied]
    low, high = ([np.stack([pair[k] for pair in column]) for column in floats] for k in (0, 1))
    try:
        with np.errstate(all="ignore"):  # floats that overflow are no good points
            balls = [ball and (ball[0][rows], ball[1][rows]) for ball in domain.balls]
            best, where = ascend(domain, low, high, balls, sides)
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


def _inside(low: Any, high: Any) -> tuple[Array, Array]:
    """Floats in the box: its ends, rounded inward, or near its middle where there is none."""
    middle = lift_elements(lambda a, b: float_below(_between(a, b)), low, high).astype(np.float64)
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
