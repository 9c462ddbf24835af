"""Figures of a cross-check: the errors of the stages, and those of their elements in ulps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scalarspec.numbers.exact import End, float_above
from scalarspec.pages.figures import Colour, Dot, Panels, Row, Span, Strips
from scalarspec.pages.page import Part
from scalarspec.rounding_errors.stages import Stage, error_text

SIGNS: dict[str, tuple[str, Colour, str]] = {
    "error": ("●", "ink", "|actual - exact|"),
    "inherited": ("□", "orange", "inherited from the steps before"),
    "local": ("◆", "blue", "made in the step"),
}
"""How each error of a stage is drawn, and what it is."""
BOUND: tuple[str, Colour, str] = ("▮", "bar", "what rounding in the step can cause")
MOST_ROWS, MOST_PANELS = 60, 12
"""Of more stages than these, the ones that matter most are drawn: a plot of a thousand is neither read nor quick."""


def figures(dtype: str, stages: Sequence[Stage]) -> list[Part]:
    """Of all stages, and of those of many elements, where actual values are known."""
    if all(stage.error is None for stage in stages):
        return []
    rows = _foremost(stages, MOST_ROWS)
    drawn: list[Part] = [_by_stage(rows, _of(rows, stages))]
    elements = [s for s in stages if s.element_ulps is not None and s.element_ulps.size > 1]
    if elements:
        panels = _foremost(elements, MOST_PANELS)
        heading = f"Errors by element, in ulps of {dtype} (the line: ½ ulp){_of(panels, elements)}"
        told = f"A dot for the error of each element, in ulps of {dtype}, linear up to 1 and logarithmic beyond"
        drawn.append(Panels(heading, told, [(_label(stage), _ulps(stage)) for stage in panels]))
    return drawn


def _by_stage(stages: Sequence[Stage], which: str) -> Strips:
    """The errors of each stage, on a logarithmic axis."""
    errors = [[(name, _number(getattr(stage, name))) for name in SIGNS] for stage in stages]
    bounds = [_number(stage.bound) for stage in stages]
    rows = [
        Row(stage.name, (Span(0.0, bound),), tuple(Dot(x, *SIGNS[name][:2]) for name, x in row))
        for stage, bound, row in zip(stages, bounds, errors, strict=True)
    ]
    told = "The greatest error of each stage, and what rounding can cause, on a logarithmic axis; the table has them."
    return Strips(f"Errors by stage{which} (0 is not shown)", told, rows, [BOUND, *SIGNS.values()], logarithmic=True)


def _label(stage: Stage) -> str:
    return f"{stage.name}: {stage.enclosure[0].size} elements, the greatest {error_text(stage.ulps or 0.0)}"


def _ulps(stage: Stage) -> list[float]:
    assert stage.element_ulps is not None
    return [float_above(ulps) for ulps in stage.element_ulps.ravel().tolist()]


def _foremost(stages: Sequence[Stage], most: int) -> list[Stage]:
    """At most so many stages, in order: those that did more than round, then those that made the greatest errors."""

    def weight(i: int) -> tuple[float, float]:
        return stages[i].excess, float_above(stages[i].error or 0)

    return [stages[i] for i in sorted(sorted(range(len(stages)), key=weight, reverse=True)[:most])]


def _of(drawn: Sequence[Stage], stages: Sequence[Stage]) -> str:
    return f", the {len(drawn)} foremost of {len(stages)}" if len(drawn) < len(stages) else ""


def _number(value: End | None) -> float:
    """A positive number, or NaN, which no figure shows."""
    number = math.nan if value is None else float_above(value)
    return number if 0 < number < math.inf else math.nan
