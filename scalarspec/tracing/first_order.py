"""The derivative at an exact point where operations of a spec have kinks: found if there is one, else refused.

Along a direction d, each kinked operation is a linear one plus c relu(u), where u is what the difference of its
operands does along d. So the whole spec is, to first order,

    f'(x; d) = <gradient, d> + Σ cₖ relu(uₖ(d)),    uₖ linear in d and in the relus before it.

One backward pass gives the gradient and the cₖ, and one more for each kink that is left gives uₖ. The uₖ are brought
into a normal form: relu(c u) = c relu(u) for c > 0, relu(-u) = relu(u) - u, relu(0) = 0. Relus of linear forms that are
no multiples of each other are independent, as each has its kink where no other has one. So the function is
differentiable where all that is left has coefficient 0, and its derivative is the gradient that is left; elsewhere
NotDifferentiable is raised. (Nesterov 2005 and Khan and Barton 2015 choose one-sided derivatives consistently; here
nothing is chosen.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Never

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.operations import OPERATIONS, check_complete, having
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import NotDifferentiable, NotExact, NotSupported
from scalarspec.tracing.dependence import dependence
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.kinks import (
    CONVENTION,
    LOOKED,
    Formula,
    difference,
    is_relation,
    is_root,
    relations,
    sign_at_tie,
    smooth,
)
from scalarspec.tracing.sweep import Read, operands_of, sweep
from scalarspec.tracing.tape import REREAD, Equation
from scalarspec.tracing.trace import Trace
from scalarspec.tracing.vjp_rules import RULES, Cotangent

Array = np.ndarray[Any, Any]
MOST_COEFFICIENTS = 1 << 20
"""The most coefficients of all forms together, one for each kink and input: a hundred megabytes of Fractions."""


@dataclass(frozen=True, eq=False)
class Kink:
    """An element of an operation's result that is, to first order, a linear function plus `coefficient` relu(u)."""

    eqn: Equation
    index: tuple[int, ...]
    coefficient: Any


Form = tuple[list[Any], dict[Any, Any]]
"""A first-order form: the coefficients of the inputs, and those of relus, by what they are of."""


