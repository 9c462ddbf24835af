"""Normal forms: two specs with one normal form are equal, whatever their arguments.

`Normal` is a context whose numbers are polynomials with rational coefficients in *atoms*: variables, functions of
polynomials, sums over axes, matrix products, unknown maps. A tensor is one such polynomial, for each of its elements.
Sums and matrix products are linear, structure (indices, transposes, repetition) goes through to the atoms, powers of e
are collected, and derived operations are read in their definitions; what is left is compared as it stands. So equality
of normal forms proves equality over the reals wherever both sides are defined; the converse is not claimed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

from scalarspec.core.arrays import Arrays
from scalarspec.core.context import Context
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotExact, TooLarge, Undecided
from scalarspec.theory.normal_arrays import NormalArrays
from scalarspec.theory.polynomials import TRUTHS, UNIT, Atom, Monomial, Poly, merged, of_atom, poly, quotient
from scalarspec.tracing.interpreter import Traced

MOST = 50_000
"""Products of terms that one product of polynomials may take: about a second, and some 10 MB."""
REDUCTIONS = 1000
"""Steps that a reduction by a hypothesis may take: each removes a monomial, and may bring new ones."""


def _of_one(operation: str) -> Any:
    """A function of which no law is used."""
    return lambda self, x: self.function(operation, x)


@dataclass(frozen=True, eq=False)
class Normal(Context[Poly]):
    """Polynomials in atoms."""

    exact: ClassVar[bool] = True
    formal: ClassVar[bool] = True
    _atoms: dict[Any, Atom] = field(default_factory=dict, repr=False)
    _serials: Any = field(default_factory=itertools.count, repr=False)

    @property
    def name(self) -> str:
        return "normal"

    @cached_property
    def arrays(self) -> Arrays:
        return NormalArrays(self)

    def atom(self, operation: str, args: tuple[Poly, ...], shape: Shape, parameters: Mapping[str, Any]) -> Poly:
        """The one atom of an operation on these arguments."""
        key = (operation, args, shape, repr(sorted(parameters.items())))
        if key not in self._atoms:
            self._atoms[key] = Atom(operation, args, parameters, shape, next(self._serials))
        return of_atom(self._atoms[key])

    def variable(self, name: str, shape: Shape) -> Tensor:
        """The tensor of real variables of that name."""
        return Tensor(self, shape, Traced(shape, self.atom("variable", (), shape, {"name": name})))

    # ---- in and out -------------------------------------------------------------------------------------------------

    def literal(self, value: Fraction) -> Poly:
        return poly(value)

    def exact_value(self, x: Poly) -> Fraction:
        if x.constant is None:
            raise NotExact(f"{x} is not a number")
        return x.constant

    def decide(self, p: Any) -> bool:
        if isinstance(p, bool):
            return p
        raise Undecided(f"{p} depends on its variables; use where(condition, a, b) to keep both branches")

    # ---- operations -------------------------------------------------------------------------------------------------

    def function(self, operation: str, *args: Poly) -> Poly:
        """A function of polynomials as an atom, of the shape of what they hold."""
        shapes = [atom.shape for arg in args for atom in arg.atoms() if atom.shape]
        return self.atom(operation, args, shapes[0] if shapes else Scalar, {})

    def add(self, x: Poly, y: Poly) -> Poly:
        return x + y

    def negative(self, x: Poly) -> Poly:
        return x.scaled(Fraction(-1))

    def multiply(self, x: Poly, y: Poly) -> Poly:
        if len(x.terms) * len(y.terms) > MOST:
            raise TooLarge(f"a normal form of {len(x.terms)} times {len(y.terms)} terms")
        total: dict[Monomial, Fraction] = {}
        for m, c in x.terms.items():
            for n, d in y.terms.items():
                monomial = self.product([*m, *n])
                total[monomial] = total.get(monomial, Fraction(0)) + c * d
        return Poly(total)

    def product(self, factors: Iterable[tuple[Atom, int]]) -> Monomial:
        """A product of powers of atoms: the powers of e are collected, and a truth is its own square."""
        powers = merged(factors)
        if not any(atom.operation == "exp" or atom.operation in TRUTHS for atom, _ in powers):
            return powers
        exponent, others = poly(0), []
        for atom, power in powers:
            if atom.operation == "exp":
                exponent = exponent + atom.args[0].scaled(Fraction(power))
            else:
                others.append((atom, 1 if atom.operation in TRUTHS else power))
        if exponent.terms:
            others += self.function("exp", exponent).leading
        return merged(others)

    def reduced(self, p: Poly, hypothesis: Poly) -> Poly:
        """p, less a multiple of a polynomial that is 0, so that the leading monomial of that divides none of p's."""
        if not hypothesis.terms:
            return p
        leading = hypothesis.leading
        for _ in range(REDUCTIONS):
            monomial = next((m for m in p.terms if quotient(m, leading) is not None), None)
            if monomial is None:
                return p
            factor = Poly({quotient(monomial, leading) or UNIT: p.terms[monomial] / hypothesis.terms[leading]})
            p = p + self.negative(self.multiply(factor, hypothesis))
        raise TooLarge(f"a reduction by {hypothesis} of more than {REDUCTIONS} steps")

    def divide(self, x: Poly, y: Poly) -> Poly:
        return self.multiply(x, self.reciprocal(y))

    def reciprocal(self, x: Poly) -> Poly:
        if x.constant == 0:
            self.refuse("reciprocal", x)
        leading = x.leading
        if len(x.terms) == 1 and all(atom.operation == "exp" for atom, _ in leading):
            return Poly({self.product([(atom, -power) for atom, power in leading]): 1 / x.terms[leading]})
        factor = 1 / x.terms[leading]
        return self.function("reciprocal", x.scaled(factor)).scaled(factor)

    def log(self, x: Poly) -> Poly:
        (monomial, c) = next(iter(x.terms.items())) if len(x.terms) == 1 else (UNIT, Fraction(0))
        if c == 1 and len(monomial) == 1 and monomial[0][0].operation == "exp":
            return monomial[0][0].args[0]
        return poly(0) if x.constant == 1 else self.function("log", x)

    def sqrt(self, x: Poly) -> Poly:
        return x if x.constant in (0, 1) else self.function("sqrt", x)

    def exp(self, x: Poly) -> Poly:
        return self.function("exp", x) if x.terms else poly(1)

    sin = _of_one("sin")
    cos = _of_one("cos")
    atan = _of_one("atan")
    erf = _of_one("erf")
    sinh = _of_one("sinh")
    tanh = _of_one("tanh")

    def pi(self) -> Poly:
        return self.function("pi")

    def maximum(self, x: Poly, y: Poly) -> Poly:
        difference = (y + x.scaled(Fraction(-1))).constant
        if difference is not None:
            return y if difference > 0 else x
        return self.function("maximum", *sorted((x, y), key=lambda p: p.place))

    def less(self, x: Poly, y: Poly) -> Any:
        return self._truth("positive", y + self.negative(x), lambda d: d > 0)

    def less_equal(self, x: Poly, y: Poly) -> Any:
        return self._truth("nonnegative", y + self.negative(x), lambda d: d >= 0)

    def equal(self, x: Poly, y: Poly) -> Any:
        return self._truth("zero", y + self.negative(x), lambda d: d == 0)

    def _truth(self, operation: str, d: Poly, decide: Callable[[Fraction], bool]) -> Any:
        if d.constant is not None:
            return decide(d.constant)
        size = abs(d.terms[d.leading])
        return self.function(operation, d.scaled(1 / size))

    def logical_not(self, p: Any) -> Any:
        return not p if isinstance(p, bool) else self.function("logical_not", p)

    def logical_and(self, p: Any, q: Any) -> Any:
        if isinstance(p, bool) or isinstance(q, bool):
            return p and q if isinstance(p, bool) else q and p
        return self.multiply(p, q)

    def logical_or(self, p: Any, q: Any) -> Any:
        if isinstance(p, bool) or isinstance(q, bool):
            return p or q if isinstance(p, bool) else q or p
        return self.function("logical_or", p, q)

    def where(self, p: Any, x: Poly, y: Poly) -> Poly:
        """x or y; numbers as y + p (x - y), where p is 1 or 0."""
        if isinstance(p, bool):
            return x if p else y
        if x.constant is not None and y.constant is not None:
            indicator: Poly = p
            return y + indicator.scaled(x.constant - y.constant)
        return x if x == y else self.function("where", p, x, y)
