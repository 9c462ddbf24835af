"""Proofs about specs: equality, sign and monotonicity, by methods that a reader can follow.

Each gives a `Verdict`. A proof holds for all real arguments at which the specs are defined, in the stated region; a
refutation shows exact arguments and certified values. What neither finds is undecided.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.functions import endpoints
from scalarspec.core.lifting import lifted_arguments
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.sizes import monomial
from scalarspec.core.tensor import Tensor
from scalarspec.errors import (
    ArgumentError,
    DomainError,
    NotExact,
    NotSupported,
    ScalarSpecError,
    ShapeError,
    TooLarge,
    Undecided,
    UnknownName,
)
from scalarspec.formulas.operations import TIES
from scalarspec.formulas.variables import variables_in
from scalarspec.numbers.exact import data_value, decimal_text, infinite
from scalarspec.report import enclosure_text, unboxed
from scalarspec.theory.function import Function
from scalarspec.theory.normal import Normal
from scalarspec.theory.polynomials import Poly
from scalarspec.theory.signs import nonnegative
from scalarspec.theory.statements import Region, Spec, Statement
from scalarspec.tracing.gradient import grad
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import trace
from scalarspec.verdict import Verdict, timed

GIVEN = "the given sizes"
POINTS = 60
"""How many points are tried for a refutation."""
DISTANCES = (Fraction(1), Fraction(1, 8), Fraction(1, 2**10))
"""How far from such a point monotonicity is looked at."""
BEYOND = (NotSupported, TooLarge, NotExact, DomainError, Undecided)
"""What is raised of a spec that has no normal form here."""


@timed
def prove_equal(lhs: Spec, rhs: Spec, *args: Any, given: Sequence[Spec] = ()) -> Verdict:
    """Is lhs(*args) = rhs(*args), where the specs in `given` are 0?

    args: each `Shape`, and each in a model, stands for any tensor of that shape, each `theory.Opaque` for any map; all
    else is as it is. Proved by one normal form (`theory.normal`) of both sides, for any sizes where the normal forms
    agree at several and no spec looks at its sizes, else for the given sizes; refuted by exact arguments at which
    certified enclosures are disjoint. Where no point is found at which what is given holds, nothing is proved of it.
    Returns a `Verdict`: its status, the method, for which sizes (scope), and the witness of a refutation. Raises
    ShapeError or ArgumentError where the specs do not take such arguments.

        >>> ss.theory.prove_equal(lambda x: ss.sum(x) * 2, lambda x: ss.sum(x + x), ss.Dim(3)).scope
        'any sizes'
    """
    statement = Statement(lhs, args)
    scope = _identical(statement, lhs, rhs, given)
    if scope is not None and not _consistent(statement, given):
        return Verdict("undecided", "no point was found at which what is given holds")
    if scope is not None:
        hypotheses = f", {len(given)} hypothes{'is' if len(given) == 1 else 'es'} used" if given else ""
        return Verdict("proved", f"structural identity{hypotheses}", scope)
    return _separated(statement, lhs, rhs, given) or _undecided(
        statement, [lhs, rhs, *given], "normal forms differ; no point separates them"
    )


def _undecided(statement: Statement, specs: Sequence[Spec], otherwise: str) -> Verdict:
    """What is said where nothing was found: why the specs have no value, if that is so at each point."""
    context, refusals = named_context("interval", prec=200), []
    for point, maps in statement.points(POINTS):
        try:
            statement.at(specs, context, point, maps)
        except ScalarSpecError as error:
            refusals.append(f"{type(error).__name__}: {error}")
        else:
            return Verdict("undecided", otherwise)
    return Verdict(
        "undecided", f"no value was had at any point that was looked at; {refusals[0]}" if refusals else otherwise
    )


def _consistent(statement: Statement, given: Sequence[Spec]) -> bool:
    """Is there a point at which the hypotheses surely hold? From those that never do, anything would follow."""
    context = named_context("interval", prec=200)
    for point, maps in statement.points(POINTS if given else 0):
        with contextlib.suppress(ScalarSpecError):
            if all(_zero(t) for t in statement.at(given, context, point, maps)):
                return True
    return not given


def _identical(statement: Statement, lhs: Spec, rhs: Spec, given: Sequence[Spec]) -> str | None:
    """The scope in which both sides have one normal form."""
    large = statement.at_large(lambda start: _same(statement, lhs, rhs, given, start))
    if large is not None and all(large[0]):
        return large[1]
    try:
        same = _same(statement, lhs, rhs, given, None)
        return (GIVEN if statement.sized else "all reals") if same else None
    except BEYOND:
        return None


def _same(statement: Statement, lhs: Spec, rhs: Spec, given: Sequence[Spec], start: int | None) -> bool:
    context, (a, b, *zeros) = statement.normal([lhs, rhs, *given], start)
    if a.shape != b.shape:
        return False
    difference: Poly = (a - b).value.value
    for zero in zeros:
        difference = context.reduced(difference, zero.value.value)
    return not difference.terms


def _separated(statement: Statement, lhs: Spec, rhs: Spec, given: Sequence[Spec]) -> Verdict | None:
    """A refutation: exact arguments at which both sides differ, and what is given holds."""
    context = named_context("interval", prec=200)
    for point, maps in statement.points(POINTS):
        try:
            a, b, *zeros = statement.at([lhs, rhs, *given], context, point, maps)
        except ScalarSpecError:
            continue  # a side is not defined here
        if a.shape != b.shape:
            return Verdict("refuted", "shapes", witness={"lhs shape": a.shape, "rhs shape": b.shape})
        (low, high), (lower, upper) = endpoints(a), endpoints(b)
        if not all(_zero(t) for t in zeros) or not np.any((high < lower) | (upper < low)):
            continue
        witness = _witness(statement, point, maps) | {"lhs": _shown(a), "rhs": _shown(b)}
        return Verdict("refuted", "exact arguments", GIVEN if statement.sized else "", witness=witness)
    return None


@timed
def prove_nonnegative(
    spec: Spec, *args: Any, over: Region | None = None, zero: Mapping[str, Any] | None = None
) -> Verdict:
    """Is spec(*args) >= 0, for the variables in their regions? And, with `zero`, is it 0 there and nowhere else?

    spec: of shape (); args: as for `prove_equal`; over: regions of variables by name, ball(radius) around 0 or
    box(lower, upper), all reals where nothing is said; zero: the one value of each variable.
    Proved by interval evaluation, by convexity with a unique stationary point, by a Taylor remainder, or by interval
    branch-and-prune; where the spec is a sum over coordinates of one function, that function is looked at, for any
    sizes. Refuted by exact arguments with a certified value. Returns a `Verdict`, whose steps are those of the proof.
    Raises ShapeError for a spec of another shape, UnknownName where `zero` does not name each variable.

        >>> ss.theory.prove_nonnegative(lambda x: ss.exp(x) - 1 - x, ss.Scalar, zero={"x": 0}).method
        'Taylor remainder'

    Branch-and-prune by intervals and mean value forms: Moore, Kearfott & Cloud 2009.
    """
    statement = Statement(spec, args, over or {})
    zero = _zeros(statement, zero)
    with contextlib.suppress(*BEYOND):
        _of_no_shape(statement.normal([spec], None)[1][0])
    for attempt in (_by_coordinates, _by_intervals):
        verdict = attempt(statement, spec, zero)
        if verdict is not None:
            return verdict
    return _negative(statement, spec, zero) or _undecided(statement, [spec], "no method proves it; no point refutes it")


def _of_no_shape(value: Tensor) -> None:
    if value.shape:
        raise ShapeError(f"spec: expected shape (), got {value.shape}; see sum and mean")


def _zeros(statement: Statement, zero: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if zero is not None and set(zero) != set(statement.shapes):
        raise UnknownName(f"zero: expected a value for each of {', '.join(statement.shapes)}, got {', '.join(zero)}")
    return None if zero is None else {name: data_value(unboxed(value)) for name, value in zero.items()}


def _by_coordinates(statement: Statement, spec: Spec, zero: Mapping[str, Any] | None) -> Verdict | None:
    """The normal form as one function, or as a sum over coordinates of one; that function is not negative."""
    for functions, scope in _functions(statement, spec):
        first = functions[0]
        if first is None or any(str(function) != str(first) for function in functions):
            continue
        if len(functions) > 1 and not monomial([function.factor for function in functions if function is not None]):
            continue  # a factor such as n - 2 has one sign at these sizes, and another at 1
        found = nonnegative(first, zero)
        if found is not None:
            steps = ("it is a positive multiple of the sum of f over the coordinates",) if first.summed else ()
            return dataclasses.replace(found, scope=_scope(statement, scope), steps=(*steps, *found.steps))
    return None


def _functions(statement: Statement, spec: Spec) -> Iterator[tuple[list[Function | None], str]]:
    """What a spec is at several large sizes, and at the given ones; and for which sizes that tells."""
    large = statement.at_large(lambda start: _function(statement, spec, start))
    if large is not None:
        yield large
    with contextlib.suppress(ScalarSpecError):
        yield [_function(statement, spec, None)], GIVEN if statement.sized else ""


def _function(statement: Statement, spec: Spec, start: int | None) -> Function | None:
    """What a spec is, or a positive multiple of what it is in each coordinate of a sum."""
    _, (value,) = statement.normal([spec], start)
    return Function.of(value.value.value, statement)


def _by_intervals(statement: Statement, spec: Spec, zero: Mapping[str, Any] | None) -> Verdict | None:
    """One evaluation over all that the arguments can be."""
    if zero is not None:
        return None
    try:
        value = statement.whole(spec, named_context("interval"))
    except ScalarSpecError:
        return None
    _of_no_shape(value)
    low, high = map(unboxed, endpoints(value))
    if low < 0:
        return None
    step = f"its values lie in [{enclosure_text(low, low)}, {'inf' if infinite(high) else enclosure_text(high, high)}]"
    return Verdict("proved", "interval evaluation", _scope(statement), (step,))


def _negative(statement: Statement, spec: Spec, zero: Mapping[str, Any] | None) -> Verdict | None:
    """A refutation: exact arguments at which the spec is negative; or 0 where it should not be, or not 0."""
    context = named_context("interval", prec=200)
    scope = _scope(statement)
    for point, maps in statement.points(4 * POINTS):
        try:
            (value,) = statement.at([spec], context, point, maps)
        except ScalarSpecError:
            continue
        low, high = map(unboxed, endpoints(value))
        there = zero is not None and all(np.all(np.asarray(point[v]) == zero[v]) for v in point)
        wrong = "negative" if high < 0 else "not 0" if there and low > 0 else ""
        if zero is not None and not there and low == high == 0:
            wrong = "0 elsewhere"
        if wrong:
            witness = _witness(statement, point, maps) | {"value": _shown(value)}
            return Verdict("refuted", f"exact arguments: {wrong}", scope, witness=witness)
    return None


@timed
def prove_monotone(spec: Spec, name: str, *args: Any, over: Region | None = None) -> Verdict:
    """Does spec(*args) not fall while its argument `name`, a number, rises?

    By its derivative in that argument, which is never negative (see `prove_nonnegative`), for a spec without steps or
    poles in it: there the derivative does not tell. Refuted by two exact values of the argument, and certified ones of
    the spec. Returns a `Verdict`. Raises ArgumentError where `name` is no variable of shape ().

        >>> ss.theory.prove_monotone(lambda x, y: x * y, "x", ss.Scalar, ss.Scalar, over={"y": ss.box(0, 2)}).status
        'proved'
    """
    statement = Statement(spec, args, over or {})
    parameters = list(statement.arguments)
    if name not in parameters or statement.shapes.get(name) != ():
        numbers = ", ".join(n for n, shape in statement.shapes.items() if shape == ()) or "none"
        raise ArgumentError(f"name: expected a variable of shape (), of {numbers}; got {name!r}")
    if _continuous(statement, spec, name):
        found = prove_nonnegative(grad(spec, parameters.index(name)), *args, over=over)
        if found.proved:
            return dataclasses.replace(found, method=f"∂/∂{name} >= 0: {found.method}")
    return _falling(statement, spec, name) or _undecided(statement, [spec], "no method proves it; no points refute it")


def _falling(statement: Statement, spec: Spec, name: str) -> Verdict | None:
    """A refutation: two exact values of an argument, the greater of which gives less."""
    context = named_context("interval", prec=200)
    low, high = (end[()] for end in statement.ends(name))
    for point, maps in statement.points(4 * POINTS):
        at = point[name][()]
        for step in DISTANCES:
            pair = [max(at - step, low), min(at + step, high)]
            try:
                values = [statement.at([spec], context, point | {name: x}, maps)[0] for x in pair]
            except ScalarSpecError:
                continue
            if endpoints(values[0])[0][()] > endpoints(values[1])[1][()]:
                shown = {name: pair, "values": [_shown(value) for value in values]}
                witness = _witness(statement, point, maps) | shown
                return Verdict("refuted", "two exact arguments", _scope(statement), witness=witness)
    return None


def _continuous(statement: Statement, spec: Spec, name: str) -> bool:
    """Is the spec surely Lipschitz where the variable `name` ranges, and its derivative what `grad` says, nearly there?

    Where two operands of a maximum, or two elements of one, depend on the variable, they may be equal on an interval:
    `grad` says 0 there.
    """
    context = Normal()
    given, variables = variables_in(statement.arguments, (), context.variable)
    try:
        lifted = lifted_arguments(given, context).values()
        traced = trace(Tape(context), spec, lifted, [variables[name]])
    except BEYOND:
        return False
    ties = [eqn for eqn in traced.equations if eqn.operation in TIES]
    if any(len(eqn.operands) == 1 or sum(not x.constant for x in eqn.operands) > 1 for eqn in ties):
        return False
    return Function.whole(traced.result.value.value, statement).tame(name)


def _scope(statement: Statement, sizes: str = GIVEN) -> str:
    """For which sizes and regions."""
    return ", ".join(filter(None, (sizes if statement.sized else "", statement.region or "all reals")))


def _witness(statement: Statement, point: Mapping[str, Any], maps: Any) -> dict[str, Any]:
    values = {name: np.asarray(value, dtype=object).tolist() for name, value in point.items()}
    return values | {opaque.name: str(maps(opaque)) for opaque in statement.opaque}


def _zero(t: Tensor) -> bool:
    low, high = endpoints(t)
    return bool(np.all(low == 0) and np.all(high == 0))


def _shown(t: Tensor) -> Any:
    low, high = endpoints(t)
    shown = [a if a == b else f"{decimal_text((a + b) / 2, 20)}..." for a, b in zip(low.flat, high.flat, strict=True)]
    return shown if t.shape else shown[0]
