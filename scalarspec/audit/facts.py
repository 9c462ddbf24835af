"""Facts about losses, and the loss that they are asked of: called on numbers, its results read exactly."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec.core.arguments import spec_name
from scalarspec.core.arrays import lift
from scalarspec.core.failures import failures_told
from scalarspec.core.functions import endpoints
from scalarspec.core.registry import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainError, ScalarSpecError
from scalarspec.numbers.exact import exact_float, infinite
from scalarspec.numbers.formats import Format
from scalarspec.report import enclosure_text
from scalarspec.rounding_errors.float_results import Floats, read
from scalarspec.tracing.gradient import grad

Array = np.ndarray[Any, Any]
Inputs = dict[str, Any]
"""Arguments by name: float64 arrays of shape (n,), or (1, n) for functions of batches, and floats."""
Spec = Callable[..., Tensor]
Framework = Literal["numpy", "torch"]

SLACK = 16
"""How many times the spec's own rounding bound a right result may be off: it may be written in another way."""
STEP = 2.0**-10
"""Half the step of the difference quotients that stand for gradients where only values are to be had."""
FAR = 8
"""How many times the slack two values are apart, where a result that is near one tells which it is."""
SMALL = 3
"""Gradients are asked for at so many coordinates at most."""


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
class Fact:
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


@dataclass(frozen=True, eq=False)
class Near:
    """What a float may be: exact ends of the exact value, and how far off rounding may put it."""

    lower: Array
    upper: Array
    slack: Array

    @classmethod
    def of(cls, spec: Spec, inputs: Mapping[str, Any], form: Format) -> Near:
        """At these inputs, taken exactly. Raises DomainError where the spec has no value."""
        context: Any = named_context("rounding", dtype=form)
        result = spec(*(context.points(value) for value in inputs.values()))
        lower, upper = endpoints(result)
        slack = lift(exact_float, np.asarray(SLACK * result.value.bound, dtype=object))
        return cls(lower, upper, slack)

    @property
    def tells(self) -> bool:
        """Are there values, and does rounding not explain whatever comes?"""
        return bool(self.slack.size) and not infinite(*self.lower.flat, *self.upper.flat, *self.slack.flat)

    def holds(self, floats: Floats, times: Fraction = Fraction(1)) -> bool:
        """Is every float one that rounding explains, of which so many times the slack is granted?"""
        if floats.values.shape != self.lower.shape:
            return False
        triples = zip(self.lower.flat, floats.values.flat, self.upper.flat, self.slack.flat, strict=True)
        return all(
            not infinite(x) and low - times * slack <= x <= high + times * slack for low, x, high, slack in triples
        )

    def far(self, other: Near) -> bool:
        """Are the values of two specs so far apart that slack, by far, does not make one of the other?"""
        quads = zip(self.lower.flat, self.upper.flat, other.lower.flat, other.upper.flat, strict=True)
        gap = max((max(low - top, bottom - high) for low, high, bottom, top in quads), default=Fraction(0))
        return bool(gap > FAR * max(*self.slack.flat, *other.slack.flat))

    def text(self) -> str:
        """The exact value, or the first of several."""
        shown = [enclosure_text(low, high, 6) for low, high in zip(self.lower.flat, self.upper.flat, strict=True)][:3]
        return shown[0] if self.lower.size == 1 else f"[{', '.join(shown)}{', ...' if self.lower.size > 3 else ''}]"


@dataclass(frozen=True, eq=False)
class Subject:
    """Somebody's function, of arguments in this order, beside the spec that it should be."""

    function: Callable[..., Any]
    spec: Spec
    parameters: tuple[str, ...]
    takes: Framework
    gradients: Mapping[str, Spec]
    _values: dict[Any, Floats] = field(default_factory=dict)
    _nears: dict[Any, Near] = field(default_factory=dict)

    def value(self, inputs: Inputs) -> Floats:
        """Its result, exactly. Raises ArgumentError where it fails, or gives no floats."""
        key = self._key(inputs)
        if key not in self._values:
            floats = read(f"{self.name}: its result", self._called(inputs))
            if floats.shape == (1,) and max(map(np.ndim, inputs.values())) == 2:  # one loss for each of the batch
                floats = Floats(floats.form, floats.values.reshape(()))
            self._values[key] = floats
        return self._values[key]

    @property
    def name(self) -> str:
        """What it is called."""
        return spec_name(self.function)

    def near(self, inputs: Inputs, form: Format) -> Near:
        """What the right result may be."""
        key = (self._key(inputs), form)
        if key not in self._nears:
            self._nears[key] = Near.of(self.spec, self.ordered(inputs), form)
        return self._nears[key]

    def _key(self, inputs: Inputs) -> tuple[bytes, ...]:
        return tuple(np.asarray(inputs[name]).tobytes() for name in self.parameters)

    def ordered(self, inputs: Inputs) -> Inputs:
        """The inputs in the order of the arguments."""
        return {name: inputs[name] for name in self.parameters}

    def autograd(self, inputs: Inputs, name: str) -> Floats | None:
        """PyTorch's gradient with respect to an argument: 0 where none comes. None where it cannot be asked for."""
        if self.takes != "torch":
            return None
        tensors = {key: as_torch(value).requires_grad_() for key, value in self.ordered(inputs).items()}
        try:
            with failures_told(self._where(inputs)):
                result = self.function(*tensors.values())
                if not hasattr(result, "requires_grad"):
                    return None
                if result.requires_grad:
                    result.sum().backward()
        except ScalarSpecError:  # it takes no tensors that want gradients, though it takes others
            return None
        gradient = tensors[name].grad
        return read(f"{self.name}: its gradient", 0 * tensors[name] if gradient is None else gradient)

    def _where(self, inputs: Inputs) -> str:
        return f"{self.name}({', '.join(self.parameters)}) fails at {shown(self.ordered(inputs))}"

    def _called(self, inputs: Inputs) -> Any:
        values = [as_torch(inputs[n]) if self.takes == "torch" else inputs[n] for n in self.parameters]
        with failures_told(self._where(inputs)), np.errstate(all="ignore"):
            return self.function(*values)


