"""The table of operations: what each one is, in one line, for every interpreter that must know.

An interpreter asks the table, and nothing else, for facts about an operation; rules that are functions (a derivative, a
printer's pattern, how a batch is done) stay beside the interpreter and are checked against the table when they are
imported. What the table does not say is refused by name: a fact that is left out is None, and `stated` raises
NotSupported for it. So an operation that is added with a line of silence is refused where the silence matters, and one
that is added with a wrong fact is caught by `scalarspec.conformance`, which is generated from this table.

The facts, in the order of a line:

  name       of the method that does it, of `Context` for scalars and of `Arrays` for the rest
  kind       elementwise, relation, connective, choice, reduction, product or structure
  operands   how many there are; None: any number
  graph      how the result runs in the operands
               linear     in all of them together: what is relaxed exactly
               bilinear   in the first two of them, and linear in the rest
               quotient   linear in the first, for a known second
               convex, concave, s_shaped (convex up to 0, concave from there on), by_sign (concave for negative
               numbers, convex for positive ones), smooth: functions of one number
               step       constant but for jumps
               defined    as its definition runs, by which it is relaxed (see `bounding.plan`)
               free       nothing is known but its values
  floats     how a float computes it
               exact      without an error      rounded    the exact result, rounded once
               library    within some ulps      sum        terms added in any order, products among them
               choice     one of its operands   step       it jumps between values that are floats
               composed   by a formula of other operations, whose error the context `rounding` has a rule for
             defined    as its definition in others says
  kinks      where it has no derivative: nowhere, zero (of its first operand), tie (of its operands), border (where its
             condition turns), integers, wholes (integers but 0), halves (integers and a half), parts (where the parts
             of its definition have none: derivatives are those of the definition)
  rational   where the result is rational for rational operands: always, sometimes, or the one integer at which it is
  range      the least and the greatest value that it can take
  border     at the border of its domain: a pole, steep (finite, with an infinite slope), or none (there is no border)
  symbolic   in a formula it is a node of its own, or read in its definition, as all can be that have one
  defined    do all interpreters read it in its definition in others? Then they need no more facts, and no rules
  names      in the array API, in PyTorch and in ONNX; "-" where there is none
  course     of a function of one number, where it rises and falls, and its domain (see `core.course`)

Shapes follow the kind: one common shape for what is elementwise, the shape without some axes for reductions, and a rule
of its own (`shape`) for each product and each change of structure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf
from typing import Any, TypeVar

from scalarspec.core import shape as shapes
from scalarspec.core import windows
from scalarspec.core.course import Course
from scalarspec.core.indexing import index_shape
from scalarspec.core.operation import CURVES as CURVES
from scalarspec.core.operation import SCALAR_KINDS as SCALAR_KINDS
from scalarspec.core.operation import Border, Kind, Operation, ShapeRule
from scalarspec.core.shape import Scalar, Shape
from scalarspec.errors import NotSupported, ShapeError

Rule = TypeVar("Rule")
ALL, NATURAL, UNIT = (-inf, inf), (0.0, inf), (0.0, 1.0)


def _elementwise(
    name: str, operands: int, *facts: Any, border: Border = "none", read: bool = False, course: Course | None = None
) -> Operation:
    """read: in formulas, in its definition."""
    line = Operation(name, "elementwise", operands, *facts)
    return replace(line, border=border, symbolic="definition" if read else "node", course=course)


def _valley(name: str, turns: str, least: float, names: str, *facts: Any) -> Operation:
    """An activation that comes from 0 at -∞, falls to a minimum, and rises without bound. least: a lower bound."""
    course = Course(limits=(0.0, inf), turns=turns)
    return _elementwise(name, 1, *facts, (least, inf), names, read=True, course=course)


def _truth(name: str, kind: Kind, operands: int, names: str) -> Operation:
    truths, floats = (operands, "exact") if kind == "connective" else (0, "step")
    facts: Any = ("step", floats, "border", "always", UNIT, names, truths)
    return replace(Operation(name, kind, operands, *facts), symbolic="node")


def _reduction(name: str, *facts: Any, **more: Any) -> Operation:
    return Operation(name, "reduction", 1, *facts, **{"parameters": ("axis",), **more})


def _product(name: str, operands: int, shape: ShapeRule, names: str, *parameters: str) -> Operation:
    facts = ("bilinear", "sum", "nowhere", "always", ALL, names)
    return Operation(name, "product", operands, *facts, parameters=parameters, shape=shape)  # type: ignore[arg-type]


def _structure(name: str, operands: int | None, shape: ShapeRule, names: str, *parameters: str) -> Operation:
    facts = ("linear", "exact", "nowhere", "always", ALL, names)
    return Operation(name, "structure", operands, *facts, parameters=parameters, shape=shape)  # type: ignore[arg-type]


def _given(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    return Shape(parameters["shape"])


def _transposed(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    (first,) = operands
    return Shape((*first[:-2], first[-1], first[-2]))


def _stacked(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    first, axis = operands[0], parameters.get("axis", 0)
    return Shape((*first[:axis], len(operands), *first[axis:]))


def _indexed(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    return Shape(index_shape(operands[0], parameters["index"]))


def _permuted(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    return Shape(operands[0][i] for i in parameters["axes"])


def _concatenated(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    axis, first = parameters["axis"], operands[0]
    if any((*s[:axis], *s[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]) for s in operands):
        raise ShapeError(f"concat: shapes {' and '.join(map(str, operands))} differ beside axis {axis}")
    return Shape((*first[:axis], sum(s[axis] for s in operands), *first[axis + 1 :]))


def _seen(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    (first,), kernel = operands, parameters["kernel"]
    spatial = first[len(first) - len(kernel) :]
    number = windows.counts(spatial, kernel, parameters["stride"], parameters["dilation"])
    return Shape((*first[: len(first) - len(kernel)], *kernel, *number))


def _folded(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    (first,), size = operands, parameters["size"]
    axes = len(first) - 2 * len(size)
    kernel, number = first[axes : axes + len(size)], first[axes + len(size) :]
    if windows.counts(size, kernel, parameters["stride"], parameters["dilation"]) != tuple(number):
        raise ShapeError(f"fold: lengths {tuple(size)} have not {tuple(number)} windows")  # so there is a transpose
    return Shape((*first[:axes], *size))


def _same(operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    return operands[0]


ZERO, ONE = 0, 1
POSITIVE = Course((0.0, inf))
_TURNS = {
    "silu": "-1.27846454276107379510935873902298015543947748861974576545317810553502937545994989",
    "gelu": "-0.75179152469356445745790494677952403966447115342345384838653956562084626579734695",
    "gelu_tanh": "-0.75246142207101625848795444328891609060539217803762927064177339268369252236759801",
    "lgamma": "1.46163214496836234126265954232572132846819620400644635129598840859878644035380181",
    "mish": "-1.19243121451549521213758834042073940560068640932252931455165826078029213829081713",
}
"""The places of minima, to 80 decimals."""

# fmt: off
OPERATIONS: dict[str, Operation] = {line.name: line for line in (
    _elementwise("add", 2, "linear", "rounded", "nowhere", "always", ALL, "add add Add", read=True),
    _elementwise("subtract", 2, "linear", "rounded", "nowhere", "always", ALL, "subtract sub Sub", read=True),
    _elementwise("negative", 1, "linear", "exact", "nowhere", "always", ALL, "negative neg Neg"),
    _elementwise("multiply", 2, "bilinear", "rounded", "nowhere", "always", ALL, "multiply mul Mul"),
    _elementwise("divide", 2, "quotient", "rounded", "nowhere", "always", ALL, "divide div Div", border="pole"),
    _elementwise("reciprocal", 1, "by_sign", "rounded", "nowhere", "always", ALL, "reciprocal reciprocal Reciprocal",
                 border="pole", read=True),
    _elementwise("square", 1, "convex", "rounded", "nowhere", "always", NATURAL, "square square -"),
    _elementwise("sqrt", 1, "concave", "rounded", "nowhere", "sometimes", NATURAL, "sqrt sqrt Sqrt", border="steep",
                 course=POSITIVE),
    _elementwise("pow", 2, "free", "library", "nowhere", "sometimes", ALL, "pow pow Pow", border="steep"),
    _elementwise("pi", 0, "free", "rounded", "nowhere", "sometimes", (3.0, 4.0), "pi pi -"),
    _elementwise("exp", 1, "convex", "library", "nowhere", ZERO, NATURAL, "exp exp Exp"),
    _elementwise("expm1", 1, "convex", "library", "nowhere", ZERO, (-1.0, inf), "expm1 expm1 -"),
    _elementwise("expm1mx", 1, "convex", "composed", "nowhere", ZERO, NATURAL, "- - -"),
    _elementwise("log", 1, "concave", "library", "nowhere", ONE, ALL, "log log Log", border="pole", course=POSITIVE),
    _elementwise("log1p", 1, "concave", "library", "nowhere", ZERO, ALL, "log1p log1p -", border="pole",
                 course=Course((-1.0, inf))),
    _elementwise("sin", 1, "smooth", "library", "nowhere", ZERO, (-1.0, 1.0), "sin sin Sin"),
    _elementwise("cos", 1, "smooth", "library", "nowhere", ZERO, (-1.0, 1.0), "cos cos Cos"),
    _elementwise("tan", 1, "smooth", "library", "nowhere", ZERO, ALL, "tan tan Tan"),
    _elementwise("atan", 1, "s_shaped", "library", "nowhere", ZERO, (-1.6, 1.6), "atan atan Atan"),
    _elementwise("erf", 1, "s_shaped", "library", "nowhere", ZERO, (-1.0, 1.0), "- erf Erf"),
    _elementwise("sinh", 1, "smooth", "library", "nowhere", ZERO, ALL, "sinh sinh Sinh"),
    _elementwise("cosh", 1, "convex", "library", "nowhere", ZERO, (1.0, inf), "cosh cosh Cosh"),
    _elementwise("tanh", 1, "s_shaped", "library", "nowhere", ZERO, (-1.0, 1.0), "tanh tanh Tanh"),
    _elementwise("sigmoid", 1, "s_shaped", "composed", "nowhere", ZERO, UNIT, "- sigmoid Sigmoid"),
    _elementwise("softplus", 1, "convex", "composed", "nowhere", "sometimes", NATURAL, "- softplus Softplus"),
    _elementwise("logcosh", 1, "convex", "composed", "nowhere", ZERO, NATURAL, "- - -"),
    _elementwise("relu", 1, "convex", "exact", "zero", "always", NATURAL, "- relu Relu"),
    _elementwise("abs", 1, "convex", "exact", "zero", "always", NATURAL, "abs abs Abs"),
    _elementwise("leaky_relu", 2, "defined", "rounded", "zero", "always", ALL, "- leaky_relu LeakyRelu", read=True),
    _elementwise("maximum", 2, "defined", "choice", "tie", "always", ALL, "maximum maximum Max"),
    _elementwise("minimum", 2, "defined", "choice", "tie", "always", ALL, "minimum minimum Min"),
    _elementwise("clip", 3, "defined", "choice", "tie", "always", ALL, "clip clamp Clip", read=True),
    _elementwise("heaviside", 1, "step", "step", "zero", "always", UNIT, "- heaviside -"),
    _elementwise("sign", 1, "step", "step", "zero", "always", (-1.0, 1.0), "sign sign Sign"),
    _elementwise("elu", 1, "convex", "composed", "nowhere", ZERO, (-1.0, inf), "- elu Elu", read=True,
                 course=Course(limits=(-1.0, inf))),
    _valley("silu", _TURNS["silu"], -0.279, "- silu -", "smooth", "composed", "nowhere", ZERO),
    _valley("gelu", _TURNS["gelu"], -0.17, "- gelu Gelu", "smooth", "composed", "nowhere", ZERO),
    _valley("gelu_tanh", _TURNS["gelu_tanh"], -0.1701, "- - -", "smooth", "composed", "nowhere", ZERO),
    _valley("mish", _TURNS["mish"], -0.3089, "- mish Mish", "smooth", "composed", "nowhere", ZERO),
    _valley("hardswish", "-1.5", -0.375, "- hardswish HardSwish", "defined", "defined", "parts", "always"),
    _elementwise("softsign", 1, "s_shaped", "composed", "nowhere", "always", (-1.0, 1.0), "- softsign Softsign",
                 read=True, course=Course(limits=(-1.0, 1.0))),
    _elementwise("floor", 1, "step", "step", "integers", "always", ALL, "floor floor Floor"),
    _elementwise("ceil", 1, "step", "step", "integers", "always", ALL, "ceil ceil Ceil"),
    _elementwise("trunc", 1, "step", "step", "wholes", "always", ALL, "trunc trunc -"),
    _elementwise("round", 1, "step", "step", "halves", "always", ALL, "round round Round"),
    _elementwise("erfc", 1, "smooth", "library", "nowhere", ZERO, (0.0, 2.0), "- erfc -",
                 course=Course(limits=(2.0, 0.0))),
    _elementwise("log_ndtr", 1, "concave", "composed", "nowhere", "sometimes", (-inf, 0.0), "- special.log_ndtr -",
                 read=True, course=Course(limits=(-inf, 0.0))),
    _elementwise("hypot", 2, "defined", "library", "nowhere", "sometimes", NATURAL, "hypot hypot -", read=True),
    _elementwise("log2", 1, "concave", "library", "nowhere", "sometimes", ALL, "log2 log2 -", border="pole", read=True,
                 course=POSITIVE),
    _elementwise("log10", 1, "concave", "library", "nowhere", "sometimes", ALL, "log10 log10 -", border="pole",
                 read=True, course=POSITIVE),
    _elementwise("asin", 1, "smooth", "library", "nowhere", ZERO, (-1.6, 1.6), "asin asin Asin", border="steep",
                 course=Course((-1.0, 1.0))),
    _elementwise("acos", 1, "smooth", "library", "nowhere", ONE, (0.0, 3.2), "acos acos Acos", border="steep",
                 course=Course((-1.0, 1.0))),
    _elementwise("asinh", 1, "s_shaped", "library", "nowhere", ZERO, ALL, "asinh asinh Asinh", course=Course()),
    _elementwise("acosh", 1, "concave", "library", "nowhere", ONE, NATURAL, "acosh acosh Acosh", border="steep",
                 course=Course((1.0, inf))),
    _elementwise("atanh", 1, "smooth", "library", "nowhere", ZERO, ALL, "atanh atanh Atanh", border="pole",
                 course=Course((-1.0, 1.0))),
    _elementwise("lgamma", 1, "convex", "library", "nowhere", "sometimes", (-0.1215, inf), "- lgamma -",
                 border="pole", course=Course((0.0, inf), (inf, inf), _TURNS["lgamma"])),
    _elementwise("digamma", 1, "free", "composed", "nowhere", "sometimes", ALL, "- digamma -", border="pole",
                 course=POSITIVE),
    _elementwise("atan2", 2, "defined", "defined", "parts", "sometimes", (-3.2, 3.2), "atan2 atan2 -"),
    _elementwise("cbrt", 1, "free", "library", "nowhere", "sometimes", ALL, "- - -", course=Course()),
    _elementwise("remainder", 2, "defined", "defined", "parts", "always", ALL, "remainder remainder -",
                 border="pole", read=True),
    _elementwise("copysign", 2, "defined", "defined", "parts", "always", ALL, "copysign copysign -", read=True),
    _truth("less", "relation", 2, "less lt Less"),
    _truth("less_equal", "relation", 2, "less_equal le LessOrEqual"),
    _truth("equal", "relation", 2, "equal eq Equal"),
    _truth("logical_not", "connective", 1, "logical_not logical_not Not"),
    _truth("logical_and", "connective", 2, "logical_and logical_and And"),
    _truth("logical_or", "connective", 2, "logical_or logical_or Or"),
    Operation("where", "choice", 3, "free", "choice", "border", "always", ALL, "where where Where", 1, symbolic="node"),
    _reduction("sum", "linear", "sum", "nowhere", "always", ALL, "sum sum ReduceSum"),
    _reduction("mean", "linear", "sum", "nowhere", "always", ALL, "mean mean ReduceMean", parameters=("axis", "count")),
    _reduction("mean_square", "defined", "sum", "nowhere", "always", NATURAL, parameters=("axis", "count")),
    _reduction("logsumexp", "defined", "composed", "nowhere", "sometimes", ALL, "- logsumexp ReduceLogSumExp"),
    _reduction("max", "defined", "choice", "tie", "always", ALL, "max amax ReduceMax", parameters=("axis", "counts")),
    _reduction("min", "defined", "choice", "tie", "always", ALL, "min amin ReduceMin", parameters=("axis", "counts")),
    _reduction("softmax", "defined", "composed", "nowhere", "sometimes", UNIT, "- softmax Softmax",
               parameters=("axis", "mask"), shape=_same),
    _reduction("log_softmax", "defined", "composed", "nowhere", "sometimes", (-inf, 0.0),
               "- log_softmax LogSoftmax", shape=_same),
    Operation("rms_norm", "reduction", 2, "defined", "defined", "nowhere", "sometimes", ALL,
              "- rms_norm RMSNormalization", parameters=("axis", "count", "shape"), shape=_same),
    _reduction("cumulative_sum", "linear", "sum", "nowhere", "always", ALL, "cumulative_sum cumsum CumSum",
               shape=_same),
    _reduction("fold", "linear", "sum", "nowhere", "always", ALL, "- fold Col2Im",
               parameters=("stride", "dilation", "size"), shape=_folded),
    _product("matmul", 2, lambda s, p: shapes.matmul_shape(*s), "matmul matmul MatMul"),
    _product("affine", 3, lambda s, p: s[2], "- linear Gemm"),
    _product("affine_rows", 3, _given, "- linear Gemm", "shape"),
    _structure("getitem", 1, _indexed, "- - Slice", "index"),
    _structure("scatter", 1, _given, "- - ScatterND", "index", "shape"),
    _structure("reshape", 1, _given, "reshape reshape Reshape", "shape"),
    _structure("matrix_transpose", 1, _transposed, "matrix_transpose transpose Transpose"),
    _structure("broadcast_to", 1, _given, "broadcast_to broadcast_to Expand", "shape"),
    _structure("permute_dims", 1, _permuted, "permute_dims permute Transpose", "axes"),
    _structure("concat", None, _concatenated, "concat cat Concat", "axis"),
    _structure("patches", 1, _seen, "- unfold -", "kernel", "stride", "dilation"),
    _structure("stack", None, _stacked, "stack stack -", "axis"),
)}
# fmt: on
"""Every operation by its name. Others come and go by `scalarspec.extend`."""
ADDED: set[str] = set()
"""The names of those that `scalarspec.extend` added, which alone can be taken away: nothing about them lasts."""
CACHES: list[Any] = []
"""What is kept by the names of operations, and forgotten where one is taken away: its name may come to mean another."""


def forgotten_when_removed(cached: Rule) -> Rule:
    """Marks a function with functools' cache by the names of operations."""
    CACHES.append(cached)
    return cached


