"""What has no effect: by operation, a rule that gives a simpler term, or None where the term stands as it is.

Nothing is expanded: a rule drops a factor 1, a term 0, a sign that comes twice, a scalar that is repeated to meet a
tensor; it draws numbers and signs to the front, and sees an outer product.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

from scalarspec.core.operations import check_complete, having
from scalarspec.core.shape import Scalar, Shape
from scalarspec.formulas.operations import TERMS
from scalarspec.formulas.term import Term


class Builder(Protocol):
    """What rules make terms with: see `TermBuilder`."""

    def term(self, operation: str, operands: tuple[Term, ...], shape: Shape, parameters: dict[str, Any]) -> Term:
        """As it stands."""

    def built(self, operation: str, shape: Shape, operands: tuple[Term, ...], parameters: dict[str, Any]) -> Term:
        """Without what has no effect."""

    def made(self, operation: str, shape: Shape, *operands: Term) -> Term:
        """The same, without parameters."""

    def number(self, value: Fraction, shape: Shape = ...) -> Term:
        """In each element."""

    def truth(self, value: bool) -> Term:
        """True or False."""

    def repeated(self, x: Term, shape: Shape) -> Term:
        """A scalar in each element."""

    def unrepeated(self, x: Term) -> Term:
        """The scalar that is repeated, or the term."""

    def fitted(self, x: Term, shape: Shape) -> Term:
        """Repeated where it is a scalar."""

    def scaled(self, shape: Shape, c: Fraction, x: Term) -> Term:
        """c x."""


def kept(build: Builder, result: Shape, /, *operands: Term, **parameters: Any) -> None:
    """There is nothing to drop."""


# ---- sums -----------------------------------------------------------------------------------------------------------


def add(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """a + 0 is a; a + (-b) is a - b; a + a is 2 a."""
    if a.number == 0 or b.number == 0:
        return build.fitted(b if a.number == 0 else a, shape)
    if b.operation == "negative":
        return build.made("subtract", shape, a, b.operands[0])
    if a.operation == "negative":
        return build.made("subtract", shape, b, a.operands[0])
    if b.number is not None and b.number < 0:
        return build.made("subtract", shape, a, build.number(-b.number, b.shape))
    return build.made("multiply", shape, build.number(Fraction(2)), a) if a is b else None


def subtract(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """a - 0 is a; 0 - b is -b; a - (-b) is a + b; a - a is 0."""
    if b.number == 0:
        return build.fitted(a, shape)
    if a.number == 0:
        return build.fitted(build.made("negative", b.shape, b), shape)
    if b.operation == "negative":
        return build.made("add", shape, a, b.operands[0])
    return build.number(Fraction(0), shape) if a is b else None


def negative(build: Builder, shape: Shape, a: Term) -> Term | None:
    """-(-a) is a; -(c a) is (-c) a."""
    if a.number is not None:
        return build.number(-a.number, shape)
    if a.operation == "negative":
        return a.operands[0]
    if a.operation == "multiply" and a.operands[0].number is not None:
        return build.made("multiply", shape, build.number(-a.operands[0].number), a.operands[1])
    return None


# ---- products -------------------------------------------------------------------------------------------------------


def multiply(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """Numbers come first, then scalars; signs and numbers of factors come out; a column times a row is an outer one."""
    swapped = b.number is not None or (bool(a.shape) and not b.shape and a.number is None)
    if swapped:
        a, b = b, a
    if a.number is not None:
        return build.scaled(shape, a.number, b)
    found = _drawn_out(build, shape, a, b) or _scalars_together(build, shape, a, b) or _outer(build, shape, a, b)
    return build.term("multiply", (a, b), shape, {}) if found is None and swapped else found


def _drawn_out(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """The product with the sign, or the number, of a factor in front."""
    for x, y in ((a, b), (b, a)):
        if x.operation == "negative":
            return build.made("negative", shape, build.made("multiply", shape, x.operands[0], y))
        if x.operation == "multiply" and x.operands[0].number is not None:
            rest = (x.operands[1], y) if x is a else (y, x.operands[1])
            return build.made("multiply", shape, x.operands[0], build.made("multiply", shape, *rest))
    return None


def _scalars_together(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """s (t B) as (s t) B."""
    if a.shape or b.operation != "multiply" or not b.shape or b.operands[0].shape:
        return None
    scalar = build.made("multiply", Scalar, a, b.operands[0])
    return build.made("multiply", shape, scalar, b.operands[1])


def _outer(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    column, row = _column(a), _row(b)
    return None if column is None or row is None else build.term("outer", (column, row), shape, {})


def _column(x: Term) -> Term | None:
    """a, where x is a matrix with a in each column."""
    inner = x.operands[0] if x.operation == "broadcast_to" and len(x.shape) == 2 else None
    if inner is not None and inner.operation == "reshape" and len(inner.operands[0].shape) == 1:
        return inner.operands[0] if inner.shape == (*inner.operands[0].shape, 1) else None
    return None


def _row(x: Term) -> Term | None:
    """a, where x is a matrix with a in each row."""
    found = x.operation == "broadcast_to" and len(x.shape) == 2 and len(x.operands[0].shape) == 1
    return x.operands[0] if found else None


def power(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """a¹ is a."""
    return build.fitted(a, shape) if b.number == 1 else None


def divide(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """a / c is (1 / c) a; (c a) / b is c (a / b)."""
    if b.number:
        return build.scaled(shape, 1 / b.number, a)
    if a.operation == "multiply" and a.operands[0].number is not None:
        return build.scaled(shape, a.operands[0].number, build.made("divide", shape, a.operands[1], b))
    return None


def matmul(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """A product with zeros is 0; an inner product with a repeated scalar is that scalar times a sum."""
    if a.number == 0 or b.number == 0:
        return build.number(Fraction(0), shape)
    for x, y in ((a, b), (b, a)):
        scalar = build.unrepeated(x)
        if len(x.shape) == len(y.shape) == 1 and not scalar.shape:
            return build.made("multiply", Scalar, scalar, build.built("sum", Scalar, (y,), {"axis": (0,)}))
    return None


# ---- structure ------------------------------------------------------------------------------------------------------


def broadcast_to(build: Builder, _: Shape, x: Term, shape: Shape) -> Term | None:
    """The same shape, or one scalar in each element."""
    return x if x.shape == shape else moved(build, shape, x)


def reshape(build: Builder, _: Shape, x: Term, shape: Shape) -> Term | None:
    """The same, where shapes between do not matter."""
    if x.operation == "reshape":
        return build.built("reshape", shape, x.operands, {"shape": shape})
    return broadcast_to(build, shape, x, shape)


def moved(build: Builder, shape: Shape, x: Term, **_: Any) -> Term | None:
    """One scalar in each element, wherever one looks; and of no elements it is as good as 0 in each."""
    scalar = build.unrepeated(x)
    if 0 in shape:
        return build.number(Fraction(0), shape)
    return None if scalar.shape else build.repeated(scalar, shape)


def scatter(build: Builder, result: Shape, x: Term, index: tuple[Any, ...], shape: Shape) -> Term | None:
    """Zeros among zeros, and where no element comes; of one number its shape does not matter."""
    if x.number == 0 or 0 in x.shape:
        return build.number(Fraction(0), shape)
    one = x.number is not None and x.shape
    return build.term("scatter", (build.unrepeated(x),), shape, {"index": index, "shape": shape}) if one else None


def permute_dims(build: Builder, shape: Shape, x: Term, axes: tuple[int, ...]) -> Term | None:
    """Two orders one after the other are one; the order that there is changes nothing."""
    if axes == tuple(range(len(axes))):
        return x
    if x.operation == "permute_dims":
        both = tuple(x.parameters["axes"][i] for i in axes)
        return build.built("permute_dims", shape, x.operands, {"axes": both})
    return moved(build, shape, x)


def concat(build: Builder, shape: Shape, *xs: Term, axis: int) -> Term | None:
    """Of one it is that; of one number it is that number."""
    if len(xs) == 1:
        return xs[0]
    scalars = {build.unrepeated(x) for x in xs}
    one = next(iter(scalars))
    return build.repeated(one, shape) if len(scalars) == 1 and not one.shape else None


def matrix_transpose(build: Builder, shape: Shape, x: Term) -> Term | None:
    """Twice is not at all."""
    if x.number is not None:
        return build.number(x.number, shape)
    return x.operands[0] if x.operation == "matrix_transpose" else None


# ---- reductions -----------------------------------------------------------------------------------------------------


def sum(build: Builder, shape: Shape, x: Term, axis: tuple[int, ...]) -> Term | None:
    """Σ over n repetitions of s is n s; scalar factors come out."""
    inside = build.unrepeated(x)
    if not inside.shape:
        return build.repeated(build.scaled(Scalar, Fraction(_count(x, axis)), inside), shape)
    if x.operation == "multiply" and not x.operands[0].shape:
        return build.made("multiply", shape, x.operands[0], build.built("sum", shape, (x.operands[1],), {"axis": axis}))
    return None


def mean(build: Builder, shape: Shape, x: Term, axis: tuple[int, ...], count: int) -> Term | None:
    """Of repetitions of s it is s."""
    inside = build.unrepeated(x)
    return None if inside.shape or not count else build.repeated(inside, shape)


def mean_square(build: Builder, shape: Shape, x: Term, axis: tuple[int, ...], count: int) -> Term | None:
    """Of repetitions of s it is s²."""
    inside = build.unrepeated(x)
    return None if inside.shape or not count else build.repeated(build.made("square", Scalar, inside), shape)


def logsumexp(build: Builder, shape: Shape, x: Term, axis: tuple[int, ...]) -> Term | None:
    """Of n repetitions of s it is s + log n."""
    inside, count = build.unrepeated(x), _count(x, axis)
    if inside.shape or not count:
        return None
    size = build.made("log", Scalar, build.number(Fraction(count))) if count > 1 else build.number(Fraction(0))
    return build.repeated(build.made("add", Scalar, inside, size), shape)


def extreme(build: Builder, shape: Shape, x: Term, axis: tuple[int, ...], counts: tuple[int, ...]) -> Term | None:
    """Of repetitions of s it is s."""
    return moved(build, shape, x)


def softmax(build: Builder, shape: Shape, x: Term, axis: tuple[int, ...], mask: Any) -> Term | None:
    """Of n repetitions of a scalar each has the share 1 / n."""
    count = _count(x, axis)
    alone = mask is None and count and not build.unrepeated(x).shape
    return build.number(Fraction(1, count), shape) if alone else None


def _count(x: Term, axis: tuple[int, ...]) -> int:
    return Shape(x.shape[i] for i in axis).size


# ---- choices and truths ---------------------------------------------------------------------------------------------


def same(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """A choice between a and a is a."""
    return build.fitted(a, shape) if a is b else None


def less(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """a < a is False."""
    return build.fitted(build.truth(False), shape) if a is b else None


def less_equal(build: Builder, shape: Shape, a: Term, b: Term) -> Term | None:
    """a <= a is True."""
    return build.fitted(build.truth(True), shape) if a is b else None


def logical_not(build: Builder, shape: Shape, p: Term) -> Term | None:
    """Of a known truth it is known."""
    return build.fitted(build.truth(not p.parameters["value"]), shape) if p.operation == "truth" else None


def logical_and(build: Builder, shape: Shape, p: Term, q: Term) -> Term | None:
    """False decides, True drops out."""
    return _connected(build, shape, p, q, decisive=False)


def logical_or(build: Builder, shape: Shape, p: Term, q: Term) -> Term | None:
    """True decides, False drops out."""
    return _connected(build, shape, p, q, decisive=True)


def _connected(build: Builder, shape: Shape, p: Term, q: Term, decisive: bool) -> Term | None:
    for known, other in ((p, q), (q, p)):
        if known.operation == "truth":
            return build.fitted(known if known.parameters["value"] is decisive else other, shape)
    return None


def where(build: Builder, shape: Shape, p: Term, a: Term, b: Term) -> Term | None:
    """A known condition, or equal branches, leave one of them."""
    if p.operation == "truth":
        return build.fitted(a if p.parameters["value"] else b, shape)
    return same(build, shape, a, b)


RULES: dict[str, Callable[..., Term | None]] = {
    "add": add,
    "subtract": subtract,
    "negative": negative,
    "multiply": multiply,
    "divide": divide,
    "pow": power,
    "matmul": matmul,
    "outer": kept,
    "affine": kept,
    "affine_rows": kept,
    "reshape": reshape,
    "broadcast_to": broadcast_to,
    "getitem": moved,
    "scatter": scatter,
    "permute_dims": permute_dims,
    "concat": concat,
    "patches": moved,
    "fold": kept,
    "stack": kept,
    "constant": kept,
    "matrix_transpose": matrix_transpose,
    "sum": sum,
    "mean": mean,
    "mean_square": mean_square,
    "logsumexp": logsumexp,
    "max": extreme,
    "min": extreme,
    "softmax": softmax,
    "log_softmax": kept,
    "cumulative_sum": kept,
    "maximum": same,
    "minimum": same,
    "less": less,
    "less_equal": less_equal,
    "equal": less_equal,
    "logical_not": logical_not,
    "logical_and": logical_and,
    "logical_or": logical_or,
    "where": where,
}
"""By operation: the builder, the shape of the result, the operands and the parameters give a simpler term, or None."""
RULES |= dict.fromkeys(having(kind="elementwise") - {*RULES}, kept)  # functions of single elements stand as they are
check_complete("matrix_form", RULES, TERMS | {"outer", "constant"})
