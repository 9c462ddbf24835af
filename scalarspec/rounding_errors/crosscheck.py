"""How far a float result is from the exact value of a spec, with a certificate, and in which step it went astray.

`reference` finds the exact value; `stages` the errors of the steps; `float_results` reads what the floats are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.certificates.certificate import of_value
from scalarspec.core.arguments import bind, one_valued, spec_name
from scalarspec.core.context import Context
from scalarspec.core.failures import failures_told
from scalarspec.core.foreign import spec_of
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.named_contexts import resolve
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ScalarSpecError
from scalarspec.numbers.exact import End, as_array, data_value, float_above, float_below, infinite
from scalarspec.numbers.formats import FormatLike, named
from scalarspec.pages.page import Lines, Mark, Page, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import enclosure_text, ends_json, exact_json, floats_json, table, unboxed
from scalarspec.results import Exact, Record
from scalarspec.rounding_errors.figures import figures
from scalarspec.rounding_errors.float_results import Floats, format_of, of_shape, read, read_stages
from scalarspec.rounding_errors.provenance import provenance
from scalarspec.rounding_errors.reference import INTERVAL64_BITS, Known, Reference, certified, flat
from scalarspec.rounding_errors.stages import MARGIN, Pair, Stage, StageComparison, error_text
from scalarspec.tracing.evaluation import Evaluation

Array = np.ndarray[Any, Any]

SUSPECT = 16
"""Where an error may be more ulps than this, it is seen whether the spec gives one value at all: rounding alone seldom
makes errors so large, and two float64 evaluations cost little."""


@dataclass(frozen=True, eq=False)
class Crosscheck(Shown):
    """A float result beside the truth. For a spec of shape () the fields hold numbers, else object arrays.

    enclosure: (lower, upper), exact; exact: the exact value where it was found in rationals, else None;
    error, relative, ulps: (least, greatest) possible |actual - exact|, that over |exact|, and that in ulps of the
    format `dtype` at the exact value (the smaller ulp where the enclosure holds a power of two); worst: the index of
    the worst element; precision: the bits of the enclosure, or None if it is exact; seconds: what it took;
    comparison: what the stages are found from.
    """

    dtype: str
    actual: Exact
    enclosure: tuple[Exact, Exact]
    exact: Exact | None
    error: tuple[Exact, Exact]
    relative: tuple[Exact, Exact]
    ulps: tuple[Exact, Exact]
    worst: tuple[int, ...]
    precision: int | None
    seconds: float
    comparison: StageComparison

    @property
    def max_ulps(self) -> float:
        """The greatest error that an element can have, in ulps, rounded up; infinite for NaN and infinities."""
        return max(map(float_above, flat(self.ulps[1])), default=0.0)

    @property
    def min_ulps(self) -> float:
        """The error that some element has at least, in ulps, rounded down."""
        return max(map(float_below, flat(self.ulps[0])), default=0.0)

    def within(self, max_ulps: Any) -> bool:
        """Is every error proved to be at most this many ulps?"""
        limit = _limit(max_ulps)
        return all(end <= limit for end in flat(self.ulps[1]))

    @property
    def certified(self) -> bool:
        """Is the error of every element known to 1/100 ulp?"""
        return certified(flat(self.ulps[0]), flat(self.ulps[1]))

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The named intermediate results of the spec, in order, the result last; worked out when first asked for."""
        stages, _, whole = self.comparison.found
        if not whole or stages[-1].actual is not None:
            return stages
        own = stages[-1].having(as_array(self.actual), as_array(self.error[1]), as_array(self.ulps[1]))
        return (*stages[:-1], own)  # no values of stages were given: what is known is the error of the whole

    @property
    def culprit(self) -> Stage | None:
        """The first stage whose error rounding does not explain, given the actual values of the stages before it."""
        return next((stage for stage in self.stages if stage.excess > 1), None)

    @cached_property
    def explained(self) -> bool:
        """Can rounding at each operation of the spec explain the error of the result, and of each stage given? Where no
        bound on what it can cause is known, nothing says that it cannot: `unknown` says where.
        """
        return self.culprit is None and self.excess <= 1

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Why it is not known whether rounding explains the whole error, in words; empty where that is known."""
        given = [stage for stage in self.stages if stage.local is not None]
        unbounded = [stage.name for stage in given or self.stages[-1:] if math.isinf(stage.bound)]
        no_bounds = [f"no bound on what rounding can cause in stage {name!r} is known" for name in unbounded]
        return self.comparison.found.unknown or tuple(no_bounds)

    @cached_property
    def excess(self) -> float:
        """The greatest quotient of an element's least possible error and what rounding can cause, rounded down."""
        return self.comparison.excess(as_array(self.error[0]))

    def __str__(self) -> str:
        return "\n".join([*_headlines(self), *_verdict(self), "", table(*_stage_table(self)), *self.unknown])

    def _page(self) -> Page:
        title = f"Cross-check of {spec_name(self.comparison.spec)} in {self.dtype}"
        marked = {i for i, stage in enumerate(self.stages) if stage.excess > 1}
        stages = Table("Stages: errors are the greatest of their elements", *_stage_table(self), marked)
        facts = Lines([*_headlines(self), *self.unknown])
        return Page(title, *_judged(self), [facts, stages, *figures(self.dtype, self.stages)])

    def certificate(self) -> Record:
        """A proof of an enclosure of the exact value, as plain data for JSON: what is needed to repeat it in exact
        arithmetic, by `scalarspec check FILE` or a copy of that one file without this library.

        Its enclosure, which is its `claim`, is another than `enclosure`, and nearly always as narrow or narrower.
        Raises NotSupported for an operation that the checker does not know.

            ss.crosscheck(ss.exp, 0.5, actual=np.exp(0.5)).certificate()
        """
        spec = self.comparison.spec
        return of_value(Domain(spec, bind(spec, self.comparison.args), {}))

    def to_json(self) -> Record:
        """Plain data: exact values and ends as strings, hashes of the inputs and of the functions' texts, versions."""
        return {
            **provenance(self.comparison.spec, self.comparison.args, self.comparison.actual),
            "dtype": self.dtype,
            "accumulate": self.comparison.accumulate,
            "actual": exact_json(self.actual),
            "enclosure": ends_json(*self.enclosure),
            "exact": None if self.exact is None else exact_json(self.exact),
            **{name: ends_json(*getattr(self, name)) for name in ("error", "relative", "ulps")},
            "max_ulps": floats_json(self.max_ulps),
            "worst": list(self.worst),
            "precision": self.precision,
            "seconds": self.seconds,
            "stages": [stage.to_json() for stage in self.stages],
        }


