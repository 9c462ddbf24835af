"""Functions of each element: arithmetic, comparisons, activations, conversions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalarspec.errors import NotExact
from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.formats import WIDE
from scalarspec.frontends.onnx.operands import Operand, Said, Text, call, is_infinite
from scalarspec.frontends.onnx.rules.table import operator, refuse
from scalarspec.frontends.onnx.text import number

SAME = {
    "Abs": "abs", "Acos": "acos", "Acosh": "acosh", "Asin": "asin", "Asinh": "asinh", "Atan": "atan", "Atanh": "atanh",
    "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp", "Floor": "floor", "HardSwish":
    "activation.hardswish", "Log": "log", "Mish": "mish", "Neg": "negative", "Not": "logical_not", "Reciprocal":
    "reciprocal", "Relu": "relu", "Round": "round", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin", "Sinh": "sinh",
    "Softplus": "softplus", "Softsign": "softsign", "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
}  # fmt: skip
"""Operators of one operand that are functions of ours."""


def _same(at: At) -> Said:
    return call(SAME[at.node.operator], at[0])


operator(*SAME)(_same)
ARITHMETIC = {"Add": ("+", "add"), "Sub": ("-", "subtract"), "Mul": ("*", "multiply"), "Div": ("/", "divide")}
MOST_EXPONENT = 2**12
"""The greatest exponent of a power of constants that is worked out."""
RELATIONS = {"Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal", "Less": "less",
             "LessOrEqual": "less_equal"}  # fmt: skip
CONNECTIVES = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}


@operator(*ARITHMETIC)
def arithmetic(at: At) -> Said:
    symbol, name = ARITHMETIC[at.node.operator]
    if symbol == "+" and at.version >= 7 and any(infinite(at.masked(i)) for i in (0, 1)):
        return _with_mask(at)
    x, y = aligned(at)
    text = joined(symbol, name, x, y)
    return f"ss.trunc({text})" if symbol == "/" and "int" in at.format else text


def infinite(operand: Operand | None) -> bool:
    """Does an operand hold minus infinities, at places that are known?"""
    return operand is not None and (operand.mask is not None or is_infinite(operand))


def _mask(operand: Operand) -> np.ndarray:
    if operand.mask is not None:
        return operand.mask
    known = operand.known
    return np.isneginf(known) if known is not None and known.dtype.kind == "f" else np.zeros(operand.shape, dtype=bool)


def _finite(at: At, operand: Operand) -> str:
    """An operand, with 0 in the place of what is minus infinity by itself."""
    if not is_infinite(operand):
        return str(operand)
    if not operand.constant:
        at.refuse("a parameter that holds minus infinity, and other numbers: make it a constant")
    return str(replace(operand, known=np.where(np.isneginf(operand.known), 0, operand.known)))  # type: ignore[arg-type]


def _with_mask(at: At) -> Said:
    """A sum that is minus infinity where a term is."""
    x, y = at.masked(0), at.masked(1)
    assert x is not None
    assert y is not None
    mask = np.broadcast_arrays(_mask(x), _mask(y))
    texts = [_finite(at, o) for o in (x, y)]
    if x.constant and y.constant:
        texts[0] = f"{at.writer.beside}.context.tensor({texts[0]})"
    return Text(f"{texts[0]} + {texts[1]}", mask=mask[0] | mask[1])


def aligned(at: At) -> tuple[Operand, Operand]:
    """Two operands; before opset 7 the second is put at an axis of the first."""
    x, y = at[0], at[1]
    axis = at.attribute("axis") if at.version < 7 and at.attribute("broadcast") else None
    if axis is not None and y.ndim:
        y = at.let(call("reshape", y, (*y.shape, *[1] * (x.ndim - at.place(axis, x.ndim) - y.ndim))))
    return x, y


def joined(symbol: str, name: str, x: Operand, y: Operand) -> str:
    """Two operands and an operator between them; a function where none of them is surely a tensor."""
    plain = any(o.text and not o.text.startswith("p[") for o in (x, y))
    return f"{x} {symbol} {y}" if plain else call(name, x, y)


@operator(*RELATIONS)
def relation(at: At) -> Said:
    x, y = aligned(at)
    if x.dtype == y.dtype == "bool":
        return call("logical_not", at.let(call("logical_xor", x, y)))
    return call(RELATIONS[at.node.operator], x, y)


@operator(*CONNECTIVES)
def connective(at: At) -> Said:
    return call(CONNECTIVES[at.node.operator], *aligned(at))


@operator("Max", "Min", "Sum", "Mean")
def of_several(at: At) -> Said:
    name = {"Max": "maximum", "Min": "minimum", "Sum": "add", "Mean": "add"}[at.node.operator]
    found = at[0]
    for i in range(1, len(at)):
        found = at.let(call(name, found, at[i]))
    return call("divide", found, len(at)) if at.node.operator == "Mean" else found


@operator("Pow")
def power(at: At) -> Said:
    x, y = aligned(at)
    if at.writer.folding and y.known is not None and np.any(np.abs(y.known.astype(float)) > MOST_EXPONENT):
        raise NotExact(f"an exponent beyond {MOST_EXPONENT} is not worked out")
    if "int" in at.format:
        return call("trunc", call("pow", x, y))
    if y.known is not None and y.constant and y.ndim == 0:
        return f"{x} ** {number(y.known[()])}" if x.text and not x.text.startswith("p[") else call("pow", x, y)
    return call("pow", x, y)


@operator("Mod")
def modulo(at: At) -> Said:
    x, y = at[0], at[1]
    if not at.attribute("fmod", 0):
        return call("remainder", x, y)
    return f"{x} - {y} * ss.trunc(ss.divide({x}, {y}))"


@operator("Where")
def where(at: At) -> Said:
    condition, x, y = at[0], at.masked(1), at.masked(2)
    assert x is not None
    assert y is not None
    if infinite(x) or infinite(y):
        holds = at.known(0, "the places of minus infinities")
        mask = np.where(holds, _mask(x), _mask(y))
        return Text(call("where", condition.tensor, _finite(at, x), _finite(at, y)), x.dtype, mask=mask)
    if x.dtype == "bool":
        both = (call("logical_and", condition, x), call("logical_and", call("logical_not", condition), y))
        return Text(call("logical_or", *both), "bool")
    return Text(call("where", condition, x, y), x.dtype)


@operator("Identity", "Dropout")
def unchanged(at: At) -> Said | list[Said]:
    at.attribute("seed"), at.attribute("ratio"), at.get(1)
    if at.node.operator == "Dropout" and at.version >= 12:
        if at.has(2) and at.known(2, "the mode").any():
            at.refuse("dropout in training is random: export the model in evaluation mode")
    elif at.version < 7 and not at.attribute("is_test", 0):
        at.refuse("dropout in training is random: export the model in evaluation mode")
    return [at[0], np.ones(at[0].shape, dtype=bool)] if len(at.node.outputs) > 1 else at[0]


@operator("Clip")
def clip(at: At) -> Said:
    if at.version < 11:
        given = [(at.attribute("min"), -1), (at.attribute("max"), 1)]
        low, high = (None if n is None or sign * n >= LARGEST else number(n) for n, sign in given)
    else:
        low, high = (_limit(at, i, s) for i, s in ((1, -1), (2, 1)))  # type: ignore[assignment]
    if low is not None and high is not None:
        return call("clip", at[0], low, high)
    if low is None and high is None:
        return at[0]
    return call("minimum", at[0], high) if low is None else call("maximum", at[0], low)


def _limit(at: At, i: int, sign: int) -> Operand | None:
    """A limit of a clip; None for one that is infinite, or left out."""
    limit = at.masked(i)
    known = None if limit is None else limit.known
    infinite = known is not None and known.dtype.kind == "f" and bool((known == sign * np.inf).all())
    return None if infinite else at.get(i)


LARGEST = float(np.finfo(np.float32).max)
"""What stands for no limit in older opsets."""


# ---- activations ----------------------------------------------------------------------------------------------------


def _setting(at: At, name: str) -> str:
    return number(np.float32(at.attribute(name)))


@operator("LeakyRelu", "Elu", "Celu", "ThresholdedRelu")
def with_alpha(at: At) -> Said:
    x, alpha = at[0], _setting(at, "alpha")
    if at.node.operator == "ThresholdedRelu":
        return call("where", f"{x} > {alpha}", x, 0)
    name = {"LeakyRelu": "leaky_relu", "Elu": "elu", "Celu": "activation.celu"}[at.node.operator]
    return call(name, x, alpha)


@operator("Selu")
def selu(at: At) -> Said:
    """gamma (alpha eˣ - alpha) up to 0, gamma x from there on."""
    return f"{_setting(at, 'gamma')} * ss.elu({at[0]}, {_setting(at, 'alpha')})"


@operator("HardSigmoid")
def hardsigmoid(at: At) -> Said:
    return call("clip", f"{_setting(at, 'alpha')} * {at[0]} + {_setting(at, 'beta')}", 0, 1)


@operator("Gelu")
def gelu(at: At) -> Said:
    how = at.attribute("approximate", "none")
    return call("gelu", at[0], approximate=None if how == "none" else how)


@operator("PRelu")
def prelu(at: At) -> Said:
    """Before opset 7 a slope with one axis is one for each channel."""
    x, slope = at[0], at[1]
    if at.version < 7 and slope.ndim == 1 and x.ndim > 2:
        slope = at.let(call("reshape", slope, (-1, *[1] * (x.ndim - 2))))
    return call("leaky_relu", x, slope)


@operator("Shrink")
def shrink(at: At) -> Said:
    x, bias, edge = at[0], _setting(at, "bias"), _setting(at, "lambd")
    above = call("where", f"{x} > {edge}", f"{x} - {bias}", 0)
    return call("where", f"-{x} > {edge}", f"{x} + {bias}", above)


@operator("Swish")
def swish(at: At) -> Said:
    alpha = at.attribute("alpha", 1.0)
    return call("silu", at[0]) if alpha == 1 else f"{at[0]} * ss.sigmoid({_setting(at, 'alpha')} * {at[0]})"


refuse("write it as Split, Swish and Mul", "SwiGLU")


# ---- conversions ----------------------------------------------------------------------------------------------------

FORMATS = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
"""The formats of numbers by ONNX' integers for them."""
BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
"""The precision of formats of floats."""


