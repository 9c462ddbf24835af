"""Formulas as code of NumPy, on arrays of any size."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from scalarspec.core.operations import SCALAR_KINDS, having
from scalarspec.errors import ArgumentError
from scalarspec.formulas.notation.style import ATOM, LOOSE, MATRIX, PRODUCT, SUM, Pattern, Style, call
from scalarspec.formulas.programs.language import float_text
from scalarspec.formulas.programs.python import PYTHON


def _number(above: list[str], below: list[str]) -> tuple[str, int]:
    """Whole numbers that are floats, and sizes; another number is the float next to it."""
    numbers = [int(part) for part in (*above[:1], *below[:1]) if part.isdigit()]
    if max(numbers, default=1) > 2**53:
        value = Fraction(*(int(part[0]) if part and part[0].isdigit() else 1 for part in (above, below)))
        above = [float_text(value), *(part for part in above if not part.isdigit())]
        below = [part for part in below if not part.isdigit()]
    elif above[0].isdigit():
        above = [f"{above[0]}.0", *above[1:]]
    else:
        above = ["1.0", *above]
    top, bottom = " * ".join(above), below[0] if len(below) == 1 else f"({' * '.join(below)})"
    return (f"{top} / {bottom}", PRODUCT) if below else (top, ATOM if len(above) == 1 else PRODUCT)


def _leaf(expression: Any) -> str:
    if expression.free_symbols:
        raise ArgumentError(f"{expression} is no variable of this matrix form, so that generated code cannot know it")
    return float_text(expression.evalf(40))


def _as_in_programs(patterns: Mapping[str, str | None]) -> dict[str, Pattern]:
    """The patterns that programs have for operations of elements; what is infix stands in parentheses."""
    shared = having(kind=SCALAR_KINDS) | {"sech2"}
    return {
        name: (pattern, ATOM, (ATOM,) if pattern.startswith("(") else (LOOSE,) if "{" in pattern else ())
        for name, pattern in patterns.items()
        if pattern is not None and name in shared
    }


def _sum(sign: str) -> Pattern:
    return f"{{}} {sign} {{}}", SUM, (SUM, MATRIX)


def _product(sign: str) -> Pattern:
    return f"{{}} {sign} {{}}", PRODUCT, (PRODUCT, MATRIX)


_PATTERNS: dict[str, Pattern] = {
    **_as_in_programs(PYTHON.patterns),
    "add": _sum("+"),
    "subtract": _sum("-"),
    "negative": ("-{}", SUM, (MATRIX,)),
    "multiply": _product("*"),
    "scale": _product("*"),
    "divide": _product("/"),
    "over": _product("/"),
    "matmul": _product("@"),
    "row": _product("@"),
    "dot": _product("@"),
    "outer": call("numpy.outer({}, {})"),
    "affine": ("{} @ {} + {}", SUM, (MATRIX, MATRIX, PRODUCT)),
    "affine_rows": ("{1} @ {0}.T + {2}", SUM, (ATOM, MATRIX, PRODUCT)),
    "squared": call("numpy.square({})"),
    "reciprocal": call("numpy.reciprocal({})"),
    "clip": call("numpy.clip({}, {}, {})"),
    "leaky_relu": ("numpy.where({0} > 0, {0}, {1} * {0})", ATOM, (ATOM,)),
    "elu": ("numpy.where({0} > 0.0, {0}, numpy.expm1(numpy.minimum({0}, 0.0)))", ATOM, (ATOM,)),
    "silu": ("({0} * _sigmoid({0}))", ATOM, (ATOM,)),
    "gelu": ("({0} * _erfc(-{0} / numpy.sqrt(2.0)) / 2.0)", ATOM, (ATOM,)),
    "gelu_tanh": (
        "({0} * _sigmoid(numpy.sqrt(8.0 / numpy.pi) * {0} * (1.0 + 0.044715 * numpy.square({0}))))",
        ATOM,
        (ATOM,),
    ),
    "mish": ("({0} * numpy.tanh(numpy.logaddexp({0}, 0.0)))", ATOM, (ATOM,)),
    "hardswish": ("({0} * numpy.clip({0} + 3.0, 0.0, 6.0) / 6.0)", ATOM, (ATOM,)),
    "softsign": ("({0} / (1.0 + numpy.abs({0})))", ATOM, (ATOM,)),
    "log_ndtr": (
        "numpy.where({0} < 0.0, numpy.log(_erfc(-numpy.minimum({0}, 0.0) / numpy.sqrt(2.0)) / 2.0), "
        "numpy.log1p(-_erfc(numpy.maximum({0}, 0.0) / numpy.sqrt(2.0)) / 2.0))",
        ATOM,
        (ATOM,),
    ),
    "remainder": call("numpy.remainder({}, {})"),
    "copysign": call("numpy.copysign({}, {})"),
    "hypot": call("numpy.hypot({}, {})"),
    "log2": call("numpy.log2({})"),
    "log10": call("numpy.log10({})"),
    "sum": call("numpy.sum({}, axis={axis})"),
    "sum over": call("numpy.sum({}, axis={axis})"),
    "mean": call("_mean({}, axis={axis})"),
    "mean over": call("_mean({}, axis={axis})"),
    "mean_square": call("_mean(numpy.square({}), axis={axis})"),
    "mean_square over": call("_mean(numpy.square({}), axis={axis})"),
    "logsumexp": call("numpy.logaddexp.reduce({}, axis={axis})"),
    "logsumexp over": call("numpy.logaddexp.reduce({}, axis={axis})"),
    "max": call("numpy.max({}, axis={axis})"),
    "max over": call("numpy.max({}, axis={axis})"),
    "min": call("numpy.min({}, axis={axis})"),
    "min over": call("numpy.min({}, axis={axis})"),
    "softmax": call("_softmax({}, axis={axis}{where})"),
    "softmax over": call("_softmax({}, axis={axis}{where})"),
    "log_softmax": call("_log_softmax({}, axis={axis})"),
    "log_softmax over": call("_log_softmax({}, axis={axis})"),
    "cumulative_sum": call("numpy.cumsum({}, {place})"),
    "cumulative_sum over": call("numpy.cumsum({}, {place})"),
    "fold": call("_fold({}, {size}{between})"),
    "patches": call("_patches({}, {kernel}{between})"),
    "permute_dims": call("numpy.transpose({}, {axes})"),
    "concat": call("numpy.concatenate([PLACES], axis={axis})"),
    "stack": call("numpy.stack([PLACES], axis={axis})"),
    "matrix_transpose": call("numpy.swapaxes({}, -1, -2)"),
    "getitem": ("{}[{index}]", ATOM, (ATOM,)),
    "scatter": call("_scatter({}, numpy.s_[{index}], {shape})"),
    "reshape": call("numpy.reshape({}, {shape})"),
    "broadcast_to": call("numpy.broadcast_to({}, {shape})"),
}

NUMPY = Style(
    "NumPy",
    wishes=lambda name: (name,),
    adjoint=lambda names, name, _: names.new(f"d_{name}"),
    binds=ATOM,
    number=_number,
    patterns=_PATTERNS,
    parentheses="({})",
    leaf=_leaf,
    full=lambda number, shape: (f"numpy.full({shape}, {number})", ATOM),
    vocabulary=lambda _: PYTHON.vocabulary,
    array="numpy.array({})",
    times=" * ",
    handed=True,
)
