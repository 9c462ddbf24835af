"""Terms as formulas: text, LaTeX and NumPy, by one table of operations for each.

A pattern has a place for each operand, and says how tightly it binds: SUM < PRODUCT < MATRIX < POSTFIX < ATOM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.code import INFIX, PYTHON, identifier
from scalarspec.terms import Term

SUM, PRODUCT, MATRIX, POSTFIX, ATOM = range(5)

Pattern = tuple[str, int, tuple[int, ...]]
"""The text with places, how tightly it binds, and how tightly its operands must."""


@dataclass(frozen=True)
class Style:
    """How formulas are written.

    plain: a name; adjoint: the derivative of a value in a name; number: of factors above and below a fraction line.
    """

    plain: Callable[[str], str]
    adjoint: Callable[[str, str], str]
    number: Callable[[list[str], list[str]], tuple[str, int]]
    patterns: Mapping[str, Pattern]
    call: Callable[[str], str]
    parentheses: str
    constant: Callable[[Term], str]
    full: Callable[[str, str], tuple[str, int]]
    """A number in each element of a tensor: of the number and the shape."""


class Notation:
    """The formulas of terms, some of which have names. helpers: those of NumPy that the formulas need."""

    def __init__(self, style: Style, sizes: Mapping[int, str], names: Mapping[Term, str]) -> None:
        self.style, self.sizes, self.names = style, sizes, names
        self.helpers: set[str] = set()

    def formula(self, term: Term) -> str:
        """What a term is, whatever its name."""
        return self._formula(term)[0]

    def text(self, term: Term, tightly: int = SUM) -> str:
        """A term by its name, or as a formula, in parentheses where it does not bind so tightly."""
        if term in self.names:
            return self.names[term]
        text, binds = self._formula(term)
        return text if binds >= tightly else self.style.parentheses.format(text)

    def _formula(self, term: Term) -> tuple[str, int]:
        if term.operation == "symbol":
            return self.style.plain(term.parameters["name"]), ATOM
        if term.number is not None:
            number = self._number(term.number)
            return self.style.full(number[0], self._shape(term.shape)) if term.shape else number
        if term.operation == "constant":
            return self.style.constant(term), ATOM
        kind = _kind(term)
        pattern, binds, needed = self.style.patterns.get(kind) or (self.style.call(kind), ATOM, (SUM,))
        self.helpers |= {name for name in PYTHON.helpers if f"{name}(" in pattern}
        needed = (*needed, *[needed[-1]] * (len(term.operands) - len(needed)))
        operands = [self.text(x, tightly) for x, tightly in zip(term.operands, needed, strict=True)]
        places = ", ".join(f"{{{i}}}" for i in range(len(operands)))
        return pattern.replace("PLACES", places).format(*operands, **self._details(term)), binds

    def _details(self, term: Term) -> dict[str, str]:
        """What a pattern may say of the parameters."""
        parameters = term.parameters
        details = {"axis": str(parameters.get("axis", 0))}
        if "count" in parameters:
            each, binds = self._number(Fraction(1, max(parameters["count"], 1)))
            details["each"] = "" if each == "1" else f"{each if binds > SUM else self.style.parentheses.format(each)} "
        if "shape" in parameters:
            details["shape"] = self._shape(parameters["shape"])
        if "index" in parameters:
            details["index"] = ", ".join(map(_index, parameters["index"]))
            details["key"] = repr(parameters["index"])
        return details

    def _shape(self, shape: tuple[int, ...]) -> str:
        return f"({', '.join(self.sizes.get(n, str(n)) for n in shape)}{',' if len(shape) == 1 else ''})"

    def _number(self, value: Fraction) -> tuple[str, int]:
        """The sizes that are factors by their names, and what is left."""
        above: list[str] = []
        below: list[str] = []
        for prime, name in self.sizes.items():
            while value.numerator and value.numerator % prime == 0:
                value, above = value / prime, [*above, name]
            while value.denominator % prime == 0:
                value, below = value * prime, [*below, name]
        above = [str(abs(value.numerator)), *above] if abs(value.numerator) != 1 or not above else above
        below = [str(value.denominator), *below] if value.denominator != 1 else below
        text, binds = self.style.number(above, below)
        return (f"-{text}", SUM) if value < 0 else (text, binds)


def _kind(term: Term) -> str:
    """The name of the pattern: the operation, and what it is done on where that makes a difference."""
    shapes = [x.shape for x in term.operands]
    if term.operation == "multiply":
        return "multiply" if all(shapes) else "scale"
    if term.operation == "divide":
        return "divide" if shapes[1] else "over"
    if term.operation == "square":
        return "square" if shapes[0] else "squared"
    if term.operation == "matmul" and len(shapes[0]) == 1:
        return "dot" if len(shapes[1]) == 1 else "row"
    if "axis" in term.parameters and term.operation != "stack" and len(term.parameters["axis"]) < len(shapes[0]):
        return f"{term.operation} over"
    return term.operation


def _index(key: Any) -> str:
    if not isinstance(key, slice):
        return str(key)
    ends = ":".join("" if end is None else str(end) for end in (key.start, key.stop))
    return ends if key.step is None else f"{ends}:{key.step}"


# ---- text -----------------------------------------------------------------------------------------------------------

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "theta": "θ", "lambda": "λ",
    "mu": "μ", "sigma": "σ", "phi": "φ",
}  # fmt: skip


def _papers(name: str) -> str:
    """W and b for weights and biases: W_encoder for encoder_weights."""
    found = re.fullmatch(r"(.*?)_?(weight|bias)(s|es)?", name)
    if not found:
        return name
    letter = "W" if found[2] == "weight" else "b"
    return f"{letter}_{found[1]}" if found[1] else letter


def _text_name(name: str) -> str:
    name = _papers(name)
    hat = name.removesuffix("_hat")
    return f"{hat}\u0302" if hat != name and len(hat) == 1 else _GREEK.get(name, name)


def _text_number(above: list[str], below: list[str]) -> tuple[str, int]:
    top = " ".join(above)
    if not below:
        return top, ATOM if len(above) == 1 else PRODUCT
    return f"{top}/{below[0] if len(below) == 1 else '(' + ' '.join(below) + ')'}", SUM


def _text_constant(term: Term) -> str:
    items = term.parameters["scalars"]
    return str(np.vectorize(_exact_text, otypes=[object])(items).tolist())


def _exact_text(x: Any) -> str:
    from scalarspec.registry import context

    return context("symbolic").text(x)


TEXT = Style(
    _text_name,
    lambda name, value: f"∂{_text_name(value)}/∂{_text_name(name)}",
    _text_number,
    {
        "add": ("{} + {}", SUM, (SUM, SUM)),
        "subtract": ("{} - {}", SUM, (SUM, PRODUCT)),
        "negative": ("-{}", SUM, (PRODUCT,)),
        "multiply": ("{} ⊙ {}", PRODUCT, (PRODUCT, PRODUCT)),
        "scale": ("{} {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": ("{} ⊘ {}", PRODUCT, (PRODUCT, MATRIX)),
        "over": ("{} / {}", PRODUCT, (PRODUCT, POSTFIX)),
        "square": ("{}²", POSTFIX, (ATOM,)),
        "squared": ("{}²", POSTFIX, (ATOM,)),
        "pow": ("{}^{}", POSTFIX, (ATOM, ATOM)),
        "affine": ("{} {} + {}", SUM, (MATRIX, MATRIX, SUM)),
        "affine_rows": ("{1} {0}ᵀ + 1 {2}ᵀ", SUM, (ATOM, MATRIX, ATOM)),
        "matmul": ("{} {}", MATRIX, (MATRIX, MATRIX)),
        "row": ("{1}ᵀ {0}", MATRIX, (MATRIX, ATOM)),
        "dot": ("{}ᵀ {}", MATRIX, (ATOM, MATRIX)),
        "outer": ("{} {}ᵀ", MATRIX, (MATRIX, ATOM)),
        "matrix_transpose": ("{}ᵀ", POSTFIX, (ATOM,)),
        "mean_square": ("{each}‖{}‖²", PRODUCT, (SUM,)),
        "mean": ("{each}sum({})", PRODUCT, (SUM,)),
        "mean_square over": ("mean({}², axis={axis})", ATOM, (ATOM,)),
        **{f"{name} over": (f"{name}({{}}, axis={{axis}})", ATOM, (SUM,)) for name in ("sum", "mean", "logsumexp")},
        "sigmoid": ("σ({})", ATOM, (SUM,)),
        "abs": ("|{}|", ATOM, (SUM,)),
        "heaviside": ("[{} > 0]", ATOM, (SUM,)),
        "reciprocal": ("1 / {}", PRODUCT, (POSTFIX,)),
        "expm1": ("(exp({0}) - 1)", ATOM, (SUM,)),
        "expm1mx": ("(exp({0}) - 1 - {0})", ATOM, (PRODUCT,)),
        "log1p": ("log(1 + {})", ATOM, (SUM,)),
        "maximum": ("max({}, {})", ATOM, (SUM,)),
        "minimum": ("min({}, {})", ATOM, (SUM,)),
        "less": ("{} < {}", SUM, (SUM,)),
        "less_equal": ("{} ≤ {}", SUM, (SUM,)),
        "equal": ("{} = {}", SUM, (SUM,)),
        "getitem": ("{}[{index}]", ATOM, (ATOM,)),
        "scatter": ("scatter({}, [{index}], {shape})", ATOM, (SUM,)),
        "reshape": ("reshape({}, {shape})", ATOM, (SUM,)),
        "broadcast_to": ("broadcast_to({}, {shape})", ATOM, (SUM,)),
    },
    lambda name: f"{name}(PLACES)",
    "({})",
    _text_constant,
    lambda number, _: (number, ATOM) if number in ("0", "1") else (f"({number}) 1", MATRIX),
)

# ---- LaTeX ----------------------------------------------------------------------------------------------------------


def _latex_name(name: str) -> str:
    import sympy

    name = _papers(name)
    hat = name.removesuffix("_hat")
    if hat != name:
        return rf"\hat{{{_latex_name(hat)}}}"
    if name in ("eps", "epsilon"):
        return r"\varepsilon"
    first, _, rest = name.partition("_")
    plain = str(sympy.latex(sympy.Symbol(first))) if len(first) == 1 or first in _GREEK else rf"\mathrm{{{first}}}"
    shown = rest.replace("_", r"\,")
    return rf"{plain}_{{\mathrm{{{shown}}}}}" if rest else plain


def _latex_number(above: list[str], below: list[str]) -> tuple[str, int]:
    top = r" \, ".join(above)
    return (rf"\frac{{{top}}}{{{' '.join(below)}}}", ATOM) if below else (top, ATOM if len(above) == 1 else PRODUCT)


_LATEX_CALLS = {name: rf"\{name}" for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")}
_LATEX_CALLS |= {"atan": r"\arctan", "sigmoid": r"\sigma", "maximum": r"\max", "minimum": r"\min"}

LATEX = Style(
    _latex_name,
    lambda name, value: rf"\frac{{\partial {_latex_name(value)}}}{{\partial {_latex_name(name)}}}",
    _latex_number,
    {
        **{
            name: (rf"{{}} {sign} {{}}", SUM, (SUM,))
            for name, sign in {"less": "<", "less_equal": r"\le", "equal": "="}.items()
        },
        **{name: (rf"{shown}\left({{}}\right)", ATOM, (SUM,)) for name, shown in _LATEX_CALLS.items()},
        "maximum": (r"\max\left({}, {}\right)", ATOM, (SUM,)),
        "minimum": (r"\min\left({}, {}\right)", ATOM, (SUM,)),
        "add": ("{} + {}", SUM, (SUM, SUM)),
        "subtract": ("{} - {}", SUM, (SUM, PRODUCT)),
        "negative": ("-{}", SUM, (PRODUCT,)),
        "multiply": (r"{} \odot {}", PRODUCT, (PRODUCT, PRODUCT)),
        "scale": (r"{} \, {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": (r"{} \oslash {}", PRODUCT, (PRODUCT, MATRIX)),
        "over": (r"\frac{{{}}}{{{}}}", ATOM, (SUM, SUM)),
        "square": (r"{}^{{\odot 2}}", POSTFIX, (ATOM,)),
        "squared": ("{}^{{2}}", POSTFIX, (ATOM,)),
        "pow": ("{}^{{{}}}", POSTFIX, (ATOM, SUM)),
        "affine": (r"{} \, {} + {}", SUM, (MATRIX, MATRIX, SUM)),
        "affine_rows": (r"{1} \, {0}^{{\top}} + \mathbf{{1}} \, {2}^{{\top}}", SUM, (ATOM, MATRIX, ATOM)),
        "matmul": (r"{} \, {}", MATRIX, (MATRIX, MATRIX)),
        "row": (r"{1}^{{\top}} \, {0}", MATRIX, (MATRIX, ATOM)),
        "dot": (r"{}^{{\top}} \, {}", MATRIX, (ATOM, MATRIX)),
        "outer": (r"{} \, {}^{{\top}}", MATRIX, (MATRIX, ATOM)),
        "matrix_transpose": (r"{}^{{\top}}", POSTFIX, (ATOM,)),
        "mean_square": (r"{each}\left\lVert {} \right\rVert^{{2}}", PRODUCT, (SUM,)),
        "mean": (r"{each}\operatorname{{sum}}\left({}\right)", PRODUCT, (SUM,)),
        "mean_square over": (r"\operatorname{{mean}}_{{{axis}}}\left({}^{{\odot 2}}\right)", ATOM, (ATOM,)),
        **{
            f"{name} over": (rf"\operatorname{{{{{name}}}}}_{{{{{{axis}}}}}}\left({{}}\right)", ATOM, (SUM,))
            for name in ("sum", "mean", "logsumexp")
        },
        "abs": (r"\left| {} \right|", ATOM, (SUM,)),
        "sqrt": (r"\sqrt{{{}}}", ATOM, (SUM,)),
        "heaviside": (r"\left[ {} > 0 \right]", ATOM, (SUM,)),
        "reciprocal": (r"\frac{{1}}{{{}}}", ATOM, (SUM,)),
        "expm1": (r"\left(\exp\left({0}\right) - 1\right)", ATOM, (SUM,)),
        "expm1mx": (r"\left(\exp\left({0}\right) - 1 - {0}\right)", ATOM, (PRODUCT,)),
        "log1p": (r"\log\left(1 + {}\right)", ATOM, (SUM,)),
        "where": (r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}", ATOM, (SUM,)),
        "getitem": ("{}_{{[{index}]}}", POSTFIX, (ATOM,)),
        "scatter": (r"\operatorname{{scatter}}_{{[{index}]}}\left({}\right)", ATOM, (SUM,)),
        "reshape": (r"\operatorname{{reshape}}_{{{shape}}}\left({}\right)", ATOM, (SUM,)),
        "broadcast_to": (r"\operatorname{{broadcast}}_{{{shape}}}\left({}\right)", ATOM, (SUM,)),
    },
    lambda name: rf"\operatorname{{{{{name}}}}}\left(PLACES\right)".replace("_", r"\_"),
    r"\left({}\right)",
    _text_constant,
    lambda number, _: (r"\mathbf{" + number + "}", ATOM) if number in "01" else (number + r" \, \mathbf{1}", MATRIX),
)

# ---- NumPy ----------------------------------------------------------------------------------------------------------


def _numpy_number(above: list[str], below: list[str]) -> tuple[str, int]:
    top = " * ".join([f"{part}.0" if part.isdigit() else part for part in above])
    bottom = below[0] if len(below) == 1 else f"({' * '.join(below)})"
    return (f"{top} / {bottom}", SUM) if below else (top, ATOM if len(above) == 1 else SUM)


def _numpy_constant(term: Term) -> str:
    from scalarspec.registry import context

    symbolic: Any = context("symbolic")
    values = np.vectorize(lambda x: float(symbolic.approximate(x)), otypes=[float])(term.parameters["scalars"])
    return f"numpy.array({values.tolist()!r})"


_REDUCED = {
    "mean_square": "numpy.mean(numpy.square({}), axis={axis})",
    "mean": "numpy.mean({}, axis={axis})",
    "sum": "numpy.sum({}, axis={axis})",
    "logsumexp": "_logsumexp({}, {axis})",
}
_NUMPY_CALLS = {
    **PYTHON.patterns,
    **{name: f"{name}({{}})" for name in PYTHON.helpers},
    **{f"{name}{over}": pattern for name, pattern in _REDUCED.items() for over in ("", " over")},
    "sqrt": "numpy.sqrt({})",
    "reciprocal": "numpy.reciprocal({})",
    "clip": "numpy.clip({}, {}, {})",
    "outer": "numpy.outer({}, {})",
    "stack": "numpy.stack([PLACES], axis={axis})",
    "matrix_transpose": "numpy.swapaxes({}, -1, -2)",
    "getitem": "{}[{key}]",
    "scatter": "_scatter({}, {key}, {shape})",
    "reshape": "numpy.reshape({}, {shape})",
    "broadcast_to": "numpy.broadcast_to({}, {shape})",
}
_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "scale": "*", "divide": "/", "over": "/", "matmul": "@", "row": "@",
    "dot": "@",
}  # fmt: skip

NUMPY = Style(
    lambda name: identifier(name),
    lambda name, _: f"d_{identifier(name)}",
    _numpy_number,
    {
        **{name: (pattern, ATOM, (SUM if pattern.endswith(")") else ATOM,)) for name, pattern in _NUMPY_CALLS.items()},
        **{name: (pattern, ATOM, (ATOM,)) for name, pattern in INFIX.items()},
        "leaky_relu": ("numpy.where({0} > 0, {0}, {1} * {0})", ATOM, (ATOM,)),
        **{
            name: (f"{{}} {sign} {{}}", SUM if sign in "+-" else PRODUCT, (SUM if sign in "+-" else PRODUCT, MATRIX))
            for name, sign in _OPERATORS.items()
        },
        "affine": ("{} @ {} + {}", SUM, (MATRIX, MATRIX, PRODUCT)),
        "affine_rows": ("{1} @ {0}.T + {2}", SUM, (ATOM, MATRIX, PRODUCT)),
        "square": ("numpy.square({})", ATOM, (SUM,)),
        "squared": ("numpy.square({})", ATOM, (SUM,)),
        "negative": ("-{}", SUM, (MATRIX,)),
    },
    lambda name: f"numpy.{name}(PLACES)",
    "({})",
    _numpy_constant,
    lambda number, shape: (f"numpy.full({shape}, {number})", ATOM),
)
