"""Arrays from an .npz file: of those in it, the ones that are needed, up to a limit, and nothing that runs."""

from __future__ import annotations

import io
import math
import os
import stat
import zipfile
from collections.abc import Collection
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, ScalarSpecError

LIMIT = 2**30
"""How many bytes of arrays are read from a file at most, unpacked."""
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""How the header of an array is read, by the version of its format; the third is for names that are no ASCII."""
ENDING = ".npy"


def read(path: str, wanted: Collection[str] | None, what: str = "inputs") -> tuple[dict[str, Any], list[str]]:
    """The arrays of those names in a file, and the names of all others, which are not read.

    wanted: None for all of them; what: whose file it is, for the messages. An integer of shape () is a Python int,
    which may be an index. Raises ArgumentError where it is no such file, or more than `LIMIT` bytes would be read.
    """
    try:
        with open(path, "rb", opener=regular) as file, zipfile.ZipFile(file) as archive:
            members = [(info.filename.removesuffix(ENDING), info) for info in archive.infolist()]
            kept = [(name, info) for name, info in members if wanted is None or name in wanted]
            found = _unpacked(path, archive, kept)
    except FileNotFoundError:
        raise ArgumentError(f"{what}: there is no file {path}") from None
    except ScalarSpecError as error:
        raise ArgumentError(f"{what}: {error}") from None
    except MemoryError:
        raise
    except Exception:  # what is broken on purpose may raise anything
        raise ArgumentError(f"{what}: {path} is not an .npz file of numbers") from None
    if not members:
        raise ArgumentError(f"{what}: {path} holds no arrays")
    return found, [name for name, _ in members if name not in found]


class NotRegular(ArgumentError):
    """What was to be read is a folder, a device or a pipe."""


def regular(path: str, flags: int) -> int:
    """Opens a file that is one: no device that never ends, no pipe that waits. Raises NotRegular for these."""
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotRegular(f"{path} is no regular file")
    return file


def _unpacked(path: str, archive: zipfile.ZipFile, members: list[tuple[str, zipfile.ZipInfo]]) -> dict[str, Any]:
    total = sum(info.file_size for _, info in members)
    if total > LIMIT:
        raise ArgumentError(f"the arrays in {path} have {total} bytes; at most {LIMIT} are read")
    found = {name: _array(archive.read(info)) for name, info in members}
    if len(found) < len(members):
        raise ArgumentError(f"{path} has two arrays of one name")
    return found


def _array(data: bytes) -> Any:
    """The array of an .npy file. Raises some error where it has not the numbers that its header says."""
    stream = io.BytesIO(data)
    shape, by_columns, dtype = HEADERS[np.lib.format.read_magic(stream)](stream)
    numbers = np.frombuffer(data, dtype, offset=stream.tell())
    if dtype.hasobject or numbers.size != math.prod(shape):
        raise ValueError(f"expected {shape} numbers")
    array = numbers.reshape(shape, order="F" if by_columns else "C").copy()
    return int(array) if shape == () and dtype.kind in "iu" else array
