"""The evaluation of a program: each equation by its rule, in the context of the arguments.

Where an operation has no value, what follows from it has none either, and the error is raised if a result is among
that. It need not be: JAX evaluates both branches of a choice, and drops one. So a branch that failed is evaluated again
where the choice is made, as the branch of a `where` of ours, for those elements alone that may take it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core.choices import where
from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import NotSupported, ScalarSpecError, ShapeError
from scalarspec.frontends.jax.control import CONTROL
from scalarspec.frontends.jax.infinities import apart, extended
from scalarspec.frontends.jax.known import bits_of, is_known, is_width, worked_out
from scalarspec.frontends.jax.primitives import REFUSED, RULES
from scalarspec.frontends.jax.program import Atom, Constant, Equation, Kind, Program
from scalarspec.frontends.jax.structure import STRUCTURE
from scalarspec.frontends.jax.values import At, Value, is_extended, of, spread


@dataclass(frozen=True, eq=False)
class Failed:
    """What stands in the place of a value that there is not: why."""

    error: ScalarSpecError


def run(program: Program, values: Sequence[Value], context: Context[Any]) -> list[Value]:
    """The results of a program at values, one for each of its inputs. Raises whatever the operations raise whose values
    a result needs.
    """
    return _Walk(program, values, context).results()


class _Walk:
    """The values of a program's variables; makers: the equations that they come from."""

    def __init__(self, program: Program, values: Sequence[Value], context: Context[Any]) -> None:
        self.program, self.context = program, context
        self.values: dict[int, Value | Failed] = dict(zip(program.inputs, values, strict=True))
        self.makers: dict[int, Equation] = {}
        for equation in program.equations:
            self.makers.update(dict.fromkeys(equation.outputs, equation))
            try:
                self.note(equation, self.done(equation, self.values), self.values)
            except ShapeError:
                raise
            except ScalarSpecError as error:
                self.values.update(dict.fromkeys(equation.outputs, Failed(error)))

    def results(self) -> list[Value]:
        """What the program returns."""
        return [self.value(atom, self.values) for atom in self.program.outputs]

    def value(self, atom: Atom, values: dict[int, Any]) -> Value:
        """What an atom is. Raises the error where there is no value."""
        found = atom.value if isinstance(atom, Constant) else values[atom]
        if isinstance(found, Failed):
            raise found.error
        return found

    def note(self, equation: Equation, results: Sequence[Value], values: dict[int, Any]) -> None:
        """Keeps the results of an equation; those that nothing needs are none."""
        for variable, result, kind in zip(equation.outputs, results, equation.given, strict=True):
            if variable >= 0:
                values[variable] = result if result.shape else spread(result, kind.shape)
                if tuple(values[variable].shape) != kind.shape:
                    raise ShapeError(f"{equation.primitive}: shape {result.shape} where JAX has {kind.shape}")

    def done(self, equation: Equation, values: dict[int, Any]) -> Sequence[Value]:
        """The results of an equation whose operands are there."""
        if equation.primitive == "select_n":
            return [self.selected(equation, values)]
        return evaluated(equation, [self.value(atom, values) for atom in equation.inputs], self.context)

    def again(self, atom: Atom, values: dict[int, Any]) -> Value:
        """The value of an atom that failed, evaluated anew with all that failed before it. values: what is there by
        now, which is added to.
        """
        if not isinstance(atom, Constant) and isinstance(values[atom], Failed):
            equation = self.makers[atom]
            if equation.primitive != "select_n":
                for each in equation.inputs:
                    self.again(each, values)
            self.note(equation, self.done(equation, values), values)
        return self.value(atom, values)

    def selected(self, equation: Equation, values: dict[int, Any]) -> Value:
        """One of several values for each element, by a truth, or by known integers."""
        which, *cases = equation.inputs
        chosen, at = self.value(which, values), _at(equation, self.context)
        certain = _certain(chosen)
        if certain is not None:
            return self.again(cases[certain], dict(values))
        if is_known(chosen) and all(is_known(self.peek(case, values)) for case in cases):
            return np.choose(chosen.astype(int), [self.value(case, values) for case in cases])
        if len(cases) > 2:
            at.refuse("a choice among more than two that depends on the element: choose by truths, two at a time")
        if not self.context.rounds and any(is_extended(self.peek(case, values)) for case in cases):
            return self.mixed(at, chosen, cases, values)
        truth = at.truth(chosen)
        no, yes = (self.branch(at, case, values) for case in cases)
        if at.kind.dtype == "bool":
            return (truth & yes) | (~truth & no)
        return where(truth, yes, no)

    def mixed(self, at: At, truth: Value, cases: Sequence[Atom], values: dict[int, Any]) -> Value:
        """A choice between numbers and infinities, which is known. Raises Undecided where it is not."""
        known = truth if is_known(truth) else np.asarray(truth)
        (s, a), (t, b) = (apart(at, self.value(case, values)) for case in cases)
        return of(where(at.truth(truth), t, s), np.where(known, b, a))

    def peek(self, atom: Atom, values: dict[int, Any]) -> Any:
        """What an atom is, `Failed` included."""
        return atom.value if isinstance(atom, Constant) else values[atom]

    def branch(self, at: At, atom: Atom, values: dict[int, Any]) -> Any:
        """A case of a choice for `where`; a function, where it failed, that evaluates it again."""
        found = self.peek(atom, values)
        if at.kind.dtype == "bool":
            return at.truth(self.value(atom, values))
        return (lambda: at.tensor(self.again(atom, dict(values)))) if isinstance(found, Failed) else at.tensor(found)