def crosscheck(
    spec: Callable[..., Tensor],
    *args: Any,
    actual: Any = "float64",
    dtype: FormatLike | None = None,
    max_ulps: Any = None,
    accumulate: FormatLike | None = None,
    literals: Literals | None = None,
) -> Crosscheck:
    """A float result against the exact value of the spec at these arguments, its error certified.

    spec: a function on tensors.
    args: models on NumPy arrays, arrays and numbers, each float at its exact value; so the error of a float32 result
    includes the rounding of arguments that float32 does not hold.
    actual: the result, of the spec's shape, or any function of `args` that gives it, in NumPy, PyTorch, JAX or Python;
    a mapping from the names of the spec's stages to values, the result's among them, tells where an error arose; or the
    name of a float context, under which the spec itself is evaluated.
    dtype: the format that the result is a number of, where it is not its own: float64, float32, tf32, float16,
    bfloat16, float8_e4m3fn, float8_e5m2, by its name or a dtype.
    max_ulps: stop as soon as it is known whether every error is at most this, in ulps of the format at the exact value,
    rather than when it is known to 1/100 ulp.
    accumulate: the format in which the terms of sums, means and products of vectors and matrices are multiplied and
    added, by which it is judged what rounding explains: the result's own, where none is given.

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns the enclosure of the exact value, each element's error between two bounds, and its stages, found when asked
    for.

    Raises ShapeError where the shapes differ, ArgumentError where the result holds no floats, or where the spec has
    two values, UnknownName for an unknown format or stage, DomainError for NaN and infinities in the arguments.

        r = ss.crosscheck(vae.loss, model, 1, x, eps, actual=my_numpy_loss)
        r.max_ulps, r.enclosure, r.culprit

    Source: what rounding can explain is a running error analysis, Higham 2002, section 3.3.
    """
    spec = spec_of(spec, literals)
    start = time.perf_counter()
    arguments = bind(spec, args)
    reference, result = Reference(spec, args), _result_of(spec, args, actual)
    first = reference.enclosed(_first_context(result, dtype))
    floats, given = _floats_and_stages(result, first, dtype)
    of_shape("actual", floats, first.result.shape)
    sums = None if accumulate is None else named(accumulate, "accumulate").name
    named_context("rounding", dtype=floats.form, accumulate=sums)  # raises where these do not go together
    known = reference.known(first, floats, None if max_ulps is None else _limit(max_ulps))
    if any(ulps > SUSPECT for ulps in flat(known.errors[2][1])):
        one_valued(spec, arguments)
    comparison = StageComparison(spec, args, floats.form, given, known.bits, actual, sums)
    return _certificate(floats, known, comparison, time.perf_counter() - start)


