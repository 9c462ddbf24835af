"""Functions of a few real variables, read from normal forms: where they are defined, smooth and stationary."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import having
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported, ScalarSpecError
from scalarspec.formulas.operations import STEEP
from scalarspec.report import unboxed
from scalarspec.theory.polynomials import ENTERED, TRUTHS, Atom, Poly, poly
from scalarspec.theory.statements import Statement
from scalarspec.tracing.gradient import grad, hessian
from scalarspec.tracing.scalar_graph import topological

JUMPS = TRUTHS | {"where"} | having(graph="step")
"""Atoms that may jump where their arguments move."""

KINKED = having(kinks=("zero", "tie", "border"))
"""Atoms that may have no derivative somewhere."""

MOST = 6
"""How many variables are looked at."""


@dataclass(frozen=True, eq=False)
class Function:
    """A polynomial in atoms as a function of a vector of those atoms that are variables or unknown.

    summed: is it one of many coordinates? factor: what a coordinate is a multiple of it by, which is positive here.
    """

    form: Poly
    statement: Statement
    variables: list[Atom]
    low: list[Any]
    high: list[Any]
    summed: bool = False
    factor: Fraction = Fraction(1)

    @classmethod
    def whole(cls, form: Poly, statement: Statement) -> Function:
        """The polynomial itself."""
        variables = sorted(_free(form), key=lambda atom: atom.serial)
        ends = [_ends(atom, statement) for atom in variables]
        return cls(form, statement, variables, [low for low, _ in ends], [high for _, high in ends])

    @classmethod
    def of(cls, form: Poly, statement: Statement) -> Function | None:
        """The polynomial; of a sum over coordinates a positive multiple of one coordinate. None if it is neither."""
        summed = any(atom.operation == "sum" for atom in form.atoms())
        coordinate = _coordinate(form) if summed else form
        if coordinate is None or len(_free(coordinate)) > MOST or not coordinate.terms:
            return None
        factor = abs(coordinate.terms[coordinate.leading]) if summed else Fraction(1)
        found = cls.whole(coordinate.scaled(1 / factor), statement)
        return dataclasses.replace(found, summed=summed, factor=factor)

    def __str__(self) -> str:
        return str(self.form)

    def __call__(self, v: Tensor) -> Tensor:
        """The value at a vector of the variables' values."""
        values: dict[Atom, Tensor] = {}
        for atom in topological(self.form.atoms(), lambda x: () if x in self.variables else x.inner()):
            values[atom] = self._atom(atom, v, values)
        return _value(self.form, v.context, values)

    def _atom(self, atom: Atom, v: Tensor, values: Mapping[Atom, Tensor]) -> Tensor:
        """The value of an atom, from those of the atoms in it."""
        if atom in self.variables:
            return v[self.variables.index(atom)]
        if atom.operation == "pi":
            return f.pi(v.context)
        if atom.operation in JUMPS and atom.operation != "positive":
            raise NotSupported(f"{atom.operation}: not looked at here")
        args = [_value(arg, v.context, values) for arg in atom.args]
        found: Tensor = getattr(f, "heaviside" if atom.operation == "positive" else atom.operation)(*args)
        return found

    def over(self, context: Context[Any]) -> Tensor:
        """The box of the variables."""
        return context.box(np.array(self.low, dtype=object), np.array(self.high, dtype=object))

    def tame(self, name: str | None = None) -> bool:
        """Is it Lipschitz on bounded parts of its region, in the variable `name` or all? No steps, no poles."""
        return all(self._tame(atom, name) for atom in _inside(self.form, name is not None))

    @cached_property
    def smooth(self) -> bool:
        """Has it two continuous derivatives in its region?"""
        return self.tame() and not any(atom.operation in KINKED for atom in _inside(self.form))

    @cached_property
    def stationary(self) -> list[Any]:
        """Exact points of the region at which the function is surely not negative and its gradient 0."""
        return [point for point in _candidates(self) if flat(self, point)]

    def _tame(self, atom: Atom, name: str | None) -> bool:
        if name is not None and not _depends(atom, name):
            return True
        if atom.operation in JUMPS or (atom.operation == "opaque" and name is not None):
            return False
        if atom.operation == "maximum" and name is None:
            p, q = atom.args  # equal on an open set they have no kink, and `grad` says 0
            return p.constant is not None or q.constant is not None or not (p + q).terms
        return atom.operation not in STEEP or self._defined(atom)

    def _defined(self, atom: Atom) -> bool:
        """Is the argument of such a function off its poles?"""
        inner = Function.whole(atom.args[0], self.statement)
        try:
            low, high = map(unboxed, f.endpoints(inner(inner.over(named_context("interval")))))
        except ScalarSpecError:
            return False
        return bool(low > 0 or (high < 0 and atom.operation == "reciprocal"))


