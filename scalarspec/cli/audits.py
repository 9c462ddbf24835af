"""The command `audit`: the facts of a kind of loss, asked of a user's own function."""

from __future__ import annotations

import argparse
from typing import Any

from scalarspec.audit import KINDS, audit
from scalarspec.cli.commands import Commands
from scalarspec.cli.pages import add_html
from scalarspec.cli.user_files import load_function, note_unused, parameters_of
from scalarspec.numbers import archives


def add_commands(commands: Commands) -> None:
    """`audit`, with its options."""
    text = "the facts of a kind of loss, asked of your own function; names the likely mistake"
    parser = commands.add("audit", run_audit, text)
    parser.add_argument("function", help="file.py:function or module:function, in NumPy or PyTorch")
    parser.add_argument("inputs", nargs="?", help=".npz file with further inputs, by argument name")
    parser.add_argument("--kind", required=True, help=f"one of {', '.join(KINDS)}")
    parser.add_argument("--reduction", choices=["mean", "sum"], default="mean", help="over coordinates (default mean)")
    add_html(parser)


def run_audit(options: argparse.Namespace) -> tuple[Any, int]:
    """What an audit finds; exit code 1 where a fact fails."""
    function = load_function(options.function, "function")
    inputs = None
    if options.inputs is not None:
        inputs, others = archives.read(options.inputs, parameters_of(function, options.function))
        note_unused(options, others)
    found = audit(function, options.kind, reduction=options.reduction, inputs=inputs)
    return found, 0 if found.ok else 1
