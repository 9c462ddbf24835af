"""Tensors in normal form: sums and products are linear in the monomials, structure goes through to the atoms."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from scalarspec.core.arrays import Arrays
from scalarspec.core.definitions import definition
from scalarspec.core.indexing import WHOLE
from scalarspec.core.operations import check_complete, find, result_shape, rule_of
from scalarspec.core.shape import Scalar, Shape
from scalarspec.errors import NotSupported
from scalarspec.formulas.operations import TENSOR_OPERATIONS, is_read
from scalarspec.theory.polynomials import ENTERED, SIGNS, Atom, Poly, merged, of_atom, poly
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.scalar_graph import topological

OPAQUE = "opaque"
"""The theory's own operation, which is in no table: any map at all, to tensors of the parameter `shape`."""


class NormalArrays(Arrays):
    """A tensor is one polynomial, for each of its elements; atoms of shape () are the same in each."""

    context: Any
    """A `Normal`: what makes atoms and multiplies polynomials."""

    holds_scalars = False
    whole = True

    def function(self, operation: str) -> Callable[..., Traced]:
        """The operation, with the shape of its result. Raises NotSupported where no rule is stated for it."""
        if operation in DEFINED:
            return partial(DEFINED[operation], self)
        if operation != OPAQUE and is_read(operation):
            return definition(self, operation)
        scalar = operation != OPAQUE and find(operation, "normal form").scalar
        rule = _on_elements(operation) if scalar else rule_of("normal form", RULES, operation)

        def apply(*operands: Traced, **parameters: Any) -> Traced:
            of = [x.shape for x in operands]
            shape = parameters["shape"] if operation == OPAQUE else result_shape(operation, of, parameters)
            return Traced(shape, rule(self, shape, *operands, **parameters))

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
        return Traced(shape, self._atom("array", tuple(items), shape, {}))

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

    def _atom(self, operation: str, args: tuple[Poly, ...], shape: Shape, parameters: Mapping[str, Any]) -> Poly:
        found: Poly = self.context.atom(operation, args, shape, parameters)
        return found

    def _product(self, x: Poly, y: Poly) -> Poly:
        found: Poly = self.context.multiply(x, y)
        return found

    # ---- sums and products: linear in monomials ----------------------------------------------------------------------

    def _split(self, x: Traced) -> Iterable[tuple[Poly, Poly]]:
        """Each monomial as (what is the same in all elements, with its coefficient; the rest)."""
        for monomial, c in x.value.terms.items():
            scalars = [factor for factor in monomial if not factor[0].shape]
            others = [factor for factor in monomial if factor[0].shape]
            yield Poly({merged(scalars): c}), Poly({merged(others): Fraction(1)})

    def _sum(self, shape: Shape, x: Traced, axis: tuple[int, ...]) -> Poly:
        total = poly(0)
        for scalar, rest in self._split(x):
            if rest.constant is not None:
                total = total + scalar.scaled(Fraction(Shape(x.shape[i] for i in axis).size))
            elif not axis:
                total = total + self._product(scalar, rest)
            else:
                parameters = {} if len(axis) == len(x.shape) else {"axis": axis}
                total = total + self._product(scalar, self._atom("sum", (rest,), shape, parameters))
        return total

    def _matmul(self, shape: Shape, a: Traced, b: Traced) -> Poly:
        if len(a.shape) == len(b.shape) == 1:
            return self._sum(Scalar, Traced(a.shape, self._product(a.value, b.value)), (0,))
        if len(a.shape) == 1:
            return self._matmul(shape, self._transposed(b), a)
        total = poly(0)
        for s, x in self._split(a):
            for t, y in self._split(b):
                sizes = {"sizes": (a.shape, b.shape)}
                product = self._atom("matmul", (x, y), shape, sizes)
                total = total + self._product(self._product(s, t), product)
        return total

    def _transposed(self, x: Traced) -> Traced:
        return self.function("matrix_transpose")(x)

    def _linear(self, operation: str, shape: Shape, x: Traced, **parameters: Any) -> Poly:
        """An operation that is linear, of each monomial."""
        total = poly(0)
        for scalar, rest in self._split(x):
            atom = self._atom(operation, (rest,), shape, {**parameters, "from": x.shape})
            total = total + self._product(scalar, atom)
        return total

    def _scatter(self, _: Shape, x: Traced, index: tuple[Any, ...], shape: Shape) -> Poly:
        return self._linear("scatter", shape, x, index=_ends(index, shape))

    def _concat(self, shape: Shape, *xs: Traced, axis: int) -> Poly:
        """Each among zeros, and all added up; or what they are the parts of."""
        held: Poly = xs[0].value
        if all(x.value == held for x in xs) and not any(atom.shape for atom in held.atoms()):
            return held
        ends = itertools.accumulate(x.shape[axis] for x in xs)
        places = [(*(WHOLE,) * axis, slice(end - x.shape[axis], end)) for x, end in zip(xs, ends, strict=True)]
        for atom in (atom for atom in held.atoms() if atom.operation == "getitem"):
            whole = Traced(shape, atom.args[0])
            parts = [self._getitem(x.shape, whole, place) for x, place in zip(xs, places, strict=True)]
            if atom.parameters["of"] == shape and parts == [x.value for x in xs]:
                return whole.value  # type: ignore[no-any-return]
        total = poly(0)
        for x, place in zip(xs, places, strict=True):
            total = total + self._scatter(shape, x, place, shape)
        return total

    def _stack(self, shape: Shape, *xs: Traced, axis: int = 0) -> Poly:
        if all(x.value == xs[0].value for x in xs) and not any(atom.shape for atom in xs[0].value.atoms()):
            same: Poly = xs[0].value
            return same
        return self._atom("stack", tuple(x.value for x in xs), shape, {"axis": axis})

    def _opaque(self, _: Shape, x: Traced, name: str, shape: Shape, of: Shape) -> Poly:
        return self._atom("opaque", (x.value,), shape, {"name": name, "of": of})

    # ---- structure: goes through to the atoms ------------------------------------------------------------------------

    def _through(self, p: Poly, rename: Callable[[Atom], Poly]) -> Poly:
        """The polynomial with each atom that has a shape replaced; functions of elements are entered."""
        moved: dict[Atom, Poly] = {}
        for atom in topological(p.atoms(), lambda x: x.inner() if _entered(x) else ()):
            moved[atom] = self._moved(atom, rename, moved)
        return self._replaced(p, moved)

    def _replaced(self, p: Poly, moved: Mapping[Atom, Poly]) -> Poly:
        """The polynomial with others for its atoms."""
        total = poly(0)
        for monomial, c in p.terms.items():
            product = poly(c)
            for atom, power in monomial:
                for _ in range(power):
                    product = self._product(product, moved[atom])
            total = total + product
        return total

    def _moved(self, atom: Atom, rename: Callable[[Atom], Poly], moved: Mapping[Atom, Poly]) -> Poly:
        if not atom.shape:
            return of_atom(atom)
        if not _entered(atom):
            return rename(atom)
        args = [self._replaced(arg, moved) for arg in atom.args]
        context = self.context
        made: Poly = (
            context.function(atom.operation, *args)
            if atom.operation in SIGNS
            else getattr(context, atom.operation)(*args)
        )
        return made

    def _shaped(self, operation: str, x: Traced, shape: Shape) -> Poly:
        def rename(atom: Atom) -> Poly:
            return self._atom(operation, (of_atom(atom),), shape, {"shape": shape})

        held: Poly = x.value
        return held if x.shape == shape else self._through(held, rename)

    def _through_to(self, operation: str, shape: Shape, x: Traced, **parameters: Any) -> Poly:
        """What moves elements, as it stands, of each atom."""
        return self._through(x.value, lambda atom: self._atom(operation, (of_atom(atom),), shape, parameters))

    def _getitem(self, shape: Shape, x: Traced, index: tuple[Any, ...]) -> Poly:
        place = _ends(index, x.shape)

        def rename(atom: Atom) -> Poly:
            if atom.operation == "scatter" and (found := _of_zeros(atom, place)) is not None:
                return found
            numbers = all(isinstance(key, int | np.integer) for key in index)
            if atom.operation == "stack" and numbers and len(index) == 1 and atom.parameters["axis"] == 0:
                return atom.args[int(index[0])]
            if atom.operation == "array" and numbers and not shape:
                return atom.args[int(np.arange(atom.shape.size).reshape(atom.shape)[index])]
            return self._atom("getitem", (of_atom(atom),), shape, {"index": place, "of": x.shape})

        return self._through(x.value, rename)

    def _reshape(self, _: Shape, x: Traced, shape: Shape) -> Poly:
        return self._shaped("reshape", x, Shape(shape))

    def _broadcast_to(self, _: Shape, x: Traced, shape: Shape) -> Poly:
        return self._shaped("broadcast_to", x, Shape(shape))

    def _matrix_transpose(self, shape: Shape, x: Traced) -> Poly:
        def rename(atom: Atom) -> Poly:
            if atom.operation == "matrix_transpose":
                return atom.args[0]
            return self._atom("matrix_transpose", (of_atom(atom),), shape, {})

        return self._through(x.value, rename)


