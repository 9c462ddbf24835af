"""What a statement is about: variables of any size, unknown maps, and the points and boxes to look at them on."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arguments import bind, call
from scalarspec.core.context import Context
from scalarspec.core.lifting import lift, mapped
from scalarspec.core.region import Ball, Box, ends_of, regions
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.sizes import LARGE_ENOUGH, Watch, watched
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.formulas.prime_sizes import PrimeSizes
from scalarspec.formulas.variables import shapes_in, variables_in
from scalarspec.theory.normal import Normal

T = TypeVar("T")
Spec = Callable[..., Tensor]
Region = Mapping[str, Ball | Box]


class Opaque:
    """An unknown map to tensors of a shape: in a statement, any map whatever. shape: (*out,), an int or a Shape.

    name: how it is printed.

        encoder = ss.theory.Opaque("f", 4)    # any map to vectors of four numbers
    """

    def __init__(self, name: str, shape: int | Sequence[int]) -> None:
        self.name = name
        self.shape = Shape((shape,) if isinstance(shape, int) else shape)

    def __call__(self, x: Tensor) -> Tensor:
        """The map's value, of which nothing is known."""
        value = x.context.arrays.apply("opaque", x.value, name=self.name, shape=self.shape, of=x.shape)
        return Tensor(x.context, self.shape, value)

    def __repr__(self) -> str:
        return f"Opaque({self.name!r}, {self.shape})"


CONSTANTS = (0, 1, -1)
"""The values of the first examples of unknown maps, and of the first points."""


class Affine:
    """An example of an unknown map: a constant, or x -> W x + b with small rational entries drawn from a seed."""

    def __init__(self, name: str, shape: Shape, seed: int) -> None:
        self.name, self.shape, self.seed = name, shape, seed

    def __call__(self, x: Tensor) -> Tensor:
        """W x + b, in the map's shape."""
        if self.seed < len(CONSTANTS):
            return x.context.tensor(np.full(self.shape, CONSTANTS[self.seed]))
        rng = np.random.default_rng([self.seed, zlib.crc32(self.name.encode())])
        weight, bias = _rationals(rng, (self.shape.size, x.size)), _rationals(rng, (self.shape.size,))
        return f.reshape(
            f.affine(x.context.tensor(weight), f.reshape(x, (x.size,)), x.context.tensor(bias)), self.shape
        )

    def __str__(self) -> str:
        if self.seed < len(CONSTANTS):
            return f"x -> {CONSTANTS[self.seed]}"
        return f"x -> W x + b, entries drawn with seed {self.seed}"


