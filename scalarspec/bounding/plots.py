"""A picture of bounds: of each output, of their widths as the box grows, and of what each method takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from scalarspec.bounding.contexts import FLOAT
from scalarspec.bounding.domain import Domain
from scalarspec.core.arguments import call, spec_name
from scalarspec.core.lifting import lifted_arguments
from scalarspec.errors import ArgumentError
from scalarspec.report import figure

COLOURS = {"interval": "#b0b0b0", "mean-value": "#d98e04", "linear": "#1f77b4", "subdivide": "#2a8a4a"}
"""The methods that are drawn, each with its colour."""
GROWING = ("interval", "mean-value", "linear")
"""The methods whose widths are drawn against the size of the box; `subdivide` would take too long at each."""
ATTAINED = "#111111"
"""The colour of what is attained."""
SIZES = [Fraction(1, 2**k) for k in range(6, -1, -1)]
"""The sizes of the box, as parts of the one that was asked for, at which widths are drawn: halved six times."""
SHOWN = 64
"""The most outputs that are drawn: more could not be told apart at the width of the picture."""


class Found(Protocol):
    """What is drawn of the bounds by one method."""

    @property
    def lower(self) -> Any:
        """The lower ends of the outputs."""

    @property
    def upper(self) -> Any:
        """The upper ends of the outputs."""

    @property
    def inner(self) -> tuple[Any, Any]:
        """Inner bounds of the outputs."""

    @property
    def method(self) -> str:
        """The name of the method that found them."""

    @property
    def seconds(self) -> float:
        """How long that took, in seconds."""


By = Callable[[Domain, str], Found]
"""The bounds over a domain by a method of that name."""


def draw(found: Found, domain: Domain, path: str | Path, by: By) -> None:
    """The picture of some bounds, and of others over the same domain, in a file whose ending says the format.

    Raises NotSupported where matplotlib is not installed, ArgumentError where the file cannot be written.
    """
    drawn = figure("plot")(figsize=(12, 4.2), layout="constrained")
    outputs, growth, times = drawn.subplots(1, 3)
    one = domain.row(0)
    methods = {name: by(one, name) for name in COLOURS}
    _outputs(outputs, found, domain)
    _growth(growth, one, methods, by)
    _methods(times, methods)
    rows = "; right: of the first row" if domain.over else ""
    drawn.suptitle(f"{spec_name(domain.spec)}{rows}", fontsize=11)
    try:
        drawn.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise ArgumentError(f"plot: cannot write {path}: {error}") from None


def _outputs(axes: Any, found: Found, domain: Domain) -> None:
    """Draws each output's bounds around its float64 value, and what is attained inside."""
    middle = [*lifted_arguments(domain.arguments, FLOAT).values()]
    values = np.ravel(np.asarray(call(domain.spec_of_rows, middle, FLOAT)))[:SHOWN]
    low, high, least, most = (
        np.ravel(np.asarray(end, dtype=object))[:SHOWN].astype(float)
        for end in (found.lower, found.upper, *found.inner)
    )
    at = np.arange(len(low))
    axes.vlines(at, low, high, color=COLOURS.get(found.method, "#1f77b4"), linewidth=7, alpha=0.35, label="bounds")
    axes.vlines(at, least, most, color=ATTAINED, linewidth=1.5, label="attained")
    axes.plot(at, values, "_", color="#c0392b", markersize=10, markeredgewidth=2, label="float64")
    axes.set_xlim(-1, len(at))
    axes.set_xticks(at if len(at) <= 10 else at[:: len(at) // 8])
    axes.set_xlabel("output")
    axes.set_title(f"bounds by {found.method}", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(axis="y", alpha=0.3)


def _growth(axes: Any, domain: Domain, whole: Mapping[str, Found], by: By) -> None:
    """Draws the greatest width of an output against the size of the box."""
    widths: dict[str, list[float]] = {}
    for size in SIZES:
        found = whole if size == 1 else {name: by(domain.shrunk(size), name) for name in GROWING}
        for name in GROWING:
            widths.setdefault(name, []).append(_width(found[name].lower, found[name].upper))
        widths.setdefault("attained", []).append(_width(*found["linear"].inner))
    for name, values in widths.items():
        shown = np.where((np.array(values) > 0) & np.isfinite(values), values, np.nan)
        style = {"linestyle": ":", "marker": "."} if name == "attained" else {"marker": "o", "markersize": 3}
        axes.plot([float(s) for s in SIZES], shown, color=COLOURS.get(name, ATTAINED), label=name, **style)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("size of the box, of the one that was asked for")
    axes.set_title("greatest width of an output", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)


def _methods(axes: Any, found: Mapping[str, Found]) -> None:
    """Draws widths, as multiples of the width of what is attained, against the time that each method takes."""
    attained = _width(*found["linear"].inner)
    points = [(b.seconds * 1e3, _width(b.lower, b.upper) / attained) for b in found.values()] if attained else []
    shown = [(name, *p) for name, p in zip(found, points, strict=False) if np.isfinite(p[1])]
    for (_, x, y), (_, u, v) in pairwise(shown):
        axes.plot([x, u], [y, v], color="#cccccc", linewidth=1, zorder=1)
    for name, x, y in shown:
        axes.scatter([x], [y], color=COLOURS[name], s=40, zorder=2, label=f"{name}: {y:.3g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.margins(0.15)
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("time, ms")
    axes.set_title("width over that of what is attained", fontsize=10)
    axes.grid(alpha=0.3)


def _width(lower: Any, upper: Any) -> float:
    """The greatest width of an output."""
    return float(np.max(np.asarray(upper, dtype=object) - np.asarray(lower, dtype=object), initial=0))
