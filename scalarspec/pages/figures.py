"""Figures as SVG that needs no library: spans and marks on an axis, a line a row; and heights of elements.

Places are percentages of the width, and letters are not scaled, so that a figure can be read at every width.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Colour = Literal["bar", "ink", "blue", "orange"]

ROW, LABEL, AXIS = 38, 14, 26
"""Heights: of a row, of the label on top of it, and of the axis, in pixels."""
MARGIN = 2.0
"""How much of the width is left free on each side, in percent."""
PANEL = 120
"""The height of a panel of elements, in pixels."""
MOST_DOTS = 400
"""Of more elements than these, the greatest of each few that follow one another are drawn."""
LARGEST = sys.float_info.max
TICKS = 4
"""About so many ticks has an axis: as many as fit a phone."""


@dataclass(frozen=True)
class Axis:
    """From a number to its place, in percent of the width: linear, or logarithmic."""

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def of(cls, numbers: Iterable[float], logarithmic: bool = False) -> Axis | None:
        """The axis that holds all numbers that can be shown, if there are any."""
        shown = [x for x in numbers if math.isfinite(x) and (x > 0 or not logarithmic)]
        if not shown:
            return None
        low, high = min(shown), max(shown)
        if logarithmic:  # from a power of ten that leaves room for the shortest bar
            low = 10.0 ** (math.floor(math.log10(low)) - 1) or low
            return cls(low, max(high, 10 * low), True)
        pad = 0.0 if high > low else abs(high) / 2 or 1.0
        return cls(max(low - pad, -LARGEST), min(high + pad, LARGEST))

    def at(self, x: float) -> float:
        """The place of a number; what lies beyond an end is there."""
        share = self._share(min(max(x, self.low), self.high))
        return MARGIN + (100 - 2 * MARGIN) * share

    def _share(self, x: float) -> float:
        if self.logarithmic:
            low, x, high = map(math.log10, (self.low, x, self.high))
            return (x - low) / (high - low)
        unit = 1.0 if math.isfinite(self.high - self.low) else 0.5  # differences of halves do not overflow
        return (x * unit - self.low * unit) / (self.high * unit - self.low * unit)

    @property
    def ticks(self) -> list[float]:
        """Round numbers on it."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**k for k in range(first, last + 1, max(1, -(-(last - first) // TICKS)))]
        rough = self.high / TICKS - self.low / TICKS
        if not rough:  # it underflows
            return [self.low, self.high]
        unit = 10.0 ** math.floor(math.log10(rough)) or rough
        step = next((unit * k for k in (1, 2, 5) if unit * k >= rough), 10 * unit)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [step * k for k in range(first, last + 1)]


@dataclass(frozen=True)
class Span:
    """A bar between two numbers, thick or thin; infinite ends reach to the edge, and have an arrow."""

    low: float
    high: float
    colour: Colour = "bar"
    thick: bool = True


@dataclass(frozen=True)
class Dot:
    """A mark at a number: a sign, which tells it apart where colours do not."""

    at: float
    sign: str
    colour: Colour = "ink"


@dataclass(frozen=True)
class Row:
    """A labelled line of a figure."""

    label: str
    spans: tuple[Span, ...] = ()
    dots: tuple[Dot, ...] = ()

    @property
    def numbers(self) -> list[float]:
        """All that it shows."""
        return [*(end for span in self.spans for end in (span.low, span.high)), *(dot.at for dot in self.dots)]


DRAWN = 40
"""Of more rows than these, the first are drawn."""


def the_first(count: int, what: str = "") -> str:
    """What is said of a figure that draws the first of so many; nothing where it draws all. what: they are."""
    return f", the first {DRAWN} of {count}{what}" if count > DRAWN else ""


@dataclass(frozen=True)
class Strips:
    """Rows over one axis. alternative: what the figure shows, in words; legend: signs and colours with their meaning;
    zero: is 0 marked by a line?
    """

    heading: str
    alternative: str
    rows: Sequence[Row]
    legend: Sequence[tuple[str, Colour, str]] = ()
    logarithmic: bool = False
    zero: bool = False

    def body(self) -> str:
        """The figure, or a line that there is nothing to draw."""
        axis = Axis.of((x for row in self.rows for x in row.numbers), self.logarithmic)
        if axis is None:
            return "<p>There is no number to draw.</p>"
        height = ROW * len(self.rows)
        drawn = "".join(_row(row, axis, ROW * i) for i, row in enumerate(self.rows))
        zero = _upright(axis.at(0), height, "zero") if self.zero and axis.low <= 0 <= axis.high else ""
        return _figure(self.alternative, height + AXIS, _axis(axis, height) + zero + drawn, self.legend)