class Exact:
    """The derivative of a trace in exact numbers. inputs: the values that it is differentiated with respect to."""

    def __init__(self, trace: Trace, inputs: Sequence[Traced], formula: Formula) -> None:
        self.trace, self.inputs, self.read, self.formula = trace, inputs, trace.read, formula
        self.context, self.made, self.place = trace.inner, trace.made, trace.place
        formula.made = self.made
        self.seeds: dict[Traced, Tensor] = {}
        self.kinks: list[Kink] = []
        self._relus: dict[Any, Form] = {}
        self._held = 0

    def backward_pass(self, g: Tensor) -> list[Tensor]:
        """Jᵀg for each input. Raises NotDifferentiable where <g, result> has no derivative, or none is found."""
        self._looked()
        found, kinks = self._linear({self.trace.result: g}, len(self.trace.equations))
        if not kinks:
            return found
        size = sum(x.shape.size for x in self.inputs)
        form: Form = [self.context.literal(Fraction(0))] * size, {}
        for kink in kinks:
            form = self._sum(form, self._scaled(kink.coefficient, self._relu(kink)))
        if form[1]:
            self._refuse(kinks[0])
        start, gradients = 0, []
        for x, t in zip(self.inputs, found, strict=True):
            part = np.empty(x.shape, dtype=object)
            part.reshape(-1)[:] = form[0][start : start + x.shape.size]
            gradients.append(t + Tensor.from_scalars(self.context, part))
            start += x.shape.size
        return gradients

    def _looked(self) -> None:
        """Refuses what the spec decided by looking at numbers, or at truths that hold only just."""
        for x in self.trace.looked:
            made = self.made.get(x)
            found = list(relations(self.made, x))
            if not found:
                raise NotDifferentiable(LOOKED)
            for relation in found:
                if self._zeros(difference(relation, self.read), relation):
                    self._refuse(Kink(made or relation, (), None), "the spec decides a branch by it")

    # ---- one sweep --------------------------------------------------------------------------------------------------

    def _linear(self, seeds: dict[Traced, Tensor], stop: int) -> tuple[list[Tensor], list[Kink]]:
        """The linear part of what the seeds weigh, and the kinks beside it. stop: where equations after them begin."""
        outer = self.seeds, self.kinks
        self.seeds, self.kinks = dict(seeds), []
        for _ in sweep(self.trace.equations[:stop], seeds, self.read, self._rules):
            pass
        kinks, (self.seeds, self.kinks) = self.kinks, outer
        zero = self.context.tensor(0)
        return [seeds[x] if x in seeds else f.broadcast_to(zero, x.shape) for x in self.inputs], kinks

    def _rules(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        if eqn.operation == "where":
            return self._branches(eqn, g)
        between = self.formula.between(eqn, read)
        if between is None:
            return self._smooth(eqn, g)
        ties = self._zeros(between, eqn)
        if not ties:
            return self.formula(eqn, g, read)
        weights = np.broadcast_to(g.scalars(), eqn.result.shape)
        for index in ties:
            if OPERATIONS[eqn.operation].graph == "step":
                self._step(eqn, index, weights[index])
            elif not self._zero(weights[index]):
                self.kinks.append(Kink(eqn, index, self._coefficient(eqn, index, weights[index])))
        if eqn.operation == "abs":
            return [lambda: g * (2 * f.heaviside(between) - 1)]
        return self.formula.cotangents(eqn, g, read)

    def _coefficient(self, eqn: Equation, index: tuple[int, ...], weight: Any) -> Any:
        """The factor of relu(u) that a kink adds. Raises NotSupported, by name, where no rule says it."""
        if eqn.operation not in COEFFICIENTS:
            raise NotSupported(f"grad: {eqn.operation}: no rule says what it is to first order at a kink")
        return COEFFICIENTS[eqn.operation](self, eqn, index, weight)

    def _branches(self, eqn: Equation, g: Tensor) -> Sequence[Cotangent]:
        """The cotangents of a `where`. Where it may turn, its branches have one value and, but for a relu, one form."""
        p, a, b = operands_of(eqn, self.read)
        self.formula.bordered(eqn, self.read)
        weights = np.broadcast_to(g.scalars(), eqn.result.shape)
        equalities = np.zeros(eqn.result.shape, dtype=bool)
        for index in self._unstable(eqn.operands[0], eqn):
            if self._dropped(eqn, index, weights[index]):
                continue
            values = [np.broadcast_to(t.scalars(), eqn.result.shape)[index] for t in (a, b)]
            if eqn.result in self.trace.holes or not self._zero(self.context.subtract(*values)):
                self._refuse(Kink(eqn, index, None), "the branches of this where do not meet there")
            equalities[index] = self._is_equality(eqn.operands[0])
            if not self._zero(weights[index]):
                self.kinks.append(Kink(eqn, index, weights[index]))
        if equalities.any():  # an equality holds nowhere nearby
            p = p & Truth.from_scalars(self.context, np.asarray(~equalities).astype(object))
        return RULES["where"](g, a, p, a, b)

    def _smooth(self, eqn: Equation, g: Tensor) -> Sequence[Cotangent]:
        """The cotangents by the table. A root of 0 with a cotangent of 0 may pass where what is under it stays 0."""
        cotangents = smooth(eqn, g, self.read)
        if is_root(eqn, self.read):
            x = operands_of(eqn, self.read)[0]
            weights = np.broadcast_to(g.scalars(), eqn.result.shape)
            for index in self._zeros(x, eqn):
                if not self._dropped(eqn, index, weights[index]) and not self._still(eqn, index):
                    self._refuse(Kink(eqn, index, None), "a root of 0 has no derivative")
        return cotangents

    def _still(self, eqn: Equation, index: tuple[int, ...]) -> bool:
        """Is the operand constant to first order?"""
        form = self._form(eqn, [(eqn.operands[0], 1)], index)
        return not form[1] and all(self._zero(x) for x in form[0])

    def _step(self, eqn: Equation, index: tuple[int, ...], weight: Any) -> None:
        if not self._dropped(eqn, index, weight):
            self._refuse(Kink(eqn, index, None), "it has a step there")

    # ---- forms ------------------------------------------------------------------------------------------------------

    def _relu(self, kink: Kink) -> Form:
        """The form of relu(u) of a kink."""
        key = (kink.eqn, kink.index)
        if key not in self._relus:
            self._relus[key] = self._of_switch(kink) if kink.eqn.operation == "where" else self._of_relu(kink)
        return self._relus[key]

    def _of_relu(self, kink: Kink) -> Form:
        """The form of relu(u) of a kink that is a relu, an absolute value, a maximum or a minimum."""
        first, *others = kink.eqn.operands
        signs = [(first, 1)]
        if OPERATIONS[kink.eqn.operation].kinks == "tie":
            sign = sign_at_tie(kink.eqn)
            signs = [(first, sign), (others[0], -sign)]
        return self.relu_of(self._form(kink.eqn, signs, kink.index))

    def relu_of(self, u: Form) -> Form:
        """The form of relu of a form: what is linear there, and one relu in normal form."""
        linear, relus = u
        numbers = [self._number(x) for x in (*linear, *relus.values())]
        if any(x is None for x in numbers):
            return self._opaque(("relu", tuple(linear), frozenset(relus.items())))
        if not any(numbers):
            return self._nothing()
        alone = self._of_one(u)
        if alone is not None:
            return alone
        lead = next(x for x in numbers if x)
        size = self.context.literal(abs(lead))
        scaled = self._scaled(self.context.literal(1 / lead), u)
        own = [self.context.literal(Fraction(0))] * len(linear), {self._key(scaled): size}
        return own if lead > 0 else self._sum(own, u)

    def _of_one(self, u: Form) -> Form | None:
        """relu(u) where u = a relu(n) + b n for one n: it is (a + b)⁺ n where n > 0, and b⁻ n elsewhere."""
        linear, relus = u
        if len(relus) != 1:
            return None
        (key, a), zero = next(iter(relus.items())), Fraction(0)
        if not (isinstance(key, tuple) and len(key) == 2 and key[1] == frozenset()):
            return None
        n: Form = [self.context.literal(x) for x in key[0]], {}
        ratio = self.context.literal(zero) if all(map(self._zero, linear)) else self._ratio((linear, {}), n)
        if ratio is None:
            return None
        b = self._number(ratio) or zero
        below, above = min(b, zero), max((self._number(a) or zero) + b, zero)
        kept = {key: self.context.literal(above - below)} if above != below else {}
        return self._scaled(self.context.literal(below), n)[0], kept

    def _of_switch(self, kink: Kink) -> Form:
        """The form of what a `where` changes by at its border: the other branch less the one that is taken."""
        p, a, b = kink.eqn.operands
        taken = np.broadcast_to(self.read(p, Truth).scalars(), kink.eqn.result.shape)[kink.index] is True
        change = self._form(kink.eqn, [(b, 1), (a, -1)] if taken else [(a, 1), (b, -1)], kink.index)
        if not change[1] and all(self._zero(x) for x in change[0]):
            return self._nothing()
        made = self.made.get(p)
        if made is None or not is_relation(made):
            return self._opaque((kink.eqn, kink.index))
        u, v = made.operands
        rises = self._form(made, [(v, 1), (u, -1)], kink.index if made.result.shape else ())
        ratio = self._ratio(change, rises)
        if ratio is None:
            return self._opaque((kink.eqn, kink.index))
        if made.operation == "equal":  # the branch that is taken nearby has the only form that there is
            return self._nothing()
        positive = self._scaled(ratio, self.relu_of(rises))
        if not taken:
            return positive
        return self._sum(self._scaled(ratio, rises), self._scaled(self.context.literal(Fraction(-1)), positive))

    def _ratio(self, a: Form, b: Form) -> Any:
        """The number c for which a = c b; None where there is none, or none is seen."""
        if set(a[1]) != set(b[1]):
            return None
        pairs = [*zip(a[0], b[0], strict=True), *((a[1][k], b[1][k]) for k in a[1])]
        numbers = [(self._number(x), self._number(y)) for x, y in pairs]
        if any(x is None or y is None for x, y in numbers):
            return None
        ratios = {x / y for x, y in numbers if y}  # type: ignore[operator]
        if len(ratios) != 1 or any(x and not y for x, y in numbers):
            return None
        return self.context.literal(ratios.pop())

    def _form(self, eqn: Equation, signs: Sequence[tuple[Traced, int]], index: tuple[int, ...]) -> Form:
        """The form of an element of a sum of operands of an equation, with signs."""
        seeds: dict[Traced, Tensor] = {}
        for x, sign in signs:  # one operand may come twice
            if not x.constant:
                unit = np.zeros(x.shape, dtype=int)
                unit[index if x.shape else ()] = sign
                seeds[x] = seeds[x] + self.context.tensor(unit) if x in seeds else self.context.tensor(unit)
        found, kinks = self._linear(seeds, self.place[eqn.result])
        linear = [s for t in found for s in t.scalars().flat]
        self._held += len(linear)
        if self._held > MOST_COEFFICIENTS:
            self._refuse(Kink(eqn, index, None), "there are too many kinks to see whether they matter")
        form: Form = linear, {}
        for kink in kinks:
            form = self._sum(form, self._scaled(kink.coefficient, self._relu(kink)))
        return form

    def _sum(self, a: Form, b: Form) -> Form:
        relus = dict(a[1])
        for key, x in b[1].items():
            relus[key] = self.context.add(relus[key], x) if key in relus else x
        kept = {key: x for key, x in relus.items() if not self._zero(x)}
        return [self.context.add(x, y) for x, y in zip(a[0], b[0], strict=True)], kept

    def _scaled(self, c: Any, a: Form) -> Form:
        multiply = self.context.multiply
        return [multiply(c, x) for x in a[0]], {key: multiply(c, x) for key, x in a[1].items() if not self._zero(c)}

    def _nothing(self) -> Form:
        return [self.context.literal(Fraction(0))] * sum(x.shape.size for x in self.inputs), {}

    def _opaque(self, key: Any) -> Form:
        """A form of which nothing is known but that it is itself."""
        return self._nothing()[0], {key: self.context.literal(Fraction(1))}

    def _key(self, form: Form) -> Any:
        return tuple(map(self._number, form[0])), frozenset((key, self._number(x)) for key, x in form[1].items())

    # ---- what is tied, and what is dropped --------------------------------------------------------------------------

    def _zeros(self, t: Tensor, eqn: Equation) -> list[tuple[int, ...]]:
        """The elements of an equation's result at which a tensor is surely 0."""
        zero = np.empty(t.shape, dtype=bool)
        zero.reshape(-1)[:] = [self._zero(x) for x in t.scalars().flat]
        places = np.nonzero(np.broadcast_to(zero, eqn.result.shape)) if eqn.result.shape else ()
        return list(zip(*places, strict=True)) if eqn.result.shape else [()] * int(zero)

    def _unstable(self, p: Traced, eqn: Equation) -> list[tuple[int, ...]]:
        """The elements at which a condition may change nearby: both sides of a comparison that it is made of are
        equal.
        """
        tied = {}
        for relation in relations(self.made, p):
            tied[relation.result] = np.zeros(relation.result.shape, dtype=bool)
            for index in self._zeros(difference(relation, self.read), relation):
                tied[relation.result][index] = True
        if not any(mask.any() for mask in tied.values()):
            return []
        turns = np.zeros(p.shape, dtype=bool)
        for index in np.ndindex(*p.shape):
            element = np.zeros(p.shape, dtype=bool)
            element[index] = True
            reached = dependence(self.trace.equations, {p: element})
            turns[index] = any((reached[x] & mask).any() for x, mask in tied.items() if x in reached)
        places = np.broadcast_to(turns, eqn.result.shape)
        return list(zip(*np.nonzero(places), strict=True)) if eqn.result.shape else [()] * int(places)

    def _is_equality(self, p: Traced) -> bool:
        return p in self.made and self.made[p].operation == "equal"

    def _dropped(self, eqn: Equation, index: tuple[int, ...], weight: Any) -> bool:
        """Does the result of the sweep not depend on this element, as a `where` drops it, or a factor 0?"""
        return self._zero(weight) and not self._kept(eqn)[index]

    def _kept(self, wanted: Equation) -> Array:
        """Which elements of a result what is swept from may depend on, as far as one sees."""
        seeds = {x: np.ones(x.shape, dtype=bool) for x in self.seeds}
        found = dependence(self.trace.equations, seeds, self._taken, self._zero_mask)
        return found.get(wanted.result, np.zeros(wanted.result.shape, dtype=bool))

    def _taken(self, eqn: Equation) -> tuple[Array, Array]:
        """Which elements of the branches of a `where` may count nearby."""
        truths = self.read(eqn.operands[0], Truth).scalars()
        holds = np.broadcast_to(np.array([p is True for p in truths.flat]).reshape(truths.shape), eqn.result.shape)
        turns = np.zeros(eqn.result.shape, dtype=bool)
        for index in self._unstable(eqn.operands[0], eqn):
            turns[index] = True
        return holds | turns, ~holds | turns

    def _zero_mask(self, x: Traced) -> Array:
        zero = [self._zero(s) for s in self.read(x, Tensor).scalars().flat]
        return np.array(zero, dtype=bool).reshape(x.shape)

    def _zero(self, x: Any) -> bool:
        return self._number(x) == 0

    def _number(self, x: Any) -> Fraction | None:
        try:
            return self.context.exact_value(x)
        except NotExact:
            return None

    def _refuse(self, kink: Kink, why: str = "it does not cancel") -> Never:
        place, stages = self.place[kink.eqn.result], self.trace.stages.items()
        stage = next((name for name, s in stages if self.place.get(s.found, -1) >= place), None)
        element = f" at {list(map(int, kink.index))}" if kink.index else ""
        where = f" (stage {stage!r})" if stage else ""
        raise NotDifferentiable(
            f"grad: {kink.eqn.operation}{element}{where} has a kink at these arguments, and {why}: there is no "
            f"derivative, or none was found. {CONVENTION}; a box in 'interval' encloses all derivatives nearby"
        )


def _bend(found: Exact, eqn: Equation, index: tuple[int, ...], weight: Any) -> Any:
    """1 - slope, times the weight."""
    slope = np.broadcast_to(found.read(eqn.operands[1], Tensor).scalars(), eqn.result.shape)[index]
    return found.context.multiply(found.context.subtract(found.context.literal(Fraction(1)), slope), weight)


COEFFICIENTS: dict[str, Callable[[Exact, Equation, tuple[int, ...], Any], Any]] = {
    "relu": lambda found, eqn, index, weight: weight,
    "abs": lambda found, eqn, index, weight: found.context.multiply(found.context.literal(Fraction(2)), weight),
    "leaky_relu": _bend,
    "maximum": lambda found, eqn, index, weight: weight,
    "minimum": lambda found, eqn, index, weight: found.context.negative(weight),
}
"""The coefficient of relu(u) at a kink, for the weight of that element of the result: relu(x) = relu(x),
|x| = 2 relu(x) - x, slope x + (1 - slope) relu(x), max(a, b) = b + relu(a - b), min(a, b) = b - relu(b - a)."""
check_complete("first order", COEFFICIENTS, having(kinks=("zero", "tie")) - having(graph="step") - {*REREAD})
