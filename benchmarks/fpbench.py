"""Bounds on float errors beside those of other tools, and beside errors observed, on cores of FPBench: `make fpbench`.

Each core is read as a spec. Its bound in running form, and in adjoint form with 600 bisections, must be at least the
error observed at random reals and at all corners of its box: float64's result against an enclosure at 150 bits.
Inputs are reals that are rounded first, and functions are within 1 ulp, as the other tools have it.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

import scalarspec as ss
from scalarspec.errors import ScalarSpecError
from scalarspec.report import table

CORES = Path(__file__).with_name("fpbench.json")
BISECTIONS = 600
BITS = 150
CHUNK = 500
FORMS = ("running", "adjoint")


def load():
    """The cores, each as plain data with its spec and its name."""
    cores = json.loads(CORES.read_text(encoding="utf-8"))["cores"]
    specs = [ss.from_fpcore(core["core"]) for core in cores]
    return [{**core, "spec": spec, "name": spec.name} for core, spec in zip(cores, specs, strict=True)]


# ---- bounds and observed errors -------------------------------------------------------------------------------------


def bound(core, splits, dtype="float64", libm=1):
    """The bound and the seconds; or the refusal and None."""
    spec = core["spec"]
    try:
        found = ss.tolerance(spec, *[0] * len(spec.box), vary=spec.box, splits=splits, libm=libm, dtype=dtype)
    except ScalarSpecError as error:
        return error, None
    return found.absolute, found.seconds


def running(core, dtype="float64", libm=1):
    """The bound of the context `rounding` alone."""
    context = ss.context("rounding", libm=libm, dtype=dtype)
    try:
        value = core["spec"](*(context.box(box.lower, box.upper) for box in core["spec"].box.values()))
    except ScalarSpecError as error:
        return error
    return value.item().error


def samples(core, count, source):
    """Random reals of the box, dyadic and mostly no floats, and all corners, that meet the core's conditions."""
    spec = core["spec"]
    ends = [(box.lower.item(), box.upper.item()) for box in spec.box.values()]
    points = [corner for corner in itertools.product(*ends) if len(ends) <= 10]
    for _ in range(count):
        points.append(tuple(low + (high - low) * source.getrandbits(60) / 2**60 for low, high in ends))
    exact = ss.context("rational")
    return [point for point in points if bool(spec.meets(*map(exact.tensor, point)))]


def observed(core, points, dtype="float64"):
    """The greatest error of a float evaluation at these points, rounded down; points without a value are left out."""
    worst = 0.0
    for start in range(0, len(points), CHUNK):
        worst = max(worst, _observed(core, points[start : start + CHUNK], dtype))
    return worst


def _observed(core, points, dtype):
    spec, (exact, floats) = ss.batched(core["spec"], core["spec"].arguments), contexts(dtype)
    columns = [np.array(column, dtype=object) for column in zip(*points, strict=True)]
    try:
        lower, upper = ss.endpoints(spec(*map(exact.tensor, columns)))
        results = np.asarray(spec(*map(floats.tensor, columns)))
    except ArithmeticError:  # somewhere there is no value: point by point
        if len(points) == 1:
            return 0.0
        middle = len(points) // 2
        return max(_observed(core, points[:middle], dtype), _observed(core, points[middle:], dtype))
    errors = [
        max(low - Fraction(float(x)), Fraction(float(x)) - high)
        for low, x, high in zip(lower, results, upper, strict=True)
        if np.isfinite(x) and not isinstance(low, float) and not isinstance(high, float)
    ]
    return float(max(errors, default=0.0)) * (1 - 2**-50)


def contexts(dtype):
    """Where the reals are enclosed, and the floats."""
    return ss.context("interval", prec=BITS), ss.context(dtype)


# ---- the table ------------------------------------------------------------------------------------------------------


def measured(core, count):
    """One row: every bound, and the observed error where some bound is finite."""
    run, (adjoint, seconds) = running(core), bound(core, BISECTIONS)
    finite = seconds is not None and np.isfinite(adjoint)
    source = random.Random(core["name"])
    return {
        "name": core["name"],
        "running": None if isinstance(run, ScalarSpecError) else run,
        "adjoint": None if isinstance(adjoint, ScalarSpecError) else adjoint,
        "refusal": f"{type(adjoint).__name__}: {adjoint}" if isinstance(adjoint, ScalarSpecError) else None,
        "observed": observed(core, samples(core, count, source)) if finite else None,
        "daisy": core["daisy"],
        "fptaylor": core["fptaylor"],
        "gappa": core["gappa"],
        "seconds": seconds,
    }


def summary(rows):
    """The goals, and what was found."""
    sound = [r for r in rows if r["observed"] is not None]
    misses = [r["name"] for r in sound if any(r[form] is not None and r[form] < r["observed"] for form in FORMS)]
    daisy = [r["running"] / r["daisy"] for r in rows if r["daisy"] and r["running"] is not None]
    taylor = [r["adjoint"] / r["fptaylor"] for r in rows if r["fptaylor"] and r["adjoint"] is not None]
    within = sum(q <= 1.1 for q in daisy), sum(q <= 1.5 for q in taylor)
    return {
        "bounds below the observed error": misses,
        "running form within 1.1 of Daisy's": f"{within[0]} of {len(daisy)}",
        "adjoint form over FPTaylor's, median": statistics.median(taylor),
        "adjoint form within 1.5 of FPTaylor's": f"{within[1]} of {len(taylor)}",
    }


def shown(value):
    """A bound in three digits."""
    return "-" if value is None else f"{value:.2e}"


def main():
    """Print the table; exit code 1 if a bound is below the observed error."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=10_000, help="random points a core (default 10000)")
    parser.add_argument("--json", action="store_true", help="print data")
    options = parser.parse_args()
    rows, start = [], time.perf_counter()
    for i, core in enumerate(load()):
        if sys.stderr.isatty():
            print(f"\r\033[K{i + 1} of {len(load())}: {core['name']}", end="", file=sys.stderr, flush=True)
        rows.append(measured(core, options.samples))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    found = summary(rows)
    if options.json:
        print(json.dumps({"rows": rows, "summary": found}, indent=2))
    else:
        header = ["core", "observed", "running", "Daisy", "adjoint", "FPTaylor", "Gappa", "/ Daisy", "/ FPTaylor"]
        print(table(header, [_cells(row) for row in rows]))
        print("\n".join(f"{row['name']}: {row['refusal']}" for row in rows if row["refusal"]))
        print("\n".join(f"{name}: {value or 'none'}" for name, value in found.items()))
        print(f"{options.samples} samples and all corners each, {time.perf_counter() - start:.0f} s")
    return 1 if found["bounds below the observed error"] else 0


def _cells(row):
    numbers = [shown(row[key]) for key in ("observed", "running", "daisy", "adjoint", "fptaylor", "gappa")]
    if row["refusal"]:
        return [row["name"], "refused", *["-"] * 7]
    quotients = [
        f"{row[ours] / row[theirs]:.2f}" if row[ours] is not None and row[theirs] else "-"
        for ours, theirs in (("running", "daisy"), ("adjoint", "fptaylor"))
    ]
    return [row["name"], *numbers, *quotients]


if __name__ == "__main__":
    sys.exit(main())
