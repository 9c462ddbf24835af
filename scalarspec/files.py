"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path


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
    fresh = place.parent / f".{secrets.token_hex(8)}"
    try:
        with open(fresh, "xb") as file:
            file.write(data)
        with contextlib.suppress(OSError):
            shutil.copymode(place, fresh)
        os.replace(fresh, place)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
