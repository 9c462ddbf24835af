"""Queries from VNN-LIB files, read by the package `vnnlib`, each number at its exact decimal value.

That package knows version 2.0, and numbers that floats have. So a text of version 1.0 is written in the words of 2.0
first, and each number is given to the package as its place in a list of the exact ones.
"""

from __future__ import annotations

import decimal
import json
import math
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotInstalled, NotSupported, TooLarge
from scalarspec.numbers.archives import regular
from scalarspec.verification.query import (
    Arithmetic,
    Comparison,
    Condition,
    Declared,
    Element,
    Joined,
    NetworkOf,
    Query,
    Term,
)

MOST_BYTES = 2**28
"""How many bytes of a file are read at most."""
MOST_DIGITS = 1000
"""How many digits a number has at most when it is written out."""
MOST_DEPTH = 200
"""How many parentheses are within one another at most: the package, and Python, go down into each."""
MOST_ELEMENTS = 2**22
"""How many elements a variable has at most."""
REALS = {"Real", "F64", "F32", "F16", "BF16", "F8E4M3FN", "F8E4M3FNUZ", "F8E5M2", "F8E5M2FNUZ", "F4E2M1"}
"""The package's names of types whose variables are read as real numbers."""
RELATIONS = {
    "LessEqual": "<=", "LessThan": "<", "GreaterEqual": ">=", "GreaterThan": ">", "Equal": "==", "NotEqual": "!=",
}  # fmt: skip
ARITHMETIC = {"Plus": "+", "Minus": "-", "Multiply": "*", "Negate": "-"}
JOINING = {"And": "and", "Or": "or"}


def read_query(source: str | Path) -> Query:
    """The query of a VNN-LIB file, of version 1.0 or 2.0.

    source: the path of a file. Types of floats are read as real numbers. Raises ArgumentError where there is no such
    file, or it is no query, NotSupported for integers and hidden nodes, TooLarge for what is too deep or too long, and
    NotInstalled where the package `vnnlib` is not installed.
    """
    if not isinstance(source, str | Path):
        raise ArgumentError(f"query: expected the path of a VNN-LIB file, got {type(source).__name__}")
    return query_of(_content(Path(source)), str(source))


def query_of(text: str, name: str = "query") -> Query:
    """The query of a text; name: what errors call it."""
    plain = _plain(text, name)
    version = 2 if "vnnlib-version" in plain else 1
    reading = _Reading(name, plain if version == 2 else _in_version_2(plain, name))
    library = _library()
    try:
        found = library.parse_query_string(reading.text)
    except (library.VNNLibException, UnicodeDecodeError) as error:
        raise ArgumentError(f"{name}: {_told(error)}") from None
    networks = tuple(reading.network(each) for each in found.networks)
    parts = tuple(reading.condition(each.expr) for each in found.assertions)
    if not networks or not parts:
        raise ArgumentError(f"{name}: expected networks and assertions, got {len(networks)} and {len(parts)}")
    return Query(networks, parts[0] if len(parts) == 1 else Joined("and", parts), version)


def _library() -> Any:
    try:
        import vnnlib
    except ImportError:
        raise NotInstalled("reading VNN-LIB files needs the package vnnlib: pip install 'scalarspec[onnx]'") from None
    return vnnlib


