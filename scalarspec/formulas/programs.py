"""A graph as the text of a function: Python (NumPy), C99, Lean 4. What is shared is worked out once.

Functions that overflow or cancel when written out (sigmoid, softplus, logsumexp, eˣ - 1 - x, ...) come as helpers in a
stable form. Numbers are the floats next to their exact values. An adjoint that is exactly zero hands on zero, whatever
it is multiplied with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotSupported, TooLarge
from scalarspec.formulas.names import Names, Vocabulary, c_vocabulary, lean_vocabulary, python_vocabulary
from scalarspec.tracing.scalar_graph import ONE, Node, below, cost, node, ordered, value_of

DEPTH, TERMS = 20, 40
"""How deeply a line nests, and how many terms a sum in it has, before it is broken up: compilers have limits."""

TRUTHS = {"less", "less_equal", "equal", "logical_not", "logical_and", "logical_or"}


@dataclass(frozen=True)
class Program:
    """A function: arrays of the nodes that are its inputs and its outputs, by name.

    labels: names for nodes between; forwards: the nodes of a spec, where others are products of adjoints.
    """

    name: str
    inputs: Mapping[str, np.ndarray[Any, Any]]
    outputs: Mapping[str, np.ndarray[Any, Any]]
    labels: Mapping[Node, str]
    forwards: Collection[Node]

    def python(self) -> str:
        """A function of arrays, by NumPy. Inputs may have further axes at the end, for many at a time."""
        written = self._written(PYTHON)
        names, results = written.inputs, self._results(written)
        returned = [f"_tensor({array.shape}, [{', '.join(r)}])" for array, r in zip(self._arrays, results, strict=True)]
        shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(names, self.inputs.values(), strict=True))
        text = [
            QUIET,
            f"def {PYTHON.vocabulary.function(self.name)}({', '.join(names)}):",
            f'    """{", ".join(self.outputs)} of {shapes or "nothing"}."""',
            *(f"    {name} = numpy.asarray({name}, dtype=numpy.float64)" for name in names),
            *(f"    {name} = {value}" for name, value in written.lines),
            f"    return {', '.join(returned)}",
        ]
        return numpy_module(written.helpers, text)

    def c99(self) -> str:
        """A function of pointers to doubles, row-major: the inputs, then an array for each output."""
        written = self._written(C99, self.outputs)
        names, outputs, results = written.inputs, written.outputs, self._results(written)
        parameters = [*(f"const double *{name}" for name in names), *(f"double *{name}" for name in outputs)]
        sizes = [
            f"{n}[{a.size}]" for n, a in zip([*names, *outputs], [*self.inputs.values(), *self._arrays], strict=True)
        ]
        text = [
            f"/* {', '.join(sizes)} */",
            f"void {C99.vocabulary.function(self.name)}(",
            ",\n".join(f"    {parameter}" for parameter in parameters) + ")",
            "{",
            *(f"    const double {name} = {value};" for name, value in written.lines),
            *(f"    {o}[{i}] = {r};" for o, rs in zip(outputs, results, strict=True) for i, r in enumerate(rs)),
            "}",
        ]
        return "\n".join(["#include <math.h>", *_set_off(C99, written.helpers), *text, ""])

    def lean(self, vectors: Sequence[tuple[Mapping[str, Fraction], Any]]) -> str:
        """A Lean 4 definition over ℝ of the first output, and `example`s of (values of the inputs, exact value).

        The values are by the variables' own names. A namespace keeps the definition apart from the library's.
        """
        written = self._written(LEAN)
        name, shape = LEAN.vocabulary.function(self.name), self._arrays[0].shape
        variables = [x for array in self.inputs.values() for x in array.flat]
        kind = "".join(f"Fin {n} → " for n in shape) + "ℝ"
        entries = np.empty(shape, dtype=object)
        entries[...] = np.reshape(np.array(self._results(written)[0], dtype=object), shape)
        text = [
            f"noncomputable def {name}{f' ({chr(32).join(written.inputs)} : ℝ)' if variables else ''} : {kind} :=",
            *(f"  let {label} : ℝ := {value}" for label, value in written.lines),
            f"  {_vector(entries.tolist())}",
        ]
        examples = []
        for values, expected in vectors:
            arguments = " ".join([name, *(_rational(values[str(x.args[0])]) for x in variables)])
            result = _vector(np.vectorize(_rational, otypes=[object])(expected).tolist())
            examples.append(f"example : {arguments} = {result} := by norm_num [{name}]")
        heading = "-- Lean 4 with Mathlib; text only: it has not been compiled here\nnamespace Generated\n"
        return "\n".join([heading, *text, "", *examples, "", "end Generated"])

    @property
    def _arrays(self) -> list[np.ndarray[Any, Any]]:
        return list(self.outputs.values())

    def _written(self, language: Language, outputs: Sequence[str] | Mapping[str, Any] = ()) -> _Written:
        """All of it: the inputs keep their names where they can, then the outputs and the stages do."""
        stable = {} if language.exact else _stable([*self.forwards, *self._roots])
        written = _Written(language, {stable.get(x, x) for x in self.forwards})
        for name, array in self.inputs.items():
            written.take(name, array)
        written.outputs += [written.names.new(name) for name in outputs]
        labels = {stable.get(x, x): written.names.new(label) for x, label in self.labels.items()}
        written.write([stable.get(x, x) for x in self._roots], labels)
        written.texts |= {x: written.texts[stable[x]] for x in self._roots if x in stable}
        return written

    @property
    def _roots(self) -> list[Node]:
        return [x for array in self._arrays for x in array.flat]

    def _results(self, written: _Written) -> list[list[str]]:
        return [[written.texts[x] for x in array.flat] for array in self._arrays]


def float_text(value: Any) -> str:
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
    """How operations are written: patterns with a place for each operand; helpers, by their names, after a prefix.

    element: of a variable. exact: is it about real numbers (so that elements have names, and truths have none)?
    """

    vocabulary: Vocabulary
    element: Callable[[str, tuple[int, ...], tuple[int, ...]], str]
    patterns: Mapping[str, str]
    helpers: Mapping[str, str]
    prefix: str = ""
    always: Sequence[str] = ()
    number: Callable[[Fraction], str] = float_text
    exact: bool = False


@dataclass
class _Written:
    """Assignments for what is used more than once, bears a name, or lies too deep; all else is put in its place.

    texts: of each node; lines: names and values.
    """

    language: Language
    forwards: Collection[Node]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    texts: dict[Node, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = Names(self.language.vocabulary)
        self.used: set[str] = set(self.language.always)
        self.poles: set[Node] = set()

    @property
    def helpers(self) -> list[str]:
        """Those that are needed."""
        return sorted(self.used)

    def take(self, name: str, array: np.ndarray[Any, Any]) -> None:
        """An input."""
        element, own = self.language.element, self.language.exact
        base = "" if own else self.names.new(name)
        for index, x in np.ndenumerate(array):
            text = element(base or name, index, array.shape)
            self.texts[x] = self.names.new(text) if own else text
        self.inputs += [self.texts[x] for x in array.flat] if own else [base]

    def write(self, roots: list[Node], labels: Mapping[Node, str]) -> None:
        """The nodes, of which some have names."""
        order = list(ordered(roots))
        uses = Counter(arg for x in order for arg in below(x))
        depths: dict[Node, int] = {}
        for x in order:
            depths[x] = _height(x) + max((depths[arg] for arg in below(x)), default=0)
            if x in self.texts:
                continue
            text = self._expressed(x)
            wanted = cost(x) and (uses[x] > 1 or x in labels or depths[x] > DEPTH)
            if wanted and not (self.language.exact and x.operation in TRUTHS):
                name = labels.get(x) or self.names.new(f"t{len(self.lines)}")
                self.lines.append((name, text))
                text, depths[x] = name, 1
            self.texts[x] = text

    def _expressed(self, x: Node) -> str:
        known = value_of(x)
        if known is not None:
            return self.language.number(known)
        if x.operation == "leaf":
            return self._constant(x)
        if has_pole(x) or any(arg in self.poles for arg in below(x)):
            self.poles.add(x)
        return self._call(self._handed(x) or x.operation, [self.texts[arg] for arg in x.args])

    def _call(self, operation: str, args: list[str]) -> str:
        if operation == "sum":
            return _summed(args)
        if operation == "logsumexp":
            return self._logsumexp(args)
        helper = f"{self.language.prefix}{operation}"
        if helper in self.language.helpers:
            self.used.add(helper)
            return f"{helper}({', '.join(args)})"
        if operation == "pow" and self.language.exact:
            return f"({args[0]} ^ {_exponent(args[1])})"
        if operation not in self.language.patterns:
            raise NotSupported(f"{operation} has no form in this language")
        return self.language.patterns[operation].format(*args)

    def _logsumexp(self, args: list[str]) -> str:
        """By halves: what nests deeply is hard on compilers. Exactly, as it is defined."""
        if self.language.exact:
            return f"(Real.log {_summed([self._call('exp', [arg]) for arg in args])})"
        if len(args) == 1:
            return args[0]
        middle = len(args) // 2
        return self._call("logaddexp", [self._logsumexp(args[:middle]), self._logsumexp(args[middle:])])

    def _handed(self, x: Node) -> str | None:
        """The operation on an adjoint, the first operand, and what may have a pole: it gives 0 for an adjoint of 0."""
        if self.language.exact or x in self.forwards or x.operation not in ("multiply", "divide"):
            return None
        adjoint, other = x.args
        if not (adjoint.free and (x if x.operation == "divide" else other) in self.poles):
            return None
        return {"multiply": "times", "divide": "over"}[x.operation]

    def _constant(self, x: Node) -> str:
        """A leaf that is no input: a number such as √2."""
        if x.free:
            raise ArgumentError(f"{x.args[0]} is no variable of this derivation, so that generated code cannot know it")
        if self.language.exact:
            raise NotSupported(f"{x.args[0]} has no form in Lean here; expected a rational number or π")
        return float_text(x.args[0].evalf(40))


def _stable(roots: Iterable[Node]) -> dict[Node, Node]:
    """By each node the same in a form that loses no digits: 1 - σ(x) is σ(-x), 1 - tanh² x is 1 / cosh² x."""
    done: dict[Node, Node] = {}
    for x in ordered(roots):
        args = tuple([done[arg] for arg in below(x)])
        done[x] = x if args == below(x) else node(x.operation, *args)
        if x.operation == "sum" and len(args) == 2 and ONE in args:
            other = args[args[0] is ONE]
            inner = other.args[0] if other.operation == "negative" else other
            if inner is not other and inner.operation == "sigmoid":
                done[x] = node("sigmoid", node("negative", *inner.args))
            elif inner is not other and inner.operation == "square" and inner.args[0].operation == "tanh":
                done[x] = node("sech2", *inner.args[0].args)
    return done


def has_pole(x: Node) -> bool:
    """Is the operation one that may be infinite where its operands are finite?"""
    if not x.free:
        return False
    exponent = value_of(x.args[1]) if x.operation == "pow" else None
    return (
        (x.operation == "divide" and x.args[1].free)
        or x.operation in ("log", "log1p")
        or (x.operation == "pow" and (exponent is None or exponent < 0 or exponent.denominator > 1))
    )


def _height(x: Node) -> int:
    """How deeply the text of an operation nests."""
    return len(x.args).bit_length() if x.operation == "logsumexp" else 1


def _exponent(text: str) -> str:
    """An exponent as Lean reads it: a natural number by itself, an integer as one, all else as a real number."""
    if text.isdigit():
        return text
    inner = text.strip("()-")
    return f"({text} : {'ℤ' if inner.isdigit() else 'ℝ'})"


def _summed(terms: Sequence[str]) -> str:
    if len(terms) > TERMS:
        groups = [terms[i : i + TERMS] for i in range(0, len(terms), TERMS)]
        return _summed([_summed(group) if len(group) > 1 else group[0] for group in groups])
    return f"({' + '.join(terms)})"


def _vector(nested: Any) -> str:
    return f"![{', '.join(map(_vector, nested))}]" if isinstance(nested, list) else str(nested)


QUIET = '@numpy.errstate(all="ignore")'
"""Before a function that gives IEEE's special values without warnings, as our own floats do."""


