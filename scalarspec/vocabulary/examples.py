"""The call of a function as a session of Python, with what it prints: for what has no example in its own text.

The calls are those of `calls`, whose lambdas are read from the text of that file.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from scalarspec.core.named_contexts import context as named_context
from scalarspec.errors import NotSupported
from scalarspec.vocabulary import calls
from scalarspec.vocabulary.rows import Row

IMPORTS = "import numpy as np\nimport scalarspec as ss"
FEW = 6
"""So many numbers are written out; more are made by NumPy."""


def example(row: Row) -> str:
    """A session that calls a function of tensors: the statements after >>>, and what the last one prints."""
    statements = list(_statements(row))
    scope: dict[str, Any] = {}
    exec("\n".join([IMPORTS, *statements[:-1]]), scope)
    lines = [f">>> {statement}" for statement in statements]
    return "\n".join([*lines, repr(eval(statements[-1], scope))])


def _statements(row: Row) -> Iterator[str]:
    """The arguments of the call of a row, then the call."""
    assert row.call is not None
    spec = _lambdas().get(f"{row.room}.{row.name}")
    names = _arguments(spec) if spec else _parameters(row.function)
    names += [f"x{place}" for place in range(len(names), len(row.call.shapes))]
    names = names[: len(row.call.shapes)]
    yield f'tensor = ss.context("{_context(row)}").tensor'
    for name, shape in zip(names, row.call.shapes, strict=True):
        yield f"{name} = tensor({_numbers(shape)})"
    yield _body(spec, names) if spec else f"{_door(row.room)}.{row.name}({', '.join(names)})"


def _context(row: Row) -> str:
    """Floats, or intervals where floats have no such function, as of sets."""
    assert row.call is not None
    try:
        row.call.under(named_context("float64"))
    except NotSupported:
        return "interval"
    return "float64"


def _numbers(shape: tuple[int, ...]) -> str:
    """The text of the numbers that `calls.numbers` has for a shape."""
    size = prod(shape)
    if size > FEW:
        return f"(np.arange({size}).reshape({', '.join(map(str, shape))}) * 5 % 16 + 1) / 16"
    return str(calls.numbers(shape).tolist())


def _door(room: str) -> str:
    return "ss" if room == "core" else f"ss.{room}"


@functools.cache
def _lambdas() -> dict[str, ast.Lambda]:
    """The specs of `CALLS` that are lambdas, as they are written there."""
    tree = ast.parse(inspect.getsource(calls))
    table = next(n.value for n in tree.body if isinstance(n, ast.AnnAssign) and ast.unparse(n.target) == "CALLS")
    assert isinstance(table, ast.Dict)
    written = {ast.literal_eval(key): value.args[0] for key, value in zip(table.keys, table.values, strict=True)}  # type: ignore[arg-type, attr-defined]
    return {name: spec for name, spec in written.items() if isinstance(spec, ast.Lambda)}


def _arguments(spec: ast.Lambda) -> list[str]:
    """The names of a lambda's arguments; of *p those of the parameters that it is handed to as a whole."""
    names = [argument.arg for argument in spec.args.args]
    for node in ast.walk(spec.body):
        match node:
            case ast.Call(func=handed, args=[*before, ast.Starred(ast.Name())]):
                return names + _parameters(eval(ast.unparse(handed), vars(calls)))[len(before) :]
    return names


def _parameters(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters that take one argument each."""
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [name for name, p in inspect.signature(function).parameters.items() if p.kind in kinds]


def _body(spec: ast.Lambda, names: list[str]) -> str:
    """What a lambda does, as a user writes it: `ss` in the place of this package's modules, and *p as its items."""
    rest = names[len(spec.args.args) :]
    body = ast.parse(ast.unparse(spec.body), mode="eval")
    return ast.unparse(_AsWritten(spec.args.vararg.arg if spec.args.vararg else "", rest).visit(body))


class _AsWritten(ast.NodeTransformer):
    """Puts items in the place of *rest and *rest[:2], and the names of a user in the place of a module's."""

    def __init__(self, rest: str, names: list[str]) -> None:
        self.rest, self.names = rest, names

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The items of what is starred, one by one."""
        args: list[ast.expr] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                args += map(ast.Name, eval(ast.unparse(argument.value), {self.rest: self.names}))
            else:
                args.append(argument)
        node.args = args
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """`ss` for the functions of the core, `ss.layers` for the layers."""
        door = {
            "f": "ss",
            "layers": "ss.layers",
            "loss": "ss.loss",
            "LABELS": f"np.array({calls.LABELS.tolist()})",
        }.get(node.id)
        return ast.parse(door, mode="eval").body if door else node
