"""Steps of a plan: its equations, where chains of linear ones are one layer each, and what nothing needs is left out.

A pass meets a layer once, as a product of matrices, whatever the spec does between two curved functions: that is what
makes it quick. The matrices are found by sending unit rows backwards through the chain.

Rounding, with u = 2^-53. An element of a matrix is a sum over the ways through the chain. Each equation multiplies the
relative error of what it is handed by 1 + (n + 6) u at most, n the most terms of a sum there: n sums and products, and
4 u for factors that are known but for their last places. So with γ = Σ (n + 6) u over the equations, less than 1/16,
what floats make of an element is off by at most 1.07 γ times the sum of the sizes of the ways. That sum is what the
same rows give with all signs left out, in floats at least 1 - 1.07 γ > 0.93 of itself: 1.25 γ pays for both. No
product underflows: the smallest factors of all equations, multiplied, are above 2^-MOST_DEPTH, and so is every way that
is not 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from scalarspec.bounding import bilinear_operations
from scalarspec.bounding.shares import Shares
from scalarspec.core.operations import OPERATIONS
from scalarspec.numbers.elementary import U
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
SMALL = 1 << 12
"""A layer of so many numbers is made of any chain; a larger one where it has at most twice those of its factors."""
RATE = 1.25 * U
"""What is charged for a term of an equation."""
MOST_RATE = 1 / 16
"""The largest γ that the derivation above has."""
MOST_SIZE = 2.0**100
"""The largest size of an element of a matrix."""
MOST_DEPTH = 900
"""How many powers of two the smallest factors of a chain may take off together."""


@dataclass(frozen=True, eq=False)
class Layer:
    """result = Σ matrices[k] operands[k] + bias, all flat, but for rate times the same with sizes for matrices.

    matrices, magnitudes, sizes: for each operand an array (elements of the result, elements of the operand), its
    absolute values, and the size of the sum that each element is, if all its terms had one sign: 0 only where there
    are none; bias, bias_size: (elements of the result,); chain: the equations, in order.
    """

    result: Traced
    operands: tuple[Traced, ...]
    matrices: tuple[Array, ...]
    magnitudes: tuple[Array, ...]
    sizes: tuple[Array, ...]
    bias: Array
    bias_size: Array
    rate: float
    chain: tuple[Equation, ...]

    @cached_property
    def terms(self) -> int:
        """At least the most terms of a sum, forwards or backwards."""
        columns = sum(int(matrix.shape[1]) for matrix in self.matrices)
        return max(len(self.bias), columns) + len(self.matrices) + 1

    @cached_property
    def spreads(self) -> bool:
        """Is an element of the result made of several elements?"""
        return bool(np.any(sum(np.count_nonzero(matrix, axis=1) for matrix in self.matrices) > 1))


Step = Equation | Layer


class Equations(Protocol):
    """What is looked at of a `Plan`."""

    result: Traced

    @property
    def equations(self) -> Sequence[Equation]:
        """What is done, in order."""

    @property
    def composites(self) -> Mapping[Traced, Equation]:
        """By a value, an operation that others stand for."""

    @property
    def shares(self) -> Mapping[Traced, Shares]:
        """By a value, the shares that it is."""

    @property
    def made(self) -> Mapping[Traced, Equation]:
        """The equation that makes each value."""

    @property
    def place(self) -> Mapping[Traced, int]:
        """Where among the equations each value is made."""

    @property
    def input_places(self) -> Collection[Traced]:
        """The inputs."""

    def linear(self, eqn: Equation) -> bool:
        """Is the operation linear in what is not known?"""

    def known(self, x: Traced) -> bool:
        """Is it a constant that is known but for a few last places?"""

    def number(self, x: Traced) -> Array:
        """About the number that a constant is, with an axis of one box."""

    def factors(self, eqn: Equation) -> list[Array]:
        """About the numbers that a linear equation multiplies by."""


def steps_of(plan: Equations) -> dict[int, Step]:
    """The steps of a plan, in order, by the place of the equation that makes the result of each."""
    wanted, found, truths = {plan.result}, {}, _truths(plan)
    for place in range(len(plan.equations) - 1, -1, -1):
        eqn = plan.equations[place]
        linear = plan.linear(eqn)
        if eqn.result not in wanted and not _may_fail(plan, eqn):
            continue
        step = None if eqn.result in truths or not linear or _kept(plan, eqn.result) else _layer(plan, eqn, wanted)
        found[place] = eqn if step is None else step
        wanted.update(_needed(plan, found[place]))
    return dict(sorted(found.items()))


def _kept(plan: Equations, x: Traced) -> bool:
    """Does a value stand for an operation whose own range may be the better one? A quotient's by a number is not."""
    return x in plan.composites and not plan.linear(plan.composites[x])


