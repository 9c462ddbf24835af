"""The exact value of a spec at its arguments, known as exactly as a question about a float result needs.

It is rational where the spec stays rational, and its numbers below a million bits; else it is enclosed, by interval64
and then at growing precision, until the errors of the floats are known to 1/100 ulp, or the question is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.compare import evaluate
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotExact, TooLarge, Undecided
from scalarspec.numbers.exact import End, as_array, infinite
from scalarspec.numbers.formats import Format
from scalarspec.rounding_errors.float_results import Floats
from scalarspec.rounding_errors.stages import MARGIN, Pair, errors
from scalarspec.tracing.evaluation import Evaluation

CERTIFIED = Fraction(1, 100)
"""An error is known when it is enclosed this tightly, in ulps."""
INTERVAL64_BITS = 53
"""The precision of interval64, and of any context that does not state one."""
MOST_EXACT_BITS = 1 << 20
"""Where rationals would grow longer than this, they are not tried: to reduce one such fraction takes a second."""
MOST_BITS = 1 << 13
"""No more precision than this is tried. It is 150 times float64's: what cancels to less than that is most likely an
exact 0, which no enclosure at any precision can show."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A spec at its arguments."""

    spec: Callable[..., Tensor]
    args: Sequence[Any]

    def enclosed(self, context: Context[Any]) -> Evaluation:
        """Under an enclosing context; at higher precision where a branch of the spec cannot be decided."""
        try:
            return Evaluation.of(self.spec, self.args, context)
        except Undecided:
            bits = 2 * int(getattr(context, "prec", INTERVAL64_BITS))
            if bits > MOST_BITS:
                raise
            return self.enclosed(named_context("interval", prec=bits))

    def known(self, first: Evaluation, floats: Floats, max_ulps: Fraction | None) -> Known:
        """The exact value where there is one, else the enclosure that answers the question; and the errors of floats.

        first: an enclosure to begin with; max_ulps: is every error at most this many ulps? Where it is None: what are
        they, to 1/100 ulp?
        """
        if not first.surely_irrational() and first.exact_bits() <= MOST_EXACT_BITS:
            try:
                exact, _ = endpoints(evaluate(self.spec, self.args, "rational"))
                return Known((exact, exact), errors(floats, exact, exact), first.bits, exact=True)
            except (NotExact, Undecided, TooLarge):
                pass
        known = Known.of(first, floats)
        for bits in _precisions(floats.form, first):
            if known.answers(max_ulps):
                break
            known = Known.of(self.enclosed(named_context("interval", prec=bits)), floats)
        return known


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the exact value, and of the errors of floats that should be it.

    ends: (lower, upper), exact; errors: (least, greatest) absolute, relative and in ulps, of each element; bits: the
    precision of the enclosure; exact: is it one number? limited: is it infinite, though `interval` has larger numbers?
    """

    ends: Pair
    errors: tuple[Pair, Pair, Pair]
    bits: int
    exact: bool = False
    limited: bool = False

    @classmethod
    def of(cls, evaluation: Evaluation, floats: Floats) -> Known:
        """From an enclosure."""
        ends = endpoints(evaluation.result)
        unbounded = any(infinite(end) for pair in ends for end in pair.flat)
        limited = unbounded and evaluation.context.name == "interval64"
        return cls(ends, errors(floats, *ends), evaluation.bits, limited=limited)

    def answers(self, max_ulps: Fraction | None) -> bool:
        """Is every error known to 1/100 ulp, or on which side of the limit it lies?"""
        least, greatest = map(flat, self.errors[2])
        if self.limited:
            return False
        if max_ulps is not None and (any(x > max_ulps for x in least) or all(x <= max_ulps for x in greatest)):
            return True
        return certified(least, greatest)


def certified(least: Sequence[End], greatest: Sequence[End]) -> bool:
    """Are errors in ulps known to 1/100? Infinite ones are: those of NaN and infinities."""
    pairs = zip(least, greatest, strict=True)
    return all(infinite(low) or (not infinite(high) and high - low <= CERTIFIED) for low, high in pairs)


def flat(ends: Any) -> list[End]:
    """The elements of an array, or the one number."""
    return list(np.ravel(as_array(ends)))


def _precisions(form: Format, first: Evaluation) -> Iterator[int]:
    """The bits to try after the first enclosure's."""
    bits = max(form.precision + MARGIN, first.bits + 1)
    while bits <= MOST_BITS:
        yield bits
        bits *= 2
