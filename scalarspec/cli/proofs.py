"""The command `prove`: does a claim hold over a box of arguments?"""

from __future__ import annotations

import argparse
from typing import Any

from scalarspec.bounding.proofs import Proof, Proofs
from scalarspec.bounding.prove import prove
from scalarspec.cli.certificates import add_certificate, check_certificate, write_certificates
from scalarspec.cli.commands import Commands, add_vary, add_work
from scalarspec.cli.fpcores import own_box
from scalarspec.cli.pages import add_html
from scalarspec.cli.user_files import regions, spec_and_arguments, to_be_written, told_after_the_report
from scalarspec.cli.workers import working

EXIT = {"proved": 0, "refuted": 1, "undecided": 3}
"""The exit code of each verdict; 2 is bad input."""
EPILOG = """The spec's value is a claim, made of comparisons by &, | and ~, or its outputs are to be at least, or at
most, a number. Exit code 0: proved; 1: refuted, and a witness is shown; 2: bad input; 3: undecided. With --over: 1
where a row is refuted, else 3 where one is undecided."""
"""What `--help` says beside the options."""


def add_commands(commands: Commands) -> None:
    """The command with its options."""
    parser = commands.add_on_spec("prove", run_prove, "a claim over a box of arguments: proved, refuted or undecided")
    parser.epilog = EPILOG
    add_vary(parser)
    parser.add_argument("--at-least", metavar="NUMBER", help="the outputs are to be at least this")
    parser.add_argument("--at-most", metavar="NUMBER", help="the outputs are to be at most this")
    shown = "an argument with a leading axis of rows, each with a verdict of its own; may be repeated"
    parser.add_argument("--over", action="append", default=[], metavar="NAME", help=shown)
    add_work(parser)
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="begin nothing more after so many seconds")
    shown = "an .npz file of arguments to look at first, as --save writes it"
    parser.add_argument("--witness", metavar="FILE", help=shown)
    add_certificate(parser)
    parser.add_argument("--save", metavar="FILE", help="write the witness of a refuted claim into an .npz file")
    add_html(parser)


def run_prove(options: argparse.Namespace) -> tuple[Any, int]:
    """The verdict, and its exit code."""
    to_be_written("save", options.save, "witness.npz")
    check_certificate(options, "proof.json")
    vary = own_box(options) or regions(options.vary)
    spec, args = spec_and_arguments(options)
    asked = {"vary": vary, "at_least": options.at_least, "at_most": options.at_most}
    effort = {"budget": options.budget, "timeout": options.timeout, "progress": options.progress}
    with working(options) as executor:
        found = prove(spec, *args, **asked, **effort, over=options.over, witness=options.witness, executor=executor)
    if options.certificate is not None:
        with told_after_the_report(options):
            makers = [proof.certificate for proof in (found if isinstance(found, Proofs) else [found])]
            write_certificates(options, makers)
    if options.save is not None:
        with told_after_the_report(options):
            _save(found, options.save)
    return found, EXIT[found.status]


def _save(found: Proof | Proofs, path: str) -> None:
    """The first witness; without one, nothing is written."""
    refuted = [proof for proof in (found if isinstance(found, Proofs) else [found]) if proof.witness is not None]
    for proof in refuted[:1]:
        proof.save(path)
