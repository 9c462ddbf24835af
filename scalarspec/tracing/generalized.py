"""Clarke's generalized derivative, enclosed: rules for contexts whose numbers are sets.

What is enclosed is that derivative at every point of the box: the hull of the derivatives nearby. Relu contributes all
of [0, 1] wherever 0 is not excluded, at points too; a maximum hands on w and 1 - w, with w in [0, 1] at a tie; a step,
or a `where` whose branches differ at the border, has an unbounded derivative there. A chain rule holds for these sets
(Clarke 1983, theorem 2.3.9), so the mean value theorem does, on which `bounds` relies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.operations import check_complete, find, having, stated
from scalarspec.core.tensor import Tensor, Truth, elementwise
from scalarspec.errors import DomainError, NotDifferentiable, NotSupported
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.dependence import dependence
from scalarspec.tracing.interpreter import Traced, innermost
from scalarspec.tracing.kinks import (
    JUMPS,
    LOOKED,
    beside_integers,
    difference,
    is_relation,
    is_root,
    layers,
    relations,
    sign_at_tie,
    smooth,
)
from scalarspec.tracing.sweep import Read, conventional, operands_of, sweep
from scalarspec.tracing.tape import REREAD, Equation, Tape
from scalarspec.tracing.trace import Trace
from scalarspec.tracing.vjp_rules import Cotangent

Array = np.ndarray[Any, Any]


class Enclosing:
    """Rules that enclose the generalized derivative: those of the table, but at kinks, steps and borders.

    jumps: is it counted that a step, or a branch, may change? Bounds on rounding errors count that on their own.

    Invariant: the cotangents that are handed on enclose the derivative at every point of the box. Where a value jumps
    at the very edge of the box, what follows is evaluated on one side only, so that no rule tells what happens there:
    `spoiled` gives up all that the jump depends on. Where it lies inside, by what other inputs may be or by rounding
    alone, the same holds of inputs that are points: a slope of 0 at a point says nothing of what is near it.
    """

    def __init__(self, trace: Trace, jumps: bool = True) -> None:
        self.trace, self.jumps = trace, jumps
        self.equations, self.made, self.holes = trace.equations, trace.made, trace.holes
        self.edges: dict[Equation, dict[Traced, Array]] = {}
        self.straddled: dict[Equation, dict[Traced, Array]] = {}
        self.roots: dict[Equation, Array] = {}

    def __call__(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of the operands of an equation. Raises NotSupported where it has kinks and no rule here."""
        if eqn.operation in AT_KINKS:
            return AT_KINKS[eqn.operation](self, eqn, g, read)
        if stated(eqn.operation, "kinks", "grad") != "nowhere":
            raise NotSupported(f"grad: {eqn.operation}: no rule encloses its derivative at kinks")
        if self.jumps and is_root(eqn, read):
            touching = _touches(read(eqn.operands[0], Tensor))
            self.roots[eqn] = np.asarray(touching & ~_nonzero(g)) if not _ends(g)[2] else touching
        return smooth(eqn, g, read)

    def _kink(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        (x,) = operands_of(eqn, read)
        slope = slope_of_relu(x)
        return [lambda: g * (slope if eqn.operation == "relu" else 2 * slope - 1)]

    def _leaky_relu(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        x, leak = operands_of(eqn, read)
        return [lambda: g * (leak + (1 - leak) * slope_of_relu(x)), lambda: g * f.minimum(x, 0)]

    def _choice(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        a, b = operands_of(eqn, read)
        weight = slope_of_relu(a - b if sign_at_tie(eqn) > 0 else b - a)
        return [lambda: g * weight, lambda: g * (1 - weight)]

    def _step(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        if not self.jumps:
            return conventional(eqn, g, read)
        (x,), kinks = operands_of(eqn, read), find(eqn.operation, "grad").kinks
        between = beside_integers(kinks, x) if kinks in JUMPS else x
        touching = _touches_jumps(kinks, x) if kinks in JUMPS else _touches(x)
        self.edges[eqn], self.straddled[eqn] = {eqn.operands[0]: touching}, {eqn.operands[0]: _holds_zero(between)}
        return [lambda: g * _slope_of_step(between)]

    def _where(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of a `where`: to each branch what it counts, and to the condition what changes where the
        branch does.
        """
        if not self.jumps:
            return conventional(eqn, g, read)
        weight = self.weight(eqn.operands[0], read)
        jump = None if eqn.operands[0].constant else self._jump(eqn, read)
        if jump is not None and np.any(_nonzero(jump)):
            self.edges[eqn] = self._edges(eqn.operands[0], read, _touches)
            self.straddled[eqn] = self._edges(eqn.operands[0], read, _holds_zero)
        return [lambda: g * jump, lambda: g * weight, lambda: g * (1 - weight)]

    def _edges(self, p: Traced, read: Read, meets: Callable[[Tensor], Array]) -> dict[Traced, Array]:
        """By each value that a condition compares, the elements at which both sides meet, as the ends of their
        difference say.
        """
        found: dict[Traced, Array] = {}
        for relation in relations(self.made, p):
            meeting = meets(difference(relation, read))
            for x in relation.operands:
                own = meeting if x.shape == meeting.shape else np.asarray(meeting.any())
                found[x] = own if x not in found else np.asarray(found[x] | own)
        return found

    def spoiled(self, inputs: Sequence[Traced], found: Sequence[Tensor]) -> list[Tensor]:
        """The derivatives, but all reals where a jump at the edge of the box counts for the result and depends on them,
        or one inside of it, and the input is a point.

        So it is for a root of 0, whose slope is infinite, with a cotangent of 0; but not where what is under the root
        stays 0 to first order.
        """
        read, result = self.trace.read, self.trace.result
        self._looked(read)
        points = {x: _is_point(read(x, Tensor)) for x in inputs}
        everything = dict.fromkeys(inputs, np.asarray(True))
        seeds = [(eqn, each, everything) for eqn, each in self.edges.items()]
        seeds += [(eqn, self._moving(eqn, read, inputs), everything) for eqn in self.roots]
        if any(np.any(mask) for mask in points.values()):
            seeds += [(eqn, each, points) for eqn, each in self.straddled.items()]
        edges = [seed for seed in seeds if any(np.any(mask) for mask in seed[1].values())]
        if not edges:
            return list(found)
        if any(isinstance(c, Tape) for t in found for c in layers(t.context)):
            raise NotDifferentiable("grad of grad: a value jumps, or has a root, at the edge of the box")
        ones = {result: np.ones(result.shape, dtype=bool)}

        def zero(x: Traced) -> Array:
            return np.asarray(~_nonzero(read(x, Tensor)))

        counted = dependence(self.equations, ones, lambda eqn: self._taken(eqn, read), zero)
        masks = {x: np.zeros(x.shape, dtype=bool) for x in inputs}
        for eqn, each, given_up in edges:
            if eqn.result in counted and counted[eqn.result].any():
                at_edge = {x: np.broadcast_to(mask, x.shape) for x, mask in each.items()}
                for seeds_of in (at_edge, self._changed(eqn.result)):
                    reached = dependence(self.equations, seeds_of)
                    masks = {x: mask | (reached.get(x, np.False_) & given_up[x]) for x, mask in masks.items()}
        return [_unbounded(t, masks[x]) for x, t in zip(inputs, found, strict=True)]

    def _changed(self, jump: Traced) -> dict[Traced, Array]:
        """The operands of what follows from a jump and is not linear, for their slopes are others on its other side."""
        follows: set[Traced] = {jump}
        found: dict[Traced, Array] = {}
        for eqn in self.equations:
            if any(x in follows for x in eqn.operands):
                follows.add(eqn.result)
                if find(eqn.operation, "grad").graph != "linear":
                    found |= {x: np.ones(x.shape, dtype=bool) for x in eqn.operands if not x.constant}
        return found

    def _looked(self, read: Read) -> None:
        """Raises NotDifferentiable where the spec looked at numbers, or at truths that may turn at the box's edge."""
        for x in self.trace.looked:
            found = list(relations(self.made, x))
            if not found or any(_touches(difference(relation, read)).any() for relation in found):
                raise NotDifferentiable(LOOKED)

    def _moving(self, eqn: Equation, read: Read, inputs: Sequence[Traced]) -> dict[Traced, Array]:
        """Which elements under a root of 0 do not stay 0 to first order."""
        x, mask = eqn.operands[0], np.zeros(eqn.operands[0].shape, dtype=bool)
        before = self.equations[: next(i for i, each in enumerate(self.equations) if each is eqn)]
        for index in zip(*np.nonzero(np.atleast_1d(self.roots[eqn])), strict=True):
            at = index if x.shape else ()
            unit = np.zeros(x.shape, dtype=int)
            unit[at] = 1
            rules, cotangents = Enclosing(self.trace), {x: read(x, Tensor).context.tensor(unit)}
            for _ in sweep(before, cotangents, read, rules):
                pass
            moves = any(y in cotangents and _nonzero(cotangents[y]).any() for y in inputs)
            mask[at] = moves or any(np.any(m) for each in rules.edges.values() for m in each.values())
        return {x: mask}

    def _taken(self, eqn: Equation, read: Read) -> tuple[Array, Array]:
        """Which elements of the branches of a `where` may count nearby."""
        weight = self.weight(eqn.operands[0], read)
        first, second = _nonzero(weight), _nonzero(1 - weight)
        return np.broadcast_to(first, eqn.result.shape), np.broadcast_to(second, eqn.result.shape)

    def _jump(self, eqn: Equation, read: Read) -> Tensor:
        """The difference of the branches, of which one that was not asked for may be anything."""
        p, a, b = eqn.operands
        if eqn.result in self.holes:
            return _constant(read(a, Tensor).context, -np.inf, np.inf)
        border = self._at_border(p, (a, b), read)
        return border[0] - border[1] if border else read(a, Tensor) - read(b, Tensor)

    def _at_border(self, p: Traced, branches: tuple[Traced, Traced], read: Read) -> list[Tensor] | None:
        """The branches at the border of an equality: what is compared with a constant is that constant there. None
        where that tells nothing.
        """
        made = self.made.get(p)
        if made is None or not is_relation(made):
            return None
        u, v = made.operands
        if u.constant == v.constant or (u if v.constant else v).shape != p.shape:
            return None
        x, end = (u, v) if v.constant else (v, u)
        known: dict[Traced, Tensor | None] = {x: f.broadcast_to(read(end, Tensor), x.shape)}
        try:
            found = [self._replayed(y, x, known, read) for y in branches]
        except DomainError:  # a branch has no value at the border
            return None
        return None if any(t is None for t in found) else [t for t in found if t is not None]

    def _replayed(self, y: Traced, x: Traced, known: dict[Traced, Tensor | None], read: Read) -> Tensor | None:
        """A value with another in the place of x, where it is made of x elementwise; else None."""
        if y not in known:
            eqn, known[y] = self.made.get(y), read(y, Tensor)
            if eqn is not None and self._depends(y, x, {}):
                parts = [self._replayed(z, x, known, read) for z in eqn.operands]
                plain = find(eqn.operation, "grad").scalar and not any(t is None for t in parts)
                known[y] = elementwise(eqn.operation, *parts) if plain else None
        return known[y]

    def _depends(self, y: Traced, x: Traced, known: dict[Traced, bool]) -> bool:
        """Is a value made of x?"""
        stack = [y]
        while stack:
            top = stack.pop()
            if top is x:
                return True
            if top not in known and top in self.made:
                known[top] = True
                stack += self.made[top].operands
        return False

    def _relation(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of what is compared. g: by how much the value changes where the relation begins to hold."""
        slope = _slope_of_step(difference(eqn, read))
        change = g * (slope if eqn.operation != "equal" else slope * _constant(slope.context, -1, 1))
        return [lambda: -change, lambda: change]

    def _connective(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of truths: how much the value changes with each."""
        sign = -1 if eqn.operation == "logical_not" else 1
        return [lambda: sign * g for _ in eqn.operands]

    def weight(self, p: Traced, read: Read) -> Tensor:
        """1 where a truth holds at all points nearby, 0 where it fails there, else [0, 1]."""
        eqn = self.made.get(p)
        if eqn is None or eqn.operation == "where":
            return f.where(read(p, Truth), 1, 0)
        if is_relation(eqn):
            slope = slope_of_relu(difference(eqn, read))
            return slope if eqn.operation != "equal" else f.clip(4 * slope * (1 - slope), 0, 1)
        weights = [self.weight(q, read) for q in eqn.operands]
        if eqn.operation in CONNECTIVES:
            return CONNECTIVES[eqn.operation](*weights)
        context, values = weights[0].context, [w.value for w in weights]  # structure: elements of truths
        return Tensor(context, eqn.result.shape, context.arrays.apply(eqn.operation, *values, **eqn.parameters))


CONNECTIVES: dict[str, Callable[..., Tensor]] = {
    "logical_not": lambda p: 1 - p,
    "logical_and": lambda p, q: p * q,
    "logical_or": lambda p, q: 1 - (1 - p) * (1 - q),
}
"""The weight of a truth by those of the truths that it is made of."""
check_complete("generalized, truths", CONNECTIVES, having(kind="connective"))
AT_KINKS: dict[str, Callable[[Enclosing, Equation, Tensor, Read], Sequence[Cotangent]]] = {
    "relu": Enclosing._kink,
    "abs": Enclosing._kink,
    "leaky_relu": Enclosing._leaky_relu,
    "maximum": Enclosing._choice,
    "minimum": Enclosing._choice,
    "heaviside": Enclosing._step,
    "sign": Enclosing._step,
    "floor": Enclosing._step,
    "ceil": Enclosing._step,
    "trunc": Enclosing._step,
    "round": Enclosing._step,
    "where": Enclosing._where,
    "less": Enclosing._relation,
    "less_equal": Enclosing._relation,
    "equal": Enclosing._relation,
    "logical_not": Enclosing._connective,
    "logical_and": Enclosing._connective,
    "logical_or": Enclosing._connective,
}
"""The rules of operations that have kinks, steps or borders."""
check_complete("generalized", AT_KINKS, having(kinks=("zero", "tie", "border", *JUMPS)) - {*REREAD})


def slope_of_relu(x: Tensor) -> Tensor:
    """1 where x > 0, 0 where x < 0, and all of [0, 1] where 0 is not excluded (enclosing contexts)."""
    step = f.heaviside(x)
    base: Any = innermost(x.context)
    return f.where(_undecided(base), step, 1 - f.heaviside(-x))


def _ends(t: Tensor) -> tuple[Array, Array, int]:
    """The ends of a tensor in floats, and how many axes of batches stand before its own."""
    context, value, axes = t.context, t.value, 0
    while context.wrapped is not None:
        axes += isinstance(context, BatchedContext) and not value.constant
        context, value = context.wrapped, value.value
    return *context.arrays.floats(value), axes


def _touches(t: Tensor) -> Array:
    """Which elements have an end at 0, in some example of a batch."""
    low, high, axes = _ends(t)
    return np.asarray(((low == 0) | (high == 0)).any(axis=tuple(range(axes))))


def _holds_zero(t: Tensor) -> Array:
    """Which elements may be 0, in some example of a batch."""
    low, high, axes = _ends(t)
    return np.asarray(((low <= 0) & (high >= 0)).any(axis=tuple(range(axes))))


def _is_point(t: Tensor) -> Array:
    """Which elements are one number, in some example of a batch."""
    low, high, axes = _ends(t)
    return np.asarray((low == high).any(axis=tuple(range(axes))))


def _touches_jumps(kinks: str, x: Tensor) -> Array:
    """Which elements have an end at a jump of a step, in some example of a batch. kinks: where it jumps."""
    low, high, axes = _ends(JUMPS[kinks](x))
    left, right = (
        end == np.floor(end) if kinks != "wholes" else (end == np.floor(end)) & (end != 0) for end in (low, high)
    )
    return np.asarray((left | right).any(axis=tuple(range(axes))))


def _nonzero(t: Tensor) -> Array:
    """Which elements are not surely 0."""
    low, high, axes = _ends(t)
    return np.asarray(((low != 0) | (high != 0)).any(axis=tuple(range(axes))))


def _unbounded(t: Tensor, mask: Array) -> Tensor:
    """A tensor, with all reals where the mask says."""
    if not mask.any():
        return t
    base = innermost(t.context)
    truths = np.empty(mask.shape, dtype=object)
    truths.reshape(-1)[:] = mask.ravel().tolist()
    truth = Truth.from_scalars(base, truths)
    return f.where(truth, _constant(base, -np.inf, np.inf), t)


def _slope_of_step(x: Tensor) -> Tensor:
    """0 where x is not 0, and all of [0, ∞] where 0 is not excluded."""
    return f.where(x > 0, 0, f.where(x < 0, 0, _constant(x.context, 0, np.inf)))


def _constant(context: Context[Any], low: float, high: float) -> Tensor:
    """The box of numbers between two, as a constant."""
    return innermost(context).box(low, high)


@lru_cache(maxsize=64)
def _undecided(context: Any) -> Truth:
    """A truth that is not decided: `where` of it is a hull of both branches."""
    truth: Truth = context.box(0, 1) < "1/2"
    return truth
