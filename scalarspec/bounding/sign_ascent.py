"""Sign-gradient ascent (PGD: Madry et al. 2018): points of a box at which an output is great, or small.

Everything is in floats, for all boxes, sides of outputs and starts at once: arrays have axes (box, side, start, *shape
of the input). What is found is a place to look, and proves nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import FLOAT
from scalarspec.bounding.domain import Domain
from scalarspec.errors import ScalarSpecError
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace, trace

Array = np.ndarray[Any, Any]
STEPS = 14
"""Steps from each start: the small ones of every other start have become 1 % of the box by then."""
STARTS = 6
"""Starts of each search: two in the middle, the others anywhere in the box."""
SHRINKING = 0.7
"""By what every other start multiplies its step each time; the others jump to corners all the time."""
OUTPUTS = 8
"""The outputs that are looked at, the first ones, where none are named."""
INSIDE = 1 - 1e-12
"""Of the radius of a ball, where points are moved to: floats are a little off."""
NOTHING = 1e-300
"""In the place of a norm of 0, which is divided by."""

Side = tuple[int, int]
"""An output, by its place among all, and 1 where its greatest value is asked for, -1 for its least."""


@dataclass(frozen=True, eq=False)
class _Box:
    """The box of an input: its ends, (boxes, 1, 1, *shape)."""

    low: Array
    high: Array

    def starts(self, source: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """(boxes, sides, starts) points in it, two in the middle and the others anywhere."""
        where = source.uniform(size=(STARTS, *self.low.shape[3:]))
        where[:2] = 0.5
        full = np.zeros((*shape, *self.low.shape[3:]))
        return np.asarray(self.inside(self.low + where * (self.high - self.low) + full))

    def inside(self, at: Array) -> Array:
        """Points moved into it."""
        return np.clip(at, self.low, self.high)

    def moved(self, at: Array, slope: Array, step: Array) -> Array:
        """Points after a step: a share of the width in each element, by the sign of the slope."""
        return self.inside(at + step * (self.high - self.low) * np.sign(slope))


@dataclass(frozen=True, eq=False)
class _Ball(_Box):
    """The Euclidean ball of an input: its centre, (boxes, 1, 1, *shape), and its radius, with as many axes."""

    centre: Array
    radius: Array

    def inside(self, at: Array) -> Array:
        """Points moved into it, a little inside of its surface."""
        aside = at - self.centre
        return np.asarray(self.centre + aside * np.minimum(1.0, self.radius * INSIDE / _norm(aside)))

    def moved(self, at: Array, slope: Array, step: Array) -> Array:
        """Points after a step: a share of the diameter, along the slope."""
        return self.inside(at + step * 2 * self.radius * (slope / _norm(slope)))


def ascend(
    domain: Domain,
    low: list[Array],
    high: list[Array],
    balls: list[tuple[Array, Array] | None],
    sides: Sequence[Side] | None,
) -> tuple[Array, list[Array]]:
    """For each box, side and start: the greatest value that was met, (boxes, sides, starts), and where for each input.

    low, high: for each input the ends, (boxes, *shape); balls: for those that are in one, centres and radii; sides: of
    outputs, by default both of the first few.
    """
    size = _slopes(domain, low)[0].shape[1]
    sides = [(k, sign) for k in range(min(size, OUTPUTS)) for sign in (1, -1)] if sides is None else sides
    shape = (len(low[0]), len(sides), STARTS)
    weights = _weights(sides, size, shape)
    regions = [_region(*each) for each in zip(low, high, balls, strict=True)]
    source = np.random.default_rng(0)
    at = [region.starts(source, shape) for region in regions]
    best, where = np.full(shape, -np.inf), [x.copy() for x in at]
    for k in range(STEPS if best.size else 0):
        outputs, slopes = _slopes(domain, [x.reshape(best.size, *x.shape[3:]) for x in at], weights)
        now = np.nan_to_num((outputs * weights).sum(axis=1), nan=-np.inf).reshape(shape)
        better, best = now >= best, np.maximum(now, best)  # where digits are lost, the gradients go on
        step = np.where(np.arange(STARTS) % 2, SHRINKING**k, 1.0)
        for j, (region, slope) in enumerate(zip(regions, slopes, strict=True)):
            columns = (..., *(None,) * (at[j].ndim - 3))
            where[j] = np.where(better[columns], at[j], where[j])
            at[j] = region.moved(at[j], np.nan_to_num(slope).reshape(at[j].shape), step[columns])
    return best, where


def _weights(sides: Sequence[Side], size: int, shape: tuple[int, ...]) -> Array:
    """For each point the row of weights whose sum with the outputs is to be great."""
    rows = np.zeros((len(sides), size))
    for row, (k, sign) in zip(rows, sides, strict=True):
        row[k] = sign
    return np.broadcast_to(rows[None, :, None], (*shape, size)).reshape(-1, size)


def _region(low: Array, high: Array, ball: tuple[Array, Array] | None) -> _Box:
    """An input's box, or ball, beside arrays of points."""
    ends = low[:, None, None], high[:, None, None]
    if ball is None:
        return _Box(*ends)
    return _Ball(*ends, ball[0][:, None, None], ball[1].reshape(-1, *(1,) * (ends[0].ndim - 1)))


def _norm(aside: Array) -> Array:
    """The Euclidean norm of each point's array, not 0."""
    norm = np.sqrt((aside**2).sum(axis=tuple(range(3, aside.ndim)), keepdims=True))
    return np.asarray(np.maximum(norm, NOTHING))


def traced_rows(domain: Domain, batch: BatchedContext, at: Sequence[Array]) -> Trace:
    """The spec over a batch: at many points, a row for each. at: for each input, arrays (points, *shape)."""
    context = batch.inner
    first = {path: context.tensor(x[0]) for path, x in zip(domain.varied, at, strict=True)}
    rows = {id(first[path]): batch.rows(context.tensor(x)) for path, x in zip(domain.varied, at, strict=True)}
    return trace(Tape(batch), domain.spec, domain.having(context, first), rows)


def _slopes(domain: Domain, at: list[Array], weights: Array | None = None) -> tuple[Array, list[Array]]:
    """The outputs at many points, a row for each, and the gradients of their weighted sums."""
    batch = BatchedContext(FLOAT, len(at[0]))
    traced = traced_rows(domain, batch, at)
    result = traced.result
    outputs = np.asarray(batch.arrays.materialize(result.value), dtype=np.float64).reshape(len(at[0]), -1)
    if result.constant or weights is None:
        return outputs, [np.zeros_like(x) for x in at]
    g = batch.rows(FLOAT.tensor(weights.reshape(-1, *result.shape)))
    gradients = backward_pass(traced, g)
    return outputs, [np.asarray(batch.arrays.materialize(t.value)) for t in gradients]


def outputs_at(domain: Domain, at: list[Array]) -> Array:
    """The outputs at some points, in floats: (points, outputs). at: for each input, (points, *shape).

    Of no point, where there is none, or the spec cannot be evaluated for many.
    """
    with contextlib.suppress(ScalarSpecError), np.errstate(all="ignore"):
        if len(at[0]):
            return _slopes(domain, at)[0]
    return np.zeros((0, 0))
