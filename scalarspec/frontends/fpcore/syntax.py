"""The syntax of FPCore: lists, symbols, texts, and numbers at their exact values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from scalarspec.errors import ArgumentError, ScalarSpecError, TooLarge
from scalarspec.numbers.exact import data_value

MOST_DEPTH = 80
"""How deeply lists lie in one another at most: an evaluation goes as deep."""
MOST_EXPONENT = 400_000
"""The greatest exponent of a number to a base, in size."""


@dataclass(frozen=True)
class Form:
    """A piece of a text. line, column: where it begins, from 1."""

    line: int
    column: int

    def wrong(self, what: str) -> ArgumentError:
        """The error that says what is wrong here."""
        return ArgumentError(f"from_fpcore: line {self.line}, column {self.column}: {what}")


@dataclass(frozen=True)
class Word(Form):
    """A symbol, a number, or a property such as `:pre`, as it is written."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Quoted(Form):
    """A text in quotes."""

    text: str

    def __str__(self) -> str:
        return f'"{self.text}"'


@dataclass(frozen=True)
class Items(Form):
    """A list."""

    items: tuple[Form, ...]

    def __str__(self) -> str:
        return f"({' '.join(map(str, self.items))})"

    @property
    def head(self) -> str:
        """The symbol that it begins with, or nothing."""
        return self.items[0].text if self.items and isinstance(self.items[0], Word) else ""


_TOKEN = re.compile(
    r'(?P<space>\s+|;[^\n]*)|(?P<open>[(\[])|(?P<close>[)\]])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()\[\]";]+)',
    re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]"}


def read(text: str) -> list[Form]:
    """The forms of a text. Raises ArgumentError where it is malformed, TooLarge where lists are nested too deeply."""
    outside: list[Form] = []
    within = outside
    opened: list[tuple[Form, str, list[Form]]] = []  # a list, how it ends, and what is around it
    for token, at in _tokens(text):
        kind, value = token.lastgroup, token.group()
        if kind == "open":
            if len(opened) == MOST_DEPTH:
                raise TooLarge(f"from_fpcore: line {at.line}: more than {MOST_DEPTH} lists in one another")
            opened.append((at, _CLOSING[value], within))
            within = []
        elif kind == "close":
            if not opened or opened[-1][1] != value:
                raise at.wrong(f"a {value} that nothing opens" if not opened else f"{value}: expected {opened[-1][1]}")
            begun, _, around = opened.pop()
            around.append(Items(begun.line, begun.column, tuple(within)))
            within = around
        elif kind == "quoted":
            within.append(Quoted(at.line, at.column, re.sub(r"\\(.)", r"\1", token.group("quoted"), flags=re.DOTALL)))
        else:
            within.append(Word(at.line, at.column, value))
    if opened:
        raise opened[-1][0].wrong(f"a list that does not end: expected {opened[-1][1]}")
    return outside


def _tokens(text: str) -> Iterator[tuple[re.Match[str], Form]]:
    place, line, begins = 0, 1, 0
    while place < len(text):
        at, found = Form(line, place - begins + 1), _TOKEN.match(text, place)
        if found is None:
            raise at.wrong("a text that does not end")
        if found.lastgroup != "space":
            yield found, at
        place = found.end()
        if lines := found.group().count("\n"):
            line, begins = line + lines, found.start() + found.group().rindex("\n") + 1


_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?\d+/\d+", re.ASCII)
_HEX = re.compile(
    r"(?P<sign>[+-]?)0[xX](?P<whole>[\da-f]*)(\.(?P<part>[\da-f]*))?([pP](?P<power>[+-]?\d+))?", re.I | re.A
)


def number(form: Form) -> Fraction | None:
    """The exact value of a form that is a number: decimal, rational, hexadecimal, or of digits to a base; None for any
    other form. Raises ArgumentError for a malformed one, TooLarge for one that would fill the memory.
    """
    if isinstance(form, Items) and form.head == "digits":
        return _of_digits(form)
    if not isinstance(form, Word):
        return None
    try:
        if _DECIMAL.fullmatch(form.text):
            return data_value(form.text)
        found = _HEX.fullmatch(form.text)
        if found is None or not (found["whole"] or found["part"]):
            return None
        part = found["part"] or ""
        mantissa = int(f"{found['sign']}{found['whole']}{part}", 16)
        return _scaled(form, mantissa, 2, (found["power"] or "0"), 4 * len(part))
    except TooLarge as error:
        raise TooLarge(f"from_fpcore: line {form.line}, column {form.column}: {error}") from None
    except ScalarSpecError as error:
        raise form.wrong(str(error)) from None


def _of_digits(form: Items) -> Fraction:
    """`(digits m e b)`: m times b to the power of e."""
    texts = [str(part) for part in form.items[1:]]
    if len(texts) != 3 or not all(re.fullmatch(r"[+-]?\d+", text, re.ASCII) for text in texts):
        raise form.wrong(f"expected (digits m e b) of three integers, got {form}")
    mantissa, base = (data_value(texts[i]).numerator for i in (0, 2))
    if base < 2:
        raise form.wrong(f"expected a base of 2 at least, got {base}")
    return _scaled(form, mantissa, base, texts[1], 0)


def _scaled(form: Form, mantissa: int, base: int, power: str, less: int) -> Fraction:
    """mantissa base^(power - less)."""
    if len(power) > 8 or abs(int(power)) * base.bit_length() > MOST_EXPONENT:
        raise TooLarge(f"from_fpcore: line {form.line}: {base} to the power of {power[:20]} lies beyond the limit")
    return mantissa * Fraction(base) ** (int(power) - less)
