"""Regions that an argument ranges over: balls and boxes around, or in the place of, what is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.functions import endpoints
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.numbers.exact import as_array, data_value, infinite


@dataclass(frozen=True)
class Ball:
    """All arguments within `radius` of the given one: in each element (ℓ∞), or in the Euclidean norm of each tensor."""

    radius: Fraction
    norm: float = math.inf

    def around(self, lower: Any, upper: Any) -> tuple[Any, Any]:
        """The box around an argument that lies between two arrays."""
        return lower - self.radius, upper + self.radius

    def shrunk(self, cotangent: Fraction) -> Ball:
        """The ball of a share of the radius."""
        return Ball(self.radius * cotangent, self.norm)


@dataclass(frozen=True)
class Box:
    """All arguments between two arrays of the argument's shape, or two numbers."""

    lower: Any
    upper: Any

    def around(self, lower: Any, upper: Any) -> tuple[Any, Any]:
        """The box itself, in the shape of the argument."""
        try:
            return np.broadcast_to(self.lower, np.shape(lower)), np.broadcast_to(self.upper, np.shape(upper))
        except ValueError:
            given = f"{np.shape(self.lower)} and {np.shape(self.upper)}"
            raise ShapeError(f"box: ends of shapes {given} for an argument of shape {np.shape(lower)}") from None

    def shrunk(self, cotangent: Fraction) -> Box:
        """The box of a share of the widths, around the same middle; an infinite one stays."""
        low, high = (lift_elements(_exact_or_infinite, as_array(end)) for end in (self.lower, self.upper))

        def end(a: Any, b: Any) -> Any:
            return a if infinite(a, b) else (a + b) / 2 + cotangent * (a - b) / 2

        return Box(lift_elements(end, low, high), lift_elements(end, high, low))


def ball(radius: Any, norm: float = math.inf) -> Ball:
    """The ball of that radius around the given argument, by its largest element or, for norm=2, its Euclidean norm.

    Of an argument of several tensors, each is in a ball of its own. A float counts at its exact binary value.
    """
    exact = data_value(radius)
    if exact < 0:
        raise ArgumentError(f"radius: expected a number >= 0, got {radius}")
    if norm not in (2, math.inf):
        raise ArgumentError(f"norm: expected 2 or inf, got {norm!r}")
    return Ball(exact, float(norm))


def box(lower: Any, upper: Any) -> Box:
    """The box between two numbers or arrays, whatever the given argument is."""
    return Box(as_array(lower), as_array(upper))


def ends_of(name: str, argument: Any, region: Ball | Box) -> tuple[Any, Any]:
    """The exact ends of the box that an argument, in `vary`, ranges over: object arrays of its shape."""
    if not isinstance(region, Ball | Box):
        raise ArgumentError(f"vary: expected ball(radius) or box(lower, upper) for {name!r}, got {region!r}")
    has_ends = isinstance(argument, Tensor) and not argument.context.rounds
    ends = endpoints(argument) if has_ends else (as_array(argument),) * 2
    low, high = region.around(*(lift_elements(_exact_or_infinite, end) for end in ends))
    if isinstance(region, Ball):
        return as_array(low), as_array(high)
    return lift_elements(_exact_or_infinite, as_array(low)), lift_elements(_exact_or_infinite, as_array(high))


def _exact_or_infinite(value: Any) -> Any:
    return value if isinstance(value, float) and np.isinf(value) else data_value(value)