def find(name: str, reading: str) -> Operation:
    """The line of an operation. reading: who asks, for the message. Raises NotSupported where the table has none of
    that name.
    """
    line = OPERATIONS.get(name)
    if line is None:
        raise NotSupported(f"{reading}: {name}: the table of operations has no such operation")
    return line


WHAT = {
    "graph": "how its graph runs",
    "floats": "how a float computes it",
    "kinks": "where it has kinks",
    "rational": "where it is rational",
    "range": "its range",
    "shape": "the shape of its result",
    "border": "what it does at the border of its domain",
    "course": "how it rises and falls",
}
"""What each fact is, in words, for the message of a refusal."""


def stated(name: str, fact: str, reading: str) -> Any:
    """A fact about an operation: the field of that name of its line. reading: who asks, for the message. Raises
    NotSupported where the table leaves it out.
    """
    value = getattr(find(name, reading), fact)
    if value is None:
        raise NotSupported(f"{reading}: {name}: {WHAT[fact]} is not stated in the table of operations")
    return value


def having(**facts: Any) -> frozenset[str]:
    """The names of the operations of which all these facts hold. A tuple stands for any of its members.

    For example:

        having(kind="elementwise", kinks=("zero", "tie"))    # relu, abs, maximum, ...
    """

    def holds(line: Operation) -> bool:
        return all(
            getattr(line, fact) in value if isinstance(value, tuple) else getattr(line, fact) == value
            for fact, value in facts.items()
        )

    return frozenset(name for name, line in OPERATIONS.items() if holds(line))


