"""What was measured, as text: tables for a terminal, and a page of the documentation with its figures."""

import importlib.metadata
import math
import os
import platform
import re
import sys
from pathlib import Path

import numpy as np
from workloads import A, Autoencoder, B

import scalarspec as ss
from scalarspec.report import table
from scalarspec.vocabulary.page import table as markdown

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT / "docs" / "figures"), str(ROOT / "tests")]
from make import GRID, INK, SERIES, Axes, Drawing
from processors import own_kernel

SECTIONS = {
    "Everyday": {
        "float64": "The loss in floats, as a plain call of the spec and prepared.",
        "interval64": "The loss on a box around the input, in NumPy alone and with loops fused by numba.",
        "boxes": "Many boxes at once, beside as many float points at once.",
        "interval": "The loss on a box around the input, at several precisions.",
        "scalars": "One operation at a time, beside mpmath's intervals in object arrays.",
        "networks": "Convolutions, shares and norms. A rational convolution has weights in float32.",
        "environment": "What it costs to look at the processor's float environment, which each call does.",
        "memory": "What a lifted model holds after an evaluation.",
    },
    "Bounds": {
        "bounds": "`ss.bounds` as it is called: all of a call, from NumPy's arrays to exact ends.",
        "tightness": "Widths over the range that is surely attained, and over CROWN's; costs are over NumPy's.",
        "peers": "Ours beside auto_LiRPA's in float64, α-CROWN's measured once; it reads the network beforehand.",
        "peers-outside": "In how many boxes of B a value that is surely attained lies outside of the bounds.",
        "networks-bounded": "Whole networks: the mean width of the outputs, attained and by two methods.",
        "boxes-a-second": "Linear bounds of B by how many boxes go at once; digits by `scalarspec enclose`.",
    },
    "Certificate": {
        "certificate": "`ss.crosscheck`: the error of a float result, certified to 1/100 ulp.",
    },
    "Rational": {
        "rational": "The exact error of an autoencoder.",
    },
    "Symbolic": {
        "gradients": "The gradient of a VAE's loss in all parameters, of which each is a symbol.",
    },
    "Scaling": {
        "scaling": "How cost grows, and the exponent p of cost ~ size^p that fits best.",
    },
}
"""The sections of the page: the groups of rows in them, by the names that the command takes, and what they are."""
HOW_TO_READ = """\
Where the first column is called *row*, each row holds ways to the same result, measured in turns in one process on one
thread. For the first way its least time is given; for each other the median of its times over the first way's in the
same turn, and the project's goal where there is one. A dash stands where a way does not apply, or its library is not
installed. The title of a table is the name by which it is printed alone: `make bench BENCH=float64`.
[How fast](../explanation/how-fast.md) says what this comes to.
"""
COLOURS = dict(zip(("float64", "interval64", "interval", "rational"), SERIES, strict=True))

# ---- cells ----------------------------------------------------------------------------------------------------------


def ratio(x):
    """Three digits, or all before the point."""
    return f"{x:,.0f}" if 1000 <= x < math.inf else f"{x:.3g}"


def goal(row):
    """The goal of a way, and whether its median meets it; nothing where it has none."""
    return "" if row["goal"] is None else f"{row['goal']:g} {'met' if row['median'] <= row['goal'] else 'NOT MET'}"


def duration(seconds):
    """A time in the unit that suits it."""
    unit, name = (1, "s") if seconds >= 1 else (1e-3, "ms") if seconds >= 1e-3 else (1e-6, "µs")
    return "nan" if math.isnan(seconds) else f"{seconds / unit:.3g} {name}"


def cell(value):
    """What stands in a table: growth as sizes with the times over that of the first, all else as it is."""
    return ", ".join(f"{n}: {t:.1f}" for n, t in value.items()) if isinstance(value, dict) else str(value)


def tabled(lines):
    """The header and the cells of lines that are dictionaries."""
    return list(lines[0]), [list(map(cell, line.values())) for line in lines]


# ---- the report -----------------------------------------------------------------------------------------------------


def report(data):
    """All that was measured as tables for a terminal."""
    rows = [
        [row["row"], row["way"], ratio(row["of minima"]), ratio(row["median"]), duration(row["seconds"]), goal(row)]
        for row in data["rows"]
    ]
    if rows:
        yield table(["row", "way", "of minima", "median", "least time", "goal"], rows)
    yield from (table(*tabled(lines)) for lines in data["tables"].values())


# ---- the page -------------------------------------------------------------------------------------------------------


def write(data, path):
    """Writes the page, and its figures into a folder beside it that has its name."""
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    parts = list(page(data))
    for name, words, figure in figures(data["tables"].get("scaling", ())):
        (folder / name).write_text(str(figure), encoding="utf-8", newline="\n")
        parts.append(f"![{words}]({folder.name}/{name})")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8", newline="\n")


