"""The same spec under several contexts side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scalarspec.core.arguments import bind, call, one_valued, spec_name
from scalarspec.core.context import Context
from scalarspec.core.foreign import spec_of
from scalarspec.core.lifting import lifted_arguments
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import resolve
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotExact, ScalarSpecError
from scalarspec.pages.page import Page, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import table, tensor_json, tensor_text
from scalarspec.results import Record

DEFAULT_BACKENDS = ("float32", "float64", "interval", "rational")
"""The backends that give numbers, cheapest first; symbols are for `derive`."""
HEADER = ["backend", "value", "seconds"]
"""The columns of a comparison."""


def evaluate(
    spec: Callable[..., Tensor], args: Sequence[Any], backend: str | Context[Any], literals: Literals | None = None
) -> Tensor:
    """The value of a spec under one context, to which its arguments are lifted. backend: a context, or the name of
    one. literals: as `as_spec` has it.
    """
    spec = spec_of(spec, literals)
    context = resolve(backend)
    return call(spec, [*lifted_arguments(bind(spec, args), context).values()], context)


@dataclass(frozen=True)
class Reading:
    """A spec under one backend: its value, or the refusal, and how long it took in seconds."""

    context: Context[object]
    value: Tensor | None
    refusal: ScalarSpecError | None
    seconds: float

    def __str__(self) -> str:
        return tensor_text(self.value) if self.value is not None else f"refused: {self.refusal}"

    def to_json(self) -> Record:
        """Plain data, with exact values as strings."""
        if self.value is None:
            return {"context": repr(self.context), "refused": str(self.refusal), "seconds": self.seconds}
        return {**tensor_json(self.value), "seconds": self.seconds}


@dataclass(frozen=True)
class Comparison(Shown):
    """The readings of one spec, by backend name. Prints as a table. name: the spec's."""

    readings: dict[str, Reading]
    name: str = ""

    def __getitem__(self, backend: str) -> Reading:
        return self.readings[backend]

    def __str__(self) -> str:
        return table(HEADER, self._rows())

    def _rows(self) -> list[list[str]]:
        return [[name, str(reading), f"{reading.seconds:.4f}"] for name, reading in self.readings.items()]

    def _page(self) -> Page:
        title = f"Comparison of {self.name}" if self.name else "Comparison"
        read = sum(reading.value is not None for reading in self.readings.values())
        counts = f"{read} of {len(self.readings)} backends give a value"
        others = "" if read == len(self.readings) else "; the others refuse, and say why"
        return Page(title, "plain", ("Compared.", f"{counts}{others}."), [Table("Readings", HEADER, self._rows())])

    def to_json(self) -> Record:
        """Plain data by backend name, with exact values as strings."""
        return {name: reading.to_json() for name, reading in self.readings.items()}


def compare(
    spec: Callable[..., Tensor],
    *args: Any,
    backends: Sequence[str | Context[Any]] = DEFAULT_BACKENDS,
    literals: Literals | None = None,
) -> Comparison:
    """The same spec on the same arguments under several backends.

    spec: a function on tensors.
    args: the arguments of the spec, models on NumPy arrays, arrays and numbers, each float at its exact value.
    backends: names or contexts.
    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns the readings by backend name; an exact value that a backend does not have is a reading that says why, and no
    error. Raises ArgumentError where the spec gives two values for the same arguments, UnknownName for a backend that
    does not exist, and as the spec does.

        found = ss.compare(lambda x: ss.sum(ss.square(x)), [0.5, 1.5], backends=("float64", "rational"))
        found["rational"].value.item()    # Fraction(5, 2)
        print(found)
    """
    spec = spec_of(spec, literals)
    one_valued(spec, bind(spec, args))
    contexts = [resolve(backend) for backend in backends]
    labels = [backend if isinstance(backend, str) else repr(backend) for backend in backends]
    readings = {label: _read(spec, args, c) for label, c in zip(labels, contexts, strict=True)}
    return Comparison(readings, spec_name(spec))


def _read(spec: Callable[..., Tensor], args: Sequence[Any], context: Context[Any]) -> Reading:
    """The reading under one context."""
    start = time.perf_counter()
    try:
        value = evaluate(spec, args, context)
    except NotExact as refusal:
        return Reading(context, None, refusal, time.perf_counter() - start)
    return Reading(context, value, None, time.perf_counter() - start)
