"""`Answer`: what was found of a query, and how the competition and VNN-LIB 2.0 write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import exact_text
from scalarspec.pages.page import Lines, Mark, Page, Table
from scalarspec.pages.shown import Shown
from scalarspec.results import ObjectArray, Record
from scalarspec.verification.query import Element

Found = Literal["unsat", "sat", "unknown", "timeout"]
DIGITS = 17
"""How many digits a number is shown with that is no decimal, or of a network's output."""
MEANING: dict[Found, tuple[Mark, str]] = {
    "unsat": ("good", "No input satisfies the query: the property that it negates holds for the exact real function."),
    "sat": ("bad", "An input satisfies the query, checked exactly or by enclosures: the property does not hold there."),
    "unknown": ("open", "Neither a proof that no input satisfies the query was found, nor an input that does."),
    "timeout": ("open", "The time ended before a proof, or an input that satisfies the query, was found."),
}
"""How a page marks each answer, and what it says."""


@dataclass(frozen=True, eq=False)
class Answer(Shown):
    """The answer to a query. status: "unsat", there is no input for which it is true: the property that it negates
    holds; "sat", there is one; "unknown", neither was found; "timeout", nor in the time that was given.

    point: for "sat", the input by the names of the query, each an object array of Fractions, at which the condition is
    true in exact arithmetic, or surely true where the network is not rational; exact: is it made of decimals that end,
    so that it is shown exactly? Where no such point was found, its text is rounded to 17 digits. outputs: the networks'
    results there. cases: how many boxes of inputs the query asks about, None where the time ended before they were
    counted; proved: in how many of them there surely is no such input. version: of VNN-LIB; seconds: how long it took.
    method: what decided, in words: how the point was found, or by which methods the cases were proved; "" where nothing
    did.
    """

    status: Found
    cases: int | None
    proved: int
    version: int = 1
    point: dict[str, ObjectArray] | None = None
    outputs: dict[str, ObjectArray] | None = None
    seconds: float = 0.0
    method: str = ""
    _certify: tuple[Callable[..., Record], ...] = field(default=(), repr=False)

    def certificates(self) -> list[Callable[..., Record]]:
        """For "unsat", a function for each box of inputs that the query asks about, which makes the proof that no input
        in it satisfies the query, as `Proof.certificate` does, in the same formats, which may take minutes. A box
        without points needs none.

        Raises ArgumentError for any other answer.

            certificates = [make() for make in ss.verify("net.onnx", "property.vnnlib").certificates()]
        """
        if self.status != "unsat":
            raise ArgumentError(f"certificates: expected a query that is unsat, got one that is {self.status}")
        return [*self._certify]

    @property
    def exact(self) -> bool:
        """Is the point, if there is one, made of decimals that end?"""
        return all(_ends(x) for _, _, x in _elements(self.point))

    def __str__(self) -> str:
        return "\n".join([self.status, *self._assignment()])

    def _assignment(self) -> list[str]:
        """The point and its outputs, as the version of the query has it."""
        texts = [*_texts(self.point, decimal, self.version), *_texts(self.outputs, rounded, self.version)]
        if self.version == 1:
            lines = [f"({name} {x})" for name, x in texts]
            return [f"({lines[0]}", *lines[1:-1], f"{lines[-1]})"] if lines else []
        return [f"{name}={x}" for name, x in texts]

    def _page(self) -> Page:
        counted = "" if self.cases is None else f" of {self.cases}"
        lines = [f"boxes of inputs without such an input: {self.proved}{counted}", f"{self.seconds:.3f} s"]
        lines += [f"by {self.method}"] if self.method else []
        lines += [] if self.exact else [f"the point is shown to {DIGITS} digits; the record has it exactly"]
        inputs, outputs = (_texts(self.point, decimal, self.version), _texts(self.outputs, rounded, self.version))
        tables = [Table("The input", ["variable", "value"], inputs)] if inputs else []
        tables += [Table(f"The outputs there, to {DIGITS} digits", ["variable", "value"], outputs)] if outputs else []
        mark, sentence = MEANING[self.status]
        return Page("Answer to a query", mark, (f"{self.status}.", sentence), [Lines(lines), *tables])

    def to_json(self) -> Record:
        """Plain data, with exact values as strings."""

        def plain(arrays: dict[str, ObjectArray] | None) -> object:
            return arrays and {name: _nested(array.tolist()) for name, array in arrays.items()}

        head = {"status": self.status, "method": self.method, "cases": self.cases, "proved": self.proved}
        return {**head, "seconds": self.seconds, "point": plain(self.point), "outputs": plain(self.outputs)}


def _texts(
    arrays: dict[str, ObjectArray] | None, text: Callable[[Fraction], str], version: int
) -> list[tuple[str, str]]:
    """The elements of some arrays by the names that the version of the query has for them, as texts."""
    named = (
        (f"{name}_{place[0]}" if version == 1 else str(Element(name, place)), x) for name, place, x in _elements(arrays)
    )
    return [(name, text(x)) for name, x in named]


def _elements(arrays: dict[str, ObjectArray] | None) -> list[tuple[str, tuple[int, ...], Fraction]]:
    return [(name, place, x) for name, array in (arrays or {}).items() for place, x in np.ndenumerate(array)]


def _ends(x: Fraction) -> bool:
    """Is a number a decimal that ends?"""
    rest = x.denominator
    rest >>= (rest & -rest).bit_length() - 1
    while rest % 5 == 0:
        rest //= 5
    return rest == 1


def decimal(x: Fraction) -> str:
    """A number as a decimal with all of its digits; to 17 where it has no end."""
    if not _ends(x):
        return rounded(x)
    places = Context(prec=x.denominator.bit_length() + x.numerator.bit_length() + 1)
    return f"{places.divide(Decimal(x.numerator), Decimal(x.denominator)):f}"


def rounded_inside(x: Fraction, low: Fraction, high: Fraction, rounding: str = ROUND_HALF_EVEN) -> Fraction:
    """A number that is a decimal that ends, or one of 17 digits near it between two others, if there is one."""
    near = x if _ends(x) else Fraction(rounded(x, rounding))
    return near if low <= near <= high else x


def rounded(x: Fraction, rounding: str = ROUND_HALF_EVEN) -> str:
    """A number as a decimal of 17 digits."""
    return str(Context(prec=DIGITS, rounding=rounding).divide(Decimal(x.numerator), Decimal(x.denominator)))


def _nested(value: Any) -> Any:
    return [_nested(each) for each in value] if isinstance(value, list) else exact_text(value)
