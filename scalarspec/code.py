"""A graph as the text of a function: Python (NumPy), C99, Lean 4. What is shared is worked out once.

Functions that overflow or cancel when written out (sigmoid, softplus, eˣ - 1 - x, ...) come as helpers in a stable
form. Numbers are the floats next to their exact values.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotSupported, TooLarge
from scalarspec.graph import ATOMS, Node, below, cost, ordered, value_of

DEPTH, TERMS = 20, 40
"""How deeply a line nests, and how many terms a sum in it has, before it is broken up: compilers have limits."""

_NAME = re.compile(r"\W")
_OF_C = (
    "auto", "case", "char", "const", "default", "do", "double", "enum", "extern", "float", "goto", "inline", "int",
    "long", "register", "restrict", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
    "unsigned", "void", "volatile", "main",
)  # fmt: skip
_TAKEN = {*keyword.kwlist, *_OF_C, "numpy", "math"}


@dataclass(frozen=True)
class Program:
    """A function: arrays of the nodes that are its inputs and its outputs, by name; and names for nodes between."""

    name: str
    inputs: Mapping[str, np.ndarray[Any, Any]]
    outputs: Mapping[str, np.ndarray[Any, Any]]
    labels: Mapping[Node, str]

    def python(self) -> str:
        """A function of arrays, by NumPy. Inputs may have further axes at the end, for many at a time."""
        lines, results, helpers = self._body(PYTHON)
        names = [identifier(name) for name in self.inputs]
        returned = [f"_tensor({array.shape}, [{', '.join(r)}])" for array, r in zip(self._arrays, results, strict=True)]
        shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(names, self.inputs.values(), strict=True))
        text = [
            f"def {identifier(self.name)}({', '.join(names)}):",
            f'    """{", ".join(self.outputs)} of {shapes or "nothing"}."""',
            *(f"    {name} = numpy.asarray({name}, dtype=float)" for name in names),
            *(f"    {name} = {value}" for name, value in lines),
            f"    return {', '.join(returned)}",
        ]
        return numpy_module(helpers, text)

    def c99(self) -> str:
        """A function of pointers to doubles, row-major: the inputs, then an array for each output."""
        lines, results, helpers = self._body(_C99)
        names, outputs = [identifier(name) for name in self.inputs], [identifier(name) for name in self.outputs]
        parameters = [*(f"const double *{name}" for name in names), *(f"double *{name}" for name in outputs)]
        sizes = [
            f"{n}[{a.size}]" for n, a in zip([*names, *outputs], [*self.inputs.values(), *self._arrays], strict=True)
        ]
        text = [
            f"/* {', '.join(sizes)} */",
            f"void {identifier(self.name)}(",
            ",\n".join(f"    {parameter}" for parameter in parameters or ["void"]) + ")",
            "{",
            *(f"    const double {name} = {value};" for name, value in lines),
            *(f"    {o}[{i}] = {r};" for o, rs in zip(outputs, results, strict=True) for i, r in enumerate(rs)),
            "}",
        ]
        return "\n".join(["#include <math.h>", *_set_off(_C99, helpers), *text, ""])

    @property
    def _arrays(self) -> list[np.ndarray[Any, Any]]:
        return list(self.outputs.values())

    def _body(self, language: Language) -> tuple[list[tuple[str, str]], list[list[str]], list[str]]:
        """The assignments, the outputs as text, and the helpers that they need."""
        written = _Written(language, self._places(language), dict(self._named()), self._roots)
        results = [[written.text(x) for x in array.flat] for array in self._arrays]
        return written.lines, results, sorted(written.helpers)

    @property
    def _roots(self) -> list[Node]:
        return [x for array in self._arrays for x in array.flat]

    def lean(self, vectors: Sequence[tuple[Mapping[str, Fraction], Any]]) -> str:
        """A Lean 4 definition over ℝ of the first output, and `example`s of (values of the inputs, exact value)."""
        lines, results, _ = self._body(LEAN)
        name, shape = identifier(self.name), self._arrays[0].shape
        symbols = [place for array in self.inputs.values() for place in (self._places(LEAN)[x] for x in array.flat)]
        kind = "".join(f"Fin {n} → " for n in shape) + "ℝ"
        entries = np.empty(shape, dtype=object)
        entries[...] = np.reshape(np.array(results[0], dtype=object), shape)
        text = [
            f"noncomputable def {name}{f' ({chr(32).join(symbols)} : ℝ)' if symbols else ''} : {kind} :=",
            *(f"  let {label} := {value}" for label, value in lines),
            f"  {_vector(entries.tolist())}",
        ]
        examples = []
        for values, expected in vectors:
            arguments = " ".join(_rational(values[symbol]) for symbol in symbols)
            result = _vector(np.vectorize(_rational, otypes=[object])(expected).tolist())
            examples.append(f"example : {name} {arguments} = {result} := by norm_num [{name}]")
        return "\n".join(["-- Lean 4 with Mathlib; text only: it has not been compiled here", *text, "", *examples])

    def _places(self, language: Language) -> dict[Node, str]:
        return {
            x: language.element(identifier(name), index, array.shape)
            for name, array in self.inputs.items()
            for index, x in np.ndenumerate(array)
        }

    def _named(self) -> Iterable[tuple[Node, str]]:
        """The nodes that bear names; an input's name is not given again."""
        taken = {identifier(name) for name in (*self.inputs, *self.outputs, self.name)}
        for x, label in self.labels.items():
            name = identifier(label)
            while name in taken:
                name += "_"
            taken.add(name)
            yield x, name


