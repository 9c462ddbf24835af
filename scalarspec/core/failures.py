"""What a user's own code raises, told as one error of this package."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from scalarspec.errors import ArgumentError, ScalarSpecError


def plainly(error: BaseException) -> str:
    """The error's class and message."""
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def failures_told(what: str, tell: Callable[[BaseException], str] = plainly) -> Iterator[None]:
    """A context within which whatever a user's own code raises becomes one ArgumentError, which says what failed: a
    fact about that code.

    So does its wish to end the program (`sys.exit`). Ctrl-C is the user's own, and errors of this package say already
    what they are: these pass.
    """
    try:
        yield
    except (ScalarSpecError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ArgumentError(f"{what}: {tell(error)}") from error
