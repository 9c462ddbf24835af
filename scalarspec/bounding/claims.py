"""Claims: specs whose value is a comparison, such as `loss(model, x) <= 1`, seen as inequalities between specs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from scalarspec.core.arguments import spec_name
from scalarspec.core.lifting import lifted_spec, replaced
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.errors import ArgumentError, ContextMismatch
from scalarspec.tracing.gradient import tensors_in
from scalarspec.tracing.tape import Tape

Claim = Callable[..., Truth]
"""A spec whose value is a comparison."""

STRICT = {"less": True, "less_equal": False}
"""The comparisons that a claim may be of: b - a > 0, and b - a >= 0."""


def margin(claim: Claim) -> Callable[..., Tensor]:
    """The spec b - a, for a claim a <= b or a < b: it is never negative where the claim holds. Raises ArgumentError,
    when it is evaluated, for what is no comparison.
    """
    return _Margin(claim)


def strict(claim: Claim, args: Sequence[Any]) -> bool:
    """Is the comparison a < b, rather than a <= b? Raises ArgumentError for what is no comparison."""
    return STRICT[_compared(claim, args)[0]]


class _Margin:
    """The margin of a claim; a class, so that it can be sent to a worker where the claim can."""

    def __init__(self, claim: Claim) -> None:
        functools.update_wrapper(self, claim)
        self.claim = claim
        self.__signature__ = inspect.signature(claim)

    def __call__(self, *args: Any) -> Tensor:
        return _compared(self.claim, args)[1]

    def __reduce__(self) -> Any:
        return _Margin, (self.claim,)


def _compared(claim: Claim, args: Sequence[Any]) -> tuple[str, Tensor]:
    """The name of the comparison that a claim ends with, and the right side less the left one."""
    found = tensors_in(list(args))
    inner = common_context(spec_name(claim), found)
    tape = Tape(inner)
    outer = {id(t): tape.variable(t) for t in found if t.context == inner}  # others are constants
    truth = lifted_spec(claim, inner)(*replaced(list(args), outer))
    if not isinstance(truth, Truth):
        what = f"got {type(truth).__name__}; or say at_most or at_least"
        raise ArgumentError(f"claim {spec_name(claim)}: expected a comparison such as f(x) <= 1, {what}")
    if truth.context not in (tape, inner):
        raise ContextMismatch(f"claim {spec_name(claim)}: expected a comparison in {inner}, got one in {truth.context}")
    last = tape.arrays.equations[-1] if tape.arrays.equations else None
    if last is None or last.operation not in STRICT or last.result is not truth.value:
        what = "one of constants" if last is None else last.operation
        raise ArgumentError(f"claim {spec_name(claim)}: expected one comparison of tensors, got {what}")
    a, b = (x.value for x in last.operands)
    return last.operation, Tensor(inner, truth.shape, inner.arrays.apply("subtract", b, a))