def _content(path: Path) -> str:
    try:
        with open(path, "rb", opener=regular) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ArgumentError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a name that no file can have, or what is no regular file
        raise ArgumentError(f"query: {error}") from None
    if len(content) > MOST_BYTES:
        raise TooLarge(f"{path}: at most {MOST_BYTES} bytes are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ArgumentError(f"{path} is no text, so no VNN-LIB file") from None


def _plain(text: str, name: str) -> str:
    """A text without its comments, each line in its place. Raises ArgumentError for what is no ASCII, TooLarge for
    parentheses that are too deep.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    plain = re.sub(r";[^\n]*", "", lines)
    wrong = re.search(r"[^\t\n\x20-\x7e]", plain)
    if wrong:
        line = plain.count("\n", 0, wrong.start()) + 1
        raise ArgumentError(f"{name}: line {line}: expected ASCII outside of comments, got {wrong[0]!r}")
    codes = np.frombuffer(plain.encode("ascii"), np.uint8)
    depth = np.cumsum((codes == ord("(")).astype(np.int64) - (codes == ord(")")))
    if depth.size and depth.max() > MOST_DEPTH:
        raise TooLarge(f"{name}: more than {MOST_DEPTH} parentheses are within one another")
    return plain


def _told(error: Exception) -> str:
    """What the package says, in one line."""
    try:
        first = json.loads(str(error))["errors"][0]
        return f"line {first['line']}: {first['message']}: {first['offendingSymbol']}. {first['hint']}"
    except (ValueError, LookupError, TypeError):
        return " ".join(str(error).split())


# ---- version 1.0 ----------------------------------------------------------------------------------------------------

DECLARATION = re.compile(r"\(\s*declare-(?:const|fun)\s+([A-Za-z]+)_([0-9]{1,9})\s+(?:\(\s*\)\s*)?Real\s*\)")
COMMAND = re.compile(r"\(\s*(?:set-logic|set-info|set-option|check-sat|get-model|exit)\b[^()]*\)")
LEFT = re.compile(r"\(\s*declare-[^)]*\)?")
ELEMENT = re.compile(r"(?<![^\s(])([XY])_([0-9]+)(?![^\s)])")
EQUAL = re.compile(r"(?<=\()(\s*)=(?=\s)")


def _in_version_2(text: str, name: str) -> str:
    """A text of version 1.0 in the words of 2.0: X_3 is X[3]. Lines keep their places."""
    places: dict[str, list[int]] = {"X": [], "Y": []}
    for letter, place in DECLARATION.findall(text):
        if letter not in places:
            raise ArgumentError(f"{name}: variables are called X_0, … and Y_0, …, got {letter}_{place}")
        places[letter].append(int(place))
    for letter, found in places.items():
        if sorted(found) != list(range(len(found))) or not found:
            raise ArgumentError(f"{name}: expected declarations of {letter}_0, {letter}_1, … as Real, once each")

    def element(found: re.Match[str]) -> str:
        if len(found[2]) > 9 or int(found[2]) >= len(places[found[1]]):
            line = found.string.count("\n", 0, found.start()) + 1
            raise ArgumentError(f"{name}: line {line}: {found[0][:40]} is not declared")
        return f"{found[1]}[{int(found[2])}]"

    plain = DECLARATION.sub(_lines_alone, COMMAND.sub(_lines_alone, text))
    if other := LEFT.search(plain):
        raise ArgumentError(f"{name}: expected declarations such as (declare-const X_0 Real), got {other[0][:60]}")
    plain = EQUAL.sub(r"\1==", ELEMENT.sub(element, plain))
    inputs, outputs = (f"(declare-{kind} {v} real [{len(places[v])}])" for kind, v in (("input", "X"), ("output", "Y")))
    return f"(vnnlib-version <2.0>)(declare-network N {inputs} {outputs}){plain}"


def _lines_alone(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


# ---- what the package found, as plain data --------------------------------------------------------------------------

NUMBER = re.compile(r"(?<![^\s(])[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![^\s)])")
KEPT = re.compile(rf"\[[^\]]*\]|<[0-9.\s]*>|({NUMBER.pattern})")
"""Numbers, but for those in brackets and of the version."""
LONG = re.compile(r"\[[^\]]*[0-9]{10}")


class _Reading:
    """A text of version 2.0 for the package, in which the place of each number stands for it; what it found."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.numbers: list[Fraction] = []
        if LONG.search(text):
            raise TooLarge(f"{name}: lengths and places have at most 9 digits")
        self.text = KEPT.sub(self._noted, text)

    def _noted(self, found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        try:
            exact = Decimal(found[1])
        except decimal.InvalidOperation:
            exact = Decimal("1e999999")
        if abs(exact.adjusted()) > MOST_DIGITS or len(found[1]) > MOST_DIGITS:
            raise TooLarge(f"{self.name}: the number {found[1][:40]} has more than {MOST_DIGITS} digits")
        self.numbers.append(Fraction(exact))
        return f"{len(self.numbers) - 1}.0"

    def network(self, network: Any) -> NetworkOf:
        """A network that is declared. Raises NotSupported where it declares hidden nodes."""
        if network.hidden:
            raise NotSupported(
                f"{self.name}: network {network.name!r} declares hidden nodes; ask about inputs and outputs"
            )
        inputs, outputs = (tuple(map(self._declared, group)) for group in (network.inputs, network.outputs))
        return NetworkOf(network.name, inputs, outputs, network.equal_to or "")

    def _declared(self, variable: Any) -> Declared:
        told = f"{self.name}: variable {variable.name!r}"
        if variable.dtype.name not in REALS:
            raise NotSupported(f"{told} is of {variable.dtype.name}; expected real, or a format of floats")
        if math.prod(variable.shape) > MOST_ELEMENTS:
            raise TooLarge(f"{told} has more than {MOST_ELEMENTS} elements")
        if variable.onnx_name:
            raise NotSupported(f"{told} names {variable.onnx_name!r}; variables are followed in the network's order")
        return Declared(variable.name, tuple(variable.shape))

    def condition(self, found: Any) -> Condition:
        """A condition as plain data."""
        kind = type(found).__name__
        if kind in JOINING:
            return Joined(JOINING[kind], tuple(map(self.condition, found.args)))
        return Comparison(RELATIONS[kind], self.term(found.lhs), self.term(found.rhs))

    def term(self, found: Any) -> Term:
        """A term as plain data. Raises ArgumentError for an index below 0."""
        kind = type(found).__name__
        if kind == "Var":
            if any(i < 0 for i in found.indices):
                raise ArgumentError(
                    f"{self.name}: line {found.line}: {found.name}{found.indices}: expected indices >= 0"
                )
            return Element(found.name, tuple(found.indices))
        if kind not in ARITHMETIC:
            return self.numbers[round(float(found.lexeme))]
        operands = (found.expr,) if kind == "Negate" else (found.head, *found.rest) if kind == "Minus" else found.args
        return Arithmetic(ARITHMETIC[kind], tuple(map(self.term, operands)))
