"""Laws of agreement with the exact rational result of the same operation on rational operands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from scalarspec import loss
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor, elementwise, relation
from scalarspec.laws.agreement import agree, lifted, points, square_scale
from scalarspec.laws.exact_values import RATIONAL, arity_of, known
from scalarspec.laws.law import Law, LawViolation

RELATIONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "equal": lambda x, y: x == y,
}


GROUPS: dict[str, tuple[Callable[..., Tensor], Callable[..., list[Fraction]]]] = {
    "sum": (lambda *t: f.sum(f.stack(t)), lambda *x: [sum(x)]),
    "mean": (lambda *t: f.mean(f.stack(t)), lambda *x: [sum(x) / 6]),
    "mean_square": (lambda *t: f.mean_square(f.stack(t)), lambda *x: [sum(v * v for v in x) / 6]),
    "sum over rows": (lambda *t: f.sum(_matrix(t), axis=0), lambda a, b, c, d, e, g: [a + d, b + e, c + g]),
    "mean over columns": (lambda *t: f.mean(_matrix(t), axis=1), lambda *x: [sum(x[:3]) / 3, sum(x[3:]) / 3]),
    "dot": (lambda *t: f.dot(f.stack(t[:3]), f.stack(t[3:])), lambda a, b, c, d, e, g: [a * d + b * e + c * g]),
    "matmul": (
        lambda *t: f.matmul(f.reshape(f.stack(t[:4]), (2, 2)), f.stack(t[4:])),
        lambda a, b, c, d, e, g: [a * e + b * g, c * e + d * g],
    ),
    "affine": (
        lambda *t: f.affine(f.reshape(f.stack(t[:2]), (1, 2)), f.stack(t[2:4]), f.stack(t[4:5])),
        lambda a, b, c, d, e, g: [a * c + b * d + e],
    ),
    "outer": (
        lambda *t: f.outer(f.stack(t[:2]), f.stack(t[4:])),
        lambda a, b, c, d, e, g: [a * e, a * g, b * e, b * g],
    ),
    "matrix_transpose": (lambda *t: f.matrix_transpose(_matrix(t)), lambda a, b, c, d, e, g: [a, d, b, e, c, g]),
    "where": (
        lambda a, b, c, d, e, g: f.where(f.stack([a, b]) < c, d, f.stack([e, g])),
        lambda a, b, c, d, e, g: [d if a < c else e, d if b < c else g],
    ),
    "logic": (
        lambda a, b, c, d, e, g: f.where(((a < b) & (c < d)) | ~(e < g), a, b),
        lambda a, b, c, d, e, g: [a if (a < b and c < d) or not e < g else b],
    ),
    "mse": (lambda *t: loss.mse(f.stack(t[:3]), f.stack(t[3:])), lambda *x: [_squares(x) / 3]),
    "hinge": (
        lambda *t: loss.hinge(f.stack(t[:3]), f.stack(t[3:])),
        lambda *x: [sum(max(1 - x[i] * x[i + 3], Fraction(0)) for i in range(3)) / 3],
    ),
}


def _matrix(tensors: Sequence[Tensor]) -> Tensor:
    return f.reshape(f.stack(tensors), (2, 3))


def _squares(x: Sequence[Fraction]) -> Fraction:
    return sum(((x[i] - x[i + 3]) ** 2 for i in range(3)), Fraction(0))


def rational_laws() -> Iterator[Law]:
    """One law for each operation, relation and composition that is rational at rational operands."""
    for name in RATIONAL:
        yield Law("rational", name, arity_of(name), _rational_check(name))
    for name, relate in RELATIONS.items():
        yield Law("rational", name, 2, _relation_check(name, relate))
    for name, (evaluate, exact) in GROUPS.items():
        yield Law("rational", f"{name} of several", 6, _group_check(name, evaluate, exact))
    yield Law("rational", "integer powers", 1, _powers)


def _rational_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        exact = known(name, operands)
        agree(elementwise(name, *lifted(context, operands)), [exact], abs(exact[0]), name)

    return check


def _relation_check(name: str, relate: Callable[[Fraction, Fraction], bool]) -> Callable[..., None]:
    def check(context: Context[Any], x: Fraction, y: Fraction) -> None:
        for a, b in ((x, y), (x, x)):
            if bool(relation(name, *lifted(context, (a, b)))) is not relate(a, b):
                raise LawViolation(f"{name}({a}, {b}) is not {relate(a, b)}")

    return check


def _group_check(
    name: str, evaluate: Callable[..., Tensor], exact: Callable[..., list[Fraction]]
) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        scale = square_scale(operands)
        agree(evaluate(*lifted(context, operands)), points(exact(*operands)), scale, name)

    return check


def _powers(context: Context[Any], x: Fraction) -> None:
    for n in (0, 1, 2, 3, 5, -1, -2):
        if x != 0 or n >= 0:
            agree(f.pow(context.tensor(x), n), points([x**n]), abs(x**n), f"pow({x}, {n})")
