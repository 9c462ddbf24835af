"""Commands on networks from files: `inspect`, what a file holds, and `verify`, is a query true for some input?

`crosscheck` takes what a runtime makes of a network from here.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scalarspec.cli.certificates import add_certificate, check_certificate, write_certificates
from scalarspec.cli.commands import Commands, add_workers
from scalarspec.cli.pages import add_html
from scalarspec.cli.user_files import NETWORK, named, told_after_the_report
from scalarspec.cli.workers import working
from scalarspec.errors import ArgumentError
from scalarspec.frontends.onnx.inspection import inspect
from scalarspec.frontends.onnx.runtime import Runtime
from scalarspec.verification.answers import Answer
from scalarspec.verification.verify import verify

EXIT = {"unsat": 0, "sat": 1, "unknown": 3, "timeout": 3}
"""The exit code of each answer; 2 is bad input."""
GRACE = 1.0
"""How many seconds after its timeout a search is ended in whatever it is doing."""
EPILOG = """The first line is unsat (no input satisfies the query: the property that it negates holds for the exact real
function that the network is), sat (an input and the outputs there follow; it is checked exactly), unknown, or timeout.
Exit code 0: unsat; 1: sat; 2: bad input; 3: unknown or timeout."""
MOST_SECONDS = 10**8
"""What a timeout is less than."""
ROUNDED = "no decimal satisfies the query: the point is shown to 17 digits, and exactly by --json"
FUSED = """the runtime rewrites operations, and with its intermediate values as outputs its result is another: they are
not shown; --stages cross-checks the result that it has without rewriting"""


def add_commands(commands: Commands) -> None:
    """Each with its options."""
    parser = commands.add("inspect", run_inspect, "what an ONNX file holds, and what can be asked of the network")
    parser.add_argument("network", help="net.onnx, or net.onnx:value for the part of it that a value needs")
    parser = commands.add("verify", run_verify, "is there an input of a network for which a query is true?")
    parser.epilog = EPILOG
    shown = "net.onnx property.vnnlib; or the query alone, where --network names its networks"
    parser.add_argument("files", nargs="+", metavar="FILE", help=shown)
    shown = "a network by the name that the query declares; may be repeated"
    parser.add_argument("--network", action="append", default=[], metavar="NAME=FILE", help=shown)
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="end after so many seconds")
    parser.add_argument("--budget", type=int, metavar="BOXES", help="split each box into at most so many")
    add_certificate(parser)
    add_html(parser)
    add_workers(parser)


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """The runtime whose result is cross-checked."""
    shown = "the result is what this runtime makes of the network"
    parser.add_argument("--runtime", choices=["onnxruntime"], help=shown)
    parser.add_argument("--stages", action="store_true", help="let the runtime rewrite nothing, and show its stages")


# ---- what a file holds ----------------------------------------------------------------------------------------------


def run_inspect(options: argparse.Namespace) -> tuple[Any, int]:
    """What a file holds; exit code 1 where the network is refused."""
    network = NETWORK.fullmatch(options.network)
    if network is None:
        raise ArgumentError(f"network: expected net.onnx or net.onnx:value, got {options.network!r}")
    found = inspect(network[1], None if network[2] is None else [network[2]])
    return found, 1 if found.refusal else 0


# ---- what a runtime makes of it -------------------------------------------------------------------------------------


def runtime_of(options: argparse.Namespace, network: Any, args: Sequence[Any]) -> Any:
    """What the runtime makes of a network, with its stages where these belong to the same result."""
    path = NETWORK.fullmatch(options.spec)
    if "actual" in vars(options).get("given", ()):
        raise ArgumentError("--actual, --runtime: expected one of the two")
    if path is None:
        raise ArgumentError(f"runtime: expected a network from a file, net.onnx, got {options.spec!r}")
    seen = Runtime(path[1], network, stages=True)
    if options.stages:
        return seen
    plain = Runtime(path[1], network)
    result, stages = plain(*args), seen(*args)
    if np.array_equal(result, list(stages.values())[-1], equal_nan=True):
        return seen
    options.notes.append(" ".join(FUSED.split()))
    return plain


# ---- queries --------------------------------------------------------------------------------------------------------


def run_verify(options: argparse.Namespace) -> tuple[Any, int]:
    """The answer to a query, and its exit code."""
    if options.timeout is not None and not 0 <= options.timeout < MOST_SECONDS:
        raise ArgumentError(f"--timeout: expected a number of seconds, got {options.timeout}")
    check_certificate(options, "proof.json")
    network, path = _files(options)
    with working(options) as executor:
        effort = {"timeout": options.timeout, "budget": options.budget, "executor": executor}
        try:
            with _ended_after(options.timeout):
                found = verify(network, path, **effort, progress=options.progress)
        except _TimeUp:
            found = Answer("timeout", None, 0, seconds=options.timeout + GRACE)
    if options.certificate is not None:
        with told_after_the_report(options):
            write_certificates(options, found.certificates())
    if not found.exact:
        options.notes.append(ROUNDED)
    return found, EXIT[found.status]


def _files(options: argparse.Namespace) -> tuple[Any, str]:
    """The network, or the networks by name, and the query."""
    *first, query = options.files
    if len(first) > 1 or bool(first) == bool(options.network):
        raise ArgumentError("files: expected net.onnx property.vnnlib, or property.vnnlib and --network name=net.onnx")
    return first[0] if first else named("--network", options.network, "file"), query


class _TimeUp(BaseException):
    """The time is up. No `except Exception` on the way hears of it."""


@contextlib.contextmanager
def _ended_after(seconds: float | None) -> Iterator[None]:
    """Ends what is done within it some time after a limit, whatever that is. Raises _TimeUp then."""

    def ended(*_: Any) -> None:
        raise _TimeUp

    alone = not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread()
    if seconds is None or alone:  # the search's own limit is all there is
        yield
        return
    before = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
