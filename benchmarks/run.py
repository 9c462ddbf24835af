"""Every reading of the workloads beside NumPy by hand, and beside what one would write today: `make bench`.

A row holds ways to the same result, measured in turns in one process on one thread. A ratio is a time over the time of
the row's first way in the same turn; shown are the quotient of the smallest times and the median of the quotients.
"""

import os

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy is loaded

import argparse
import datetime
import json
import shlex
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import by_hand
import networks
import numpy as np
import page
import peers
import scalars
import sympy
from crown import crown
from turns import Row, seconds
from workloads import BETA, A, Autoencoder, B, Rectifiers, Vae

import scalarspec as ss
from scalarspec.backends.interval64.fused import numba_is_installed
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.linear import LinearBounds
from scalarspec.core.arguments import bind
from scalarspec.core.lifting import lift
from scalarspec.examples.enclose import enclose
from scalarspec.models import autoencoder, vae
from scalarspec.numbers import environment as float_environment
from scalarspec.numbers import integers
from scalarspec.tracing.scalar_graph import operations

RADIUS = 1e-3
BATCH, MANY = 128, 1024


# ---- the rows -------------------------------------------------------------------------------------------------------


def prepared(context, work, spec=vae.loss, boxes=True):
    """The VAE loss of a workload in a context, prepared, at its input or at a box around it."""
    x = context.box(work.x - RADIUS, work.x + RADIUS) if boxes else context.tensor(work.x)
    eps, model = context.tensor(work.eps), lift(work.model(), context)
    if work.batch is not None:
        spec = ss.batched(spec, over=("x", "eps"))
    run = ss.prepare(spec, model, BETA, x, eps, inputs=("x", "eps"), backend=context)
    return lambda: run(x, eps)


def eager(context, work, boxes=True):
    """The same, as a plain call of the spec."""
    x = context.box(work.x - RADIUS, work.x + RADIUS) if boxes else context.tensor(work.x)
    eps, model = context.tensor(work.eps), lift(work.model(), context)
    spec = vae.loss if work.batch is None else ss.batched(vae.loss, over=("x", "eps"))
    return lambda: spec(model, BETA, x, eps)


def float_rows():
    """float64, as it is called and prepared."""
    context = ss.context("float64")
    for name, work, goals, repeats in (
        ("A", Vae(A), (1.3, 1.05), 200),
        (f"A, batch {BATCH}", Vae(A, BATCH), (None, 1.02), 30),
        ("B", Vae(B), (2.5, 1.4), 1000),
    ):
        ways = {
            "NumPy by hand": work.by_hand,
            "float64": eager(context, work, boxes=False),
            "float64, prepared": prepared(context, work, boxes=False),
        }
        yield Row(f"float64: {name}", ways, dict(zip(("float64", "float64, prepared"), goals, strict=True)), repeats)


def interval64_ways(work):
    """interval64, on NumPy alone, and with fused loops where numba is installed."""
    kinds = {"interval64": False, **({"interval64, fused": True} if numba_is_installed() else {})}
    return {name: prepared(ss.context("interval64", fast=fast), work) for name, fast in kinds.items()}


def flint_ways(ways):
    """What python-flint does, where it is installed: names, and what makes the ways."""
    return {name: make() for name, make in ways.items()} if by_hand.flint else {}


def interval64_rows():
    """interval64, on NumPy alone and with fused loops."""
    for name, work, goal, fast_goal, repeats in (
        ("A", Vae(A), 3, 1, 100),
        (f"A, batch {BATCH}", Vae(A, BATCH), 2.5, 1.5, 20),
        ("B", Vae(B), 4, 1, 500),
    ):
        ways = {"NumPy by hand": work.by_hand, **interval64_ways(work)}
        if work.batch is None:
            ways |= flint_ways({"python-flint arb_mat": partial(by_hand.FlintVae, work, RADIUS)})
        goals = {"interval64": goal, "interval64, fused": fast_goal}
        yield Row(f"interval64: {name}", ways, goals, repeats, ("python-flint arb_mat",))


