"""`Domain`: a spec with the box that some of its arguments range over: the question that `bounds` and `prove` are
asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from importlib import metadata
from itertools import count
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.plan import FEW_CONSTANTS, Plan
from scalarspec.core.arguments import call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.closures import seen_by
from scalarspec.core.context import Context
from scalarspec.core.digest import digest as digest_of
from scalarspec.core.foreign import AsSpec
from scalarspec.core.functions import endpoints
from scalarspec.core.in_place import mutable
from scalarspec.core.lifting import is_array, is_data, lift, lifted_arguments, lifted_spec, mapped, tensors_in
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import ADDED
from scalarspec.core.region import Ball, Box, ends_of, float_ends_of
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError, ShapeError
from scalarspec.numbers.exact import as_array, float_above, infinite
from scalarspec.tracing.batched import batched

Ends = tuple[Any, Any]
"""Two object arrays of one shape: the exact lower and upper ends of a tensor's elements."""


@dataclass(frozen=True, eq=False)
class Domain:
    """A spec and its arguments, of which some vary. Of a model that varies, all numbers do.

    over: the arguments that have a leading axis more than the spec wants: there is a box for each row. A domain is
    plain data: what is found from it is found again in a worker.
    """

    spec: Callable[..., Tensor]
    arguments: Mapping[str, Any]
    vary: Mapping[str, Ball | Box]
    over: tuple[str, ...] = ()

    @cached_property
    def varied(self) -> dict[str, tuple[Any, Ball | Box]]:
        """What varies, and its region: numbers by their path, such as `model.encoder.weight`; what there are rows of
        and does not vary ranges over points.

        Raises ArgumentError where nothing in an argument can vary, ShapeError where the arguments in `over` have
        different lengths.
        """
        found: dict[str, tuple[Any, Ball | Box]] = {}

        def collect(value: Any, path: str) -> Any:
            name = path.split(".")[0]
            if is_data(value) or (path == name and not hasattr(value, "__dict__")):
                found[path] = value, self.vary[name]
                return value
            return None

        for name in self.vary:
            mapped(self.arguments[name], collect, name)
            if not any(path.split(".")[0] == name for path in found):
                raise ArgumentError(f"vary: {name!r} holds no numbers")
        for name in self.over:
            found.setdefault(name, (self.arguments[name], Ball(Fraction(0))))
        lengths = {name: _shape(found[name][0])[:1] for name in self.over}
        if len(set(lengths.values())) > 1 or () in lengths.values():
            raise ShapeError(f"over: expected arrays with a leading axis of one length, got shapes {lengths}")
        return found

    @cached_property
    def ends(self) -> dict[str, Ends]:
        """The exact box of what varies, by path: two object arrays each."""
        return {path: ends_of(path, value, region) for path, (value, region) in self.varied.items()}

    @cached_property
    def boxes(self) -> dict[str, Tensor]:
        """The same in floats, rounded outward: a tensor of `interval64` each."""
        return {
            path: INTERVALS.box(*(float_ends_of(value, region) or self.ends[path]))
            for path, (value, region) in self.varied.items()
        }

    @property
    def rows(self) -> int:
        """The number of boxes: one, unless there are rows."""
        return int(_shape(self.varied[self.over[0]][0])[0]) if self.over else 1

    @cached_property
    def small(self) -> bool:
        """Do the arguments, and what the spec sees beside them, hold so few numbers that exact ends are affordable?"""
        given = [*self.boxes.values(), *tensors_in(self._lifted(INTERVALS))]
        left = FEW_CONSTANTS - sum(t.size for t in given)
        if left < 0:
            return False
        spec = lifted_spec(self.spec, INTERVALS)
        return sum(t.size for t in seen_by(spec.function if isinstance(spec, AsSpec) else spec)) <= left

    def box(self, i: int) -> dict[str, Ends]:
        """The exact box of one row, by path, and the points of what there are rows of and does not vary."""
        return {
            k: (low[i, ...], high[i, ...]) if k in self.over else (low, high) for k, (low, high) in self.ends.items()
        }

    def row(self, i: int) -> Domain:
        """The domain of one row."""
        if not self.over:
            return self
        rows = {name: self.arguments[name] for name in self.over}
        given = {k: t[i] if isinstance(t, Tensor) else as_array(as_array(t)[i]) for k, t in rows.items()}
        boxes = {name: Box(*self.box(i)[name]) for name in rows if isinstance(self.vary.get(name), Box)}
        return Domain(self.spec, {**self.arguments, **given}, {**self.vary, **boxes})

    def some(self, start: int, stop: int) -> Domain:
        """The domain of some of the rows."""
        rows = {name: self.arguments[name] for name in self.over}
        given = {k: (t if isinstance(t, Tensor) else as_array(t))[start:stop] for k, t in rows.items()}
        varied = [name for name in rows if isinstance(self.vary.get(name), Box)]
        boxes = {name: Box(*(end[start:stop] for end in self.ends[name])) for name in varied}
        return replace(self, arguments={**self.arguments, **given}, vary={**self.vary, **boxes})

    def holds(self, point: Mapping[str, Any], row: int = 0) -> bool:
        """Is an exact point, given by paths, in the box of a row, and in its balls?"""
        for path, (low, high) in self.box(row).items():
            region, x = self.vary.get(path.split(".")[0]), point[path]
            if np.any(x < low) or np.any(x > high):
                return False
            euclidean = isinstance(region, Ball) and region.norm == 2
            if euclidean and np.sum(np.square(x - (low + high) / 2)) > region.radius**2:  # type: ignore[union-attr]
                return False
        return True

    def shrunk(self, factor: Fraction) -> Domain:
        """The domain with boxes around the same middles, whose widths are a factor times these."""
        return replace(self, vary={name: region.shrunk(factor) for name, region in self.vary.items()})

    @property
    def spec_of_rows(self) -> Callable[..., Tensor]:
        """The spec for arguments that have rows, as these have."""
        return batched(self.spec, self.over) if self.over else self.spec

    @cached_property
    def plan(self) -> Plan:
        """The spec taken apart into equations that linear bounds are known for; what varies and what there are rows of
        are its inputs.

        Raises NotSupported for a spec that looks at single numbers.
        """
        first = zip(self.varied, self.floats, strict=True)
        boxes = {name: INTERVALS.box(low[0], high[0]) for name, (low, high) in first}
        given, inputs = self.having(INTERVALS, boxes), list(boxes.values())
        return Plan.of(self.spec, given, inputs, [INTERVALS.box(*ends) for ends in self.floats])

    @cached_property
    def floats(self) -> list[tuple[Any, Any]]:
        """The boxes of the plan's inputs in floats, rounded outward: arrays of shape (rows, *shape)."""
        found = []
        for name, box in self.boxes.items():
            shape = box.shape if name in self.over else (self.rows, *box.shape)
            found.append((np.broadcast_to(inf(box), shape), np.broadcast_to(sup(box), shape)))
        return found

    @cached_property
    def balls(self) -> list[tuple[Any, Any] | None]:
        """For each of the plan's inputs that is in a Euclidean ball: centres, (rows, *shape), and radii, (rows,)."""
        return [self._ball(path, region) for path, (_, region) in self.varied.items()]

    def _ball(self, path: str, region: Ball | Box) -> tuple[Any, Any] | None:
        """The centre and the radius of a ball, in floats: the radius also pays for the rounding of the centre. None for
        a box.
        """
        if not isinstance(region, Ball) or region.norm != 2:
            return None
        low, high = self.ends[path]
        rows = (low, high) if path in self.over else (low[None], high[None])
        if np.any(rows[1] - rows[0] > 2 * region.radius):
            raise ArgumentError(f"vary: a Euclidean ball around {path!r} wants a point, got intervals")
        middle = lift_elements(lambda a, b: (a + b) / 2, *rows)
        centre = lift_elements(float, middle).astype(np.float64)
        lost = lift_elements(lambda x, c: abs(x - Fraction(c)), middle, centre).reshape(len(centre), -1).sum(axis=1)
        radius = np.array([float_above(region.radius + each) for each in lost])
        return np.broadcast_to(centre, (self.rows, *centre.shape[1:])), np.broadcast_to(radius, self.rows)

    @cached_property
    def digest(self) -> str:
        """A hash of the whole question: equal only for equal ones, whatever their functions are called.

        In it are what is done and returned (the plan), its exact value at a point, the version, each argument, what
        varies and how, and what there are rows of. Raises NotSupported where an operation was added by
        `scalarspec.extend`: its name does not say what it does.
        """
        added = sorted({eqn.operation for eqn in self.plan.equations} & ADDED)
        if added:
            raise NotSupported(f"checkpoint: {', '.join(added)}: what an added operation does is in no hash")
        parts = [self.version(), self.plan.text(), self.sample(), repr(sorted(self.over))]
        parts += [f"argument {name} {digest_of(value)}" for name, value in self.arguments.items()]
        for path, ends in self.ends.items():
            region = self.vary.get(path.split(".")[0])
            how = repr(region) if isinstance(region, Ball) else type(region).__name__
            texts = [f"{np.shape(end)} {' '.join(map(str, np.ravel(end)))}" for end in ends]
            parts.append(f"input {path} in {how}: {texts}")
        return digest_of(parts)

    @staticmethod
    def version() -> str:
        """Of the library: the answers of one version are not those of another."""
        return metadata.version("scalarspec")

    def sample(self) -> str:
        """The spec at a point of the first box, so exactly that constants which are one float differ.

        The point is off the middle, by another part of the way for each number: where numbers are 0 or equal, much
        that differs elsewhere is the same.
        """
        if not self.rows:
            return "no rows"
        row, context = self.row(0), named_context("interval", prec=300)
        ways = (Fraction(1, 2) + Fraction(1, 7 * k) for k in count(2))  # so near that it is in a ball, too
        point = {path: lift_elements(lambda a, b: _part_way(a, b, next(ways)), *ab) for path, ab in row.ends.items()}
        try:
            value = call(row.spec, row.at(context, point)[0], context)
        except ScalarSpecError as error:
            return type(error).__name__
        return f"{value.shape} {[' '.join(map(str, np.ravel(end))) for end in endpoints(value)]}"

    def __getstate__(self) -> dict[str, Any]:
        """The spec, its arguments and regions; the rest is found again."""
        return {name: vars(self)[name] for name in ("spec", "arguments", "vary", "over")}

    def boxed(self, context: Context[Any], ends: Mapping[str, Ends] | None = None) -> tuple[list[Any], list[Tensor]]:
        """The arguments in a context, boxes for what varies; and these boxes."""
        if ends is None and context is INTERVALS:
            boxes = self.boxes
        else:
            boxes = {path: context.box(*pair) for path, pair in (ends or self.ends).items()}
        return self.having(context, boxes), list(boxes.values())

    def at(self, context: Context[Any], point: Mapping[str, Any]) -> tuple[list[Any], list[Tensor]]:
        """The arguments in a context, points for what varies; and these points."""
        points = {path: context.tensor(values) for path, values in point.items()}
        return self.having(context, points), list(points.values())

    def having(self, context: Context[Any], tensors: Mapping[str, Tensor]) -> list[Any]:
        """The arguments in a context, with tensors in the place of what varies, by path."""
        found = {path.split(".")[0] for path in tensors}

        def put(value: Any, path: str) -> Any:
            return mutable(tensors[path], is_array(value)) if path in tensors else None

        return [
            lift(mapped(value, put, name), context) if name in found else self._lifted(context)[name]
            for name, value in self.arguments.items()
        ]

    def _lifted(self, context: Context[Any]) -> dict[str, Any]:
        """The arguments that do not vary, in a context: carried there once."""
        if context not in self._constants:
            fixed = {path.split(".")[0] for path in self.varied}
            constants = {name: value for name, value in self.arguments.items() if name not in fixed}
            self._constants[context] = lifted_arguments(constants, context)
        return self._constants[context]

    @cached_property
    def _constants(self) -> dict[Context[Any], dict[str, Any]]:
        """What `_lifted` has carried to each context."""
        return {}


def _shape(argument: Any) -> tuple[int, ...]:
    return tuple(argument.shape) if isinstance(argument, Tensor) else np.shape(as_array(argument))


def _part_way(low: Any, high: Any, way: Fraction) -> Any:
    """The number that part of the way from one end to the other; next to an end where the other is infinite."""
    if infinite(low, high):
        return next((end + sign * way for end, sign in ((low, 1), (high, -1)) if not infinite(end)), way)
    return low + (high - low) * way