def _certificate(floats: Floats, known: Known, comparison: StageComparison, seconds: float) -> Crosscheck:
    """What was found, with numbers in the place of arrays of shape ()."""
    lower, upper = map(unboxed, known.ends)
    error, relative, ulps = ((unboxed(least), unboxed(greatest)) for least, greatest in known.errors)
    return Crosscheck(
        dtype=floats.form.name,
        actual=unboxed(floats.values),
        enclosure=(lower, upper),
        exact=lower if known.exact else None,
        error=error,
        relative=relative,
        ulps=ulps,
        worst=_worst(known.errors[2]),
        precision=None if known.exact else known.bits,
        seconds=seconds,
        comparison=comparison,
    )


# ---- the actual result ----------------------------------------------------------------------------------------------


def _floats_and_stages(result: Any, first: Evaluation, dtype: FormatLike | None) -> tuple[Floats, dict[str, Array]]:
    """The floats of the actual result, and the stages that it gives."""
    if not isinstance(result, Mapping):
        return read("actual", result, dtype), {}
    name = first.result_name
    if name not in result:
        has = ", ".join(map(str, result)) or "none"
        raise ArgumentError(f"actual: the mapping has no result {name!r}; it has {has}")
    return read(f"actual {name!r}", result[name], dtype), read_stages(result, list(first.stages))


def _first_context(result: Any, dtype: FormatLike | None) -> Context[Any]:
    """interval64 certifies narrow formats; float64 needs more from the start."""
    if isinstance(result, Mapping):
        result = list(result.values())[-1] if result else None  # most likely the result itself
    form = format_of("actual", result, dtype)
    if form.precision + MARGIN <= INTERVAL64_BITS:
        return named_context("interval64", fast=False)
    return named_context("interval", prec=form.precision + MARGIN)


def _result_of(spec: Callable[..., Tensor], args: Sequence[Any], actual: Any) -> Any:
    """What the actual side gives: a result, or a mapping of stages."""
    if isinstance(actual, str) or hasattr(actual, "rounds"):
        context: Context[Any] = resolve(actual)
        if not context.rounds:
            raise ArgumentError(f"actual: expected a float context, got {context.name!r}")
        return Evaluation.of(spec, args, context).stages
    if not callable(actual):
        return actual
    with failures_told(f"actual {spec_name(actual)}"):
        return actual(*args)


