"""`Context`: what a number is. The protocol that a spec is evaluated under, and that a backend implements.

The counterpart of TorchLean's `[Context α]`. A scalar `S` is whatever the backend likes; a *truth* is `True`, `False`
or a `Maybe` (under symbols: a proposition). A backend states what its class attributes promise, how numbers come in and
go out, and the primitives of `ScalarOperations`; it inherits the rest. Contexts are immutable, hashable and rebuilt
from plain data when they are pickled, so that they may be keys and travel to workers.

Users ask for one by name, `ss.context("interval", prec=100)`, and make tensors with it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Never, Protocol

import numpy as np

from scalarspec.core.arrays import Arrays, lift
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.core.real_functions import DERIVED, PRIMITIVES, RealFunctions, S
from scalarspec.errors import NotExact, NotSupported, ScalarSpecError, ShapeError
from scalarspec.numbers.exact import End, as_array, data_value

if TYPE_CHECKING:
    from scalarspec.core.tensor import Tensor

__all__ = ["DERIVED", "PRIMITIVES", "Context"]


class Context(RealFunctions[S], Protocol[S]):
    """What a number is. To add one, subclass this (a frozen dataclass does well) and state the abstract methods.

        interval = ss.context("interval")
        x = interval.tensor([1, "1/3"])        # each number enclosed
        y = interval.box([0, 0], [1, 2])       # all points of a box
        x + y

    `scalarspec.laws.verify` checks a context against the laws that the promises below imply.
    """

    exact: ClassVar[bool] = False
    """Promise: every result is the exact real value, or a refusal."""

    encloses: ClassVar[bool] = False
    """Promise: every result is a set of reals that contains the exact value."""

    formal: ClassVar[bool] = False
    """May scalars be expressions in variables, which stand for any numbers?"""

    wrapped: Context[Any] | None = None
    """The context whose tensors are constants here, where this one is an interpreter around another; else None."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that it is registered under, which is also the `dtype` of its tensors."""

    @property
    def rounds(self) -> bool:
        """Are results only near the exact value, without a bound? So it is where a context neither is exact nor
        encloses.
        """
        return not (self.exact or self.encloses)

    # ---- in and out -------------------------------------------------------------------------------------------------

    def approximate(self, x: S) -> Fraction:
        """A rational number within 10**-100 of the number that `x` is, relatively. For checks by laws, never for
        results.
        """
        return self.exact_value(x)

    def data(self, value: Any) -> S:
        """The scalar for a datum, at its exact value. Contexts that hold more than reals (NaN, sets) extend this; the
        others raise DomainError for NaN and infinities.
        """
        return self.literal(data_value(value))

    def item(self, x: S) -> Any:
        """The familiar Python object for `x`, which `item()` and `tolist()` hand out: a float, a Fraction, an mpmath
        interval.
        """
        return x

    def proposition(self, p: Any) -> Any:
        """The familiar Python object for a truth, which `Truth.tolist()` hands out."""
        return p

    def text(self, x: S) -> str:
        """How `x` prints. An enclosure's ends are rounded outward when they are shortened."""
        return str(self.item(x))

    def endpoints(self, x: S) -> tuple[End, End]:
        """The exact infimum and supremum of what `x` stands for: Fractions, or ±inf. Raises NotSupported for a context
        that rounds without enclosing.
        """
        if not self.exact:
            raise NotSupported(f"endpoints: {self.name} rounds and does not enclose; use 'interval' or 'rational'")
        value = self.exact_value(x)
        return value, value

    def enclose(self, lower: Any, upper: Any) -> S:
        """The scalar for all numbers from `lower` to `upper`, two data. Raises NotSupported unless the context
        encloses.
        """
        raise NotSupported(f"box: {self.name} has no boxes; use 'interval'")

    def anything(self, error: ScalarSpecError) -> S:
        """The scalar for what has no value, in a branch that may not be taken: all reals, where the context encloses.
        Raises the error, which says why there is none, where no scalar stands for that.
        """
        if not self.encloses:
            raise error
        try:
            return self.enclose(-math.inf, math.inf)
        except ScalarSpecError:  # not every context has infinite ends
            raise error from None

    def symbol(self, name: str) -> S:
        """The free real variable of that name. Raises NotSupported unless the context is symbolic."""
        raise NotSupported(f"symbols: {self.name} has no variables; use 'symbolic'")

    def substitute(self, x: S, values: Mapping[str, Fraction]) -> S:
        """`x` with numbers in the place of some of its variables. Raises NotSupported unless the context is
        symbolic.
        """
        raise NotSupported(f"substitute: {self.name} has no variables; use 'symbolic'")

    def refuse(self, operation: str, *operands: S) -> Never:
        """Raises the error for an operation that this context cannot do exactly, or rigorously: NotExact, or
        NotSupported.
        """
        shown = f"({', '.join(self.text(x) for x in operands)})" if operands else ""
        if self.exact:
            raise NotExact(f"{operation}{shown} is not known exactly in {self.name}; use 'interval' or 'symbolic'")
        raise NotSupported(f"{operation}{shown}: {self.name} does not have it; use 'interval' or a float context")

    # ---- many of them -----------------------------------------------------------------------------------------------

    @cached_property
    def arrays(self) -> Arrays:
        """How many such scalars are held at once, and how operations are done on all of them."""
        return LiftedArrays(self)

    def __getstate__(self) -> dict[str, Any]:
        """Plain data: the arrays are made anew in another process."""
        return {name: value for name, value in vars(self).items() if name != "arrays"}

    def reference(self) -> Context[Any]:
        """The same scalars on plain lifted arrays, where a sum is folded from zero, left to right, in row-major order:
        the meaning that faster arrays are held against.
        """
        return self

    def tensor(self, data: Any) -> Tensor:
        """A tensor of this context from nested lists, NumPy arrays, numbers or strings, each at its exact value.

        A tensor of another context is carried over at its exact values, or as the boxes that it holds. Raises
        DomainError on NaN and infinities (except in float contexts), ShapeError on ragged lists, NotExact for
        enclosures that are to become exact numbers.

            ss.context("rational").tensor(["1/3", 0.5])    # 1/3 and 1/2
        """
        from scalarspec.core.tensor import Tensor  # the layer above; a context is where users start from

        return Tensor.from_data(self, data)

    def box(self, lower: Any, upper: Any) -> Tensor:
        """The tensor of all points between `lower` and `upper`, two data of equal shape, for a context that encloses.

        Raises ArgumentError where a lower end exceeds the upper one, ShapeError for unequal shapes, NotSupported for a
        context that does not enclose.

            ss.exp(ss.context("interval").box(0, 1))    # encloses [1, e]
        """
        from scalarspec.core.tensor import Tensor

        low, high = as_array(lower), as_array(upper)
        if low.shape != high.shape:
            raise ShapeError(f"box: lower has shape {low.shape} and upper has shape {high.shape}")
        return Tensor.from_scalars(self, lift(self.enclose, low, high))

    def goes_through(self, kind: type) -> None:
        """Is told the class of each model that `lift` carries here. A context of another library's arrays may tell that
        library.
        """
        return

    def stage(self, name: str, t: Tensor) -> Tensor:
        """The tensor itself. Interpreters may note that the spec gives it this name, or put another in its place."""
        return t

    def hole(self, t: Tensor) -> None:
        """Is told the result of a `where` for which a branch was not evaluated, since no element takes it. Interpreters
        may note it.
        """
        return

    def constant(self, t: Any) -> Any:
        """A tensor, or a truth, of the wrapped context as one of this context. Raises NotSupported unless there is
        one.
        """
        raise NotSupported(f"constant: {self.name} wraps no other context")

    def symbols(self, name: str, shape: tuple[int, ...] = ()) -> Tensor:
        """The tensor, of that shape, of the real variables name_i_j..., or the variable `name` for shape (). Raises
        NotSupported unless the context is symbolic.
        """
        from scalarspec.core.tensor import Tensor

        scalars = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            scalars[index] = self.symbol("_".join([name, *map(str, index)]))
        return Tensor.from_scalars(self, scalars)
