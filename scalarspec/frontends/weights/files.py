"""What files of weights have, by name: shapes first, and numbers, exactly, for what is asked."""

from __future__ import annotations

import json
import pickletools
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotInstalled, NotSupported, ScalarSpecError
from scalarspec.numbers import archives

Array = np.ndarray[Any, Any]
LONGEST_PICKLE = 2**26
"""How many bytes the pickle of a state dict has at most: it holds names and shapes, no numbers."""


@dataclass(frozen=True)
class Entry:
    """One array of a file: its shape, and how its numbers are read."""

    shape: tuple[int, ...]
    read: Callable[[], Array]


Entries = Mapping[str, Entry]


def entries(path: str) -> Entries:
    """The arrays of a file by their names there.

    Raises ArgumentError for what is no file of weights, NotInstalled where its format needs a package.
    """
    ending = next((ending for ending in READERS if path.lower().endswith(ending)), None)
    try:
        with open(path, "rb", opener=archives.regular):
            pass
    except (OSError, ValueError) as error:  # a ValueError: a path with a zero in it, or what is no regular file
        raise ArgumentError(f"load_weights: {path}: {getattr(error, 'strerror', None) or error}") from None
    if path.lower().endswith((".h5", ".hdf5", ".keras")):
        raise NotSupported(
            f"load_weights: {path}: files of HDF5 are not read; save the weights as .npz: "
            "np.savez('weights.npz', **{w.path: w.numpy() for w in model.weights})"
        )
    if ending is None:
        raise ArgumentError(f"load_weights: path: expected a file that ends in {', '.join(READERS)}, got {path}")
    return READERS[ending](path)


# ---- .npz ------------------------------------------------------------------------------------------------------------


def _npz(path: str) -> Entries:
    arrays, _ = archives.read(path, None, "load_weights")
    return {name: _known(np.asarray(array)) for name, array in arrays.items()}


def _known(array: Array) -> Entry:
    return Entry(array.shape, partial(np.asarray, array))


# ---- .safetensors ----------------------------------------------------------------------------------------------------

NATIVE = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BOOL": "?", "C64": "<c8"}
NATIVE |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}
"""The formats of safetensors that are NumPy's."""


def _safetensors(path: str) -> Entries:
    """The package checks the header: its length, the places of the arrays, and that their shapes fill the file."""
    try:
        from safetensors import safe_open
    except ImportError:
        raise NotInstalled(
            "load_weights: .safetensors files need the package safetensors: pip install 'scalarspec[weights]'"
        ) from None
    try:
        with safe_open(path, framework="numpy") as file:
            kinds = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            found = {name: (tuple(kind.get_shape()), kind.get_dtype()) for name, kind in kinds.items()}
        places = _places(path)
        offsets = {name: places[name]["data_offsets"] for name in found}
    except Exception as error:  # the package has an error of its own, and what is broken on purpose may raise any
        raise ArgumentError(f"load_weights: {path} is no .safetensors file, or a truncated one: {error}") from None
    return {
        name: Entry(shape, partial(_array_at, path, name, offsets[name], dtype, shape))
        for name, (shape, dtype) in found.items()
    }


