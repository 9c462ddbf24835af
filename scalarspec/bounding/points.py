"""Points of a box that are looked at: its middle, its corners, those of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.bounding.inner_bounds import Ends, Point, middle
from scalarspec.bounding.parts import Part
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.numbers.exact import exact_end, infinite


def only_point(domain: Domain) -> Point | None:
    """The point that a box of one row is; None where it is wider."""
    box = domain.box(0)
    if any(infinite(*np.ravel(low)) or np.any(low != high) for low, high in box.values()):
        return None
    return {path: low for path, (low, _) in box.items()}


def first_points(domain: Domain) -> list[Point]:
    """The middle of the box, and the corners of least and of greatest numbers, where they are in it."""
    box = domain.box(0)
    corners = [{path: ends[k] for path, ends in box.items()} for k in (0, 1)]
    finite = [point for point in corners if not any(infinite(*np.ravel(x)) for x in point.values())]
    return [middle(box), *(point for point in finite if domain.holds(point))]


def middles(domain: Domain, varied: Sequence[str], parts: Sequence[Part]) -> list[Point]:
    """The middles of parts of the box, as far as they lie in it. varied: the paths of what the parts have boxes of."""
    found = []
    for part in parts:
        floats = dict(zip(varied, part.box, strict=True))  # rows that are points among them
        found.append(middle({path: _inner(ends, floats[path]) for path, ends in domain.box(0).items()}))
    return [point for point in found if domain.holds(point)]


def part_way(first: Point, second: Point, way: Fraction) -> Point:
    """The point that part of the way from one to the other."""
    return {path: lift_elements(lambda a, b: a + way * (b - a), first[path], second[path]) for path in first}


def clipped(x: Any, low: Any, high: Any) -> Any:
    """A float as a number between two ends."""
    return min(max(exact_end(x), low), high)


def _inner(exact: Ends, floats: Ends) -> Ends:
    """The exact ends of a part that is known by floats, which the ends of the whole box were rounded outward to."""
    low, high = (lift_elements(exact_end, np.asarray(end, dtype=object)) for end in floats)
    return lift_elements(max, exact[0], low), lift_elements(min, exact[1], high)
