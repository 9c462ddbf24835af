"""Operations as those that the checker of certificates knows, and an outline on which these alone are recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec import check
from scalarspec.bounding.rewrites import REWRITES
from scalarspec.core.definitions import definition
from scalarspec.core.operations import OPERATIONS, having, result_shape
from scalarspec.core.shape import Shape
from scalarspec.errors import NotExact, NotSupported
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import REREAD, Outline, OutlineArrays, TapeArrays


def _number(arrays: TapeArrays, value: Fraction | int) -> Any:
    return arrays.pack(np.array(Fraction(value), dtype=object))


def _abs(arrays: TapeArrays, x: Traced) -> Any:
    """relu(x) + relu(-x)."""
    return arrays.apply("add", arrays.apply("relu", x), arrays.apply("relu", arrays.apply("negative", x)))


def _tanh(arrays: TapeArrays, x: Traced) -> Any:
    """2 / (1 + e^-2x) - 1."""
    two, one = _number(arrays, 2), _number(arrays, 1)
    inside = arrays.apply("sigmoid", arrays.apply("multiply", two, x))
    return arrays.apply("subtract", arrays.apply("multiply", two, inside), one)


def _expm1(arrays: TapeArrays, x: Traced) -> Any:
    """e^x - 1."""
    return arrays.apply("subtract", arrays.apply("exp", x), _number(arrays, 1))


def _expm1mx(arrays: TapeArrays, x: Traced) -> Any:
    """e^x - 1 - x, in lines as good as one function."""
    return arrays.apply("subtract", _expm1(arrays, x), x)


def _cosh(arrays: TapeArrays, x: Traced) -> Any:
    """(e^x + e^-x) / 2."""
    return _half_of(arrays, "add", x)


def _sinh(arrays: TapeArrays, x: Traced) -> Any:
    """(e^x - e^-x) / 2."""
    return _half_of(arrays, "subtract", x)


def _half_of(arrays: TapeArrays, operation: str, x: Traced) -> Any:
    """Half of e^x and e^-x, joined."""
    sides = [arrays.apply("exp", each) for each in (x, arrays.apply("negative", x))]
    return arrays.apply("multiply", _number(arrays, Fraction(1, 2)), arrays.apply(operation, *sides))


def _log1p(arrays: TapeArrays, x: Traced) -> Any:
    """log(1 + x)."""
    return arrays.apply("log", arrays.apply("add", _number(arrays, 1), x))


def _logcosh(arrays: TapeArrays, x: Traced) -> Any:
    """x + log(1 + e^-2x) - log 2."""
    inside = arrays.apply("softplus", arrays.apply("multiply", _number(arrays, -2), x))
    return arrays.apply("subtract", arrays.apply("add", x, inside), arrays.apply("log", _number(arrays, 2)))


def _elu(arrays: TapeArrays, x: Traced) -> Any:
    """relu(x) + e^-relu(-x) - 1."""
    below = arrays.apply("negative", arrays.apply("relu", arrays.apply("negative", x)))
    return arrays.apply("add", arrays.apply("relu", x), _expm1(arrays, below))


def _divide(arrays: TapeArrays, a: Traced, b: Traced) -> Any:
    """a (1 / b)."""
    return arrays.apply("multiply", a, arrays.apply("reciprocal", b))


def _logsumexp(arrays: Any, x: Traced, axis: tuple[int, ...]) -> Any:
    """x_r + log(1 + Σ over the others of e^(x_i - x_r)) of a vector, for one r: best where x_r is the largest. What is
    subtracted from it is then seen to cancel.
    """
    if len(x.shape) != 1:
        return REWRITES["logsumexp"](arrays, x, axis)
    r = arrays.reference(x)
    largest = arrays.apply("getitem", x, index=(r,))
    sides = [arrays.apply("getitem", x, index=(side,)) for side in (slice(0, r), slice(r + 1, None))]
    apart = arrays.apply("subtract", arrays.apply("concat", *sides, axis=0), largest)
    others = arrays.apply("sum", arrays.apply("exp", apart), axis=axis)
    return arrays.apply("add", largest, arrays.apply("log", arrays.apply("add", _number(arrays, 1), others)))


def _pow(arrays: TapeArrays, x: Traced, y: Traced) -> Any:
    """As a function of one number, for some constant exponents. Raises NotSupported for others."""
    exponents = {*arrays.unpack(y).flat} if y.constant else set()
    (name,) = {POWERS.get(exponent) for exponent in exponents} if len(exponents) == 1 else (None,)
    if name is None:
        raise NotSupported("certificate: pow has a rule for the constant exponents 2, 1/2 and -1 alone")
    return arrays.apply(name, x)


POWERS = {Fraction(2): "square", Fraction(1, 2): "sqrt", Fraction(-1): "reciprocal"}


def _affine(arrays: TapeArrays, weight: Traced, x: Traced, bias: Traced, **parameters: Any) -> Any:
    """A product of matrices and a sum."""
    rows = () if len(x.shape) == 1 else x.shape[:1]
    product = arrays.once("matmul", Shape((*rows, *bias.shape)), (x, weight), {"transposed": True})
    return arrays.apply("add", product, arrays.apply("broadcast_to", bias, shape=product.shape) if rows else bias)


def _multiply(arrays: TapeArrays, a: Traced, b: Traced) -> Any:
    """x x is a square, in which x occurs once."""
    return arrays.apply("square", a) if a is b else None


def _where(arrays: TapeArrays, p: Traced, a: Traced, b: Traced) -> Any:
    """What constant truths choose."""
    return REWRITES["where"](arrays, p, a, b) if p.constant else None


LOWERED: dict[str, Callable[..., Any]] = {
    **REWRITES,
    **REREAD,
    "abs": _abs,
    "affine": _affine,
    "affine_rows": _affine,
    "cosh": _cosh,
    "divide": _divide,
    "elu": _elu,
    "expm1": _expm1,
    "expm1mx": _expm1mx,
    "log1p": _log1p,
    "logcosh": _logcosh,
    "logsumexp": _logsumexp,
    "multiply": _multiply,
    "pow": _pow,
    "sinh": _sinh,
    "tanh": _tanh,
    "where": _where,
}
"""Operations that are recorded as others, by what makes these."""


SIGNS = {"subtract": [1, -1], "negative": [-1]}
"""The signs of operands in a sum, where they are not all positive."""
LINEAR = having(graph="linear")
"""The operations that move elements, or add them up."""
KNOWN = {*check.FUNCTIONS, *LINEAR, "multiply", "matmul"}
"""The operations that the checker has rules for."""


@dataclass(frozen=True, eq=False)
class Recorded(Outline):
    """An outline on which all is recorded in operations that the checker knows.

    largest: of the operands of logsumexp, in order, which element to take for the largest; else the first.
    """

    largest: Sequence[int] = ()

    @cached_property
    def arrays(self) -> _RecordedArrays:
        """The arrays that record."""
        return _RecordedArrays(self)


class _RecordedArrays(OutlineArrays):
    """Arrays that record operations of LOWERED as what they are made of, and what is irrational of constants.

    exponents: the operands of logsumexp, in order.
    """

    context: Recorded

    def __init__(self, context: Recorded) -> None:
        super().__init__(context)
        self.exponents: list[Traced] = []

    def reference(self, x: Traced) -> int:
        """The element of a vector that is taken for the largest."""
        self.exponents.append(x)
        known = self.context.largest[len(self.exponents) - 1 :]
        return known[0] if known else 0

    def function(self, operation: str) -> Callable[..., Traced]:
        """The operation: of constants worked out where it is rational, else recorded."""
        usual = super().function(operation)

        def apply(*operands: Traced, **parameters: Any) -> Any:
            if all(x.constant for x in operands):
                try:
                    return usual(*operands, **parameters)
                except NotExact:
                    shape = result_shape(operation, [x.shape for x in operands], parameters)
                    return self.traced(operation, shape, operands, parameters)
            return usual(*operands, **parameters)

        return apply

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Any:
        """As it is, or by what it is made of. What the checker has no rule for is refused where the result needs it."""
        lower = LOWERED.get(operation)
        found = lower(self, *operands, **parameters) if lower else None
        if found is not None:
            return found
        row = OPERATIONS[operation]
        if operation not in KNOWN and row.scalar and row.symbolic == "definition" and row.kind != "relation":
            with contextlib.suppress(NotExact):  # of pi
                return definition(self, operation)(*operands)
        return self.once(operation, shape, operands, parameters)
