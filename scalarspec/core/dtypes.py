"""`DType`: what kind of numbers an array holds, as the array API says it.

Tensors hold the real numbers of their context, which is therefore the name of theirs; truths are `bool`. Integers and
formats of floats have names as well, by which code of the array API asks for them (see `frontends.array_api`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.errors import NotSupported

REAL = "real floating"
"""The kind of a context's numbers, whatever they are: enclosures and exact numbers stand where floats would."""


@dataclass(frozen=True, eq=False)
class DType:
    """A kind of numbers by its name, to which it is equal.

    category: "bool", "signed integer", "unsigned integer", "real floating" or "complex floating".

        ss.context("interval").tensor(1).dtype == "interval"    # True
    """

    name: str
    category: str = REAL

    @property
    def dtype(self) -> np.dtype[Any]:
        """The format of arrays of NumPy's that code makes beside such numbers: the name, or float64."""
        if self.category != REAL:
            return np.dtype(self.name)
        return np.dtype(self.name if self.name in np.sctypeDict else np.float64)

    @property
    def kind(self) -> str:
        """NumPy's letter for it."""
        return {"bool": "b", "signed integer": "i", "unsigned integer": "u", REAL: "f"}.get(self.category, "c")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, np.dtype) or (isinstance(other, type) and issubclass(other, np.generic | float)):
            return self._is_format(np.dtype(other))
        return self.name == other.name if isinstance(other, DType) else self.name == other

    def _is_format(self, form: np.dtype[Any]) -> bool:
        """Is it that format of NumPy's? Raises NotSupported where numbers have none: code would take another way."""
        if self.category == REAL and form.kind == "f" and self.name not in np.sctypeDict:
            raise NotSupported(
                f"dtype == {form}: numbers of {self.name} have no format, and code that asks would go another way"
            )
        return self.name == form.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.name


BOOL = DType("bool", "bool")
"""That of truths."""
