"""The evaluation of a program: each operation by the rule of its operator, in the context of the arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Never

import numpy as np

from scalarspec.core.callers import STOPPED, differentiating
from scalarspec.core.functions import stage
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor, Truth, as_tensor
from scalarspec.errors import ShapeError
from scalarspec.frontends.calls import called
from scalarspec.frontends.masked import Masked, followed, hides
from scalarspec.frontends.torch.exported.arrays import (
    Given,
    changed,
    is_known,
    is_open,
    moved,
    only_moves,
    operands,
    worked_out,
)
from scalarspec.frontends.torch.exported.formats import FOLLOWED, converted, of_format, stored
from scalarspec.frontends.torch.exported.operators import NAMES, NOT_LIFTED, OPERATORS, REFUSED, TAKES_INFINITIES
from scalarspec.frontends.torch.exported.places import STORED, STORED_NUMBERS
from scalarspec.frontends.torch.exported.program import SIZES, Format, Kind, Node, Program, Value
from scalarspec.frontends.torch.reductions import Found

LOOPS = {"cond", "while_loop", "scan", "map_impl", "map", "associative_scan"}
ARITHMETIC = {"add", "sub", "mul", "div"}
"""Operators of which an integer is an operand, where it is an axis of others."""
CONTROL = "control that depends on numbers; write torch.where, or a loop of known length"


@dataclass(frozen=True, eq=False)
class At:
    """An operation that is being evaluated, for rules that ask for more than its arguments."""

    node: Node
    context: Any
    kinds: Mapping[str, Kind]

    @property
    def kind(self) -> Kind:
        """What its result is."""
        return self.kinds[self.node.name]

    def format(self, argument: str) -> str:
        """The format of an argument that is a tensor."""
        value = self.node.arguments.get(argument)
        return self.kinds[value.name].dtype or "" if isinstance(value, Value) else ""

    def refuse(self, why: str) -> Never:
        """Raises NotSupported, with the operator and the node."""
        self.node.refuse(why)

    def tensor(self, x: Any) -> Tensor:
        """An operand as a tensor: truths as 0 and 1."""
        if isinstance(x, Truth):
            return x.numbers()
        return as_tensor(self.context, x.astype(int) if is_known(x) and x.dtype == bool else x)


def check(program: Program) -> None:
    """Raises NotSupported for operators that have no rule, for arguments that their rules do not take, and for results
    of formats that are not followed.
    """
    for node in program.nodes:
        word, dtype = word_of(node), program.kinds[node.name].dtype
        if dtype is not None and dtype not in FOLLOWED:
            node.refuse(f"its result is of {dtype}; expected a float of 16 bits or more, an integer or a bool")
        if node.operator.startswith("python."):
            continue
        if not node.operator.startswith("aten."):
            node.refuse(CONTROL if word in LOOPS else "it is no operator of ATen; write it in functions of PyTorch")
        if word in REFUSED:
            node.refuse(REFUSED[word])
        if word not in OPERATORS:
            node.refuse("there is no rule for this operator; write it in others, or pass what it finds as an argument")
        reason = getattr(OPERATORS[word], "reason", None)
        if reason is not None:
            node.refuse(reason)
        bound(node, OPERATORS[word], dict(node.arguments))


def word_of(node: Node) -> str:
    """The operator by the name that it has here."""
    return NAMES.get(node.word, node.word)


@cache
def _parameters(handler: Callable[..., Any]) -> tuple[Mapping[str, Any], str | None]:
    """The parameters of a rule by name, and the one, if any, that takes the rest of them."""
    found = dict(inspect.signature(handler).parameters)
    rest = next((name for name, p in found.items() if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
    found.pop("at", None)
    return found, rest


@cache
def _asks_where(handler: Callable[..., Any]) -> bool:
    return "at" in inspect.signature(handler).parameters


def bound(node: Node, handler: Callable[..., Any], given: Given) -> tuple[list[Any], Given]:
    """The arguments of a call of a rule: by their names, or, where it has names of its own, in their order. Raises
    NotSupported for those that it does not take.
    """
    parameters, rest = _parameters(handler)
    owners = _owners(given, parameters, rest)
    known = {name: given[own] for name, own in owners.items() if name in parameters and name != rest}
    left = [own for name, own in owners.items() if name not in known]
    args: list[Any] = []
    before = list(parameters)[: list(parameters).index(rest)] if rest else []
    if rest is not None and left and {*before} <= {*known}:
        several = given[left.pop(0)]
        args = [*(known.pop(name) for name in before), *(several if isinstance(several, tuple) else (several,))]
    elif rest is None and len(known) <= 1 and len(left) + len(known) <= len(parameters):
        in_order = [own for own in owners.values() if own in node.ordered]
        if unnamed := [own for own in left if own in in_order]:
            args, known, left = [given[own] for own in in_order], {}, [own for own in left if own not in unnamed]
    if left := [own for own in left if own not in node.usual and own != "dtype"]:
        node.refuse(f"its arguments {', '.join(left)} are not followed")
    return args, known


def _owners(given: Given, parameters: Mapping[str, Any], rest: str | None) -> dict[str, str]:
    """By the names that a rule has for them, the names of arguments: the first is the first whatever it is called."""
    found = {"input" if own == "self" else own: own for own in given}
    name, first = next(iter(found), ""), next(iter(parameters), "")
    if name not in parameters and first not in found and first != rest:
        found = {first if each == name else each: own for each, own in found.items()}
    return found


def run(program: Program, values: dict[str, Any], context: Any) -> tuple[Any, ...]:
    """The results of a program at values, by their names in it. Raises whatever its operations raise."""
    for node in program.nodes:
        given = {name: _resolved(argument, values) for name, argument in node.arguments.items()}
        found = _value(At(node, context, program.kinds), given)
        found = np.asarray(found) if isinstance(found, np.generic) else found
        if isinstance(found, np.ndarray):
            found = of_format(node, found, program.kinds[node.name].dtype or "float64")
        _check_shape(node, program.kinds[node.name], found)
        if isinstance(found, Tensor) and not isinstance(found, Masked):
            found = stage(node.name, found)
        values[node.name] = found
    return tuple(_resolved(output, values) for output in program.outputs)


def _resolved(argument: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(argument, Value):
        return values[argument.name]
    if isinstance(argument, tuple):
        return tuple(_resolved(part, values) for part in argument)
    if isinstance(argument, slice):
        return slice(*(_resolved(part, values) for part in (argument.start, argument.stop, argument.step)))
    return argument


def _check_shape(node: Node, kind: Kind, found: Any) -> None:
    """Raises ShapeError where a rule finds another shape than PyTorch has."""
    if kind.shape is None or not isinstance(found, Nested | np.ndarray):
        return
    shape = tuple(found.shape)
    if len(shape) != len(kind.shape) or any(
        isinstance(n, int) and n != m for n, m in zip(kind.shape, shape, strict=True)
    ):
        raise ShapeError(f"from_torch: {node}: shape {shape} where PyTorch has {kind.shape}")


def _value(at: At, given: Given) -> Any:
    """What becomes of an operation."""
    node, word = at.node, word_of(at.node)
    if node.operator.startswith("python."):
        return _python(node, list(given.values()))
    if word == "detach" and differentiating() and isinstance(given["self"], Nested):
        at.refuse(STOPPED)
    if (
        isinstance(given.get("dtype"), Format)
        and isinstance(given.get("self"), Nested | np.ndarray)
        and (word not in NOT_LIFTED)
    ):
        given["self"] = converted(node, given["self"], at.format("self"), given["dtype"].name)
    written = STORED.get(word, "")
    if at.format(written):
        given[written] = converted(node, given[written], at.format(written), at.format("self"))
    if word in STORED_NUMBERS and isinstance(given.get("value"), int | float):
        given["value"] = stored(given["value"], at.format("self"))
    if isinstance(given.get("reduction"), int):
        given["reduction"] = ("none", "mean", "sum")[given["reduction"]]
    if not only_moves(word, given):
        return _applied(at, word, given)
    return moved(lambda changed_: _applied(at, word, changed_), given, at.context)


def _python(node: Node, operands_: list[Any]) -> Any:
    word = node.operator.removeprefix("python.")
    if word == "getitem" and isinstance(operands_[0], Found):
        found: Any = operands_[0]
        return found.values if operands_[1] == 0 else found.places()
    if word != "getitem" and not all(isinstance(x, int) for x in operands_):
        node.refuse("it is followed for lengths alone; write it in functions of PyTorch")
    return SIZES[word](*operands_)


def _applied(at: At, word: str, given: Given) -> Any:
    """The rule of an operator at its arguments."""
    told = f"from_torch: {at.node.operator} {at.node.name}"
    own, handler = worked_out(word, given), OPERATORS[word]
    if own is not None:
        args, known = bound(at.node, own, given)
        return np.asarray(called(told, own, tuple(args), known))
    if word not in NOT_LIFTED:
        given = _lifted(at, given)
    if hides(word, tuple(given.values())) and word not in TAKES_INFINITIES:
        return _followed(at, told, word, given)
    args, known = bound(at.node, handler, given)
    if _asks_where(handler):
        known["at"] = at
    return called(told, handler, tuple(args), known)


def _lifted(at: At, given: Given) -> Given:
    """Arguments with tensors in the place of arrays of numbers; where there is no other tensor, of integers too."""
    several = [x for argument in given.values() for x in operands(argument)]
    alone = not any(isinstance(x, Nested) or (x.dtype.kind == "f") for x in several)

    def tensor(x: Any) -> Any:
        if not is_known(x) or is_open(x) or (x.dtype.kind != "f" and not alone):
            return x
        return at.tensor(x)

    return {name: changed(argument, tensor) for name, argument in given.items()}


def _followed(at: At, told: str, word: str, given: Given) -> Any:
    """A function of numbers among which there is minus infinity."""
    if word == "baddbmm" and not {"alpha", "beta"} - {*at.node.usual} & {*given}:
        word, given = "add", {"self": OPERATORS["bmm"](given["batch1"], given["batch2"]), "other": given["self"]}
    usual = {name for name in given if name in at.node.usual or name == "dtype"}
    asked = {name: value for name, value in given.items() if name not in usual}
    numbers: Any = int | float if word in ARITHMETIC else float
    args = [value for value in asked.values() if isinstance(value, Nested | np.ndarray | numbers)]
    kwargs = {name: value for name, value in asked.items() if not any(value is x for x in args)}
    found = called(told, lambda *args, **kwargs: followed(word, args, kwargs), tuple(args), kwargs)
    along = word in ("max", "min") and "dim" in asked
    return Found(found, lambda: at.refuse("its places are not followed beside minus infinity")) if along else found
