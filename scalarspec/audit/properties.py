"""Properties of a right loss, asked of a function: equality, sign, reduction, dependence on β and ε."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.audit.near import Inputs
from scalarspec.audit.subject import Subject, shown
from scalarspec.numbers.exact import infinite
from scalarspec.rounding_errors.float_results import Floats


@dataclass(frozen=True)
class Failure:
    """Inputs at which a fact fails, and what came."""

    inputs: Inputs
    text: str


@dataclass(frozen=True)
class Unseen:
    """Why it is not known whether a fact holds."""

    text: str


Outcome = Failure | Unseen | None
"""Of a check: None where the fact holds."""


@dataclass(frozen=True)
class Property:
    """A statement about a loss. `check` asks it at some cases: the first failure, else what could not be seen."""

    text: str
    check: Callable[[Subject, Iterable[Inputs]], Outcome]


def each(cases: Iterable[Inputs], ask: Callable[[Inputs], Outcome]) -> Outcome:
    """The first failure over the cases; None only where every case was seen, and there is one."""
    found: list[Outcome] = []
    for case in cases:
        found.append(ask(case))
        if isinstance(found[-1], Failure):
            return found[-1]
    unseen = (outcome for outcome in found if outcome is not None)
    return next(unseen, None) if found else Unseen("there is no input that tells")


def equal(text: str, at: Callable[[Inputs], Inputs] = dict) -> Property:
    """The loss is the spec, at these inputs made of each case."""

    def check(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
        def ask(case: Inputs) -> Outcome:
            inputs = subject.ordered(at(case))
            actual = subject.value(inputs)
            near = subject.near(inputs, actual.form)
            if not near.tells:
                return blind(inputs, actual)
            if near.holds(actual):
                return None
            return Failure(inputs, f"it is {actual.text()}, the exact value {near.text()}")

        return each(cases, ask)

    return Property(text, check)


def blind(inputs: Inputs, actual: Floats) -> Unseen:
    """Inputs at which a float may be anything, or nothing is asked of it."""
    return Unseen(f"at {shown(inputs)} rounding in {actual.form.name} can explain any result, or there is none")


def not_negative(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
    """No value is below 0 by more than rounding."""

    def ask(case: Inputs) -> Outcome:
        inputs = subject.ordered(case)
        actual = subject.value(inputs)
        near = subject.near(inputs, actual.form)
        if not near.tells:
            return blind(inputs, actual)
        below = any(infinite(x) or x < -most for x, most in zip(actual.values.flat, near.slack.flat, strict=True))
        return Failure(inputs, f"it is {actual.text()}") if below else None

    return each(cases, ask)


def repetition(reduction: str) -> Property:
    """Repeating the coordinates: a mean stays, a sum doubles."""
    factor = 1 if reduction == "mean" else 2

    def check(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
        def ask(case: Inputs) -> Outcome:
            once = subject.ordered(case)
            twice = {name: np.concatenate([v, v], axis=-1) if np.ndim(v) else v for name, v in once.items()}
            failure = combination(subject, {"once": (-factor, once), "twice": (1, twice)})
            if not isinstance(failure, dict):
                return failure
            return Failure(once, f"{failure['once']}; with every coordinate twice, {failure['twice']}")

        return each(cases, ask)

    return Property(
        "repeating every coordinate leaves it as it is: a mean"
        if reduction == "mean"
        else "repeating every coordinate doubles it: a sum",
        check,
    )


def _vanishing(at: Callable[[Inputs], Mapping[str, tuple[int, Inputs]]]) -> Callable[..., Outcome]:
    """The check that a weighted sum of results, at inputs made of each case, is 0."""

    def check(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
        def ask(case: Inputs) -> Outcome:
            failure = combination(subject, at(case))
            if not isinstance(failure, dict):
                return failure
            text = ", ".join(f"{value} for {name}" for name, value in failure.items())
            return Failure(subject.ordered(case), f"it is {text}")

        return each(cases, ask)

    return check


def _three_betas(case: Inputs) -> dict[str, tuple[int, Inputs]]:
    """L(2) - 2 L(1) + L(0)."""
    return {f"β = {b}": (weight, {**case, "beta": float(b)}) for b, weight in ((0, 1), (1, -2), (2, 1))}


def _two_reconstructions(case: Inputs) -> dict[str, tuple[int, Inputs]]:
    """L(β = 1) - L(β = 0), less the same for another reconstruction."""
    return {
        f"β = {b}, {name}": (sign * (2 * b - 1), {**case, "x_hat": x_hat, "beta": float(b)})
        for sign, name, x_hat in ((1, "x_hat", case["x_hat"]), (-1, "another", 1 - case["x_hat"] / 2))
        for b in (1, 0)
    }


linear_in_beta = _vanishing(_three_betas)


independent_of_noise = _vanishing(_two_reconstructions)


def combination(subject: Subject, at: Mapping[str, tuple[int, Inputs]]) -> dict[str, str] | Unseen | None:
    """None if a weighted sum of results is 0 up to rounding; else the results."""
    total: Any = Fraction(0)
    slack: Any = Fraction(0)
    actual = {name: subject.value(inputs) for name, (_, inputs) in at.items()}
    for name, (weight, inputs) in at.items():
        near = subject.near(subject.ordered(inputs), actual[name].form)
        if not near.tells:
            return blind(subject.ordered(inputs), actual[name])
        (value,), (most,) = actual[name].values.flat, near.slack.flat
        total = math.inf if infinite(value) else total + weight * value
        slack += abs(weight) * most
    return {name: floats.text() for name, floats in actual.items()} if not abs(total) <= slack else None
