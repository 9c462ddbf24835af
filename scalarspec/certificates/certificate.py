"""Certificates of bounds, of proofs and of values: `certificate()` of `Bounds`, `Proof` and `Crosscheck`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from scalarspec import check
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.formula import Formula
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import Goal, Part
from scalarspec.bounding.search import Narrow
from scalarspec.certificates import torchlean
from scalarspec.certificates.claim import Claim, claim_of, compared, rounded
from scalarspec.certificates.program import Program, program_of
from scalarspec.certificates.proof import Builder, bounds, narrowed, proved
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError

Certificate = dict[str, Any]
EFFORT = 16
"""A certificate may need more parts than the search did: so many times as many, at most."""


FORMATS = ("scalarspec", torchlean.QUERY, torchlean.MONOTONICITY)
"""What a certificate may be written for: `scalarspec.check`, or TorchLean's checkers."""


@contextlib.contextmanager
def _in_domains() -> Iterator[None]:
    """Raises NotSupported where the checker's ranges do not tell that a function has values everywhere."""
    try:
        yield
    except ScalarSpecError:
        raise
    except (ValueError, ZeroDivisionError) as error:
        raise NotSupported(f"certificate: by the checker's bounds over the box, {error}") from error


@_in_domains()
def of_bounds(jobs: Jobs, boxes: int, format: str) -> Certificate:
    """That the outputs of a spec lie within bounds, over one box split into so many parts; for TorchLean, not split, or
    that they are monotone. Raises ArgumentError for an unknown format.
    """
    _known(format, FORMATS)
    if format != FORMATS[0]:
        make = torchlean.query_of_bounds if format == torchlean.QUERY else torchlean.monotonicity
        return make(jobs.domain)
    program = program_of(jobs.domain)
    builder = Builder(program, jobs, Narrow(None), _both_ends(program))
    tree, found = narrowed(builder, Part.whole(jobs.domain, 0), boxes)
    return _certificate(program, _between(found), tree)


@_in_domains()
def of_value(domain: Domain) -> Certificate:
    """That the outputs of a spec at arguments of which none varies lie between numbers, near ones as a rule."""
    program = program_of(domain)
    part = check.Part(check.compiled(program.entries), {}, {})
    for _ in range(program.result + 1):
        part.reach()
    return _certificate(program, _between(bounds(part, program.result, _both_ends(program))), {})


@_in_domains()
def of_proof(jobs: Jobs, formula: Formula, goal: Goal, boxes: int, format: str) -> Certificate:
    """That a claim holds over one box, which a search for this goal split into so many parts; for TorchLean, not split.

    Raises ArgumentError for an unknown format, NotSupported where a proof by the checker's means was not found.
    """
    _known(format, FORMATS[:2])
    claim = claim_of(formula)
    if format == torchlean.QUERY:
        return torchlean.query_of_claim(jobs.domain, claim)
    program = program_of(jobs.domain)
    builder = Builder(program, jobs, goal, check.compared(claim))
    found = proved(builder, Part.whole(jobs.domain, 0), claim, EFFORT * boxes + 64)
    if found is None:
        raise NotSupported(
            "certificate: the checker's bounds are simpler than those of the search, and did not prove the claim in "
            f"{EFFORT * boxes + 64} parts"
        )
    return _certificate(program, claim, found[0])


def _known(format: str, formats: Sequence[str]) -> None:
    if format not in formats:
        raise ArgumentError(f"format: expected one of {', '.join(formats)}, got {format!r}")


def _between(found: Mapping[tuple[int, int], Fraction]) -> Claim:
    """That the result lies within bounds: of side times each element, by element and side."""
    return [
        "and",
        *(compared("at least" if side > 0 else "at most", i, side * rounded(x)) for (i, side), x in found.items()),
    ]


def _both_ends(program: Program) -> list[tuple[int, int]]:
    """Each element of the result with each side."""
    return [(i, side) for i in range(program.shape.size) for side in (1, -1)]


def _certificate(program: Program, claim: Claim, tree: Any) -> Certificate:
    head = {"format": check.FORMAT, "version": check.VERSION}
    return {**head, "program": program.entries, "value": program.result, "claim": claim, "proof": tree}
