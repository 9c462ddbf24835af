"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file: what was there before stays until all is written. Raises OSError where that cannot be done, and
    ValueError for a name that no file can have.

    What is no regular file, such as /dev/stdout, is written to as it is; where a link leads, the file there is written.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        Path(path).write_bytes(data)
        return
    place = Path(os.path.realpath(path))
    fresh = place.parent / f".{secrets.token_hex(8)}"
    try:
        with open(fresh, "xb") as file:
            file.write(data)
        os.replace(fresh, place)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
