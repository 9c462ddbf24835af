"""What is said of each function: found in its text, and in what it does when it is called."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import NotSupported, ScalarSpecError, UnknownName
from scalarspec.tracing.tape import Tape
from scalarspec.vocabulary.calls import Call, call
from scalarspec.vocabulary.names import Names, names

EMPTY = inspect.Parameter.empty


@dataclass(frozen=True)
class Row:
    """A function of a room, by its public name there."""

    room: str
    name: str
    function: Callable[..., Any]

    @property
    def signature(self) -> str:
        """The name and the parameters, with their defaults."""
        return f"{self.name}{parameters(self.function)}"

    @property
    def sentence(self) -> str:
        """What it is, in the first sentence of its text."""
        return sentence(inspect.getdoc(self.function) or "")

    @property
    def names(self) -> Names:
        """What it is called in the array API, in PyTorch and in ONNX."""
        return names(self.room, self.name)

    @property
    def call(self) -> Call | None:
        """How it is called; None for what is no function of tensors."""
        return call(self.room, self.name, self.function)

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """The operations that it does, in the order in which they come first; one that the table has is itself."""
        if self.room == "core" and self.name in OPERATIONS:
            return (self.name,)
        try:
            return () if self.call is None else done(self.call)
        except ScalarSpecError as error:
            raise UnknownName(
                f"vocabulary: {self.room}.{self.name}: say how it is called, in CALLS: {error}"
            ) from error

    @property
    def floats(self) -> str:
        """How floats compute it: in the ways of its operations, but for what has no error."""
        ways = {str(OPERATIONS[operation].floats) for operation in self.operations}
        return self.refused("float64") or ", ".join(sorted(ways - {"exact", "choice"})) or "exact"

    @property
    def rational(self) -> str:
        """Where it is rational for rational operands: always, or where each of its operations is."""
        facts = {OPERATIONS[operation].rational for operation in self.operations}
        return self.refused("rational") or ("always" if facts <= {"always"} else "sometimes")

    def refused(self, name: str) -> str:
        """ "refused" by a context that has nothing of the kind; "-" for what is no function of tensors."""
        if self.call is None:
            return "-"
        try:
            self.call.under(named_context(name))
        except NotSupported:
            return "refused"
        except ScalarSpecError:  # of these numbers
            return ""
        return ""


def parameters(function: Callable[..., Any]) -> str:
    """The parameters of a function, or of the class of a layer, as they are written, without types; of a default that
    is a function, its name.
    """
    signature = inspect.signature(function)
    return str(signature.replace(parameters=list(map(_plain, signature.parameters.values())), return_annotation=EMPTY))


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    default = parameter.default
    shown = _Word(default.__name__) if inspect.isfunction(default) else default
    return parameter.replace(annotation=EMPTY, default=shown)


class _Word(str):
    """A text that stands without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def sentence(text: str) -> str:
    """The first sentence of a text, without its full stop."""
    first = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<!\bal)\.(?:\s+(?=[A-Z0-9`(]|[\w, ]+:)|$)", first)[0]


def done(made: Call) -> tuple[str, ...]:
    """The operations that a call does. Where floats have no such function, as of sets, it is done with intervals."""
    for name in ("float64", "interval"):
        tape = Tape(named_context(name))
        try:
            made.spec(*map(tape.variable, made.arguments(tape.inner)))
        except NotSupported:
            continue
        return unique(equation.operation for equation in tape.arrays.equations)
    raise NotSupported(f"vocabulary: {made} is no call of a spec")


def unique(found: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order in which they come first."""
    return tuple(dict.fromkeys(found))