def boxes_row():
    """How many boxes for one float point."""
    work = Vae(B, MANY)
    ways = {"float64, prepared": prepared(ss.context("float64"), work, boxes=False), **interval64_ways(work)}
    yield Row(f"boxes of B, {MANY} at a time", ways, {"interval64": 3, "interval64, fused": 1.5}, 30)


def interval_rows():
    """interval at several precisions; mpmath.iv and arb as one would write them."""
    for name, sizes, goal in (("A", A, 50), ("B", B, 25)):
        work = Vae(sizes)
        ways = {"NumPy by hand": work.by_hand}
        for prec in (53, 113, 128):
            ways[f"interval, {prec} bits"] = eager(ss.context("interval", prec=prec), work)
        ways |= flint_ways({"python-flint arb_mat": partial(by_hand.FlintVae, work, RADIUS)})
        ways["mpmath.iv"] = by_hand.MpmathVae(work, RADIUS)
        goals = {way: goal for way in ways if way.startswith("interval")}
        yield Row(f"interval: {name}", ways, goals, 5, ("mpmath.iv",))


def without_flint(run):
    """The same where python-flint is not installed."""

    def alone():
        kept, integers.flint = integers.flint, None
        try:
            run()
        finally:
            integers.flint = kept

    return alone


def rational_rows():
    """rational; Fraction and fmpq_mat as one would write them."""
    context, work = ss.context("rational"), Autoencoder()
    model = lift(work.model(), context)

    def ours():
        return autoencoder.reconstruction_error(model, context.tensor(work.x)).item()

    ways = {
        "NumPy by hand": work.by_hand,
        "rational": without_flint(ours),
        **flint_ways(
            {
                "rational, with flint": lambda: ours,
                "python-flint fmpq_mat": partial(by_hand.FlintAutoencoder, work),
            }
        ),
        "Fraction": by_hand.FractionAutoencoder(work),
    }
    goals = {"rational": 20, "rational, with flint": 20}
    yield Row("rational: C", ways, goals, 30, ("python-flint fmpq_mat", "Fraction"))

    batch = Autoencoder(batch=16)
    error = ss.batched(autoencoder.reconstruction_error, over="x")
    ways = {"NumPy by hand": batch.by_hand, "rational": lambda: error(model, context.tensor(batch.x)).tolist()}
    yield Row("rational: C, batch 16", ways, {"rational": 150}, 10)


def certificate_row():
    """The float of the A loss, its error certified to 1/100 ulp: from NumPy's arrays to the certificate, all of it."""
    work = Vae(A)
    model, floats = work.model(), {"float64": work.by_hand(), "float32": np.float32(work.by_hand())}
    arguments = (vae.loss, model, BETA, work.x, work.eps)
    for name, value in floats.items():
        found = ss.crosscheck(*arguments, actual=value)
        assert found.certified
        assert found.dtype == name
    goals = {f"crosscheck, {name}": 60 for name in floats}
    certified = {
        f"crosscheck, {name}": lambda value=value: ss.crosscheck(*arguments, actual=value)
        for name, value in floats.items()
    }
    yield Row("certificate: A", {"NumPy by hand": work.by_hand, **certified}, goals, 7)


def bounds_rows():
    """`ss.bounds` as it is called: all of a call, from NumPy's arrays to exact ends."""
    for name, work, spec, radius, goals, repeats in (
        ("B", Vae(B), vae.loss, "0.01", {"interval": 30, "linear": 100}, 50),
        ("A", Vae(A), vae.loss, "0.01", {"interval": 30, "linear": 1200}, 5),
        ("784-256-256-10 relu", Rectifiers(), lambda net, x: net(x), "0.02", {}, 5),
    ):
        args = (work.model(), BETA, work.x, work.eps) if spec is vae.loss else (work.model(), work.x)
        vary = {"x": ss.ball(radius)}
        ways = {"NumPy by hand": work.by_hand}
        for method in ("interval", "linear"):
            ways[method] = partial(ss.bounds, spec, *args, vary=vary, method=method)
        yield Row(f"bounds: {name}, radius {radius}", ways, goals, repeats)


