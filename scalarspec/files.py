"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from scalarspec.errors import ArgumentError, ScalarSpecError


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file: what was there before stays until all is written. Raises OSError where that cannot be done, and
    ValueError for a name that no file can have.

    What is no regular file, such as a pipe, is written to as it is; where a link leads, the file there is written. A
    file keeps its mode.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        Path(path).write_bytes(data)
        return
    if not os.path.basename(os.fspath(path)):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    place = Path(os.path.realpath(path))
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
    with _beside(place, data) as fresh:
        with contextlib.suppress(OSError):
            shutil.copymode(place, fresh)
        os.replace(fresh, place)


def write_new(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file where there is none. Raises FileExistsError where there is one, also if another process writes it
    meanwhile, and as `write_whole` does.
    """
    with _beside(Path(path), data) as fresh:
        os.link(fresh, path)


@contextlib.contextmanager
def _beside(place: Path, data: bytes) -> Iterator[Path]:
    """A file in the same folder that holds the data, and is gone afterwards."""
    fresh = place.parent / f".{secrets.token_hex(8)}"
    try:
        with open(fresh, "xb") as file:
            file.write(data)
        yield fresh
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def told(argument: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """While a file is written that an argument names. Raises ArgumentError where that cannot be done."""
    try:
        yield
    except ScalarSpecError:
        raise
    except (OSError, ValueError) as error:  # a ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise ArgumentError(f"{argument}: {os.fspath(path)} cannot be written: {reason}") from None
