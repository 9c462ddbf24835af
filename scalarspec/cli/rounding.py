"""Commands about floats over a box of arguments: `tolerance`, how far they can be off, and `ranges`."""

from __future__ import annotations

import argparse
from typing import Any

from scalarspec.cli.commands import Commands, add_vary, add_workers
from scalarspec.cli.fpcores import own_box
from scalarspec.cli.pages import add_html
from scalarspec.cli.user_files import regions, spec_and_arguments
from scalarspec.cli.workers import working
from scalarspec.rounding_errors.ranges import ranges
from scalarspec.rounding_errors.tolerance import tolerance

FORMAT = "float64"
"""The float format where none is said."""


def add_commands(commands: Commands) -> None:
    """Each with its options."""
    text = "how far floats can be from exact values, over a box of arguments"
    parser = commands.add_on_spec("tolerance", run_tolerance, text)
    _add_box(parser)
    parser.add_argument("--accumulate", metavar="DTYPE", help="the format of sums, where it is another")
    parser.add_argument("--splits", type=int, default=0, help="how often to split the box (default 0)")
    parser.add_argument("--libm", type=int, default=4, metavar="ULPS", help="how exact exp, log, ... are (default 4)")
    shown = "reals that are rounded to the format first, or numbers of it (default rounded)"
    parser.add_argument("--inputs-are", choices=["rounded", "exact"], default="rounded", help=shown)
    add_workers(parser)
    text = "which operations can overflow or underflow, over a box of arguments"
    _add_box(commands.add_on_spec("ranges", run_ranges, text))


def _add_box(parser: argparse.ArgumentParser) -> None:
    add_vary(parser)
    parser.add_argument("--dtype", help=f"the float format (default {FORMAT})")
    add_html(parser)


def run_tolerance(options: argparse.Namespace) -> tuple[Any, int]:
    """A bound on the error of floats."""
    vary = own_box(options) or regions(options.vary)
    spec, args = spec_and_arguments(options)
    settings = {"dtype": options.dtype or FORMAT, "splits": options.splits, "libm": options.libm}
    how = {"inputs": options.inputs_are, "accumulate": options.accumulate}
    with working(options) as executor:
        return tolerance(spec, *args, vary=vary, **how, **settings, executor=executor), 0


def run_ranges(options: argparse.Namespace) -> tuple[Any, int]:
    """The operations that can leave the range; exit code 1 where there are any."""
    vary = own_box(options) or regions(options.vary)
    spec, args = spec_and_arguments(options)
    found = ranges(spec, *args, vary=vary, dtype=options.dtype or FORMAT)
    return found, 1 if found.offenders else 0
