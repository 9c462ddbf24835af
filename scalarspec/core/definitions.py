"""Operations by their definitions in others, on whatever an interpreter applies operations to.

`Context` defines most scalar operations in terms of others. An interpreter that has no rule for an operation can read
it in that definition: each operation of the definition is done by the interpreter, and so is as true as these are.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, Never

from scalarspec.core.arrays import Arrays
from scalarspec.core.context import DERIVED, PRIMITIVES, Context
from scalarspec.core.operations import find
from scalarspec.errors import NotExact, NotSupported
from scalarspec.numbers.exact import boxed


@dataclass(frozen=True)
class Steps(Context[Any]):
    """A context whose scalars are what an interpreter applies operations to.

    apply: (operation, *operands) -> result; number: the operand that stands for an exact value.
    """

    apply: Callable[..., Any]
    number: Callable[[Fraction], Any]
    name = "steps"

    @property
    def exact(self) -> Never:  # type: ignore[override]
        """Raises NotSupported: a definition that looks at what its scalars are is no definition in operations."""
        raise NotSupported("a definition in others does not look at what its scalars are")

    encloses = formal = rounds = exact

    def literal(self, value: Fraction) -> Any:
        """The operand for it."""
        return self.number(value)

    def exact_value(self, x: Any) -> Fraction:
        """Raises NotExact: no number is looked at."""
        raise NotExact("a definition does not look at numbers")


def _step(operation: str) -> Callable[..., Any]:
    return lambda self, *operands: self.apply(operation, *operands)


for _name in (*PRIMITIVES, *DERIVED):
    setattr(Steps, _name, _step(_name))
abc.update_abstractmethods(Steps)  # type: ignore[type-abstract]


def is_defined(operation: str) -> bool:
    """Has a scalar operation a definition in others?"""
    return operation in DERIVED


def by_definition(operation: str, *operands: Any, apply: Callable[..., Any], number: Callable[[Fraction], Any]) -> Any:
    """An operation by its definition. apply, number: of the interpreter, as `Steps` has them.

    by_definition("square", x, apply=arrays.apply, number=...)    # arrays.apply("multiply", x, x)
    """
    return DERIVED[operation](Steps(apply, number), *operands)  # type: ignore[abstract]


def definition(arrays: Arrays, operation: str) -> Callable[..., Any]:
    """A function that does an operation by its definition, each step by these arrays.

    For what is done on each element, that of `Context`; for all else the method of `Arrays`, which applies operations.
    """
    if not find(operation, "definition").scalar:
        return partial(getattr(Arrays, operation), arrays)

    def number(value: Fraction) -> Any:
        return arrays.pack(boxed(arrays.context.literal(value)))

    def apply(name: str, *operands: Any) -> Any:
        return arrays.apply(name, *operands) if operands else arrays.pack(boxed(getattr(arrays.context, name)()))

    return partial(by_definition, operation, apply=apply, number=number)
