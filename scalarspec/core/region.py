"""Regions that an argument ranges over: a ball around what is given, or a box in its place."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.functions import endpoints
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.numbers.exact import (
    as_array,
    data_value,
    difference_ends,
    exact_end,
    holds_floats,
    infinite,
    told_where,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Ball:
    """All arguments within `radius` of the given one: in each element (norm=inf), or in the Euclidean norm of each
    tensor (norm=2). Made by `ball`.

        ss.bounds(ss.exp, 0.5, vary={"x": ss.ball("0.1")})
    """

    radius: Fraction
    norm: float = math.inf

    def around(self, lower: Any, upper: Any) -> tuple[Any, Any]:
        """The ends of the box around an argument that itself lies between two arrays."""
        return lower - self.radius, upper + self.radius

    def shrunk(self, factor: Fraction) -> Ball:
        """The ball whose radius is a factor times this one's."""
        return Ball(self.radius * factor, self.norm)


@dataclass(frozen=True)
class Box:
    """All arguments between two arrays of the argument's shape, or two numbers. Made by `box`.

    lower, upper: the ends.

        ss.bounds(ss.exp, 0.5, vary={"x": ss.box(0, 1)})
    """

    lower: Any
    upper: Any

    def around(self, lower: Any, upper: Any) -> tuple[Any, Any]:
        """The ends of the box, in the shape of the argument. Raises ShapeError where they do not broadcast to it."""
        try:
            return np.broadcast_to(self.lower, np.shape(lower)), np.broadcast_to(self.upper, np.shape(upper))
        except ValueError:
            given = f"{np.shape(self.lower)} and {np.shape(self.upper)}"
            raise ShapeError(f"box: ends of shapes {given} for an argument of shape {np.shape(lower)}") from None

    def shrunk(self, factor: Fraction) -> Box:
        """The box around the same middle whose widths are a factor times these; an infinite end stays."""
        low, high = (lift_elements(exact_end, as_array(end)) for end in (self.lower, self.upper))

        def end(a: Any, b: Any) -> Any:
            return a if infinite(a, b) else (a + b) / 2 + factor * (a - b) / 2

        return Box(lift_elements(end, low, high), lift_elements(end, high, low))


def ball(radius: Any, norm: float = math.inf) -> Ball:
    """The ball of a radius around the given argument: what `vary=` takes in `bounds`, `prove`, `tolerance` and
    `ranges`.

    radius: a number >= 0, or a string such as "1/10"; a float counts at its exact binary value. norm: inf, where no
    element is further away than the radius, or 2, for the Euclidean norm of each tensor; of an argument of several
    tensors (a model), each is in a ball of its own. Raises ArgumentError for any other radius or norm.

        ss.bounds(lambda x: ss.sum(ss.square(x)), [1, 2], vary={"x": ss.ball("0.1", norm=2)})
    """
    exact = data_value(radius)
    if exact < 0:
        raise ArgumentError(f"radius: expected a number >= 0, got {radius}")
    if norm not in (2, math.inf):
        raise ArgumentError(f"norm: expected 2 or inf, got {norm!r}")
    return Ball(exact, float(norm))


def box(lower: Any, upper: Any) -> Box:
    """The box between two numbers, or arrays of the argument's shape, whatever the given argument is: what `vary=`
    takes.

    The ends count at their exact values, and may be infinite. Raises ShapeError, when it is used, where they do not fit
    the argument, and ArgumentError where a lower end exceeds an upper one.

        ss.bounds(lambda x: ss.exp(x), 0, vary={"x": ss.box(-1, 1)})
    """
    return Box(as_array(lower), as_array(upper))


def regions(spec: Callable[..., Any], vary: Any, keyword: str = "vary") -> dict[str, Ball | Box]:
    """What `vary=` says, by parameter. Raises ArgumentError, with what to write, where it is no mapping to regions."""
    if not isinstance(vary, Mapping):
        name = next(iter(inspect.signature(spec).parameters), "x")
        raise ArgumentError(f"{keyword}: expected a mapping such as {_written(keyword, name, vary)}, got {vary!r:.80}")
    for name, region in vary.items():
        if not isinstance(region, Ball | Box):
            raise ArgumentError(
                f"{keyword}: expected ball(radius) or box(lower, upper) for {name!r}, got {region!r:.80}; write "
                f"{_written(keyword, name, region)}"
            )
    return dict(vary)


def _written(keyword: str, name: Any, region: Any) -> str:
    """How a region of one argument is written."""
    told = "ss.ball(0.1)"
    if isinstance(region, Box):
        told = "ss.box(lower, upper)"
    elif isinstance(region, Ball):
        told = f'ss.ball("{region.radius}"{", norm=2" if region.norm == 2 else ""})'
    return f'{keyword}={{"{name}": {told}}}'


def ends_of(name: str, argument: Any, region: Ball | Box) -> tuple[Any, Any]:
    """The exact ends of the box that an argument in `vary` ranges over: two object arrays of its shape. Raises
    ArgumentError for a region that is none.
    """
    if not isinstance(region, Ball | Box):
        raise ArgumentError(f"vary: expected ball(radius) or box(lower, upper) for {name!r}, got {region!r}")
    has_ends = isinstance(argument, Tensor) and not argument.context.rounds
    ends = endpoints(argument) if has_ends else (as_array(argument),) * 2
    read = data_value if isinstance(region, Ball) and not has_ends else exact_end
    low, high = region.around(*(_exactly(name, end, read) for end in ends))
    if isinstance(region, Ball):
        return as_array(low), as_array(high)
    told = f"vary: the {{}} end of {name}"
    return _exactly(told.format("lower"), low, read), _exactly(told.format("upper"), high, read)


def _exactly(name: str, numbers: Any, read: Callable[[Any], Any]) -> Array:
    """Numbers at their exact values, as they are read. Raises DomainError, with the name, for what is no number."""
    array = as_array(numbers)
    return told_where(name, array, partial(lift_elements, read), read)


def float_ends_of(argument: Any, region: Ball | Box) -> tuple[Array, Array] | None:
    """The same in floats, rounded outward by less than one unit in the last place, all elements at once. None where
    what is given is not all floats, or lies in no region.
    """
    if not isinstance(argument, np.ndarray) or not holds_floats(argument):
        return None
    if isinstance(region, Ball):
        x = argument.astype(np.float64)
        signs = np.reshape([1.0, -1.0], (2, *(1,) * x.ndim))  # above x + r is minus what is below -x - r
        ends = difference_ends(x * signs, region.radius)[0] * signs
        return ends[0, ...], ends[1, ...]
    low, high = region.around(argument, argument)
    plain = low.dtype.kind == high.dtype.kind == "f" and not (np.isnan(low).any() or np.isnan(high).any())
    return (low, high) if plain else None