def _places(path: str) -> Any:
    """The header of a file that the package has checked, with offsets in the file."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    for place in header.values():
        if "data_offsets" in place:
            place["data_offsets"] = [offset + 8 + length for offset in place["data_offsets"]]
    return header


def _array_at(path: str, name: str, offsets: tuple[int, int], dtype: str, shape: tuple[int, ...]) -> Array:
    start, end = offsets
    with open(path, "rb") as file:
        file.seek(start)
        return _decoded(name, file.read(end - start), dtype).reshape(shape)


def _decoded(name: str, data: bytes, dtype: str) -> Array:
    """Numbers of a format of safetensors. Those that NumPy has not become wider ones, which they are."""
    if dtype in NATIVE:
        return np.frombuffer(data, NATIVE[dtype]).copy()
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    codes = np.frombuffer(data, np.uint8)
    if dtype == "F8_E5M2":
        return (codes.astype(np.uint16) << 8).view(np.float16)
    if dtype == "F8_E4M3":
        return _E4M3[codes]
    raise NotSupported(f"load_weights: {name!r} has the format {dtype}; expected {', '.join(NATIVE)}, BF16 or an F8")


def _e4m3() -> Array:
    """The number of each code: a sign, 4 bits of exponent, 3 of mantissa; NaN is all ones, and there is no infinity."""
    codes = np.arange(256)
    exponents, mantissas = codes >> 3 & 15, codes & 7
    sizes = np.ldexp(np.where(exponents == 0, mantissas, 8 + mantissas), np.maximum(exponents, 1) - 10)
    return np.where(codes & 127 == 127, np.nan, np.where(codes < 128, sizes, -sizes)).astype(np.float32)


_E4M3 = _e4m3()


# ---- PyTorch ---------------------------------------------------------------------------------------------------------

_TENSORS = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(parameter|tensor_v2|tensor_v3)|torch\.storage UntypedStorage"
    r"|torch ((\w+Storage)|((u?int|float|bfloat|complex)\d+\w*)|bool)"
)
"""What the pickle of a state dict names, where it is one of tensors."""


def _state_dict(path: str) -> Entries:
    try:
        import torch
    except ImportError:
        raise NotInstalled(
            f"load_weights: {path}: PyTorch's files need the package torch: pip install 'scalarspec[torch]'"
        ) from None
    try:
        _check_state_dict(path)
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except ScalarSpecError:
        raise
    except Exception:  # what is broken on purpose may raise anything
        raise ArgumentError(
            f"load_weights: {path} is no state dict of PyTorch's, or a truncated one; "
            "torch.save(net.state_dict(), ...) makes one"
        ) from None
    if not isinstance(found, Mapping):
        raise ArgumentError(f"load_weights: {path} holds a {type(found).__name__}; expected a state dict of tensors")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise ArgumentError(
                f"load_weights: {path}: entry {name!r} is a {type(tensor).__name__}; expected a state dict, of tensors "
                "by name: torch.save(net.state_dict(), ...)"
            )
    return {name: Entry(tuple(t.shape), partial(_array, t)) for name, t in found.items()}


def _check_state_dict(path: str) -> None:
    """Raises ArgumentError unless it is an archive as PyTorch writes it, with nothing compressed, whose pickle names
    tensors and nothing else. Nothing is unpickled to find out.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        pickles = [member for member in members if member.filename.endswith("data.pkl")]
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if packed or len(pickles) != 1 or pickles[0].file_size > LONGEST_PICKLE:
            raise ArgumentError(f"load_weights: {path} is no archive as torch.save writes it")
        for operation, name, _ in pickletools.genops(archive.read(pickles[0])):
            named = name if operation.name == "GLOBAL" else operation.name
            if operation.name in ("GLOBAL", "INST", "STACK_GLOBAL") and not _TENSORS.fullmatch(str(named)):
                told = str(named).replace(" ", ".")
                raise ArgumentError(
                    f"load_weights: {path} holds more than tensors: {told}, which is not run; expected a state dict"
                )


def _array(tensor: Any) -> Array:
    """The numbers of a tensor. Those of a format that NumPy has not become float32, which has them all."""
    plain = tensor.detach().resolve_conj().resolve_neg()
    if plain.is_floating_point() and str(plain.dtype) not in ("torch.float16", "torch.float32", "torch.float64"):
        plain = plain.float()
    return np.array(plain.numpy())


READERS: dict[str, Callable[[str], Entries]] = {
    ".safetensors": _safetensors, ".npz": _npz, ".pt": _state_dict, ".pth": _state_dict, ".bin": _state_dict,
}  # fmt: skip
"""How a file is read, by its ending."""
