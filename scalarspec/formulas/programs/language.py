"""How a language writes the operations of the graph: a table `operation -> pattern`, complete or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from scalarspec.core.operations import check_complete
from scalarspec.errors import NotSupported, TooLarge
from scalarspec.formulas.names import Vocabulary
from scalarspec.tracing.scalar_graph import N_ARY, OPERATIONS

MADE_FOR_FLOATS = {"sech2", "logaddexp", "adjoint_times", "adjoint_over"}
"""What the printer makes of others for floats: 1 / cosh², log(eˣ + eʸ), and products that hand on zero."""


def float_text(value: Any) -> str:
    """The double next to a number."""
    try:
        text = repr(float(value))
    except OverflowError:
        raise TooLarge(f"{str(value)[:60]} is beyond the range of doubles") from None
    return f"({text})" if text.startswith("-") else text


@dataclass(frozen=True)
class Language:
    """How operations are written.

    vocabulary: what it takes for names; element: the text of an element of a variable, of its name, index and shape;
    patterns: by operation, a text with a place for each operand, which may call helpers, or None for what the language
    has no form of; helpers: their texts, by name; always: helpers that every function needs; number: how a number is
    written; exact: is it about real numbers (so that elements have names, and truths have none)?
    Raises TypeError where an operation that a graph can hold has no entry among the patterns.
    """

    name: str
    vocabulary: Vocabulary
    element: Callable[[str, tuple[int, ...], tuple[int, ...]], str]
    patterns: Mapping[str, str | None]
    helpers: Mapping[str, str] = field(default_factory=dict)
    always: Sequence[str] = ()
    number: Callable[[Fraction], str] = float_text
    exact: bool = False

    def __post_init__(self) -> None:
        # the printer writes what is n-ary itself
        check_complete(self.name, self.patterns, OPERATIONS - N_ARY | (set() if self.exact else MADE_FOR_FLOATS))

    def pattern(self, operation: str) -> str:
        """The pattern of an operation. Raises NotSupported where the language has none."""
        found = self.patterns.get(operation)
        if found is None:
            raise NotSupported(f"{operation} has no form in {self.name}")
        return found

    @cached_property
    def helper_of(self) -> dict[str, str]:
        """By operation, the helper that its pattern calls."""
        return {
            operation: pattern.partition("(")[0]
            for operation, pattern in self.patterns.items()
            if pattern is not None and pattern.partition("(")[0] in self.helpers
        }

    def set_off(self, helpers: Sequence[str]) -> list[str]:
        """The texts of helpers, set off by empty lines."""
        return ["", *(f"{self.helpers[name].strip()}\n" for name in helpers)]