def identifier(name: str) -> str:
    """A name that both languages take."""
    plain = _NAME.sub("_", name)
    return f"{plain}_" if plain in _TAKEN or plain[:1].isdigit() else plain


def _float(value: Any) -> str:
    """The double next to a number."""
    try:
        text = repr(float(value))
    except OverflowError:
        raise TooLarge(f"{str(value)[:60]} is beyond the range of doubles") from None
    return f"({text})" if text.startswith("-") else text


def _rational(value: Fraction) -> str:
    return f"({value})" if value < 0 or value.denominator > 1 else str(value)


@dataclass(frozen=True)
class Language:
    """How operations are written: patterns with a place for each operand; helpers, by operation."""

    element: Callable[[str, tuple[int, ...], tuple[int, ...]], str]
    patterns: Mapping[str, str]
    helpers: Mapping[str, str]
    always: Sequence[str] = ()
    number: Callable[[Fraction], str] = _float


class _Written:
    """Assignments for what is used more than once, bears a name, or lies too deep; all else is put in its place."""

    def __init__(
        self, language: Language, places: Mapping[Node, str], names: Mapping[Node, str], roots: list[Node]
    ) -> None:
        self.language, self.places = language, places
        self.lines: list[tuple[str, str]] = []
        self.helpers: set[str] = set(language.always)
        self.texts: dict[Node, str] = {}
        order = list(ordered(roots))
        uses = Counter(arg for x in order for arg in below(x))
        depths: dict[Node, int] = {}
        taken = set(names.values())
        for x in order:
            depths[x] = 1 + max((depths[arg] for arg in below(x)), default=0)
            text = self._written(x)
            kept = x.operation not in ATOMS and cost(x) and (uses[x] > 1 or x in names or depths[x] > DEPTH)
            if kept:
                name = names.get(x) or f"t{len(self.lines)}"
                while x not in names and name in taken:
                    name += "_"
                self.lines.append((name, text))
                text, depths[x] = name, 1
            self.texts[x] = text

    def text(self, x: Node) -> str:
        return self.texts[x]

    def _written(self, x: Node) -> str:
        if x in self.places:
            return self.places[x]
        known = value_of(x)
        if known is not None:
            return self.language.number(known)
        if x.operation == "leaf":
            return _constant(x)
        args = [self.texts[arg] for arg in x.args]
        if x.operation == "sum":
            return _summed(args)
        if x.operation in self.language.helpers:
            self.helpers.add(x.operation)
            return f"{x.operation}({', '.join(args)})"
        if x.operation not in self.language.patterns:
            raise NotSupported(f"{x.operation} has no form in this language")
        return self.language.patterns[x.operation].format(*args)


def _constant(x: Node) -> str:
    """A leaf that is no input: a number such as √2."""
    if x.free:
        raise ArgumentError(f"{x.args[0]} is no variable of this derivation, so that generated code cannot know it")
    return _float(x.args[0].evalf(40))


def _summed(terms: Sequence[str]) -> str:
    if len(terms) > TERMS:
        groups = [terms[i : i + TERMS] for i in range(0, len(terms), TERMS)]
        return _summed([_summed(group) if len(group) > 1 else group[0] for group in groups])
    return f"({' + '.join(terms)})"


def _vector(nested: Any) -> str:
    return f"![{', '.join(map(_vector, nested))}]" if isinstance(nested, list) else str(nested)


def numpy_module(helpers: list[str], text: Sequence[str]) -> str:
    """The lines of a function in NumPy, after its imports and its helpers."""
    return "\n".join(["import math\n" * ("erf" in helpers) + "import numpy", *_set_off(PYTHON, helpers), *text, ""])


def _set_off(language: Language, helpers: list[str]) -> list[str]:
    """The texts of helpers, set off by empty lines."""
    texts = [language.helpers[name].strip() for name in helpers]
    return ["", *(f"{text}\n" for text in texts)]


