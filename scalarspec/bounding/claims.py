"""Claims: specs whose value is a truth, such as `loss(model, x) <= 1`, or of which outputs are to lie between limits.

A claim is seen as a spec of margins, numbers that ordinary bounds can be found of, and a `Formula` that says what it
says of them. Where both sides of a comparison are one number, because the same operations made them of the same
operands, element by element, the margin is known to be exactly 0, whatever bounds make of the difference.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding.contexts import FLOAT
from scalarspec.bounding.formula import CONNECTIVES, Formula, Node, side_by_side
from scalarspec.bounding.formula_nodes import Comparison, Given, Joined, Relation
from scalarspec.core.arguments import call, spec_name, value_of
from scalarspec.core.domains import leniently
from scalarspec.core.lifting import replaced, tensors_in
from scalarspec.core.nested import Nested
from scalarspec.core.operations import OPERATIONS, check_complete, having, result_shape
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.errors import ArgumentError, ContextMismatch, NotSupported, Undecided
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Tape, TapeArrays

Array = np.ndarray[Any, Any]
Spec = Callable[..., Tensor]

RELATIONS: dict[str, Relation] = {"less": "above", "less_equal": "at least", "equal": "equal"}
"""What each comparison of a and b says of b - a, where the limit is 0."""
check_complete("claims", RELATIONS, having(kind="relation"))
COMMUTING = ("add", "multiply")
"""Of whose operands the order is of no account."""
LARGEST = "that element k of y = f(x) is the largest is written (y <= y[k]).all(), without argmax"
"""What is said of a claim by argmax: that is an integer, whose comparison is no comparison of numbers that vary."""


@dataclass(frozen=True, eq=False)
class Claim:
    """What is claimed, in one form.

    formula: what it says; margins: the spec of the numbers that it says this of; weakest: the spec of the margins of
    its parts, of which one is negative where the claim fails: what to look for to refute it.
    """

    formula: Formula
    margins: Spec
    weakest: Spec


def comparisons(claim: Callable[..., Any], args: Sequence[Any]) -> Claim:
    """A spec whose value is made of comparisons, as it is at arguments in an enclosing context, boxes among them.

    Raises ArgumentError for a spec whose value is anything else, Undecided where it looks at a truth that these boxes
    do not decide.
    """
    try:
        with leniently():  # what is compared does not depend on where there are values
            formula = _traced(claim, args).formula()
    except Undecided as error:
        raise Undecided(
            f"claim {spec_name(claim)}: {error}; a claim joins comparisons by &, | and ~, not by and, or, not, nor as "
            f"a <= b <= c, for which Python asks whether the first one holds; {LARGEST}"
        ) from error
    return Claim(formula, _Margins(claim, formula, False), _Margins(claim, formula, True))


def between(spec: Spec, args: Sequence[Any], low: Fraction | None, high: Fraction | None) -> Claim:
    """That the outputs of a spec are at least `low` and at most `high`, as far as these are numbers."""
    shape = call(spec, args, common_context(spec_name(spec), tensors_in(list(args)))).shape
    limits: list[tuple[Relation, Fraction | None]] = [("at least", low), ("at most", high)]
    nodes: list[Node] = [
        Comparison(relation, slice(0, shape.size), shape, limit) for relation, limit in limits if limit is not None
    ]
    parts = tuple(range(len(nodes)))
    if len(nodes) == 2:
        nodes.append(Joined("logical_and", (0, 1), {}))
    formula = Formula(tuple(nodes), len(nodes) - 1, parts, shape)
    return Claim(formula, spec, _Weakest(spec, formula))


class _Wrapped:
    """A spec made of another one; a class, so that it can be sent to a worker where the other can."""

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Callable[..., Any], *how: Any) -> None:
        functools.update_wrapper(self, spec)
        self.spec, self.how = spec, how
        self.__signature__ = inspect.signature(spec)

    def __reduce__(self) -> Any:
        return type(self), (self.spec, *self.how)


class _Weakest(_Wrapped):
    """The margins of the parts of a claim about the outputs of a spec."""

    def __call__(self, *args: Any) -> Tensor:
        (formula,) = self.how
        y = call(self.spec, args, common_context(spec_name(self.spec), tensors_in(list(args))))
        margins: Tensor = formula.margin(y)
        return margins


class _Margins(_Wrapped):
    """The margins of a claim made of comparisons, or of its parts. Raises NotSupported where the claim is made of other
    ones than the formula says.
    """

    def __call__(self, *args: Any) -> Tensor:
        formula, weakest = self.how
        traced = _traced(self.spec, args)
        if traced.formula(alike=False) != formula:
            raise NotSupported(f"claim {spec_name(self.spec)}: it is made of other comparisons in other places")
        margins = traced.margins
        return formula.margin(margins) if weakest else margins


# ---- what a claim is made of ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _ClaimTape(Tape):
    """A tape on which constants are values like others, one for each, so that whatever is compared is recorded, and
    equal operations on equal operands are one.
    """

    @cached_property
    def arrays(self) -> _ClaimArrays:
        """The arrays that record."""
        return _ClaimArrays(self)

    def constant(self, t: Nested) -> Any:
        """A tensor or truth of the context inside."""
        return type(t)(self, t.shape, self.arrays.standing(t.shape, t.value))


class _ClaimArrays(TapeArrays):
    """Arrays that hold each constant once."""

    def __init__(self, context: Tape) -> None:
        super().__init__(context)
        self._standing: dict[Any, Traced] = {}

    def standing(self, shape: Shape, value: Any) -> Traced:
        """What stands for a value inside, the same for the same: it is kept, so that its identity tells."""
        core = value
        while isinstance(core, Traced) and core.constant:
            core = core.value
        return self._standing.setdefault((id(core), tuple(shape)), Traced(shape, value))

    def data(self, array: Array) -> Traced:
        """Numbers from outside, the same for equal ones: they are exact."""
        content = tuple(array.flat) if array.dtype == object else array.tobytes()
        key = (array.shape, str(array.dtype), content)
        if key not in self._standing:
            self._standing[key] = Traced(Shape(array.shape), self.inner.data(array))
        return self._standing[key]

    def pack(self, scalars: Array) -> Traced:
        """Scalars of the context inside."""
        return Traced(Shape(scalars.shape), self.inner.pack(scalars))


@dataclass(frozen=True, eq=False)
class _TracedClaim:
    """A claim as it was recorded: the value that it ends with, and the equations that make truths of which it is
    made.
    """

    name: str
    tape: _ClaimTape
    result: Traced
    truths: list[Equation]

    @cached_property
    def pairs(self) -> list[tuple[Traced, Traced]]:
        """What is compared with what, each pair once, whatever the order and the comparison."""
        found: dict[tuple[Traced, Traced], None] = {}
        for eqn in self.truths:
            a, b = (*eqn.operands, *eqn.operands)[:2]
            if eqn.operation in RELATIONS and (b, a) not in found:
                found[a, b] = None
        return list(found)

    @cached_property
    def margins(self) -> Tensor:
        """The second of each pair less the first, side by side."""
        inner = self.tape.inner
        tensors = [Tensor(inner, b.shape, b.value) - Tensor(inner, a.shape, a.value) for a, b in self.pairs]
        return side_by_side(tensors) if tensors else inner.tensor(np.zeros(0))

    def formula(self, alike: bool = True) -> Formula:
        """What it says of its margins. alike: is it asked which of them are the difference of a number and itself?"""
        compared = self._compared(alike)
        places = {x: i for i, x in enumerate(self._values())}
        nodes: list[Node] = []
        for x in places:
            eqn = self._made.get(x)
            if eqn is None:
                nodes.append(self._given(x))
            elif eqn.operation in RELATIONS:
                a, b = eqn.operands
                known = compared.get((a, b))
                nodes.append(_comparison(RELATIONS[eqn.operation], *(known or compared[b, a]), turned=known is None))
            else:
                nodes.append(Joined(eqn.operation, tuple(places[y] for y in eqn.operands), eqn.parameters))
        shapes = [shape for _, shape, _ in compared.values()]
        margins = shapes[0] if len(shapes) == 1 else Shape((sum(shape.size for shape in shapes),))
        return Formula(tuple(nodes), places[self.result], tuple(self._parts(places)), margins)

    def _compared(self, alike: bool) -> dict[tuple[Traced, Traced], tuple[slice, Shape, Array | None]]:
        """For each pair the place of its margins among all, their shape, and which are of one number and itself."""
        labels = _labels(self.tape.arrays.equations, [x for pair in self.pairs for x in pair]) if alike else {}
        found: dict[tuple[Traced, Traced], tuple[slice, Shape, Array | None]] = {}
        start = 0
        for a, b in self.pairs:
            shape = result_shape("subtract", [a.shape, b.shape], {})
            same = np.broadcast_to(np.equal(labels[a], labels[b]), shape) if alike else None
            found[a, b] = (slice(start, start + shape.size), shape, same)
            start += shape.size
        return found

    @cached_property
    def _made(self) -> dict[Traced, Equation]:
        return {eqn.result: eqn for eqn in self.truths}

    def _values(self) -> Iterator[Traced]:
        """The truths, those that nothing here made first, each after those that it is made of."""
        joined = [eqn for eqn in self.truths if eqn.operation not in RELATIONS]
        used = dict.fromkeys([x for eqn in joined for x in eqn.operands] + [self.result])
        yield from (x for x in used if x not in self._made)
        yield from (eqn.result for eqn in self.truths)

    def _given(self, x: Traced) -> Given:
        """A truth that is known. Raises Undecided where it is not, NotSupported where it cannot be looked at."""
        inner = self.tape.inner
        return Given(tuple(inner.decide(p) for p in inner.arrays.unpack(x.value).flat), x.shape)

    def _parts(self, places: dict[Traced, int]) -> Iterator[int]:
        """The nodes whose conjunction it is."""
        waiting = [self.result]
        while waiting:
            x = waiting.pop()
            eqn = self._made.get(x)
            if eqn is not None and eqn.operation == "logical_and":
                waiting += reversed(eqn.operands)
            else:
                yield places[x]


TURNED: dict[Relation, Relation] = {"above": "below", "at least": "at most", "equal": "equal"}
"""What is said of a - b, of b - a."""


def _comparison(relation: Relation, place: slice, shape: Shape, same: Array | None, turned: bool) -> Comparison:
    return Comparison(TURNED[relation] if turned else relation, place, shape, same=same)


def _traced(claim: Callable[..., Any], args: Sequence[Any]) -> _TracedClaim:
    """A claim at arguments. Raises ArgumentError where its value is no truth made of comparisons."""
    found = tensors_in(list(args))
    inner = common_context(spec_name(claim), found)
    tape = _ClaimTape(inner, shared=True)
    outer = {id(t): tape.variable(t) for t in found if t.context == inner}  # others are constants
    truth = value_of(claim, replaced(list(args), outer), inner)
    if not isinstance(truth, Truth):
        known = isinstance(truth, bool | np.bool_ | np.ndarray)
        advice = f", which compares no tensors; {LARGEST}" if known else "; or say at_most or at_least"
        what = f"got {type(truth).__name__}{advice}"
        raise ArgumentError(f"claim {spec_name(claim)}: expected a comparison such as f(x) <= 1, {what}")
    if truth.context not in (tape, inner):
        raise ContextMismatch(f"claim {spec_name(claim)}: expected a comparison in {inner}, got one in {truth.context}")
    result = (truth if truth.context == tape else tape.constant(truth)).value
    return _TracedClaim(spec_name(claim), tape, result, _truths(tape, result, spec_name(claim)))


def _truths(tape: _ClaimTape, result: Traced, name: str) -> list[Equation]:
    """The equations that make the truths of which one is made, comparisons among them, in order."""
    made = {eqn.result: eqn for eqn in tape.arrays.equations}
    found, waiting = set(), [result]
    while waiting:
        x = waiting.pop()
        if x in found or x not in made:
            continue
        found.add(x)
        eqn = made[x]
        line = OPERATIONS[eqn.operation]
        if eqn.operation in CONNECTIVES or line.moves:
            waiting += eqn.operands
        elif eqn.operation not in RELATIONS:
            raise ArgumentError(f"claim {name}: expected a truth made of comparisons, got one of {eqn.operation}")
    return [eqn for eqn in tape.arrays.equations if eqn.result in found]


# ---- which numbers are one ------------------------------------------------------------------------------------------


def _labels(equations: Sequence[Equation], wanted: Sequence[Traced]) -> dict[Traced, Array]:
    """For some values a label of each element: equal only where the elements are one number, whatever the inputs are.

    What only moves elements moves the labels, and beside them puts 0, the label of a zero; what is done to each element
    by itself has a label for each operation and labels of operands. All other values have labels of their own.
    """
    seen = _looked_through(equations, wanted)
    labels: dict[Traced, Array] = {}
    known: dict[tuple[Any, ...], int] = {}

    def own(x: Traced) -> Array:
        each = [known.setdefault((x, k), len(known) + 1) for k in range(x.shape.size)]
        return np.array(each, dtype=np.int64).reshape(x.shape)

    for eqn in equations:
        if eqn.result not in seen:
            continue
        operands = [labels[x] if x in labels else own(x) for x in eqn.operands]
        if OPERATIONS[eqn.operation].moves:
            floats = [x.astype(np.float64) for x in operands]
            moved = FLOAT.arrays.apply(eqn.operation, *floats, **eqn.parameters)
            labels[eqn.result] = np.asarray(moved).astype(np.int64)
        else:
            order = sorted if eqn.operation in COMMUTING else list
            rows = zip(*(x.flat for x in np.broadcast_arrays(*operands)), strict=True)
            each = [known.setdefault((eqn.operation, *order(row)), len(known) + 1) for row in rows]
            labels[eqn.result] = np.array(each, dtype=np.int64).reshape(eqn.result.shape)
    return labels | {x: own(x) for x in wanted if x not in labels}


def _looked_through(equations: Sequence[Equation], wanted: Sequence[Traced]) -> set[Traced]:
    """The values among the wanted ones, and those that they are made of, whose elements are made of single elements."""
    made = {eqn.result: eqn for eqn in equations}
    found: set[Traced] = set()
    waiting = list(wanted)
    while waiting:
        x = waiting.pop()
        line = None if x not in made else OPERATIONS[made[x].operation]
        if x not in found and line is not None and made[x].operands and (line.moves or line.scalar):
            found.add(x)
            waiting += made[x].operands
    return found
