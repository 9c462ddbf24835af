"""Polynomials with rational coefficients in atoms: what normal forms are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scalarspec.core.operations import SCALAR_KINDS, having
from scalarspec.core.shape import Shape
from scalarspec.tracing.scalar_graph import topological


@dataclass(frozen=True, eq=False)
class Atom:
    """What a polynomial is in: an operation on polynomials. serial: the order in which atoms came to be."""

    operation: str
    args: tuple[Poly, ...]
    parameters: Mapping[str, Any]
    shape: Shape
    serial: int

    def inner(self) -> list[Atom]:
        """The atoms in its arguments."""
        return [atom for arg in self.args for atom in arg.atoms()]

    def __str__(self) -> str:
        return _texts([self])[self]

    def _text(self, texts: Mapping[Atom, str]) -> str:
        """From the texts of the atoms in it."""
        name = str(self.parameters.get("name", self.operation))
        index = f"[{self.parameters['index']}]" if "index" in self.parameters else ""
        shown = f"({', '.join(arg.text(texts) for arg in self.args)})" if self.args else ""
        return f"{name}{index}{shown}" if len(shown) <= LONGEST else f"{name}{index}(...)"


LONGEST = 4000
"""So many characters an atom's arguments have at most when written: what occurs twice is written twice."""


SIGNS = ("positive", "nonnegative", "zero")
"""Truths about one polynomial, which is compared with 0."""
TRUTHS = having(kind="connective").union(SIGNS)
"""Atoms that are 1 or 0."""
ENTERED = (having(kind=SCALAR_KINDS) | TRUTHS) - {"pi"}
"""What is done to each element, so that structure goes through it to the arguments."""

Monomial = tuple[tuple[Atom, int], ...]
"""Powers of atoms, in the order of their serials."""
UNIT: Monomial = ()


class Poly:
    """A sum of monomials with rational coefficients, none of which is 0."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[Monomial, Fraction]) -> None:
        self.terms = {monomial: c for monomial, c in terms.items() if c}
        self._hash = hash(frozenset(self.terms.items()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms

    def __add__(self, other: Poly) -> Poly:
        total = dict(self.terms)
        for monomial, c in other.terms.items():
            total[monomial] = total.get(monomial, Fraction(0)) + c
        return Poly(total)

    def scaled(self, factor: Fraction) -> Poly:
        """factor times this."""
        return Poly({monomial: factor * c for monomial, c in self.terms.items()})

    @property
    def constant(self) -> Fraction | None:
        """The number that it is, if it is one."""
        if not self.terms:
            return Fraction(0)
        return self.terms.get(UNIT) if len(self.terms) == 1 else None

    @property
    def leading(self) -> Monomial:
        """The monomial of the highest degree, and the last in order among these. Of a polynomial that is not 0."""
        return max(self.terms, key=_order)

    def atoms(self) -> list[Atom]:
        """All atoms of the monomials, each once, in order."""
        found = {atom for monomial in self.terms for atom, _ in monomial}
        return sorted(found, key=lambda atom: atom.serial)

    @property
    def place(self) -> Any:
        """A key by which different polynomials of one context come in an order."""
        return sorted((_order(monomial), c) for monomial, c in self.terms.items())

    def __str__(self) -> str:
        return self.text(_texts(self.atoms()))

    def text(self, texts: Mapping[Atom, str]) -> str:
        """From the texts of its atoms."""
        ordered = sorted(self.terms.items(), key=lambda term: _order(term[0]), reverse=True)
        text = "".join(f" {'-' if c < 0 else '+'} {_text(monomial, abs(c), texts)}" for monomial, c in ordered)
        return text.removeprefix(" + ").replace(" - ", "-", 1) if text.startswith(" - ") else text[3:] or "0"


def _texts(atoms: Iterable[Atom]) -> dict[Atom, str]:
    """The texts of atoms and of all that they are made of."""
    found: dict[Atom, str] = {}
    for atom in topological(atoms, Atom.inner):
        found[atom] = atom._text(found)
    return found


def _order(monomial: Monomial) -> Any:
    return sum(power for _, power in monomial), [(atom.serial, power) for atom, power in reversed(monomial)]


def _text(monomial: Monomial, c: Fraction, texts: Mapping[Atom, str]) -> str:
    factors = [f"{texts[atom]}^{power}" if power > 1 else texts[atom] for atom, power in monomial]
    return "*".join([str(c)] * (c != 1 or not factors) + factors)


def poly(c: Fraction | int) -> Poly:
    """A number as a polynomial."""
    return Poly({UNIT: Fraction(c)})


def of_atom(atom: Atom) -> Poly:
    """An atom as a polynomial."""
    return Poly({((atom, 1),): Fraction(1)})


def quotient(m: Monomial, n: Monomial) -> Monomial | None:
    """m / n; None where n does not divide m."""
    powers = dict(m)
    if any(powers.get(atom, 0) < power for atom, power in n):
        return None
    for atom, power in n:
        powers[atom] -= power
    return tuple((atom, power) for atom, power in powers.items() if power)


def merged(factors: Iterable[tuple[Atom, int]]) -> Monomial:
    """The monomial of a product of powers of atoms, which may come in any order, and several times."""
    powers: dict[Atom, int] = {}
    for atom, power in factors:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(((a, p) for a, p in powers.items() if p), key=lambda factor: factor[0].serial))