def numpy_module(helpers: list[str], text: Sequence[str]) -> str:
    """The lines of a function in NumPy, after its imports and its helpers."""
    return "\n".join(["import math\n" * ("_erf" in helpers) + "import numpy", *_set_off(PYTHON, helpers), *text, ""])


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

_PYTHON_HELPERS = {
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
    "_erf": """
_erf = numpy.vectorize(math.erf, otypes=[numpy.float64])
""",
    "_expm1mx": """
def _expm1mx(x):
    tail = 0.0
    for k in range(18, 2, -1):
        tail = (1.0 + tail) * x / k
    return numpy.where(numpy.abs(x) < 0.5, (1.0 + tail) * x * x / 2.0, numpy.expm1(x) - x)
""",
    "_sigmoid": """
def _sigmoid(x):
    e = numpy.exp(-numpy.abs(x))
    return numpy.where(x < 0.0, e, 1.0) / (1.0 + e)
""",
    "_sech2": """
def _sech2(x):
    return 1.0 / numpy.square(numpy.cosh(x))
""",
    "_logcosh": """
def _logcosh(x):
    a = numpy.abs(x)
    near = numpy.log1p(2.0 * numpy.square(numpy.sinh(numpy.minimum(a, 1.0) / 2.0)))
    return numpy.where(a < 1.0, near, a + numpy.log1p(numpy.expm1(-2.0 * a) / 2.0))
""",
    "_times": """
def _times(adjoint, x):
    return numpy.where(adjoint == 0.0, 0.0, adjoint * x)
""",
    "_over": """
def _over(adjoint, x):
    return numpy.where(adjoint == 0.0, 0.0, adjoint / x)
""",
}

