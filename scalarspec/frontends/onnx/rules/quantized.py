"""Integers that stand for numbers: their scales are exact, and what is rounded to integers is a step."""

from __future__ import annotations

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Operand, Said, Text, call
from scalarspec.frontends.onnx.rules.products import convolution
from scalarspec.frontends.onnx.rules.table import operator, refuse
from scalarspec.frontends.onnx.text import numbers

ENDS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535)}
"""The least and the greatest integer of a format."""


def _along(at: At, i: int, x: Operand) -> str | None:
    """A scale or a zero point beside x: one number, or one for each place of an axis. None where it is left out."""
    given, axis = at.get(i), at.attribute("axis", 1)
    if at.attribute("block_size", 0):
        at.refuse("blocks of an axis are not followed")
    if given is None:
        return None
    one = given.ndim == 0 or given.shape == (1,)
    shape = () if one else tuple(-1 if a == at.place(axis, x.ndim) else 1 for a in range(x.ndim))
    if given.constant and given.known is not None:
        return numbers(given.known.reshape(shape))
    return call("reshape", given, shape)


def _tensor(x: Operand) -> str:
    return str(x) if x.text else f"np.array({x})"


@operator("DequantizeLinear")
def dequantize(at: At) -> Said:
    """(x - zero) scale."""
    x = at[0]
    scale, zero = _along(at, 1, x), _along(at, 2, x)
    wide = str(x) if x.text and not x.text.startswith("p[") else None
    if wide is None:
        x = Operand(_constant(at, x), x.shape, x.dtype)
    less = str(x) if zero is None or zero in ("0", "[0]") else f"({x} - {zero})"
    return Text(f"{less} * {scale}", at[1].dtype)


def _constant(at: At, x: Operand) -> str:
    """The text of integers of the file as a tensor."""
    return f"{at.writer.beside}.context.tensor({_tensor(x)})"


@operator("QuantizeLinear")
def quantize(at: At) -> Said:
    """The integer nearest to x / scale, above the zero point, within the format."""
    x = at[0]
    form = at[2].dtype if at.get(2) is not None else "uint8"
    if form not in ENDS:
        at.refuse(f"to {form}; expected one of {', '.join(ENDS)}")
    low, high = ENDS[form]
    zero = _along(at, 2, x)
    rounded = f"ss.round({x} / {_along(at, 1, x)})"
    return Text(call("clip", rounded if zero in (None, "0") else f"{rounded} + {zero}", low, high), form)


@operator("MatMulInteger", "ConvInteger")
def of_integers(at: At) -> Said:
    """The product of integers less their zero points."""
    conv = at.node.operator == "ConvInteger"
    a = _less(at, at[0], at.get(2), axis=None if conv else at[0].ndim - 2)
    b = _less(at, at[1], at.get(3), axis=0 if conv else at[1].ndim - 1)
    if not conv:
        return Text(call("matmul", a, b), "int32")
    found = convolution(at, a, b, None)
    return Text(str(found), "int32")


def _less(at: At, x: Operand, zero: Operand | None, scale: Operand | None = None, axis: int | None = None) -> Operand:
    """Integers less their zero point, times their scale: of each place of an axis, where these have several numbers."""
    text = _tensor(x) if x.text and not x.text.startswith("p[") else _constant(at, x)
    for symbol, each in (("-", zero), ("*", scale)):
        if each is not None:
            shape = () if each.known is not None and each.known.size == 1 else each.shape
            if len(shape) == 1 and axis is not None:
                shape = tuple(-1 if a == axis else 1 for a in range(x.ndim))
            text = f"({text} {symbol} {call('reshape', _constant(at, each) if each.constant else each, tuple(shape))})"
    return at.let(text, "numbers", "float32")


@operator("QLinearMatMul", "QLinearConv")
def with_scales(at: At) -> Said:
    """The product of what integers stand for, as integers again."""
    conv = at.node.operator == "QLinearConv"
    a = _less(at, at[0], at[2], at[1], None if conv else at[0].ndim - 2)
    b = _less(at, at[3], at[5], at[4], 0 if conv else at[3].ndim - 1)
    scale, zero, bias = at[6], at[7], at.get(8) if conv else None
    if conv:
        product = at.let(str(convolution(at, a, b, None)), "product", "float32")
        if bias is not None:
            shape = (-1, *[1] * (product.ndim - 2))
            unit = f"({at[1]} * ss.reshape({_constant(at, at[4]) if at[4].constant else at[4]}, (-1,)))"
            whole = at.let(f"{_constant(at, bias)} * {unit}", "bias", "float32")
            product = at.let(f"{product} + ss.reshape({whole}, {shape})", "product", "float32")
    else:
        product = at.let(call("matmul", a, b), "product", "float32")
    form = zero.dtype
    low, high = ENDS[form]
    return Text(call("clip", f"ss.round({product} / ss.reshape({scale}, ())) + {_flat(zero)}", low, high), form)


def _flat(zero: Operand) -> str:
    return str(int(np.ravel(zero.known)[0])) if zero.known is not None else str(zero)


refuse("scales that depend on the numbers; use QuantizeLinear", "DynamicQuantizeLinear")
