"""An operation of the table, by its name, on tensors."""

from __future__ import annotations

from typing import Any

from scalarspec.core.operations import find, result_shape
from scalarspec.core.tensor import Tensor, elementwise, operands_of


def applied(operation: str, *operands: Any, **parameters: Any) -> Tensor:
    """An operation of the table, by name, on operands, with its keyword parameters."""
    if find(operation, "applied").scalar:
        return elementwise(operation, *operands)
    context, tensors = operands_of(operation, *operands)
    shape = result_shape(operation, [t.shape for t in tensors], parameters)
    return Tensor(context, shape, context.arrays.apply(operation, *[t.value for t in tensors], **parameters))
