"""The property that a loss has the right gradient: by autograd, or as far as difference quotients can tell."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.audit.near import Inputs, Near
from scalarspec.audit.properties import Failure, Outcome, Unseen, blind
from scalarspec.audit.subject import Subject
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.numbers.exact import infinite
from scalarspec.report import enclosure_text
from scalarspec.tracing.gradient import grad

STEP = 2.0**-10
"""Half the step of the difference quotients that stand for gradients where only values are to be had."""


WIDTH = 2 * Fraction(STEP)
"""The step."""

SMALL = 3
"""Gradients are asked for at so many coordinates at most."""


QUOTIENTS = Unseen(
    "only values are seen: difference quotients agree with it, but cannot tell what a stop-gradient keeps back"
)


def gradient_is_right(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
    """By autograd against the exact gradient; else difference quotients may show that it is wrong, and no more."""
    asked = [
        (case, i, name)
        for case in cases
        for i, name in enumerate(subject.parameters)
        if 0 < np.size(case[name]) <= SMALL
    ]
    found: list[Outcome] = []
    for case, i, name in asked:
        outcome = _gradient_outcome(subject, subject.ordered(case), i, name)
        if isinstance(outcome, str):
            return Failure(subject.ordered(case), f"d/d{name} {outcome}")
        found.append(outcome)
    unseen = (outcome for outcome in found if outcome is not None)
    return next(unseen, None) if found else Unseen("there is no input of few coordinates")


def _gradient_outcome(subject: Subject, inputs: Inputs, i: int, name: str) -> str | Unseen | None:
    """What a wrong gradient is; None for a right one."""
    found = subject.autograd(inputs, name)
    if found is None:
        return _quotient_failure(subject, inputs, i, name) or QUOTIENTS
    near = Near.of(subject.gradients.get(name) or grad(subject.spec, i), inputs, found.form)
    if not near.tells:
        return blind(inputs, found)
    return None if near.holds(found) else f"is {found.text()}, the exact gradient {near.text()}"


def _quotient_failure(subject: Subject, inputs: Inputs, i: int, name: str) -> str | None:
    """By the mean value theorem, a difference quotient lies among the derivatives over its step."""
    for place in np.ndindex(*np.shape(inputs[name])):
        ends = [_moved(inputs, name, place, step) for step in (-STEP, STEP)]
        actual = [subject.value(end) for end in ends]
        nears = [subject.near(end, floats.form) for end, floats in zip(ends, actual, strict=True)]
        if not all(near.tells for near in nears):
            continue
        values: list[Any] = [floats.values[()] for floats in actual]
        if infinite(*values):
            return f"is not known: the values around are {actual[0].text()} and {actual[1].text()}"
        quotient = (values[1] - values[0]) / WIDTH
        slack: Any = sum(near.slack[()] for near in nears) / WIDTH
        lower, upper = _slopes(subject, inputs, i, name, ends, place)
        if not lower - slack <= quotient <= upper + slack:
            exact = enclosure_text(lower, upper, digits=4)
            return f"is {float(quotient):.6g} by a difference quotient, exactly {exact}"
    return None


def _slopes(
    subject: Subject, inputs: Inputs, i: int, name: str, ends: list[Inputs], place: tuple[int, ...]
) -> tuple[Any, Any]:
    """The ends of the derivatives of the spec in one coordinate, between two inputs."""
    context = named_context("interval64", fast=False)
    boxes = {key: context.tensor(value) for key, value in inputs.items()}
    boxes[name] = context.box(ends[0][name], ends[1][name])
    lower, upper = endpoints(grad(subject.spec, i)(*boxes.values()))
    return lower[place], upper[place]


def _moved(inputs: Inputs, name: str, place: tuple[int, ...], step: float) -> Inputs:
    moved = np.array(inputs[name], dtype=np.float64)
    moved[place] += step
    return {**inputs, name: moved if moved.ndim else float(moved)}
