"""`prove`: claims about all arguments of a box, proved by bounds, or refuted by an exact point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.bounds import count_text, most_parts
from scalarspec.bounding.claims import margin, strict
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.inner_bounds import closer, values
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.methods import Step, steps
from scalarspec.bounding.sign_ascent import Side
from scalarspec.core.arguments import bind, one_valued
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import resolve
from scalarspec.core.region import Ball, Box
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import data_value, float_above
from scalarspec.verdict import Verdict, timed

SIDES = 16
"""How many sides of outputs are attacked at a time. They are looked for in one search, whose evaluations serve all of
them; a claim about many outputs is refuted by one, so that not all need be attacked at once.
"""


@timed
def prove(
    spec: Callable[..., Any],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    at_most: Any = None,
    at_least: Any = None,
    budget: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Does a claim hold while the arguments named in `vary` range over their boxes?

    spec: a claim, whose value is a comparison, such as lambda x: loss(model, x) <= 1; or a spec whose outputs are to be
    at_most, at_least, or between, exact numbers. args, vary, budget, executor, progress: as for `bounds`.

    Returns a verdict:

      proved      by bounds, refined as those of `subdivide` are until they tell
      refuted     `witness` holds exact arguments at which it surely fails for an output, and the ends of that output
                  (of the right side less the left one, for a claim), in exact rationals where the spec is rational
                  there, else at a precision that tells; every output is attacked that linear bounds leave open
      undecided   what is missing is in `steps`

    Raises as `bounds` does, and ArgumentError for a claim that is no comparison of tensors.

        ss.prove(lambda x: ss.square(x) <= 4, 0.0, vary={"x": ss.ball(2)}).status    # "proved"
    """
    claim = _Claim.of(spec, bind(spec, args, known=vary), vary, at_least, at_most)
    jobs, most = Jobs(claim.domain, executor), most_parts(budget)
    found = steps(claim.domain, resolve("interval"), ("subdivide",), None, most, progress, jobs)
    return _verdict(claim, next(found), found)


def _verdict(claim: _Claim, evaluated: Step, refined: Iterator[Step]) -> Verdict:
    """The verdict by one evaluation; else by linear bounds; else by a point, looked for where these do not tell; else
    by parts of the box.
    """
    if claim.proved_by(evaluated.enclosure):
        return _proved(evaluated)
    best = next(refined, evaluated)
    if claim.proved_by(best.enclosure):
        return _proved(best)
    refuted = claim.refuted(best.enclosure)
    if refuted is not None:
        return refuted
    for best in refined:
        if claim.proved_by(best.enclosure):
            return _proved(best)
    return Verdict("undecided", "bounds", steps=(claim.missing(best.enclosure, best.boxes),))


def _proved(step: Step) -> Verdict:
    """The verdict that the bounds of a step prove the claim."""
    return Verdict("proved", f"bounds: {step.method}", count_text(step.boxes))


@dataclass(frozen=True, eq=False)
class _Claim:
    """A claim in one form: the outputs of a domain are at least `low` and at most `high`, as far as these are numbers.
    strictly: may they not be equal to them?
    """

    domain: Domain
    low: Fraction | None
    high: Fraction | None
    strictly: bool

    @classmethod
    def of(
        cls,
        spec: Callable[..., Any],
        arguments: Mapping[str, Any],
        vary: Mapping[str, Ball | Box],
        at_least: Any,
        at_most: Any,
    ) -> _Claim:
        """The claim that outputs are between limits, or, without a limit, that a spec's comparison holds."""
        low, high = (None if number is None else data_value(number) for number in (at_least, at_most))
        compares = low is None and high is None
        domain = Domain(margin(spec) if compares else spec, arguments, vary)
        # Seen over the box: elsewhere, a claim that branches may end with another comparison.
        strictly = compares and strict(spec, domain.boxed(resolve("interval"))[0])
        one_valued(domain.spec, arguments, vary)
        return cls(domain, Fraction(0) if compares else low, high, strictly)

    def beyond(self, enclosure: Tensor) -> list[tuple[Any, Side]]:
        """What is not proved yet: pairs of how far a bound is beyond a limit, and the side of the output that it
        bounds.
        """
        lower, upper = (np.ravel(end) for end in endpoints(enclosure))
        gaps = [] if self.high is None else [(b - self.high, (k, 1)) for k, b in enumerate(upper)]
        gaps += [] if self.low is None else [(self.low - a, (k, -1)) for k, a in enumerate(lower)]
        return [(gap, side) for gap, side in gaps if gap > 0 or (gap == 0 and self.strictly)]

    def proved_by(self, enclosure: Tensor) -> bool:
        """Do the bounds prove the claim?"""
        return not self.beyond(enclosure)

    def missing(self, enclosure: Tensor, boxes: int) -> str:
        """By how much, and where, the bounds do not prove the claim."""
        gap, (output, _) = max(self.beyond(enclosure))
        place = f" at output {list(map(int, np.unravel_index(output, enclosure.shape)))}" if enclosure.shape else ""
        return f"the bounds are beyond by {float_above(gap):.3g}{place}, into {boxes} parts"

    def refuted(self, enclosure: Tensor) -> Verdict | None:
        """A refutation by an exact point, looked for at every side that the bounds leave open, the widest first."""
        sides = [side for _, side in sorted(self.beyond(enclosure), reverse=True)]
        for start in range(0, max(len(sides), 1), SIDES):
            for point, least, most in values(self.domain, sides=sides[start : start + SIDES])[0]:
                least, most = closer(self.domain, point, self._settled, (least, most))
                if least is not None and np.any(self._fails(least, most)):
                    return self._witnessed(point, least, most)
        return None

    def _fails(self, least: Any, most: Any) -> Any:
        """Which outputs surely break the claim, being between `least` and `most`?"""
        found = np.zeros(np.shape(least), dtype=bool)
        if self.high is not None:
            found |= np.asarray(least > self.high, dtype=bool)
        if self.low is not None:
            found |= np.asarray(most <= self.low if self.strictly else most < self.low, dtype=bool)
        return found

    def _settled(self, least: Any, most: Any) -> bool:
        """Does some output surely break the claim, or surely none?"""
        if np.any(self._fails(least, most)):
            return True
        kept = self.high is None or np.all(most <= self.high)
        above = self.low is None or np.all(least > self.low if self.strictly else least >= self.low)
        return bool(kept and above)

    def _witnessed(self, point: Any, least: Any, most: Any) -> Verdict:
        """The refutation by a point, at the first output that breaks the claim there."""
        at = np.unravel_index(int(np.argmax(self._fails(least, most))), np.shape(least))
        shown = {path: np.asarray(values, dtype=object).tolist() for path, values in point.items()}
        witness = shown | {"output": list(map(int, at)), "value in": [least[at], most[at]]}
        return Verdict("refuted", "an exact point", witness=witness)
