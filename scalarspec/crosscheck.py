"""The same spec under several scalars side by side, and a float result against exact or enclosing arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.arguments import bind, call
from scalarspec.context import Context
from scalarspec.errors import ArgumentError, NotExact, ScalarSpecError
from scalarspec.exact import End, decimal_text
from scalarspec.functions import endpoints
from scalarspec.lifting import lift
from scalarspec.registry import context as named_context
from scalarspec.registry import resolve
from scalarspec.report import ends_json, table, tensor_json, tensor_text, unboxed
from scalarspec.tensor import Tensor

DEFAULT_BACKENDS = ("float32", "float64", "interval", "rational")


def evaluate(spec: Callable[..., Tensor], args: Sequence[Any], backend: str | Context[Any]) -> Tensor:
    """The value of a spec under one context, its arguments lifted to it."""
    context = resolve(backend)
    return call(spec, [lift(value, context) for value in bind(spec, args).values()])


@dataclass(frozen=True)
class Reading:
    """A spec under one backend: its value, or the refusal."""

    context: Context[Any]
    value: Tensor | None
    refusal: ScalarSpecError | None
    seconds: float

    def __str__(self) -> str:
        return tensor_text(self.value) if self.value is not None else f"refused: {self.refusal}"

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact values as strings."""
        if self.value is None:
            return {"context": repr(self.context), "refused": str(self.refusal), "seconds": self.seconds}
        return {**tensor_json(self.value), "seconds": self.seconds}


@dataclass(frozen=True)
class Comparison:
    """The readings of one spec, by backend name."""

    readings: dict[str, Reading]

    def __getitem__(self, backend: str) -> Reading:
        return self.readings[backend]

    def __str__(self) -> str:
        rows = [[name, str(reading), f"{reading.seconds:.4f}"] for name, reading in self.readings.items()]
        return table(["backend", "value", "seconds"], rows)

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact values as strings."""
        return {name: reading.to_json() for name, reading in self.readings.items()}


def compare(
    spec: Callable[..., Tensor], *args: Any, backends: Sequence[str | Context[Any]] = DEFAULT_BACKENDS
) -> Comparison:
    """The same spec on the same arguments under several backends. What one refuses is a row, not an error.

    args: models on NumPy arrays, arrays and numbers, each float at its exact value.
    """
    bind(spec, args)
    contexts = [resolve(backend) for backend in backends]
    labels = [backend if isinstance(backend, str) else repr(backend) for backend in backends]
    return Comparison({label: _read(spec, args, c) for label, c in zip(labels, contexts, strict=True)})


def _read(spec: Callable[..., Tensor], args: Sequence[Any], context: Context[Any]) -> Reading:
    start = time.perf_counter()
    try:
        value = evaluate(spec, args, context)
    except NotExact as refusal:
        return Reading(context, None, refusal, time.perf_counter() - start)
    return Reading(context, value, None, time.perf_counter() - start)


@dataclass(frozen=True)
class Crosscheck:
    """A float result beside the truth. For a spec of shape () the fields hold numbers, else object arrays.

    actual: the float tensor; enclosure: (lower, upper), exact; exact: the exact value where the spec stays rational,
    else None; distance: (least, greatest) possible |actual - exact value|; inside: every float lies where outward
    rounding at each single operation puts it, so that rounding explains its error. (The enclosure itself may be
    narrower than that, since sums in it are rounded once, and then leaves out the float and not the exact value.)
    """

    actual: Tensor
    enclosure: tuple[Any, Any]
    exact: Any
    distance: tuple[Any, Any]
    inside: bool

    def __str__(self) -> str:
        least, greatest = (max(np.ravel(end), key=_sortable, default=Fraction(0)) for end in self.distance)
        return "\n".join(
            [
                f"{self.actual.dtype}: {tensor_text(self.actual)}",
                f"within rounding of the enclosure: {'yes' if self.inside else 'NO'}",
                f"exact: {'refused, so enclosed' if self.exact is None else 'yes'}",
                f"|float - exact| (worst element): {_between(least, greatest)}",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact values as strings."""
        least, greatest = ends_json(*self.distance).values()
        exact = None if self.exact is None else ends_json(self.exact, self.exact)["lower"]
        checked = {"inside": self.inside, "exact": exact, "distance": [least, greatest]}
        return {"actual": tensor_json(self.actual), "enclosure": ends_json(*self.enclosure), **checked}


def crosscheck(
    spec: Callable[..., Tensor], *args: Any, backend: str | Context[Any] = "float64", prec: int = 53
) -> Crosscheck:
    """The spec under a float backend against its enclosure at `prec` bits and its exact value, if rational.

    args: models on NumPy arrays, arrays and numbers, each float at its exact value; so under float32 the distance
    includes the rounding of arguments that float32 does not hold.
    """
    context = resolve(backend)
    if not context.rounds:
        raise ArgumentError(f"backend: expected a float context, got {context.name!r}")
    actual = evaluate(spec, args, context)
    enclosing = named_context("interval", prec=prec)
    lower, upper = endpoints(evaluate(spec, args, enclosing))
    least, greatest = endpoints(evaluate(spec, args, enclosing.reference()))
    exact = _exact(spec, args)
    floats = np.empty(actual.shape, dtype=object)
    for index, x in np.ndenumerate(np.asarray(actual)):
        floats[index] = Fraction(*x.as_integer_ratio()) if np.isfinite(x) else float(x)
    inside = bool(np.all((least <= floats) & (floats <= greatest)))
    truth = (lower, upper) if exact is None else (exact, exact)
    distance = _distance(floats, *truth)
    return Crosscheck(
        actual,
        (unboxed(lower), unboxed(upper)),
        unboxed(exact),
        (unboxed(distance[0]), unboxed(distance[1])),
        inside,
    )


def _exact(spec: Callable[..., Tensor], args: Sequence[Any]) -> Any:
    try:
        return endpoints(evaluate(spec, args, "rational"))[0]
    except NotExact:
        return None


def _distance(floats: Any, lower: Any, upper: Any) -> tuple[Any, Any]:
    """The least and the greatest distance from each float to its enclosure; infinite for a float that is no number."""
    least, greatest = np.empty(floats.shape, dtype=object), np.empty(floats.shape, dtype=object)
    for index in np.ndindex(*floats.shape):
        x, low, high = floats[index], lower[index], upper[index]
        if isinstance(x, float):
            least[index] = greatest[index] = float("inf")
        else:
            least[index] = max(low - x, x - high, Fraction(0))
            greatest[index] = max(x - low, high - x)
    return least, greatest


def _sortable(end: End) -> Any:
    return (1, 0) if isinstance(end, float) else (0, end)


def _between(least: End, greatest: End) -> str:
    low, high = decimal_text(least, 3, "ROUND_FLOOR"), decimal_text(greatest, 3, "ROUND_CEILING")
    return f"{low}" if least == greatest else f"from {low} to {high}"