@dataclass(frozen=True)
class Panels:
    """The heights of the elements of some arrays, a panel each: linear up to 1, and logarithmic beyond."""

    heading: str
    alternative: str
    panels: Sequence[tuple[str, Sequence[float]]]

    def body(self) -> str:
        """The panels side by side, as many as fit."""
        drawn = (
            f"<figure><figcaption>{escape(label)}{_each(heights)}</figcaption>"
            f"{_svg(f'{self.alternative}: {label}', PANEL, _heights(_thinned(heights)))}</figure>"
            for label, heights in self.panels
        )
        return f'<div class="panels">{"".join(drawn)}</div>'


# ---- rows -----------------------------------------------------------------------------------------------------------


def _row(row: Row, axis: Axis, top: int) -> str:
    middle = top + LABEL + (ROW - LABEL) // 2
    label = f'<text x="{MARGIN}%" y="{top + LABEL - 2}">{escape(row.label)}</text>'
    dots = (_sign(axis.at(dot.at), middle, dot.sign, dot.colour) for dot in row.dots if _shown(dot.at, axis))
    return label + "".join(_span(span, axis, middle) for span in row.spans) + "".join(dots)


def _shown(x: float, axis: Axis) -> bool:
    return not math.isnan(x) and (x > 0 or not axis.logarithmic)


def _span(span: Span, axis: Axis, middle: int) -> str:
    if math.isnan(span.low) or math.isnan(span.high) or span.low > span.high:
        return ""
    left, right = axis.at(span.low), axis.at(span.high)
    tall = 14 if span.thick else 4
    bar = (
        f'<rect class="{span.colour}" x="{left:.2f}%" y="{middle - tall // 2}" width="{max(right - left, 0.2):.2f}%" '
        f'height="{tall}"/>'
    )
    arrows = [(left, "◂", span.low == -math.inf), (right, "▸", span.high == math.inf)]
    return bar + "".join(_sign(at, middle, sign, "ink") for at, sign, infinite in arrows if infinite)


def _sign(at: float, middle: float, sign: str, colour: Colour) -> str:
    place = f'x="{at:.2f}%" y="{middle:g}" text-anchor="middle" dominant-baseline="central"'
    return f'<text class="{colour}" {place}>{escape(sign)}</text>'


def _axis(axis: Axis, height: int) -> str:
    lines = (_upright(axis.at(x), height) + _tick(axis.at(x), height, f"{x:.3g}") for x in axis.ticks)
    return "".join(lines)


def _upright(at: float, height: int, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<line{named} x1="{at:.2f}%" x2="{at:.2f}%" y1="{LABEL}" y2="{height}"/>'


def _tick(at: float, height: int, text: str) -> str:
    anchor = "start" if at < 6 else "end" if at > 94 else "middle"
    return f'<text class="soft" x="{at:.2f}%" y="{height + 16}" text-anchor="{anchor}">{text}</text>'


# ---- panels ---------------------------------------------------------------------------------------------------------


def _heights(heights: Sequence[float]) -> str:
    top = _compressed(max(1.0, *(x for x in heights if math.isfinite(x))))
    half = PANEL - 8 - (PANEL - 16) * _compressed(0.5) / top
    line = f'<line class="zero" x1="0" x2="100%" y1="{half:.1f}" y2="{half:.1f}"/>'
    places = ((100 * (i + 0.5) / len(heights), min(_compressed(x), top) / top) for i, x in enumerate(heights))
    dots = (f'<circle class="blue" cx="{x:.2f}%" cy="{PANEL - 8 - (PANEL - 16) * y:.1f}" r="2.5"/>' for x, y in places)
    return line + "".join(dots)


def _thinned(heights: Sequence[float]) -> list[float]:
    """At most so many as can be told apart: of each few that follow one another the greatest."""
    few = _few(heights)
    return [max(heights[i : i + few]) for i in range(0, len(heights), few)]


def _each(heights: Sequence[float]) -> str:
    return f"; a dot for each {_few(heights)}" if _few(heights) > 1 else ""


def _few(heights: Sequence[float]) -> int:
    """How many elements a dot stands for."""
    return -(-len(heights) // MOST_DOTS)


def _compressed(x: float) -> float:
    """Linear up to 1, and logarithmic beyond."""
    return x if x <= 1 else 1 + math.log10(x)


# ---- frames ---------------------------------------------------------------------------------------------------------


def _figure(alternative: str, height: int, drawn: str, legend: Sequence[tuple[str, Colour, str]]) -> str:
    meanings = "".join(
        f'<span><i class="{colour}" aria-hidden="true">{sign}</i> {escape(text)}</span>'
        for sign, colour, text in legend
    )
    caption = f"<figcaption>{meanings}</figcaption>" if meanings else ""
    return f"<figure>{_svg(alternative, height, drawn)}{caption}</figure>"


def _svg(alternative: str, height: int, drawn: str) -> str:
    return f'<svg role="img" aria-label="{escape(alternative)}" height="{height}">{drawn}</svg>'
