"""A spec as the program of a certificate: in exact constants and the few operations that `scalarspec.check` knows.

What a spec does is recorded once for all inputs of its shapes, on an outline over the rationals: what is done to
constants is worked out exactly where it is rational, and is part of the program where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any

import numpy as np

from scalarspec import check
from scalarspec.bounding.bilinear_operations import forward
from scalarspec.bounding.domain import Domain
from scalarspec.certificates.lowered import KNOWN, Recorded
from scalarspec.core.lifting import replaced, tensors_in
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotExact, NotSupported
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, TapeArrays
from scalarspec.tracing.trace import trace

Array = np.ndarray[Any, Any]
Entry = dict[str, Any]


@dataclass(frozen=True)
class Program:
    """The entries of a certificate's program, by value; the places of inputs, by path, and of the result."""

    entries: list[Entry]
    inputs: dict[str, int]
    result: int
    shape: Shape


def program_of(domain: Domain) -> Program:
    """The program of a spec over one box. Raises NotSupported, by name, for an operation that the checker lacks, for a
    spec that looks at single numbers, and for a box with an infinite end.
    """
    first, operands = _recorded(domain, ())
    if all(v is None for v in operands):
        return first
    at_middle = check.Part(check.compiled(_at_middle(first.entries)), {}, {})
    for _ in range(first.result + 1):
        at_middle.reach()
    ranges = [[] if v is None else at_middle.ranges[v] for v in operands]
    return _recorded(domain, [max(range(len(each)), key=lambda i: each[i], default=0) for each in ranges])[0]


def _recorded(domain: Domain, largest: Sequence[int]) -> tuple[Program, list[int | None]]:
    """The program, and the places of the operands of logsumexp, of which these elements are taken for the largest; None
    of one that the result does not depend on.
    """
    rational = named_context("rational")
    finite = {path: _finite(path, low, high) for path, (low, high) in domain.ends.items()}
    points = {path: rational.tensor(low) for path, (low, _) in finite.items()}
    tape = Recorded(rational, shared=True, largest=largest)
    try:
        done = trace(tape, domain.spec, _on_tape(tape, domain.having(rational, points), points), [*points.values()])
    except NotExact as error:
        raise NotSupported(f"certificate: the checker knows exact constants alone: {error}") from error
    writer = _Writer(tape.arrays)
    for path, x in zip(points, done.inputs, strict=True):
        low, high = (integers(np.ravel(end)) for end in finite[path])
        writer.add(x, {"operation": "input", "name": path, "shape": [*x.shape], "lower": low, "upper": high})
    needed = _needed(done.equations, done.result)
    for eqn in done.equations:
        if eqn in needed:
            writer.write(eqn)
    result = writer.place(done.result)
    inputs = {path: writer.places[x] for path, x in zip(points, done.inputs, strict=True)}
    exponents = [writer.places.get(x) for x in tape.arrays.exponents]
    return Program(writer.entries, inputs, result, done.result.shape), exponents


def _on_tape(tape: Recorded, args: list[Any], points: Mapping[str, Tensor]) -> list[Any]:
    """The arguments, with what does not vary as constants of the tape: it works out what is done to these alone."""
    varied = {id(t) for t in points.values()}
    fixed = {id(t): tape.constant(t) for t in tensors_in(args) if id(t) not in varied}
    return replaced(args, fixed)


def _at_middle(entries: Sequence[Entry]) -> list[Entry]:
    """The same program at the middle of the box."""

    def middle(entry: Entry) -> Entry:
        ends = zip(check.exact(entry["lower"]), check.exact(entry["upper"]), strict=True)
        numbers = integers([(low + high) / 2 for low, high in ends])
        return {**entry, "lower": numbers, "upper": numbers}

    return [middle(entry) if entry["operation"] == "input" else entry for entry in entries]


def _finite(path: str, low: Array, high: Array) -> tuple[Array, Array]:
    """The exact ends of a box. Raises NotSupported where one is infinite."""
    if any(isinstance(x, float) for end in (low, high) for x in np.ravel(end)):
        raise NotSupported(f"certificate: expected a bounded box, got an infinite end of {path!r}")
    return low, high


def _needed(equations: Sequence[Equation], result: Traced) -> set[Equation]:
    """The equations that the result depends on."""
    found, asked = set(), {result}
    for eqn in reversed(equations):
        if eqn.result in asked:
            found.add(eqn)
            asked.update(eqn.operands)
    return found


