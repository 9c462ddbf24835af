"""Terms as formulas: text, LaTeX and NumPy, by one table of operations for each.

A pattern has a place for each operand, and says how tightly it binds: LOOSE < SUM < QUOTIENT < PRODUCT < MATRIX <
POSTFIX < ATOM. An inner product binds as a quotient does: beside it stand scalars, which must not be taken into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from scalarspec.errors import ArgumentError
from scalarspec.formulas.names import Names, Vocabulary, ascii_plain, plain
from scalarspec.formulas.programs import INFIX, PYTHON, float_text
from scalarspec.formulas.terms import Term, below

LOOSE, SUM, QUOTIENT, PRODUCT, MATRIX, POSTFIX, ATOM = range(7)

Pattern = tuple[str, int, tuple[int, ...]]
"""The text with places, how tightly it binds, and how tightly its operands must."""


@dataclass(frozen=True)
class Style:
    """How formulas are written.

    wishes: how a name would be written, the best first; adjoint: the derivative of a value in a name, both as they are
    written, and how tightly it binds; number: of factors above and below a fraction line.
    """

    wishes: Callable[[str], tuple[str, ...]]
    adjoint: Callable[[Names, str, str], str]
    binds: int
    number: Callable[[list[str], list[str]], tuple[str, int]]
    patterns: Mapping[str, Pattern]
    call: Callable[[str], str]
    parentheses: str
    leaf: Callable[[Any], str]
    full: Callable[[str, str], tuple[str, int]]
    """A number in each element of a tensor: of the number and the shape."""
    vocabulary: Callable[[Iterable[str]], Vocabulary]
    """What these patterns leave for names."""
    array: str
    """An array of given elements."""
    handed: bool = False
    """Are products of adjoints written by helpers that hand on zero?"""

    def pattern(self, term: Term) -> Pattern:
        """The pattern of an operation."""
        kind = _kind(term)
        return self.patterns.get(kind) or (self.call(kind), ATOM, (LOOSE,))

    def names(self, terms: Iterable[Term], taken: Iterable[str]) -> Names:
        """Names that are neither taken nor words of the formulas of these terms."""
        return Names(
            self.vocabulary({self.pattern(x)[0] for x in below(terms) if x.operands or _kind(x) == "pi"}), taken
        )


@dataclass
class Notation:
    """The formulas of terms. names: what some of them are called; symbols: how the variables are written.

    sizes: names for sizes; forwards: terms of the spec, where others are adjoints; poles: terms that may be infinite;
    helpers: those of NumPy's that the formulas need.
    """

    style: Style
    sizes: Mapping[int, str]
    symbols: Mapping[str, str]
    names: Mapping[Term, tuple[str, int]]
    forwards: Container[Term] = ()
    poles: Container[Term] = ()
    helpers: set[str] = field(default_factory=set)

    def formula(self, term: Term) -> str:
        """What a term is, whatever its name."""
        return self._formula(term)[0]

    def text(self, term: Term, tightly: int = LOOSE) -> str:
        """A term by its name, or as a formula, in parentheses where it does not bind so tightly."""
        text, binds = self.names[term] if term in self.names else self._formula(term)
        return text if binds >= tightly else self.style.parentheses.format(text)

    def _formula(self, term: Term) -> tuple[str, int]:
        if term.operation == "symbol":
            return self.symbols[term.parameters["name"]], ATOM
        if term.number is not None:
            number = self._number(term.number)
            return self.style.full(number[0], self._shape(term.shape)) if term.shape else number
        if term.operation == "truth":
            return str(term.parameters["value"]), ATOM
        if term.operation == "leaf":
            return self.style.leaf(term.parameters["expression"]), ATOM
        if term.operation == "constant":
            return self.style.array.format(self._nested(list(term.operands), term.shape)), ATOM
        stable = self._stable(term)
        if stable is not None:
            term = stable
        pattern, binds, needed = self._handed(term) or self.style.pattern(term)
        self.helpers |= {name for name in PYTHON.helpers if f"{name}(" in pattern}
        needed = (*needed, *[needed[-1]] * (len(term.operands) - len(needed))) if needed else ()
        operands = [self.text(x, tightly) for x, tightly in zip(term.operands, needed, strict=True)]
        places = ", ".join(f"{{{i}}}" for i in range(len(operands)))
        return pattern.replace("PLACES", places).format(*operands, **self._details(term)), binds

    def _handed(self, term: Term) -> Pattern | None:
        """A product of an adjoint with what may have a pole, where the style must write it by a helper."""
        if not self.style.handed or term in self.forwards or len(term.operands) != 2:
            return None
        adjoint, other = term.operands
        if term.operation == "divide" and adjoint.operands and term in self.poles:
            return "_over({}, {})", ATOM, (LOOSE,)
        product = term.operation == "multiply" and adjoint.operands and other in self.poles
        return ("_times({}, {})", ATOM, (LOOSE,)) if product else None

    def _stable(self, term: Term) -> Term | None:
        """1 - σ(x) as σ(-x), and 1 - tanh² x as 1 / cosh² x, where the style is about floats."""
        if not self.style.handed or term.operation != "subtract" or term.operands[0].number != 1:
            return None
        inner = term.operands[1]
        if inner.operation == "sigmoid":
            return Term("sigmoid", (Term("negative", inner.operands, {}, inner.shape),), {}, term.shape)
        squared = inner.operands[0] if inner.operation == "square" else inner
        found = squared is not inner and squared.operation == "tanh"
        return Term("sech2", squared.operands, {}, term.shape) if found else None

    def _nested(self, items: list[Term], shape: tuple[int, ...]) -> str:
        if not shape:
            return self.text(items[0])
        step = len(items) // shape[0] if shape[0] else 0
        return f"[{', '.join(self._nested(items[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0]))}]"

    def _details(self, term: Term) -> dict[str, str]:
        """What a pattern may say of the parameters."""
        parameters = term.parameters
        details = {"axis": str(parameters.get("axis", 0))}
        if "count" in parameters:
            each, binds = self._number(Fraction(1, max(parameters["count"], 1)))
            shown = each if binds >= PRODUCT else self.style.parentheses.format(each)
            details["each"] = "" if each == "1" else f"{shown} "
        if "shape" in parameters:
            details["shape"] = self._shape(parameters["shape"])
        if "index" in parameters:
            details["index"] = ", ".join(map(_index, parameters["index"]))
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


def with_poles(terms: Iterable[Term]) -> set[Term]:
    """The terms below these that may be infinite where the variables are finite."""
    varying: set[Term] = set()
    found: set[Term] = set()
    for x in below(terms):
        if x.operation == "symbol" or not varying.isdisjoint(x.operands):
            varying.add(x)
        if not found.isdisjoint(x.operands) or (x in varying and _has_pole(x, varying)):
            found.add(x)
    return found


def _has_pole(term: Term, varying: Container[Term]) -> bool:
    if term.operation == "pow":
        exponent = term.operands[1].number
        return exponent is None or exponent < 0 or exponent.denominator > 1
    return term.operation in ("log", "log1p", "reciprocal", "divide") and term.operands[-1] in varying


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


def _words(patterns: Iterable[str]) -> set[str]:
    """The words in patterns that are no places."""
    return set(re.findall(r"[^\W\d_]\w*", " ".join(re.sub(r"\{\w*\}|PLACES", " ", pattern) for pattern in patterns)))


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
    return f"{top}/{below[0] if len(below) == 1 else '(' + ' '.join(below) + ')'}", QUOTIENT


TEXT = Style(
    lambda name: (_text_name(plain(name)), name),
    lambda _, name, value: f"∂{value}/∂{name}",
    MATRIX,
    _text_number,
    {
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
        **{f"{name} over": (f"{name}({{}}, axis={{axis}})", ATOM, (LOOSE,)) for name in ("sum", "mean", "logsumexp")},
        "pi": ("pi", ATOM, ()),
        "sigmoid": ("σ({})", ATOM, (LOOSE,)),
        "abs": ("|{}|", ATOM, (LOOSE,)),
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
    },
    lambda name: f"{name}(PLACES)",
    "({})",
    lambda expression: f"({expression})",
    lambda number, _: (number, ATOM) if number in ("0", "1") else (f"({number}) 1", MATRIX),
    lambda patterns: Vocabulary(frozenset(_words(patterns)), plain),
    "{}",
)

# ---- LaTeX ----------------------------------------------------------------------------------------------------------


def _latex_name(name: str) -> str:
    name = _papers(name)
    hat = name.removesuffix("_hat")
    if hat != name and hat:
        return rf"\hat{{{_latex_name(hat)}}}"
    if name in ("eps", "epsilon"):
        return r"\varepsilon"
    first, _, rest = name.partition("_")
    if not first or "__" in name or name.endswith("_"):
        return _upright(name)
    shown = rf"\{first}" if first in _GREEK else first if len(first) == 1 else rf"\mathrm{{{first}}}"
    indices = rest.replace("_", r"\,")
    return rf"{shown}_{{\mathrm{{{indices}}}}}" if rest else shown


def _upright(name: str) -> str:
    shown = name.replace("_", r"\_")
    return rf"\mathrm{{{shown}}}"


def _latex_words(patterns: Iterable[str]) -> frozenset[str]:
    """The names that would look like functions in patterns."""
    shown = " ".join(patterns)
    words = {word.replace(r"\_", "_") for word in re.findall(r"\\operatorname\{+([\w\\]+)", shown)}
    commands = {word for word in (*_LATEX_CALLS.values(), r"\pi") if word in shown}
    words |= {command[1:] for command in commands} - {*_GREEK, "pi"}
    return frozenset({*commands, *map(_upright, words)})


def _latex_number(above: list[str], below: list[str]) -> tuple[str, int]:
    top, bottom = (r" \, ".join(parts) for parts in (above, below))
    return (rf"\frac{{{top}}}{{{bottom}}}", MATRIX) if below else (top, ATOM if len(above) == 1 else PRODUCT)


def _latin(name: str) -> str:
    """The name in ASCII, with its own beginning."""
    found = ascii_plain(f"x{plain(name)}")[1:]
    return found if found.strip("_") else f"x{found}"


def _latex_leaf(expression: Any) -> str:
    import sympy

    return rf"\left({sympy.latex(expression)}\right)"


_LATEX_CALLS = {name: rf"\{name}" for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")}
_LATEX_CALLS |= {"atan": r"\arctan", "sigmoid": r"\sigma", "maximum": r"\max", "minimum": r"\min"}

LATEX = Style(
    lambda name: (_latex_name(_latin(name)), *[_upright(_latin(name))] * (len(_latin(name)) > 1)),
    lambda _, name, value: rf"\frac{{\partial {value}}}{{\partial {name}}}",
    MATRIX,
    _latex_number,
    {
        **{
            name: (rf"{{}} {sign} {{}}", LOOSE, (SUM,))
            for name, sign in {"less": "<", "less_equal": r"\le", "equal": "="}.items()
        },
        **{name: (rf"{shown}\left({{}}\right)", ATOM, (LOOSE,)) for name, shown in _LATEX_CALLS.items()},
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
        **{
            f"{name} over": (rf"\operatorname{{{{{name}}}}}_{{{{{{axis}}}}}}\left({{}}\right)", ATOM, (SUM,))
            for name in ("sum", "mean", "logsumexp")
        },
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
    },
    lambda name: rf"\operatorname{{{{{name}}}}}\left(PLACES\right)".replace("_", r"\_"),
    r"\left({}\right)",
    _latex_leaf,
    lambda number, _: (
        (r"\mathbf{" + number + "}", ATOM)
        if number in ("0", "1")
        else (r"\left(" + number + r"\right) \, \mathbf{1}", MATRIX)
    ),
    lambda patterns: Vocabulary(_latex_words(patterns), str, mark="'"),
    "{}",
)

# ---- NumPy ----------------------------------------------------------------------------------------------------------


def _numpy_number(above: list[str], below: list[str]) -> tuple[str, int]:
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


def _numpy_leaf(expression: Any) -> str:
    if expression.free_symbols:
        raise ArgumentError(f"{expression} is no variable of this matrix form, so that generated code cannot know it")
    return float_text(expression.evalf(40))


_REDUCED = {
    "mean_square": "numpy.mean(numpy.square({}), axis={axis})",
    "mean": "numpy.mean({}, axis={axis})",
    "sum": "numpy.sum({}, axis={axis})",
    "logsumexp": "numpy.logaddexp.reduce({}, axis={axis})",
}
_NUMPY_CALLS = {
    **PYTHON.patterns,
    **{name.removeprefix("_"): f"{name}({{}})" for name in PYTHON.helpers},
    **{f"{name}{over}": pattern for name, pattern in _REDUCED.items() for over in ("", " over")},
    "sqrt": "numpy.sqrt({})",
    "reciprocal": "numpy.reciprocal({})",
    "clip": "numpy.clip({}, {}, {})",
    "outer": "numpy.outer({}, {})",
    "stack": "numpy.stack([PLACES], axis={axis})",
    "matrix_transpose": "numpy.swapaxes({}, -1, -2)",
    "getitem": "{}[{index}]",
    "scatter": "_scatter({}, numpy.s_[{index}], {shape})",
    "reshape": "numpy.reshape({}, {shape})",
    "broadcast_to": "numpy.broadcast_to({}, {shape})",
}
_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "scale": "*", "divide": "/", "over": "/", "matmul": "@", "row": "@",
    "dot": "@",
}  # fmt: skip

NUMPY = Style(
    lambda name: (name,),
    lambda names, name, _: names.new(f"d_{name}"),
    ATOM,
    _numpy_number,
    {
        **{
            name: (pattern, ATOM, (LOOSE if pattern.endswith(")") else ATOM,) * ("{" in pattern))
            for name, pattern in _NUMPY_CALLS.items()
        },
        **{name: (pattern, ATOM, (ATOM,)) for name, pattern in INFIX.items()},
        "leaky_relu": ("numpy.where({0} > 0, {0}, {1} * {0})", ATOM, (ATOM,)),
        **{
            name: (f"{{}} {sign} {{}}", SUM if sign in "+-" else PRODUCT, (SUM if sign in "+-" else PRODUCT, MATRIX))
            for name, sign in _OPERATORS.items()
        },
        "affine": ("{} @ {} + {}", SUM, (MATRIX, MATRIX, PRODUCT)),
        "affine_rows": ("{1} @ {0}.T + {2}", SUM, (ATOM, MATRIX, PRODUCT)),
        "square": ("numpy.square({})", ATOM, (LOOSE,)),
        "squared": ("numpy.square({})", ATOM, (LOOSE,)),
        "negative": ("-{}", SUM, (MATRIX,)),
    },
    lambda name: f"numpy.{name}(PLACES)",
    "({})",
    _numpy_leaf,
    lambda number, shape: (f"numpy.full({shape}, {number})", ATOM),
    lambda _: PYTHON.vocabulary,
    "numpy.array({})",
    handed=True,
)