def _in_numpy(name: str, index: tuple[int, ...], _: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _in_c(name: str, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    return f"{name}[{np.ravel_multi_index(index, shape) if index else 0}]"


INFIX = {
    "multiply": "({} * {})",
    "divide": "({} / {})",
    "negative": "(-{})",
    "less": "({} < {})",
    "less_equal": "({} <= {})",
    "equal": "({} == {})",
}
_ALIKE = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "expm1", "log1p")

PYTHON = Language(
    _in_numpy,
    INFIX
    | {name: f"numpy.{name}({{}})" for name in (*_ALIKE, "abs", "sign", "square")}
    | {
        "pi": "numpy.pi",
        "atan": "numpy.arctan({})",
        "pow": "numpy.power({}, {})",
        "where": "numpy.where({}, {}, {})",
        "maximum": "numpy.maximum({}, {})",
        "minimum": "numpy.minimum({}, {})",
        "relu": "numpy.maximum({}, 0.0)",
        "heaviside": "numpy.heaviside({}, 0.0)",
        "softplus": "numpy.logaddexp({}, 0.0)",
        "logical_not": "numpy.logical_not({})",
        "logical_and": "numpy.logical_and({}, {})",
        "logical_or": "numpy.logical_or({}, {})",
    },
    {
        "_tensor": """
def _tensor(shape, items):
    items = numpy.broadcast_arrays(*items)
    return numpy.reshape(items, shape + (items[0].shape if items else ()))[()]
""",
        "_scatter": """
def _scatter(x, index, shape):
    t = numpy.zeros(shape)
    t[index] = x
    return t
""",
        "_logsumexp": """
def _logsumexp(x, axis):
    top = numpy.max(x, axis=axis, keepdims=True)
    return numpy.log(numpy.sum(numpy.exp(x - top), axis=axis)) + numpy.squeeze(top, axis=axis)
""",
        "erf": """
erf = numpy.vectorize(math.erf, otypes=[float])
""",
        "expm1mx": """
def expm1mx(x):
    tail = 0.0
    for k in range(18, 2, -1):
        tail = (1.0 + tail) * x / k
    return numpy.where(abs(x) < 0.5, (1.0 + tail) * x * x / 2.0, numpy.expm1(x) - x)
""",
        "sigmoid": """
def sigmoid(x):
    e = numpy.exp(-abs(x))
    return numpy.where(x < 0.0, e, 1.0) / (1.0 + e)
""",
        "logcosh": """
def logcosh(x):
    a = abs(x)
    near = numpy.log1p(2.0 * numpy.square(numpy.sinh(numpy.minimum(a, 1.0) / 2.0)))
    return numpy.where(a < 1.0, near, a + numpy.log1p(numpy.expm1(-2.0 * a) / 2.0))
""",
    },
    always=("_tensor",),
)

_C99 = Language(
    _in_c,
    INFIX
    | {name: f"{name}({{}})" for name in (*_ALIKE, "atan", "erf")}
    | {
        "abs": "fabs({})",
        "pi": "3.14159265358979323846",
        "pow": "pow({}, {})",
        "where": "({} ? {} : {})",
        "logical_not": "(!{})",
        "logical_and": "({} && {})",
        "logical_or": "({} || {})",
    },
    {
        "square": "static double square(double x) { return x * x; }",
        "maximum": "static double maximum(double x, double y) { return isnan(x) || x > y ? x : y; }",
        "minimum": "static double minimum(double x, double y) { return isnan(x) || x < y ? x : y; }",
        "relu": "static double relu(double x) { return x < 0.0 ? 0.0 : x; }",
        "heaviside": "static double heaviside(double x) { return x > 0.0 ? 1.0 : isnan(x) ? x : 0.0; }",
        "sign": "static double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }",
        "softplus": "static double softplus(double x) { return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x))); }",
        "expm1mx": """
static double expm1mx(double x)
{
    if (!(fabs(x) < 0.5)) return expm1(x) - x;
    double tail = 0.0;
    for (int k = 18; k > 2; k--) tail = (1.0 + tail) * x / k;
    return (1.0 + tail) * x * x / 2.0;
}
""",
        "sigmoid": """
static double sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
""",
        "logcosh": """
static double logcosh(double x)
{
    const double a = fabs(x), s = sinh(a / 2.0);
    return a < 1.0 ? log1p(2.0 * s * s) : a + log1p(expm1(-2.0 * a) / 2.0);
}
""",
    },
)

LEAN = Language(
    lambda name, index, _: "_".join([name, *map(str, index)]),
    INFIX
    | {name: f"(Real.{name} {{}})" for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")}
    | {
        "pi": "Real.pi",
        "atan": "(Real.arctan {})",
        "abs": "|{}|",
        "sign": "(if 0 < {0} then 1 else if {0} < 0 then -1 else 0)",
        "square": "({} ^ 2)",
        "pow": "({} ^ {})",
        "expm1": "(Real.exp {} - 1)",
        "expm1mx": "(Real.exp {0} - 1 - {0})",
        "log1p": "(Real.log (1 + {}))",
        "sigmoid": "(1 / (1 + Real.exp (-{})))",
        "softplus": "(Real.log (1 + Real.exp {}))",
        "logcosh": "(Real.log (Real.cosh {}))",
        "relu": "(max {} 0)",
        "maximum": "(max {} {})",
        "minimum": "(min {} {})",
        "heaviside": "(if 0 < {} then 1 else 0)",
        "where": "(if {} then {} else {})",
        "less_equal": "({} ≤ {})",
        "equal": "({} = {})",
        "logical_not": "(¬ {})",
        "logical_and": "({} ∧ {})",
        "logical_or": "({} ∨ {})",
    },
    {},
    number=_rational,
)