@operator("Cast")
def cast(at: At) -> Said:
    to = FORMATS.get(int(at.attribute("to")))
    return converted(at, "another format of few bits" if to is None else to)


@operator("CastLike")
def cast_like(at: At) -> Said:
    like = at.masked(1)
    assert like is not None
    return converted(at, like.dtype)


def converted(at: At, to: str) -> Said:
    """An operand in another format, where it holds every number: rounding is no function of real numbers."""
    given = at.masked(0)
    if given is not None and given.held and to in WIDE:
        return given
    if given is not None and infinite(given) and to in BITS:
        finite = _finite(at, given)
        return given.known if given.constant else Text(finite, to, mask=given.mask)  # type: ignore[return-value]
    x, come = at[0], at[0].dtype
    if to == come:
        return x
    if to == "bool":
        return Text(call("not_equal", x, 0), to)
    if come == "bool":
        return Text(call("where", x, 1, 0), to)
    if "int" in to:
        whole = str(x) if "int" in come else call("trunc", x)
        if to not in WIDE and not (x.constant and "int" in come):
            at.refuse(f"{to} may leave its width, where it wraps around")
        return Text(whole if whole != str(x) else call("positive", x.tensor), to)
    if come in BITS and to in BITS and BITS[to] < BITS[come] and not x.constant:
        at.refuse(f"it rounds to {to}, and real numbers have no such step: keep one format")
    if to not in BITS:
        at.refuse(f"to {to}: it rounds, and real numbers have no such step")
    return Text(call("positive", x.tensor), to)


refuse(
    "random numbers: work them out before, and make them an input",
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
refuse(
    "it works on bits: real numbers have none",
    "BitCast",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
)
refuse("texts are no numbers", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer")


@operator("IsNaN", "IsInf")
def no_real_number(at: At) -> Said:
    """Real numbers are neither: what has no value raises an error. Constants of the file may be."""
    given = at.masked(0)
    assert given is not None
    ways = [(at.attribute(f"detect_{name}", 1), sign) for name, sign in (("negative", -1), ("positive", 1))]
    if given.known is None or given.known.dtype.kind != "f":
        return np.zeros(at[0].shape, dtype=bool)
    if at.node.operator == "IsNaN":
        return np.isnan(given.known)
    found = np.zeros(given.shape, dtype=bool)
    for asked, sign in ways:
        found |= bool(asked) & (given.known == sign * np.inf)
    return found
