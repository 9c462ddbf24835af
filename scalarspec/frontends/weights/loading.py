"""`load_weights`: a model, or a dictionary, with the numbers of a file in it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from scalarspec import layers
from scalarspec.core.foreign import is_module
from scalarspec.core.lifting import is_data, mapped
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, DomainError
from scalarspec.frontends.weights.files import Array, Entry, entries
from scalarspec.frontends.weights.names import Matched, Place, Source, pytorchs
from scalarspec.frontends.weights.names import matched as by_name
from scalarspec.numbers.exact import as_array

Template = TypeVar("Template")
SHOWN, LONGEST = 8, 80
"""How many names a message shows, and how much of each."""


def load_weights(template: Template, path: str | os.PathLike[str]) -> Template:
    """A model with the weights of a file: those of PyTorch, Keras, Flax or NumPy, each at its exact value.

    template: a model, whose arrays, tensors and lists of numbers are the weights, of which the shapes count; or a
    mapping of names to shapes, `{"fc1.weight": (16, 4)}`, perhaps nested. Other fields (numbers, masks) stay. What the
    template has in two places is two weights.
    path: a file .safetensors, .npz, or .pt, .pth or .bin with a state dict of PyTorch's, from which nothing is run.

    Returns the same structure, NumPy arrays in the place of the weights, or tensors where the template has tensors.
    bfloat16 and formats of eight bits become float32 or float16, which have these numbers.

    An entry is a weight's if it has its name: the path in the template, such as `layers.0.weight`, or the name that
    PyTorch's module has for it, `0.weight` in a `Sequential`. Where none has, `.` and `/` are the same, a `:0` at the
    end and `params` or `batch_stats` in front count for nothing, and `kernel`, `gamma`, `scale` and `embedding(s)` are
    `weight`, `beta` is `bias`, `moving_mean` and `mean` are `running_mean`, `moving_variance` and `var` are
    `running_var`. A kernel has the outputs last, and comes as (out, in, *spatial) from (*spatial, in, out). What a
    layer behind a flattened image takes keeps its order, in Keras and Flax with the channels last. Entries
    `num_batches_tracked` are no weights.

    Raises ArgumentError, with all names, for weights that are missing, entries that nothing wants, other shapes and
    names that fit twice; for a broken file; for what is no real number, DomainError where it is NaN or an infinity.
    NotInstalled where a package is missing: pip install 'scalarspec[weights]', or 'scalarspec[torch]'.

        template = ss.layers.Sequential(ss.layers.Linear(np.zeros((16, 4)), np.zeros(16)), ss.layers.relu)
        model = ss.load_weights(template, "weights.safetensors")
        arrays = ss.load_weights({"fc1.weight": (16, 4), "fc1.bias": (16,)}, "weights.npz")
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"load_weights: path: expected the path of a file, got {type(path).__name__}")
    model, file = _with_arrays(template, "template"), str(path)
    weights, owners = _weights(model)
    available = entries(file)
    places = [Place(name, pytorchs(name, owners)) for name in weights]
    found = by_name(places, available)
    _check(file, found, weights, available, owners)
    arrays = {place: _oriented(source, available[source.name].read()) for place, source in found.sources.items()}
    _check_numbers(file, arrays, isinstance(template, Mapping))
    filled = {place: _like(weights[place], array) for place, array in arrays.items()}
    result: Template = mapped(model, lambda _, place: filled.get(place[1:]), once=False)
    return result


def _with_arrays(template: Any, name: str) -> Any:
    """A template with an array, which takes no memory, for each shape in a mapping. Raises ArgumentError for a number
    there.
    """
    if isinstance(template, Mapping):
        return {key: _with_arrays(part, f"{name}[{key!r}]") for key, part in template.items()}
    if isinstance(template, tuple) and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 0 for n in template
    ):
        try:
            return np.broadcast_to(np.float64(0), template)
        except ValueError:
            raise ArgumentError(f"load_weights: {name}: no array has the shape {template}") from None
    if isinstance(template, int | float | str | None) or (isinstance(template, list) and is_data(template)):
        raise ArgumentError(
            f"load_weights: {name}: expected a model, or a shape such as (16, 4), got {_short(repr(template))}"
        )
    return template


