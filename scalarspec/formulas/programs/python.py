"""Python, by NumPy: a function of arrays, which may have further axes at the end."""

from __future__ import annotations

from collections.abc import Sequence

from scalarspec.formulas.names import python_vocabulary
from scalarspec.formulas.programs.language import Language
from scalarspec.formulas.programs.program import Program

QUIET = '@numpy.errstate(all="ignore")'
"""Before a function that gives IEEE's special values without warnings, as our own floats do."""

_HELPERS = {
    "_tensor": """
def _tensor(shape, items):
    items = numpy.broadcast_arrays(*items)
    return numpy.reshape(items, shape + (items[0].shape if items else ()))[()]
""",
    "_mean": """
def _mean(x, axis):
    return numpy.sum(x, axis=axis) / max(1, numpy.prod([x.shape[i] for i in axis], dtype=int))
""",
    "_scatter": """
def _scatter(x, index, shape):
    t = numpy.zeros(shape)
    t[index] = x
    return t
""",
    "_softmax": """
def _softmax(x, axis, where=True):
    most = numpy.max(x, axis=axis, keepdims=True, where=where, initial=-numpy.inf)
    e = numpy.exp(numpy.where(where, x - most, -numpy.inf))
    return numpy.where(where, e / numpy.sum(e, axis=axis, keepdims=True), 0.0)
""",
    "_log_softmax": """
def _log_softmax(x, axis):
    x = x - numpy.max(x, axis=axis, keepdims=True, initial=-numpy.inf)
    return x - numpy.log(numpy.sum(numpy.exp(x), axis=axis, keepdims=True))
""",
    "_patches": """
def _patches(x, kernel, stride=None, dilation=None):
    d = len(kernel)
    stride, dilation = stride or (1,) * d, dilation or (1,) * d
    reach = [(k - 1) * g + 1 for k, g in zip(kernel, dilation)]
    seen = numpy.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(x.ndim - d, x.ndim)))
    seen = seen[(..., *(slice(None, None, step) for step in (*stride, *dilation)))]
    return numpy.moveaxis(seen, range(-d, 0), range(-2 * d, -d))
""",
    "_fold": """
def _fold(x, size, stride=None, dilation=None):
    d = len(size)
    stride, dilation = stride or (1,) * d, dilation or (1,) * d
    kernel, number = x.shape[-2 * d : -d], x.shape[-d:]
    t = numpy.zeros(x.shape[: -2 * d] + tuple(size))
    for place in numpy.ndindex(*kernel):
        starts = [p * g for p, g in zip(place, dilation)]
        where = [slice(a, a + n * s, s) for a, n, s in zip(starts, number, stride)]
        t[(..., *where)] += x[(..., *place, *[slice(None)] * d)]
    return t
""",
    "_erf": """
_erf = numpy.vectorize(math.erf, otypes=[numpy.float64])
""",
    "_erfc": """
_erfc = numpy.vectorize(math.erfc, otypes=[numpy.float64])
""",
    "_lgamma": """
_lgamma = numpy.vectorize(math.lgamma, otypes=[numpy.float64])
""",
    "_digamma": """
def _digamma(x):
    total, tail = numpy.where(x > 0.0, 0.0, numpy.nan), 0.0
    for _ in range(12):
        total, x = numpy.where(x < 12.0, total - 1.0 / x, total), numpy.where(x < 12.0, x + 1.0, x)
    for c in (-691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12):
        tail = (tail + c) / numpy.square(x)
    return total + (numpy.log(x) - 0.5 / x - tail)
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

_PATTERNS: dict[str, str | None] = {
    "multiply": "({} * {})",
    "divide": "({} / {})",
    "negative": "(-{})",
    "less": "({} < {})",
    "less_equal": "({} <= {})",
    "equal": "({} == {})",
    "exp": "numpy.exp({})",
    "log": "numpy.log({})",
    "sqrt": "numpy.sqrt({})",
    "sin": "numpy.sin({})",
    "cos": "numpy.cos({})",
    "tan": "numpy.tan({})",
    "sinh": "numpy.sinh({})",
    "cosh": "numpy.cosh({})",
    "tanh": "numpy.tanh({})",
    "expm1": "numpy.expm1({})",
    "log1p": "numpy.log1p({})",
    "abs": "numpy.abs({})",
    "sign": "numpy.sign({})",
    "square": "numpy.square({})",
    "pi": "numpy.pi",
    "atan": "numpy.arctan({})",
    "erf": "_erf({})",
    "pow": "numpy.power({}, {})",
    "floor": "numpy.floor({})",
    "ceil": "numpy.ceil({})",
    "trunc": "numpy.trunc({})",
    "round": "numpy.rint({})",
    "cbrt": "numpy.cbrt({})",
    "erfc": "_erfc({})",
    "lgamma": "_lgamma({})",
    "digamma": "_digamma({})",
    "asin": "numpy.arcsin({})",
    "acos": "numpy.arccos({})",
    "atan2": "numpy.arctan2({}, {})",
    "asinh": "numpy.arcsinh({})",
    "acosh": "numpy.arccosh({})",
    "atanh": "numpy.arctanh({})",
    "where": "numpy.where({}, {}, {})",
    "maximum": "numpy.maximum({}, {})",
    "minimum": "numpy.minimum({}, {})",
    "relu": "numpy.maximum({}, 0.0)",
    "heaviside": "numpy.heaviside({}, 0.0)",
    "expm1mx": "_expm1mx({})",
    "sigmoid": "_sigmoid({})",
    "sech2": "_sech2({})",
    "softplus": "numpy.logaddexp({}, 0.0)",
    "logcosh": "_logcosh({})",
    "logaddexp": "numpy.logaddexp({}, {})",
    "logical_not": "numpy.logical_not({})",
    "logical_and": "numpy.logical_and({}, {})",
    "logical_or": "numpy.logical_or({}, {})",
    "adjoint_times": "_times({}, {})",
    "adjoint_over": "_over({}, {})",
}


def _element(name: str, index: tuple[int, ...], _: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


PYTHON = Language("Python", python_vocabulary(_HELPERS), _element, _PATTERNS, _HELPERS, always=("_tensor",))


def python_text(program: Program) -> str:
    """A function of arrays, by NumPy. Inputs may have further axes at the end, for many at a time."""
    printer = program.printed(PYTHON)
    names, results = printer.inputs, program.results(printer)
    returned = [f"_tensor({array.shape}, [{', '.join(r)}])" for array, r in zip(program.arrays, results, strict=True)]
    shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(names, program.inputs.values(), strict=True))
    text = [
        QUIET,
        f"def {PYTHON.vocabulary.function(program.name)}({', '.join(names)}):",
        f'    """{", ".join(program.outputs)} of {shapes or "nothing"}."""',
        *(f"    {name} = numpy.asarray({name}, dtype=numpy.float64)" for name in names),
        *(f"    {name} = {value}" for name, value in printer.lines),
        f"    return {', '.join(returned)}",
    ]
    return numpy_module(printer.helpers, text)


def numpy_module(helpers: Sequence[str], text: Sequence[str]) -> str:
    """The lines of a function in NumPy, after its imports and its helpers."""
    mathematics = any("(math." in PYTHON.helpers[name] for name in helpers)
    return "\n".join(["import math\n" * mathematics + "import numpy", *PYTHON.set_off(helpers), *text, ""])
