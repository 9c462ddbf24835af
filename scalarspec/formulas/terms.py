"""Terms: a spec as a graph of operations on whole tensors, whatever their sizes.

`Terms` is an interpreter whose tensors are terms. Equal terms are one; numbers are folded; what has no effect (times 1,
plus 0, a scalar repeated to meet a tensor) is dropped; nothing is expanded.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any

from scalarspec.core.context import DERIVED, PRIMITIVES
from scalarspec.core.operations import result_shape
from scalarspec.core.registry import context as named_context
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.sizes import LARGE
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import boxed
from scalarspec.tracing.interpreter import InterpreterArrays, InterpreterContext, Traced
from scalarspec.tracing.scalar_graph import Node, ordered, topological
from scalarspec.tracing.scalar_graph import below as nodes_below


@dataclass(frozen=True, eq=False)
class Term:
    """An operation on terms; or a "symbol" (name), a "number" or a "truth" (value), or a "leaf" (expression).

    A "constant" is an array whose elements are its operands, which are scalars.
    """

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
FOLDED = {
    "add", "subtract", "multiply", "negative", "square", "less", "less_equal", "equal", "abs", "sign", "heaviside",
    "relu", "leaky_relu", "maximum", "minimum", "clip",
}  # fmt: skip
"""What is worked out where all operands are numbers that are not made of sizes."""
LINEAR = {"sum", "mean", "reshape", "broadcast_to", "getitem", "scatter", "matrix_transpose"}
"""What gives 0 for 0, whatever it is done along."""
SIZES = LARGE[0]
"""Numbers from here on may be sizes (see `matrix_form`), of which nothing is known."""


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
        """The term of a value; of a constant, one of its elements where these are all the same."""
        if not x.constant:
            term: Term = x.value
            return term
        items = [self._scalar(s) for s in self.inner.unpack(x.value).flat]
        if not x.shape:
            return items[0]
        if items and items[0].operation != "truth" and all(item is items[0] for item in items):
            return self._repeated(items[0], x.shape)
        return self.term("constant", tuple(items), x.shape, {})

    def _scalar(self, x: Any) -> Term:
        """The term of a constant's element."""
        if isinstance(x, bool):
            return self._truth(x)
        done: dict[Node, Term] = {}
        for each in ordered([x]):
            done[each] = self._of_node(each, tuple(done[arg] for arg in nodes_below(each)))
        return done[x]

    def _of_node(self, x: Node, operands: tuple[Term, ...]) -> Term:
        if x.operation == "number":
            return self.number(Fraction(*x.args))
        if x.operation == "leaf":
            return self.term("leaf", (), Scalar, {"expression": x.args[0]})
        if x.operation == "sum":
            return reduce(lambda a, b: self._made("add", Scalar, a, b), operands)
        if x.operation == "logsumexp":
            return self.built(
                "logsumexp", Scalar, (self.term("constant", operands, Shape((len(operands),)), {}),), {"axis": (0,)}
            )
        return self._made(x.operation, Scalar, *operands)

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """Of a constant; any, of others."""
        return super().outcomes(truths) if truths.constant else {None}

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
        if operation in FOLDED and operands and all(_small(x.number) for x in operands):
            return self._folded(operation, shape, operands)
        rule = getattr(self, f"_{operation}", None)
        found: Term | None = rule(shape, *operands, **parameters) if rule is not None else None
        return self.term(operation, operands, shape, parameters) if found is None else found

    def _folded(self, operation: str, shape: Shape, operands: tuple[Term, ...]) -> Term:
        """An operation on numbers, done."""
        values = (self.inner.pack(boxed(self.context.literal(x.number or Fraction(0)))) for x in operands)
        return self._fitted(self.term_of(Traced(Scalar, self.inner.apply(operation, *values), constant=True)), shape)

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
        if b.number is not None and b.number < 0:
            return self._made("subtract", shape, a, self.number(-b.number, b.shape))
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
                rest = (x.operands[1], y) if x is a else (y, x.operands[1])
                return self._made("multiply", shape, x.operands[0], self._made("multiply", shape, *rest))
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
        if c == -1:
            return self._made("negative", shape, self._fitted(x, shape))
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

    def _getitem(self, shape: Shape, x: Term, index: tuple[Any, ...]) -> Term | None:
        scalar = self._unrepeated(x)
        return None if scalar.shape else self._repeated(scalar, shape)

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

    def _same(self, shape: Shape, a: Term, b: Term) -> Term | None:
        return self._fitted(a, shape) if a is b else None

    _maximum = _minimum = _same

    def _less(self, shape: Shape, a: Term, b: Term) -> Term | None:
        return self._fitted(self._truth(False), shape) if a is b else None

    def _less_equal(self, shape: Shape, a: Term, b: Term) -> Term | None:
        return self._fitted(self._truth(True), shape) if a is b else None

    _equal = _less_equal

    def _logical_not(self, shape: Shape, p: Term) -> Term | None:
        known = p.operation == "truth"
        return self._fitted(self._truth(not p.parameters["value"]), shape) if known else None

    def _logical_and(self, shape: Shape, p: Term, q: Term) -> Term | None:
        return self._connected(shape, p, q, decisive=False)

    def _logical_or(self, shape: Shape, p: Term, q: Term) -> Term | None:
        return self._connected(shape, p, q, decisive=True)

    def _connected(self, shape: Shape, p: Term, q: Term, decisive: bool) -> Term | None:
        for known, other in ((p, q), (q, p)):
            if known.operation == "truth":
                return self._fitted(known if known.parameters["value"] is decisive else other, shape)
        return None

    def _truth(self, value: bool) -> Term:
        return self.term("truth", (), Scalar, {"value": value})

    def _where(self, shape: Shape, p: Term, a: Term, b: Term) -> Term | None:
        if p.operation == "truth":
            return self._fitted(a if p.parameters["value"] else b, shape)
        return self._same(shape, a, b)

    # ---- adjoints ----------------------------------------------------------------------------------------------------

    def handed_on(self, roots: list[Term], forwards: Container[Term]) -> list[Term]:
        """Adjoints in which 0 is handed on as 0: a product with what a condition makes 0 goes into that condition."""
        done: dict[Term, Term] = {}
        for x in below(roots):
            operands = tuple(done[operand] for operand in x.operands)
            done[x] = x if x in forwards or not operands else self._handed(x, operands)
        return [done[x] for x in roots]

    def _handed(self, x: Term, operands: tuple[Term, ...]) -> Term:
        if x.operation in ("multiply", "divide", "negative"):
            for i, operand in enumerate(operands[:1] if x.operation == "divide" else operands):
                if _masked(operand):
                    return self._inside(x, operands, i)
        if x.operation in LINEAR and _masked(operands[0]) and not operands[0].operands[0].shape:
            return self._inside(x, operands, 0)
        if x.operation == "add" and all(map(_masked, operands)) and operands[0].operands[0] is operands[1].operands[0]:
            (p, a, b), (_, c, d) = (operand.operands for operand in operands)
            return self._made("where", x.shape, p, *(self._made("add", x.shape, *pair) for pair in ((a, c), (b, d))))
        return x if operands == x.operands else self.built(x.operation, x.shape, operands, x.parameters)

    def _inside(self, x: Term, operands: tuple[Term, ...], place: int) -> Term:
        """The operation in the branches of one operand, where they are not 0."""
        p, *branches = operands[place].operands

        def within(branch: Term) -> Term:
            if x.operation in LINEAR:
                branch = self._fitted(branch, operands[place].shape)
            changed = (*operands[:place], branch, *operands[place + 1 :])
            masked = _masked(branch) and (x.operation not in LINEAR or not branch.operands[0].shape)
            return (
                self._inside(x, changed, place) if masked else self.built(x.operation, x.shape, changed, x.parameters)
            )

        zero = self.number(Fraction(0))
        return self._made("where", x.shape, p, *(zero if b.number == 0 else within(b) for b in branches))

    def _matmul(self, shape: Shape, a: Term, b: Term) -> Term | None:
        if a.number == 0 or b.number == 0:
            return self.number(Fraction(0), shape)
        for x, y in ((a, b), (b, a)):
            scalar = self._unrepeated(x)
            if len(x.shape) == len(y.shape) == 1 and not scalar.shape:
                return self._made("multiply", Scalar, scalar, self.built("sum", Scalar, (y,), {"axis": (0,)}))
        return None

    def _mean(self, shape: Shape, x: Term, axis: tuple[int, ...], count: int) -> Term | None:
        inside = self._unrepeated(x)
        return None if inside.shape or not count else self._repeated(inside, shape)

    def _mean_square(self, shape: Shape, x: Term, axis: tuple[int, ...], count: int) -> Term | None:
        inside = self._unrepeated(x)
        return None if inside.shape or not count else self._repeated(self._made("square", Scalar, inside), shape)

    def _logsumexp(self, shape: Shape, x: Term, axis: tuple[int, ...]) -> Term | None:
        inside, count = self._unrepeated(x), Shape(x.shape[i] for i in axis).size
        if inside.shape or not count:
            return None
        size = self._made("log", Scalar, self.number(Fraction(count))) if count > 1 else self.number(Fraction(0))
        return self._repeated(self._made("add", Scalar, inside, size), shape)

    def _fitted(self, x: Term, shape: Shape) -> Term:
        return x if x.shape == shape else self._repeated(x, shape)


def _small(value: Fraction | None) -> bool:
    return value is not None and max(abs(value.numerator), value.denominator) < SIZES


def _masked(x: Term) -> bool:
    """Is it 0 where a condition holds, or where it does not?"""
    return x.operation == "where" and any(branch.number == 0 for branch in x.operands[1:])


def _column(x: Term) -> Term | None:
    """a, where x is a in each column."""
    inner = x.operands[0] if x.operation == "broadcast_to" else None
    if inner is not None and inner.operation == "reshape" and len(inner.operands[0].shape) == 1 < len(x.shape):
        return inner.operands[0] if inner.shape == (*inner.operands[0].shape, 1) else None
    return None


def _row(x: Term) -> Term | None:
    """a, where x is a in each row."""
    return x.operands[0] if x.operation == "broadcast_to" and len(x.operands[0].shape) == 1 else None
