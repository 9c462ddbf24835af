"""A cross-check as one HTML page that needs nothing else: the certificate, the stages, and plots of the errors."""

from __future__ import annotations

import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scalarspec.numbers.exact import float_above
from scalarspec.report import figure
from scalarspec.rounding_errors.stages import Stage

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
pre { background: #f5f5f3; padding: 1em; overflow-x: auto; font-size: 13px; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; } svg { max-width: 100%; height: auto; }
.bad { color: #a40000; font-weight: 600; }
"""
COLORS = {"bound": "#bbbbbb", "inherited": "#e69f00", "local": "#0072b2", "error": "#000000"}
LABELS = {
    "bound": "what rounding in the step can cause",
    "inherited": "inherited from the steps before",
    "local": "made in the step",
    "error": "|actual - exact|",
}


MOST_ROWS, MOST_PANELS = 60, 12
"""Of more stages than these, the ones that matter most are drawn: a plot of a thousand is neither read nor quick."""


def page(title: str, report: str, record: Mapping[str, Any], stages: Sequence[Stage]) -> str:
    """The page for a cross-check: its report, its record as plain data, and its stages.

    Raises NotSupported where matplotlib is not installed.
    """
    culprit = next((stage for stage in stages if stage.excess > 1), None)
    verdict = (
        f'<p class="bad">Rounding does not explain stage {html.escape(culprit.name)}: '
        f"its error is {culprit.excess:.3g} times what rounding can cause.</p>"
        if culprit is not None
        else ""
    )
    plots = "".join(f"<h2>{html.escape(name)}</h2>{svg}" for name, svg in _plots(record["dtype"], stages))
    data = html.escape(json.dumps(record, indent=1, ensure_ascii=False))
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{verdict}<pre>{html.escape(report)}</pre>"
        f"{plots}<details><summary>The record, as JSON</summary><pre>{data}</pre></details></html>\n"
    )


def _plots(dtype: str, stages: Sequence[Stage]) -> list[tuple[str, str]]:
    drawn = figure("html")
    rows = _foremost(stages, MOST_ROWS)
    plots = [(f"Errors by stage{_of(rows, stages)}", _by_stage(drawn, rows))]
    elements = [s for s in stages if s.element_ulps is not None and s.element_ulps.size > 1]
    if elements:
        panels = _foremost(elements, MOST_PANELS)
        title = f"Errors by element, in ulps of {dtype} (the line: ½ ulp){_of(panels, elements)}"
        plots.append((title, _by_element(drawn, panels)))
    return plots


def _foremost(stages: Sequence[Stage], most: int) -> list[Stage]:
    """At most so many stages, in order: those that did more than round, then those that made the greatest errors."""

    def weight(i: int) -> tuple[float, float]:
        return stages[i].excess, float_above(stages[i].error or 0)

    return [stages[i] for i in sorted(sorted(range(len(stages)), key=weight, reverse=True)[:most])]


def _of(drawn: Sequence[Stage], stages: Sequence[Stage]) -> str:
    return f", the {len(drawn)} foremost of {len(stages)}" if len(drawn) < len(stages) else ""


def _by_stage(figure: Any, stages: Sequence[Stage]) -> str:
    """One row a stage, on a logarithmic axis."""
    fig = figure(figsize=(9, 1 + 0.42 * len(stages)), layout="constrained")
    axes = fig.add_subplot()
    rows = range(len(stages))
    for name, color in COLORS.items():
        values = [_number(getattr(stage, name)) for stage in stages]
        if name == "bound":
            known = [v if math.isfinite(v) else math.nan for v in values]
            axes.barh(rows, known, color=color, height=0.75, label=LABELS[name])
        else:
            sizes = {"error": 30, "local": 45, "inherited": 70}
            axes.scatter(values, rows, color=color, s=sizes[name], zorder=3, label=LABELS[name])
    axes.set_xscale("log")
    axes.set_yticks(rows, [stage.name for stage in stages])
    for row, stage in zip(rows, stages, strict=True):
        if stage.excess > 1:
            axes.get_yticklabels()[row].set_color("#a40000")
            axes.get_yticklabels()[row].set_fontweight("bold")
    axes.invert_yaxis()
    axes.set_xlabel("greatest absolute error of an element (0 is not shown)")
    axes.grid(axis="x", alpha=0.3)
    fig.legend(loc="outside lower center", ncols=2, frameon=False)
    return _svg(fig)


def _by_element(figure: Any, stages: list[Stage]) -> str:
    """One panel a stage; the axis is linear up to 1 ulp and logarithmic beyond."""
    columns = min(3, len(stages))
    lines = -(-len(stages) // columns)
    fig = figure(figsize=(9, 2.2 * lines), layout="constrained")
    for k, stage in enumerate(stages):
        assert stage.element_ulps is not None
        axes = fig.add_subplot(lines, columns, k + 1)
        heights = [min(float_above(v), 1e300) for v in stage.element_ulps.flat]
        axes.scatter(range(len(heights)), heights, s=9, color=COLORS["local"])
        axes.axhline(0.5, color="#999999", linewidth=0.8)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, max(2 * max(heights), 1))
        axes.set_title(stage.name, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    return _svg(fig)


def _number(value: Any) -> float:
    """A positive number, or NaN, which no plot shows."""
    number = math.nan if value is None else float_above(value)
    return number if number > 0 and np.isfinite(number) else math.nan


def _svg(fig: Any) -> str:
    text = io.StringIO()
    fig.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
