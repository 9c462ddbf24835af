"""Which intermediate results of a spec can leave the range of a float format, over a box of arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from scalarspec.bounding.domain import Domain
from scalarspec.core.arguments import bind, one_valued
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.region import Ball, Box, regions
from scalarspec.core.tensor import Tensor
from scalarspec.numbers import formats
from scalarspec.numbers.exact import End, decimal_text, exact_text, infinite
from scalarspec.numbers.formats import Format
from scalarspec.report import table
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import Trace, trace

Risk = Literal["overflow", "underflow"]
RISKS: tuple[Risk, ...] = ("overflow", "underflow")


@dataclass(frozen=True)
class Offender:
    """An operation whose result can leave the format's range.

    risk: "overflow" or "underflow"; operation: its name; stage: the first named stage at or after it, or None after the
    last; lower, upper: exact ends of the worst element's exact value; elements: how many of the `size` elements can.
    """

    risk: Risk
    operation: str
    stage: str | None
    lower: End
    upper: End
    elements: int
    size: int


@dataclass(frozen=True)
class RangeMap:
    """The operations at risk, in the order of evaluation: the first offender first.

    dtype: the format; operations: how many there are in all; offenders: those at risk, once for each risk.
    """

    dtype: str
    operations: int
    offenders: tuple[Offender, ...]

    def __str__(self) -> str:
        if not self.offenders:
            return f"no operation of {self.operations} can leave the range of {self.dtype}"
        rows = [
            [o.risk, o.operation, o.stage or "", f"{o.elements} of {o.size}", _text(o.lower), _text(o.upper)]
            for o in self.offenders
        ]
        head = f"{len(self.offenders)} of {self.operations} operations can leave the range of {self.dtype}"
        return head + "\n" + table(["risk", "operation", "stage", "elements", "lower", "upper"], rows)

    def to_json(self) -> dict[str, Any]:
        """Plain data; ends as exact strings."""
        return {
            "dtype": self.dtype,
            "operations": self.operations,
            "offenders": [
                {**vars(o), "lower": exact_text(o.lower), "upper": exact_text(o.upper)} for o in self.offenders
            ],
        }


def ranges(spec: Callable[..., Tensor], *args: Any, vary: Mapping[str, Ball | Box], dtype: str = "float64") -> RangeMap:
    """The operations of `spec` that can overflow or underflow in a format, with the arguments in `vary` in their boxes.

    args: the arguments of the spec, models on NumPy arrays, arrays and numbers, each float at its exact value.
    vary: the region of each argument that varies, by name: `ball(radius)` around its value, of its shape, or
    `box(lower, upper)`.
    dtype: float64, float32, float16 or bfloat16.

    Returns the operations at risk, in the order of evaluation. overflow: the exact result can exceed the largest finite
    number; underflow: it can be smaller than the least normal number without being 0 (a range across 0 alone is no
    underflow). Enclosures are those of `interval`, whose exponents know no such limits.

    Raises UnknownName for a name that the spec does not have, or an unknown dtype; DomainError where an operation has
    no value on part of the box.

        print(ss.ranges(loss, x, vary={"x": ss.ball("0.01")}, dtype="float16"))

    Source: the largest finite and the least normal numbers are those of IEEE 754-2019, section 3.3.
    """
    form, vary = formats.named(dtype), regions(spec, vary)
    arguments = bind(spec, args, known=vary)
    one_valued(spec, arguments, vary)
    context = named_context("interval")
    given, _ = Domain(spec, arguments, vary).boxed(context)
    traced = trace(Tape(context), spec, given, [value for value in given if isinstance(value, Tensor)])
    equations = _of_numbers(traced.equations)
    stages = _stage_after(equations, traced)
    offenders = [o for eqn, stage in zip(equations, stages, strict=True) for o in _offenders(form, context, eqn, stage)]
    return RangeMap(form.name, len(equations), tuple(offenders))


def _of_numbers(equations: Sequence[Equation]) -> list[Equation]:
    """The equations whose results are numbers: not truths, nor truths in other places."""
    truths: set[Traced] = set()
    for eqn in equations:
        line = OPERATIONS[eqn.operation]
        if line.truth or (line.kind == "structure" and not truths.isdisjoint(eqn.operands)):
            truths.add(eqn.result)
    return [eqn for eqn in equations if eqn.result not in truths]


def _stage_after(equations: Sequence[Equation], traced: Trace) -> list[str | None]:
    """The first named stage at or after each equation; None after the last."""
    order = {eqn.result: i for i, eqn in enumerate(equations)}
    ends = [(order.get(stage.found, -1), name) for name, stage in traced.stages.items()]
    return [next((name for end, name in ends if end >= i), None) for i in range(len(equations))]


def _offenders(form: Format, context: Context[Any], eqn: Equation, stage: str | None) -> Iterator[Offender]:
    """The risks of one operation, each with its worst element: the largest to overflow, the smallest to underflow."""
    lower, upper = endpoints(Tensor(context, eqn.result.shape, eqn.result.value))
    elements = [(_risk(form, low, high), (low, high)) for low, high in zip(lower.flat, upper.flat, strict=True)]
    for risk in RISKS:
        at_risk = [ends for found, ends in elements if found == risk]
        if at_risk:
            worst = max(at_risk, key=_size) if risk == "overflow" else min(at_risk, key=_size)
            yield Offender(risk, eqn.operation, stage, *worst, len(at_risk), len(elements))


def _risk(form: Format, low: End, high: End) -> Risk | None:
    """What can become of a number between two ends."""
    largest = _size((low, high))
    if largest > form.largest:
        return "overflow"
    smallest = max(low, -high, Fraction(0))
    if largest and (largest < form.least_normal or 0 < smallest < form.least_normal):
        return "underflow"
    return None


def _size(ends: tuple[End, End]) -> End:
    return max(-ends[0], ends[1])


def _text(end: End) -> str:
    return str(end) if infinite(end) else decimal_text(end, 4)
