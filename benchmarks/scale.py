"""How well long jobs scale: two processes against one, and what the queue of a cluster of 64 workers costs.

    python benchmarks/scale.py [pool] [queue] [cluster] [--quick]

pool: each kind of job by one process and by two, in turns, and the ratio of the times, which says something on idle
cores alone (goal 1.8); and the processor's times in this process and in the worker, from which follows how much quicker
more workers can be at most, whatever else the machine does.
queue: what Dask takes for one job that does nothing, in milliseconds, where each job brings what all of them share,
where that is handed to the workers once, and where jobs come in bundles, too.
cluster: jobs of as many seconds as real ones take, which sleep, by 64 workers of a cluster in this process: the time
that 64 workers need at least, over the time that they took. Everything that a cluster's scheduler, client and workers
do for the queue is done by this machine alone, so a real cluster does better.
"""

import argparse
import contextlib
import logging
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from workloads import BETA, B, Vae

import scalarspec as ss
from scalarspec import executors
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.linear import LinearBounds
from scalarspec.bounding.parts import BATCH
from scalarspec.core.arguments import bind
from scalarspec.examples import digit_certificates, digit_cnn, digit_sweeps
from scalarspec.examples.enclose import enclose
from scalarspec.executors import Crew
from scalarspec.models import vae
from scalarspec.report import table

WORKERS, FEW = 64, 4
JOBS = 256
"""So many jobs of a kind are put into the queue of the cluster: four for each worker."""


# ---- two processes against one --------------------------------------------------------------------------------------


def wavy(x):
    """Ten inputs, no kink: the bounds of its parts are narrower than that of the whole."""
    return ss.sum(ss.sin(3 * x) * ss.exp(-ss.square(x))) + ss.logsumexp(x)


def kinds(quick):
    """What is done, by name: each takes an executor."""
    rows, some = (64, 2) if quick else (512, 20)
    model = Vae(B)
    source = np.random.default_rng(0)
    xs, noises = source.uniform(size=(rows, B[0])), source.normal(size=(rows, B[2]))
    given, near = (model.model(), BETA, xs, noises), {"vary": {"x": ss.ball("0.01")}, "over": ("x", "eps")}
    high = ss.bounds(vae.loss, *given, **near, method="linear").upper
    x, wide = np.linspace(-1, 1, 10), {"vary": {"x": ss.ball(1)}}
    budget = 50 if quick else 2000
    return {
        "bounds, linear, rows": lambda e: ss.bounds(vae.loss, *given, **near, method="linear", executor=e),
        "bounds, subdivide": lambda e: ss.bounds(wavy, x, **wide, method="subdivide", budget=budget, executor=e),
        "prove, rows": lambda e: ss.prove(vae.loss, *given, **near, at_most=high.max(), executor=e),
        "prove, one box": lambda e: ss.prove(wavy, x, **wide, at_most=8, budget=budget, executor=e),
        "tolerance, splits": lambda e: ss.tolerance(wavy, x, **wide, splits=50 * some, executor=e),
        "enclose": lambda e: enclose(some, executor=e),
        "certify": lambda e: digit_certificates.certify(some, e),
        "classify": lambda e: digit_cnn.run(count=some, executor=e),
        "sweep": lambda e: digit_sweeps.sweep(40 * some if some > 2 else 2, e),
    }


def pool(options):
    """Each kind of job, by one process and by two in turns: the middle one of the ratios.

    And the processor's time of the process that asks, beside that of the one worker: what this one does alone is no
    quicker by more workers.
    """
    rows, repeats = [], 1 if options.quick else 3
    with ProcessPoolExecutor(1) as one, ProcessPoolExecutor(2) as two:
        for name, job in kinds(options.quick).items():
            if options.kinds and name.partition(",")[0] not in options.kinds:
                continue
            for executor in (one, two):
                job(executor)  # the workers load what they need
            pairs = [(seconds(job, one), seconds(job, two)) for _ in range(repeats)]
            ratio = statistics.median(a / b for a, b in pairs)
            here, there = processor_times(job, one)
            predicted = [f"{(here + there) / (here + there / n):.2f}" for n in (2, WORKERS)]
            rows.append([name, f"{min(pairs)[0]:.2f} s", f"{ratio:.2f}", f"{here:.2f} s", f"{there:.2f} s", *predicted])
    header = ["job", "one process", "/ two (goal 1.8)", "here", "worker", "so two at most", f"{WORKERS} at most"]
    return header, rows