@dataclass(frozen=True, eq=False)
class Statement:
    """Arguments of specs, in which each Shape is a variable and each Opaque any map; over: where variables range."""

    parameters: Spec
    args: Sequence[Any]
    over: Region = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in regions(self.parameters, self.over, "over"):
            if name not in self.shapes:
                raise ArgumentError(f"over: {name!r} is no variable; there are {', '.join(self.shapes) or 'none'}")
            if getattr(self.over[name], "norm", np.inf) != np.inf:
                raise ArgumentError(f"over: expected a box, or a ball of the largest element, for {name!r}; got norm=2")
            if np.any(np.greater(*self.ends(name, self.shapes[name]))):
                raise ArgumentError(f"over: expected lower <= upper for {name!r}, got {self.over[name]}")
        names = [opaque.name for opaque in self.opaque]
        for name in names:
            if names.count(name) > 1:
                raise ArgumentError(f"Opaque: two maps are called {name!r}; name them apart, or give one map twice")

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """By the parameter's name."""
        return bind(self.parameters, self.args, known=self.over)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The variables, by name."""
        return dict(shapes_in(self.arguments, ()).values())

    @property
    def sized(self) -> bool:
        """Does it have sizes?"""
        return any(n > 1 for shape in self._shapes for n in shape)

    def at_large(self, work: Callable[[int], T]) -> tuple[list[T], str] | None:
        """What `work` makes of the specs at several large sizes, and the sizes that this then stands for.

        None without sizes, and for specs that look at their sizes, or fail at large ones.
        """
        if not self.sized:
            return None
        found: list[T] = []
        with watched() as watch, contextlib.suppress(Exception):  # what is for some sizes may fail at others in any way
            for start in LARGE_ENOUGH:
                if not watch.looked:
                    found.append(work(start))
        done = len(found) == len(LARGE_ENOUGH) and not watch.looked
        return (found, self._sizes(watch)) if done else None

    def _sizes(self, watch: Watch) -> str:
        """Which sizes the large ones stand for: those over 1, where the indices fit; 0 and 1 stay what they are."""
        small = any(n < 2 for shape in self._shapes for n in shape)
        least = f" of at least {watch.least}" if watch.least > 1 else ""
        return f"any sizes{least}{' in the place of those over 1' if small else ''}"

    @property
    def _shapes(self) -> list[Shape]:
        return [*self.shapes.values(), *(opaque.shape for opaque in self.opaque)]

    @property
    def region(self) -> str:
        """Where the variables range, where something is said."""
        return ", ".join(f"{name} in {_box(*self.ends(name, self.shapes[name]))}" for name in self.over)

    @cached_property
    def opaque(self) -> list[Opaque]:
        """The unknown maps."""
        found: dict[int, Opaque] = {}

        def collect(value: Any, _: str) -> None:
            if isinstance(value, Opaque):
                found[id(value)] = value

        mapped(list(self.args), collect)
        return list(found.values())

    def normal(self, specs: Sequence[Spec], start: int | None) -> tuple[Normal, list[Tensor]]:
        """The specs in normal form, at sizes that are primes from `start` on, or as they are."""
        context, sizes = Normal(), PrimeSizes(start)

        def variable(name: str, shape: Shape) -> Tensor:
            return context.variable(name, sizes.of(shape))

        resized = self._evaluated(specs, context, variable, lambda o: Opaque(o.name, sizes.of(o.shape)))
        return context, resized

    def at(
        self, specs: Sequence[Spec], context: Context[Any], point: Mapping[str, Any], maps: Callable[[Opaque], Any]
    ) -> list[Tensor]:
        """The specs with tensors of the context for the variables, and maps for the unknown ones."""
        return self._evaluated(specs, context, lambda name, _: context.tensor(point[name]), maps)

    def whole(self, spec: Spec, context: Context[Any]) -> Tensor:
        """The spec over all that the variables and the unknown maps can be."""

        def box(name: str, shape: Shape) -> Tensor:
            return context.box(*self.ends(name, shape))

        return self._evaluated([spec], context, box, lambda opaque: _Anything(opaque.shape))[0]

    def _evaluated(
        self,
        specs: Sequence[Spec],
        context: Context[Any],
        variable: Callable[[str, Shape], Tensor],
        maps: Callable[[Opaque], Any],
    ) -> list[Tensor]:
        """The specs with a tensor for each variable, and a map for each unknown one."""
        given, _ = variables_in(self.arguments, (), variable)
        ready = [
            mapped(lift(argument, context), lambda v, _: maps(v) if isinstance(v, Opaque) else None)
            for argument in given.values()
        ]
        return [call(spec, ready, context) for spec in specs]

    def points(self, count: int) -> Iterator[tuple[dict[str, Any], Callable[[Opaque], Affine]]]:
        """Exact values for the variables and maps for the unknown ones: small ones first, then random ones."""
        simple: list[dict[str, int]] = [dict.fromkeys(self.shapes, k) for k in CONSTANTS]
        simple += [dict.fromkeys(self.shapes, 0) | {name: k} for name in self.shapes for k in (1, -1)]
        for seed in range(count):
            rng = np.random.default_rng(seed)
            point = {}
            for name, shape in self.shapes.items():
                values = _rationals(rng, shape, 8 if seed % 2 else 2)
                if not shape and seed % 4 == 3:
                    values = values * 16
                if seed < len(simple):
                    values = np.full(shape, Fraction(simple[seed][name]), dtype=object)
                low, high = self.ends(name, shape)
                point[name] = np.array(np.minimum(np.maximum(values, low), high), dtype=object)
            yield point, lambda opaque, seed=seed: Affine(opaque.name, opaque.shape, seed)  # type: ignore[misc]

    def ends(self, name: str, shape: Shape = Scalar) -> tuple[Any, Any]:
        """Where a variable ranges: object arrays of its ends; all reals where nothing is said."""
        if name not in self.over:
            return np.full(shape, -np.inf, dtype=object), np.full(shape, np.inf, dtype=object)
        zero = np.full(shape, Fraction(0), dtype=object)
        return ends_of(name, zero, self.over[name])


class _Anything:
    """A map that may have any value."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def __call__(self, x: Tensor) -> Tensor:
        return x.context.box(np.full(self.shape, -np.inf), np.full(self.shape, np.inf))


def _rationals(rng: np.random.Generator, shape: Sequence[int], size: int = 4) -> Any:
    """Random multiples of 1/4 from -size to size."""
    drawn = rng.integers(-4 * size, 4 * size + 1, tuple(shape))
    values = np.empty(tuple(shape), dtype=object)
    for index in np.ndindex(*shape):
        values[index] = Fraction(int(drawn[index]), 4)
    return values


def _box(low: Any, high: Any) -> str:
    """One interval where it is the same for all elements; else one for each."""
    each = [f"[{a}, {b}]" for a, b in zip(low.flat, high.flat, strict=True)]
    return each[0] if len(set(each)) == 1 else " × ".join(each)
