"""C99: a function of pointers to doubles."""

from __future__ import annotations

import numpy as np

from scalarspec.formulas.names import c_vocabulary
from scalarspec.formulas.programs.language import Language
from scalarspec.formulas.programs.printer import Printer
from scalarspec.formulas.programs.program import Program

_HELPERS = {
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
    "ss_digamma": """
static double ss_digamma(double x)
{
    static const double c[] = {-691.0 / 32760, 1.0 / 132, -1.0 / 240, 1.0 / 252, -1.0 / 120, 1.0 / 12};
    double total = x > 0.0 ? 0.0 : NAN, tail = 0.0;
    for (; x > 0.0 && x < 12.0; x += 1.0) total -= 1.0 / x;
    for (int k = 0; k < 6; k++) tail = (tail + c[k]) / (x * x);
    return total + (log(x) - 0.5 / x - tail);
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

_PATTERNS: dict[str, str | None] = {
    "multiply": "({} * {})",
    "divide": "({} / {})",
    "negative": "(-{})",
    "less": "({} < {})",
    "less_equal": "({} <= {})",
    "equal": "({} == {})",
    "exp": "exp({})",
    "log": "log({})",
    "sqrt": "sqrt({})",
    "sin": "sin({})",
    "cos": "cos({})",
    "tan": "tan({})",
    "sinh": "sinh({})",
    "cosh": "cosh({})",
    "tanh": "tanh({})",
    "expm1": "expm1({})",
    "log1p": "log1p({})",
    "atan": "atan({})",
    "erf": "erf({})",
    "floor": "floor({})",
    "ceil": "ceil({})",
    "trunc": "trunc({})",
    "round": "rint({})",
    "cbrt": "cbrt({})",
    "erfc": "erfc({})",
    "lgamma": "lgamma({})",
    "digamma": "ss_digamma({})",
    "asin": "asin({})",
    "acos": "acos({})",
    "atan2": "atan2({}, {})",
    "asinh": "asinh({})",
    "acosh": "acosh({})",
    "atanh": "atanh({})",
    "abs": "fabs({})",
    "pi": "3.14159265358979323846",
    "pow": "pow({}, {})",
    "where": "({} ? {} : {})",
    "logical_not": "(!{})",
    "logical_and": "({} && {})",
    "logical_or": "({} || {})",
    "square": "ss_square({})",
    "maximum": "ss_maximum({}, {})",
    "minimum": "ss_minimum({}, {})",
    "relu": "ss_relu({})",
    "heaviside": "ss_heaviside({})",
    "sign": "ss_sign({})",
    "softplus": "ss_softplus({})",
    "expm1mx": "ss_expm1mx({})",
    "sigmoid": "ss_sigmoid({})",
    "sech2": "ss_sech2({})",
    "logcosh": "ss_logcosh({})",
    "logaddexp": "ss_logaddexp({}, {})",
    "adjoint_times": "ss_times({}, {})",
    "adjoint_over": "ss_over({}, {})",
}


def _element(name: str, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    return f"{name}[{np.ravel_multi_index(index, shape) if index else 0}]"


C99 = Language("C99", c_vocabulary(_HELPERS), _element, _PATTERNS, _HELPERS)


def c99_text(program: Program) -> str:
    """A function of pointers to doubles, row-major: the inputs, then an array for each output."""
    printer = program.printed(C99, program.outputs)
    text = [
        *_heading(program, printer),
        "{",
        *(f"    const double {name} = {value};" for name, value in printer.lines),
        *_assignments(printer.outputs, program.results(printer)),
        "}",
    ]
    return "\n".join(["#include <math.h>", *C99.set_off(printer.helpers), *text, ""])


def _heading(program: Program, printer: Printer) -> list[str]:
    names = [*printer.inputs, *printer.outputs]
    arrays = [*program.inputs.values(), *program.arrays]
    sizes = [f"{name}[{array.size}]" for name, array in zip(names, arrays, strict=True)]
    pointers = [*(f"const double *{name}" for name in printer.inputs), *(f"double *{name}" for name in printer.outputs)]
    return [
        f"/* {', '.join(sizes)} */",
        f"void {C99.vocabulary.function(program.name)}(",
        ",\n".join(f"    {pointer}" for pointer in pointers) + ")",
    ]


def _assignments(outputs: list[str], results: list[list[str]]) -> list[str]:
    pairs = zip(outputs, results, strict=True)
    return [f"    {output}[{i}] = {value};" for output, values in pairs for i, value in enumerate(values)]
