"""Examples: ways to call each operation, made from its line of the table, with boxes and exact points in them."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.applied import applied
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operation import Operation
from scalarspec.core.region import Box
from scalarspec.core.tensor import Tensor, Truth, elementwise, relation
from scalarspec.errors import DomainError, ScalarSpecError, ShapeError

Array = np.ndarray[Any, Any]
"""An object array of exact numbers."""
Spec = Callable[..., Tensor]
"""A way to call an operation, as a function on tensors."""

PRECISE = named_context("interval", prec=200)
"""The context that values are enclosed in: at 200 bits there are far more digits than any reading has."""
TINY = Fraction(1, 2**40)
"""How far from special numbers some points lie: so near that float32, with 24 bits, rounds those around ±1/2 and ±1 to
these, and float64 does not.
"""
SPECIAL = [Fraction(n, 2) for n in (-2, -1, 0, 1, 2)]
"""The numbers at which operations have kinks, ties, steps and edges of their domains."""
ENDS = [
    *((x, x) for x in (Fraction(0), Fraction(1, 3), Fraction(-3, 2))),
    *((x - TINY, x + TINY) for x in SPECIAL),
    *((Fraction(a), Fraction(b)) for a, b in ((-2, 3), (0, 1), (-1, 0), (1, 3), (-9, -8), (5, 7))),
    (Fraction(1, 4), Fraction(1, 3)),
    (Fraction(-1, 10), Fraction(1, 5)),
]
"""Boxes of one number: points, boxes around special numbers, boxes with ends at these, and wide ones."""
ENOUGH = 24
"""How many tuples of boxes are tried for operations of several operands: some of the 256 pairs and more triples."""


@dataclass(frozen=True, eq=False)
class Example:
    """A way to call an operation: a spec of some arguments, each with the ends of its box, exact arrays of one shape.

    apart: is the spec done on each element by itself, so that each box side by side is a case of its own? range: what
    is stated of its values, None where nothing is.
    """

    spec: Spec
    low: tuple[Array, ...]
    high: tuple[Array, ...]
    apart: bool = False
    range: tuple[float, float] | None = None

    def alone(self) -> Iterator[Example]:
        """Each box as an example by itself."""
        for i in range(len(self.low[0])):
            low, high = (tuple(x[i : i + 1] for x in ends) for ends in (self.low, self.high))
            yield Example(self.spec, low, high, apart=True, range=self.range)

    @property
    def names(self) -> list[str]:
        """Names for the parameters, made up."""
        return [f"x{i}" for i in range(len(self.low))]

    @cached_property
    def named(self) -> Spec:
        """The spec with parameters of these names."""
        return _with_parameters(self.spec, self.names)

    @cached_property
    def points(self) -> list[tuple[Array, ...]]:
        """Exact arguments in the boxes: the ends, the middles, near special numbers, and some others."""
        rng = random.Random(0)
        places = [Fraction(0), Fraction(1), Fraction(1, 2), *(Fraction(rng.randrange(1 << 20), 1 << 20) for _ in "abc")]
        ends = list(zip(self.low, self.high, strict=True))
        inside = [tuple(np.asarray(lo + place * (hi - lo), dtype=object) for lo, hi in ends) for place in places]
        pairs = [(s, d) for s in SPECIAL for d in (-TINY, 0, TINY)]
        near = [tuple(_clipped(s + d, lo, hi) for lo, hi in ends) for s, d in pairs]
        return inside + near

    @cached_property
    def values(self) -> list[tuple[Array, Array] | None]:
        """The ends of the values at the points; None where there is none."""
        return [value_at(self.spec, PRECISE, point) for point in self.points]

    def known(self) -> Iterator[tuple[tuple[Array, ...], tuple[Array, Array]]]:
        """The points at which there is a value, with its ends."""
        return ((p, v) for p, v in zip(self.points, self.values, strict=True) if v is not None)

    def vary(self) -> dict[str, Box]:
        """The boxes by parameter, as `bounds` takes them."""
        return {n: Box(lo, hi) for n, lo, hi in zip(self.names, self.low, self.high, strict=True)}


def _with_parameters(spec: Spec, names: Sequence[str]) -> Spec:
    """The spec with these names of parameters in its signature."""

    def named(*args: Any) -> Tensor:
        return spec(*args)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    return named


def _clipped(x: Fraction, low: Array, high: Array) -> Array:
    """x moved into each box."""
    return np.asarray(np.minimum(np.maximum(np.full(low.shape, x, dtype=object), low), high), dtype=object)


def value_at(spec: Spec, context: Context[Any], point: Sequence[Array]) -> tuple[Array, Array] | None:
    """The ends of a spec at an exact point; None where it has no value. Raises Misshapen for a shape it has not."""
    try:
        found = spec(*(context.tensor(x) for x in point))
    except (DomainError, ShapeError):  # over no elements, some reductions have none
        return None
    if found.scalars().shape != found.shape:
        raise Misshapen(f"the shape is said to be {found.shape}, and is {found.scalars().shape}")
    return endpoints(found)


class Misshapen(Exception):
    """A tensor that holds an array of another shape than it says."""


# ---- examples -------------------------------------------------------------------------------------------------------


def examples(line: Operation) -> list[Example]:
    """Ways to call an operation: on boxes of one number side by side, or on small tensors of its shapes."""
    plain = line.name not in SPECS and line.kind in ("elementwise", "reduction")  # the operation alone, as it stands
    found = _of_numbers(line) if line.scalar else _of_tensors(line)
    return [replace(example, range=line.range) for example in found] if plain else found


def _of_numbers(line: Operation) -> list[Example]:
    found = [_side_by_side(spec, count) for spec, count in _scalar_specs(line)]
    return [*found, *(_of_nothing(example) for example in found)]


def _of_nothing(example: Example) -> Example:
    """The spec on no boxes at all."""
    none = tuple(x[:0] for x in example.low)
    return Example(example.spec, none, none)


def _of_tensors(line: Operation) -> list[Example]:
    shaped = SHAPED[line.name] if line.name in SHAPED else _by_kind(line)
    return [_of_shapes(spec, shapes, seed) for spec, shapes in shaped for seed in range(2)]


def _scalar_specs(line: Operation) -> list[tuple[Spec, int]]:
    """Specs that are done on each element, and how many arguments they have; the last ones with tied operands."""
    name, count = line.name, line.operands or 0
    if line.kind == "relation":
        return [(lambda x, y: f.where(relation(name, x, y), x, y * 2), 2), (lambda x: _indicator(name, x, x), 1)]
    if line.kind == "connective":
        return [(lambda x, y: f.where(_connected(name, line, x, y), x + 1, y), 2)]
    if line.kind == "choice":
        return [(lambda x, y: _chosen(name, x, y), 2)]
    tied: list[tuple[Spec, int]] = [(lambda x: elementwise(name, *[x] * count), 1)] if count > 1 else []
    return SPECS.get(name) or [(lambda *xs: elementwise(name, *xs), count), *tied]


def _chosen(name: str, x: Tensor, y: Tensor) -> Tensor:
    """A choice between squares by a comparison."""
    condition = x < y
    value = x.context.arrays.apply(name, condition.value, f.square(x).value, y.value)
    return Tensor(x.context, x.shape, value)


def _indicator(name: str, x: Tensor, y: Tensor) -> Tensor:
    """1 where a comparison holds, else 0."""
    return f.where(relation(name, x, y), 1, 0)


def _connected(name: str, line: Operation, x: Tensor, y: Tensor) -> Truth:
    """Two comparisons under a connective."""
    truths = [x < y, y < 1][: line.operands]
    return Truth(x.context, x.shape, x.context.arrays.apply(name, *(p.value for p in truths)))


SPECS: dict[str, list[tuple[Spec, int]]] = {
    "pi": [(lambda x: x + f.pi(x.context), 1)],
    "clip": [(lambda x: f.clip(x, "-1/2", 1), 1), (lambda x, y: f.clip(x, y - 1, y), 2)],
    "leaky_relu": [(lambda x: f.leaky_relu(x), 1), (lambda x, y: f.leaky_relu(x, f.clip(y, 0, "1/2")), 2)],
    "pow": [
        (lambda x: x**3, 1), (lambda x: x**-2, 1), (lambda x: x ** Fraction(1, 2), 1), (lambda x, y: x**y, 2),
    ],
}  # fmt: skip
"""For operations whose operands mean different things: specs, and how many arguments they have."""


def _side_by_side(spec: Spec, count: int) -> Example:
    """Boxes of one number in which the spec has values, side by side."""
    pairs = [ENDS[i : i + 1] * count for i in range(len(ENDS))]
    if count > 1:
        rng = random.Random(count)
        pairs += [[rng.choice(ENDS) for _ in range(count)] for _ in range(ENOUGH)]
    kept = [ends for ends in pairs if _defined(spec, ends)]
    low, high = (tuple(np.array([ends[k][e] for ends in kept], dtype=object) for k in range(count)) for e in (0, 1))
    return Example(spec, low, high, apart=True)


def _defined(spec: Spec, ends: Sequence[tuple[Fraction, Fraction]]) -> bool:
    """Has the spec a value on all of a box?"""
    try:
        spec(*(PRECISE.box([lo], [hi]) for lo, hi in ends))
    except DomainError:
        return False
    return True


SHAPED: dict[str, list[tuple[Spec, list[tuple[int, ...]]]]] = {
    "matmul": [
        (f.matmul, [(2, 3), (3,)]), (f.matmul, [(3,), (3, 2)]), (f.matmul, [(2, 3), (3, 2)]), (f.matmul, [(3,), (3,)]),
        (f.matmul, [(2, 0), (0,)]), (f.matmul, [(0, 2), (2,)]), (f.matmul, [(2, 1, 3), (3, 2)]),
        (f.matmul, [(2, 3), (2, 3, 1)]), (f.matmul, [(2, 1, 2), (1, 2, 2)]), (f.matmul, [(3,), (2, 3, 2)]),
        (f.matmul, [(2, 1, 3), (3,)]),
    ],
    "affine": [(f.affine, [(2, 3), (3,), (2,)]), (f.affine, [(2, 0), (0,), (2,)]), (f.affine, [(0, 2), (2,), (0,)])],
    "affine_rows": [
        (lambda w, x, b: applied("affine_rows", w, x, b, shape=(4, 2)), [(2, 3), (4, 3), (2,)]),
        (lambda w, x, b: applied("affine_rows", w, x, b, shape=(0, 2)), [(2, 3), (0, 3), (2,)]),
    ],
    "getitem": [
        (lambda x: x[1], [(3, 2)]), (lambda x: x[:, 0], [(3, 2)]), (lambda x: x[::-1], [(3,)]),
        (lambda x: x[1:1], [(3, 2)]), (lambda x: x[:, 0], [(0, 2)]), (lambda x: x[[2, 0, 2]], [(3, 2)]),
        (lambda x: x[:, [[1, 0], [1, 1]]], [(2, 2)]), (lambda x: x[[0, 1, 0], [1, 1, 1]], [(2, 2)]),
        (lambda x: x[np.array([], dtype=int)], [(3, 2)]),
    ],
    "scatter": [
        (lambda x: applied("scatter", x, index=(1,), shape=(3, 2)), [(2,)]),
        (lambda x: applied("scatter", x, index=(slice(1, 1),), shape=(3, 2)), [(0, 2)]),
    ],
    "reshape": [(lambda x: f.reshape(x, (3, 2)), [(2, 3)]), (lambda x: f.reshape(x, (0,)), [(2, 0)])],
    "matrix_transpose": [(f.matrix_transpose, [(2, 3)]), (f.matrix_transpose, [(2, 0)])],
    "broadcast_to": [
        (lambda x: f.broadcast_to(x, (2, 3)), [(3,)]), (lambda x: f.broadcast_to(x, (2, 3)), [()]),
        (lambda x: f.broadcast_to(x, (0, 3)), [(3,)]),
    ],
    "softmax": [
        (f.softmax, [(3,)]), (lambda x: f.softmax(x, axis=0), [(2, 2)]), (f.softmax, [(2, 1)]), (f.softmax, [(0, 2)]),
        (lambda x: f.softmax(x, where=[[True, False, True], [False] * 3]), [(2, 3)]),
    ],
    "log_softmax": [
        (f.log_softmax, [(3,)]), (lambda x: f.log_softmax(x, axis=0), [(2, 2)]), (f.log_softmax, [(2, 1)]),
        (f.log_softmax, [(0, 2)]),
    ],
    "rms_norm": [
        (lambda x: f.rms_norm(x, eps="1/8"), [(3,)]), (lambda x: f.rms_norm(x, axis=(0, 1), eps="1/8"), [(2, 2)]),
        (lambda x, y: f.rms_norm(x, axis=0, eps=f.square(y) + "1/8"), [(2, 3), ()]),
        (lambda x: f.rms_norm(x, eps=1), [(0, 2)]), (lambda x: f.rms_norm(x, eps=1), [(2, 0)]),
    ],
    "cumulative_sum": [
        (lambda x: f.cumulative_sum(x), [(3,)]), (lambda x: f.cumulative_sum(x, axis=0), [(3, 2)]),
        (lambda x: f.cumulative_sum(x), [(0,)]),
    ],
    "fold": [
        (lambda x: applied("fold", x, stride=(1,), dilation=(1,), size=(4,)), [(2, 3)]),
        (lambda x: applied("fold", x, stride=(2, 1), dilation=(1, 2), size=(3, 3)), [(2, 2, 2, 1, 1)]),
    ],
    "patches": [
        (lambda x: applied("patches", x, kernel=(2,), stride=(1,), dilation=(1,)), [(4,)]),
        (lambda x: applied("patches", x, kernel=(2, 2), stride=(1, 2), dilation=(2, 1)), [(2, 3, 4)]),
    ],
    "permute_dims": [
        (lambda x: f.permute_dims(x, (2, 0, 1)), [(2, 1, 3)]), (lambda x: f.permute_dims(x, (1, 2, 0)), [(0, 2, 1)]),
    ],
    "concat": [
        (lambda x, y: f.concat([x, y]), [(2,), (1,)]), (lambda x, y: f.concat([x, y], axis=1), [(2, 1), (2, 2)]),
        (lambda x, y: f.concat([x, y]), [(0,), (2,)]),
    ],
    "stack": [
        (lambda x, y: f.stack([x, y]), [(2,), (2,)]), (lambda x, y: applied("stack", x, y, axis=1), [(2, 3), (2, 3)]),
        (lambda x, y: f.stack([x, y]), [(0,), (0,)]),
    ],
}  # fmt: skip
"""For operations with parameters or shapes of their own: specs, and the shapes of their arguments."""


def _by_kind(line: Operation) -> list[tuple[Spec, list[tuple[int, ...]]]]:
    """What can be made up for reductions: over all axes, the last one, the first one, of one number, and of nothing."""
    if line.kind != "reduction":
        raise ScalarSpecError(f"conformance: say how {line.name} is called: SHAPED[{line.name!r}] = [(spec, shapes)]")

    def over(*axis: int) -> Spec:
        def reduced(x: Tensor) -> Tensor:
            counts = tuple(x.shape[i] for i in axis)
            known = {"count": math.prod(counts), "counts": counts}
            return applied(line.name, x, axis=axis, **{k: v for k, v in known.items() if k in line.parameters})

        return reduced

    some = [(over(0, 1), (2, 3)), (over(1), (2, 3)), (over(0), (2, 3)), (over(0), (1,))]
    if "counts" in line.parameters:  # of two numbers each time: over none there is no first one
        return [(spec, [shape]) for spec, shape in (*some, (over(1), (0, 2)))]
    none = [(over(0), (0,)), (over(1), (2, 0)), (over(1), (0, 2))]
    return [(spec, [shape]) for spec, shape in (*some, *none)]


def _of_shapes(spec: Spec, shapes: Sequence[tuple[int, ...]], seed: int) -> Example:
    """Small tensors of boxes; for seed 0 all boxes of a tensor are equal, so that elements tie."""
    rng = random.Random(seed)

    def ends(shape: tuple[int, ...]) -> tuple[Array, Array]:
        same = rng.choice(ENDS)
        chosen = [same if seed == 0 else rng.choice(ENDS) for _ in range(math.prod(shape))]
        found = []
        for end in (0, 1):
            array = np.empty(shape, dtype=object)
            array.reshape(-1)[:] = [each[end] for each in chosen]
            found.append(array)
        return found[0], found[1]

    pairs = [ends(shape) for shape in shapes]
    return Example(spec, tuple(lo for lo, _ in pairs), tuple(hi for _, hi in pairs))
