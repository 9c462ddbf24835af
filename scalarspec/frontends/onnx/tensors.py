"""The numbers of an ONNX file as NumPy arrays, each at its exact value."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotSupported, TooLarge
from scalarspec.numbers.archives import NotRegular, regular

Array = np.ndarray[Any, Any]
MOST = 2**30
"""How many numbers an array of a file has at most."""
MOST_WIDE = 8
"""How many bytes a number has at most."""


def array_of(tensor: Any, folder: Path | None) -> Array:
    """The numbers of a `TensorProto`, in its format, which may be one that NumPy has not (see `widened`).

    folder: where files with more numbers lie; None: nowhere. Raises ArgumentError for a tensor that is broken,
    NotSupported for texts and complex numbers, TooLarge beyond `MOST` numbers.
    """
    from onnx import numpy_helper

    shape = tuple(tensor.dims)
    if any(n < 0 for n in shape):
        raise ArgumentError(f"{_told(tensor)}: a shape of {shape}; lengths are not negative")
    if math.prod(shape) > MOST:
        raise TooLarge(f"{_told(tensor)}: a shape of {shape}; arrays have at most {MOST} numbers")
    if tensor.data_location == tensor.EXTERNAL:
        tensor = _with_file(tensor, folder)
    try:
        found = numpy_helper.to_array(tensor)
    except Exception as error:  # whatever a broken one brings about
        raise ArgumentError(f"{_told(tensor)}: it cannot be read: {error}") from None
    if found.shape != shape:
        raise ArgumentError(f"{_told(tensor)}: {found.size} numbers for a shape of {shape}")
    if found.dtype.kind in "cOSU" or found.dtype.names:
        raise NotSupported(f"{_told(tensor)}: {found.dtype}: expected real numbers, integers or bools")
    array: Array = found
    return array


def widened(array: Array) -> Array:
    """The same numbers in a format of NumPy's: float16 and wider, int8 and wider, bools."""
    if array.dtype.kind in "fiub" and array.dtype.type.__module__ == "numpy":
        return array
    return array.astype(np.int16 if "int" in array.dtype.name else np.float32)


def _told(tensor: Any) -> str:
    return f"from_onnx: tensor {tensor.name!r}"


def _with_file(tensor: Any, folder: Path | None) -> Any:
    """A tensor with the numbers in it that another file holds. Raises ArgumentError for one beyond the folder."""
    says = {entry.key: entry.value for entry in tensor.external_data}
    name, where = _told(tensor), says.get("location", "")
    if folder is None:
        raise ArgumentError(f"{name}: its numbers lie in another file, {where!r}; give the path of the model instead")
    path = _resolved(name, folder, where)
    if not where or Path(where).is_absolute() or not path.is_relative_to(folder.resolve()):
        raise ArgumentError(f"{name}: {where!r} is no file in the folder of the model")
    result = type(tensor)()
    result.CopyFrom(tensor)
    part = (_whole(name, says, key) for key in ("offset", "length"))
    result.raw_data = _bytes(name, path, math.prod(tensor.dims), *part)
    result.data_location = result.DEFAULT
    del result.external_data[:]
    return result


def _resolved(name: str, folder: Path, where: str) -> Path:
    try:
        return (folder / where).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, or a name that no file can have
        raise ArgumentError(f"{name}: {where!r}: {error}") from None


def _whole(name: str, says: dict[str, str], key: str) -> int | None:
    text = says.get(key)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise ArgumentError(f"{name}: {key}: expected an integer, got {text!r}")
    return int(text)


def _bytes(name: str, path: Path, most: int, offset: int | None, length: int | None) -> bytes:
    try:
        with open(path, "rb", opener=regular) as file:
            size = os.fstat(file.fileno()).st_size - (offset or 0)
            wanted = size if length is None else length
            if not 0 <= wanted <= size or wanted > MOST_WIDE * most:
                raise ArgumentError(f"{name}: {path.name} has {size} bytes there; {wanted} for {most} numbers")
            file.seek(offset or 0)
            return file.read(wanted)
    except NotRegular as error:
        raise ArgumentError(f"{name}: {error}") from None
    except OSError as error:
        raise ArgumentError(f"{name}: {path.name}: {error.strerror}") from None