def page(data):
    """The text in parts, without the figures."""
    run = data["run"]
    a, b, c = ("-".join(map(str, sizes)) for sizes in (A, B, (*Autoencoder().sizes, A[0])))
    yield f"# Benchmarks\n\nMeasured on {run['date']} by the command that writes this page and its figures:\n"
    yield f"```none\n{run['command']}\n```\n"
    if run["quick"]:
        yield "It was a quick run, of two turns a row: it shows that all of it runs, and roughly how fast.\n"
    yield f"{HOW_TO_READ}\nA is the loss of a VAE of MNIST's size, {a}; B the same of {b}; C an autoencoder, {c}.\n"
    yield f"## Machine\n\n{markdown(('property', 'value'), data['machine'].items())}\n"
    for heading, groups in SECTIONS.items():
        found = {group: lines for group in groups if (lines := lines_of(data, group))}
        if found:
            yield f"## {heading}\n"
        for group, lines in found.items():
            yield f"### {group}\n\n{groups[group]}\n\n{markdown(*lines)}\n"


def lines_of(data, group):
    """The header and the lines of a group, if it was measured."""
    rows = [row for row in data["rows"] if row["group"] == group]
    return pivoted(rows) if rows else group in data["tables"] and tabled(data["tables"][group])


def pivoted(rows):
    """A line for each row, a column for each way."""
    names, ways = (list(dict.fromkeys(row[key] for row in rows)) for key in ("row", "way"))
    first = {row["row"]: row["way"] for row in reversed(rows)}
    cells = {}
    for row in rows:
        against = ratio(row["median"]) + (f" (goal {goal(row)})" if goal(row) else "")
        cells[row["row"], row["way"]] = duration(row["seconds"]) if row["way"] == first[row["row"]] else against
    return ["row", *ways], [[name, *(cells.get((name, way), "-") for way in ways)] for name in names]


def machine():
    """What the times depend on: the processor, what else it does, and the libraries that compute."""
    found = {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if hasattr(os, "getloadavg"):
        found["load average"] = f"{os.getloadavg()[0]:.1f} in the minute before the run"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found["BLAS"] = f"{blas['name']} {blas['version']}, kernel {own_kernel() or 'not known'}, 1 thread"
    found["Python"] = platform.python_version()
    found["scalarspec"] = ss.__version__
    return found | {name: version(name) for name in ("numpy", "numba", "mpmath", "python-flint", "sympy")}


def processor():
    """The processor's name, which Linux has in a file of its own."""
    file = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", file.read_text(encoding="utf-8"), re.M) if file.is_file() else None
    return named[1] if named else platform.processor() or platform.machine()


def version(name):
    """The version of a library."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


# ---- figures --------------------------------------------------------------------------------------------------------


def figures(lines):
    """For each thing of which there are times at several sizes: a file's name, the figure in words, the figure."""
    grown = {}
    for line in lines:
        series, _, what = line["cost ~ size^p"].partition(": ")
        growth = {n: t for n, t in line["times, over the first"].items() if math.isfinite(t)}
        if len(growth) > 1:
            grown.setdefault(what, {})[series] = growth
    for what, curves in grown.items():
        read = "; ".join(f"{series} at {cell(growth)}" for series, growth in curves.items())
        words = f"Time over that of the first size, by {what}: {read}"
        name = "-".join(re.findall(r"\w+", what)).lower() + ".svg"
        yield name, words, growth_figure(what, words, curves)


def growth_figure(what, words, curves):
    """Times over that of the first size, logarithmic both ways, and a line for what grows as the size does."""
    picture = Drawing(360, 250, words)
    points = {series: [(math.log10(n), math.log10(t)) for n, t in curve.items()] for series, curve in curves.items()}
    every = [point for curve in points.values() for point in curve]
    sizes = sorted({n for curve in curves.values() for n in curve})
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])
    top, bottom = max(high - low, *(y for _, y in every)), min(0, *(y for _, y in every))
    axes = Axes(picture, (40, 48), (305, 150), (low, high), (bottom, top))
    times = [step * 10**k for k in range(6) for step in (1, 3)]
    heights = [(math.log10(t), f"{t:g}") for t in times if math.log10(t) <= top]
    axes.ticks([(math.log10(n), str(n)) for n in sizes], heights)
    axes.line([(low, 0), (high, high - low)], GRID, 4)
    for series, curve in points.items():
        axes.line(curve, COLOURS.get(series, INK), 2)
    picture.legend(12, 16, [(COLOURS.get(series, INK), series) for series in points])
    picture.legend(12, 34, [(GRID, "in proportion to the size")])
    picture.text(192, 238, f"time over that of the first size, by {what}", "middle")
    return picture
