"""Commands that cross-check a float result: `crosscheck`, and `replay`, which does so again from a record."""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
from typing import Any

from scalarspec.cli import networks
from scalarspec.cli.commands import Commands, add_spec
from scalarspec.cli.pages import add_html
from scalarspec.cli.proofs import EXIT
from scalarspec.cli.user_files import load_function, spec_and_arguments
from scalarspec.errors import ArgumentError
from scalarspec.rounding_errors.crosscheck import Crosscheck, crosscheck
from scalarspec.rounding_errors.provenance import differences

LIMIT = 2**26
"""How many bytes of a record are read at most."""
NAMED = ("spec", "inputs", "actual")
"""What says which code is run and which file is read: whoever replays a record says this anew."""
GIVEN = ("dtype", "accumulate", "max_ulps")
"""What says how the result is read and judged."""
RUNTIME = ("runtime", "stages")
"""What says which runtime's result it is."""
REPLAYED = (*NAMED, "set", *GIVEN, *RUNTIME)
"""The options of a cross-check that its record holds."""
DEFAULT = "float64"
"""What a float result is of where nothing is said; no code of anyone else's."""


def add_commands(commands: Commands) -> None:
    """Each with its options."""
    parser = commands.add_on_spec("crosscheck", run_crosscheck, "a float result against exact and enclosing arithmetic")
    _add_options(parser, DEFAULT)
    add_html(parser)
    parser = commands.add("replay", run_replay, "a cross-check again: is all that its record states still so?")
    parser.add_argument("record", help="what 'crosscheck --json' printed")
    add_spec(parser, nargs="?")
    _add_options(parser, None)


def _add_options(parser: argparse.ArgumentParser, actual: str | None) -> None:
    shown = f"the result: file.py:function of the same arguments, or a float backend (default {DEFAULT})"
    parser.add_argument("--actual", default=actual, metavar="WHAT", help=shown)
    parser.add_argument("--dtype", help="the format of the result, where it is not its own")
    parser.add_argument("--accumulate", metavar="DTYPE", help="the format of sums, where it is another")
    parser.add_argument("--max-ulps", metavar="NUMBER", help="exit with 1 if the error may be greater than this")
    networks.add_runtime(parser)


def run_crosscheck(options: argparse.Namespace) -> tuple[Any, int]:
    """The error of a result; exit code 1 where it is too great, or rounding does not explain it, and 3 where no bound
    on what rounding can cause tells.
    """
    spec, args = spec_and_arguments(options)
    actual = _actual(options, spec, args)
    found = crosscheck(spec, *args, actual=actual, **{name: getattr(options, name) for name in GIVEN})
    return _Recorded(found, options), _exit_code(found, options.max_ulps)


def _exit_code(found: Crosscheck, max_ulps: str | None) -> int:
    """What a cross-check comes to: as it was asked, by a number of ulps or by what rounding explains."""
    if max_ulps is not None:
        return 0 if found.within(max_ulps) else 1
    if not found.explained:
        return 1
    return EXIT["undecided"] if found.unknown else EXIT["proved"]


def _actual(options: argparse.Namespace, spec: Any, args: list[Any]) -> Any:
    """What the result is of: a runtime, a user's function, or a float backend."""
    if options.runtime is not None:
        return networks.runtime_of(options, spec, args)
    if options.stages:
        raise ArgumentError("--stages: it is of a --runtime")
    return load_function(options.actual, "actual") if ":" in options.actual else options.actual


class _Recorded:
    """A cross-check with the command that it came from, so that it can be replayed."""

    def __init__(self, found: Crosscheck, options: argparse.Namespace) -> None:
        self.found = found
        self.command = {name: getattr(options, name) for name in REPLAYED}

    def __str__(self) -> str:
        return str(self.found)

    def html(self) -> str:
        """The page of the cross-check."""
        return self.found.html()

    def to_json(self) -> dict[str, Any]:
        """The command beside the data of the cross-check."""
        return {"command": self.command, **self.found.to_json()}


def run_replay(options: argparse.Namespace) -> tuple[Any, int]:
    """What differs from a record; exit code 1 where anything does."""

    record = _recorded(options.record)
    if options.actual is None and record["command"]["actual"] == DEFAULT:
        options.actual = DEFAULT
        options.runtime, options.stages = (record["command"][name] for name in RUNTIME)
    _all_named(options, record["command"])
    found = differences(record, json.loads(json.dumps(run_crosscheck(options)[0].to_json())))
    return _Replay(found), 1 if found else 0


class _Replay:
    """What differs from the record."""

    def __init__(self, differences: list[str]) -> None:
        self.differences = differences

    def __str__(self) -> str:
        same = "the same float, the same certificate, the same stages; the same names, texts, inputs and versions"
        return "\n".join(self.differences) or same

    def to_json(self) -> list[str]:
        """One line for each difference."""
        return self.differences


def _recorded(path: str) -> dict[str, Any]:
    """What `crosscheck --json` printed. Raises ArgumentError for anything else."""
    wrong = ArgumentError(f"record: {path} is not what 'crosscheck --json' printed")
    try:
        with open(path, "rb") as file:
            text = file.read(LIMIT + 1)
        if len(text) > LIMIT:
            raise ArgumentError(f"record: {path} is too large for a record; at most {LIMIT} bytes are read")
        record = json.loads(text)
        command = record["command"]
        texts = [command[name] for name in REPLAYED if name not in ("set", "stages") and command[name] is not None]
        if set(command) != set(REPLAYED) or not all(isinstance(text, str) for text in [*texts, *command["set"]]):
            raise wrong
    except ArgumentError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise wrong from None
    return dict(record)


def _all_named(options: argparse.Namespace, command: dict[str, Any]) -> None:
    """Raises ArgumentError where a record is of code or of a file, and the user names none."""
    for name in NAMED:
        if getattr(options, name) is None and command[name] is not None:
            raise ArgumentError(
                f"{name}: a record runs and reads nothing by itself; this one is of {command[name]!r}. If you trust "
                f"what it names, write: {_spelled_out(options.record, command)}"
            )


def _spelled_out(record: str, command: dict[str, Any]) -> str:
    """The command that replays a record and names all that it names."""
    flags = [(f"--{flag.replace('_', '-')}", command[flag]) for flag in ("actual", *GIVEN)]
    options = [("--set", text) for text in command["set"]] + [pair for pair in flags if pair[1]]
    words = ["scalarspec", "replay", record, command["spec"], command["inputs"], *itertools.chain(*options)]
    return " ".join(shlex.quote(word) for word in words if word)