def _truths(plan: Equations) -> set[Traced]:
    """The values that are no numbers."""
    found: set[Traced] = set()
    for eqn in plan.equations:
        line = OPERATIONS[eqn.operation]
        if line.kind in ("relation", "connective") or (line.moves and any(x in found for x in eqn.operands)):
            found.add(eqn.result)
    return found


def _may_fail(plan: Equations, eqn: Equation) -> bool:
    """May it have no value, so that it counts although nothing is made of its result?"""
    line = OPERATIONS[eqn.operation]
    if line.graph == "quotient" and plan.known(eqn.operands[1]):
        return not np.all(plan.number(eqn.operands[1]))
    return line.kind not in ("relation", "connective") and line.graph not in ("linear", "bilinear")


def _needed(plan: Equations, step: Step) -> Iterator[Traced]:
    """The values that a step looks at."""
    yield from step.operands
    if isinstance(step, Equation):
        yield from (truths for truths, _ in step.guards)
        for truths, _ in step.guards:
            yield from _compared(plan, truths)
    if _kept(plan, step.result):
        yield from plan.composites[step.result].operands
    if step.result in plan.shares:
        yield plan.shares[step.result].x


def _compared(plan: Equations, truths: Traced) -> Iterator[Traced]:
    """The values that truths are made of."""
    eqn = plan.made.get(truths)
    if eqn is not None and OPERATIONS[eqn.operation].kind in ("relation", "connective"):
        for x in eqn.operands:
            yield x
            yield from _compared(plan, x)


def _layer(plan: Equations, eqn: Equation, wanted: set[Traced]) -> Layer | None:
    """The chain of linear equations that ends with this one as a layer; None where that would be no gain."""
    chain = _chain(plan, eqn, wanted)
    operands = [x for each in chain for x in each.operands]
    made = {each.result for each in chain}
    sources = tuple(dict.fromkeys(x for x in operands if not x.constant and x not in made))
    empty = not all(x.shape.size for x in (eqn.result, *sources))
    if not sources or empty or _too_large(chain, sources) or not all(plan.known(x) for x in operands if x.constant):
        return None
    if not all(each.operation in bilinear_operations.COTANGENTS for each in chain):
        return None  # a pass that comes by refuses it by name
    if not _multiplies(chain) and all(x in plan.input_places for x in sources):
        return None  # as it is, its ends may be exact
    rate = sum(RATE * (_terms(each) + 6) for each in chain)
    begun = _affine(plan, chain)
    as_it_is = begun is not None and begun.done == len(chain)  # its weights are the matrix: nothing is multiplied
    alone = as_it_is or (len(chain) == 1 and len(set(operands)) == len(operands))  # else terms may cancel
    with np.errstate(all="ignore"):  # what overflows is too large
        matrices, bias = _sent_back(plan, chain, begun, signed=True)
        signless = {x: np.abs(matrix) for x, matrix in matrices.items()}, np.abs(bias)
        sizes, bias_size = signless if alone else _sent_back(plan, chain, begun, signed=False)
        depth = 0.0 if as_it_is else _depth(plan, chain)
    if (
        rate > MOST_RATE
        or depth >= MOST_DEPTH
        or not all(np.all(each < MOST_SIZE) for each in (*sizes.values(), bias_size))
    ):
        return None
    signed, magnitudes, largest = (tuple(each[x] for x in sources) for each in (matrices, signless[0], sizes))
    return Layer(eqn.result, sources, signed, magnitudes, largest, bias, bias_size, rate, chain[::-1])


class _Affine(NamedTuple):
    """What a chain ends with: matrix x + bias, both known, of a value x; and how many equations say that.

    matrix: (elements of the result, elements of x); bias: (elements of the result,).
    """

    x: Traced
    matrix: Array
    bias: Array
    done: int


def _affine(plan: Equations, chain: Sequence[Equation]) -> _Affine | None:
    """What a chain ends with, where that is a layer of weights which are known: unit rows of it need no product."""
    last = chain[0]
    if last.operation == "affine" and all(map(plan.known, last.operands[::2])):
        matrix, bias = (plan.number(each)[0] for each in last.operands[::2])
        return _Affine(last.operands[1], matrix, bias, 1)
    if last.operation == "matmul":
        return _product(plan, last, np.zeros(last.result.shape.size), 1)
    if last.operation != "add" or len(chain) == 1 or chain[1].operation != "matmul":
        return None
    added = [x for x in last.operands if x is not chain[1].result]
    if len(added) != 1 or not plan.known(added[0]):
        return None
    bias = np.broadcast_to(plan.number(added[0])[0], last.result.shape)
    return _product(plan, chain[1], bias.reshape(-1), 2)


