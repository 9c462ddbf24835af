"""What a fact is: a statement with its hypotheses, what is to be proved for it, and a mutation that is refuted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scalarspec.core.region import Ball, Box
from scalarspec.theory.distributions import Expectation, JointLaw, NormalLaw
from scalarspec.theory.prove import prove_equal, prove_monotone, prove_nonnegative
from scalarspec.theory.statements import Spec
from scalarspec.verdict import Verdict


@dataclass(frozen=True)
class Equal:
    """lhs = rhs, where the specs in `given` are 0."""

    lhs: Spec
    rhs: Spec
    args: Sequence[Any]
    given: Sequence[Spec] = ()

    def check(self) -> Verdict:
        """By `prove_equal`."""
        return prove_equal(self.lhs, self.rhs, *self.args, given=self.given)


@dataclass(frozen=True)
class Nonnegative:
    """spec >= 0; with `zero`, and 0 there and nowhere else."""

    spec: Spec
    args: Sequence[Any]
    over: Mapping[str, Ball | Box] = field(default_factory=dict)
    zero: Mapping[str, Any] | None = None

    def check(self) -> Verdict:
        """By `prove_nonnegative`."""
        return prove_nonnegative(self.spec, *self.args, over=self.over, zero=self.zero)


@dataclass(frozen=True)
class Monotone:
    """spec does not fall while an argument rises."""

    spec: Spec
    name: str
    args: Sequence[Any]
    over: Mapping[str, Ball | Box] = field(default_factory=dict)

    def check(self) -> Verdict:
        """By `prove_monotone`."""
        return prove_monotone(self.spec, self.name, *self.args, over=self.over)


Obligation = Equal | Nonnegative | Monotone | NormalLaw | JointLaw | Expectation
"""What is to be proved for a fact. Each has a method `check`, which gives a `Verdict`."""


@dataclass(frozen=True)
class Fact:
    """A statement of the theory, in words, and what proves it.

    name: unique; obligation: what is to be proved; mutation, mutant: in words and as an obligation, the statement with
    one mistake, which the same check must refute; hypotheses: in words, each of which the obligation takes up; source:
    the module or the theorem in TorchLean, or "derived" for what follows from these.

    statement: in words.

        fact = ss.theory.facts()[0]
        ss.theory.check(fact.control).status    # "refuted"
    """

    name: str
    statement: str
    obligation: Obligation
    mutation: str
    mutant: Obligation
    hypotheses: tuple[str, ...] = ()
    source: str = "derived"

    @property
    def control(self) -> Fact:
        """The negative control: the mutated statement, which the same check must refute."""
        return Fact(
            f"not: {self.name}", self.mutation, self.mutant, self.statement, self.obligation, source=self.source
        )
