"""`from_fpcore`: cores of FPBench as specs, with the box that their preconditions say."""

from __future__ import annotations

import inspect
import keyword
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from scalarspec.core.context import Context
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.region import Box, box
from scalarspec.core.tensor import Tensor, Truth, operands_of
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError, TooLarge, UnknownName
from scalarspec.frontends.fpcore.expressions import Expression, is_symbol, number_of, truth_of
from scalarspec.frontends.fpcore.syntax import Form, Items, Quoted, Word, read
from scalarspec.numbers.archives import regular

MOST_BYTES = 2**24
"""How many bytes of text are read at most."""
FORMATS = {"binary64": "float64", "binary32": "float32", "binary16": "float16"}
"""The float formats of FPCore that have a name of ours."""


def from_fpcore(text_or_path: str | os.PathLike[str], name: str | None = None) -> Any:
    """The cores of FPBench in a text or a file, each as a spec: the real function that its body says, in any context.

    text_or_path: a text that begins with a parenthesis or a comment, or else the path of a file.
    name: of the one core that is wanted, where there are several; the others need not be readable.

    Returns an `FPCore`, or the list of them where there are several and no name is given. Its parameters are the
    arguments of the core; it is called on tensors, element by element. Numbers count exactly, and constants such as PI
    are the real ones. A branch that nothing takes is not evaluated; a loop goes on while the context can decide that it
    does, and not forever. `round` takes halves away from zero, `nearbyint` to even; `fma` is x y + z.

    Raises ArgumentError, with line and column, for a malformed text; NotSupported, by name, for operators that are none
    of real numbers, for other rounding modes and for annotations that change how floats are rounded; UnknownName where
    no core has that name; TooLarge for texts that are too large or nested too deeply.

        core = ss.from_fpcore("(FPCore (x) :pre (<= 1 x 10) (- (sqrt (+ x 1)) (sqrt x)))")
        ss.tolerance(core, 1, vary=core.box)
    """
    parts = [_parts(form) for form in read(_text(text_or_path))]
    if not parts:
        raise ArgumentError("from_fpcore: expected a core such as (FPCore (x) (sqrt x)), got none")
    if name is None:
        return _core(parts[0]) if len(parts) == 1 else [_core(each) for each in parts]
    found = [each for each in parts if name in (each.name, each.identifier)]
    if not found:
        has = ", ".join(each.name or "one without a name" for each in parts[:20])
        raise UnknownName(f"from_fpcore: name: no core is called {name!r}; there are {has}")
    if len(found) > 1:
        raise ArgumentError(f"from_fpcore: name: {len(found)} cores are called {name!r}")
    return _core(found[0])


@dataclass(frozen=True, eq=False)
class FPCore:
    """A core of FPBench as a spec, made by `from_fpcore`.

    name: its name, or the symbol before its arguments; None where it has neither. arguments: the names of its
    parameters, those of the core where Python allows them. box: between which numbers each lies by `:pre`, for `vary=`
    of a job, with the ends where it excludes these; None where some argument has no such bounds. pre: the other
    conditions in `:pre`. precision: the format that its floats have, as FPCore calls it.
    """

    name: str | None
    identifier: str | None
    arguments: tuple[str, ...]
    box: dict[str, Box] | None
    pre: tuple[str, ...]
    precision: str
    _symbols: tuple[str, ...] = field(repr=False)
    _body: Expression = field(repr=False)
    _conditions: tuple[Expression, ...] = field(repr=False)

    def __call__(self, *args: Any) -> Tensor:
        """The value of the body at tensors that broadcast. Raises ArgumentError for another number of arguments."""
        values, context = self._bound(args)
        value: Tensor = self._body.value(values, context)
        return value

    def meets(self, *args: Any) -> Truth:
        """Do arguments meet the conditions in `pre`?"""
        values, context = self._bound(args)
        truth = Truth.known(context, np.asarray(True))
        for condition in self._conditions:
            truth = truth & condition.value(values, context)
        return truth

    @property
    def dtype(self) -> str | None:
        """The name that the jobs have for its precision; None where they have none."""
        return FORMATS.get(self.precision)

    @property
    def __name__(self) -> str:
        return re.sub(r"\W", "_", self.name or "core")

    @property
    def __signature__(self) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, kind) for name in self.arguments])

    def _bound(self, args: Sequence[Any]) -> tuple[dict[str, Tensor], Context[Any]]:
        name = self.name or "FPCore"
        if len(args) != len(self.arguments):
            raise ArgumentError(f"{name}: expected {', '.join(self.arguments)}, got {len(args)} arguments")
        context, tensors = operands_of(name, *args)
        return dict(zip(self._symbols, tensors, strict=True)), context