def _certain(which: Value) -> int | None:
    """The one case that all elements take; None where there are several, or it is not known."""
    if is_known(which):
        same = which.size > 0 and bool((which == which.flat[0]).all())
        return int(which.flat[0]) if same else None
    outcomes = which.context.arrays.outcomes(which.value) if isinstance(which, Truth) else set()
    return int(outcomes == {True}) if outcomes in ({True}, {False}) else None


def _at(equation: Equation, context: Context[Any]) -> At:
    return At(equation, context, lambda program, values: run(program, values, context))


def evaluated(equation: Equation, values: Sequence[Value], context: Context[Any]) -> Sequence[Value]:
    """The results of an equation at values, by what is known, or by its rule. Raises NotSupported for a primitive that
    is refused, or that has no rule.
    """
    name, at = equation.primitive, _at(equation, context)
    if name in REFUSED:
        at.refuse(REFUSED[name])
    if name not in RULES:
        at.refuse("from_jax has no rule for this primitive: write it in others, or pass its result as an argument")
    if _wraps(at) and not all(map(is_known, values)):
        values = [_integers(at, value) for value in values]
    if values and all(map(is_known, values)) and name not in STRUCTURE:
        found = worked_out(name, list(values), dict(equation.parameters), equation.given[0].dtype)
        if found is not None:
            return [found]
    _check_width(at)
    inner = name in CONTROL or context.rounds
    result = RULES[name](at, *values) if inner or not any(map(is_extended, values)) else extended(at, values, RULES)
    results = result if isinstance(result, list) else [result]
    return [_of_kind(kind, each) for kind, each in zip(equation.given, results, strict=True)]


def _of_kind(kind: Kind, result: Value) -> Value:
    """A result as a truth where JAX has one: sums and products of truths hold where they are not 0."""
    return result != 0 if kind.dtype == "bool" and isinstance(result, Tensor) else result


WRAPS = ("mul", "integer_pow", "pow", "reduce_prod", "cumprod", "dot_general")
"""What soon leaves the width of integers."""


def _wraps(at: At) -> bool:
    """May integers leave their width here?"""
    name, dtype = at.equation.primitive, at.kind.dtype
    return (is_width(dtype, "iu") and name in WRAPS) or (is_width(dtype, "u") and name in ("sub", "neg"))


def _integers(at: At, value: Value) -> Value:
    """The integers that a value surely is. Raises NotSupported where they are not known."""
    try:
        return at.indices(value)
    except NotSupported:
        at.refuse(f"{at.kind.dtype} that depend on numbers may leave their width, where JAX wraps: convert them first")


def _check_width(at: At) -> None:
    """Raises NotSupported where a primitive rounds its operands to a narrower type."""
    come, go = (
        [bits_of(kind.dtype) for kind in kinds if is_width(kind.dtype, "f")]
        for kinds in (at.equation.taken, at.equation.given)
    )
    if at.equation.primitive not in ("convert_element_type", *CONTROL) and come and go and min(go) < max(come):
        at.refuse(f"it rounds to {at.kind.dtype}, and real numbers have no such step: keep one type")
