"""What the commands share: how one is stated, options that several take, workers, and progress on the terminal."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from scalarspec.bounding.bounds import BUDGET
from scalarspec.errors import ArgumentError


class Report(Protocol):
    """What a command prints: a text, or with `--json` plain data."""

    def to_json(self) -> Any:
        """Plain data."""


Run = Callable[[argparse.Namespace], tuple[Report, int]]
"""A command: from its options to a `Report` and the exit code."""


@dataclass(frozen=True)
class Commands:
    """The commands of the parser, to which more are added."""

    parsers: Any

    def add(self, name: str, run: Run, text: str) -> argparse.ArgumentParser:
        """A command of that name; text: what it does, in one line. Returns its parser, which takes the options."""
        parser: argparse.ArgumentParser = self.parsers.add_parser(name, help=text, description=text)
        parser.add_argument("--json", action="store_true", help="print data, with exact values as strings")
        parser.set_defaults(run=run)
        return parser

    def add_on_spec(self, name: str, run: Run, text: str) -> argparse.ArgumentParser:
        """The same, of a command on a user's spec and its arguments."""
        parser = self.add(name, run, text)
        add_spec(parser)
        return parser


class Text(str):
    """A text that is its own report."""

    __slots__ = ()

    def to_json(self) -> str:
        """The text."""
        return str(self)


# ---- options that several commands take -----------------------------------------------------------------------------


def add_spec(parser: argparse.ArgumentParser, **optional: Any) -> None:
    """A spec and its arguments."""
    parser.add_argument("spec", help="file.py:function or module:function", **optional)
    parser.add_argument("inputs", nargs="?", help=".npz file with the arguments, by parameter name")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an exact number argument")


def add_radius(parser: argparse.ArgumentParser) -> None:
    """The box of arguments, by the radius of each that varies."""
    shown = "vary an argument by this"
    parser.add_argument("--radius", action="append", required=True, metavar="NAME=NUMBER", help=shown)


def add_work(parser: argparse.ArgumentParser) -> None:
    """How much work bounds may take, and on how many processes."""
    shown = f"split into at most so many boxes (default {BUDGET})"
    parser.add_argument("--budget", type=int, metavar="BOXES", help=shown)
    parser.add_argument("--workers", type=int, default=1, help="so many processes (default 1)")


def add_backends(parser: argparse.ArgumentParser) -> None:
    """Backends by name, and the precision of `interval`."""
    shown = "a backend; may be repeated (default: several)"
    parser.add_argument("--backend", action="append", metavar="NAME", help=shown)
    add_precision(parser)


def add_precision(parser: argparse.ArgumentParser) -> None:
    """The precision of `interval`."""
    parser.add_argument("--prec", type=int, metavar="BITS", help="the precision of the interval backend (default 53)")


# ---- how the work is done -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def workers(count: int) -> Iterator[Executor | None]:
    """An executor of so many processes; None for one. Raises ArgumentError for fewer."""
    if count < 1:
        raise ArgumentError(f"--workers: expected at least 1, got {count}")
    if count == 1:
        yield None
        return
    ignored = signal.SIGINT, signal.SIG_IGN  # Ctrl-C is the main process's business
    with ProcessPoolExecutor(count, initializer=signal.signal, initargs=ignored) as executor:
        yield executor


def counted(count: int) -> Callable[[int], None]:
    """A line on the terminal's error stream that counts digits; nothing where that is no terminal."""

    def show(i: int) -> None:
        if sys.stderr.isatty():
            end = "\r" if i + 1 < count else "\r\033[K"
            print(f"checking digit {i + 1} of {count}", end=end, file=sys.stderr, flush=True)

    return show


def bar(done: int, total: int) -> None:
    """A bar on the terminal's error stream; nothing where that is no terminal."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        end = "\r" if done < total else "\r\033[K"
        print(f"[{'#' * filled}{'.' * (30 - filled)}] {done} of {total}", end=end, file=sys.stderr, flush=True)
