"""What a float may be, when it should be the value of a spec: the exact value, widened by what rounding can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import exact_float, infinite
from scalarspec.numbers.formats import Format
from scalarspec.report import enclosure_text
from scalarspec.rounding_errors.float_results import Floats

Array = np.ndarray[Any, Any]


Inputs = dict[str, Any]
"""Arguments by name: float64 arrays of shape (n,), or (1, n) for functions of batches, and floats."""


Spec = Callable[..., Tensor]


SLACK = 16
"""How many times the spec's own rounding bound a right result may be off: it may be written in another way."""


FAR = 8
"""How many times the slack two values are apart, where a result that is near one tells which it is."""


@dataclass(frozen=True, eq=False)
class Near:
    """What a float may be: exact ends of the exact value, and how far off rounding may put it."""

    lower: Array
    upper: Array
    slack: Array

    @classmethod
    def of(cls, spec: Spec, inputs: Mapping[str, Any], form: Format) -> Near:
        """At these inputs, which a function that computes in the format rounds to it. Raises DomainError where the spec
        has no value.
        """
        context: Any = named_context("rounding", dtype=form)
        result = spec(*(context.tensor(value) for value in inputs.values()))
        lower, upper = endpoints(result)
        slack = lift(exact_float, np.asarray(SLACK * result.value.bound, dtype=object))
        return cls(lower, upper, slack)

    @property
    def tells(self) -> bool:
        """Are there values, and does rounding not explain whatever comes?"""
        return bool(self.slack.size) and not infinite(*self.lower.flat, *self.upper.flat, *self.slack.flat)

    def holds(self, floats: Floats, times: Fraction = Fraction(1)) -> bool:
        """Is every float one that rounding explains, of which so many times the slack is granted?"""
        if floats.values.shape != self.lower.shape:
            return False
        triples = zip(self.lower.flat, floats.values.flat, self.upper.flat, self.slack.flat, strict=True)
        return all(
            not infinite(x) and low - times * slack <= x <= high + times * slack for low, x, high, slack in triples
        )

    def far(self, other: Near) -> bool:
        """Are the values of two specs so far apart that slack, by far, does not make one of the other?"""
        quads = zip(self.lower.flat, self.upper.flat, other.lower.flat, other.upper.flat, strict=True)
        gap = max((max(low - top, bottom - high) for low, high, bottom, top in quads), default=Fraction(0))
        return bool(gap > FAR * max(*self.slack.flat, *other.slack.flat))

    def text(self) -> str:
        """The exact value, or the first of several."""
        shown = [enclosure_text(low, high, 6) for low, high in zip(self.lower.flat, self.upper.flat, strict=True)][:3]
        return shown[0] if self.lower.size == 1 else f"[{', '.join(shown)}{', ...' if self.lower.size > 3 else ''}]"
