"""The printer of programs: the nodes of a graph as assignments and expressions of a language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarspec.core.operations import having
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.formulas.names import Names
from scalarspec.formulas.poles import has_pole
from scalarspec.formulas.programs.language import Language, float_text
from scalarspec.tracing.scalar_graph import Node, below, cost, ordered, value_of

DEPTH = 20
"""How deeply a line nests before it is broken up: C99 promises 63 levels of parentheses, and a pattern has up to 3."""
TERMS = 40
"""How many terms a sum in a line has before it is broken up: to a compiler n terms are n levels."""

TRUTHS = having(kind=("relation", "connective"))


@dataclass
class Printer:
    """Assignments for what is used more than once, bears a name, or lies too deep; all else is put in its place.

    forwards: the nodes of a spec, where others are adjoints; inputs, outputs: their names; lines: names and values,
    each after those that it uses; texts: of each node.
    """

    language: Language
    forwards: Collection[Node]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    texts: dict[Node, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = Names(self.language.vocabulary)
        self.used: set[str] = set(self.language.always)
        self.poles: set[Node] = set()

    @property
    def helpers(self) -> list[str]:
        """Those that are needed."""
        return sorted(self.used)

    def take(self, name: str, array: np.ndarray[Any, Any]) -> None:
        """An input."""
        element, own = self.language.element, self.language.exact
        base = "" if own else self.names.new(name)
        for index, x in np.ndenumerate(array):
            text = element(base or name, index, array.shape)
            self.texts[x] = self.names.new(text) if own else text
        self.inputs += [self.texts[x] for x in array.flat] if own else [base]

    def write(self, roots: list[Node], labels: Mapping[Node, str]) -> None:
        """The nodes, of which some have names."""
        order = list(ordered(roots))
        uses = Counter(arg for x in order for arg in below(x))
        depths: dict[Node, int] = {}
        for x in order:
            depths[x] = _height(x) + max((depths[arg] for arg in below(x)), default=0)
            if x in self.texts:
                continue
            text = self._expressed(x)
            wanted = cost(x) and (uses[x] > 1 or x in labels or depths[x] > DEPTH)
            if wanted and not (self.language.exact and x.operation in TRUTHS):
                name = labels.get(x) or self.names.new(f"t{len(self.lines)}")
                self.lines.append((name, text))
                text, depths[x] = name, 1
            self.texts[x] = text

    def _expressed(self, x: Node) -> str:
        known = value_of(x)
        if known is not None:
            return self.language.number(known)
        if x.operation == "leaf":
            return self._constant(x)
        if _has_pole(x) or any(arg in self.poles for arg in below(x)):
            self.poles.add(x)
        return self._call(self._handed(x) or x.operation, [self.texts[arg] for arg in x.args])

    def _call(self, operation: str, args: list[str]) -> str:
        if operation == "sum":
            return summed(args)
        if operation == "logsumexp":
            return self._logsumexp(args)
        pattern = self.language.pattern(operation)
        helper = self.language.helper_of.get(operation)
        if helper is not None:
            self.used.add(helper)
        if operation == "pow" and self.language.exact:
            return pattern.format(args[0], _exponent(args[1]))
        return pattern.format(*args)

    def _logsumexp(self, args: list[str]) -> str:
        """By halves: what nests deeply is hard on compilers. Exactly, as it is defined."""
        if self.language.exact:
            return f"(Real.log {summed([self._call('exp', [arg]) for arg in args])})"
        if len(args) == 1:
            return args[0]
        middle = len(args) // 2
        return self._call("logaddexp", [self._logsumexp(args[:middle]), self._logsumexp(args[middle:])])

    def _handed(self, x: Node) -> str | None:
        """The operation on an adjoint, the first operand, and what may have a pole: it gives 0 for an adjoint of 0."""
        if self.language.exact or x in self.forwards or x.operation not in ("multiply", "divide"):
            return None
        adjoint, other = x.args
        if not (adjoint.free and (x if x.operation == "divide" else other) in self.poles):
            return None
        return "adjoint_times" if x.operation == "multiply" else "adjoint_over"

    def _constant(self, x: Node) -> str:
        """A leaf that is no input: a number such as √2."""
        if x.free:
            raise ArgumentError(f"{x.args[0]} is no variable of this derivation, so that generated code cannot know it")
        if self.language.exact:
            raise NotSupported(f"{x.args[0]} has no form in Lean here; expected a rational number or π")
        return float_text(x.args[0].evalf(40))


def _has_pole(x: Node) -> bool:
    """Is the operation one that may be infinite where its operands are finite?"""
    if not x.free:
        return False
    exponent = value_of(x.args[1]) if x.operation == "pow" else None
    return has_pole(x.operation, x.args[-1].free, exponent)


def _height(x: Node) -> int:
    """How deeply the text of an operation nests."""
    return len(x.args).bit_length() if x.operation == "logsumexp" else 1


def _exponent(text: str) -> str:
    """An exponent as Lean reads it: a natural number by itself, an integer as one, all else as a real number."""
    if text.isdigit():
        return text
    inner = text.strip("()-")
    return f"({text} : {'ℤ' if inner.isdigit() else 'ℝ'})"


def summed(terms: Sequence[str]) -> str:
    """A sum, in groups where there are many terms."""
    if len(terms) > TERMS:
        groups = [terms[i : i + TERMS] for i in range(0, len(terms), TERMS)]
        return summed([summed(group) if len(group) > 1 else group[0] for group in groups])
    return f"({' + '.join(terms)})"
