"""Queries of the verification competition: every answer, the expected one, its time, and what decided it.

    python benchmarks/vnncomp.py FOLDER --timeout 60

FOLDER has the competition's files: an `instances.csv` of lines `network,query,timeout`, or networks and queries, of
which each network is asked each query. `--expected` names a CSV file of lines `network,query,answer`; an answer that
contradicts it ends in exit code 1.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from pathlib import Path

from scalarspec.errors import ScalarSpecError
from scalarspec.report import table
from scalarspec.verification.verify import verify

DECIDED = ("sat", "unsat")
WRONG = "WRONG"


def instances(folder, timeout):
    """The networks, queries and seconds of a folder."""
    listed = folder / "instances.csv"
    if listed.is_file():
        rows = [row for row in csv.reader(listed.read_text(encoding="utf-8").splitlines()) if row]
        return [
            (folder / network, folder / query, float(seconds) if timeout is None else timeout)
            for network, query, seconds in rows
        ]
    networks, queries = (sorted(folder.glob(f"*.{ending}")) for ending in ("onnx", "vnnlib"))
    return [(network, query, 60.0 if timeout is None else timeout) for network in networks for query in queries]


def expectations(path):
    """The expected answers by the names of network and query."""
    if path is None:
        return {}
    rows = [row for row in csv.reader(path.read_text(encoding="utf-8").splitlines()) if row]
    if wrong := [answer for _, _, answer in rows if answer not in ("sat", "unsat", "unknown")]:
        sys.exit(f"{path}: expected sat, unsat or unknown, got {wrong[0]!r}")
    return {(Path(network).name, Path(query).name): answer for network, query, answer in rows}


def answer(network, query, timeout):
    """The answer, the seconds, and what decided; a refusal is told and counts as unknown."""
    start = time.monotonic()
    try:
        found = verify(network, query, timeout=timeout)
    except ScalarSpecError as error:
        print(f"{network.name} {query.name}: {error}", file=sys.stderr)
        return "unknown", time.monotonic() - start, f"refused: {type(error).__name__}"
    return found.status, found.seconds, found.method


def summary(rows):
    """How many queries were decided, by what, and how many answers are wrong."""
    decided = [row for row in rows if row[2] in DECIDED]
    wrong = sum(row[-1] == WRONG for row in rows)
    methods = ", ".join(f"{count} by {method}" for method, count in Counter(row[5] for row in decided).items())
    verdicts = f"{wrong} wrong verdict{'s' if wrong != 1 else ''}"
    return f"{len(decided)} of {len(rows)} decided, {verdicts}{f' ({methods})' if methods else ''}"


def main():
    """Prints a line for each query. Exit code 1 for an answer that contradicts an expected one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--timeout", type=float, help="seconds for each query (default: those listed, else 60)")
    parser.add_argument("--expected", type=Path, metavar="CSV")
    options = parser.parse_args()
    expected, rows = expectations(options.expected), []
    asked = instances(options.folder, options.timeout)
    if not asked:
        sys.exit(f"{options.folder}: expected instances.csv, or networks and queries")
    for network, query, timeout in asked:
        status, seconds, method = answer(network, query, timeout)
        wanted = expected.get((network.name, query.name), "")
        verdict = WRONG if {status, wanted} == {*DECIDED} else ""
        rows.append((network.stem, query.stem, status, wanted, f"{seconds:.2f}", method, verdict))
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(table(("network", "query", "answer", "expected", "seconds", "method", ""), rows))
    print(summary(rows))
    return int(any(row[-1] == WRONG for row in rows))


if __name__ == "__main__":
    sys.exit(main())
