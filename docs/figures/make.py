"""Draws the figures of the documents, next to this file: python docs/figures/make.py.

Every number in them is worked out here, by scalarspec; the tests draw them once more and compare.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

import scalarspec as ss
from scalarspec.bounding.curves import Curve
from scalarspec.bounding.relaxations import lines
from scalarspec.layers import Linear, Sequential, relu, tanh

HERE = Path(__file__).parent
INK, GRID, LIGHT, DARK, ACCENT = "#222222", "#d0d0d0", "#c6dbef", "#6baed6", "#d94801"
SERIES = ("#9ecae1", "#4292c6", "#08519c", ACCENT)


class Drawing:
    """An SVG picture on white, so that it reads in the dark, too."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img" font-family="sans-serif" font-size="12" fill="{INK}">\n<title>{escape(title)}</title>\n'
        )
        self.parts = [f'<rect width="{width}" height="{height}" fill="white"/>']

    def text(self, x: float, y: float, words: str, anchor: str = "start", size: int = 12) -> None:
        """Words that begin, end or have their middle at a point."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
        )

    def line(self, points: Iterable[tuple[float, float]], colour: str, width: float = 1.5) -> None:
        """Straight pieces from point to point."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle, from its upper left corner."""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>')

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]]) -> None:
        """Colours and what they stand for, from the left to the right."""
        for colour, words in entries:
            self.box(x, y - 9, 12, 10, colour)
            self.text(x + 17, y, words)
            x += 32 + 6.4 * len(words)

    def __str__(self) -> str:
        return self.head + "\n".join(self.parts) + "\n</svg>\n"


class Axes:
    """A rectangle of a drawing in which points have two numbers."""

    def __init__(
        self, drawing: Drawing, corner: tuple[int, int], size: tuple[int, int], x: tuple[float, float],
        y: tuple[float, float],
    ) -> None:  # fmt: skip
        self.drawing, self.corner, self.size, self.x, self.y = drawing, corner, size, x, y

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is in the drawing."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.corner[0] + across * self.size[0], self.corner[1] + (1 - up) * self.size[1]

    def ticks(self, xs: Iterable[tuple[float, str]], ys: Iterable[tuple[float, str]]) -> None:
        """Lines of the grid, with what they are called."""
        for x, name in xs:
            self.line([(x, self.y[0]), (x, self.y[1])], GRID, 1)
            self.drawing.text(self.at(x, 0)[0], self.corner[1] + self.size[1] + 16, name, "middle")
        for y, name in ys:
            self.line([(self.x[0], y), (self.x[1], y)], GRID, 1)
            self.drawing.text(self.corner[0] - 6, self.at(0, y)[1] + 4, name, "end")

    def line(self, points: Iterable[tuple[float, float]], colour: str, width: float = 1.5) -> None:
        """Straight pieces from point to point."""
        self.drawing.line([self.at(x, y) for x, y in points], colour, width)

    def box(self, x: tuple[float, float], y: tuple[float, float], fill: str) -> None:
        """The rectangle between two numbers each way."""
        left, top = self.at(x[0], y[1])
        right, bottom = self.at(x[1], y[0])
        self.drawing.box(left, top, right - left, bottom - top, fill)


def named(*values: float) -> list[tuple[float, str]]:
    """Ticks at these numbers."""
    return [(v, f"{v:g}".replace("-", "−")) for v in values]


def small_network() -> Any:
    """One number to one number, by eight tanh."""
    rng = np.random.default_rng(3)
    first = Linear(3 * rng.normal(size=(8, 1)), 1.5 * rng.normal(size=8))
    return Sequential(first, tanh, Linear(rng.normal(size=(1, 8)) / 2, np.zeros(1)))


def bounds_over_boxes() -> Drawing:
    """Bounds of a network on each of 16 boxes, and its values."""
    net, count = small_network(), 16
    middles = (2 * np.arange(count) + 1) / count - 1
    picture = Drawing(640, 300, "Bounds of a network on 16 boxes, by two methods, and its sampled values")
    axes = Axes(picture, (50, 36), (570, 225), (-1, 1), (-1.1, 0.4))
    for method, colour in (("interval", LIGHT), ("linear", DARK)):
        vary = {"x": ss.ball(f"1/{count}")}
        found = ss.bounds(net, middles[:, None], vary=vary, over="x", method=method)
        for middle, low, high in zip(middles, found.lower[:, 0], found.upper[:, 0], strict=True):
            axes.box((middle - 1 / count, middle + 1 / count), (float(low), float(high)), colour)
    axes.ticks(named(-1, -0.5, 0, 0.5, 1), named(-1, -0.5, 0))
    xs = np.linspace(-1, 1, 241)
    values = ss.batched(net, over="x")(ss.context("float64").tensor(xs[:, None])).value
    axes.line(zip(xs, values[:, 0], strict=True), ACCENT, 2)
    picture.legend(50, 20, [(LIGHT, "method interval"), (DARK, "method linear"), (ACCENT, "values at 241 points")])
    picture.text(335, 292, "the network's input x", "middle")
    return picture


