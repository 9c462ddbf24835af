"""The command `scalarspec`: the jobs, on the shipped models or on a user's own files.

A spec is named `path/to/file.py:function` or `package.module:function`. Its arguments come from an .npz file, by
parameter name, and from `--set name=value`, where a value is an integer, a decimal or a fraction, taken exactly.
Exit code 0: done; 1: a check failed (a float outside its enclosure, a broken law); 2: bad input, one message.

Each file states a few commands: what each does, what it prints, and the options that it takes. May import: all rooms.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from scalarspec.cli import (
    audits,
    backends,
    closed_forms,
    crosschecks,
    evaluations,
    facts,
    rounding,
    shipped_models,
)
from scalarspec.cli.commands import Commands
from scalarspec.cli.user_files import described
from scalarspec.errors import ScalarSpecError

FILES = (shipped_models, evaluations, closed_forms, crosschecks, audits, rounding, facts, backends)
"""The files that state commands, in the order in which `--help` lists these."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, printing what it found.

    argv: the words after `scalarspec` (default: those of this process).
    Returns the exit code: 0 when all is well, 1 when a check failed, 2 for bad input. Raises SystemExit, as argparse
    does, for options that do not exist.
    """
    options = parser().parse_args(argv)
    try:
        result, code = options.run(options)
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=False) if options.json else str(result)
    except ScalarSpecError as error:
        return _refused(str(error))
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # what was loaded wants to end the program: nothing was checked
        return _refused(f"a spec or a backend ended the program: {described(error)}")
    print(text)
    return int(code)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = argparse.ArgumentParser(prog="scalarspec", description=(__doc__ or "").split("\n")[0])
    commands = Commands(whole.add_subparsers(required=True, metavar="command"))
    for file in FILES:
        file.add_commands(commands)
    return whole


def _refused(message: str) -> int:
    print(f"scalarspec: error: {message}", file=sys.stderr)
    return 2