def processor_times(job, executor):
    """The seconds of a processor that a job takes in this process, and in the one worker."""
    before = time.process_time(), executor.submit(time.process_time).result()
    job(executor)
    after = time.process_time(), executor.submit(time.process_time).result()
    return [last - first for first, last in zip(before, after, strict=True)]


def seconds(function, *args):
    """How long a call takes."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


# ---- a cluster ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def cluster(workers):
    """An executor of Dask's with so many workers, each of which does a job at a time, in this process."""
    import distributed

    logging.getLogger("distributed").setLevel(logging.ERROR)
    settings = {"processes": False, "protocol": "tcp://", "dashboard_address": None, "memory_limit": 0}
    with (
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, **settings) as made,
        distributed.Client(made) as client,
    ):
        yield client.get_executor(pure=False)


def slept(domain, item, duration):
    """A job that takes so long, and gives an answer as large as a real one's."""
    time.sleep(duration)
    return {"low": item["low"][0][:, :1], "high": item["high"][0][:, :1]}


def rows_of(count):
    """The domain of workload B with so many rows, and the jobs for bounds on them."""
    source = np.random.default_rng(0)
    xs, noises = source.uniform(size=(count, B[0])), source.normal(size=(count, B[2]))
    given = bind(vae.loss, (Vae(B).model(), BETA, xs, noises))
    domain = Domain(vae.loss, given, {"x": ss.ball("0.01")}, ("x", "eps"))
    low, high = ([end[k][:BATCH] for end in domain.floats] for k in (0, 1))
    return domain, {"low": low, "high": high, "rows": list(range(BATCH)), "sides": [()] * BATCH}


class Bringing(Crew):
    """A crew whose jobs bring what they share, each anew."""

    def __init__(self, executor, *shared):
        super().__init__(None, *shared)
        self.executor, self._sent = executor, executors._pickled(shared)


def queue(options):
    """The cost of a job that does nothing."""
    count = FEW if options.quick else 4 * JOBS
    domain, item = rows_of(512)
    rows = []
    with cluster(FEW if options.quick else WORKERS) as executor:
        for name, crew, bundles in (
            ("each brings the domain", Bringing(executor, domain), count),
            ("the domain is there", Crew(executor, domain), count),
            ("the domain is there, in bundles", Crew(executor, domain), count // FEW),
        ):
            with bundled(bundles):
                list(crew.each(slept, [(item, 0.0)] * WORKERS))
                took = seconds(lambda crew=crew: list(crew.each(slept, [(item, 0.0)] * count)))
            rows.append([name, f"{1000 * took / count:.2f}", f"{64 * took / count:.2f}"])
    return ["a job of the queue", "milliseconds", "64 workers are busy with jobs of, s"], rows


@contextlib.contextmanager
def bundled(count):
    """Jobs come in so many bundles."""
    before, executors.BUNDLES = executors.BUNDLES, count
    try:
        yield
    finally:
        executors.BUNDLES = before


def simulated(options):
    """By how long a job takes: how much of the time of 64 workers is work."""
    domain, item = rows_of(512)
    boxes = list(zip(item["low"], item["high"], strict=True))
    real = min(seconds(lambda: LinearBounds(domain.plan, boxes, [None] * 2).bounds()) for _ in range(4))
    durations = {
        f"{BATCH} rows of workload B": (real, JOBS if options.quick else 4096),
        "a job of 0.25 s": (0.25, JOBS),
        "1 s": (1.0, JOBS),
    }
    rows = []
    with cluster(FEW if options.quick else WORKERS) as executor:
        crew = Crew(executor, domain)
        list(crew.each(slept, [(item, 0.0)] * WORKERS))
        for name, (duration, count) in durations.items():
            took = seconds(lambda d=duration, n=count: list(crew.each(slept, [(item, d)] * n)))
            efficiency = duration * count / WORKERS / took
            rows.append([name, f"{duration:.3f}", str(count), f"{took:.2f}", f"{efficiency:.2f}"])
            if options.quick:
                break
    return ["job", "seconds", "jobs", "64 workers took, s", "efficiency"], rows


PARTS = {"pool": pool, "queue": queue, "cluster": simulated}


def main():
    """Prints the tables that are asked for, all of them where none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="of the pool's jobs these alone, such as prove")
    parser.add_argument("--quick", action="store_true", help="small jobs, which say nothing but that all runs")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no tables are called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        print(table(*PARTS[name](options)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
