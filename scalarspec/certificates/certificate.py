"""Certificates of bounds, of proofs and of values: `certificate()` of `Bounds`, `Proof` and `Crosscheck`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from scalarspec import check
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.formula import Formula
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import Goal, Part
from scalarspec.bounding.search import Narrow
from scalarspec.certificates.claim import Claim, claim_of, compared
from scalarspec.certificates.program import Program, program_of
from scalarspec.certificates.proof import Builder, narrowed, proved
from scalarspec.errors import NotSupported

Certificate = dict[str, Any]
EFFORT = 16
"""A certificate may need more parts than the search did: so many times as many, at most."""


def of_bounds(jobs: Jobs, boxes: int) -> Certificate:
    """That the outputs of a spec lie within bounds, over one box split into so many parts."""
    program = program_of(jobs.domain)
    sides = [(i, side) for i in range(program.shape.size) for side in (1, -1)]
    builder = Builder(program, jobs, Narrow(None), sides)
    with _in_domains():
        tree, found = narrowed(builder, Part.whole(jobs.domain, 0), boxes)
    return _certificate(program, _between(found), tree)


def of_value(domain: Domain) -> Certificate:
    """That the outputs of a spec at arguments of which none varies lie between numbers, near ones as a rule."""
    program = program_of(domain)
    part = check.Part(check.compiled(program.entries), {}, {})
    sides = [(i, side) for i in range(program.shape.size) for side in (1, -1)]
    with _in_domains():
        for v in range(program.result + 1):
            part.ranges.append(part.evaluated(v))
        return _certificate(program, _between(part.bounds(program.result, sides)), {})


def of_proof(jobs: Jobs, formula: Formula, goal: Goal, boxes: int) -> Certificate:
    """That a claim holds over one box, which a search for this goal split into so many parts.

    Raises NotSupported where a proof by the checker's means was not found.
    """
    program, claim = program_of(jobs.domain), claim_of(formula)
    builder = Builder(program, jobs, goal, check.compared(claim))
    with _in_domains():
        found = proved(builder, Part.whole(jobs.domain, 0), claim, EFFORT * boxes + 64)
    if found is None:
        raise NotSupported(
            "certificate: the checker's bounds are simpler than those of the search, and did not prove the claim in "
            f"{EFFORT * boxes + 64} parts"
        )
    return _certificate(program, claim, found[0])


def _between(found: Mapping[tuple[int, int], Fraction]) -> Claim:
    """That the result lies within bounds: of side times each element, by element and side."""
    return [
        "and",
        *(compared("at least" if side > 0 else "at most", i, side * _rounded(x)) for (i, side), x in found.items()),
    ]


def _rounded(x: Fraction) -> Fraction:
    """A bound, rounded downward to a multiple of 2^-80."""
    return Fraction(x.numerator * 2**80 // x.denominator, 2**80)


@contextlib.contextmanager
def _in_domains() -> Iterator[None]:
    """Raises NotSupported where the checker's ranges do not tell that a function has values everywhere."""
    try:
        yield
    except (ValueError, ZeroDivisionError) as error:
        raise NotSupported(f"certificate: by the checker's bounds over the box, {error}") from error


def _certificate(program: Program, claim: Claim, tree: Any) -> Certificate:
    head = {"format": check.FORMAT, "version": check.VERSION}
    return {**head, "program": program.entries, "value": program.result, "claim": claim, "proof": tree}
