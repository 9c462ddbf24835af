"""Three-valued truth: True, False, or a `Maybe` that refuses to be taken for either (Kleene's strong logic, 1952)."""

from dataclasses import dataclass
from typing import Any

from scalarspec.errors import Undecided


@dataclass(frozen=True, eq=False)
class Maybe:
    """A relation between `left` and `right` that `context` cannot decide. `bool()` of it raises Undecided: nothing that
    is undecided passes for false.

        (ss.context("interval").box(0, 2) < 1).scalars()    # a Maybe
    """

    context: Any
    relation: str
    left: Any
    right: Any = None

    def __bool__(self) -> bool:
        raise Undecided(f"{self} is undecided; use where(condition, a, b) to evaluate both branches")

    def __str__(self) -> str:
        if self.relation == "not":
            return f"not ({self.left})"
        return f"{self._text(self.left)} {self.relation} {self._text(self.right)}"

    def __repr__(self) -> str:
        return f"Maybe({self})"

    def _text(self, operand: Any) -> str:
        logical = self.relation in ("and", "or")
        return f"({operand})" if logical else str(self.context.text(operand))


Kleene = bool | Maybe
"""A truth of a context that is not symbolic."""


def kleene_not(x: Kleene) -> Kleene:
    """The truth that x does not hold; undecided where x is."""
    return Maybe(x.context, "not", x) if isinstance(x, Maybe) else not x


def kleene_and(x: Kleene, y: Kleene) -> Kleene:
    """The truth that x and y hold: false as soon as one is false, though the other be undecided."""
    if x is False or y is False:
        return False
    if isinstance(x, Maybe) and isinstance(y, Maybe):
        return Maybe(x.context, "and", x, y)
    return y if x is True else x


def kleene_or(x: Kleene, y: Kleene) -> Kleene:
    """The truth that x or y holds: true as soon as one is true, though the other be undecided."""
    if x is True or y is True:
        return True
    if isinstance(x, Maybe) and isinstance(y, Maybe):
        return Maybe(x.context, "or", x, y)
    return y if x is False else x
