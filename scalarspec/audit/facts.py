"""Facts about losses, and the loss that they are asked of: called on numbers, its results read exactly."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec.arguments import failures_told, spec_name
from scalarspec.arrays import lift
from scalarspec.errors import DomainError
from scalarspec.exact import exact_float, infinite
from scalarspec.formats import Format
from scalarspec.functions import endpoints
from scalarspec.gradient import grad
from scalarspec.registry import context as named_context
from scalarspec.report import enclosure_text
from scalarspec.results import Floats, read
from scalarspec.tensor import Tensor

Array = np.ndarray[Any, Any]
Inputs = dict[str, Any]
"""Arguments by name: float64 arrays of shape (n,), or (1, n) for functions of batches, and floats."""
Spec = Callable[..., Tensor]
Framework = Literal["numpy", "torch"]

SLACK = 16
"""How many times the spec's own rounding bound a right result may be off: it may be written in another way."""
STEP = 2.0**-10
"""Half the step of the difference quotients that stand for gradients where only values are to be had."""
SMALL = 3
"""Gradients are asked for at so many coordinates at most."""


@dataclass(frozen=True)
class Failure:
    """Inputs at which a fact fails, and what came."""

    inputs: Inputs
    text: str


@dataclass(frozen=True)
class Fact:
    """A statement about a loss. `check` gives None where it holds, else the first failure over some cases."""

    text: str
    check: Callable[[Subject, Iterable[Inputs]], Failure | None]


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

    def holds(self, floats: Floats) -> bool:
        """Is every float one that rounding explains?"""
        triples = zip(self.lower.flat, floats.values.flat, self.upper.flat, self.slack.flat, strict=True)
        return floats.values.shape == self.lower.shape and all(
            not infinite(x) and low - slack <= x <= high + slack for low, x, high, slack in triples
        )

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
        """PyTorch's gradient with respect to an argument; None where the result has none at all."""
        if self.takes != "torch":
            return None
        tensors = {key: as_torch(value).requires_grad_() for key, value in self.ordered(inputs).items()}
        result = self.function(*tensors.values())
        if not getattr(result, "requires_grad", False):
            return None
        result.sum().backward()
        gradient = tensors[name].grad
        return read(f"{self.name}: its gradient", 0 * tensors[name] if gradient is None else gradient)

    def _called(self, inputs: Inputs) -> Any:
        values = [as_torch(inputs[n]) if self.takes == "torch" else inputs[n] for n in self.parameters]
        what = f"{self.name}({', '.join(self.parameters)}) fails at {shown(self.ordered(inputs))}"
        with failures_told(what), np.errstate(all="ignore"):
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

    def check(subject: Subject, cases: Iterable[Inputs]) -> Failure | None:
        for case in cases:
            inputs = subject.ordered(at(case))
            actual = subject.value(inputs)
            near = subject.near(inputs, actual.form)
            if not near.holds(actual):
                return Failure(inputs, f"it is {actual.text()}, the exact value {near.text()}")
        return None

    return Fact(text, check)


def not_negative(subject: Subject, cases: Iterable[Inputs]) -> Failure | None:
    """No value is below 0 by more than rounding."""
    for case in cases:
        inputs = subject.ordered(case)
        actual = subject.value(inputs)
        slack = subject.near(inputs, actual.form).slack
        if any(infinite(x) or x < -most for x, most in zip(actual.values.flat, slack.flat, strict=False)):
            return Failure(inputs, f"it is {actual.text()}")
    return None


def repetition(reduction: str) -> Fact:
    """Repeating the coordinates: a mean stays, a sum doubles."""
    factor = 1 if reduction == "mean" else 2

    def check(subject: Subject, cases: Iterable[Inputs]) -> Failure | None:
        for case in cases:
            once = subject.ordered(case)
            twice = {name: np.concatenate([v, v], axis=-1) if np.ndim(v) else v for name, v in once.items()}
            failure = _combination(subject, {"once": (-factor, once), "twice": (1, twice)})
            if failure:
                return Failure(once, f"{failure['once']}; with every coordinate twice, {failure['twice']}")
        return None

    return Fact(
        "repeating every coordinate leaves it as it is: a mean"
        if reduction == "mean"
        else "repeating every coordinate doubles it: a sum",
        check,
    )


def _vanishing(at: Callable[[Inputs], Mapping[str, tuple[int, Inputs]]]) -> Callable[..., Failure | None]:
    """The check that a weighted sum of results, at inputs made of each case, is 0."""

    def check(subject: Subject, cases: Iterable[Inputs]) -> Failure | None:
        for case in cases:
            failure = _combination(subject, at(case))
            if failure:
                text = ", ".join(f"{value} for {name}" for name, value in failure.items())
                return Failure(subject.ordered(case), f"it is {text}")
        return None

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


def _combination(subject: Subject, at: Mapping[str, tuple[int, Inputs]]) -> dict[str, str] | None:
    """None if a weighted sum of results is 0 up to rounding; else the results."""
    total: Any = Fraction(0)
    slack: Any = Fraction(0)
    actual = {name: subject.value(inputs) for name, (_, inputs) in at.items()}
    for name, (weight, inputs) in at.items():
        (value,) = actual[name].values.flat
        (most,) = subject.near(subject.ordered(inputs), actual[name].form).slack.flat
        total = math.inf if infinite(value) else total + weight * value
        slack += abs(weight) * most
    return {name: floats.text() for name, floats in actual.items()} if not abs(total) <= slack else None


def gradient_is_right(subject: Subject, cases: Iterable[Inputs]) -> Failure | None:
    """By autograd against the exact gradient; else by difference quotients against the gradient over the step."""
    for case in cases:
        for i, name in enumerate(subject.parameters):
            if np.size(case[name]) <= SMALL:
                failure = _gradient_failure(subject, subject.ordered(case), i, name)
                if failure:
                    return Failure(subject.ordered(case), f"d/d{name} {failure}")
    return None


def _gradient_failure(subject: Subject, inputs: Inputs, i: int, name: str) -> str | None:
    found = subject.autograd(inputs, name)
    if found is None:
        return _quotient_failure(subject, inputs, i, name)
    near = Near.of(subject.gradients.get(name) or grad(subject.spec, i), inputs, found.form)
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
        width = 2 * Fraction(STEP)
        values: list[Any] = [floats.values[()] for floats in actual]
        slack: Any = (
            sum(subject.near(end, floats.form).slack[()] for end, floats in zip(ends, actual, strict=True)) / width
        )
        if infinite(*values, slack):
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


def matches(spec: Spec, inputs: Inputs, actual: Floats) -> bool:
    """Is the result what this spec gives? Where the spec has no value: is it no number?"""
    try:
        return Near.of(spec, inputs, actual.form).holds(actual)
    except DomainError:
        return all(infinite(x) for x in actual.values.flat)
