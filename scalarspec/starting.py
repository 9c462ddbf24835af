"""What must be so before anything else is loaded, where this process is the command `scalarspec`; else nothing.

From the first line on, Ctrl-C and SIGTERM end the command without a traceback: nothing is done yet, so nothing is lost.
What keeps the libraries from loading is told in one line. And `python -m` looks for modules in the current folder
before all others, where a file called sympy.py would be taken for the library: it comes last.
"""

from __future__ import annotations

import sys

MODULES = ("scalarspec", "scalarspec.__main__", "scalarspec.cli", "scalarspec.cli.__main__")
"""What `python -m` is given where it runs the command."""


def run_by_name() -> bool:
    """Does `python -m` run the command? While it loads the package, it has put "-m" in the place of a file."""
    words = iter(sys.orig_argv)
    by_name = any(word[:1] == "-" and word[-1:] == "m" for word in words)  # what follows is the module
    return sys.argv[:1] == ["-m"] and by_name and next(words, "") in MODULES


if run_by_name() and not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

import os  # noqa: E402 - only now, for a user may have an os.py, too
import signal  # noqa: E402
from types import FrameType, TracebackType  # noqa: E402


def is_command() -> bool:
    """Is this process the command, as it was installed or by `python -m`?"""
    program = os.path.basename(sys.argv[0]) if sys.argv else ""
    return run_by_name() or program in ("scalarspec", "scalarspec.exe")


def _ended(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


def _told(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    message = " ".join(str(error).split())
    print(f"scalarspec: error: cannot start: {kind.__name__}: {message}", file=sys.stderr, flush=True)
    os._exit(2)


def start() -> None:
    """Ends quietly on a signal that nobody asked to be ignored, and tells errors in one line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ended)
    sys.excepthook = _told


if is_command():
    start()
