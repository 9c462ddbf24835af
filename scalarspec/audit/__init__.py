"""An audit of somebody's own loss: the facts that a right one obeys, and the likely mistake where it does not.

The loss is called on simple inputs first, so that the first failure is the smallest witness. Its results are compared
with enclosures of the exact values, widened by what rounding can do; no tolerance is guessed. Where a fact fails, those
of the ways in which people get such a loss wrong that give the very same numbers are named.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec.audit.facts import (
    Failure,
    Framework,
    Inputs,
    Near,
    Outcome,
    Spec,
    Subject,
    as_torch,
    computes_in,
    explains,
    shown,
)
from scalarspec.audit.kinds import KINDS, Kind, Reduction
from scalarspec.core.failures import failures_told
from scalarspec.errors import ArgumentError, DomainError, ScalarSpecError, ShapeError, UnknownName
from scalarspec.numbers.formats import FORMATS
from scalarspec.report import table
from scalarspec.rounding_errors.float_results import Floats

__all__ = ["KINDS", "Audit", "Finding", "audit"]

TELLING = 5
"""The simplest case with several coordinates."""
MOST_NAMED = 3
"""So many mistakes that give the same numbers are named at most."""


Status = Literal["holds", "FAILS", "not checked"]


@dataclass(frozen=True)
class Finding:
    """A fact, and whether it holds.

    Where it fails: the smallest inputs found, and what came; where it is not checked: why that cannot be seen.
    """

    fact: str
    status: Status
    witness: Inputs | None = None
    text: str = ""

    @classmethod
    def of(cls, fact: str, outcome: Outcome) -> Finding:
        """What came of a check."""
        if outcome is None:
            return cls(fact, "holds")
        if isinstance(outcome, Failure):
            return cls(fact, "FAILS", outcome.inputs, outcome.text)
        return cls(fact, "not checked", text=outcome.text)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        witness = None if self.witness is None else {k: np.asarray(v).tolist() for k, v in self.witness.items()}
        return {"fact": self.fact, "status": self.status, "witness": witness, "text": self.text}


@dataclass(frozen=True)
class Audit:
    """What an audit found. mistakes: in words, the known mistakes that explain every result, the likeliest first."""

    name: str
    kind: str
    what: str
    findings: tuple[Finding, ...]
    mistakes: tuple[str, ...]
    inputs: int

    @property
    def ok(self) -> bool:
        """Does nothing fail? What is not checked may be wrong all the same."""
        return bool(self.findings) and not any(finding.status == "FAILS" for finding in self.findings)

    def __str__(self) -> str:
        rows = [[f.fact, f.status] for f in self.findings]
        lines = [f"{self.name}, as {self.kind}: {self.what}", "", table(["fact", f"on {self.inputs} inputs"], rows)]
        unseen = [f"not checked, {f.fact}: {f.text}" for f in self.findings if f.status == "not checked"]
        if unseen:
            lines += ["", *unseen]
        if self.ok:
            return "\n".join(lines)
        if self.mistakes:
            lines += ["", "likely mistake: " + "\n  or: ".join(self.mistakes)]
        else:
            lines += ["", "no known mistake gives these numbers"]
        witness = next(f for f in self.findings if f.status == "FAILS")
        return "\n".join([*lines, f"smallest witness: {shown(witness.witness or {})}: {witness.text}"])

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        findings = [finding.to_json() for finding in self.findings]
        head = {"name": self.name, "kind": self.kind, "what": self.what, "ok": self.ok}
        return {**head, "mistakes": list(self.mistakes), "inputs": self.inputs, "findings": findings}


def audit(
    function: Callable[..., Any],
    kind: str,
    *,
    reduction: Reduction = "mean",
    inputs: Mapping[str, Any] | None = None,
    convert: Literal["auto"] | Framework = "auto",
) -> Audit:
    """The facts of a kind of loss, asked of somebody's own function, and the likely mistake if one fails.

    function: a loss in NumPy, PyTorch or Python, of positional arguments of shape (n,), or (1, n) if it wants a batch:
        gaussian-kl          mu, logvar
        autoencoder          x, x_hat
        vae                  x, x_hat, mu, logvar
        beta-vae             x, x_hat, mu, logvar, beta
        vq                   z_e, z_q, beta
        reparameterization   mu, logvar, eps       (its result has shape (n,))
    reduction: whether the right loss is the mean over the coordinates, as in this library, or the sum, as in the VAE's
    paper; inputs: further inputs to try, by name, beside the simple and the random ones; convert: what the function
    takes, NumPy's arrays or PyTorch's tensors ("auto": PyTorch's where arrays will not do).
    Under PyTorch gradients are autograd's. Else difference quotients may show that one is wrong; where they agree with
    the spec's it is not checked, since a stop-gradient cannot be seen in values.

    Raises UnknownName for a kind that does not exist, ArgumentError where the function fails or gives no floats.
    """
    if kind not in KINDS:
        raise UnknownName(f"kind: there is none called {kind!r}; there are {', '.join(KINDS)}")
    for name, value, choices in (
        ("reduction", reduction, ("mean", "sum")),
        ("convert", convert, ("auto", "numpy", "torch")),
    ):
        if value not in choices:
            raise ArgumentError(f"{name}: expected {' or '.join(map(repr, choices))}, got {value!r}")
    if not callable(function):
        raise ArgumentError(f"function: expected a function, got {function!r}")
    if convert == "torch" and importlib.util.find_spec("torch") is None:
        raise ArgumentError("convert: 'torch' needs PyTorch, which is not installed")
    made = KINDS[kind](reduction)
    _takes(function, made)
    cases = [*_cases(made), *([] if inputs is None else [_own(made, inputs)])]
    takes, rows = _taken(function, cases[0], convert)
    cases = [{name: v[None] if rows and np.ndim(v) else v for name, v in case.items()} for case in cases]
    subject = Subject(function, made.spec, made.parameters, takes, made.gradients)
    _has_its_shape(subject, cases)
    findings = [Finding.of(fact.text, fact.check(subject, cases)) for fact in made.facts]
    failed = any(finding.status == "FAILS" for finding in findings)
    mistakes = _mistakes(made, subject, cases) if failed else ()
    return Audit(subject.name, kind, made.what, tuple(findings), mistakes, len(cases))


def _taken(function: Callable[..., Any], case: Inputs, convert: str) -> tuple[Framework, bool]:
    """What a function takes: PyTorch's tensors, if that is loaded and NumPy's arrays will not do; batches?"""
    frameworks: list[Framework] = [n for n in ("numpy", "torch") if convert in ("auto", n)]
    loaded = [n for n in frameworks if n != "torch" or convert == "torch" or "torch" in sys.modules]
    ways = [(n, rows) for n in loaded for rows in (False, True)]
    for framework, rows in ways:
        values = [v[None] if rows and np.ndim(v) else v for v in case.values()]
        try:
            with failures_told("tried"), np.errstate(all="ignore"):
                function(*(as_torch(v) if framework == "torch" else v for v in values))
        except ScalarSpecError:  # the reason is told when it is called in earnest
            continue
        return framework, rows
    return frameworks[0], False


def _takes(function: Callable[..., Any], kind: Kind) -> None:
    try:
        inspect.signature(function).bind(*kind.parameters)
    except TypeError:
        wanted = f"({', '.join(kind.parameters)})"
        raise ArgumentError(
            f"function: expected one of {wanted} for {kind.name!r}, got {inspect.signature(function)}"
        ) from None
    except ValueError:  # a builtin that has no signature
        return


def _has_its_shape(subject: Subject, cases: list[Inputs]) -> None:
    """Raises ShapeError unless every result has the shape of the spec's: () or (n,)."""
    scalar = subject.near(subject.ordered(cases[0]), FORMATS["float64"]).lower.shape == ()
    for case in cases:
        inputs = subject.ordered(case)
        expected = () if scalar else np.shape(next(iter(inputs.values())))
        actual = subject.value(inputs)
        if actual.shape != expected:
            raise ShapeError(
                f"{subject.name}: its result has shape {actual.shape}, expected {expected}, at {shown(inputs)}"
            )


# ---- inputs ---------------------------------------------------------------------------------------------------------

_SIMPLE: tuple[dict[str, Any], ...] = (
    {"mu": [0], "logvar": [0], "eps": [1], "x": [0.5], "x_hat": [0.5], "z_e": [0], "z_q": [0], "beta": 1},
    {"mu": [1], "logvar": [0], "eps": [1], "x": [0.5], "x_hat": [0.25], "z_e": [1], "z_q": [0], "beta": 1},
    {"mu": [0], "logvar": [1], "eps": [1], "x": [1], "x_hat": [0.25], "z_e": [1], "z_q": [3], "beta": 2},
    {"mu": [1], "logvar": [-1], "eps": [-2], "x": [0.25], "x_hat": [0.75], "z_e": [-1], "z_q": [0.5], "beta": 0.25},
    {"mu": [-2], "logvar": [2], "eps": [0.5], "x": [0], "x_hat": [0.5], "z_e": [2], "z_q": [1.5], "beta": 0.5},
    {
        "mu": [1, -0.5], "logvar": [0.5, -2], "eps": [1, -1], "x": [0.5, 0.25, 1], "x_hat": [0.25, 0.5, 0.875],
        "z_e": [1, -0.5], "z_q": [0.5, 2], "beta": 4,
    },
)  # fmt: skip


def _cases(kind: Kind) -> list[Inputs]:
    """Simple inputs, the simplest first, then random ones."""
    source = np.random.default_rng(0)
    made = [dict(case) for case in _SIMPLE]
    for n in (3, 16):
        case: dict[str, Any] = {name: source.normal(size=n) for name in ("mu", "logvar", "eps", "z_e", "z_q")}
        case |= {name: source.uniform(0.0625, 0.9375, size=2 * n) for name in ("x", "x_hat")}
        made.append({**case, "beta": 1.5})
    return [{name: _value(case[name]) for name in kind.parameters} for case in made]


def _value(number: Any) -> Any:
    return np.asarray(number, dtype=np.float64) if np.ndim(number) else float(number)


def _own(kind: Kind, inputs: Mapping[str, Any]) -> Inputs:
    """A user's inputs, as the function will get them."""
    missing = [name for name in kind.parameters if name not in inputs]
    if missing:
        has = ", ".join(inputs) or "nothing"
        raise ArgumentError(f"inputs: {kind.name!r} needs {', '.join(kind.parameters)}; there is {has}")
    own = {name: _value(np.asarray(inputs[name], dtype=np.float64)) for name in kind.parameters}
    for name, value in own.items():
        if not np.all(np.isfinite(value)):
            raise DomainError(f"inputs: {name} holds NaN or an infinity")
        if np.ndim(value) > 1 or (name == "beta") != (np.ndim(value) == 0):
            shape = "()" if name == "beta" else "(n,)"
            raise ArgumentError(f"inputs: expected {name} of shape {shape}, got {np.shape(value)}")
    return own


# ---- the likely mistake ---------------------------------------------------------------------------------------------


def _mistakes(kind: Kind, subject: Subject, cases: list[Inputs]) -> tuple[str, ...]:
    """The known mistakes that give the function's results in every case, the simplest first."""
    telling = sorted(range(len(cases)), key=lambda i: i != TELLING)  # nearly all that differs differs there
    results = [(subject.ordered(cases[i]), subject.value(cases[i])) for i in telling]
    if all(subject.near(inputs, actual.form).holds(actual) for inputs, actual in results):
        return _gradient_mistakes(kind, subject, cases)
    found = [m.text for m in kind.mistakes() if explains(m.spec, kind.spec, results)]
    if not found:
        narrower = [name for name in ("float32", "bfloat16", "float16") if _narrower(name, results)]
        found = [f"it computes in {name}" for name in narrower if computes_in(FORMATS[name], kind.spec, results)][:1]
    fewest = min((text.count(";") for text in found), default=0)
    return tuple(dict.fromkeys(text for text in found if text.count(";") == fewest))[:MOST_NAMED]


def _narrower(name: str, results: list[tuple[Inputs, Floats]]) -> bool:
    """Is a format narrower than that of every result?"""
    return all(FORMATS[name].precision < actual.form.precision for _, actual in results)


def _gradient_mistakes(kind: Kind, subject: Subject, cases: list[Inputs]) -> tuple[str, ...]:
    """Where the values are right and the gradients are not."""
    actual = {
        name: [(inputs, subject.autograd(inputs, name)) for inputs in map(subject.ordered, cases)]
        for name in kind.gradients
    }
    seen = {
        name: [(inputs, gradient) for inputs, gradient in found if gradient is not None]
        for name, found in actual.items()
    }
    if any(len(seen[name]) < len(found) for name, found in actual.items()):
        return ()
    return tuple(
        text for text, gradients in kind.gradient_mistakes.items() if _gradients_explained(kind, gradients, seen)
    )


def _gradients_explained(
    kind: Kind, wrong: Mapping[str, Spec], seen: Mapping[str, list[tuple[Inputs, Floats]]]
) -> bool:
    """Are all gradients those of a mistake, and does one of them tell it from what is right?"""
    told = [explains(wrong[name], kind.gradients[name], seen[name]) for name in wrong]
    right = [all(Near.of(wrong[n], i, g.form).holds(g) for i, g in seen[n]) for n in wrong]
    return any(told) and all(right)
