"""Formulas as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scalarspec.formulas.names import Vocabulary, plain
from scalarspec.formulas.notation.papers import GREEK, in_papers
from scalarspec.formulas.notation.style import (
    ATOM,
    LOOSE,
    MATRIX,
    POSTFIX,
    PRODUCT,
    QUOTIENT,
    SUM,
    Pattern,
    Style,
    call,
)


def _words(patterns: Iterable[str]) -> set[str]:
    """The words in patterns that are no places."""
    return set(re.findall(r"[^\W\d_]\w*", " ".join(re.sub(r"\{\w*\}|PLACES", " ", pattern) for pattern in patterns)))


def _name(name: str) -> str:
    name = in_papers(name)
    hat = name.removesuffix("_hat")
    return f"{hat}\u0302" if hat != name and len(hat) == 1 else GREEK.get(name, name)


def _number(above: list[str], below: list[str]) -> tuple[str, int]:
    top = " ".join(above)
    if not below:
        return top, ATOM if len(above) == 1 else PRODUCT
    return f"{top}/{below[0] if len(below) == 1 else '(' + ' '.join(below) + ')'}", QUOTIENT


_PATTERNS: dict[str, Pattern] = {
    "add": ("{} + {}", SUM, (SUM, SUM)),
    "subtract": ("{} - {}", SUM, (SUM, QUOTIENT)),
    "negative": ("-{}", SUM, (QUOTIENT,)),
    "multiply": ("{} ⊙ {}", PRODUCT, (PRODUCT, PRODUCT)),
    "scale": ("{} {}", PRODUCT, (PRODUCT, PRODUCT)),
    "divide": ("{} ⊘ {}", QUOTIENT, (PRODUCT, MATRIX)),
    "over": ("{} / {}", QUOTIENT, (PRODUCT, POSTFIX)),
    "square": ("{}²", POSTFIX, (ATOM,)),
    "squared": ("{}²", POSTFIX, (ATOM,)),
    "pow": ("{}^{}", POSTFIX, (ATOM, ATOM)),
    "affine": ("{} {} + {}", SUM, (MATRIX, MATRIX, SUM)),
    "affine_rows": ("{1} {0}ᵀ + 1 {2}ᵀ", SUM, (ATOM, MATRIX, ATOM)),
    "matmul": ("{} {}", MATRIX, (MATRIX, MATRIX)),
    "row": ("{1}ᵀ {0}", MATRIX, (MATRIX, ATOM)),
    "dot": ("{}ᵀ {}", QUOTIENT, (ATOM, MATRIX)),
    "outer": ("{} {}ᵀ", MATRIX, (MATRIX, ATOM)),
    "matrix_transpose": ("{}ᵀ", POSTFIX, (ATOM,)),
    "mean_square": ("{each}‖{}‖²", PRODUCT, (LOOSE,)),
    "mean": ("{each}sum({})", PRODUCT, (LOOSE,)),
    "mean_square over": ("mean({}², axis={axis})", ATOM, (ATOM,)),
    "sum over": call("sum({}, axis={axis})"),
    "mean over": call("mean({}, axis={axis})"),
    "logsumexp over": call("logsumexp({}, axis={axis})"),
    "max": call("max({})"),
    "max over": call("max({}, axis={axis})"),
    "min": call("min({})"),
    "min over": call("min({}, axis={axis})"),
    "softmax": call("softmax({}{where})"),
    "softmax over": call("softmax({}, axis={axis}{where})"),
    "log_softmax": call("log_softmax({})"),
    "log_softmax over": call("log_softmax({}, axis={axis})"),
    "cumulative_sum": call("cumulative_sum({})"),
    "cumulative_sum over": call("cumulative_sum({}, axis={axis})"),
    "fold": call("fold({}, {size}{between})"),
    "patches": call("patches({}, {kernel}{between})"),
    "permute_dims": call("permute_dims({}, {axes})"),
    "convolution": ("{} ∗{how} {}", QUOTIENT, (POSTFIX, POSTFIX)),
    "concat": call("concat(PLACES, axis={axis})"),
    "pi": ("pi", ATOM, ()),
    "sigmoid": call("σ({})"),
    "abs": call("|{}|"),
    "heaviside": ("[{} > 0]", ATOM, (SUM,)),
    "reciprocal": ("1 / {}", QUOTIENT, (POSTFIX,)),
    "expm1": ("(exp({0}) - 1)", ATOM, (SUM,)),
    "expm1mx": ("(exp({0}) - 1 - {0})", ATOM, (QUOTIENT,)),
    "log1p": ("log(1 + {})", ATOM, (SUM,)),
    "maximum": ("max({}, {})", ATOM, (SUM,)),
    "minimum": ("min({}, {})", ATOM, (SUM,)),
    "less": ("{} < {}", LOOSE, (SUM,)),
    "less_equal": ("{} ≤ {}", LOOSE, (SUM,)),
    "equal": ("{} = {}", LOOSE, (SUM,)),
    "getitem": ("{}[{index}]", ATOM, (ATOM,)),
    "scatter": ("scatter({}, [{index}], {shape})", ATOM, (SUM,)),
    "reshape": ("reshape({}, {shape})", ATOM, (SUM,)),
    "broadcast_to": ("broadcast_to({}, {shape})", ATOM, (SUM,)),
    "exp": call("exp(PLACES)"),
    "log": call("log(PLACES)"),
    "sqrt": call("sqrt(PLACES)"),
    "sin": call("sin(PLACES)"),
    "cos": call("cos(PLACES)"),
    "tan": call("tan(PLACES)"),
    "atan": call("atan(PLACES)"),
    "erf": call("erf(PLACES)"),
    "sinh": call("sinh(PLACES)"),
    "cosh": call("cosh(PLACES)"),
    "tanh": call("tanh(PLACES)"),
    "softplus": call("softplus(PLACES)"),
    "logcosh": call("logcosh(PLACES)"),
    "elu": call("elu(PLACES)"),
    "silu": call("silu(PLACES)"),
    "gelu": call("gelu(PLACES)"),
    "gelu_tanh": call("gelu_tanh(PLACES)"),
    "mish": call("mish(PLACES)"),
    "hardswish": call("hardswish(PLACES)"),
    "softsign": call("softsign(PLACES)"),
    "floor": call("⌊{}⌋"),
    "ceil": call("⌈{}⌉"),
    "trunc": call("trunc(PLACES)"),
    "round": call("round(PLACES)"),
    "remainder": call("remainder(PLACES)"),
    "copysign": call("copysign(PLACES)"),
    "erfc": call("erfc(PLACES)"),
    "log_ndtr": call("log_ndtr(PLACES)"),
    "lgamma": call("lgamma(PLACES)"),
    "digamma": call("digamma(PLACES)"),
    "cbrt": call("cbrt(PLACES)"),
    "hypot": call("hypot(PLACES)"),
    "log2": call("log2(PLACES)"),
    "log10": call("log10(PLACES)"),
    "asin": call("asin(PLACES)"),
    "acos": call("acos(PLACES)"),
    "atan2": call("atan2(PLACES)"),
    "asinh": call("asinh(PLACES)"),
    "acosh": call("acosh(PLACES)"),
    "atanh": call("atanh(PLACES)"),
    "relu": call("relu(PLACES)"),
    "sign": call("sign(PLACES)"),
    "leaky_relu": call("leaky_relu(PLACES)"),
    "clip": call("clip(PLACES)"),
    "where": call("where(PLACES)"),
    "sum": call("sum(PLACES)"),
    "logsumexp": call("logsumexp(PLACES)"),
    "stack": call("stack(PLACES{beside})"),
    "logical_not": call("logical_not(PLACES)"),
    "logical_and": call("logical_and(PLACES)"),
    "logical_or": call("logical_or(PLACES)"),
}

TEXT = Style(
    "text",
    wishes=lambda name: (_name(plain(name)), name),
    adjoint=lambda _, name, value: f"∂{value}/∂{name}",
    binds=MATRIX,
    number=_number,
    patterns=_PATTERNS,
    parentheses="({})",
    leaf=lambda expression: f"({expression})",
    full=lambda number, _: (number, ATOM) if number in ("0", "1") else (f"({number}) 1", MATRIX),
    vocabulary=lambda patterns: Vocabulary(frozenset(_words(patterns)), plain),
    array="{}",
)
