"""What the commands share: how one is stated, and options that several take."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from scalarspec.bounding.bounds import BUDGET
from scalarspec.cli.output import written
from scalarspec.cli.workers import MOST


class Printed(Protocol):
    """What a command prints: a text, or with `--json` plain data."""

    def to_json(self) -> Any:
        """Plain data."""


Run = Callable[[argparse.Namespace], tuple[Printed, int]]
"""A command: from its options to what it prints and the exit code."""


class Once(argparse.Action):
    """An option that has one value, and may be given once: of two, one would be ignored."""

    def __call__(self, _: Any, options: argparse.Namespace, value: Any, option: str | None = None) -> None:
        """Keeps the value. Raises argparse's error for a second one."""
        given = vars(options).setdefault("given", set())
        if option is not None and self.dest in given:
            raise argparse.ArgumentError(self, "given more than once")
        given.add(self.dest)
        setattr(options, self.dest, value)


class Parser(argparse.ArgumentParser):
    """A parser of options that are written out, each once."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)
        for name in (None, "store"):
            self.register("action", name, Once)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Writes the help and the version as all output: argparse would not say where that cannot be done."""
        if file is not sys.stdout:
            super()._print_message(message, file)
        elif failed := written(message):
            self.exit(failed)


@dataclass(frozen=True)
class Commands:
    """The commands of the parser, to which more are added."""

    parsers: Any

    def add(self, name: str, run: Run, text: str) -> argparse.ArgumentParser:
        """A command of that name; text: what it does, in one line. Returns its parser, which takes the options."""
        parser: argparse.ArgumentParser = self.parsers.add_parser(name, help=text, description=text)
        parser.add_argument("--json", action="store_true", help="print data, with exact values as strings")
        parser.add_argument("--quiet", action="store_true", help="neither progress nor notes: the report, and errors")
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
    shown = "file.py:function, module:function, net.onnx[:value] or file.fpcore[:name]"
    parser.add_argument("spec", help=shown, **optional)
    parser.add_argument("inputs", nargs="?", help=".npz file with the arguments, by parameter name")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an exact number argument")


def add_vary(parser: argparse.ArgumentParser) -> None:
    """The box of arguments: of each that varies a radius, or two ends."""
    shown = "vary an argument by this, or between two numbers; a core of FPBench may leave it to its precondition"
    region = "NAME=NUMBER or NAME=LOW:HIGH"
    parser.add_argument("--vary", "--radius", "--box", action="append", default=[], metavar=region, help=shown)


def add_work(parser: argparse.ArgumentParser) -> None:
    """How much work bounds may take, and who does it."""
    shown = f"split into at most so many boxes (default {BUDGET})"
    parser.add_argument("--budget", type=int, metavar="BOXES", help=shown)
    add_workers(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Who does the work of a long command: processes, or a cluster."""
    shown = f"so many processes, at most {MOST} (default 1)"
    parser.add_argument("--workers", type=int, default=1, metavar="N", help=shown)
    shown = "the workers of a Dask cluster, by its scheduler's address, such as tcp://host:8786"
    parser.add_argument("--dask", metavar="ADDRESS", help=shown)


def add_backends(parser: argparse.ArgumentParser) -> None:
    """Backends by name, and the precision of `interval`."""
    shown = "a backend; may be repeated (default: several)"
    parser.add_argument("--backend", action="append", metavar="NAME", help=shown)
    add_precision(parser)


def add_precision(parser: argparse.ArgumentParser) -> None:
    """The precision of `interval`."""
    parser.add_argument("--prec", type=int, metavar="BITS", help="the precision of the interval backend (default 53)")
