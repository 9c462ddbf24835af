"""Functions of a few real variables, read from normal forms: where they are smooth, convex, and not negative."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding.branch import refine
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.registry import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported, ScalarSpecError
from scalarspec.numbers.exact import infinite
from scalarspec.report import unboxed
from scalarspec.theory.normal import ENTERED, TRUTHS, Atom, Poly, poly
from scalarspec.theory.statements import Statement
from scalarspec.tracing.batched import batched
from scalarspec.tracing.gradient import grad, hessian
from scalarspec.verdict import Verdict

STEPS = {*TRUTHS, "where"}
MOST = 6
"""How many variables are looked at."""
BOXES = 10_000
"""How many boxes branch-and-prune may look at."""
TANGENTS = 32
"""How many boxes of a round are tried by convexity."""


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
        return self._value(self.form, v)

    def _value(self, form: Poly, v: Tensor) -> Tensor:
        total = v.context.tensor(0)
        for monomial, c in form.terms.items():
            product = v.context.tensor(c)
            for atom, power in monomial:
                inner = self._atom(atom, v)
                product = product * (f.square(inner) if power == 2 else inner if power == 1 else f.pow(inner, power))
            total = total + product
        return total

    def _atom(self, atom: Atom, v: Tensor) -> Tensor:
        if atom in self.variables:
            return v[self.variables.index(atom)]
        if atom.operation == "pi":
            return f.pi(v.context)
        if atom.operation == "positive":
            return f.heaviside(self._value(atom.args[0], v))
        if atom.operation in STEPS:
            raise NotSupported(f"{atom.operation}: not looked at here")
        args = [self._value(arg, v) for arg in atom.args]
        found: Tensor = getattr(f, atom.operation)(*args)
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
        return self.tame() and not any(atom.operation == "maximum" for atom in _inside(self.form))

    @cached_property
    def stationary(self) -> list[Any]:
        """Exact points of the region at which the function is surely not negative and its gradient 0."""
        return [point for point in _candidates(self) if _flat(self, point)]

    def _tame(self, atom: Atom, name: str | None) -> bool:
        if name is not None and not _depends(atom, name):
            return True
        if atom.operation in STEPS or (atom.operation == "opaque" and name is not None):
            return False
        if atom.operation == "maximum" and name is None:
            p, q = atom.args  # equal on an open set they have no kink, and `grad` says 0
            return p.constant is not None or q.constant is not None or not (p + q).terms
        return atom.operation not in ("reciprocal", "log", "sqrt") or self._defined(atom)

    def _defined(self, atom: Atom) -> bool:
        """Is the argument of such a function off its poles?"""
        inner = Function.whole(atom.args[0], self.statement)
        try:
            low, high = map(unboxed, f.endpoints(inner(inner.over(named_context("interval")))))
        except ScalarSpecError:
            return False
        return bool(low > 0 or (high < 0 and atom.operation == "reciprocal"))


def _inside(form: Poly, everything: bool = False) -> Iterator[Atom]:
    """All atoms of a polynomial, those inside functions of elements included; or those inside any atom."""
    for atom in form.atoms():
        yield atom
        if everything or atom.operation in ENTERED:
            for arg in atom.args:
                yield from _inside(arg, everything)


def _free(form: Poly) -> set[Atom]:
    return {atom for atom in _inside(form) if atom.operation not in ENTERED and atom.operation != "pi"}


def _depends(atom: Atom, name: str) -> bool:
    """Does an atom hold the variable of that name?"""
    if atom.operation == "variable":
        return bool(atom.parameters["name"] == name)
    return any(_depends(inner, name) for arg in atom.args for inner in arg.atoms())


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


# ---- not negative ---------------------------------------------------------------------------------------------------


def nonnegative(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    """A proof that a function is not negative; with `zero`, that it is 0 there and nowhere else."""
    for method in (_constant, _evaluated, _convex, _pruned):
        try:
            found = method(function, zero)
        except ScalarSpecError:
            continue
        if found is not None:
            return found
    return None


def _constant(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    value = function.form.constant
    if value is None or value < 0 or zero is not None:
        return None
    return Verdict("proved", "exact", steps=(f"it is {value}",))


def _evaluated(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    low, high = map(unboxed, f.endpoints(function(function.over(named_context("interval")))))
    if low < 0 or zero is not None:
        return None
    return Verdict("proved", "interval evaluation", steps=(f"its values lie in [{_number(low)}, {_number(high)}]",))


def _convex(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    """f(c) >= 0, ∇f(c) = 0 and f″ >= 0 in the region: then f >= f(c). And f″(c) > 0: then f > f(c) elsewhere."""
    if not function.smooth or not function.variables or not _says(function, zero):
        return None
    context = named_context("interval", prec=100)
    for point in function.stationary if zero is None else _place(function, zero):
        at = context.tensor(point)
        value = f.endpoints(function(at))
        curvature = f.endpoints(hessian(function)(function.over(context)))
        strict = _definite(f.endpoints(hessian(function)(at)), strictly=True)
        if not _definite(curvature) or (zero is not None and not (strict and np.all(value[1] == 0))):
            continue
        return Verdict("proved", _called(function), steps=_steps(function, point, value, curvature, strict))
    return None


def _says(function: Function, zero: Mapping[str, Any] | None) -> bool:
    """Are the function's variables those that `zero` gives values to?"""
    names = [atom.parameters.get("name") for atom in function.variables if atom.operation == "variable"]
    return zero is None or (set(names) == set(zero) and len(names) == len(function.variables))


