"""Adjoints of terms in which 0 is handed on as 0: a product with what a condition makes 0 goes into that condition."""

from __future__ import annotations

from collections.abc import Container
from fractions import Fraction

from scalarspec.formulas.operations import LINEAR
from scalarspec.formulas.term import Term, below, masked
from scalarspec.formulas.term_builder import TermBuilder
from scalarspec.tracing.scalar_graph import LINEAR_IN_FIRST


def handed_on(build: TermBuilder, roots: list[Term], forwards: Container[Term]) -> list[Term]:
    """The roots, rewritten. forwards: the terms of the spec, which stay as they are; all others are adjoints."""
    done: dict[Term, Term] = {}
    for x in below(roots):
        operands = tuple(done[operand] for operand in x.operands)
        done[x] = x if x in forwards or not operands else _handed(build, x, operands)
    return [done[x] for x in roots]


def _handed(build: TermBuilder, x: Term, operands: tuple[Term, ...]) -> Term:
    """A term on operands that are rewritten."""
    place = _masked_place(x, operands)
    if place is not None:
        return _inside(build, x, operands, place)
    if x.operation == "add" and all(map(masked, operands)) and operands[0].operands[0] is operands[1].operands[0]:
        (p, a, b), (_, c, d) = (operand.operands for operand in operands)
        sums = (build.made("add", x.shape, *pair) for pair in ((a, c), (b, d)))
        return build.made("where", x.shape, p, *sums)
    return x if operands == x.operands else build.built(x.operation, x.shape, operands, x.parameters)


def _masked_place(x: Term, operands: tuple[Term, ...]) -> int | None:
    """The place of an operand in which the operation is linear, and which a condition makes 0."""
    if x.operation in LINEAR_IN_FIRST:
        linear = operands if x.operation == "multiply" else operands[:1]
        return next((i for i, operand in enumerate(linear) if masked(operand)), None)
    through = x.operation in LINEAR and masked(operands[0]) and not operands[0].operands[0].shape
    return 0 if through else None


def _inside(build: TermBuilder, x: Term, operands: tuple[Term, ...], place: int) -> Term:
    """The operation in the branches of one operand, where they are not 0."""
    p, *branches = operands[place].operands
    zero = build.number(Fraction(0))
    inner = (zero if b.number == 0 else _in_branch(build, x, operands, place, b) for b in branches)
    return build.made("where", x.shape, p, *inner)


def _in_branch(build: TermBuilder, x: Term, operands: tuple[Term, ...], place: int, branch: Term) -> Term:
    """The operation on a branch in the place of an operand, which may be masked in turn."""
    if x.operation in LINEAR:
        branch = build.fitted(branch, operands[place].shape)
    changed = (*operands[:place], branch, *operands[place + 1 :])
    if masked(branch) and (x.operation not in LINEAR or not branch.operands[0].shape):
        return _inside(build, x, changed, place)
    return build.built(x.operation, x.shape, changed, x.parameters)