def _product(plan: Equations, eqn: Equation, bias: Array, done: int) -> _Affine | None:
    """A product of a vector with a matrix of known numbers, as `_affine` has it."""
    a, b = eqn.operands
    for x, weights, turned in ((a, b, True), (b, a, False)):
        if plan.known(weights) and not plan.known(x) and len(weights.shape) == 2:
            matrix = plan.number(weights)[0]
            matrix = np.ascontiguousarray(matrix.T) if turned else matrix
            if matrix.shape == (eqn.result.shape.size, x.shape.size):  # x may be a row, or a column
                return _Affine(x, matrix, bias, done)
    return None


def _depth(plan: Equations, chain: Sequence[Equation]) -> float:
    """How many powers of two the smallest factors of a chain's equations that are not 0 take off, at most."""
    found = 0.0
    for eqn in chain:
        known = [np.abs(a) for x, a in zip(eqn.operands, plan.factors(eqn), strict=True) if plan.known(x)]
        if OPERATIONS[eqn.operation].graph == "quotient":
            known = [1 / a for a in known]
        smallest = min([float(np.min(a, where=a > 0, initial=1.0)) for a in known], default=1.0)
        found += -np.log2(smallest) if smallest else np.inf
        found += np.log2(max(x.shape.size for x in eqn.operands) + 1)  # of a mean, the count
    return float(found)


def _multiplies(chain: Sequence[Equation]) -> bool:
    """Is there a product of matrices in a chain?"""
    return any(
        OPERATIONS[each.operation].graph == "bilinear" and not OPERATIONS[each.operation].scalar for each in chain
    )


def _too_large(chain: Sequence[Equation], sources: Sequence[Traced]) -> bool:
    """Has the matrix of a chain, or what it is found by, many more numbers than the chain's own factors?"""
    size = chain[0].result.shape.size
    factors = sum([x.shape.size for each in chain for x in each.operands if x.constant])
    widest = max([each.result.shape.size for each in chain])
    numbers = size * sum([x.shape.size for x in sources])
    return numbers > max(SMALL, 2 * factors) or size * widest > max(SMALL, 4 * factors)


def _chain(plan: Equations, last: Equation, wanted: set[Traced]) -> tuple[Equation, ...]:
    """The linear equations that a value is made by, the last one first, back to values that are wanted anyway."""
    places, waiting = set(), [last.result]
    while waiting:
        place = plan.place[waiting.pop()]
        if place in places:
            continue
        places.add(place)
        for x in plan.equations[place].operands:
            made = plan.made.get(x)
            kept = x in wanted or x in plan.shares or _kept(plan, x)
            if made is not None and not kept and plan.linear(made):
                waiting.append(x)
    return tuple(plan.equations[place] for place in sorted(places, reverse=True))


def _terms(eqn: Equation) -> int:
    """The most terms of a sum when rows go back through an equation, with those of the equation that they join."""
    return max([x.shape.size for x in (eqn.result, *eqn.operands) if not x.constant]) + len(eqn.operands)


def _sent_back(
    plan: Equations, chain: Sequence[Equation], begun: _Affine | None, signed: bool
) -> tuple[Mapping[Traced, Array], Array]:
    """Unit rows of a chain's result as rows of its sources, flat, and what is constant; or the same without signs.

    begun: what `_affine` finds of the chain, whose equations are not gone through.
    """
    size = chain[0].result.shape.size
    if begun is None:
        begun = _Affine(chain[0].result, np.eye(size), np.zeros(size), 0)
    matrix, constant = (begun.matrix, begun.bias) if signed else (np.abs(begun.matrix), np.abs(begun.bias))
    rows = {begun.x: matrix.reshape(1, size, *begun.x.shape)}
    for eqn in chain[begun.done :]:
        g = rows.pop(eqn.result)
        operands = plan.factors(eqn) if signed else [np.abs(a) for a in plan.factors(eqn)]
        shares = bilinear_operations.cotangents(eqn.operation, g, operands, eqn.parameters)
        for k, (x, share) in enumerate(zip(eqn.operands, shares, strict=True)):
            if not plan.known(x):
                handed = share() if signed else np.abs(share())
                rows[x] = rows[x] + handed if x in rows else handed
            elif k in bilinear_operations.summands(eqn):
                middle = plan.number(x)
                handed = share() if signed else np.abs(share())
                middle = middle if signed else np.abs(middle)
                constant = constant + handed.reshape(size, -1) @ np.ravel(middle)
    return {x: each.reshape(size, -1) for x, each in rows.items()}, constant