def _called(function: Function) -> str:
    return "Taylor remainder" if len(function.variables) == 1 else "convexity with a unique stationary point"


def _steps(function: Function, point: Any, value: Any, curvature: Any, strict: bool) -> tuple[str, ...]:
    names = [str(atom) for atom in function.variables]
    place = ", ".join(f"{name} = {_number(p)}" for name, p in zip(names, point, strict=True))
    second = [
        f"∂²f/∂{a}∂{b} in [{_number(curvature[0][i, j])}, {_number(curvature[1][i, j])}]"
        for i, a in enumerate(names)
        for j, b in enumerate(names[: i + 1])
    ]
    last = "f″ is positive definite there: nowhere else is f so small" if strict else "so f is nowhere smaller"
    return (
        f"f = {function}",
        f"at {place}: f = {_number(unboxed(value[0]))}, ∇f = 0",
        f"f = f(c) + (v - c)ᵀ f″(ξ) (v - c) / 2, and f″ >= 0: {'; '.join(second)}",
        last,
    )


def _place(function: Function, zero: Mapping[str, Any]) -> list[Any]:
    """The point that `zero` says, if it is a stationary one of the region."""
    point = np.array([Fraction(zero[str(atom.parameters["name"])]) for atom in function.variables], dtype=object)
    inside = np.all(np.array(function.low) <= point) and np.all(point <= np.array(function.high))
    return [point] if inside and _flat(function, point) else []


def _flat(function: Function, point: Any) -> bool:
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


def _definite(entries: Any, strictly: bool = False) -> bool:
    """Are all symmetric matrices between two surely positive (semi)definite? By dominant diagonals, or 2x2 minors."""
    low, high = entries
    size = np.maximum(abs(low), abs(high))
    diagonal = list(np.diag(low))
    others = [sum(x for j, x in enumerate(row) if j != i) for i, row in enumerate(size)]
    if any(d < 0 or (strictly and d == 0) for d in diagonal):
        return False
    if all(d > rest or (d == rest and not strictly) for d, rest in zip(diagonal, others, strict=True)):
        return True
    if len(size) != 2 or infinite(*diagonal, *others):
        return False
    minor = diagonal[0] * diagonal[1] - size[0, 1] ** 2
    return bool(minor > 0 or (minor == 0 and not strictly))


def _pruned(function: Function, zero: Mapping[str, Any] | None) -> Verdict | None:
    """Interval branch-and-prune over a bounded region: all boxes that are left are divided in each round."""
    if zero is not None or not function.tame() or infinite(*function.low, *function.high) or not function.variables:
        return None
    search = _Pruning(function)
    whole = np.array(function.low, dtype=object), np.array(function.high, dtype=object)
    *_, left = refine(search.open([whole]), search.worst, search.halved)
    if left or search.failed:
        return None
    return Verdict("proved", "interval branch-and-prune", steps=(f"f = {function}", f"{search.seen} boxes"))


