"""Commands that evaluate a spec: `compare`, under several backends, and `bounds`, over a box of arguments."""

from __future__ import annotations

import argparse
from typing import Any

from scalarspec.bounding.bounds import CHOICES, bounds
from scalarspec.cli.certificates import add_certificate, check_certificate, write_certificates
from scalarspec.cli.commands import Commands, add_backends, add_precision, add_vary, add_work
from scalarspec.cli.fpcores import own_box
from scalarspec.cli.pages import add_html
from scalarspec.cli.user_files import contexts, regions, spec_and_arguments, to_be_written, told_after_the_report
from scalarspec.cli.workers import working
from scalarspec.compare import DEFAULT_BACKENDS, compare


def add_commands(commands: Commands) -> None:
    """Each with its options."""
    parser = commands.add_on_spec("compare", run_compare, "a spec under several backends, side by side")
    add_backends(parser)
    add_html(parser)
    _add_bounds(commands)


def run_compare(options: argparse.Namespace) -> tuple[Any, int]:
    """The values of a spec under several backends."""
    spec, args = spec_and_arguments(options)
    backends = contexts(options.backend or DEFAULT_BACKENDS, options.prec)
    return compare(spec, *args, backends=backends), 0


def _add_bounds(commands: Commands) -> None:
    parser = commands.add_on_spec("bounds", run_bounds, "an enclosure of a spec over a box of arguments")
    add_vary(parser)
    shown = "an enclosing backend, for one evaluation (default interval)"
    parser.add_argument("--backend", default="interval", help=shown)
    shown = "how (default auto: linear, or until the target)"
    parser.add_argument("--method", choices=CHOICES, default="auto", help=shown)
    shown = "the width at which to stop; more methods are tried until then"
    parser.add_argument("--target", metavar="NUMBER", help=shown)
    add_work(parser)
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="begin no more splits after so many seconds")
    parser.add_argument("--checkpoint", metavar="FILE", help="keep what is found; a run that ended goes on from there")
    add_certificate(parser)
    parser.add_argument("--plot", metavar="FILE", help="draw the bounds, and what each method finds (needs matplotlib)")
    add_html(parser)
    add_precision(parser)


def run_bounds(options: argparse.Namespace) -> tuple[Any, int]:
    """An enclosure over a box; with `--plot`, also a picture of it."""
    to_be_written("plot", options.plot, "bounds.png")
    check_certificate(options, "bounds.json")
    vary = own_box(options) or regions(options.vary)
    spec, args = spec_and_arguments(options)
    (backend,) = contexts([options.backend], options.prec)
    goal = {"method": options.method, "target": options.target, "progress": options.progress}
    effort = {"budget": options.budget, "timeout": options.timeout}
    with working(options) as executor:
        kept = {"executor": executor, "checkpoint": options.checkpoint}
        found = bounds(spec, *args, vary=vary, backend=backend, **goal, **effort, **kept)
    if options.certificate is not None:
        with told_after_the_report(options):
            write_certificates(options, [found.certificate])
    if options.plot is not None:
        with told_after_the_report(options):
            found.plot(options.plot)
    return found, 0
