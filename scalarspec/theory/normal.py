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

import numpy as np

from scalarspec.core.arrays import Arrays
from scalarspec.core.context import Context
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotExact, NotSupported, TooLarge, Undecided
from scalarspec.formulas.terms import ELEMENTWISE
from scalarspec.tracing.interpreter import Traced


@dataclass(frozen=True, eq=False)
class Atom:
    """What a polynomial is in: an operation on polynomials. serial: the order in which atoms came to be."""

    operation: str
    args: tuple[Poly, ...]
    parameters: Mapping[str, Any]
    shape: Shape
    serial: int

    def __str__(self) -> str:
        name = str(self.parameters.get("name", self.operation))
        index = f"[{self.parameters['index']}]" if "index" in self.parameters else ""
        return f"{name}{index}({', '.join(map(str, self.args))})" if self.args else name


Monomial = tuple[tuple[Atom, int], ...]
"""Powers of atoms, in the order of their serials."""
UNIT: Monomial = ()
MOST = 50_000
"""How many products of terms one product of polynomials may take."""
REDUCTIONS = 1000
"""How many steps a reduction by a hypothesis may take."""


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

    def __str__(self) -> str:
        ordered = sorted(self.terms.items(), key=lambda term: _order(term[0]), reverse=True)
        text = "".join(f" {'-' if c < 0 else '+'} {_text(monomial, abs(c))}" for monomial, c in ordered)
        return text.removeprefix(" + ").replace(" - ", "-", 1) if text.startswith(" - ") else text[3:] or "0"


def _order(monomial: Monomial) -> Any:
    return sum(power for _, power in monomial), [(atom.serial, power) for atom, power in reversed(monomial)]


def _text(monomial: Monomial, c: Fraction) -> str:
    factors = [f"{atom}^{power}" if power > 1 else str(atom) for atom, power in monomial]
    return "*".join([str(c)] * (c != 1 or not factors) + factors)


def poly(c: Fraction | int) -> Poly:
    """A number as a polynomial."""
    return Poly({UNIT: Fraction(c)})


def of_atom(atom: Atom) -> Poly:
    """An atom as a polynomial."""
    return Poly({((atom, 1),): Fraction(1)})


def _quotient(m: Monomial, n: Monomial) -> Monomial | None:
    powers = dict(m)
    if any(powers.get(atom, 0) < power for atom, power in n):
        return None
    for atom, power in n:
        powers[atom] -= power
    return tuple((atom, power) for atom, power in powers.items() if power)


def _sorted(factors: Iterable[tuple[Atom, int]]) -> Monomial:
    powers: dict[Atom, int] = {}
    for atom, power in factors:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(((a, p) for a, p in powers.items() if p), key=lambda factor: factor[0].serial))


FUNCTIONS = ("sqrt", "sin", "cos", "atan", "erf", "sinh", "tanh")
TRUTHS = ("positive", "nonnegative", "zero", "logical_not", "logical_and", "logical_or")
ENTERED = {*FUNCTIONS, *TRUTHS, "exp", "log", "reciprocal", "maximum", "where"}
"""What is done to each element, so that structure goes through it."""


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
        merged = _sorted(factors)
        if not any(atom.operation == "exp" or atom.operation in TRUTHS for atom, _ in merged):
            return merged
        exponent, others = poly(0), []
        for atom, power in merged:
            if atom.operation == "exp":
                exponent = exponent + atom.args[0].scaled(Fraction(power))
            else:
                others.append((atom, 1 if atom.operation in TRUTHS else power))
        if exponent.terms:
            others += self.function("exp", exponent).leading
        return _sorted(others)

    def reduced(self, p: Poly, hypothesis: Poly) -> Poly:
        """p, less a multiple of a polynomial that is 0, so that the leading monomial of that divides none of p's."""
        if not hypothesis.terms:
            return p
        leading = hypothesis.leading
        for _ in range(REDUCTIONS):
            monomial = next((m for m in p.terms if _quotient(m, leading) is not None), None)
            if monomial is None:
                return p
            factor = Poly({_quotient(monomial, leading) or UNIT: p.terms[monomial] / hypothesis.terms[leading]})
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

    def exp(self, x: Poly) -> Poly:
        return self.function("exp", x) if x.terms else poly(1)

    def pi(self) -> Poly:
        return self.function("pi")

    def maximum(self, x: Poly, y: Poly) -> Poly:
        difference = (y + x.scaled(Fraction(-1))).constant
        if difference is not None:
            return y if difference > 0 else x
        return self.function("maximum", *sorted((x, y), key=lambda p: (str(p), hash(p))))

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