def _ends(index: tuple[Any, ...], shape: Shape) -> tuple[Any, ...]:
    """An index in which slices tell both their ends, so that equal ones look equal."""
    return tuple(
        slice(*key.indices(n)[:2]) if isinstance(key, slice) and key.step is None else key
        for n, key in zip(shape, index, strict=False)
    )


def _of_zeros(atom: Atom, place: tuple[Any, ...]) -> Poly | None:
    """What is at a place of zeros among which something is scattered: that, where it is all of it, 0 right beside it;
    None where the ends do not say.
    """
    put, taken = (_along_one_axis(index, atom.shape) for index in (atom.parameters["index"], place))
    if put is None or taken is None or put[0] != taken[0]:
        return None
    if put == taken:
        return atom.args[0]
    return poly(0) if put[2] == taken[1] or put[1] == taken[2] else None


def _along_one_axis(index: tuple[Any, ...], shape: Shape) -> tuple[int, int, int] | None:
    """The axis, and the ends, of an index that is a slice of one axis."""
    if any(not isinstance(key, slice) or key.step is not None for key in index):
        return None
    parts = [(i, key) for i, (n, key) in enumerate(zip(shape, index, strict=False)) if key != slice(0, n)]
    return (parts[0][0], parts[0][1].start, parts[0][1].stop) if len(parts) == 1 else None