def integers(numbers: Iterable[Any]) -> Entry:
    """Exact numbers as the checker reads them: integers times a power of 2, over a denominator."""
    numbers = [*numbers]
    below = math.lcm(*(x.denominator >> _twos(x.denominator) for x in numbers))
    power = max([_twos(x.denominator) for x in numbers], default=0)
    scaled = [x.numerator * (below << power) // x.denominator for x in numbers]
    common = min([_twos(x) for x in scaled if x], default=0)
    entry = {"exponent": common - power, "integers": [x >> common for x in scaled]}
    return entry if below == 1 else {**entry, "denominator": below}


def _twos(x: int) -> int:
    """How often 2 divides a number."""
    return (x & -x).bit_length() - 1


class _Writer:
    """Writes equations as entries."""

    def __init__(self, arrays: TapeArrays) -> None:
        self.arrays = arrays
        self.entries: list[Entry] = []
        self.places: dict[Traced, int] = {}

    def add(self, x: Traced | None, entry: Entry) -> int:
        """One more entry, for a value if there is one; its place."""
        self.entries.append(entry)
        if x is not None:
            self.places[x] = len(self.entries) - 1
        return len(self.entries) - 1

    def place(self, x: Traced) -> int:
        """Where a value is; a constant is written when it is asked for."""
        if x not in self.places:
            numbers = [Fraction(each) for each in np.ravel(self.arrays.unpack(x))]
            self.add(x, {"operation": "constant", "shape": [*x.shape], "lower": integers(numbers)})
        return self.places[x]

    def write(self, eqn: Equation) -> None:
        """An equation as an entry, or as some. Raises NotSupported for one that the checker has no rule for."""
        if eqn.operation not in KNOWN and not OPERATIONS[eqn.operation].moves:
            raise NotSupported(f"certificate: the checker has no rule for {eqn.operation}, nor for what it is made of")
        operands, name = [self.place(x) for x in eqn.operands], eqn.operation
        head = {"operation": name, "operands": operands, "shape": [*eqn.result.shape]}
        if name in check.FUNCTIONS or name == "multiply":
            self.add(eqn.result, head)
        elif name == "matmul":
            self._write_product(eqn, head)
        else:
            named = name if name in check.LINEAR else "sum"  # of one element each, where others put them elsewhere
            self.add(eqn.result, {**head, "operation": named, "elements": elements(eqn)})

    def _write_product(self, eqn: Equation, head: Entry) -> None:
        """A product of vectors or matrices; of more axes, each of the matrices, side by side."""
        a, b = (x.shape for x in eqn.operands)
        transposed = eqn.parameters.get("transposed", False)
        if not a[-1]:  # sums of nothing
            self.add(eqn.result, {**head, "operation": "sum", "elements": [[]] * eqn.result.shape.size})
            return
        if len(a) < 3 and len(b) < 3:
            self.add(eqn.result, {**head, "inner": a[-1], "transposed": transposed})
            return
        many = np.broadcast_shapes(a[:-2], b[:-2])
        as_matrices = (a if len(a) > 1 else (1, *a), b if len(b) > 1 else (*b, 1))
        sides = [np.arange(math.prod(shape)).reshape(shape) for shape in as_matrices]
        sides = [np.broadcast_to(side, (*many, *side.shape[-2:])).reshape(-1, *side.shape[-2:]) for side in sides]
        products = []
        for matrices in zip(*sides, strict=True):
            operands = [self._taken(v, m) for v, m in zip(head["operands"], matrices, strict=True)]
            shape = [matrices[0].shape[0], matrices[1].shape[1]]
            entry = {"operation": "matmul", "operands": operands, "shape": shape, "inner": a[-1], "transposed": False}
            products.append(self.add(None, entry))
        whole = {"operation": "stack", "operands": products, "shape": head["shape"]}
        self.add(eqn.result, {**whole, "elements": [[k] for k in range(eqn.result.shape.size)]})

    def _taken(self, v: int, places: Array) -> int:
        """An entry of some elements of a value."""
        shown = {"shape": [*places.shape], "elements": places.reshape(-1, 1).tolist()}
        return self.add(None, {"operation": "getitem", "operands": [v], **shown})


def elements(eqn: Equation) -> Any:
    """For each element of a linear operation's result the elements of its operands, side by side, whose sum it is (for
    "mean": whose mean).
    """
    name, shapes = eqn.operation, [x.shape for x in eqn.operands]
    ends = [0, *accumulate(shape.size for shape in shapes)]
    places = [start + np.arange(shape.size).reshape(shape) for start, shape in zip(ends, shapes, strict=False)]
    if name in ("add", "subtract"):
        pairs = np.broadcast_arrays(*places)
        return np.stack([np.ravel(side) for side in pairs], axis=1).tolist()
    if name == "negative":
        return places[0].reshape(-1, 1).tolist()
    if name in ("sum", "mean"):
        axes = eqn.parameters["axis"]
        kept = [i for i in range(places[0].ndim) if i not in axes]
        count = math.prod(shapes[0][i] for i in axes)
        return places[0].transpose(*kept, *axes).reshape(eqn.result.shape.size, count).tolist()
    if OPERATIONS[name].moves:
        moved = forward(name, [1.0 + place[None, None] for place in places], eqn.parameters)
        found = np.broadcast_to(moved, (1, 1, *eqn.result.shape)).astype(np.int64).ravel().tolist()
        return [[each - 1] if each else [] for each in found]
    units = np.eye(shapes[0].size).reshape(1, shapes[0].size, *shapes[0])
    matrix = forward(name, [units], eqn.parameters).reshape(shapes[0].size, eqn.result.shape.size)
    return [np.flatnonzero(column).tolist() for column in matrix.T]
