"""The printer of formulas: terms by the patterns of a style."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.formulas.notation.convolutions import convolution
from scalarspec.formulas.notation.style import ATOM, ATOMS, LOOSE, PRODUCT, SUM, Pattern, Style, call
from scalarspec.formulas.poles import has_pole
from scalarspec.formulas.programs.python import PYTHON
from scalarspec.formulas.term import Term, below


@dataclass
class Notation:
    """The formulas of terms.

    names: what some of them are called, and how tightly that binds; symbols: how the variables are written; sizes:
    names for sizes; forwards: terms of the spec, where others are adjoints; poles: terms that may be infinite; helpers:
    those of NumPy's that the formulas need.
    """

    style: Style
    sizes: Mapping[int, str]
    symbols: Mapping[str, str]
    names: Mapping[Term, tuple[str, int]]
    forwards: Container[Term] = ()
    poles: Container[Term] = ()
    helpers: set[str] = field(default_factory=set)

    def formula(self, term: Term) -> str:
        """What a term is, whatever its name."""
        return self._formula(term)[0]

    def text(self, term: Term, tightly: int = LOOSE) -> str:
        """A term by its name, or as a formula, in parentheses where it does not bind so tightly."""
        text, binds = self.names[term] if term in self.names else self._formula(term)
        return text if binds >= tightly else self.style.parentheses.format(text)

    def _formula(self, term: Term) -> tuple[str, int]:
        """The text of a term, and how tightly it binds."""
        if term.operation in ATOMS:
            return self._atom(term)
        term = (self._stable(term) if self.style.handed else convolution(term)) or term
        pattern, binds, needed = self._handed(term) or self.style.pattern(term)
        self.helpers |= {name for name in PYTHON.helpers if f"{name}(" in pattern}
        needed = (*needed, *[needed[-1]] * (len(term.operands) - len(needed))) if needed else ()
        operands = [self.text(x, tightly) for x, tightly in zip(term.operands, needed, strict=True)]
        places = ", ".join(f"{{{i}}}" for i in range(len(operands)))
        return pattern.replace("PLACES", places).format(*operands, **self._details(term)), binds

    def _atom(self, term: Term) -> tuple[str, int]:
        """What is written without a pattern."""
        if term.operation == "number":
            number = self._number(term.parameters["value"])
            return self.style.full(number[0], self.shape(term.shape)) if term.shape else number
        if term.operation == "symbol":
            return self.symbols[term.parameters["name"]], ATOM
        if term.operation == "truth":
            return str(term.parameters["value"]), ATOM
        if term.operation == "leaf":
            return self.style.leaf(term.parameters["expression"]), ATOM
        return self.style.array.format(self._nested(list(term.operands), term.shape)), ATOM

    def _handed(self, term: Term) -> Pattern | None:
        """A product of an adjoint with what may have a pole, where the style must write it by a helper."""
        if not self.style.handed or term in self.forwards or len(term.operands) != 2:
            return None
        adjoint, other = term.operands
        if term.operation == "divide" and adjoint.operands and term in self.poles:
            return call(PYTHON.pattern("adjoint_over"))
        product = term.operation == "multiply" and adjoint.operands and other in self.poles
        return call(PYTHON.pattern("adjoint_times")) if product else None

    def _stable(self, term: Term) -> Term | None:
        """1 - σ(x) as σ(-x), and 1 - tanh² x as 1 / cosh² x, for a style that is about floats."""
        if term.operation != "subtract" or term.operands[0].number != 1:
            return None
        inner = term.operands[1]
        if inner.operation == "sigmoid":
            return Term("sigmoid", (Term("negative", inner.operands, {}, inner.shape),), {}, term.shape)
        squared = inner.operands[0] if inner.operation == "square" else inner
        found = squared is not inner and squared.operation == "tanh"
        return Term("sech2", squared.operands, {}, term.shape) if found else None

    def _nested(self, items: list[Term], shape: tuple[int, ...]) -> str:
        if not shape:
            return self.text(items[0])
        step = len(items) // shape[0] if shape[0] else 0
        return f"[{', '.join(self._nested(items[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0]))}]"

    def _details(self, term: Term) -> dict[str, str]:
        """What a pattern may say of the parameters."""
        parameters = term.parameters
        axis = parameters.get("axis", 0)
        details = {"axis": str(axis), "place": str(axis[0] if isinstance(axis, tuple) and axis else axis), "where": ""}
        details["beside"] = f", axis={axis}" if axis else ""
        if "count" in parameters:
            each, binds = self._number(Fraction(1, max(parameters["count"], 1)))
            shown = each if binds >= PRODUCT else self.style.parentheses.format(each)
            details["each"] = "" if each == "1" else f"{shown} "
        lengths = {name: self.shape(parameters[name]) for name in ("shape", "size", "kernel") if name in parameters}
        steps = {name: parameters[name] for name in ("stride", "dilation") if name in parameters}
        details |= lengths | {"axes": str(parameters.get("axes"))}
        unusual = [f"{name}={step}" for name, step in steps.items() if any(k != 1 for k in step)]
        details["between"] = "".join(f", {each}" for each in unusual)
        if any(map(any, parameters.get("padding", ()))):
            unusual.append(f"padding={_alike(parameters['padding'])}")
        details["how"] = self.style.below.format(", ".join(unusual)) if unusual else ""
        if parameters.get("mask") is not None:
            details["where"] = f", where={self.style.array.format(parameters['mask'].tolist())}"
        if "index" in parameters:
            details["index"] = ", ".join(map(self._index, parameters["index"]))
        return details

    def shape(self, shape: tuple[int, ...]) -> str:
        """A shape, by the names of sizes."""
        return f"({', '.join(map(self._size, shape))}{',' if len(shape) == 1 else ''})"

    def _size(self, n: int) -> str:
        """A whole number, by the sizes that are factors of it."""
        names, rest = self._sizes_in(int(n))
        return self.style.times.join([str(rest)] * (rest != 1 or not names) + names)

    def _index(self, key: Any) -> str:
        """A part of an index: a number, a slice, or an array of numbers."""
        if isinstance(key, np.ndarray):
            return self.style.array.format(key.tolist())
        if not isinstance(key, slice):
            return str(key)
        ends = ":".join("" if end is None else self._size(end) for end in (key.start, key.stop))
        return ends if key.step is None else f"{ends}:{key.step}"

    def _number(self, value: Fraction) -> tuple[str, int]:
        """The sizes that are factors by their names, and what is left."""
        above, numerator = self._sizes_in(abs(value.numerator))
        below, denominator = self._sizes_in(value.denominator)
        above = [str(numerator), *above] if numerator != 1 or not above else above
        below = [str(denominator), *below] if denominator != 1 else below
        text, binds = self.style.number(above, below)
        return (f"-{text}", SUM) if value < 0 else (text, binds)

    def _sizes_in(self, whole: int) -> tuple[list[str], int]:
        """The names of the sizes that are factors of a whole number, and the rest of it."""
        names: list[str] = []
        for prime, name in self.sizes.items():
            while whole and whole % prime == 0:
                whole, names = whole // prime, [*names, name]
        return names, whole


def _alike(pairs: tuple[Any, ...]) -> tuple[Any, ...]:
    """One number in the place of two that are equal."""
    return tuple(a if a == b else (a, b) for a, b in pairs)


def with_poles(terms: Iterable[Term]) -> set[Term]:
    """The terms below these that may be infinite where the variables are finite."""
    varying: set[Term] = set()
    found: set[Term] = set()
    for x in below(terms):
        if x.operation == "symbol" or not varying.isdisjoint(x.operands):
            varying.add(x)
        if not found.isdisjoint(x.operands) or (x in varying and _has_pole(x, varying)):
            found.add(x)
    return found


def _has_pole(term: Term, varying: Container[Term]) -> bool:
    if not term.operands:
        return False
    last = term.operands[-1]
    return has_pole(term.operation, last in varying, last.number)