def scalar_rows():
    """One operation at a time, on 300 boxes, beside mpmath's intervals in object arrays."""
    for name, (ours, theirs) in scalars.rows().items():
        yield Row(f"300 boxes: {name}", {"mpmath.iv": theirs, "interval": ours}, {}, 9)


def network_rows():
    """Convolutions, shares and norms. The goals of interval64 and rationals are times that of our float64, of which the
    first is 1.3 times NumPy's at most.
    """
    for name, shape in networks.CONVOLUTIONS.items():
        goals = {"float64": 1.3, "interval64": 5.2, "rational": 195}
        yield Row(f"conv: {name}", networks.convolution(shape), goals, 9)
    for name, shape in networks.WIDE.items():
        yield Row(f"softmax: {name}", networks.softmax(shape), {"interval64": 12}, 30)
        yield Row(f"layer norm: {name}", networks.layer_norm(shape), {"interval64": 12}, 30)


ROWS = {
    "networks": network_rows,
    "float64": float_rows,
    "interval64": interval64_rows,
    "boxes": boxes_row,
    "interval": interval_rows,
    "rational": rational_rows,
    "certificate": certificate_row,
    "bounds": bounds_rows,
    "scalars": scalar_rows,
}

# ---- gradients, memory, scaling -------------------------------------------------------------------------------------


def tanh_vae(wm, bm, wv, bv, wd, bd, x, eps):
    """The VAE loss of three layers, tanh in the encoder's mean and in the decoder."""
    encoder = vae.Encoder(lambda t: ss.tanh(ss.affine(wm, t, bm)), lambda t: ss.affine(wv, t, bv))
    return vae.loss(vae.Model(encoder, vae.Decoder(lambda z: ss.tanh(ss.affine(wd, z, bd)))), 1, x, eps)


def variables(d, k):
    """All of its arguments as symbols, the parameters first."""
    shapes = {"wm": (k, d), "bm": (k,), "wv": (k, d), "bv": (k,), "wd": (d, k), "bd": (d,), "x": (d,), "e": (k,)}
    return [ss.context("symbolic").symbols(name, shape) for name, shape in shapes.items()]


def gradients(options):
    """The symbolic gradient in all parameters: time, and operations beside those of the loss."""
    rows = []
    for d, k in ((4, 2), (8, 4), (16, 8), (64, 32), (128, 64), (256, 64)):
        arguments = variables(d, k)
        count = 15 if d <= 16 else 3  # a first call is slower than others by what Python warms up
        times = [seconds(lambda a=arguments: ss.value_and_grad(tanh_vae, tuple(range(6)))(*a)) for _ in range(count)]
        value, found = ss.value_and_grad(tanh_vae, tuple(range(6)))(*arguments)
        own = operations(value.scalars().flat)
        both = operations([s for t in (value, *found) for s in t.scalars().flat])
        theirs = "" if (d, k) != (4, 2) and not (options.long and d == 8) else sympy_seconds(value, arguments[:6])
        goal = {16: "5 ms", 64: "300 ms"}.get(d, "")
        middle, parameters = statistics.median(times), sum(t.size for t in arguments[:6])
        each = [f"{middle / parameters * 1e6:.1f} µs", f"{both / parameters:.2f}"]
        row = [f"{middle * 1e3:.1f} ms", goal, str(own), str(both), f"{both / own:.2f}", theirs, str(parameters), *each]
        rows.append([f"tanh VAE {d}-{k}", *row])
    header = ["symbolic gradient", "time", "goal", "loss: operations", "with gradient", "ratio (goal 2)", "sympy.diff"]
    header += ["parameters", "time for each", "operations for each"]
    return header, rows