PYTHON = Language(
    python_vocabulary(_PYTHON_HELPERS),
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
        "logaddexp": "numpy.logaddexp({}, {})",
        "logical_not": "numpy.logical_not({})",
        "logical_and": "numpy.logical_and({}, {})",
        "logical_or": "numpy.logical_or({}, {})",
    },
    _PYTHON_HELPERS,
    prefix="_",
    always=("_tensor",),
)

_C_HELPERS = {
    "ss_square": "static double ss_square(double x) { return x * x; }",
    "ss_maximum": "static double ss_maximum(double x, double y) { return isnan(x) || x > y ? x : y; }",
    "ss_minimum": "static double ss_minimum(double x, double y) { return isnan(x) || x < y ? x : y; }",
    "ss_relu": "static double ss_relu(double x) { return x < 0.0 ? 0.0 : x; }",
    "ss_heaviside": "static double ss_heaviside(double x) { return x > 0.0 ? 1.0 : isnan(x) ? x : 0.0; }",
    "ss_sign": "static double ss_sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }",
    "ss_softplus": "static double ss_softplus(double x) { return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x))); }",
    "ss_expm1mx": """
static double ss_expm1mx(double x)
{
    if (!(fabs(x) < 0.5)) return expm1(x) - x;
    double tail = 0.0;
    for (int k = 18; k > 2; k--) tail = (1.0 + tail) * x / k;
    return (1.0 + tail) * x * x / 2.0;
}
""",
    "ss_sigmoid": """
static double ss_sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
""",
    "ss_sech2": "static double ss_sech2(double x) { return 1.0 / (cosh(x) * cosh(x)); }",
    "ss_logcosh": """
static double ss_logcosh(double x)
{
    const double a = fabs(x), s = sinh(a / 2.0);
    return a < 1.0 ? log1p(2.0 * s * s) : a + log1p(expm1(-2.0 * a) / 2.0);
}
""",
    "ss_logaddexp": """
static double ss_logaddexp(double x, double y)
{
    if (x == y) return x + log(2.0);
    return x > y ? x + log1p(exp(y - x)) : x < y ? y + log1p(exp(x - y)) : x + y;
}
""",
    "ss_times": "static double ss_times(double adjoint, double x) { return adjoint == 0.0 ? 0.0 : adjoint * x; }",
    "ss_over": "static double ss_over(double adjoint, double x) { return adjoint == 0.0 ? 0.0 : adjoint / x; }",
}

C99 = Language(
    c_vocabulary(_C_HELPERS),
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
    _C_HELPERS,
    prefix="ss_",
)

LEAN = Language(
    lean_vocabulary(),
    lambda name, index, _: "_".join([name, *map(str, index)]),
    INFIX
    | {name: f"(Real.{name} {{}})" for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")}
    | {
        "pi": "Real.pi",
        "atan": "(Real.arctan {})",
        "abs": "(|{}|)",
        "sign": "(if 0 < {0} then 1 else if {0} < 0 then -1 else 0)",
        "square": "({} ^ 2)",
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
    exact=True,
)