def _text(text_or_path: str | os.PathLike[str]) -> str:
    if not isinstance(text_or_path, str | os.PathLike):
        raise ArgumentError(f"from_fpcore: expected a text or a path, got {type(text_or_path).__name__}")
    if isinstance(text_or_path, str) and text_or_path.lstrip().startswith(("(", "[", ";")):
        content = text_or_path
    else:
        try:
            with open(text_or_path, "rb", opener=regular) as file:
                content = file.read(MOST_BYTES + 1).decode()
        except UnicodeDecodeError:
            raise ArgumentError(f"from_fpcore: {text_or_path} is no text") from None
        except (OSError, ValueError) as error:  # a ValueError: a path with a zero in it, or what is no regular file
            told = getattr(error, "strerror", None) or error
            raise ArgumentError(f"from_fpcore: {str(text_or_path)[:200]}: {told}") from None
    if len(content) > MOST_BYTES:
        raise TooLarge(f"from_fpcore: more than {MOST_BYTES} bytes of text")
    return content


@dataclass(frozen=True)
class _Parts:
    """A core of which only the parts are told apart."""

    name: str | None
    identifier: str | None
    arguments: Items
    said: dict[str, Form]
    body: Form


def _parts(form: Form) -> _Parts:
    if not isinstance(form, Items) or form.head != "FPCore":
        raise form.wrong(f"expected (FPCore (arguments ...) body), got {str(form)[:40]}")
    rest = form.items[1:]
    identifier = rest[0] if rest and is_symbol(rest[0]) else None
    rest = rest[1:] if identifier else rest
    if len(rest) < 2 or not isinstance(rest[0], Items) or len(rest) % 2:
        raise form.wrong("expected (FPCore name? (arguments ...) :property value ... body)")
    said = _properties(rest[1:-1])
    return _Parts(_said(said.get(":name", identifier)), _said(identifier), rest[0], said, rest[-1])


def _core(parts: _Parts) -> FPCore:
    """A core that is read whole."""
    symbols = _arguments(parts.arguments)
    rounding = parts.said.get(":round")
    if rounding is not None and str(rounding) != "nearestEven":
        raise NotSupported(f"from_fpcore: line {rounding.line}: :round {rounding}; expected nearestEven")
    arguments = _parameters(symbols)
    ends, others = _preconditions(parts.said.get(":pre"), symbols)
    named = all(None not in ends[symbol] for symbol in symbols)
    return FPCore(
        name=parts.name,
        identifier=parts.identifier,
        arguments=arguments,
        box={name: box(*ends[s]) for name, s in zip(arguments, symbols, strict=True)} if named else None,
        pre=tuple(map(str, others)),
        precision=str(parts.said.get(":precision", "binary64")),
        _symbols=symbols,
        _body=number_of(parts.body, symbols),
        _conditions=tuple(truth_of(condition, symbols) for condition in others),
    )


def _said(form: Form | None) -> str | None:
    return form.text if isinstance(form, Word | Quoted) else None