def sympy_seconds(value, parameters):
    """How long sympy.diff takes on the same loss."""
    expression = value.item()
    symbols = [s for t in parameters for s in np.ravel(np.array(t.tolist(), dtype=object))]
    return f"{seconds(lambda: [sympy.diff(expression, s) for s in symbols]) * 1e3:.0f} ms"


def tightness(options):
    """Widths of bounds of the VAE loss over the range that is surely attained, and over CROWN's; and what they cost.

    A cost is a time over NumPy's of the loss, all that `bounds` does included.
    """
    rows = []
    for name, sizes in (("B", B),) if options.quick else (("B", B), ("A", A)):
        work = Vae(sizes)
        base = statistics.median(seconds(work.by_hand) for _ in range(30))
        for radius in ("0.01", "0.003", "0.001"):
            found = {
                method: ss.bounds(
                    vae.loss,
                    work.model(),
                    BETA,
                    work.x,
                    work.eps,
                    vary={"x": ss.ball(radius)},
                    method=method,
                    budget=16 if name == "B" else 1,
                )
                for method in ("interval", "mean-value", "linear", "subdivide")
            }
            attained = found["subdivide"].inner[1] - found["subdivide"].inner[0]
            low, high = crown(work, float(radius))
            in_floats = min(seconds(lambda w=work, r=radius: crown(w, float(r))) for _ in range(3))
            cells = [f"{float(each.width / attained):.3f}" for each in found.values()]
            beside = float(found["linear"].width) / (high - low)
            rows.append(
                [
                    name,
                    radius,
                    *cells,
                    f"{beside:.3f}",
                    *(f"{t / base:.0f}" for t in (found["linear"].seconds, in_floats)),
                ]
            )
    header = ["interval", "mean-value", "linear (goal B: 1.15, 1.06, 1.03)", "16 parts (goal at 0.01: 1.06)"]
    return ["bounds", "radius", *header, "linear / CROWN's (goal A: 1.3, 1.1, 1.1)", "cost of linear", "of CROWN"], rows


def bounded_networks(options):
    """Whole networks: the mean width of the outputs by plain intervals and by linear bounds, over the least that can be
    (what points of the box attain), and the time of the linear bounds (goals: 0.5 s, and 1.5 s with max-pools).
    """
    rows = []
    for name, (make, spec) in networks.NETWORKS.items():
        model, x = make()
        for radius in ("0.001", "0.01"):
            cells, times = [], []
            for method in ("interval", "linear"):
                found = ss.bounds(spec, model, x, vary={"x": ss.ball(radius)}, method=method)
                again = ss.bounds(spec, model, x, vary={"x": ss.ball(radius)}, method=method)
                times.append(min(found.seconds, again.seconds))
                cells.append(np.mean(np.asarray(found.upper - found.lower, dtype=float)))
            attained = np.mean(np.asarray(found.inner[1] - found.inner[0], dtype=float))
            rows.append([name, radius, f"{attained:.4g}", *(f"{c:.4g}" for c in cells), f"{times[1]:.2f} s"])
    return ["network", "radius", "attained", "interval", "linear", "time of linear"], rows