def _of_one(operation: str) -> Callable[[Normal, Poly], Poly]:
    return lambda self, x: self.function(operation, x)


for _operation in FUNCTIONS:
    setattr(Normal, _operation, _of_one(_operation))


class NormalArrays(Arrays):
    """A tensor is one polynomial, for each of its elements; atoms of shape () are the same in each."""

    context: Normal
    holds_scalars = False

    def function(self, operation: str) -> Callable[..., Traced]:
        """The operation, with the shape of its result."""
        inner = getattr(self, f"_{operation}", None)

        def apply(*operands: Traced, **parameters: Any) -> Traced:
            given = parameters.get("shape", Scalar)  # of an "opaque" operation, the theory's own: any function at all
            shape = given if operation == "opaque" else result_shape(operation, [x.shape for x in operands], parameters)
            if operation in ELEMENTWISE:
                value = getattr(self.context, operation)(*(x.value for x in operands))
            elif inner is not None:
                value = inner(shape, *operands, **parameters)
            elif hasattr(Arrays, operation):
                return getattr(self, operation)(*operands, **parameters)  # type: ignore[no-any-return]
            else:
                raise NotSupported(f"{operation} has no normal form")
            return Traced(shape, value)

        return apply

    def elementwise(self, operation: str, *values: Traced) -> Traced:
        """Through the one door."""
        return self.function(operation)(*values)

    def data(self, array: np.ndarray[Any, Any]) -> Traced:
        """Numbers; one polynomial where all are one number."""
        scalars = np.empty(array.shape, dtype=object)
        for index in np.ndindex(*array.shape):
            scalars[index] = self.context.data(array[index])
        return self.pack(scalars)

    def pack(self, scalars: np.ndarray[Any, Any]) -> Traced:
        """One polynomial where all are one; else an atom."""
        shape = Shape(scalars.shape)
        items = list(scalars.flat)
        if not items:
            return Traced(shape, poly(0))
        if all(item == items[0] for item in items):
            return Traced(shape, items[0])
        return Traced(shape, self.context.atom("array", tuple(items), shape, {}))

    def unpack(self, value: Traced) -> np.ndarray[Any, Any]:
        """The scalar of a tensor of shape (), or of equal elements."""
        held = value.value
        if not isinstance(held, bool) and any(atom.shape for atom in held.atoms()):
            raise NotSupported("a normal form holds no single numbers; use where(condition, a, b) for branches")
        scalars = np.empty(value.shape, dtype=object)
        for index in np.ndindex(*value.shape):
            scalars[index] = held
        return scalars

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """True or False where it is decided."""
        return {truths.value} if isinstance(truths.value, bool) else {None}

    # ---- sums and products: linear in monomials ----------------------------------------------------------------------

    def _split(self, x: Traced) -> Iterable[tuple[Poly, Poly]]:
        """Each monomial as (what is the same in all elements, with its coefficient; the rest)."""
        for monomial, c in x.value.terms.items():
            scalars = [factor for factor in monomial if not factor[0].shape]
            others = [factor for factor in monomial if factor[0].shape]
            yield Poly({_sorted(scalars): c}), Poly({_sorted(others): Fraction(1)})

    def _sum(self, shape: Shape, x: Traced, axis: tuple[int, ...]) -> Poly:
        total = poly(0)
        for scalar, rest in self._split(x):
            if rest.constant is not None:
                total = total + scalar.scaled(Fraction(Shape(x.shape[i] for i in axis).size))
            elif not axis:
                total = total + self.context.multiply(scalar, rest)
            else:
                parameters = {} if len(axis) == len(x.shape) else {"axis": axis}
                total = total + self.context.multiply(scalar, self.context.atom("sum", (rest,), shape, parameters))
        return total

    def _matmul(self, shape: Shape, a: Traced, b: Traced) -> Poly:
        if len(a.shape) == len(b.shape) == 1:
            return self._sum(Scalar, Traced(a.shape, self.context.multiply(a.value, b.value)), (0,))
        if len(a.shape) == 1:
            return self._matmul(shape, self._transposed(b), a)
        total = poly(0)
        for s, x in self._split(a):
            for t, y in self._split(b):
                sizes = {"sizes": (*a.shape, *b.shape)}
                product = self.context.atom("matmul", (x, y), shape, sizes)
                total = total + self.context.multiply(self.context.multiply(s, t), product)
        return total

    def _transposed(self, x: Traced) -> Traced:
        return self.function("matrix_transpose")(x)

    def _scatter(self, _: Shape, x: Traced, index: tuple[Any, ...], shape: Shape) -> Poly:
        total = poly(0)
        for scalar, rest in self._split(x):
            parameters = {"index": index, "from": x.shape}
            total = total + self.context.multiply(scalar, self.context.atom("scatter", (rest,), shape, parameters))
        return total

    def _stack(self, shape: Shape, *xs: Traced, axis: int = 0) -> Poly:
        if all(x.value == xs[0].value for x in xs) and not any(atom.shape for atom in xs[0].value.atoms()):
            same: Poly = xs[0].value
            return same
        return self.context.atom("stack", tuple(x.value for x in xs), shape, {"axis": axis})

    def _opaque(self, _: Shape, x: Traced, name: str, shape: Shape, of: Shape) -> Poly:
        return self.context.atom("opaque", (x.value,), shape, {"name": name, "of": of})

    # ---- structure: goes through to the atoms ------------------------------------------------------------------------

    def _through(self, p: Poly, rename: Callable[[Atom], Poly]) -> Poly:
        """The polynomial with each atom that has a shape replaced; functions of elements are entered."""
        total = poly(0)
        for monomial, c in p.terms.items():
            product = poly(c)
            for atom, power in monomial:
                new = self._moved(atom, rename)
                for _ in range(power):
                    product = self.context.multiply(product, new)
            total = total + product
        return total

    def _moved(self, atom: Atom, rename: Callable[[Atom], Poly]) -> Poly:
        if not atom.shape:
            return of_atom(atom)
        if atom.operation in ENTERED:
            args = [self._through(arg, rename) for arg in atom.args]
            inner = getattr(self.context, atom.operation, None)
            made: Poly = self.context.function(atom.operation, *args) if inner is None else inner(*args)
            return made
        return rename(atom)

    def _shaped(self, operation: str, x: Traced, shape: Shape) -> Poly:
        def rename(atom: Atom) -> Poly:
            return self.context.atom(operation, (of_atom(atom),), shape, {"shape": shape})

        held: Poly = x.value
        return held if x.shape == shape else self._through(held, rename)

    def _getitem(self, shape: Shape, x: Traced, index: tuple[Any, ...]) -> Poly:
        def rename(atom: Atom) -> Poly:
            numbers = all(isinstance(key, int | np.integer) for key in index)
            if atom.operation == "stack" and numbers and len(index) == 1 and atom.parameters["axis"] == 0:
                return atom.args[int(index[0])]
            if atom.operation == "array" and numbers and not shape:
                return atom.args[int(np.ravel_multi_index([int(k) for k in index], atom.shape))]
            return self.context.atom("getitem", (of_atom(atom),), shape, {"index": index})

        return self._through(x.value, rename)

    def _reshape(self, _: Shape, x: Traced, shape: Shape) -> Poly:
        return self._shaped("reshape", x, Shape(shape))

    def _broadcast_to(self, _: Shape, x: Traced, shape: Shape) -> Poly:
        return self._shaped("broadcast_to", x, Shape(shape))

    def _matrix_transpose(self, shape: Shape, x: Traced) -> Poly:
        def rename(atom: Atom) -> Poly:
            if atom.operation == "matrix_transpose":
                return atom.args[0]
            return self.context.atom("matrix_transpose", (of_atom(atom),), shape, {})

        return self._through(x.value, rename)
