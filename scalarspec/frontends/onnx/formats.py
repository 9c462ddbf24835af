"""What the formats of a node's operands must be, so that its result is that of real numbers."""

from __future__ import annotations

import numpy as np

from scalarspec.frontends.onnx.at import At

WIDE = ("int64", "int32")
"""Integers that are taken not to leave their width."""
KEEPING = {
    "And", "ArgMax", "ArgMin", "Cast", "CastLike", "CenterCropPad", "Clip", "Compress", "Concat", "ConstantOfShape",
    "ConvInteger", "DepthToSpace", "DequantizeLinear", "Equal", "Expand", "EyeLike", "Flatten", "Gather",
    "GatherElements", "GatherND", "Greater", "GreaterOrEqual", "Identity", "If", "Less", "LessOrEqual",
    "MatMulInteger", "Max", "MaxPool", "Min", "Mod", "NonZero", "OneHot", "Pad", "QLinearConv", "QLinearMatMul",
    "Range", "ReduceMax", "ReduceMin", "Relu", "Reshape", "ReverseSequence", "Scatter", "ScatterElements", "ScatterND",
    "Shape", "Sign", "Size", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "TopK", "Transpose", "Trilu",
    "Unsqueeze", "Where",
}  # fmt: skip
"""Operators that make of integers others within their width, or numbers of another format."""
GROWING = {
    "Abs", "Add", "CumProd", "CumSum", "Div", "Einsum", "MatMul", "Mul", "Neg", "Pow", "ReduceL1", "ReduceProd",
    "ReduceSum", "ReduceSumSquare", "Sub",
}  # fmt: skip
"""Operators whose results of integers are integers, and may leave their width."""
FOR_INFINITIES = {"Clip", "IsInf", "IsNaN"}
"""Operators that mean something for constants that are no real numbers."""


def check_formats(at: At, folding: bool) -> None:
    """Raises NotSupported for formats that ONNX does not allow the node, for integers that a runtime would round or
    wrap around, and for constants that are no real numbers. folding: are results worked out, and so seen to fit?
    """
    _check_types(at)
    form, operator = at.format, at.node.operator
    if "int" in form and operator not in KEEPING:
        if operator not in GROWING:
            at.refuse(f"of {form}: runtimes round it to an integer; convert it first")
        if form not in WIDE and not folding:
            at.refuse(f"{form} may leave its width, where it wraps around: convert it first")
    for i, operand in enumerate(at.operands):
        if operand is not None and operand.unreal and operator not in FOR_INFINITIES:
            at.refuse(f"{at.node.inputs[i]!r} holds NaN or infinity, which are no real numbers")


def _check_types(at: At) -> None:
    """Raises NotSupported for operands whose formats are not those that ONNX has for the operator."""
    bound: dict[str, str] = {}
    for operand, name, kind in zip(at.operands, at.node.inputs, at.node.kinds, strict=True):
        if operand is None or operand.dtype not in KNOWN:
            continue
        if KNOWN[operand.dtype] not in kind.allowed:
            at.refuse(f"{name!r} is of {operand.dtype}, which the operator does not take")
        if bound.setdefault(kind.variable, operand.dtype) != operand.dtype:
            at.refuse(f"{name!r} is of {operand.dtype}, beside {bound[kind.variable]}: convert one of them")


KNOWN = {
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    **{
        name: f"tensor({name})"
        for name in ("float16", "bool", *(np.dtype(f"{u}int{n}").name for u in ("", "u") for n in (8, 16, 32, 64)))
    },
}
"""What ONNX calls the formats that NumPy has."""