def boxes_a_second(options):
    """How many boxes of workload B get linear bounds in a second, by how many go at once, over NumPy's time of a loss.

    And how many digits by `scalarspec enclose`, which looks for attained values as well, by processes (goal: 1.7).
    """
    work, total = Vae(B), 64 if options.quick else 512
    one = statistics.median(seconds(work.by_hand) for _ in range(30))
    source = np.random.default_rng(0)
    xs, noises = source.uniform(size=(total, B[0])), source.normal(size=(total, B[2]))
    domain = Domain(vae.loss, bind(vae.loss, (work.model(), BETA, xs, noises)), {"x": ss.ball("0.01")}, ("x", "eps"))
    rows = []
    for count in (1, 8, 32, 128):
        batch = Vae(B, batch=count)
        many = statistics.median(seconds(batch.by_hand) for _ in range(10)) / count
        ends = [(low[:count], high[:count]) for low, high in domain.floats]
        each = min(seconds(lambda e=ends: LinearBounds(domain.plan, e, [None] * 2).bounds()) for _ in range(3)) / count
        rows.append([f"{count} at once", f"{1 / each:.0f}", f"{each / one:.0f}", f"{each / many:.0f}", ""])
    count, alone = 20 if options.quick else 100, None
    for workers in (1, 2):
        with ProcessPoolExecutor(workers) as executor:
            enclose(workers * 10, executor=executor, radii=["0.01"])  # the workers start
            each = min(seconds(lambda e=executor: enclose(count, executor=e, radii=["0.01"])) for _ in range(2))
        alone = alone or each
        rows.append([f"digits, {workers} processes", f"{3 * count / each:.0f}", "", "", f"{alone / each:.2f}"])
    return ["boxes", "a second", "/ a point alone", "/ a point of the batch", "speed-up"], rows


def memory(options):
    """What a lifted model holds after an evaluation, beside its float64 weights."""
    rows = []
    for name, goal, work, spec in (
        ("interval64", 4, Vae(A), lambda m, c, w: vae.loss(m, BETA, c.tensor(w.x), c.tensor(w.eps))),
        ("rational", 8, Autoencoder(), lambda m, c, w: autoencoder.reconstruction_error(m, c.tensor(w.x))),
    ):
        context = ss.context(name)
        model = lift(work.model(), context)
        spec(model, context, work)
        held = floats = 0
        for layer in layers_of(model):
            held += layer.value.nbytes
            floats += 8 * layer.size
        rows.append([f"{name}, workload {'A' if name == 'interval64' else 'C'}", f"{held / floats:.2f}", str(goal)])
    return ["memory of a lifted model", "/ its float64 bytes", "goal"], rows


def layers_of(model):
    """All tensors in a model."""
    if isinstance(model, ss.Tensor):
        return [model]
    parts = model if isinstance(model, tuple) else list(getattr(model, "__dict__", {}).values())
    return [t for part in parts for t in layers_of(part)]


