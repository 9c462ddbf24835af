"""A spec taken apart for relaxation: linear operations, products, functions of one number, and what has no relaxation.

It is recorded once, on a tape over a batch of one box, and may then be read for any number of boxes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate, pairwise
from typing import Any, Literal

import numpy as np

from scalarspec.bounding import shares
from scalarspec.bounding.bilinear_operations import cotangents
from scalarspec.bounding.fused import Layer, Step, steps_of
from scalarspec.bounding.ranges import Range
from scalarspec.bounding.rewrites import REWRITES, close
from scalarspec.bounding.shares import Shares
from scalarspec.core.context import Context
from scalarspec.core.definitions import definition
from scalarspec.core.domains import leniently
from scalarspec.core.operations import OPERATIONS, stated
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported, Undecided
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Tape, TapeArrays
from scalarspec.tracing.trace import trace

Array = np.ndarray[Any, Any]

Kind = Literal["layer", "linear", "bilinear", "univariate", "other"]
"""Of a step: a layer, or an equation: linear in what is not known; a product of two values that are not known; a
function of one number that has lines around it; or none of these."""


FEW_CONSTANTS = 1 << 10
"""With so few numbers exact ends are affordable: layers of a plan are evaluated equation by equation as well, and one
evaluation of a spec is not done in floats.
"""
CONVEX = ("convex", "concave")
"""The graphs that may have a kink, at 0, and lines around them; what is said of others holds where they are smooth."""


class _PrimitiveTape(Tape):
    """A tape on which some operations are recorded as others, of which they are made."""

    @cached_property
    def arrays(self) -> _PrimitiveArrays:
        return _PrimitiveArrays(self)


class _PrimitiveArrays(TapeArrays):
    """Arrays that record operations of REWRITES as what they are made of; composites: by its result, each of these."""

    def __init__(self, context: Tape) -> None:
        super().__init__(context)
        self.composites: dict[Traced, Equation] = {}

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """As it is, or by what it is made of."""
        rewrite = REWRITES.get(operation)
        if rewrite is None and OPERATIONS[operation].scalar and OPERATIONS[operation].graph == "defined":
            rewrite = partial(_by_definition, operation)
        result: Traced | None = rewrite(self, *operands, **parameters) if rewrite else None
        if result is None:
            return super().traced(operation, shape, operands, parameters)
        self.composites[result] = Equation(operation, operands, parameters, result, self.guards)
        return result


def _by_definition(operation: str, arrays: TapeArrays, *operands: Traced) -> Any:
    return definition(arrays, operation)(*operands)


@dataclass(frozen=True, eq=False)
class Fact:
    """In a branch of `where`, a value lies above a constant, or below it; strictly so, if strict. ends: the constant's,
    float arrays.
    """

    above: bool
    ends: tuple[Array, Array]
    strict: bool


@dataclass(eq=False)
class Plan:
    """A spec taken apart into equations, of which some values are inputs: done once, for any number of boxes."""

    context: Context[Any]
    tape: _PrimitiveTape
    result: Traced
    inputs: list[Traced]

    @classmethod
    def of(
        cls, spec: Callable[..., Tensor], args: Sequence[Any], inputs: Sequence[Tensor], boxes: Sequence[Tensor]
    ) -> Plan:
        """The spec at arguments in an enclosing context.

        inputs: tensors of the arguments that are the plan's inputs; boxes: for each, all that the plan is for, one a
        row: (boxes, *shape). A branch that is taken in any of them is part of the plan.
        Raises NotSupported for a spec that looks at single numbers, or at truths that the context does not decide.
        """
        context: Context[Any] = boxes[0].context
        batch = BatchedContext(context, len(boxes[0]))
        rows = {id(t): batch.rows(box) for t, box in zip(inputs, boxes, strict=True)}
        tape = _PrimitiveTape(batch, shared=True)
        try:
            with leniently():  # which operations are done does not depend on where there are values
                traced = trace(tape, spec, args, rows)
        except Undecided as error:  # finer intervals may decide
            raise NotSupported(f"linear bounds: {error}") from error
        return cls(context, tape, traced.result, list(traced.inputs))

    @cached_property
    def equations(self) -> list[Equation]:
        """What is done, in order."""
        return self.tape.arrays.equations

    @cached_property
    def steps(self) -> dict[int, Step]:
        """What passes go through, in order: by the place of the equation that makes its result."""
        return steps_of(self)

    @cached_property
    def backwards(self) -> list[tuple[int, Step]]:
        """The steps, the last one first."""
        return list(reversed(self.steps.items()))

    @cached_property
    def kinked_places(self) -> list[int]:
        """The places of the equations that make what kinks are applied to."""
        kinked = [
            step
            for step in self.steps.values()
            if isinstance(step, Equation)
            and self.kinds[step] == "univariate"
            and OPERATIONS[step.operation].kinks == "zero"
        ]
        return list(dict.fromkeys(self.place[x] for step in kinked for x in step.operands if x in self.place))

    @cached_property
    def small(self) -> bool:
        """Has it few constants, so that its layers are evaluated equation by equation as well?"""
        return sum(x.shape.size for eqn in self.equations for x in eqn.operands if x.constant) <= FEW_CONSTANTS

    @cached_property
    def smooth(self) -> bool:
        """Is a function among them that has no kink?"""
        univariate = [eqn for eqn in self.equations if self.kinds[eqn] == "univariate"]
        return any(OPERATIONS[eqn.operation].kinks == "nowhere" for eqn in univariate)

    @cached_property
    def rectifiers(self) -> list[Equation]:
        """The equations that are rectifiers, in order."""
        return [step for step in self.steps.values() if isinstance(step, Equation) and step.operation == "relu"]

    @cached_property
    def piecewise_linear(self) -> bool:
        """Is it made of linear operations and rectifiers alone?"""
        pieces = all(self.kinds[step] in ("layer", "linear") or step in self.rectifiers for step in self.steps.values())
        return pieces and bool(self.rectifiers)

    @property
    def composites(self) -> dict[Traced, Equation]:
        """By its result, an operation that other equations stand for, since its own range may be the better one."""
        return self.tape.arrays.composites

    @cached_property
    def input_places(self) -> dict[Traced, slice]:
        """Where each input is, where all are side by side."""
        ends = [0, *accumulate(x.shape.size for x in self.inputs)]
        return {x: slice(*pair) for x, pair in zip(self.inputs, pairwise(ends), strict=True)}

    @cached_property
    def largest(self) -> int:
        """The size of the largest value that is made, or the most terms that an element of one is the sum of."""
        layers = [step.terms for step in self.steps.values() if isinstance(step, Layer)]
        return max([step.result.shape.size for step in self.steps.values()] + layers, default=1)

    @cached_property
    def place(self) -> dict[Traced, int]:
        """By each value, where among the equations it is made."""
        return {eqn.result: i for i, eqn in enumerate(self.equations)}

    @cached_property
    def curved(self) -> set[Traced]:
        """The values that are not linear in the inputs, as far as one can see."""
        found: set[Traced] = set()
        for eqn in self.equations:
            if not self.linear(eqn) or any(x in found for x in eqn.operands):
                found.add(eqn.result)
        return {x for x in found if not x.constant}

    def linear(self, eqn: Equation) -> bool:
        """Is the operation linear in the operands that are not known?"""
        graph = OPERATIONS[eqn.operation].graph
        if graph == "quotient":
            return self.known(eqn.operands[1])
        return graph == "linear" or (graph == "bilinear" and any(self.known(x) for x in eqn.operands[:2]))

    @cached_property
    def moved(self) -> set[Equation]:
        """The equations that only put elements elsewhere, none of them twice, of values that nothing else is made of: a
        coefficient is then a coefficient elsewhere, and no arithmetic is done.
        """
        uses = Counter(x for eqn in self.equations for x in eqn.operands)
        uses[self.result] += 1
        return {
            eqn
            for eqn in self.equations
            if OPERATIONS[eqn.operation].moves
            and all(uses[x] == 1 and not x.constant for x in eqn.operands)  # constants are added up
            and _to_one_place(eqn)
        }

    @cached_property
    def kinds(self) -> dict[Step, Kind]:
        """Of each equation, and each layer, how it is relaxed."""
        layers = [step for step in self.steps.values() if isinstance(step, Layer)]
        return {eqn: self._kind(eqn) for eqn in self.equations} | dict.fromkeys(layers, "layer")

    def _kind(self, eqn: Equation) -> Kind:
        graph = stated(eqn.operation, "graph", "linear bounds")
        if self.linear(eqn):
            return "linear"
        if graph == "bilinear":
            return "bilinear"
        if not OPERATIONS[eqn.operation].curve:
            return "other"
        kinks = stated(eqn.operation, "kinks", "linear bounds")
        return "univariate" if kinks == "nowhere" or (kinks == "zero" and graph in CONVEX) else "other"

    def known(self, x: Traced) -> bool:
        """Is it a constant that is known but for a few last places?"""
        if not x.constant:
            return False
        if x not in self._known:
            self._known[x] = close(*self.ends(x))
        return self._known[x]

    @cached_property
    def _known(self) -> dict[Traced, bool]:
        return {}

    def constant(self, x: Traced) -> Range:
        """The range of a constant, with an axis of one box."""
        if x not in self._constants:
            low, high = self.ends(x)
            first = low[None]
            self._constants[x] = Range(first, first if low is high else high[None])
        return self._constants[x]

    @cached_property
    def _constants(self) -> dict[Traced, Range]:
        return {}

    def number(self, x: Traced) -> Array:
        """About the number that a constant is, with an axis of one box."""
        low, high = self.ends(x)
        return low[None] if low is high else self.constant(x).middle

    def factors(self, eqn: Equation) -> list[Array]:
        """For each operand of a linear equation an array of axes (1, 1, *shape): about the known number, else NaN.

        So a rule that makes use of a number that is not known is seen.
        """
        if eqn not in self._factors:
            self._factors[eqn] = [
                self.number(x)[None] if self.known(x) else np.full((1, 1, *x.shape), np.nan) for x in eqn.operands
            ]
        return self._factors[eqn]

    @cached_property
    def _factors(self) -> dict[Equation, list[Array]]:
        return {}

    @cached_property
    def made(self) -> dict[Traced, Equation]:
        """The equation that makes each value."""
        return {eqn.result: eqn for eqn in self.equations}

    @cached_property
    def shares(self) -> dict[Traced, Shares]:
        """By its value, what softmax is made of, however it is written."""
        return shares.found(self.equations, self.composites)

    def facts(self, eqn: Equation, x: Traced) -> list[Fact]:
        """What the branches that an equation is part of say of a value."""
        if x.constant:
            return []
        return [fact for truths, outcome in eqn.guards for fact in self._facts(truths, outcome, x)]

    def _facts(self, truths: Traced, outcome: bool, x: Traced) -> Iterator[Fact]:
        """Those of one condition, which is a comparison, or some that all hold."""
        made = self.made.get(truths)
        if made is None or truths.shape != x.shape:
            return
        if made.operation == "logical_not":
            yield from self._facts(made.operands[0], not outcome, x)
        elif made.operation == ("logical_and" if outcome else "logical_or"):
            for part in made.operands:
                yield from self._facts(part, outcome, x)
        elif OPERATIONS[made.operation].kind == "relation" and made.operation != "equal":
            smaller, larger = made.operands if outcome else made.operands[::-1]
            strict = (made.operation == "less") == outcome
            if larger is x and smaller.constant:
                yield Fact(True, self.ends(smaller), strict)
            elif smaller is x and larger.constant:
                yield Fact(False, self.ends(larger), strict)

    def ends(self, x: Traced) -> tuple[Array, Array]:
        """The ends of a constant, in floats."""
        low, high = self.context.arrays.floats(x.value.value)
        return low, high

    def text(self) -> str:
        """What is done to what, and which value is returned, for comparison with another plan."""
        names: dict[Traced, str] = {x: f"input {i} {x.shape}" for i, x in enumerate(self.inputs)}
        lines = []
        for i, eqn in enumerate(self.equations):
            operands = [names.get(x) or self._digits(x) for x in eqn.operands]
            lines.append(f"{eqn.operation} {operands} {eqn.parameters}")
            names[eqn.result] = f"value {i}"
        lines.append(f"return {names.get(self.result) or self._digits(self.result)}")
        return "\n".join(lines)

    def _digits(self, constant: Traced) -> str:
        low, high = self.ends(constant)
        return f"{constant.shape} {hashlib.sha256(low.tobytes() + high.tobytes()).hexdigest()}"


def _to_one_place(eqn: Equation) -> bool:
    """Does each element of the operands go to one place at most?"""
    ones, operands = np.ones((1, 1, *eqn.result.shape)), [np.zeros((1, 1, *x.shape)) for x in eqn.operands]
    shares = cotangents(eqn.operation, ones, operands, eqn.parameters)
    return all(bool(np.all(share() <= 1)) for share in shares)