def result_shape(name: str, operands: list[Shape], parameters: Mapping[str, Any]) -> Shape:
    """The shape of the result of an operation on operands of these shapes. Raises ShapeError where they do not fit,
    NotSupported where the table has no rule.
    """
    line = find(name, "shape")
    if line.scalar:
        return shapes.equal_shapes(name, operands) if operands else Scalar
    if line.shape is None and line.kind == "reduction":
        return shapes.without_axes(operands[0], parameters["axis"])
    rule: ShapeRule = stated(name, "shape", "shape")
    return rule(operands, parameters)


def check_complete(what: str, rules: Collection[str], wanted: Collection[str]) -> None:
    """Raise TypeError, at import, where a table of rules lacks a wanted operation, or has a rule for another one.

    Operations that were added before that import are asked for where they are used.
    """
    missing, spare = sorted({*wanted} - {*rules} - ADDED), sorted({*rules} - {*wanted} - ADDED)
    if missing or spare:
        raise TypeError(f"{what}: rules are missing for {missing}, and there are some for {spare}")


def rule_of(reading: str, rules: Mapping[str, Rule], operation: str) -> Rule:
    """The rule that a table has for an operation. Raises NotSupported, naming both, where none is stated."""
    rule = rules.get(operation)
    if rule is None:
        raise NotSupported(f"{reading}: {operation}: no rule is stated")
    return rule
