"""A program as a chain of dense layers with a rectifier between each two, in exact matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
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
ZERO = Fraction(0)


@dataclass(frozen=True)
class Dense:
    """x -> weights x + bias, in exact numbers. weights: (m, n); bias: (m,); object arrays of Fractions."""

    weights: Array
    bias: Array


@dataclass(frozen=True)
class Network:
    """box: the exact lower and upper ends, (n,) each, of all inputs side by side; layers: with a rectifier between each
    two; everywhere: is it the program outside of the box too?
    """

    box: tuple[Array, Array]
    layers: tuple[Dense, ...]
    everywhere: bool


def network_of(program: Program) -> Network:
    """The network that a program is: inputs in their order, each row by row. What is done linearly between two
    rectifiers is one dense layer; rectifiers that stand side by side are one. A number x that skips a rectifier, as in
    a residual connection, is handed through it as max(x + c, 0) - c, where x + c > 0.

    Raises NotSupported, by name, for what is none: another function, a product of two values that vary, no inputs or no
    outputs.
    """
    return _Reading(program).network()


def _refused(what: str) -> NotSupported:
    return NotSupported(f"certificate: expected dense layers and rectifiers in turn, got {what}")


class _Reading:
    """Values as affine functions of what the last layer before them gives."""

    def __init__(self, program: Program) -> None:
        self.rows: list[list[Row]] = []
        self.ends: list[list[tuple[Fraction, Fraction]]] = [[]]  # the ranges of what each layer gives
        self.shifts: list[list[int]] = [[]]  # what is added to that where it is handed through a rectifier
        self.rectified: list[list[Row]] = []  # what each rectifier takes
        steps = check.compiled(program.entries)
        for entry, (how, _) in zip(program.entries, steps, strict=True):
            self.rows.append([*self._read(entry, how)])
        self.result = self.rows[program.result]

    def _read(self, entry: dict[str, Any], how: Any) -> Iterable[Row]:
        """The elements of one more value."""
        if entry["operation"] == "constant":
            return [{None: number} for number in check.exact(entry["lower"])]
        if entry["operation"] == "input":
            lower, upper = (check.exact(entry[end]) for end in ("lower", "upper"))
            return self._given(0, zip(lower, upper, strict=True), lower)
        if entry["operation"] == "relu":
            return self._rectify(self.rows[entry["operands"][0]])
        if isinstance(how, str):
            raise _refused(entry["operation"])
        return self._summed(how)

    def _given(self, layer: int, ends: Iterable[tuple[Fraction, Fraction]], least: Sequence[Fraction]) -> list[Row]:
        """More numbers that a layer gives: their ranges, and about how low a line below them goes, which is what they
        are shifted beyond. Any shift of what a rectifier gives would do; that of an input exceeds its distance from 0.
        """
        start = len(self.ends[layer])
        self.ends[layer] += ends
        self.shifts[layer] += [1 - floor(min(low, ZERO)) for low in least]
        return [{(layer, i): Fraction(1)} for i in range(start, len(self.ends[layer]))]

    def _rectify(self, rows: list[Row]) -> list[Row]:
        """What the layer after these gives, which takes them beside what it takes already."""
        layer = 1 + max((place[0] for row in rows for place in row if place), default=0)
        if layer == len(self.ends):
            self.ends.append([])
            self.shifts.append([])
            self.rectified.append([])
        self.rectified[layer - 1] += rows
        ranges = [self._range(row) for row in rows]
        return self._given(
            layer, ((max(low, ZERO), max(high, ZERO)) for low, high in ranges), [low for low, _ in ranges]
        )

    def _range(self, row: Row) -> tuple[Fraction, Fraction]:
        """Of an affine function, by interval arithmetic."""
        low = high = row.get(None, ZERO)
        for place, weight in row.items():
            if place:
                a, b = sorted(weight * end for end in self.ends[place[0]][place[1]])
                low, high = low + a, high + b
        return low, high

    def _summed(self, how: check.Sum) -> Iterator[Row]:
        """Sums of terms, each an integer over one denominator times factors of which at most one varies."""
        for terms in how:
            found: Row = {}
            for weight, factors in terms:
                product: Row = {None: Fraction(weight, how.below)}
                for v, i in factors:
                    product = _times(product, self.rows[v][i])
                for place, each in product.items():
                    found[place] = found.get(place, ZERO) + each
            yield {place: each for place, each in found.items() if each}

    def network(self) -> Network:
        """The layers, now that all is read, the last one first."""
        if not self.ends[0] or not self.result:
            raise _refused("no inputs" if self.result else "no outputs")
        layers, wanted = [], self.result
        for layer in range(len(self.rectified), -1, -1):
            dense, skipping = self._dense(wanted, layer)
            layers.append(dense)
            before = self.rectified[layer - 1] if layer else []
            wanted = before + [{place: Fraction(1), None: self._shift(place)} for place in skipping]
        lower, upper = (np.array([ends[side] for ends in self.ends[0]], object) for side in (0, 1))
        late = [*self.rectified, self.result][1:]
        handed = any(place and place[0] == 0 for rows in late for row in rows for place in row)
        return Network((lower, upper), tuple(reversed(layers)), not handed)

    def _shift(self, place: Place) -> Fraction:
        return Fraction(self.shifts[place[0]][place[1]])

    def _dense(self, rows: list[Row], layer: int) -> tuple[Dense, list[Place]]:
        """Affine functions of what one layer gives, and what skips it, which it gives behind its own."""
        skipping = [*dict.fromkeys(place for row in rows for place in row if place and place[0] < layer)]
        own = len(self.ends[layer])
        at = {place: own + i for i, place in enumerate(skipping)}
        weights, bias = np.full((len(rows), own + len(at)), ZERO), np.full(len(rows), ZERO)
        for i, row in enumerate(rows):
            for place, weight in row.items():
                if place is None:
                    bias[i] += weight
                else:
                    weights[i, at.get(place, place[1])] = weight
                    bias[i] -= weight * self._shift(place) if place in at else 0
        return Dense(weights, bias), skipping


def _times(a: Row, b: Row) -> Row:
    """A product of two affine functions, one of which is constant. Raises NotSupported where none is."""
    if not a.keys() <= {None}:
        a, b = b, a
    if not a.keys() <= {None}:
        raise _refused("a product of two values that vary")
    return {place: a.get(None, ZERO) * weight for place, weight in b.items()}
