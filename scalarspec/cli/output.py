"""What a command writes: the report to the output, all else to the error stream, whatever the two are."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

PIPE_CLOSED = 128 + getattr(signal, "SIGPIPE", 13)
"""The exit code where the reader of the output has gone, as `head` does."""
REFUSED = 2
"""The exit code where there is no answer."""


def take_any_encoding() -> None:
    """What the output's encoding does not have is written by its number, as Python does on the error stream."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def written(text: str) -> int:
    """Writes a text to the output; the exit code: 0, or of what keeps it from being written, which is said."""
    try:
        if sys.stdout is None:
            raise OSError("there is none")
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        _give_up()
        if isinstance(error, BrokenPipeError):
            return PIPE_CLOSED
        return refused(f"the output cannot be written: {getattr(error, 'strerror', None) or error}")
    return 0


def as_json(data: Any) -> str:
    """Data as JSON, in ASCII unless the output is Unicode, so that nothing in it is to be replaced."""
    unicode = "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()
    return json.dumps(data, indent=2, ensure_ascii=not unicode)


def said(message: str) -> None:
    """Writes a line to the error stream, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"scalarspec: {message}", file=sys.stderr, flush=True)


def refused(message: str) -> int:
    """Says why there is no answer, in one line; the exit code."""
    said(f"error: {' '.join(message.split())}")
    return REFUSED


@contextlib.contextmanager
def kept_for_the_report() -> Iterator[None]:
    """What specs and backends print meanwhile goes to the error stream: the output has the report alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _give_up() -> None:
    """Lets nothing more be written to the output, so that Python does not fail in the end, when it tries again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
