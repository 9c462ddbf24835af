"""Values that a spec surely attains over a box: how far its bounds can be from the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.arguments import call
from scalarspec.arrays import lift as lift_elements
from scalarspec.errors import ScalarSpecError
from scalarspec.exact import End, data_value, exact_text, infinite
from scalarspec.functions import endpoints
from scalarspec.gradient import Tape, recorded
from scalarspec.jobs import Jobs, work
from scalarspec.regions import Domain
from scalarspec.registry import context as named_context
from scalarspec.tensor import Tensor

Point = dict[str, Any]
STEPS, OUTPUTS = 20, 8
"""How many corners are tried on the way, for each of so many outputs."""


def attained(jobs: Jobs) -> tuple[Any, Any]:
    """The least and the greatest value of each output at some points of the box: object arrays; (inf, -inf) if none.

    Each value is enclosed, and counted where it surely lies inside of what is said. For rows of boxes: of each.
    """
    answers = jobs.map(witnessed, range(jobs.domain.rows))
    found = [[lift_elements(_end, np.array(end, dtype=object)) for end in ends] for ends in answers]
    least, most = (np.stack(ends) for ends in zip(*found, strict=True))
    return (least, most) if jobs.domain.over else (least[0], most[0])


@work
def witnessed(domain: Domain, row: int) -> Any:
    """The same for one row, as exact texts."""
    return [lift_elements(exact_text, end).tolist() for end in _attained(domain.row(row))]


def _end(text: str) -> End:
    return float(text) if "inf" in text else data_value(text)


def _attained(domain: Domain) -> tuple[Any, Any]:
    found = values(domain)
    if not found:
        return np.array(np.inf, dtype=object), np.array(-np.inf, dtype=object)
    least = np.min(np.stack([high for _, _, high in found]), axis=0)
    most = np.max(np.stack([low for _, low, _ in found]), axis=0)
    swapped = least > most  # one point, not known exactly
    return np.where(swapped, most, least).astype(object), np.where(swapped, least, most).astype(object)


def values(domain: Domain) -> list[tuple[Point, Any, Any]]:
    """Exact points of the box, and the ends of what the spec is there: object arrays.

    The points: the middle, and for each output corners to which the signs of its gradient lead.
    """
    points = [_middle(domain)]
    for k in range(OUTPUTS):
        for direction in (1, -1):
            led = _led(domain, points[0], k, direction)
            if led is None:
                break
            points += led
    enclosed = [(point, _value(domain, point)) for point in points]
    return [(point, *endpoints(value)) for point, value in enclosed if value is not None]


def _middle(domain: Domain) -> Point:
    return {path: lift_elements(_between, low, high) for path, (low, high) in domain.ends.items()}


def _between(low: Any, high: Any) -> Any:
    if infinite(low) and infinite(high):
        return 0
    return high if infinite(low) else low if infinite(high) else (low + high) / 2


def _value(domain: Domain, point: Point) -> Tensor | None:
    try:
        return call(domain.spec, domain.at(named_context("interval64", fast=False), point)[0])
    except ScalarSpecError:
        return None


def _led(domain: Domain, start: Point, output: int, direction: int) -> list[Point] | None:
    """Corners, each where the gradient at the one before points to; None where there is no such output."""
    points: list[Point] = []
    seen: set[bytes] = set()
    point = start
    for _ in range(STEPS):
        gradient = gradient_at(domain, point, output)
        if gradient is None:
            return points or None
        point = {
            path: _corner(direction * g, *domain.ends[path], point[path])
            for (path, g) in zip(domain.ends, gradient, strict=True)
        }
        key = np.concatenate([np.ravel(np.sign(g)) for g in gradient]).tobytes()
        if key in seen:
            break
        seen.add(key)
        points.append(point)
    return points[-3:]


def _corner(g: Any, low: Any, high: Any, here: Any) -> Any:
    def chosen(slope: Any, a: Any, b: Any, x: Any) -> Any:
        end = b if slope > 0 else a if slope < 0 else x
        return x if infinite(end) else end

    return lift_elements(chosen, np.asarray(g, dtype=object), low, high, here)


def gradient_at(domain: Domain, point: Point, output: int) -> list[Any] | None:
    """Of one output in what varies, in floats."""
    context = named_context("float64")
    args, points = domain.at(context, {path: np.asarray(v).astype(float) for path, v in point.items()})
    tape = Tape(context)
    try:
        variables, result = recorded(tape, domain.spec, args, points)
        if output >= result.shape.size or result.constant:
            return None
        unit = np.zeros(result.shape.size)
        unit[output] = 1
        inputs = [variables[id(t)].value for t in points]
        found = tape.arrays.swept(result, inputs, context.tensor(unit.reshape(result.shape)))
    except ScalarSpecError:
        return None
    return [np.nan_to_num(np.asarray(g)) for g in found]
