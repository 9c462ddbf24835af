"""What a result was found from: versions, hashes of the inputs, and how a later result differs from it."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from scalarspec.arguments import bind, spec_name
from scalarspec.tensor import Tensor

LIBRARIES = ("scalarspec", "numpy", "mpmath", "sympy")
UNCHANGED = ("dtype", "actual", "enclosure", "exact", "error", "relative", "ulps", "max_ulps", "worst", "inputs")
"""What a replay must find again, exactly."""


def provenance(spec: Callable[..., Tensor], args: Sequence[Any]) -> dict[str, Any]:
    """The spec's name, a SHA-256 of each of its arguments, and the versions of what worked it out."""
    inputs = {name: digest(value) for name, value in bind(spec, args).items()}
    versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    return {"spec": spec_name(spec), "inputs": inputs, "versions": versions}


def digest(value: Any) -> str:
    """The SHA-256 of an argument: of the bytes of arrays, their dtypes and shapes, and of the fields of models."""
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def _feed(state: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        state.update(f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        state.update(type(value).__name__.encode())
        for field in dataclasses.fields(value):
            _feed(state, getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for item in value:
            _feed(state, item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _feed(state, (str(key), item))
    else:
        state.update((spec_name(value) if callable(value) else repr(value)).encode() + b"\0")


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In words, what a later result has otherwise: a float, an end of the enclosure, an input, a stage."""
    found = [
        f"{key}: {_shown(old.get(key))} then, {_shown(new[key])} now" for key in UNCHANGED if old.get(key) != new[key]
    ]
    stages = {stage["name"]: stage for stage in old.get("stages", [])}
    for stage in new["stages"]:
        if stages.get(stage["name"], {}).get("enclosure") != stage["enclosure"]:
            found.append(f"stage {stage['name']}: another enclosure")
    return found


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