def as_torch(value: Any) -> Any:
    """A float64 tensor of PyTorch's."""
    torch = importlib.import_module("torch")
    return torch.tensor(value, dtype=torch.float64)


def shown(inputs: Mapping[str, Any]) -> str:
    """Inputs on one line."""
    parts = []
    for name, value in inputs.items():
        numbers = [f"{v:.6g}" for v in np.ravel(value)[:4]]  # of a batch, the one row
        text = ", ".join(numbers) + (", ..." if np.size(value) > 4 else "")
        parts.append(f"{name} = [{text}]" if np.ndim(value) else f"{name} = {text}")
    return ", ".join(parts)


# ---- the facts ------------------------------------------------------------------------------------------------------


def equal(text: str, at: Callable[[Inputs], Inputs] = dict) -> Fact:
    """The loss is the spec, at these inputs made of each case."""

    def check(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
        def ask(case: Inputs) -> Outcome:
            inputs = subject.ordered(at(case))
            actual = subject.value(inputs)
            near = subject.near(inputs, actual.form)
            if not near.tells:
                return _blind(inputs, actual)
            if near.holds(actual):
                return None
            return Failure(inputs, f"it is {actual.text()}, the exact value {near.text()}")

        return each(cases, ask)

    return Fact(text, check)


def _blind(inputs: Inputs, actual: Floats) -> Unseen:
    """Inputs at which a float may be anything, or nothing is asked of it."""
    return Unseen(f"at {shown(inputs)} rounding in {actual.form.name} can explain any result, or there is none")


def not_negative(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
    """No value is below 0 by more than rounding."""

    def ask(case: Inputs) -> Outcome:
        inputs = subject.ordered(case)
        actual = subject.value(inputs)
        near = subject.near(inputs, actual.form)
        if not near.tells:
            return _blind(inputs, actual)
        below = any(infinite(x) or x < -most for x, most in zip(actual.values.flat, near.slack.flat, strict=True))
        return Failure(inputs, f"it is {actual.text()}") if below else None

    return each(cases, ask)


def repetition(reduction: str) -> Fact:
    """Repeating the coordinates: a mean stays, a sum doubles."""
    factor = 1 if reduction == "mean" else 2

    def check(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
        def ask(case: Inputs) -> Outcome:
            once = subject.ordered(case)
            twice = {name: np.concatenate([v, v], axis=-1) if np.ndim(v) else v for name, v in once.items()}
            failure = _combination(subject, {"once": (-factor, once), "twice": (1, twice)})
            if not isinstance(failure, dict):
                return failure
            return Failure(once, f"{failure['once']}; with every coordinate twice, {failure['twice']}")

        return each(cases, ask)

    return Fact(
        "repeating every coordinate leaves it as it is: a mean"
        if reduction == "mean"
        else "repeating every coordinate doubles it: a sum",
        check,
    )


def _vanishing(at: Callable[[Inputs], Mapping[str, tuple[int, Inputs]]]) -> Callable[..., Outcome]:
    """The check that a weighted sum of results, at inputs made of each case, is 0."""

    def check(subject: Subject, cases: Iterable[Inputs]) -> Outcome:
        def ask(case: Inputs) -> Outcome:
            failure = _combination(subject, at(case))
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


def _combination(subject: Subject, at: Mapping[str, tuple[int, Inputs]]) -> dict[str, str] | Unseen | None:
    """None if a weighted sum of results is 0 up to rounding; else the results."""
    total: Any = Fraction(0)
    slack: Any = Fraction(0)
    actual = {name: subject.value(inputs) for name, (_, inputs) in at.items()}
    for name, (weight, inputs) in at.items():
        near = subject.near(subject.ordered(inputs), actual[name].form)
        if not near.tells:
            return _blind(subject.ordered(inputs), actual[name])
        (value,), (most,) = actual[name].values.flat, near.slack.flat
        total = math.inf if infinite(value) else total + weight * value
        slack += abs(weight) * most
    return {name: floats.text() for name, floats in actual.items()} if not abs(total) <= slack else None


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
        return _blind(inputs, found)
    return None if near.holds(found) else f"is {found.text()}, the exact gradient {near.text()}"


def _quotient_failure(subject: Subject, inputs: Inputs, i: int, name: str) -> str | None:
    """By the mean value theorem, a difference quotient lies among the derivatives over its step."""
    context = named_context("interval64", fast=False)
    for place in np.ndindex(*np.shape(inputs[name])):
        ends = [_moved(inputs, name, place, step) for step in (-STEP, STEP)]
        boxes = {key: context.tensor(value) for key, value in inputs.items()}
        boxes[name] = context.box(ends[0][name], ends[1][name])
        lower, upper = endpoints(grad(subject.spec, i)(*boxes.values()))
        actual = [subject.value(end) for end in ends]
        nears = [subject.near(end, floats.form) for end, floats in zip(ends, actual, strict=True)]
        if not all(near.tells for near in nears):
            continue
        width = 2 * Fraction(STEP)
        values: list[Any] = [floats.values[()] for floats in actual]
        slack: Any = sum(near.slack[()] for near in nears) / width
        if infinite(*values):
            return f"is not known: the values around are {actual[0].text()} and {actual[1].text()}"
        quotient = (values[1] - values[0]) / width
        if not lower[place] - slack <= quotient <= upper[place] + slack:
            between: tuple[Any, Any] = (lower[place], upper[place])
            exact = enclosure_text(*between, digits=4)
            return f"is {float(quotient):.6g} by a difference quotient, exactly {exact}"
    return None


def _moved(inputs: Inputs, name: str, place: tuple[int, ...], step: float) -> Inputs:
    moved = np.array(inputs[name], dtype=np.float64)
    moved[place] += step
    return {**inputs, name: moved if moved.ndim else float(moved)}


# ---- explanations ---------------------------------------------------------------------------------------------------


def matches(spec: Spec, inputs: Inputs, actual: Floats) -> bool:
    """Can the result be what this spec gives? Where the spec has no value: is it no number?"""
    try:
        near = Near.of(spec, inputs, actual.form)
    except DomainError:
        return all(infinite(x) for x in actual.values.flat)
    return near.holds(actual) or not near.tells


def explains(wrong: Spec, right: Spec, results: Sequence[tuple[Inputs, Floats]]) -> bool:
    """Are all results what a wrong spec gives, and is one of them so by far not what the right one gives?"""
    if not all(matches(wrong, inputs, actual) for inputs, actual in results):
        return False
    return any(_tells_apart(wrong, right, inputs, actual) for inputs, actual in results)


def _tells_apart(wrong: Spec, right: Spec, inputs: Inputs, actual: Floats) -> bool:
    """Is a result that of the wrong spec, and not that of the right one, which lies far from there?"""
    try:
        near, other = Near.of(wrong, inputs, actual.form), Near.of(right, inputs, actual.form)
    except DomainError:
        return False
    return near.tells and other.tells and near.far(other) and near.holds(actual) and not other.holds(actual)


def computes_in(narrow: Format, right: Spec, results: Iterable[tuple[Inputs, Floats]]) -> bool:
    """Are all results numbers of a narrower format, as near the exact values as that allows, and is this no chance?

    It is none where the right results of the wider format are others, and these need nearly all bits of the narrower
    one (differences lose some): at several inputs.
    """
    told, narrower = 0, replace(narrow, precision=narrow.precision - LOST)
    for inputs, actual in results:
        near = Near.of(right, inputs, narrow)
        if not near.tells:
            continue  # it may leave the range of the format
        if not all(isinstance(x, Fraction) and narrow.holds(x) for x in actual.values.flat):
            return False
        if not near.holds(actual, NARROW):
            return False
        exact = Near.of(right, inputs, actual.form)
        full = not all(narrower.holds(x) for x in actual.values.flat)
        told += full and exact.tells and not exact.holds(actual)
    return told >= SEVERAL


NARROW = Fraction(1, 4)
"""Of the slack, for what is said to compute in a narrower format: 4 times the spec's own rounding bound."""
LOST = 3
"""So many last bits of such results may all be 0."""
SEVERAL = 2
"""At so many inputs a result must need the narrower format, and not be one of the wider."""
