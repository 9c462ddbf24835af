"""The cross-entropy method (Rubinstein 1999): points of a box at which an output of a spec is small.

Points are drawn from all of the box, and then around the best of them, nearer and nearer. Where the region that is
looked for is thin, and slopes lead elsewhere, that finds what ascent along slopes does not; it takes thousands of
evaluations, and so few numbers that vary. All is in floats: what is found is a place to look, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.bounding.ranges import side_by_side
from scalarspec.bounding.sign_ascent import Array, outputs_at

POINTS, ROUNDS, FIRST = 2048, 12, 2
"""So many points are drawn each time, so often at most, and at least."""
GAIN = 0.1
"""A round that brings the least output nearer to 0 by less than this part of it is the last one."""
BEST = 32
"""Around so many of the best points the next ones are drawn."""
SPREAD, NARROWING = 0.15, 0.6
"""How far from these at first, as a share of the box's width, and how much nearer each time."""
MOST_INPUTS = 32
"""The most numbers that may vary: of more, samples tell too little."""
MOST_NUMBERS = 1 << 22
"""The most numbers that all values of the spec may have together, for all points at once: 32 MiB."""


def applies(domain: Domain) -> bool:
    """Are there so few numbers, in a bounded box and in no ball, that points are worth drawing?"""
    low, high = _sides(domain)
    with np.errstate(over="ignore"):
        bounded = bool(np.isfinite(high - low).all())
    each = sum(eqn.result.shape.size for eqn in domain.plan.equations)  # none is left out, or one with others
    few = low.size <= MOST_INPUTS and POINTS * (each + low.size) <= MOST_NUMBERS
    return few and bounded and not any(domain.balls)


def drawn(domain: Domain, output: int, seed: int, late: Callable[[], bool] = lambda: False) -> list[Array]:
    """The best points of one search in the box of a domain of one row, a row for each, by input; none where the spec
    cannot be evaluated for many points at once. output: the place of the one that is to be small; seed: of the numbers
    that are drawn; late: is the time over, so that the points that are known have to do?
    """
    low, high = _sides(domain)
    source = np.random.default_rng(seed)
    points, spread = source.uniform(low, high, (POINTS, low.size)), SPREAD
    best, known = points[:0], np.inf
    for k in range(ROUNDS):
        margins = outputs_at(domain, _by_input(domain, points))
        if not len(margins):
            break
        values = np.nan_to_num(margins[:, output], nan=np.inf)
        best = points[np.argsort(values, kind="stable")[:BEST]]
        before, known = known, float(np.min(values))
        if known < 0 or (k >= FIRST and known > (1 - GAIN) * before) or late():
            break
        around = best[source.integers(len(best), size=POINTS - len(best))]
        with np.errstate(over="ignore"):
            near = around + spread * (high - low) * source.standard_normal(around.shape)
        points, spread = np.concatenate([best, np.clip(near, low, high)]), NARROWING * spread
    return _by_input(domain, best)


def _sides(domain: Domain) -> tuple[Array, Array]:
    """The ends of all inputs, side by side."""
    low, high = (side_by_side(ends, 1)[0] for ends in zip(*domain.floats, strict=True))
    return low, high


def _by_input(domain: Domain, points: Array) -> list[Array]:
    """Points whose inputs are side by side, as an array for each input."""
    shapes = [pair[0].shape[1:] for pair in domain.floats]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return [
        part.reshape(len(points), *shape) for part, shape in zip(np.split(points, ends, axis=1), shapes, strict=True)
    ]
