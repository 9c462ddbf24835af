"""Queries of the verification competition: every answer, the expected one, its time, and what decided it.

    python benchmarks/vnncomp.py FOLDER --timeout 60

FOLDER has the competition's files: an `instances.csv` of lines `network,query,timeout`, or networks and queries, of
which each network is asked each query. Files may be packed, as `network.onnx.gz`. `--expected` names a CSV file of
lines `network,query,answer`; an answer that contradicts it ends in exit code 1. `--peer NAME=COMMAND` asks another
tool, too, right after us: COMMAND has {network}, {query} and {timeout} in it, and {out}, a file whose first word is the
answer.
"""

import argparse
import csv
import gzip
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

from scalarspec.errors import ScalarSpecError
from scalarspec.report import table
from scalarspec.verification.verify import verify

DECIDED = ("sat", "unsat")
WRONG = "WRONG"
IN_THESE_WORDS = {"violated": "sat", "holds": "unsat"}
GRACE = 30  # seconds beyond its timeout, after which a peer is stopped


def instances(folder, timeout):
    """The networks, queries and seconds of a folder."""
    listed = folder / "instances.csv"
    if listed.is_file():
        rows = [row for row in csv.reader(listed.read_text(encoding="utf-8").splitlines()) if row]
        return [
            (plain(folder / network), plain(folder / query), float(seconds) if timeout is None else timeout)
            for network, query, seconds in rows
        ]
    networks, queries = (named(folder, ending) for ending in ("onnx", "vnnlib"))
    return [(network, query, 60.0 if timeout is None else timeout) for network in networks for query in queries]


def plain(path):
    """The name that a file has unpacked."""
    return path.with_suffix("") if path.suffix == ".gz" else path


def named(folder, ending):
    """The files with that ending, packed ones by the names that they have unpacked."""
    return sorted({*folder.glob(f"*.{ending}"), *map(plain, folder.glob(f"*.{ending}.gz"))})


def unpacked(path, folder):
    """A file, or, where there is none, one in a folder with what `path.gz` holds. What cannot be unpacked stays a file
    that is not there, which is refused by name.
    """
    packed, own = path.with_name(f"{path.name}.gz"), folder / path.name
    if path.is_file() or not packed.is_file():
        return path
    try:
        with gzip.open(packed) as source, own.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (OSError, EOFError, zlib.error) as error:
        print(f"{packed}: {error}", file=sys.stderr)
        return path
    return own


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


def peer(text):
    """The name of another tool, and the words of its command."""
    name, _, command = text.partition("=")
    words = shlex.split(command)
    if not (name and all(place in command for place in ("{network}", "{query}", "{out}"))):
        raise argparse.ArgumentTypeError(f"expected NAME=COMMAND with {{network}}, {{query}} and {{out}}, got {text!r}")
    if shutil.which(words[0]) is None:
        raise argparse.ArgumentTypeError(f"expected a program that is there, got {words[0]!r}")
    return name, words


def answer_of(words, network, query, timeout):
    """What a peer's command answers, and the seconds, its start included; a dash for no answer, and its last line."""
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder, "out"), Path(folder, "log")
        for place, value in {"network": network, "query": query, "timeout": f"{timeout:g}", "out": out}.items():
            words = [word.replace(f"{{{place}}}", str(value)) for word in words]
        start = time.monotonic()
        with log.open("w") as file, suppress(subprocess.TimeoutExpired):
            subprocess.run(words, stdout=file, stderr=file, timeout=timeout + GRACE, check=False)
        seconds = time.monotonic() - start
        said = out.read_text(encoding="utf-8").lower().split() if out.is_file() else []
        if not said:
            last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
            print(network.name, query.name, *words[:1], *last, file=sys.stderr)
    return (IN_THESE_WORDS.get(said[0], said[0]) if said else "-"), seconds


def beside(name, ours, theirs):
    """How many queries a peer decided, and in how many it says the opposite of what we do."""
    against = sum({ours, status} == {*DECIDED} for ours, status in zip(ours, theirs, strict=True))
    return f"{name}: {sum(status in DECIDED for status in theirs)} of {len(theirs)} decided, {against} against ours"


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
    parser.add_argument("--peer", type=peer, action="append", default=[], metavar="NAME=COMMAND")
    options = parser.parse_args()
    expected, rows, peers = expectations(options.expected), [], dict(options.peer)
    theirs = {name: [] for name in peers}
    asked = instances(options.folder, options.timeout)
    if not asked:
        sys.exit(f"{options.folder}: expected instances.csv, or networks and queries")
    for network, query, timeout in asked:
        cells = []
        with tempfile.TemporaryDirectory() as folder:
            files = [unpacked(path, Path(folder)) for path in (network, query)]
            status, seconds, method = answer(*files, timeout)
            for name, words in peers.items():
                said, took = answer_of(words, *files, timeout)
                theirs[name].append(said)
                cells.append(f"{said} {took:.2f}")
        wanted = expected.get((network.name, query.name), "")
        verdict = WRONG if {status, wanted} == {*DECIDED} else ""
        rows.append((network.stem, query.stem, status, wanted, f"{seconds:.2f}", method, *cells, verdict))
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(table(("network", "query", "answer", "expected", "seconds", "method", *theirs, ""), rows))
    print(summary(rows))
    for name, answers in theirs.items():
        print(beside(name, [row[2] for row in rows], answers))
    return int(any(row[-1] == WRONG for row in rows))


if __name__ == "__main__":
    sys.exit(main())
