"""How names and numbers are written in the text of a spec."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.errors import DomainError

RESERVED = {*keyword.kwlist, *keyword.softkwlist, "p", "ss"}


class Names:
    """Names of a text, each for one name of a file."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*RESERVED, *taken}
        self.next: dict[str, int] = {}

    def new(self, name: str) -> str:
        """A name that nothing has yet, like that one."""
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "value"
        plain = f"v{plain}" if plain[0].isdigit() else plain
        found, again = plain, self.next.get(plain, 2)
        while found in self.taken:
            found, again = f"{plain}_{again}", again + 1
        self.next[plain] = again
        self.taken.add(found)
        return found


def number(value: Any) -> str:
    """The text of a number at its exact value: plainly where that is short, else all of its decimals, or a fraction."""
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(int(value))
    if isinstance(value, Fraction):
        return str(value) if value.denominator == 1 else f'"{value}"'
    exact = float(value)
    if exact != exact or exact in (float("inf"), float("-inf")):
        raise DomainError(f"{exact} is no real number")
    if exact == int(exact) and abs(exact) < 2**53:
        return str(int(exact))
    return repr(exact) if Fraction(repr(exact)) == Fraction(exact) else f'"{Decimal(exact)}"'


def numbers(value: Any) -> str:
    """The text of a number, or of an array of them, as nested lists."""
    if np.ndim(value) > 1 and not np.size(value):
        return f"np.zeros({np.shape(value)})"
    if np.ndim(value):
        return f"[{', '.join(map(numbers, value))}]"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    return number(value)
