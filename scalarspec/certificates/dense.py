"""A program that is a chain of dense layers with a rectifier between each two, as exact matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec import check
from scalarspec.certificates.program import Program
from scalarspec.errors import NotSupported

Array = np.ndarray[Any, Any]
Place = tuple[int, int]
"""A number that a layer gives: the layer (0: the inputs), and which of its numbers."""
Row = dict[Place | None, Fraction]
"""An affine function of such numbers: their weights, and under None its constant term."""


@dataclass(frozen=True)
class Dense:
    """x -> weights x + bias, in exact numbers. weights: (m, n); bias: (m,); object arrays of Fractions."""

    weights: Array
    bias: Array


@dataclass(frozen=True)
class Network:
    """box: the exact lower and upper ends, (n,) each, of all inputs side by side; layers: with a rectifier between each
    two.
    """

    box: tuple[Array, Array]
    layers: tuple[Dense, ...]


def network_of(program: Program) -> Network:
    """The network that a program is: inputs in their order, each row by row. What is done linearly between two
    rectifiers is one dense layer; rectifiers that stand side by side are one.

    Raises NotSupported, by name, for what is none: another function, a product of two values that vary, a value that
    skips a layer, no inputs or no outputs.
    """
    return _Reading(program).network()


def _refused(what: str) -> NotSupported:
    return NotSupported(f"certificate: expected dense layers and rectifiers in turn, got {what}")


class _Reading:
    """Values as affine functions of what the last layer before them gives."""

    def __init__(self, program: Program) -> None:
        self.rows: list[list[Row]] = []
        self.inputs: list[dict[str, Any]] = []
        self.widths = [0]
        self.rectified: list[list[Row]] = []
        steps = check.compiled(program.entries)
        for entry, (how, _) in zip(program.entries, steps, strict=True):
            self.rows.append([*self._read(entry, how)])
        self.result = self.rows[program.result]

    def _read(self, entry: dict[str, Any], how: Any) -> Iterable[Row]:
        """The elements of one more value."""
        if entry["operation"] == "constant":
            return [{None: number} for number in check.exact(entry["lower"])]
        if entry["operation"] == "input":
            self.inputs.append(entry)
            return self._given(0, len(how))
        if entry["operation"] == "relu":
            return self._rectify(self.rows[entry["operands"][0]])
        if isinstance(how, check.Function):
            raise _refused(entry["operation"])
        return self._summed(how)

    def _given(self, layer: int, count: int) -> list[Row]:
        """So many more numbers that a layer gives."""
        start = self.widths[layer]
        self.widths[layer] += count
        return [{(layer, i): Fraction(1)} for i in range(start, start + count)]

    def _rectify(self, rows: list[Row]) -> list[Row]:
        """What the layer after these gives, which takes them beside what it takes already."""
        layer = 1 + max((place[0] for row in rows for place in row if place), default=0)
        if layer == len(self.widths):
            self.widths.append(0)
            self.rectified.append([])
        self.rectified[layer - 1] += rows
        return self._given(layer, len(rows))

    def _summed(self, how: check.Sum) -> Iterator[Row]:
        """Sums of terms, each an integer over one denominator times at most one value."""
        for terms in how:
            found: Row = {}
            for weight, factors in terms:
                if len(factors) > 1:
                    raise _refused("a product of two values that vary")
                of = self.rows[factors[0][0]][factors[0][1]] if factors else {None: Fraction(1)}
                for place, each in of.items():
                    found[place] = found.get(place, Fraction(0)) + Fraction(weight, how.below) * each
            yield {place: each for place, each in found.items() if each}

    def network(self) -> Network:
        """The layers, now that all is read."""
        if not self.widths[0] or not self.result:
            raise _refused("no inputs" if self.result else "no outputs")
        lower, upper = ([x for entry in self.inputs for x in check.exact(entry[end])] for end in ("lower", "upper"))
        wanted = enumerate([*self.rectified, self.result])
        box = np.array(lower, object), np.array(upper, object)
        return Network(box, tuple(_dense(rows, layer, self.widths[layer]) for layer, rows in wanted))


def _dense(rows: Sequence[Row], layer: int, width: int) -> Dense:
    """Affine functions of what one layer gives. Raises NotSupported where one takes what an earlier one gives."""
    weights = np.full((len(rows), width), Fraction(0))
    for i, row in enumerate(rows):
        for place in row:
            if place and place[0] != layer:
                raise _refused("a value that skips a layer, as a residual connection does")
            if place:
                weights[i, place[1]] = row[place]
    return Dense(weights, np.array([row.get(None, Fraction(0)) for row in rows], object))
