"""What a user's own code raises, told as one error of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from scalarspec.errors import ArgumentError, ScalarSpecError


def plainly(error: BaseException) -> str:
    """The error's class and message."""
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def failures_told(what: str, tell: Callable[[BaseException], str] = plainly) -> Iterator[None]:
    """Whatever a user's own code raises is a fact about that code: one ArgumentError, which says what failed.

    So is its wish to end the program (`sys.exit`); Ctrl-C is the user's own.
    """
    try:
        yield
    except (ScalarSpecError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ArgumentError(f"{what}: {tell(error)}") from error
