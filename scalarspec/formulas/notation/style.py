"""How formulas are written: a table of patterns, complete over the operations of terms.

A pattern has a place for each operand, and says how tightly it binds: LOOSE < SUM < QUOTIENT < PRODUCT < MATRIX <
POSTFIX < ATOM. An inner product binds as a quotient does: beside it stand scalars, which must not be taken into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scalarspec.core.operations import check_complete, rule_of
from scalarspec.formulas.names import Names, Vocabulary
from scalarspec.formulas.notation.convolutions import CONVOLUTION
from scalarspec.formulas.operations import REDUCTIONS, TERMS
from scalarspec.formulas.term import Term, below

LOOSE, SUM, QUOTIENT, PRODUCT, MATRIX, POSTFIX, ATOM = range(7)

Pattern = tuple[str, int, tuple[int, ...]]
"""The text with places, how tightly it binds, and how tightly its operands must (the last also for all that follow)."""

ATOMS = ("symbol", "number", "truth", "leaf", "constant")
"""Terms that are written without a pattern."""
BY_SHAPE = {"scale", "over", "squared", "row", "dot", "outer"}
"""What some operations are called where their operands are scalars or vectors."""
PATTERN_NAMES = {*TERMS, *BY_SHAPE, *(f"{name} over" for name in REDUCTIONS)}
"""What each style must have a pattern for."""


@dataclass(frozen=True)
class Style:
    """How formulas are written.

    wishes: how a name would be written, the best first; adjoint: the derivative of a value in a name, both as they are
    written, and `binds`, how tightly it does; number: of factors above and below a fraction line; patterns: by
    `pattern_name`; leaf: an expression that is no variable; full: a number in each element of a tensor, of the number
    and the shape; array: of given elements; times: between sizes that are multiplied; below: what stands below a sign;
    vocabulary: what these patterns leave for names; handed: are products of adjoints written by helpers that hand on
    zero?
    Raises TypeError where an operation that terms can be has no pattern.
    """

    name: str
    wishes: Callable[[str], tuple[str, ...]]
    adjoint: Callable[[Names, str, str], str]
    binds: int
    number: Callable[[list[str], list[str]], tuple[str, int]]
    patterns: Mapping[str, Pattern]
    parentheses: str
    leaf: Callable[[Any], str]
    full: Callable[[str, str], tuple[str, int]]
    vocabulary: Callable[[Iterable[str]], Vocabulary]
    array: str
    times: str = " "
    below: str = "[{}]"
    handed: bool = False

    def __post_init__(self) -> None:
        check_complete(
            f"matrix form as {self.name}", self.patterns, PATTERN_NAMES | {"sech2" if self.handed else CONVOLUTION}
        )

    def pattern(self, term: Term) -> Pattern:
        """The pattern of an operation. Raises NotSupported where none is stated."""
        return rule_of(f"matrix form as {self.name}", self.patterns, pattern_name(term))

    def names(self, terms: Iterable[Term], taken: Iterable[str]) -> Names:
        """Names that are neither taken nor words of the formulas of these terms."""
        used = {self.pattern(x)[0] for x in below(terms) if x.operation not in ATOMS}
        return Names(self.vocabulary(used), taken)


def pattern_name(term: Term) -> str:
    """The name of the pattern: the operation, and what it is done on where that makes a difference."""
    shapes = [x.shape for x in term.operands]
    if term.operation == "multiply":
        return "multiply" if all(shapes) else "scale"
    if term.operation == "divide":
        return "divide" if shapes[1] else "over"
    if term.operation == "square":
        return "square" if shapes[0] else "squared"
    if term.operation == "matmul" and len(shapes[0]) == 1 and len(shapes[1]) <= 2:
        return "dot" if len(shapes[1]) == 1 else "row"
    if term.operation in REDUCTIONS and len(term.parameters["axis"]) < len(shapes[0]):
        return f"{term.operation} over"
    return term.operation


def call(text: str) -> Pattern:
    """A function of any operands, whose text is a call: each operand stands by itself."""
    return text, ATOM, (LOOSE,)