def relaxations() -> Drawing:
    """The lines below and above three functions over an interval, as `bounds` takes them."""
    picture = Drawing(640, 242, "Lines below and above relu, exp and tanh over an interval")
    panels = [("relu", (-1, 2), (-1.2, 2.4)), ("exp", (-1, 1.25), (-0.4, 4)), ("tanh", (-1, 2), (-1.6, 1.6))]
    for place, (operation, (low, high), y) in enumerate(panels):
        axes = Axes(picture, (30 + 208 * place, 36), (180, 165), (low - 0.25, high + 0.25), y)
        axes.ticks(named(low, 0, high), named(0, 1))
        found = lines(Curve(operation, ss.context("interval64").box([low], [high])))
        for slope, height in ((found.low_slope, found.low), (found.high_slope, found.high)):
            axes.line([(t, float(slope[0] * t + height[0])) for t in (low, high)], DARK, 2)
        xs = np.linspace(low, high, 61)
        axes.line(zip(xs, getattr(ss, operation)(ss.context("float64").tensor(xs)).value, strict=True), ACCENT, 2)
        picture.text(axes.corner[0] + 90, 236, f"{operation}(t)", "middle")
    picture.legend(30, 20, [(ACCENT, "the function"), (DARK, "the lines below and above it, between the ends")])
    return picture


def two_layers() -> Any:
    """Four numbers to one, by two layers of sixteen rectifiers."""
    rng = np.random.default_rng(1)
    shapes = [(16, 4), (16, 16), (1, 16)]
    first, second, last = (Linear(rng.normal(size=s) / np.sqrt(s[1]), rng.normal(size=s[0]) / 4) for s in shapes)
    return Sequential(first, relu, second, relu, last)


METHODS = ("interval", "mean-value", "linear", "subdivide")
RADII = tuple(f"1/{2**k}" for k in range(7, -1, -1))


def excess_widths() -> dict[str, list[float]]:
    """How many times as wide as the values that are attained each method's bounds are, over boxes of these radii."""
    net, x = two_layers(), np.array([0.5, -0.25, 1.0, 0.0])
    found: dict[str, list[float]] = {method: [] for method in METHODS}
    for radius in RADII:
        done = {m: ss.bounds(net, x, vary={"x": ss.ball(radius)}, method=m, budget=64) for m in METHODS}
        attained = float((done["subdivide"].inner[1] - done["subdivide"].inner[0]).max())
        for method in METHODS:
            found[method].append(float(done[method].width.max()) / attained)
    return found


def widths_by_method() -> Drawing:
    """The ladder of methods: widths over what is attained."""
    picture = Drawing(640, 300, "Widths of bounds by four methods, as multiples of what is attained")
    axes = Axes(picture, (40, 36), (580, 225), (0, 7), (0.8, 6))
    axes.ticks([(k, "1" if radius == "1/1" else radius) for k, radius in enumerate(RADII)], named(1, 2, 3, 4, 5, 6))
    found = excess_widths()
    for values, colour in zip(found.values(), SERIES, strict=True):
        axes.line(enumerate(values), colour, 2)
    picture.legend(40, 20, list(zip(SERIES, found, strict=True)))
    picture.text(330, 292, "radius of the box", "middle")
    return picture


def floors() -> list[list[str]]:
    """The rooms of the package, floor by floor from the top, as the page on the architecture lists them: a line begins
    a floor, a line that is indented by two has more of its rooms, and words that stand further right say what they are.
    """
    page = (HERE.parent / "explanation" / "architecture.md").read_text(encoding="utf-8")
    listing = re.findall(r"^```none\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[0]
    found: list[list[str]] = []
    for line in listing.splitlines():
        names = line[2 * line.startswith("  ") :].split("  ")[0].split()
        if line.startswith("  "):
            found[-1] += names
        else:
            found.append(names)
    return found


def rooms() -> Drawing:
    """The rooms on their floors."""
    across, rows = 6, [(names[k : k + 6], k == 0) for names in floors() for k in range(0, len(names), 6)]
    height = 26 * len(rows) + 8 * sum(first for _, first in rows) + 30
    picture = Drawing(640, height, "The rooms of the package: each imports from its own floor and below")
    y = 4.0
    for names, first in rows:
        y += 8 * first
        width = 620 / min(across, len(names)) if first else 620 / across
        for place, name in enumerate(names):
            picture.box(12 + width * place, y, width - 4, 22, LIGHT)
            picture.text(10 + width * (place + 0.5), y + 15, name, "middle", 11)
        y += 26
    picture.text(320, y + 16, "a room imports from its own floor, and from those below", "middle")
    return picture


FIGURES = {
    "bounds-over-boxes": bounds_over_boxes,
    "relaxations": relaxations,
    "widths-by-method": widths_by_method,
    "rooms": rooms,
}


def draw(folder: Path) -> None:
    """Writes each figure into a folder."""
    for name, figure in FIGURES.items():
        (folder / f"{name}.svg").write_text(str(figure()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