_OpenBox = tuple[Any, Any]
"""The exact ends of a box of the variables on which the function may be negative, as far as is known."""


class _Pruning:
    """Which boxes are left of some. seen: how many were looked at; failed: is the function, or may it be, negative?"""

    def __init__(self, function: Function) -> None:
        self.function, self.seen, self.failed = function, 0, False
        self.context, self.exact = named_context("interval64"), named_context("interval", prec=100)

    def worst(self, boxes: Sequence[_OpenBox]) -> Sequence[_OpenBox]:
        """All of them, unless the search is over."""
        return [] if self.failed or self.seen + 2 * len(boxes) > BOXES else boxes

    def halved(self, boxes: Sequence[_OpenBox]) -> list[_OpenBox]:
        """What is left of their halves, across their longest sides."""
        low, high = _halved(*map(np.stack, zip(*boxes, strict=True)))
        return self.open(list(zip(low, high, strict=True)))

    def open(self, boxes: Sequence[_OpenBox]) -> list[_OpenBox]:
        """Of each box the part on which the function is smallest; none where its value, or mean value form, is >= 0."""
        self.seen += len(boxes)
        low, high = map(np.stack, zip(*boxes, strict=True))
        box, function = self.context.box(low, high), self.function
        values, slopes = (f.endpoints(batched(part, over="v")(box)) for part in (function, grad(function)))
        centre = f.endpoints(batched(function, over="v")(self.context.tensor((low + high) / 2)))
        if np.any(centre[1] < 0):
            self.failed = True
            return []
        mean = centre[0] - (np.maximum(abs(slopes[0]), abs(slopes[1])) * (high - low) / 2).sum(axis=1)
        left = np.flatnonzero((values[0] < 0) & (mean < 0))
        if function.smooth:
            left = left[~_tangent(function, low[left], high[left])]
        return self._divisible(*_slid(low[left], high[left], slopes[0][left], slopes[1][left]))

    def _divisible(self, low: Any, high: Any) -> list[_OpenBox]:
        """The boxes that are no points; at a point the function must be >= 0."""
        points = np.all(low == high, axis=1)
        self.failed |= any(f.endpoints(self.function(self.exact.tensor(point)))[0] < 0 for point in low[points])
        return list(zip(low[~points], high[~points], strict=True))


def _tangent(function: Function, low: Any, high: Any) -> Any:
    """The boxes on which a stationary point with value >= 0 and convexity around it shows that f >= 0."""
    context = named_context("interval", prec=100)
    found = np.zeros(len(low), dtype=bool)
    for point in function.stationary[:1]:
        for i in range(min(len(low), TANGENTS)):
            hull = context.box(np.minimum(low[i], point), np.maximum(high[i], point))
            found[i] = _definite(f.endpoints(hessian(function)(hull)))
    return found


def _slid(low: Any, high: Any, steepest: Any, flattest: Any) -> tuple[Any, Any]:
    """Each box without the directions in which f only rises, or only falls: f is smallest on that side."""
    rises, falls = steepest >= 0, flattest <= 0
    return np.where(falls & ~rises, high, low), np.where(rises, low, high)


def _halved(low: Any, high: Any) -> tuple[Any, Any]:
    """Each box as two, across its longest side."""
    rows = np.arange(len(low))
    longest = np.argmax((high - low).astype(float), axis=1)
    upper, lower = high.copy(), low.copy()
    upper[rows, longest] = lower[rows, longest] = (low[rows, longest] + high[rows, longest]) / 2
    return np.concatenate([low, lower]), np.concatenate([upper, high])


def _number(x: Any) -> str:
    return (
        ("-inf" if x < 0 else "inf")
        if infinite(x)
        else str(x)
        if Fraction(x).denominator < 10**6
        else f"{float(x):.6g}"
    )
