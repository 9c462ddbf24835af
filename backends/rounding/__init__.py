"""Floats with a bound on their error, before anything is run. Promise: encloses the exact value; bounds |float - it|.

A scalar is an enclosure of the real value x, in an enclosing context, and a bound e on |x̂ - x|, where x̂ is what the
same operations give in floats of a stated format, rounded to nearest. An operation f turns these into its own by

    |f̂(x̂) - f(x)| <= |f(x̂) - f(x)| + |f̂(x̂) - f(x̂)|        inherited + local

where f̂ is f as floats compute it. How they do so is one of seven classes, and what no class or rule is stated for is
refused by name. A result that may leave the range of the format has an infinite bound. Bounds are computed in the
enclosing context; their upper ends count. In the files:

    classes      operation -> class: exact, choice, step, rounded, library, sum, composed
    tracked      a value with its errors; a truth
    model        u, λ, γ_n: the standard model of floating-point arithmetic; one call of an operation
    inherited    what the errors of the operands come to in the result
    local        what an operation adds itself: one rounding, a library's ulps, a formula, a branch that turns
    sums         the same for sums, with their proofs; exponentials: for logsumexp and softmax
    strategies   the seven classes in these terms, and the one entry point
    arrays, context    the contract of a backend

Notation and lemmas are those of Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002.
"""

from __future__ import annotations

from typing import Any

from scalarspec.backends.rounding.context import RoundingContext
from scalarspec.core.context import Context
from scalarspec.core.named_contexts import context as named_context
from scalarspec.errors import ArgumentError
from scalarspec.numbers import formats
from scalarspec.numbers.formats import FormatLike

DEFAULT_LIBM = 4
"""The ulps within which NumPy's makers promise the vectorised exp, log, sin and their like."""

PLAIN = {"interval64": {"fast": False}}
"""Parameters of inner contexts: to compile interval64's loops takes longer than it would save here."""


def rounding(
    dtype: FormatLike = "float64",
    inner: str | Context[Any] = "interval64",
    libm: int = DEFAULT_LIBM,
    accumulate: FormatLike | None = None,
) -> Any:
    """The context of floats with bounds on their errors.

    dtype: the format in which every operation is done: float64, float32, tf32, float16, bfloat16, float8_e4m3fn or
    float8_e5m2.
    inner: the enclosing context, or its name, in which real values and bounds are enclosed.
    libm: the ulps of `dtype` within which exp, log, sin and their like are right; at a power of two, where the spacing
    changes, the smaller one counts.
    accumulate: the format in which the terms of a sum, a mean, a product of vectors or matrices are multiplied and
    added, before the result is rounded to `dtype` once; `dtype` itself, where none is given.

    Raises UnknownName for an unknown format or context, ArgumentError for an inner context that does not enclose, for a
    `libm` that is no integer >= 0, and for an `accumulate` that does not hold every number of `dtype`.

        x = ss.context("rounding", dtype="float32").box(0, 1)
        ss.exp(x).item().error    # about 5 ulps at e
    """
    form = formats.named(dtype)
    sums = form if accumulate is None else formats.named(accumulate, "accumulate")
    context = named_context(inner, **PLAIN.get(inner, {})) if isinstance(inner, str) else inner
    if isinstance(libm, bool) or not isinstance(libm, int) or libm < 0:
        raise ArgumentError(f"libm: expected a number of ulps >= 0, got {libm!r}")
    if not context.encloses:
        raise ArgumentError(f"inner: expected an enclosing context such as 'interval64', got {context.name!r}")
    if not sums.contains(form):
        raise ArgumentError(f"accumulate: expected a format that holds every {form.name}, got {sums.name!r}")
    return RoundingContext(form, context, libm, sums)  # type: ignore[abstract]
