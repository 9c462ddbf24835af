"""The `ModelProto` of a model, checked, and its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotSupported, TooLarge
from scalarspec.files import write_whole
from scalarspec.frontends.onnx.proto import library
from scalarspec.frontends.onnx.writing.model import Kind, Model, Value

MOST_BYTES = 2**31 - 2**24
"""How many bytes the arrays of a model have at most: a file of ONNX is shorter than 2 GiB, its nodes included."""


def proto(model: Model, name: str) -> Any:
    """The model as a `ModelProto`. Raises TooLarge beyond `MOST_BYTES`, NotSupported where the package `onnx` takes it
    for no model.
    """
    size = sum(array.nbytes for array in model.arrays.values())
    if size > MOST_BYTES:
        raise TooLarge(
            f"to_onnx: the arrays have {size} bytes, and a file of ONNX takes {MOST_BYTES}: take a narrower dtype, or "
            "fewer parameters"
        )
    _give_names(model)
    onnx = library()
    helper = onnx.helper
    graph = helper.make_graph(
        _nodes(model),
        name,
        _kinds(model, model.inputs),
        _kinds(model, model.outputs),
        [onnx.numpy_helper.from_array(array, value.name) for value, array in model.arrays.items()],
    )
    opsets = [helper.make_opsetid("", model.opset)]
    made = helper.make_model(graph, opset_imports=opsets, producer_name="scalarspec")
    made.ir_version = helper.find_min_ir_version_for(opsets)
    try:
        onnx.checker.check_model(made, full_check=True)
    except Exception as error:  # of several classes, in C++ and in Python
        raise NotSupported(f"to_onnx: the package onnx takes this for no model: {error}") from error
    return made


def _nodes(model: Model) -> list[Any]:
    """The nodes of constants, and then all others."""
    onnx = library()
    make, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    constants = [make("Constant", [], [v.name], value=tensor(array)) for v, array in model.constants.items()]
    return constants + [
        make(node.operator, [v.name for v in node.operands], [node.result.name], **node.attributes)
        for node in model.nodes
    ]


def _kinds(model: Model, kinds: Mapping[Value, Kind]) -> list[Any]:
    onnx = library()
    numbers = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(model.dtype))
    truths = onnx.TensorProto.BOOL
    make = onnx.helper.make_tensor_value_info
    return [make(v.name, truths if kind.truth else numbers, kind.shape) for v, kind in kinds.items()]


def _give_names(model: Model) -> None:
    """Gives each value a name that no other has."""
    rest = [*model.arrays, *model.constants, *(node.result for node in model.nodes)]
    taken: set[str] = set()
    for value in dict.fromkeys([*model.called, *rest]):
        found, again = value.name, 2
        while found in taken:
            found, again = f"{value.name}_{again}", again + 1
        value.name = found
        taken.add(found)


def save(made: Any, path: Any) -> None:
    """Writes a `ModelProto` to a file, whole or not at all. Raises ArgumentError where that cannot be done."""
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"to_onnx: path: expected the path of a file, got {path!r}")
    try:
        write_whole(path, made.SerializeToString())
    except (OSError, ValueError) as error:  # a ValueError: a name that no file can have
        raise ArgumentError(f"to_onnx: path: {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None