def _arguments(form: Items) -> tuple[str, ...]:
    for each in form.items:
        if isinstance(each, Items):
            raise NotSupported(
                f"from_fpcore: line {each.line}, column {each.column}: the argument {str(each)[:40]}; expected a number"
            )
        if not is_symbol(each):
            raise each.wrong(f"expected the name of an argument, got {each}")
    names = tuple(map(str, form.items))
    if len({*names}) < len(names):
        raise form.wrong("two arguments have one name")
    if not names:
        raise NotSupported(f"from_fpcore: line {form.line}: a core without arguments: it is a number, and no function")
    return names


def _properties(forms: Sequence[Form]) -> dict[str, Form]:
    found: dict[str, Form] = {}
    for key, value in zip(forms[::2], forms[1::2], strict=True):
        if not isinstance(key, Word) or not key.text.startswith(":"):
            raise key.wrong(f"expected a property such as :name, got {str(key)[:40]}")
        if key.text in found:
            raise key.wrong(f"{key} is given twice")
        found[key.text] = value
    if ":name" in found and not isinstance(found[":name"], Quoted):
        raise found[":name"].wrong("expected a text in quotes")
    return found


def _parameters(symbols: Iterable[str]) -> tuple[str, ...]:
    """The arguments as names of Python's: as they are where that can be."""
    names: list[str] = []
    taken = {symbol for symbol in symbols if symbol.isidentifier() and not keyword.iskeyword(symbol)}
    for symbol in symbols:
        name = symbol
        if symbol not in taken:
            name = re.sub(r"\W", "_", symbol)
            name = name if name.isidentifier() and not keyword.iskeyword(name) else f"_{name}"
            while name in taken:
                name += "_"
        taken.add(name)
        names.append(name)
    return tuple(names)


# ---- preconditions ---------------------------------------------------------------------------------------------------

Ends = dict[str, tuple[Fraction | None, Fraction | None]]


def _preconditions(form: Form | None, symbols: Sequence[str]) -> tuple[Ends, list[Form]]:
    """The least and the greatest number that each argument may be, and what else is asked."""
    ends: Ends = dict.fromkeys(symbols, (None, None))
    others = []
    for condition in _conjuncts(form):
        bounds = _bounds(condition, symbols)
        if bounds is None:
            others.append(condition)
        for symbol, low, high in bounds or ():
            before = ends[symbol]
            ends[symbol] = (_closer(max, before[0], low), _closer(min, before[1], high))
    for symbol, (low, high) in ends.items():
        if form is not None and low is not None and high is not None and low > high:
            raise form.wrong(f"no {symbol} lies between {low} and {high}")
    return ends, others


def _conjuncts(form: Form | None) -> list[Form]:
    if form is None or str(form) == "TRUE":
        return []
    if isinstance(form, Items) and form.head == "and":
        return [each for part in form.items[1:] for each in _conjuncts(part)]
    return [form]


def _closer(of: Callable[..., Fraction], *ends: Fraction | None) -> Fraction | None:
    return of((end for end in ends if end is not None), default=None)


Bound = tuple[str, Fraction | None, Fraction | None]


def _bounds(form: Form, symbols: Sequence[str]) -> list[Bound] | None:
    """What a comparison says of single arguments; None where it says anything else, too."""
    if not isinstance(form, Items) or form.head not in ("<", "<=", ">", ">=") or len(form.items) < 3:
        return None
    items = form.items[1:] if form.head in ("<", "<=") else form.items[:0:-1]
    parts = [str(item) if str(item) in symbols else _constant(item) for item in items]
    found: list[Bound] = []
    for lower, upper in pairwise(parts):
        if isinstance(lower, str) and isinstance(upper, Fraction):
            found.append((lower, None, upper))
        elif isinstance(lower, Fraction) and isinstance(upper, str):
            found.append((upper, lower, None))
        else:
            return None
    return found


def _constant(form: Form) -> Fraction | None:
    """The exact value of a constant that has one."""
    exact = named_context("rational")
    try:
        value: Fraction = number_of(form, ()).value({}, exact).item()
    except ScalarSpecError:
        return None
    return value