def scaling(options):
    """How cost grows: the exponent p of cost ~ size^p, fitted over the larger sizes."""
    rng = np.random.default_rng(0)
    rows = []

    def fit(what, sizes, make, repeats=5):
        runs = {n: make(n) for n in sizes}
        for run in runs.values():
            run()
        times = [min(seconds(run) for _ in range(repeats)) for run in runs.values()]
        exponent = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        growth = {n: t / times[0] for n, t in zip(sizes, times, strict=True)}
        rows.append([what, f"{exponent:.2f}", growth])

    def layer(name, **parameters):
        context = ss.context(name, **parameters)

        def make(n):
            w, b = context.tensor(rng.normal(size=(n, n))), context.tensor(rng.normal(size=n))
            x = context.box(np.zeros(n), np.ones(n)) if context.encloses else context.tensor(rng.uniform(size=n))
            return lambda: ss.affine(w, x, b)

        return make

    def batch(name):
        def make(n):
            return prepared(ss.context(name), Vae(B, n), boxes=name != "float64")

        return make

    def depth(name):
        def make(n):
            context, x = ss.context(name), ss.context(name).tensor(rng.uniform(size=32))
            w, b = context.tensor(rng.normal(size=(32, 32)) / 6), context.tensor(rng.normal(size=32))

            def run():
                t = x
                for _ in range(n):
                    t = ss.relu(ss.affine(w, t, b))
                return t

            return run

        return make

    def precision(prec):
        context = ss.context("interval", prec=prec)
        return prepared(context, Vae(B))

    for name in ("float64", "interval64", "interval", "rational"):
        fit(f"{name}: width of a layer", [64, 128, 256, 512], layer(name))
    for name in ("float64", "interval64"):
        fit(f"{name}: batch of B", [64, 256, 1024, 4096], batch(name))
    for name in ("float64", "interval64", "interval", "rational"):
        fit(f"{name}: depth, 32-32 relu", [2, 4, 8, 16], depth(name))
    fit("interval: bits, B", [64, 128, 256, 512, 1024], precision)
    fit("symbolic: loss, tanh VAE n-n/2", [8, 16, 32, 64], lambda n: lambda: tanh_vae(*variables(n, n // 2)), 2)
    return ["cost ~ size^p", "p", "times, over the first"], rows


def environment(options):
    """What it costs to look at the processor's float environment at a door, beside the smallest calls through it."""
    times = 1000

    def many(run):
        def repeated():
            for _ in range(times):
                run()

        return repeated

    alone = min(seconds(many(float_environment.check)) for _ in range(20)) / times
    rows = []
    for name in ("interval64", "interval", "rounding"):
        x = ss.context(name).tensor([1.0, 2.0])
        call = min(seconds(many(lambda x=x: x + x)) for _ in range(5)) / times
        rows.append([name, f"{alone * 1e9:.0f}", f"{call * 1e6:.1f}", f"{alone / call:.2%}"])
    return ["the float environment", "check, ns", "x + x of two numbers, µs", "share"], rows


TABLES = {
    "environment": environment,
    "gradients": gradients,
    "tightness": tightness,
    "networks-bounded": bounded_networks,
    "boxes-a-second": boxes_a_second,
    "memory": memory,
    "scaling": scaling,
    **peers.TABLES,
}

# ---- the command ----------------------------------------------------------------------------------------------------


def main():
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "only", nargs="*", help=f"some of: {', '.join([*ROWS, *TABLES])} (default: all; peers where they are there)"
    )
    parser.add_argument("--json", action="store_true", help="print data")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page of the documentation, too")
    parser.add_argument("--long", action="store_true", help="sympy.diff at 8-4, and peers on A (minutes)")
    parser.add_argument("--quick", action="store_true", help="two turns a row: to see that it runs")
    options = parser.parse_args()
    unknown = set(options.only) - {*ROWS, *TABLES}
    if unknown:
        parser.error(f"no rows are called {', '.join(sorted(unknown))}; there are {', '.join([*ROWS, *TABLES])}")
    if options.page and not options.page.parent.is_dir():
        parser.error(f"--page: expected a file in a folder that exists, got {options.page}")
    data = measured(options)
    print(json.dumps(data, indent=2, ensure_ascii=False) if options.json else "\n\n".join(page.report(data)))
    if options.page:
        page.write(data, options.page)


def by_default():
    """The names of all rows and tables; of those about peers only where these are there."""
    return [name for name in (*ROWS, *TABLES) if name not in peers.TABLES or peers.there()]


def measured(options):
    """All that is asked for, as plain data."""
    chosen = options.only or by_default()
    command = shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]])
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    data = {"run": {"date": date, "command": command, "quick": options.quick}, "machine": page.machine()}
    data["machine"] |= peers.versions() if peers.TABLES.keys() & set(chosen) else {}
    data["rows"] = measured_rows([name for name in ROWS if name in chosen], options)
    data["tables"] = {}
    for name in TABLES:
        if name in chosen:
            say(name)
            header, rows = TABLES[name](options)
            data["tables"][name] = [dict(zip(header, row, strict=True)) for row in rows]
    say("")
    return data


def measured_rows(groups, options):
    """The ratios of all rows of some groups."""
    found = []
    for group in groups:
        for row in ROWS[group]():
            say(row.name)
            if options.quick:
                row.repeats = 2
            for way, (least, median, fastest) in row.measured().items():
                found.append(
                    {
                        "group": group,
                        "row": row.name,
                        "way": way,
                        "of minima": least,
                        "median": median,
                        "goal": row.goals.get(way),
                        "seconds": fastest,
                    }
                )
    return found


def say(text):
    """Progress, on a terminal's error stream."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
