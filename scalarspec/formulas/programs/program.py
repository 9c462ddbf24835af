"""What is written as a program: a function with its inputs, its outputs and names for nodes between."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.formulas.programs.language import Language
from scalarspec.formulas.programs.printer import Printer
from scalarspec.formulas.programs.stability import stable
from scalarspec.tracing.scalar_graph import Node


@dataclass(frozen=True)
class Program:
    """A function: arrays of the nodes that are its inputs and its outputs, by name.

    labels: names for nodes between; forwards: the nodes of a spec, where others are products of adjoints. Each language
    has a function that gives its text.
    """

    name: str
    inputs: Mapping[str, np.ndarray[Any, Any]]
    outputs: Mapping[str, np.ndarray[Any, Any]]
    labels: Mapping[Node, str]
    forwards: Collection[Node]

    @property
    def arrays(self) -> list[np.ndarray[Any, Any]]:
        """The outputs."""
        return list(self.outputs.values())

    def printed(self, language: Language, outputs: Sequence[str] | Mapping[str, Any] = ()) -> Printer:
        """All of it: the inputs keep their names where they can, then the outputs and the stages do."""
        better = {} if language.exact else stable([*self.forwards, *self._roots])
        printer = Printer(language, {better.get(x, x) for x in self.forwards})
        for name, array in self.inputs.items():
            printer.take(name, array)
        printer.outputs += [printer.names.new(name) for name in outputs]
        labels = {better.get(x, x): printer.names.new(label) for x, label in self.labels.items()}
        printer.write([better.get(x, x) for x in self._roots], labels)
        printer.texts |= {x: printer.texts[better[x]] for x in self._roots if x in better}
        return printer

    def results(self, printer: Printer) -> list[list[str]]:
        """The text of each element of each output."""
        return [[printer.texts[x] for x in array.flat] for array in self.arrays]

    @property
    def _roots(self) -> list[Node]:
        return [x for array in self.arrays for x in array.flat]
