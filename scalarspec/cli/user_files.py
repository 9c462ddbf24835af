"""A user's own files: the function that a command is about, and its arguments."""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import inspect
import sys
import traceback
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.core import named_contexts
from scalarspec.core.failures import failures_told
from scalarspec.core.region import Ball, ball
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, UnknownName
from scalarspec.numbers.exact import data_value

Spec = Callable[..., Tensor]


def spec_and_arguments(options: argparse.Namespace) -> tuple[Spec, list[Any]]:
    """The spec that is named, and its arguments in order: from the .npz file, and from `--set`, which wins."""
    spec = load_function(options.spec)
    given = arrays(options.inputs) | dict(_setting(text) for text in options.set)
    return spec, arguments_for(spec, given)


def load_function(target: str, what: str = "spec") -> Callable[..., Any]:
    """The function named `file.py:function` or `module:function`. Raises ArgumentError or UnknownName."""
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise ArgumentError(f"{what}: expected file.py:function or module:function, got {target!r}")
    module = _imported(path, what)
    if not callable(getattr(module, name, None)):
        functions = [n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_")]
        raise UnknownName(f"{what}: {path} has no function {name!r}; it has {', '.join(functions) or 'none'}")
    return _UserFunction(getattr(module, name), target, what)


def _imported(path: str, what: str) -> Any:
    """The module of that name, or in that file."""
    with failures_told(f"{what}: {path} does not import", described):
        return _from_file(path, what) if path.endswith(".py") else importlib.import_module(path)


def _from_file(path: str, what: str) -> Any:
    if not Path(path).is_file():
        raise ArgumentError(f"{what}: there is no file {path}")
    found = importlib.util.spec_from_file_location(Path(path).stem, path)
    if found is None or found.loader is None:
        raise ArgumentError(f"{what}: {path} cannot be loaded")
    module = importlib.util.module_from_spec(found)
    sys.path.insert(0, str(Path(path).resolve().parent))  # as `python file.py` has it
    found.loader.exec_module(module)
    return module


class _UserFunction:
    """A user's function, with errors of its own told as one message that names it; a worker loads it again."""

    def __init__(self, function: Callable[..., Any], target: str, what: str) -> None:
        functools.update_wrapper(self, function)
        self.function, self.target, self.what = function, target, what

    def __call__(self, *args: Any) -> Any:
        with failures_told(f"{self.what}: {self.target} failed", described):
            return self.function(*args)

    def __reduce__(self) -> Any:
        return load_function, (self.target, self.what)


def described(error: BaseException) -> str:
    """An error with its class, and the file and the line where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def arrays(path: str | None) -> dict[str, Any]:
    """The arrays of an .npz file, by name; none without a file. Raises ArgumentError where it is no such file."""
    if path is None:
        return {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: _plain(archive[name]) for name in archive.files}
    except FileNotFoundError:
        raise ArgumentError(f"inputs: there is no file {path}") from None
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile):
        raise ArgumentError(f"inputs: {path} is not an .npz file of numbers") from None


def _plain(array: np.ndarray[Any, Any]) -> Any:
    """An array; an integer of shape () as a Python int, which may be an index."""
    return int(array) if array.shape == () and array.dtype.kind in "iu" else array


def _setting(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise ArgumentError(f"--set: expected name=value, got {text!r}")
    exact = data_value(value)
    return name, exact.numerator if exact.denominator == 1 else exact


def radii(texts: Sequence[str]) -> dict[str, Ball]:
    """The balls of `--radius name=number`, by name. Raises ArgumentError for any other text."""
    pairs = [text.partition("=") for text in texts]
    for (name, separator, radius), text in zip(pairs, texts, strict=True):
        if not (name and separator and radius):
            raise ArgumentError(f"--radius: expected name=number, got {text!r}")
    return {name: ball(radius) for name, _, radius in pairs}


def arguments_for(spec: Spec, given: dict[str, Any]) -> list[Any]:
    """The given values in the order of the spec's parameters. Raises ArgumentError where one is missing."""
    arguments = []
    for name, parameter in inspect.signature(spec).parameters.items():
        if name not in given and parameter.default is inspect.Parameter.empty:
            has = ", ".join(given) or "nothing"
            raise ArgumentError(f"{spec.__name__} needs an argument {name!r}; the .npz file and --set give {has}")
        arguments.append(given.get(name, parameter.default))
    return arguments


def contexts(names: Sequence[str], prec: int | None) -> list[Any]:
    """The contexts of those names; the precision is that of `interval`, which must then be among them."""
    if prec is not None and "interval" not in names:
        raise ArgumentError(f"prec: expected 'interval' among the backends, got {', '.join(names)}")
    return [
        named_contexts.context(name, **({"prec": prec} if prec is not None and name == "interval" else {}))
        for name in names
    ]