def _weights(model: Any) -> tuple[dict[str, Any], dict[str, type]]:
    """The weights of a model, and the classes of what they are in, by their paths. Raises ArgumentError where there
    are none.
    """
    weights: dict[str, Any] = {}
    owners: dict[str, type] = {}

    def note(value: Any, path: str) -> Any:
        if is_module(value):
            raise ArgumentError("load_weights: template: a module of PyTorch has its own: net.load_state_dict(...)")
        if is_data(value) and not isinstance(value, float | np.floating | Fraction | Decimal):
            if path[1:] in weights:
                raise ArgumentError(f"load_weights: template: two weights are called {path[1:]!r}")
            weights[path[1:]] = value
            return value
        if dataclasses.is_dataclass(value):
            owners[path[1:]] = type(value)
        return None

    mapped(model, note, once=False)
    if not weights:
        raise ArgumentError("load_weights: template: expected a model with arrays, or a mapping of names to shapes")
    return weights, owners


def _check(
    file: str,
    found: Matched,
    weights: Mapping[str, Any],
    available: Mapping[str, Entry],
    owners: Mapping[str, type],
) -> None:
    """Raises ArgumentError, which says all at once, where the file does not fit the template."""
    shapes, turned = [], []
    for path, source in found.sources.items():
        shape, expected = available[source.name].shape, _shape(weights[path])
        came = _turned(shape) if source.is_kernel else shape
        if came != expected:
            note = " with the outputs last" if source.is_kernel else ""
            shapes.append(f"{_short(source.name)} has {_short(str(shape))}{note} for {path} of {expected}")
        if source.is_kernel and owners.get(path.rpartition(".")[0]) is layers.ConvTranspose:
            turned.append(source.name)
    problems = {
        "missing": found.missing, "not wanted": found.surplus, "of another shape": shapes, "ambiguous": found.ambiguous,
        "kernels of transposed convolutions, which are laid out in several ways": turned,
    }  # fmt: skip
    told = [f"{problem}: {_several(names)}" for problem, names in problems.items() if names]
    if told:
        raise ArgumentError(f"load_weights: {file} does not fit the template: {'; '.join(told)}")


def _check_numbers(file: str, arrays: Mapping[str, Array], bools: bool) -> None:
    """Raises ArgumentError for what is no number, DomainError for NaN and infinities."""
    others = [f"{p} ({a.dtype})" for p, a in arrays.items() if a.dtype.kind not in ("biuf" if bools else "iuf")]
    if others:
        raise ArgumentError(f"load_weights: {file}: expected real numbers, got {_several(others)}")
    if wrong := [path for path, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]:
        raise DomainError(f"load_weights: {file}: NaN or an infinity, no real number, in {_several(wrong)}")


def _oriented(source: Source, array: Array) -> Array:
    """An array as PyTorch lays it out: (out, in, *spatial)."""
    axes = range(array.ndim)
    return np.ascontiguousarray(array.transpose(_turned(tuple(axes)))) if source.is_kernel else array


def _turned(axes: tuple[int, ...]) -> tuple[int, ...]:
    """(out, in, *spatial) for (*spatial, in, out)."""
    return axes if len(axes) < 2 else (axes[-1], axes[-2], *axes[:-2])


def _shape(weight: Any) -> tuple[int, ...]:
    return tuple(weight.shape) if hasattr(weight, "shape") else as_array(weight).shape


def _like(weight: Any, array: Array) -> Any:
    return weight.context.tensor(array) if isinstance(weight, Tensor) else array


def _several(names: Iterable[str]) -> str:
    told = [_short(name) for name in names]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
