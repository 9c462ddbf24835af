"""Formulas in LaTeX. Functions, ⊙, ⊘ and ⊙2 act on elements; ‖·‖ is the Euclidean norm."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from scalarspec.formulas.names import Vocabulary, ascii_plain, plain
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

_COMMANDS = (
    r"\exp", r"\log", r"\sin", r"\cos", r"\tan", r"\sinh", r"\cosh", r"\tanh", r"\arctan", r"\sigma", r"\max",
    r"\min", r"\pi",
)  # fmt: skip
"""What the patterns below write functions and numbers by: no variable is called so."""


def _name(name: str) -> str:
    name = in_papers(name)
    hat = name.removesuffix("_hat")
    if hat != name and hat:
        return rf"\hat{{{_name(hat)}}}"
    if name in ("eps", "epsilon"):
        return r"\varepsilon"
    first, _, rest = name.partition("_")
    if not first or "__" in name or name.endswith("_"):
        return _upright(name)
    shown = rf"\{first}" if first in GREEK else first if len(first) == 1 else rf"\mathrm{{{first}}}"
    indices = rest.replace("_", r"\,")
    return rf"{shown}_{{\mathrm{{{indices}}}}}" if rest else shown


def _upright(name: str) -> str:
    shown = name.replace("_", r"\_")
    return rf"\mathrm{{{shown}}}"


def _words(patterns: Iterable[str]) -> frozenset[str]:
    """The names that would look like functions in patterns."""
    shown = " ".join(patterns)
    words = {word.replace(r"\_", "_") for word in re.findall(r"\\operatorname\{+([\w\\]+)", shown)}
    commands = {word for word in _COMMANDS if word in shown}
    words |= {command[1:] for command in commands} - {*GREEK, "pi"}
    return frozenset({*commands, *map(_upright, words)})


def _number(above: list[str], below: list[str]) -> tuple[str, int]:
    top, bottom = (r" \, ".join(parts) for parts in (above, below))
    return (rf"\frac{{{top}}}{{{bottom}}}", MATRIX) if below else (top, ATOM if len(above) == 1 else PRODUCT)


def _latin(name: str) -> str:
    """The name in ASCII, with its own beginning."""
    found = ascii_plain(f"x{plain(name)}")[1:]
    return found if found.strip("_") else f"x{found}"


def _leaf(expression: Any) -> str:
    import sympy

    return rf"\left({sympy.latex(expression)}\right)"


def _command(name: str) -> Pattern:
    return call(rf"{name}\left({{}}\right)")


def _operator(name: str) -> Pattern:
    shown = name.replace("_", r"\_")
    return call(rf"\operatorname{{{{{shown}}}}}\left(PLACES\right)")


def _over(name: str) -> Pattern:
    """A function along axes, which stand below it."""
    shown = name.replace("_", r"\_")
    return call(rf"\operatorname{{{{{shown}}}}}_{{{{{{axis}}}}}}\left({{}}\right)")


_PATTERNS: dict[str, Pattern] = {
    "less": ("{} < {}", LOOSE, (SUM,)),
    "less_equal": (r"{} \le {}", LOOSE, (SUM,)),
    "equal": ("{} = {}", LOOSE, (SUM,)),
    "maximum": (r"\max\left({}, {}\right)", ATOM, (SUM,)),
    "minimum": (r"\min\left({}, {}\right)", ATOM, (SUM,)),
    "add": ("{} + {}", SUM, (SUM, SUM)),
    "subtract": ("{} - {}", SUM, (SUM, QUOTIENT)),
    "negative": ("-{}", SUM, (QUOTIENT,)),
    "multiply": (r"{} \odot {}", PRODUCT, (PRODUCT, PRODUCT)),
    "scale": (r"{} \, {}", PRODUCT, (PRODUCT, PRODUCT)),
    "divide": (r"{} \oslash {}", QUOTIENT, (PRODUCT, MATRIX)),
    "over": (r"\frac{{{}}}{{{}}}", MATRIX, (SUM, SUM)),
    "square": (r"{}^{{\odot 2}}", POSTFIX, (ATOM,)),
    "squared": ("{}^{{2}}", POSTFIX, (ATOM,)),
    "pow": ("{}^{{{}}}", POSTFIX, (ATOM, SUM)),
    "affine": (r"{} \, {} + {}", SUM, (MATRIX, MATRIX, SUM)),
    "affine_rows": (r"{1} \, {0}^{{\top}} + \mathbf{{1}} \, {2}^{{\top}}", SUM, (ATOM, MATRIX, ATOM)),
    "matmul": (r"{} \, {}", MATRIX, (MATRIX, MATRIX)),
    "row": (r"{1}^{{\top}} \, {0}", MATRIX, (MATRIX, ATOM)),
    "dot": (r"{}^{{\top}} \, {}", QUOTIENT, (ATOM, MATRIX)),
    "outer": (r"{} \, {}^{{\top}}", MATRIX, (MATRIX, ATOM)),
    "matrix_transpose": (r"{}^{{\top}}", POSTFIX, (ATOM,)),
    "mean_square": (r"{each}\left\lVert {} \right\rVert^{{2}}", PRODUCT, (SUM,)),
    "mean": (r"{each}\operatorname{{sum}}\left({}\right)", PRODUCT, (SUM,)),
    "mean_square over": (r"\operatorname{{mean}}_{{{axis}}}\left({}^{{\odot 2}}\right)", ATOM, (ATOM,)),
    "sum over": _over("sum"),
    "mean over": _over("mean"),
    "logsumexp over": _over("logsumexp"),
    "max over": _over("max"),
    "min over": _over("min"),
    "softmax": call(r"\operatorname{{softmax}}\left({}{where}\right)"),
    "softmax over": call(r"\operatorname{{softmax}}_{{{axis}}}\left({}{where}\right)"),
    "log_softmax over": _over("log_softmax"),
    "cumulative_sum over": _over("cumulative_sum"),
    "fold": call(r"\operatorname{{fold}}_{{{size}{between}}}\left({}\right)"),
    "patches": call(r"\operatorname{{patches}}_{{{kernel}{between}}}\left({}\right)"),
    "permute_dims": call(r"\operatorname{{permute\_dims}}_{{{axes}}}\left({}\right)"),
    "convolution": (r"{} \ast{how} {}", QUOTIENT, (POSTFIX, POSTFIX)),
    "concat": call(r"\operatorname{{concat}}_{{{axis}}}\left(PLACES\right)"),
    "pi": (r"\pi", ATOM, ()),
    "abs": (r"\left| {} \right|", ATOM, (SUM,)),
    "sqrt": (r"\sqrt{{{}}}", ATOM, (SUM,)),
    "heaviside": (r"\left[ {} > 0 \right]", ATOM, (SUM,)),
    "reciprocal": (r"\frac{{1}}{{{}}}", MATRIX, (SUM,)),
    "expm1": (r"\left(\exp\left({0}\right) - 1\right)", ATOM, (SUM,)),
    "expm1mx": (r"\left(\exp\left({0}\right) - 1 - {0}\right)", ATOM, (QUOTIENT,)),
    "log1p": (r"\log\left(1 + {}\right)", ATOM, (SUM,)),
    "where": (r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}", LOOSE, (LOOSE, SUM, SUM)),
    "getitem": ("{{{}}}_{{[{index}]}}", POSTFIX, (ATOM,)),
    "scatter": (r"\operatorname{{scatter}}_{{[{index}]}}\left({}\right)", ATOM, (SUM,)),
    "reshape": (r"\operatorname{{reshape}}_{{{shape}}}\left({}\right)", ATOM, (SUM,)),
    "broadcast_to": (r"\operatorname{{broadcast}}_{{{shape}}}\left({}\right)", ATOM, (SUM,)),
    "exp": _command(r"\exp"),
    "log": _command(r"\log"),
    "sin": _command(r"\sin"),
    "cos": _command(r"\cos"),
    "tan": _command(r"\tan"),
    "sinh": _command(r"\sinh"),
    "cosh": _command(r"\cosh"),
    "tanh": _command(r"\tanh"),
    "atan": _command(r"\arctan"),
    "sigmoid": _command(r"\sigma"),
    "erf": _operator("erf"),
    "softplus": _operator("softplus"),
    "logcosh": _operator("logcosh"),
    "elu": _operator("ELU"),
    "silu": _operator("SiLU"),
    "gelu": _operator("GELU"),
    "gelu_tanh": _operator(r"GELU_{{\tanh}}"),
    "mish": _operator("Mish"),
    "hardswish": _operator("HardSwish"),
    "softsign": _operator("softsign"),
    "floor": (r"\left\lfloor {} \right\rfloor", ATOM, (SUM,)),
    "ceil": (r"\left\lceil {} \right\rceil", ATOM, (SUM,)),
    "trunc": _operator("trunc"),
    "round": _operator("round"),
    "remainder": _operator("remainder"),
    "copysign": _operator("copysign"),
    "erfc": _operator("erfc"),
    "log_ndtr": _operator("log_ndtr"),
    "lgamma": call(r"\log\Gamma\left({}\right)"),
    "digamma": call(r"\psi\left({}\right)"),
    "cbrt": (r"\sqrt[3]{{{}}}", ATOM, (SUM,)),
    "hypot": _operator("hypot"),
    "log2": _operator("log2"),
    "log10": _operator("log10"),
    "asin": _command(r"\arcsin"),
    "acos": _command(r"\arccos"),
    "atan2": _operator("atan2"),
    "asinh": _operator("arsinh"),
    "acosh": _operator("arcosh"),
    "atanh": _operator("artanh"),
    "relu": _operator("relu"),
    "sign": _operator("sign"),
    "leaky_relu": _operator("leaky_relu"),
    "clip": _operator("clip"),
    "sum": _operator("sum"),
    "logsumexp": _operator("logsumexp"),
    "max": _operator("max"),
    "min": _operator("min"),
    "log_softmax": _operator("log_softmax"),
    "cumulative_sum": _operator("cumulative_sum"),
    "stack": call(r"\operatorname{{stack}}\left(PLACES{beside}\right)"),
    "logical_not": _operator("logical_not"),
    "logical_and": _operator("logical_and"),
    "logical_or": _operator("logical_or"),
}

LATEX = Style(
    "LaTeX",
    wishes=lambda name: (_name(_latin(name)), *[_upright(_latin(name))] * (len(_latin(name)) > 1)),
    adjoint=lambda _, name, value: rf"\frac{{\partial {value}}}{{\partial {name}}}",
    binds=MATRIX,
    number=_number,
    patterns=_PATTERNS,
    parentheses=r"\left({}\right)",
    leaf=_leaf,
    times=r" \, ",
    below="_{{{}}}",
    full=lambda number, _: (
        (r"\mathbf{" + number + "}", ATOM)
        if number in ("0", "1")
        else (r"\left(" + number + r"\right) \, \mathbf{1}", MATRIX)
    ),
    vocabulary=lambda patterns: Vocabulary(_words(patterns), str, mark="'"),
    array="{}",
)
