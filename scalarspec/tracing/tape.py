"""`Tape`: a context that works inside another one, and records each operation that it does as an equation.

Equal operations on the same operands may be recorded once (`shared`), so that max(x[0], x[0]) is x[0], and what is
subtracted from itself is seen to be nothing. Bounds on rounding errors take each as an evaluation of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from math import prod
from typing import Any, NamedTuple

import numpy as np

from scalarspec.core.callers import refuse_other_derivatives
from scalarspec.core.definitions import definition
from scalarspec.core.in_place import is_mutable, mutable
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ShapeError
from scalarspec.tracing.interpreter import InterpreterArrays, InterpreterContext, Traced, innermost


@dataclass(frozen=True, eq=False)
class Tape(InterpreterContext):
    """A tensor stands for a value inside whose making is recorded.

    given: tensors of the inner context to put in the place of the stages of these names; shared: are equal operations
    on the same operands one equation?
    """

    given: Mapping[str, Tensor] = field(default_factory=dict)
    shared: bool = False

    @cached_property
    def arrays(self) -> TapeArrays:
        """The arrays that record each operation."""
        return TapeArrays(self)

    def variable(self, t: Tensor) -> Tensor:
        """A tensor of the inner context as an input: what follows from it is recorded."""
        return mutable(Tensor(self, t.shape, Traced(t.shape, t.value)), is_mutable(t))

    def stage(self, name: str, t: Tensor) -> Tensor:
        """The stage, recorded, and replaced where another is given. A name that comes again is numbered. Raises
        ShapeError where the one that is given has another shape.
        """
        stages = self.arrays.stages
        label, again = name, 2
        while label in stages:
            label, again = f"{name}#{again}", again + 1
        handed = t if label not in self.given else self.variable(self.given[label])
        if handed.shape != t.shape:
            raise ShapeError(f"stage {label!r}: the spec has shape {t.shape}, the actual one {handed.shape}")
        stages[label] = Staged(t.value, handed.value)
        return handed

    def hole(self, t: Tensor) -> None:
        """The result of a `where` without one of its branches: recorded here, and told to the context inside."""
        self.arrays.holes.add(t.value)
        self.inner.hole(Tensor(self.inner, t.shape, t.value.value))

    def __repr__(self) -> str:
        return f"a tape in {self.inner}"


Guards = tuple[tuple[Traced, bool], ...]


@dataclass(frozen=True, eq=False)
class Equation:
    """One operation that was done: its name in the table, operands, parameters and result. Compared by identity.

    guards: of each branch of `where` that it is part of, and that not all elements take, the truths and which of True
    and False takes it.
    """

    operation: str
    operands: tuple[Traced, ...]
    parameters: dict[str, Any]
    result: Traced
    guards: Guards = ()


class Staged(NamedTuple):
    """A stage: the value that the spec found, and the one that it went on with."""

    found: Traced
    handed: Traced


class TapeArrays(InterpreterArrays):
    """Arrays that work inside, and record what they do.

    equations: in the order in which they were done, so that operands come before results; stages: by name; holes: the
    results of `where` for which a branch was not asked, since no element takes it; looked: values whose numbers, or
    truths, the spec looked at one by one, so that what follows from them is not seen here.
    """

    context: Tape

    def __init__(self, context: Tape) -> None:
        super().__init__(context)
        self.equations: list[Equation] = []
        self.stages: dict[str, Staged] = {}
        self.holes: set[Traced] = set()
        self.looked: list[Traced] = []
        self.guards: Guards = ()
        self._known: dict[Any, Traced] = {}

    @cached_property
    def _undivided(self) -> bool:
        """Are the numbers inside floats, or expressions of whole tensors?"""
        return innermost(self.context).rounds or self.inner.whole

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The value inside, and an equation for it.

        The larger of x and x is x, and x times x, in sets, a square, which may be known better. What is made of maxima
        and minima of two is recorded so, so that rules need to know ties of two only; but for floats, in which the
        largest elements share a derivative equally. What has the kinks of its parts is recorded as these.
        """
        if operation in ("maximum", "minimum") and operands[0] is operands[1]:
            return operands[0]
        if operation == "multiply" and operands[0] is operands[1] and self.context.encloses:
            return self.once("square", shape, operands[:1], parameters)
        if OPERATIONS[operation].kinks == "parts":
            made: Traced = definition(self, operation)(*operands)
            return made
        reread = REREAD.get(operation)
        if reread is not None and not (operation in EXTREMES and self._undivided):
            found: Traced = reread(self, *operands, **parameters)
            return found
        return self.once(operation, shape, operands, parameters)

    def once(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The result of an equation, or of an equal one that is there already, where equal ones are shared."""
        if not self.context.shared:
            return self._recorded(operation, shape, operands, parameters)
        asked = (operation, operands, repr(parameters) if parameters else None)
        known = self._known.get(asked) or self._known.get((asked, self.guards))
        if known is None:
            known = self._recorded(operation, shape, operands, parameters)
            self._known[(asked, self.guards) if self.guards else asked] = known
        return known

    @contextmanager
    def guarded(self, truths: Traced, outcome: bool) -> Iterator[None]:
        """Likewise inside; and what is recorded meanwhile is told."""
        before, self.guards = self.guards, (*self.guards, (truths, outcome))
        try:
            with self._guarded_inside(truths, outcome):
                yield
        finally:
            self.guards = before

    def _guarded_inside(self, truths: Traced, outcome: bool) -> AbstractContextManager[None]:
        return self.inner.guarded(truths.value, outcome)

    def _recorded(
        self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]
    ) -> Traced:
        """The result of a new equation, worked out inside."""
        refuse_other_derivatives()
        value = self.inner.apply(operation, *(x.value for x in operands), **parameters)
        result = Traced(shape, value)
        self.equations.append(Equation(operation, operands, parameters, result, self.guards))
        return result

    def unpack(self, value: Traced) -> np.ndarray[Any, Any]:
        """The scalars inside: a spec may look at its numbers here, which is recorded."""
        if not value.constant:
            self.looked.append(value)
        return self.inner.unpack(value.value)

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """The outcomes among the truths inside."""
        return self.inner.outcomes(truths.value)


def clipped(arrays: InterpreterArrays, x: Traced, lower: Traced, upper: Traced) -> Traced:
    """As a minimum of a maximum."""
    found: Traced = arrays.apply("minimum", arrays.apply("maximum", x, lower), upper)
    return found


def halves(
    operation: str, arrays: InterpreterArrays, x: Traced, axis: tuple[int, ...], counts: tuple[int, ...]
) -> Traced:
    """An operation between one half of the elements along some axes and the other, until one is left."""
    kept = [i for i in range(len(x.shape)) if i not in axis]
    rows = arrays.apply("permute_dims", x, axes=(*axis, *kept)) if axis != tuple(range(len(axis))) else x
    if len(axis) > 1:
        rows = arrays.apply("reshape", rows, shape=Shape((prod(counts), *(x.shape[i] for i in kept))))
    if not axis:
        return x
    rest: list[Traced] = []
    while rows.shape[0] > 1:
        half = rows.shape[0] // 2
        if rows.shape[0] % 2:
            rest.append(arrays.apply("getitem", rows, index=(2 * half,)))
        left, right = (arrays.apply("getitem", rows, index=(slice(k * half, (k + 1) * half),)) for k in (0, 1))
        rows = arrays.apply(operation, left, right)
    first: Traced = arrays.apply("getitem", rows, index=(0,))
    return reduce(partial(arrays.apply, operation), rest, first)


EXTREMES = {"max": partial(halves, "maximum"), "min": partial(halves, "minimum")}
"""Extremes over axes, from those of two."""
REREAD: dict[str, Callable[..., Traced]] = {"clip": clipped, **EXTREMES}
"""Operations that are recorded as others, by what makes these."""


@dataclass(frozen=True, eq=False)
class Outline(Tape):
    """A tape that works nothing out: a tensor stands for any of its shape, and no number can be looked at.

    What is recorded on it holds for all inputs of these shapes.
    """

    @cached_property
    def arrays(self) -> OutlineArrays:
        """The arrays that record each operation, and do none."""
        return OutlineArrays(self)

    def __repr__(self) -> str:
        return f"an outline in {self.inner}"


class OutlineArrays(TapeArrays):
    """Arrays that work out what is done to constants, and record all else as it stands."""

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """An equation as it stands."""
        return self.once(operation, shape, operands, parameters)

    def _recorded(
        self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]
    ) -> Traced:
        """The result of a new equation, of which only the shape is known."""
        result = Traced(shape, None)
        self.equations.append(Equation(operation, operands, parameters, result, self.guards))
        return result

    def _guarded_inside(self, truths: Traced, outcome: bool) -> AbstractContextManager[None]:
        return InterpreterArrays.guarded(self, truths, outcome)

    def unpack(self, value: Traced) -> np.ndarray[Any, Any]:
        """The scalars of a constant. Raises NotSupported for any other value."""
        return self.inner.unpack(value.value) if value.constant else self.refuse()

    def has_nan(self, value: Traced) -> bool:
        """There may be one."""
        return not value.constant or self.inner.has_nan(value.value)

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """The outcomes among the truths of a constant; of other truths, all that there are."""
        return self.inner.outcomes(truths.value) if truths.constant else {True, False, None}
