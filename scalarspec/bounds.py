"""Bounds of a spec over a box of arguments, by interval propagation: one evaluation under an enclosing context."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.arguments import bind, call
from scalarspec.arrays import lift as lift_elements
from scalarspec.context import Context
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.exact import as_array, data_value, interval_text
from scalarspec.functions import endpoints
from scalarspec.lifting import lift
from scalarspec.registry import resolve
from scalarspec.report import ends_json, unboxed
from scalarspec.tensor import Tensor


@dataclass(frozen=True)
class Ball:
    """All arguments within `radius` of the given one in each element (the ℓ∞ ball)."""

    radius: Fraction

    def around(self, lower: Any, upper: Any) -> tuple[Any, Any]:
        """The box around an argument that lies between two arrays."""
        return lower - self.radius, upper + self.radius


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


def ball(radius: Any) -> Ball:
    """The ℓ∞ ball of that radius around the given argument. A float counts at its exact binary value."""
    exact = data_value(radius)
    if exact < 0:
        raise ArgumentError(f"radius: expected a number >= 0, got {radius}")
    return Ball(exact)


def box(lower: Any, upper: Any) -> Box:
    """The box between two numbers or arrays, whatever the given argument is."""
    return Box(as_array(lower), as_array(upper))


@dataclass(frozen=True)
class Bounds:
    """What `bounds` found. lower, upper: exact Fractions (or ±inf), or object arrays of them."""

    lower: Any
    upper: Any
    enclosure: Tensor
    method: str
    boxes: int
    seconds: float

    @property
    def width(self) -> Any:
        """upper - lower."""
        return self.upper - self.lower

    def __str__(self) -> str:
        pairs = zip(np.ravel(self.lower), np.ravel(self.upper), strict=True)
        lines = [interval_text(lower, upper, 10) for lower, upper in pairs]
        how = f"{self.method}, {self.boxes} box, {self.seconds:.3f} s"
        return "\n".join([*lines, f"({how})"])

    def to_json(self) -> dict[str, Any]:
        """Plain data; the ends as exact strings."""
        ends = ends_json(self.lower, self.upper)
        return {**ends, "method": self.method, "boxes": self.boxes, "seconds": self.seconds}


def bounds(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    backend: str | Context[Any] = "interval",
    method: str = "interval",
) -> Bounds:
    """An enclosure of every output of `spec` while the arguments named in `vary` range over their boxes.

    args: the arguments of the spec, models on NumPy arrays among them, each float at its exact value. The enclosure is
    rigorous, rounding included; interval propagation makes it wide on deep models and large boxes.
    Raises UnknownName for a name that the spec does not have, ArgumentError for a backend that does not enclose.
    """
    context = resolve(backend)
    if not context.encloses:
        raise ArgumentError(f"backend: expected an enclosing context such as 'interval', got {context.name!r}")
    if method != "interval":
        raise ArgumentError(f"method: expected 'interval', got {method!r}")
    arguments = bind(spec, args, known=vary)
    start = time.perf_counter()
    enclosure = call(spec, over(context, arguments, vary))
    seconds = time.perf_counter() - start
    lower, upper = map(unboxed, endpoints(enclosure))
    return Bounds(lower, upper, enclosure, method, 1, seconds)


def over(context: Context[Any], arguments: Mapping[str, Any], vary: Mapping[str, Ball | Box]) -> list[Any]:
    """The arguments in order: boxes for those that vary, the others lifted to the context."""
    return [
        context.box(*ends_of(name, value, vary[name])) if name in vary else lift(value, context)
        for name, value in arguments.items()
    ]


def ends_of(name: str, argument: Any, region: Ball | Box) -> tuple[Any, Any]:
    """The exact ends of the box that an argument, in `vary`, ranges over: object arrays of its shape."""
    if not isinstance(region, Ball | Box):
        raise ArgumentError(f"vary: expected ball(radius) or box(lower, upper) for {name!r}, got {region!r}")
    has_ends = isinstance(argument, Tensor) and not argument.context.rounds
    ends = endpoints(argument) if has_ends else (as_array(argument),) * 2
    low, high = region.around(*(lift_elements(_exact_or_infinite, end) for end in ends))
    return lift_elements(_exact_or_infinite, as_array(low)), lift_elements(_exact_or_infinite, as_array(high))


def _exact_or_infinite(value: Any) -> Any:
    return value if isinstance(value, float) and np.isinf(value) else data_value(value)
