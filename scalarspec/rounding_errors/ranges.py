"""Which intermediate results of a spec can leave the range of a float format, over a box of arguments.

What a float of an operand can be is that of `rounding`: where the exact operand keeps off a pole and a float of it may
not, the result can be infinite, or NaN.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.domain import Domain
from scalarspec.core.arguments import bind, call, one_valued, spec_name
from scalarspec.core.context import Context
from scalarspec.core.foreign import spec_of
from scalarspec.core.functions import endpoints
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.region import Ball, Box, regions
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor, elementwise
from scalarspec.errors import DomainError, NotSupported, Undecided
from scalarspec.numbers import formats
from scalarspec.numbers.exact import End, decimal_text, exact_text
from scalarspec.numbers.formats import Format, FormatLike
from scalarspec.pages.page import Mark, Page, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import table
from scalarspec.results import Record
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import Trace, trace

Array = np.ndarray[Any, Any]
Risk = Literal["overflow", "underflow", "domain"]
MOST_BITS = 53 << 4
"""Where the exact value is not enclosed at this precision, it is not enclosed at all."""
RISKS: tuple[Risk, ...] = ("overflow", "underflow", "domain")
HEADER = ["risk", "operation", "stage", "elements", "lower", "upper"]
"""The columns of what is at risk."""


@dataclass(frozen=True)
class Offender:
    """An operation whose result can leave the format's range.

    risk: "overflow", "underflow" or "domain"; operation: its name; place: of it among all, from 0; stage: the first
    named stage at or after it, or None after the last; lower, upper: exact ends of the worst element's exact value;
    elements: how many of the `size` elements can.
    """

    risk: Risk
    operation: str
    place: int
    stage: str | None
    lower: End
    upper: End
    elements: int
    size: int


@dataclass(frozen=True)
class RangeMap(Shown):
    """The operations at risk, in the order of evaluation: the first offender first.

    dtype: the format; operations: how many there are in all; offenders: those at risk, once for each risk;
    name: the spec's.
    """

    dtype: str
    operations: int
    offenders: tuple[Offender, ...]
    name: str = ""

    def __str__(self) -> str:
        return "\n".join([self._head(), *([table(HEADER, self._rows())] if self.offenders else [])])

    def _head(self) -> str:
        count = len({o.place for o in self.offenders})
        if not count:
            return f"no exact result of {self.operations} operations can leave the range of {self.dtype}"
        return f"{count} of {self.operations} operations can leave the range of {self.dtype}"

    def _rows(self) -> list[list[str]]:
        return [_row(o) for o in self.offenders]

    def _page(self) -> Page:
        title = f"Ranges{f' of {self.name}' if self.name else ''} in {self.dtype}"
        mark: Mark = "bad" if self.offenders else "good"
        verdict = ("At risk." if self.offenders else "In range.", f"Over the box {self._head()}.")
        parts = [Table("Operations at risk, in the order of evaluation", HEADER, self._rows())]
        return Page(title, mark, verdict, parts if self.offenders else [])

    def to_json(self) -> Record:
        """Plain data; ends as exact strings."""
        return {
            "dtype": self.dtype,
            "operations": self.operations,
            "offenders": [
                {**vars(o), "lower": exact_text(o.lower), "upper": exact_text(o.upper)} for o in self.offenders
            ],
        }


def ranges(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    dtype: FormatLike = "float64",
    literals: Literals | None = None,
) -> RangeMap:
    """The operations of `spec` that can overflow or underflow in a format, with the arguments in `vary` in their boxes.

    spec: a function on tensors.
    args: the arguments of the spec, models on NumPy arrays, arrays and numbers, each float at its exact value.
    vary: the region of each argument that varies, by name: `ball(radius)` around its value, of its shape, or
    `box(lower, upper)`.
    dtype: float64, float32, tf32, float16, bfloat16, float8_e4m3fn or float8_e5m2, by its name or a dtype.

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns the operations at risk, in the order of evaluation. overflow: the exact result can exceed the largest finite
    number; underflow: it can be smaller than the least normal number without being 0 (a range across 0 alone is no
    underflow); domain: an operand has a value that is in the operation's domain, but a float of it can be at a pole or
    beyond the edge, as that of 1 - tanh² x is 0 near 10 in float32, of which the logarithm is infinite. Enclosures are
    those of `interval`, whose exponents know no such limits.

    Raises UnknownName for a name that the spec does not have, or an unknown dtype; DomainError where an operation has
    no value on part of the box.

        print(ss.ranges(loss, x, vary={"x": ss.ball("0.01")}, dtype="float16"))

    Source: the largest finite and the least normal numbers are those of IEEE 754-2019, section 3.3.
    """
    spec = spec_of(spec, literals)
    form, vary = formats.named(dtype), regions(spec, vary)
    arguments = bind(spec, args, known=vary)
    one_valued(spec, arguments, vary)
    domain = Domain(spec, arguments, vary)
    traced = _exact(domain)
    floats = _floats_of(traced, domain, form)
    equations = _of_numbers(traced.equations)
    stages = _stage_after(equations, traced)
    offenders = [
        Offender(risk, eqn.operation, place, stage, *ends, count, eqn.result.shape.size)
        for place, (eqn, stage) in enumerate(zip(equations, stages, strict=True))
        for risk, ends, count in _risks(form, traced.tensor(eqn.result), eqn, floats)
    ]
    return RangeMap(form.name, len(equations), tuple(offenders), spec_name(spec))


def _exact(domain: Domain, bits: int = 53) -> Trace:
    """What the spec does, enclosed; at more bits where an enclosure touches the edge of a domain by its own width."""
    context = named_context("interval", prec=bits)
    given, _ = domain.boxed(context)
    try:
        return trace(Tape(context), domain.spec, given, _tensors(given))
    except (DomainError, Undecided):
        if bits >= MOST_BITS:
            raise
    return _exact(domain, 2 * bits)


def _tensors(given: Sequence[Any]) -> list[Tensor]:
    return [value for value in given if isinstance(value, Tensor)]


def _floats_of(traced: Trace, domain: Domain, form: Format) -> dict[Traced, Tensor]:
    """By each value of a trace, what holds it and its float, as far as the bounds on rounding errors go."""
    context: Any = named_context("rounding", dtype=form)
    tape, (given, _) = Tape(context), domain.boxed(context)
    inputs = [tape.variable(t) for t in _tensors(given)]
    on_tape = iter(inputs)
    with contextlib.suppress(DomainError, NotSupported, Undecided):
        call(domain.spec, [next(on_tape) if isinstance(value, Tensor) else value for value in given], tape)
    pairs = [*zip(traced.inputs, (t.value for t in inputs), strict=True)]
    for exact, inexact in zip(traced.equations, tape.arrays.equations, strict=False):
        if exact.operation != inexact.operation:  # a branch was decided otherwise: what follows is another spec
            break
        pairs.append((exact.result, inexact.result))
    return {x: y.value.wide for x, y in pairs}


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


def _risks(
    form: Format, result: Tensor, eqn: Equation, floats: Mapping[Traced, Tensor]
) -> Iterator[tuple[Risk, tuple[End, End], int]]:
    """The risks of one operation, each with the ends of its worst element, the smallest to underflow, else the largest,
    and how many elements are at risk.
    """
    lower, upper = endpoints(result)
    ends = list(zip(lower.flat, upper.flat, strict=True))
    risks = [(_risk(form, *pair), pair) for pair in ends]
    off_domain = _off_domain(result.context, eqn, floats)
    risks += [("domain", pair) for pair, off in zip(ends, off_domain.flat, strict=True) if off]
    for risk in RISKS:
        at_risk = [pair for found, pair in risks if found == risk]
        if at_risk:
            worst = min(at_risk, key=_size) if risk == "underflow" else max(at_risk, key=_size)
            yield risk, worst, len(at_risk)


def _off_domain(context: Context[Any], eqn: Equation, floats: Mapping[Traced, Tensor]) -> Array:
    """Which elements a float of an operand may take out of the operation's domain, or to a pole of it."""
    off = np.zeros(eqn.result.shape, dtype=bool)
    if OPERATIONS[eqn.operation].border in (None, "none") or not all(x.constant or x in floats for x in eqn.operands):
        return off
    operands = [_constant(context, x) if x.constant else floats[x] for x in eqn.operands]
    if not _has_value(eqn.operation, operands):
        for index in np.ndindex(*off.shape):
            element = [x[index] if x.shape else x for x in operands]
            off[index] = all(map(_bounded, element)) and not _has_value(eqn.operation, element)
    return off


def _constant(context: Context[Any], x: Traced) -> Tensor:
    """A constant of the exact evaluation, for the floats."""
    return INTERVALS.box(*endpoints(Tensor(context, x.shape, x.value)))


def _has_value(operation: str, operands: Sequence[Tensor]) -> bool:
    """Is an operation finite for all that its operands can be?"""
    try:
        return _bounded(elementwise(operation, *operands))
    except DomainError:
        return False


def _bounded(x: Tensor) -> bool:
    return bool(np.all(np.isfinite(inf(x)) & np.isfinite(sup(x))))


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


def _row(o: Offender) -> list[str]:
    """An operation at risk in the table, its ends rounded outward."""
    ends = decimal_text(o.lower, 4, ROUND_FLOOR), decimal_text(o.upper, 4, ROUND_CEILING)
    return [o.risk, o.operation, o.stage or "", f"{o.elements} of {o.size}", *ends]