def _entered(atom: Atom) -> bool:
    """Does structure go through an atom to what it is made of?"""
    return bool(atom.shape) and atom.operation in ENTERED


def _on_elements(operation: str) -> Callable[..., Any]:
    """The scalar operation, on the polynomials that stand for all elements."""
    return lambda arrays, _, *operands: getattr(arrays.context, operation)(*(x.value for x in operands))


def _rule(method: Callable[..., Poly], operation: str) -> Callable[..., Poly]:
    return lambda arrays, shape, *xs, **parameters: method(arrays, operation, shape, *xs, **parameters)


def _as_it_stands(operation: str, arrays: NormalArrays, shape: Shape, *xs: Traced, **parameters: Any) -> Poly:
    """An atom: what moves elements, or reduces them, in a way that nothing is known of."""
    more = {**parameters, "of": tuple(x.shape for x in xs)}
    return arrays._atom(operation, tuple(x.value for x in xs), shape, more)


RULES: dict[str, Callable[..., Poly]] = {
    "sum": NormalArrays._sum,
    "matmul": NormalArrays._matmul,
    "scatter": NormalArrays._scatter,
    "stack": NormalArrays._stack,
    OPAQUE: NormalArrays._opaque,
    "concat": NormalArrays._concat,
    "getitem": NormalArrays._getitem,
    "reshape": NormalArrays._reshape,
    "broadcast_to": NormalArrays._broadcast_to,
    "matrix_transpose": NormalArrays._matrix_transpose,
}
"""By operation: the polynomial of the arrays, the shape of the result, the operands and the parameters."""

DEFINED: dict[str, Callable[..., Traced]] = {
    "mean": Arrays.mean,
    "mean_square": Arrays.mean_square,
    "logsumexp": Arrays.logsumexp,
    "affine": Arrays.affine,
    "affine_rows": Arrays.affine_rows,
}
"""Operations that are read in their definitions by others."""

RULES |= {name: _rule(NormalArrays._through_to, name) for name in ("permute_dims", "patches")}
RULES |= {name: _rule(NormalArrays._linear, name) for name in ("cumulative_sum", "fold")}
RULES |= {name: partial(_as_it_stands, name) for name in TENSOR_OPERATIONS - {*RULES, *DEFINED}}
check_complete("normal form", [*RULES, *DEFINED], {*TENSOR_OPERATIONS, OPAQUE})
