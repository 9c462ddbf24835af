"""What the operators of ONNX are in functions of ours, a file for each kind.

A rule is told the node, and says the text of its results, or constants. Which attributes and operands there are, and
what they are where they are left out, is known from the `onnx` package; what they mean is ONNX's text of operators.
"""

from scalarspec.frontends.onnx.rules import (
    constants,
    elementwise,
    normalization,
    pooling,
    products,
    quantized,
    recurrent,
    reductions,
    structure,
)

__all__ = [
    "constants",
    "elementwise",
    "normalization",
    "pooling",
    "products",
    "quantized",
    "recurrent",
    "reductions",
    "structure",
]
