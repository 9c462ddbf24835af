"""`Nothing`: what stands in the place of a rational that does not exist, until `where` drops it."""

from __future__ import annotations

from typing import Any, Never

from scalarspec.errors import ScalarSpecError


class Nothing:
    """Stands for what has no value, in a branch of `where` that is not taken: whoever computes with it, compares it or
    reads it gets the error that says why.
    """

    def __init__(self, error: ScalarSpecError) -> None:
        self.error = error

    def _refuse(self, *other: Any) -> Never:
        raise self.error

    __add__ = __radd__ = __mul__ = __rmul__ = __neg__ = __abs__ = __sub__ = __rsub__ = _refuse
    __truediv__ = __rtruediv__ = __pow__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__ = _refuse
    __hash__ = object.__hash__
    value = numerator = denominator = property(_refuse)