def _value(form: Poly, context: Context[Any], values: Mapping[Atom, Tensor]) -> Tensor:
    """The value of a polynomial, from those of its atoms."""
    total = context.tensor(0)
    for monomial, c in form.terms.items():
        product = context.tensor(c)
        for atom, power in monomial:
            inner = values[atom]
            product = product * (f.square(inner) if power == 2 else inner if power == 1 else f.pow(inner, power))
        total = total + product
    return total


def _inside(form: Poly, everything: bool = False) -> Iterator[Atom]:
    """All atoms of a polynomial, each once, after those that it is made of: those inside functions of elements
    included; or those inside any atom.
    """
    return topological(form.atoms(), lambda atom: atom.inner() if everything or atom.operation in ENTERED else ())


def _free(form: Poly) -> set[Atom]:
    return {atom for atom in _inside(form) if atom.operation not in ENTERED and atom.operation != "pi"}


def _depends(atom: Atom, name: str) -> bool:
    """Does an atom hold the variable of that name?"""
    held = topological([atom], Atom.inner)
    return any(x.operation == "variable" and x.parameters["name"] == name for x in held)


def _coordinate(form: Poly) -> Poly | None:
    """The polynomial p, where the form is Σ p over the elements of tensors of one shape."""
    shapes, constant, total = set(), Fraction(0), poly(0)
    for monomial, c in form.terms.items():
        if not monomial:
            constant = c
            continue
        (atom, power) = monomial[0]
        if len(monomial) > 1 or power > 1 or atom.operation != "sum" or atom.parameters:
            return None
        shapes |= {inner.shape for inner in atom.args[0].atoms() if inner.shape}
        total = total + atom.args[0].scaled(c)
    size = shapes.pop().size if len(shapes) == 1 else 0
    if not size:
        return None
    return total + poly(constant / size)


def _ends(atom: Atom, statement: Statement) -> tuple[Any, Any]:
    """Where an atom ranges: all of an unknown one's reals; one box for all elements of a variable."""
    name = atom.parameters.get("name")
    if atom.operation != "variable" or name not in statement.over:
        return -np.inf, np.inf
    low, high = statement.ends(str(name), statement.shapes[str(name)])
    return min(low.flat), max(high.flat)


def flat(function: Function, point: Any) -> bool:
    """Is the function surely not negative at an exact point, and its gradient 0?"""
    at = named_context("interval", prec=100).tensor(point)
    slopes = f.endpoints(grad(function)(at))
    return bool(np.all(slopes[0] == 0) and np.all(slopes[1] == 0) and f.endpoints(function(at))[0] >= 0)


def _candidates(function: Function) -> Iterator[Any]:
    """Where a stationary point may be: exact points in the region."""
    size = len(function.variables)
    low, high = (np.array(ends, dtype=object) for ends in (function.low, function.high))
    yield np.clip(np.full(size, Fraction(0), dtype=object), low, high)
    for start in (0.1, -0.7, 1.3):
        found = _newton(function, np.full(size, start))
        if found is not None:
            yield np.clip(np.array([Fraction(x).limit_denominator(64) for x in found], dtype=object), low, high)


def _newton(function: Function, x: Any) -> Any:
    context = named_context("float64")
    for _ in range(12):
        gradient = np.asarray(grad(function)(context.tensor(x)))
        curvature = np.asarray(hessian(function)(context.tensor(x)))
        if not (np.all(np.isfinite(curvature)) and np.all(np.isfinite(gradient))):
            return None
        x = x - np.linalg.lstsq(curvature, gradient, rcond=None)[0]
    return x if np.all(np.isfinite(x)) else None
