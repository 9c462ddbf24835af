"""`Recording`: what a spec does, as equations between values of which the shapes are known, and exact constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotExact
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Outline, OutlineArrays

PI = object()
"""What stands for π, which is no rational, until it is among the values of a recording."""


@dataclass(frozen=True, eq=False)
class Recording(Outline):
    """An outline around rationals, on which what makes an irrational constant is an equation, too."""

    @cached_property
    def arrays(self) -> RecordingArrays:
        """The arrays that record each operation."""
        return RecordingArrays(self)

    def pi(self) -> Any:
        """What stands for π."""
        return PI

    def input(self, shape: tuple[int, ...]) -> Tensor:
        """A tensor of that shape whose numbers are open."""
        return Tensor(self, Shape(shape), Traced(Shape(shape), None))

    def __repr__(self) -> str:
        return f"a recording in {self.inner}"


class RecordingArrays(OutlineArrays):
    """Arrays that work out what is done to constants, where that is rational, and record all else."""

    def function(self, operation: str) -> Callable[..., Traced]:
        """The operation; of constants, its exact result, or an equation where this is no rational."""
        inner = super().function(operation)

        def apply(*operands: Traced, **parameters: Any) -> Traced:
            try:
                return inner(*operands, **parameters)
            except NotExact:
                shape = result_shape(operation, [x.shape for x in operands], parameters)
                return self.traced(operation, shape, operands, parameters)

        return apply

    def pack(self, scalars: np.ndarray[Any, Any]) -> Traced:
        """A constant; π is an equation."""
        if scalars.shape == () and scalars.item() is PI:
            return self.traced("pi", Scalar, (), {})
        return super().pack(scalars)
