"""Terms: a spec as a graph of operations on whole tensors, whatever their sizes.

`Terms` is an interpreter whose tensors are terms. Equal terms are one; numbers are folded; what has no effect (times 1,
plus 0, a scalar repeated to meet a tensor) is dropped; nothing is expanded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from scalarspec.context import DERIVED, PRIMITIVES
from scalarspec.graph import topological
from scalarspec.interpreter import InterpreterArrays, InterpreterContext, Traced, result_shape
from scalarspec.registry import context as named_context
from scalarspec.shape import Scalar, Shape
from scalarspec.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Term:
    """An operation on terms; or a "symbol" (name), a "number" (value) or a "constant" (scalars)."""

    operation: str
    operands: tuple[Term, ...]
    parameters: dict[str, Any]
    shape: Shape

    @property
    def number(self) -> Fraction | None:
        """The number that each element is, if the term is one."""
        return self.parameters["value"] if self.operation == "number" else None


def below(roots: Iterable[Term]) -> Iterator[Term]:
    """The roots and all terms under them, each once, after its operands."""
    return topological(roots, lambda term: term.operands)


@dataclass(frozen=True, eq=False)
class Terms(InterpreterContext):
    """A tensor stands for a term. Constants are worked out in `inner`, exactly."""

    inner: Any = field(default_factory=lambda: named_context("symbolic"))

    @cached_property
    def arrays(self) -> TermArrays:
        """Arrays of terms."""
        return TermArrays(self)

    def variable(self, name: str, shape: Shape) -> Tensor:
        """The symbol of that name and shape."""
        return Tensor(self, shape, Traced(shape, self.arrays.term("symbol", (), shape, {"name": name})))

    def term(self, traced: Traced) -> Term:
        """The term behind a value."""
        return self.arrays.term_of(traced)

    def __repr__(self) -> str:
        return "terms"


ELEMENTWISE = {*PRIMITIVES, *DERIVED} - {"pi"}


class TermArrays(InterpreterArrays):
    """Arrays that build terms."""

    context: Terms

    def __init__(self, context: Terms) -> None:
        super().__init__(context)
        self._known: dict[Any, Term] = {}

    def function(self, operation: str) -> Callable[..., Traced]:
        """Only scalars are worked out: what a constant tensor holds may depend on its size."""
        scalars, terms = super().function(operation), self._terms(operation)
        return lambda *operands, **parameters: (
            terms(*operands, **parameters) if any(x.shape for x in operands) else scalars(*operands, **parameters)
        )

    def _terms(self, operation: str) -> Callable[..., Traced]:
        def apply(*operands: Traced, **parameters: Any) -> Traced:
            return self.traced(
                operation, result_shape(operation, [x.shape for x in operands], parameters), operands, parameters
            )

        return apply

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The term of an operation."""
        return Traced(shape, self.built(operation, shape, tuple(map(self.term_of, operands)), parameters))

    def term_of(self, x: Traced) -> Term:
        """The term of a value; of a constant, a number where all of its elements are one rational number."""
        if not x.constant:
            term: Term = x.value
            return term
        scalars = self.inner.unpack(x.value)
        first = scalars.flat[0] if scalars.size else None
        if not all(s is first for s in scalars.flat) or getattr(first, "operation", None) != "number":
            return self.term("constant", (), x.shape, {"scalars": scalars})
        assert first is not None
        return self.number(Fraction(*first.args), x.shape)

    def number(self, value: Fraction, shape: Shape = Scalar) -> Term:
        """A number, in each element."""
        return self.term("number", (), shape, {"value": value})

    def term(self, operation: str, operands: tuple[Term, ...], shape: Shape, parameters: dict[str, Any]) -> Term:
        """The one term of an operation on these operands."""
        key = (operation, operands, shape, repr(sorted(parameters.items())))
        found = self._known.get(key)
        return found if found is not None else self._known.setdefault(key, Term(operation, operands, parameters, shape))

    def built(self, operation: str, shape: Shape, operands: tuple[Term, ...], parameters: dict[str, Any]) -> Term:
        """The term of an operation, without what has no effect."""
        if operation in ELEMENTWISE and shape:
            operands = tuple(self._unrepeated(x) for x in operands)
            if not any(x.shape for x in operands):
                return self._repeated(self.built(operation, Scalar, operands, parameters), shape)
        rule = getattr(self, f"_{operation}", None)
        found: Term | None = rule(shape, *operands, **parameters) if rule is not None else None
        return self.term(operation, operands, shape, parameters) if found is None else found

    def _repeated(self, x: Term, shape: Shape) -> Term:
        if x.number is not None:
            return self.number(x.number, shape)
        return self.term("broadcast_to", (x,), shape, {"shape": shape}) if shape else x

    def _unrepeated(self, x: Term) -> Term:
        """The scalar that a term repeats, or the term."""
        if x.number is not None:
            return self.number(x.number)
        return x.operands[0] if x.operation == "broadcast_to" and not x.operands[0].shape else x

    def _made(self, operation: str, shape: Shape, *operands: Term) -> Term:
        return self.built(operation, shape, operands, {})

    # ---- what has no effect: each gives None where there is nothing to drop ------------------------------------------

    def _add(self, shape: Shape, a: Term, b: Term) -> Term | None:
        if a.number == 0 or b.number == 0:
            return self._fitted(b if a.number == 0 else a, shape)
        if b.operation == "negative":
            return self._made("subtract", shape, a, b.operands[0])
        if a.operation == "negative":
            return self._made("subtract", shape, b, a.operands[0])
        if a is b:
            return self._made("multiply", shape, self.number(Fraction(2)), a)
        return None

    def _subtract(self, shape: Shape, a: Term, b: Term) -> Term | None:
        if b.number == 0:
            return self._fitted(a, shape)
        if a.number == 0:
            return self._fitted(self._made("negative", b.shape, b), shape)
        if b.operation == "negative":
            return self._made("add", shape, a, b.operands[0])
        return self.number(Fraction(0), shape) if a is b else None

    def _negative(self, shape: Shape, a: Term) -> Term | None:
        if a.number is not None:
            return self.number(-a.number, shape)
        if a.operation == "negative":
            return a.operands[0]
        if a.operation == "multiply" and a.operands[0].number is not None:
            return self._made("multiply", shape, self.number(-a.operands[0].number), a.operands[1])
        return None

    def _multiply(self, shape: Shape, a: Term, b: Term) -> Term | None:
        if b.number is not None or (a.shape and not b.shape and a.number is None):
            a, b, swapped = b, a, True
        else:
            swapped = False
        if a.number is not None:
            return self._scaled(shape, a.number, b)
        for x, y in ((a, b), (b, a)):
            if x.operation == "negative":
                return self._made("negative", shape, self._made("multiply", shape, x.operands[0], y))
            if x.operation == "multiply" and x.operands[0].number is not None:
                product = self._made("multiply", shape, x.operands[1], y)
                return self._made("multiply", shape, x.operands[0], product)
        if not a.shape and b.operation == "multiply" and b.shape and not b.operands[0].shape:
            scalar = self._made("multiply", Scalar, a, b.operands[0])
            return self._made("multiply", shape, scalar, b.operands[1])
        column, row = _column(a), _row(b)
        if column is not None and row is not None:
            return self.term("outer", (column, row), shape, {})
        return self.term("multiply", (a, b), shape, {}) if swapped else None

    def _scaled(self, shape: Shape, c: Fraction, x: Term) -> Term:
        if c == 0 or x.number is not None:
            return self.number(c * (x.number or 0), shape)
        if c == 1:
            return self._fitted(x, shape)
        if x.operation == "negative":
            return self._scaled(shape, -c, x.operands[0])
        if x.operation == "multiply" and x.operands[0].number is not None:
            return self._scaled(shape, c * x.operands[0].number, x.operands[1])
        return self.term("multiply", (self.number(c), x), shape, {})

    def _divide(self, shape: Shape, a: Term, b: Term) -> Term | None:
        if b.number:
            return self._scaled(shape, 1 / b.number, a)
        if a.operation == "multiply" and a.operands[0].number is not None:
            return self._scaled(shape, a.operands[0].number, self._made("divide", shape, a.operands[1], b))
        return None

    def _reshape(self, _: Shape, x: Term, shape: Shape) -> Term | None:
        scalar = self._unrepeated(x)
        return x if x.shape == shape else None if scalar.shape else self._repeated(scalar, shape)

    _broadcast_to = _reshape

    def _matrix_transpose(self, shape: Shape, x: Term) -> Term | None:
        if x.number is not None:
            return self.number(x.number, shape)
        return x.operands[0] if x.operation == "matrix_transpose" else None

    def _sum(self, shape: Shape, x: Term, axis: tuple[int, ...]) -> Term | None:
        inside, count = self._unrepeated(x), Shape(x.shape[i] for i in axis).size
        if not inside.shape:
            return self._repeated(self._scaled(Scalar, Fraction(count), inside), shape)
        if x.operation == "multiply" and not x.operands[0].shape:
            inner = self.built("sum", shape, (x.operands[1],), {"axis": axis})
            return self._made("multiply", shape, x.operands[0], inner)
        return None

    def _fitted(self, x: Term, shape: Shape) -> Term:
        return x if x.shape == shape else self._repeated(x, shape)


def _column(x: Term) -> Term | None:
    """a, where x is a in each column."""
    inner = x.operands[0] if x.operation == "broadcast_to" else None
    if inner is not None and inner.operation == "reshape" and len(inner.operands[0].shape) == 1 < len(x.shape):
        return inner.operands[0] if inner.shape == (*inner.operands[0].shape, 1) else None
    return None


def _row(x: Term) -> Term | None:
    """a, where x is a in each row."""
    return x.operands[0] if x.operation == "broadcast_to" and len(x.operands[0].shape) == 1 else None
