"""A user's own files: the function that a command is about, and its arguments."""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import importlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.cli import fpcores
from scalarspec.core import named_contexts
from scalarspec.core.failures import failures_told
from scalarspec.core.region import Ball, Box, ball, box
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ScalarSpecError, UnknownName
from scalarspec.frontends.onnx.network import OnnxNetwork, from_onnx, names_of
from scalarspec.numbers import archives
from scalarspec.numbers.exact import data_value

Spec = Callable[..., Tensor]
NETWORK = re.compile(r"(.+\.onnx)(?::(.+))?")
"""A network from a file, and the value in it that is its output."""


def spec_and_arguments(options: argparse.Namespace) -> tuple[Spec, list[Any]]:
    """The spec that is named, and its arguments in order: from the .npz file, and from `--set`, which wins.

    What is in the file besides is noted, and not read. Raises ArgumentError where one is missing, and for a setting of
    what is no parameter.
    """
    spec = load_function(options.spec)
    parameters, settings = parameters_of(spec, options.spec), _settings(options.set)
    if mistyped := [name for name in settings if name not in parameters]:
        raise ArgumentError(f"--set: {options.spec} has no parameter {mistyped[0]!r}; it has {', '.join(parameters)}")
    given: dict[str, Any] = {}
    if options.inputs is not None:
        called = names_of(spec.inputs) if isinstance(spec, OnnxNetwork) else {}
        found, others = archives.read(options.inputs, {*called, *parameters} - settings.keys())
        given = {called.get(name, name): array for name, array in found.items()}
        note_unused(options, [name for name in others if name not in settings])
    return spec, _in_order(options.spec, parameters, _middles(spec, options) | given | settings)


def _middles(spec: Spec, options: argparse.Namespace) -> dict[str, Any]:
    """Zeros for the inputs of a network that lie between two numbers: what is in their place is of no account."""
    between = [text.partition("=")[0] for text in getattr(options, "vary", None) or [] if ":" in text]
    if not isinstance(spec, OnnxNetwork):
        return {}
    return {name: np.zeros(shape) for name, shape in spec.shapes.items() if name in between}


def parameters_of(function: Callable[..., Any], target: str) -> dict[str, inspect.Parameter]:
    """The parameters of a user's function by their names: those that take arguments in order, as specs are called.

    Raises ArgumentError where Python cannot tell them.
    """
    with failures_told(f"spec: the parameters of {target} cannot be told", described):
        parameters = inspect.signature(function).parameters
    in_order = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in in_order}


def note_unused(options: argparse.Namespace, names: Sequence[str]) -> None:
    """Notes what an archive holds for nobody: it may be a mistyped name."""
    if names:
        options.notes.append(f"{options.inputs} also has {', '.join(names)}, for which there is no parameter: not read")


def to_be_written(option: str, path: str | None, such_as: str) -> None:
    """Raises ArgumentError where a file cannot be written there: before the work, which would be lost."""
    if path is None:
        return
    if Path(path).is_dir() or not Path(path).parent.is_dir():
        wrong = errno.EISDIR if Path(path).is_dir() else errno.ENOENT
        raise ArgumentError(f"{option}: {path} cannot be written: {os.strerror(wrong)}")
    if not Path(path).suffix:
        raise ArgumentError(f"{option}: expected a file whose ending says the format, such as {such_as}, got {path}")


@contextlib.contextmanager
def told_after_the_report(options: argparse.Namespace) -> Iterator[None]:
    """A context within which a refusal waits until what was found has been printed."""
    try:
        yield
    except ScalarSpecError as error:
        options.failures.append(str(error))


