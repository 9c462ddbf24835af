"""An audit of somebody's own loss: the facts that a right one obeys, and the likely mistake where it does not.

The loss is called on simple inputs first, so that the first failure is the smallest witness. Its results are compared
with enclosures of the exact values, widened by what rounding can do; no tolerance is guessed. Where a fact fails, those
of the ways in which people get such a loss wrong that give the very same numbers are named.

Each file knows those before it: near, subject, properties, gradients, kind, kinds, then inputs, explanations and
mistakes. May import: `rounding_errors`, and what that may.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from scalarspec.audit.findings import Audit, Finding
from scalarspec.audit.inputs import cases_of, own_case
from scalarspec.audit.kind import Kind
from scalarspec.audit.kinds import KINDS
from scalarspec.audit.mistakes import likely_mistakes
from scalarspec.audit.near import Inputs
from scalarspec.audit.subject import Framework, Subject, as_torch, shown
from scalarspec.audit.variants import Reduction
from scalarspec.core.failures import failures_told
from scalarspec.errors import ArgumentError, ScalarSpecError, ShapeError, UnknownName
from scalarspec.numbers.formats import FORMATS

__all__ = ["KINDS", "Audit", "Finding", "audit"]


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

    Returns an `Audit`: a finding for each fact, the inputs of the first failure, and known mistakes that give the very
    same numbers. Raises UnknownName for a kind that does not exist, ArgumentError where the function fails or gives no
    floats, ShapeError where its result has another shape.

        print(ss.audit(my_kl, "gaussian-kl"))              # the mean over the coordinates
        assert ss.audit(my_loss, "vae", reduction="sum").ok

    The losses: Kingma & Welling 2014, appendix B; Higgins et al. 2017 (β); van den Oord et al. 2017 (VQ).
    """
    _refuse_unknown(function, kind, reduction, convert)
    made = KINDS[kind](reduction)
    _takes(function, made)
    subject, cases = _asked(function, made, inputs, convert)
    findings = [Finding.of(asked.text, asked.check(subject, cases)) for asked in made.properties]
    failed = any(finding.status == "FAILS" for finding in findings)
    mistakes = likely_mistakes(made, subject, cases) if failed else ()
    return Audit(subject.name, kind, made.what, tuple(findings), mistakes, len(cases))


def _refuse_unknown(function: Any, kind: str, reduction: str, convert: str) -> None:
    """Raises UnknownName or ArgumentError for what an audit cannot be asked."""
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


def _asked(
    function: Callable[..., Any], kind: Kind, inputs: Mapping[str, Any] | None, convert: str
) -> tuple[Subject, list[Inputs]]:
    """The function beside the spec that it should be, and the inputs to ask it at, as it takes them."""
    cases = [*cases_of(kind), *([] if inputs is None else [own_case(kind, inputs)])]
    takes, rows = _taken(function, cases[0], convert)
    cases = [{name: v[None] if rows and np.ndim(v) else v for name, v in case.items()} for case in cases]
    subject = Subject(function, kind.spec, kind.parameters, takes, kind.gradients)
    _has_its_shape(subject, cases)
    return subject, cases


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
