"""The command `scalarspec`: the jobs, on the shipped models or on a user's own files.

A spec is named `path/to/file.py:function` or `package.module:function`, or is a network, `net.onnx`. Its arguments come
from an .npz file, by parameter name, and from `--set name=value`, where a value is an integer, a decimal or a fraction,
taken exactly.
The report goes to the output; errors, notes, progress, and what specs print go to the error stream.
Each file states a few commands: what each does, what it prints, and the options that it takes. May import: all rooms.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import scalarspec
from scalarspec.cli import (
    audits,
    backends,
    certificates,
    closed_forms,
    crosschecks,
    evaluations,
    facts,
    networks,
    output,
    proofs,
    rounding,
    shipped_models,
)
from scalarspec.cli.commands import Commands, Parser
from scalarspec.cli.pages import check_html, write_html
from scalarspec.cli.progress import Bar
from scalarspec.cli.signals import Signals, listening
from scalarspec.cli.user_files import described
from scalarspec.errors import ScalarSpecError

FILES = (
    shipped_models,
    evaluations,
    proofs,
    closed_forms,
    crosschecks,
    audits,
    rounding,
    networks,
    certificates,
    facts,
    backends,
)
"""The files that state commands, in the order in which `--help` lists these."""
EXIT_CODES = """\
exit codes:
  0    done, and all is well
  1    a check failed: a float outside its enclosure, an unexplained error, a broken law, a claim that is refuted
  2    no answer: bad usage or input, a refusal, no memory, an output that cannot be written; one message says why
  3    prove, verify: neither proved nor refuted; crosscheck: no bound says whether rounding explains the error
  70   a fault of scalarspec itself, told with a traceback
  130  ended by Ctrl-C (SIGINT); a search prints what it has found, and a checkpoint keeps it
  141  the reader of the output has gone (SIGPIPE)
  143  ended by SIGTERM; a checkpoint keeps what was found
"""
FAULT = 70
"""The exit code of what should not happen: EX_SOFTWARE of sysexits.h."""


def command() -> NoReturn:
    """The command as a process: runs `main`, and ends.

    After a signal nothing is waited for: neither threads nor what a library does in the end.
    """
    code = main()
    if code > 128:
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, printing what it found.

    argv: the words after `scalarspec` (default: those of this process).
    Returns the exit code, as `scalarspec --help` lists them. Raises SystemExit, as argparse does, for options that do
    not exist.
    """
    with listening() as signals:
        try:
            code = _run(argv, signals)
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
        return signals.code or code


def _run(argv: Sequence[str] | None, signals: Signals) -> int:
    output.take_any_encoding()
    options = parser().parse_args(argv, argparse.Namespace(notes=[], failures=[]))
    try:
        with Bar(options.quiet) as options.progress:
            code, text = _answer(options, signals)
    except ScalarSpecError as error:
        return output.refused(str(error))
    except (MemoryError, RecursionError) as error:
        lacking = "memory" if isinstance(error, MemoryError) else "stack"
        return output.refused(f"there is not enough {lacking} for this ({error or type(error).__name__})")
    except Exception:
        output.said(f"fault: this should not happen, and wants a report\n{traceback.format_exc().rstrip()}")
        return FAULT
    failed = [output.written(f"{text}\n"), *map(output.refused, options.failures)]
    for note in [] if options.quiet or signals.number else options.notes:
        output.said(f"note: {note}")
    return max(failed) or code


def _answer(options: argparse.Namespace, signals: Signals) -> tuple[int, str]:
    """The exit code of a command, and its report."""
    try:
        with output.kept_for_the_report():
            page = getattr(options, "html", None) is not None
            if page:
                check_html(options)
            result, code = options.run(options)
            if page:
                write_html(options, result)
            if signals.number == signal.SIGTERM:
                raise KeyboardInterrupt
            shown = result.to_json() if options.json else str(result)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # what was loaded wants to end the program: nothing was checked
        raise ScalarSpecError(f"a spec or a backend ended the program: {described(error)}") from None
    return int(code), output.as_json(shown) if options.json else shown


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    description = (__doc__ or "").split("\n")[0]
    whole = Parser(prog="scalarspec", description=description, epilog=EXIT_CODES)
    whole.add_argument("--version", action="version", version=f"scalarspec {scalarspec.__version__}")
    commands = Commands(whole.add_subparsers(required=True, metavar="command"))
    for file in FILES:
        file.add_commands(commands)
    return whole
