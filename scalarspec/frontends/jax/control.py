"""Rules of the primitives that run programs: loops, which are unrolled, and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core.choices import where
from scalarspec.core.structure import stack
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import Undecided
from scalarspec.frontends.jax.known import is_known
from scalarspec.frontends.jax.program import Program
from scalarspec.frontends.jax.values import At, Value, part

STEPS = 1024
"""The most steps that a loop is unrolled to: each is evaluated by itself, and recorded by jobs that record."""


def scan(at: At, *values: Value) -> list[Value]:
    """A loop over rows, one step after the other."""
    constants, carried = at["num_consts"], at["num_consts"] + at["num_carry"]
    fixed, carry, rows = values[:constants], list(values[constants:carried]), values[carried:]
    length = at["length"]
    if length > STEPS:
        at.refuse(f"{length} steps of a loop, of which at most {STEPS} are unrolled")
    steps = range(length)[:: -1 if at["reverse"] else 1]
    given: dict[int, list[Value]] = {}
    for i in steps:
        found = at.run(at["jaxpr"], [*fixed, *carry, *(part(row, (i,)) for row in rows)])
        carry, given[i] = found[: len(carry)], found[len(carry) :]
    columns = zip(*(given[i] for i in range(length)), strict=True) if length else ()
    stacked = [_stacked(at, column) for column in columns]
    if not length:
        stacked = [np.zeros(kind.shape) for kind in at.equation.given[len(carry) :]]
    return [*carry, *stacked]


def _stacked(at: At, rows: Any) -> Value:
    several = at.alike([np.asarray(row) if not isinstance(row, Tensor | Truth) else row for row in rows])
    if all(map(is_known, several)):
        return np.stack(several)
    if isinstance(several[0], Truth):
        return stack([at.tensor(p) for p in several]) >= 1
    return stack(several)


def loop(at: At, *values: Value) -> list[Value]:
    """A loop whose condition is known: one step after the other."""
    ahead, inside = at["cond_nconsts"], at["cond_nconsts"] + at["body_nconsts"]
    asked, fixed, carry = values[:ahead], values[ahead:inside], list(values[inside:])
    steps = 0
    while _goes_on(at, [*asked, *carry]):
        if steps == STEPS:
            at.refuse(f"a loop runs more than {STEPS} steps, and no more are unrolled")
        carry, steps = at.run(at["body_jaxpr"], [*fixed, *carry]), steps + 1
    return carry


def _goes_on(at: At, values: list[Value]) -> bool:
    """Does a loop go on? Raises NotSupported where that is not known."""
    (more,) = at.run(at["cond_jaxpr"], values)
    if not is_known(more):
        at.refuse("how often a loop runs depends on the arguments: give it a number of steps (lax.scan)")
    return bool(more)


def cond(at: At, index: Value, *values: Value) -> list[Value]:
    """One of several programs: the one that is known to be meant, or, by `where`, both that may be."""
    branches: tuple[Program, ...] = at["branches"]
    if isinstance(index, Truth):
        return _chosen(at, index, branches, values)
    place = int(np.clip(int(at.indices(index)), 0, len(branches) - 1))
    return at.run(branches[place], values)


def _chosen(at: At, truth: Truth, branches: tuple[Program, ...], values: Any) -> list[Value]:
    outcomes = truth.context.arrays.outcomes(truth.value)
    if outcomes in ({True}, {False}):
        return at.run(branches[outcomes == {True}], values)

    def branch(k: int, output: int) -> Callable[[], Tensor]:
        return lambda: at.tensor(at.run(branches[k], values)[output])

    if any(kind.dtype == "bool" for kind in at.equation.given):
        raise Undecided(f"cond{at.equation.place}: truths come from a branch that the context cannot decide on")
    return [where(truth, branch(1, i), branch(0, i)) for i in range(len(at.equation.given))]


CONTROL: dict[str, Callable[..., Any]] = {"scan": scan, "while": loop, "cond": cond}
"""By primitive: its rule."""