def _limit(max_ulps: Any) -> Fraction:
    try:
        limit = data_value(max_ulps)
    except ScalarSpecError:
        limit = Fraction(-1)
    if limit < 0:
        raise ArgumentError(f"max_ulps: expected a number >= 0, got {max_ulps!r}")
    return limit


def _worst(ulps: Pair) -> tuple[int, ...]:
    """The index of the element with the greatest error."""
    places = list(np.ndindex(*ulps[1].shape))
    return max(places, key=lambda place: ulps[1][place], default=())


# ---- in words -------------------------------------------------------------------------------------------------------


def _headlines(r: Crosscheck) -> list[str]:
    """The worst element: its float, its exact value, its error."""
    if not flat(r.actual):
        return [f"actual {r.dtype}: empty"]
    ends = (r.actual, *r.enclosure, *r.ulps, r.error[1], r.relative[1])
    actual, lower, upper, least, greatest, error, relative = (as_array(end)[r.worst] for end in ends)
    place = f" at {list(r.worst)}, the worst element" if r.worst else ""
    how = "exactly, in rationals" if r.precision is None else f"enclosed at {r.precision} bits"
    size = f"absolutely {error_text(error)}, relatively {error_text(relative)}, rounded up"
    return [
        f"actual {r.dtype}{place}: {actual if infinite(actual) else repr(float(actual))}",
        f"exact value: {enclosure_text(lower, upper, 20)} ({how})",
        f"error: {_between(least, greatest)} ulps ({size})",
        *([] if r.certified else ["the error is not known to 1/100 ulp"]),
    ]


def _verdict(r: Crosscheck) -> list[str]:
    """What rounding does not explain: a stage, or the whole."""
    if r.culprit is not None:
        return [f"rounding does not explain stage {r.culprit.name!r}{_times(r.culprit.excess)}"]
    return [f"the error is beyond what rounding explains{_times(r.excess)}"] if r.excess > 1 else []


def _judged(r: Crosscheck) -> tuple[Mark, tuple[str, str]]:
    """The verdict of a page."""
    if not flat(r.actual):
        return "plain", ("Empty.", "There is no element to check.")
    if not r.explained:
        (fault,) = _verdict(r)
        return "bad", ("Not explained.", f"{fault[0].upper()}{fault[1:]}.")
    if r.unknown:
        told = "No bound is known on all that rounding can cause; nothing is beyond the bounds that are known."
        return "open", ("Not decided.", told)
    return "good", ("Explained.", "Rounding explains the error of the result, and of each stage that was given.")


def _times(excess: float) -> str:
    times = error_text(excess, rounding=ROUND_FLOOR)
    return f": it is {times} times what rounding can cause" if math.isfinite(excess) else ""


def _stage_table(r: Crosscheck) -> tuple[list[str], list[list[str]]]:
    """A header, and a row for each stage."""
    rows = []
    for s in r.stages:
        numbers = ["" if v is None else error_text(v) for v in (s.ulps, s.error, s.inherited, s.local)]
        mark = f"{error_text(s.excess, rounding=ROUND_FLOOR)} times that" if s.excess > 1 else ""
        rows.append([s.name, str(s.enclosure[0].shape), *numbers, error_text(s.bound), mark])
    header = ["stage", "shape", "ulps", "error", "inherited", "local", "rounding explains", "local error is"]
    columns = len(header) if any(row[-1] for row in rows) else len(header) - 1
    return header[:columns], [row[:columns] for row in rows]


def _between(least: End, greatest: End) -> str:
    """An error between two ends, rounded outward; one number, rounded up, where that is the same of both."""
    if infinite(greatest):
        return "∞" if infinite(least) else f"at least {error_text(least, rounding=ROUND_FLOOR)}"
    high = error_text(greatest, 4)
    return high if error_text(least, 4) == high else f"{error_text(least, 4, ROUND_FLOOR)} to {high}"