def load_function(target: str, what: str = "spec") -> Callable[..., Any]:
    """The function named `file.py:function` or `module:function`, the network of `net.onnx`, or of a value in it, or
    the core of `file.fpcore`. Raises ArgumentError or UnknownName.
    """
    if network := NETWORK.fullmatch(target):
        return _network(network[1], network[2])
    if fpcores.is_core(target):
        return fpcores.load(target)
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise ArgumentError(f"{what}: expected file.py:function or module:function, got {target!r}")
    with failures_told(f"{what}: {path} does not import", described):
        module = _from_file(path, what) if path.endswith(".py") else importlib.import_module(path)
        function = getattr(module, name, None)
    if not callable(function):
        functions = [n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_")]
        raise UnknownName(f"{what}: {path} has no function {name!r}; it has {', '.join(functions) or 'none'}")
    return _UserFunction(function, target, what)


def _network(path: str, value: str | None) -> OnnxNetwork:
    """A network from a file, of one output. Raises ArgumentError where it has several, of which none is named."""
    network = from_onnx(path, outputs=None if value is None else [value])
    if len(network.outputs) != 1:
        raise ArgumentError(f"spec: {path} has the outputs {', '.join(network.outputs)}: name one, as {path}:NAME")
    return network


def _from_file(path: str, what: str) -> Any:
    if not Path(path).is_file():
        raise ArgumentError(f"{what}: there is no file {path}")
    found = importlib.util.spec_from_file_location(Path(path).stem, path)
    if found is None or found.loader is None:
        raise ArgumentError(f"{what}: {path} cannot be loaded")
    module = importlib.util.module_from_spec(found)
    sys.path.append(str(Path(path).resolve().parent))  # last: a sympy.py that lies there is not the library
    found.loader.exec_module(module)
    return module


class _UserFunction:
    """A user's function, with errors of its own told as one message that names it; a worker loads it again."""

    def __init__(self, function: Callable[..., Any], target: str, what: str) -> None:
        functools.update_wrapper(self, function)
        self.__name__ = getattr(function, "__name__", target.rpartition(":")[2])
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


def named(option: str, texts: Sequence[str], value: str) -> dict[str, str]:
    """The values of `--option name=value`, by name. Raises ArgumentError for any other text, and for a name twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, given = text.partition("=")
        if not name or not given:
            raise ArgumentError(f"{option}: expected name={value}, got {text!r}")
        if name in found:
            raise ArgumentError(f"{option}: {name} is given twice, as {found[name]!r} and as {given!r}")
        found[name] = given
    return found


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """The numbers of `--set name=value`; one that is whole as an int, which may be an index."""
    exact = {name: data_value(value) for name, value in named("--set", texts, "value").items()}
    return {name: value.numerator if value.denominator == 1 else value for name, value in exact.items()}


def regions(texts: Sequence[str]) -> dict[str, Ball | Box]:
    """The regions of `--vary name=number` and `name=low:high`, by name. Raises ArgumentError for any other text."""
    found: dict[str, Ball | Box] = {}
    for name, numbers in named("--vary", texts, "number or name=low:high").items():
        low, between, high = numbers.partition(":")
        if between and not (low and high):
            raise ArgumentError(f"--vary: expected name=number or name=low:high, got {f'{name}={numbers}'!r}")
        found[name] = box(low, high) if between else ball(low)
    return found


def _in_order(target: str, parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> list[Any]:
    """The given values in the order of the parameters. Raises ArgumentError where one is missing."""
    for name, parameter in parameters.items():
        if name not in given and parameter.default is inspect.Parameter.empty:
            has = ", ".join(given) or "nothing"
            raise ArgumentError(
                f"{target.rpartition(':')[2]} needs an argument {name!r}; the .npz file and --set give {has}"
            )
    return [given.get(name, parameter.default) for name, parameter in parameters.items()]


def contexts(names: Sequence[str], prec: int | None) -> list[Any]:
    """The contexts of those names; the precision is that of `interval`, which must then be among them."""
    if prec is not None and "interval" not in names:
        raise ArgumentError(f"prec: expected 'interval' among the backends, got {', '.join(names)}")
    if len(set(names)) < len(names):
        raise ArgumentError(f"backend: expected each backend once, got {', '.join(names)}")
    return [
        named_contexts.context(name, **({"prec": prec} if prec is not None and name == "interval" else {}))
        for name in names
    ]
