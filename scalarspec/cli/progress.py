"""Progress on the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Self

CELLS = 30
"""How many characters a bar has."""


class Bar:
    """A bar on the error stream, where that is a terminal that goes back in a line; of which nothing is left after it.

    It is drawn without colours and other escapes, whether NO_COLOR is set or not.
    """

    def __init__(self, quiet: bool) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.shown, self.width = terminal and not quiet, 0

    def __call__(self, done: int, total: int, known: str = "") -> None:
        """Draws how many pieces are done, of how many, and what is known by then."""
        if self.shown:
            filled = CELLS * done // max(total, 1)
            text = f"[{'#' * filled}{'.' * (CELLS - filled)}] {done} of {total}{known and ': '}{known}"
            text = text[: shutil.get_terminal_size().columns - 1]  # no carriage return goes back over two lines
            self.width = max(self.width, len(text))
            print(text.ljust(self.width), end="\r", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.width:
            print(" " * self.width, end="\r", file=sys.stderr, flush=True)
