"""The command that fuzzes the interval kernel, and interval64 in bulk.

Run `make fuzz`, or `python tests/fuzz_intervals.py --help`.
"""

import argparse
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor

import oracle
from fuzz import OPERATIONS, PRECISIONS, Tally, run, run_exhaustive
from fuzz_bulk import BULK, MIXED, run_bulk, run_exhaustive_bulk, run_mixed


def report(tallies):
    """The table, an operation a row."""
    lines = [f"{'operation':16} {'cases':>9} {'misses':>7} {'open':>6} {'refused':>8} {'widest end, ulps':>17}"]
    for operation, tally in tallies.items():
        lines.append(
            f"{operation:16} {tally.cases:9} {tally.misses:7} {tally.open:6} {tally.refused:8} {tally.widest:17.3f}"
        )
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    lines.append(f"{'all':16} {total.cases:9} {total.misses:7} {total.open:6} {total.refused:8} {total.widest:17.3f}")
    lines += [f"MISS: {tally.first_miss}" for tally in tallies.values() if tally.first_miss]
    return "\n".join(lines), total.misses


def collect(jobs, processes):
    """Run (function, *arguments) jobs in a pool, with progress; the tallies by operation."""
    tallies = defaultdict(Tally)
    with ProcessPoolExecutor(processes) as pool:
        pending = [pool.submit(*job) for job in jobs]
        for done, future in enumerate(pending, 1):
            operation, _, tally = future.result()
            tallies[operation].add(tally)
            if sys.stderr.isatty() or done % 50 == 0:
                end = "\r" if sys.stderr.isatty() else "\n"
                print(f"{done} of {len(pending)} jobs", end=end, file=sys.stderr, flush=True)
    return tallies


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=3_200_000, help="cases in all (default 3200000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other cases (default 0)")
    parser.add_argument("--processes", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--exhaustive", action="store_true", help="instead, every finite bfloat16 and float16 number")
    options = parser.parse_args()
    if options.exhaustive:
        forms, every = ("bfloat16", "float16"), (run_exhaustive, run_exhaustive_bulk)
        jobs = [(work, operation, form) for operation in oracle.UNARY for form in forms for work in every]
    else:
        each = -(-options.cases // (len(OPERATIONS) * len(PRECISIONS) * 4))
        parts = [4 * options.seed + part for part in range(4)]
        jobs = [(run, operation, prec, part, each) for part in parts for operation in OPERATIONS for prec in PRECISIONS]
        jobs += [
            (run_bulk, operation, fast, part, each) for part in parts for operation in BULK for fast in (False, True)
        ]
        jobs += [
            (run_mixed, operation, fast, part, each) for part in parts for operation in MIXED for fast in (False, True)
        ]
    text, misses = report(collect(jobs, options.processes))
    print(text)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
