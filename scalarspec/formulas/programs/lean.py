"""Lean 4 with Mathlib: a definition over ℝ, and examples of exact values. Text: nothing is compiled here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.formulas.names import lean_vocabulary
from scalarspec.formulas.programs.language import Language
from scalarspec.formulas.programs.program import Program

HEADING = "-- Lean 4 with Mathlib; text only: it has not been compiled here\nnamespace Generated\n"

_PATTERNS: dict[str, str | None] = {
    "multiply": "({} * {})",
    "divide": "({} / {})",
    "negative": "(-{})",
    "less": "({} < {})",
    "exp": "(Real.exp {})",
    "log": "(Real.log {})",
    "sqrt": "(Real.sqrt {})",
    "sin": "(Real.sin {})",
    "cos": "(Real.cos {})",
    "tan": "(Real.tan {})",
    "sinh": "(Real.sinh {})",
    "cosh": "(Real.cosh {})",
    "tanh": "(Real.tanh {})",
    "pi": "Real.pi",
    "atan": "(Real.arctan {})",
    "erf": None,
    "erfc": None,
    "lgamma": "(Real.log (Real.Gamma {}))",
    "digamma": None,
    "floor": "((⌊{}⌋ : ℤ) : ℝ)",
    "ceil": "((⌈{}⌉ : ℤ) : ℝ)",
    "trunc": "(if 0 ≤ {0} then ((⌊{0}⌋ : ℤ) : ℝ) else ((⌈{0}⌉ : ℤ) : ℝ))",
    "round": None,
    "cbrt": None,
    "asin": "(Real.arcsin {})",
    "acos": "(Real.arccos {})",
    "atan2": "(Complex.arg (Complex.mk {1} {0}))",
    "asinh": "(Real.arsinh {})",
    "acosh": "(Real.log ({0} + Real.sqrt ({0} ^ 2 - 1)))",
    "atanh": "(Real.log ((1 + {0}) / (1 - {0})) / 2)",
    "pow": "({} ^ {})",
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
}


def _rational(value: Fraction) -> str:
    return f"({value})" if value < 0 or value.denominator > 1 else str(value)


LEAN = Language(
    "Lean", lean_vocabulary(), lambda name, index, _: "_".join([name, *map(str, index)]), _PATTERNS,
    number=_rational, exact=True,
)  # fmt: skip


def lean_text(program: Program, vectors: Sequence[tuple[Mapping[str, Fraction], Any]]) -> str:
    """A Lean 4 definition over ℝ of the first output, and `example`s of (values of the inputs, exact value).

    The values are by the variables' own names. A namespace keeps the definition apart from the library's.
    """
    name = LEAN.vocabulary.function(program.name)
    examples = [_example(name, program, values, expected) for values, expected in vectors]
    return "\n".join([HEADING, *_definition(name, program), "", *examples, "", "end Generated"])


def _definition(name: str, program: Program) -> list[str]:
    printer = program.printed(LEAN)
    shape = program.arrays[0].shape
    kind = "".join(f"Fin {n} → " for n in shape) + "ℝ"
    binders = f" ({' '.join(printer.inputs)} : ℝ)" if printer.inputs else ""
    entries = np.empty(shape, dtype=object)
    entries[...] = np.reshape(np.array(program.results(printer)[0], dtype=object), shape)
    return [
        f"noncomputable def {name}{binders} : {kind} :=",
        *(f"  let {label} : ℝ := {value}" for label, value in printer.lines),
        f"  {_vector(entries.tolist())}",
    ]


def _example(name: str, program: Program, values: Mapping[str, Fraction], expected: Any) -> str:
    variables = [x for array in program.inputs.values() for x in array.flat]
    arguments = " ".join([name, *(_rational(values[str(x.args[0])]) for x in variables)])
    result = _vector(np.vectorize(_rational, otypes=[object])(expected).tolist())
    return f"example : {arguments} = {result} := by norm_num [{name}]"


def _vector(nested: Any) -> str:
    return f"![{', '.join(map(_vector, nested))}]" if isinstance(nested, list) else str(nested)
