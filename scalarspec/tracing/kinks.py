"""What is done at kinks, ties, steps and borders, where an operation has no derivative: by what a context promises.

Enclosing contexts enclose all derivatives nearby (`generalized`); exact ones find the derivative, or refuse
(`first_order`). Floats follow the conventions of PyTorch and JAX; expressions say where they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.operations import OPERATIONS, rule_of, stated
from scalarspec.core.tensor import Tensor, elementwise
from scalarspec.errors import DomainError, NotDifferentiable, NotSupported, ScalarSpecError
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.sweep import Read, conventional, operands_of
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import Trace
from scalarspec.tracing.vjp_rules import RULES, Cotangent, repeated_over

LOOKED = (
    "grad: the spec looks at single numbers (item(), float, tolist) on the way, and what follows from them is not "
    "differentiated; compute with tensors, or choose by where(condition, a, b)"
)
"""Why a derivative is refused where the spec decided something by a number that it looked at."""
CONVENTION = "grad(..., at_kinks='convention') gives the conventions of PyTorch and JAX"
"""What a user may do about a kink."""


class Formula:
    """Rules for expressions: those of the table, with weights that sum to 1 at a tie, and a list of where they do not
    hold.

    excluded: (operation, what is 0 where the rule does not hold), tensors of the context. made: the equation that each
    value is the result of.
    """

    def __init__(self) -> None:
        self.excluded: list[tuple[str, Tensor]] = []
        self.made: Mapping[Traced, Equation] = {}

    def __call__(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of the operands of an equation."""
        between = self.between(eqn, read)
        if between is None:
            self.bordered(eqn, read)
            return smooth(eqn, g, read)
        self.tied(eqn, between)
        return self.cotangents(eqn, g, read)

    def bordered(self, eqn: Equation, read: Read) -> None:
        """Notes as a kink, too, what is 0 where the condition of a `where` may change."""
        for relation in relations(self.made, eqn.operands[0]) if eqn.operation == "where" else ():
            self.tied(eqn, difference(relation, read))

    def cotangents(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents at kinks by rules that hold on both sides: at a tie relu counts as 0, |x| as -x, a maximum and
        a minimum as their second operand.
        """
        if OPERATIONS[eqn.operation].kinks != "tie" or len(eqn.operands) == 1:
            return conventional(eqn, g, read)
        a, b = operands_of(eqn, read)
        first = f.heaviside(a - b if sign_at_tie(eqn) > 0 else b - a)
        return [lambda: g * first, lambda: g * (1 - first)]

    def between(self, eqn: Equation, read: Read) -> Tensor | None:
        """What is 0 where the operation has a kink or a step; None for smooth ones."""
        kinks = stated(eqn.operation, "kinks", "grad")
        if kinks == "zero":
            return operands_of(eqn, read)[0]  # type: ignore[no-any-return]
        if kinks == "tie" and len(eqn.operands) == 1:
            return one_alone(eqn, read)
        if kinks in JUMPS:
            return beside_integers(kinks, operands_of(eqn, read)[0])
        if kinks == "tie":
            sign_at_tie(eqn)
            a, b = operands_of(eqn, read)
            return a - b  # type: ignore[no-any-return]
        return None

    def tied(self, eqn: Equation, between: Tensor) -> None:
        """What is to be done about kinks. An expression says where it does not hold."""
        self.excluded.append((eqn.operation, between))


class Inside(Formula):
    """Rules for exact numbers inside another interpreter, such as a gradient of a gradient: a kink is refused."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.made = trace.made

    def __call__(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of the operands of an equation. Raises NotDifferentiable at a kink, a border, a root of 0."""
        if is_root(eqn, read):
            self.tied(eqn, operands_of(eqn, read)[0])
        return super().__call__(eqn, g, read)

    def tied(self, eqn: Equation, between: Tensor) -> None:
        """Raises NotDifferentiable at a kink."""
        at = between == 0
        if True in at.context.arrays.outcomes(at.value):
            raise NotDifferentiable(
                f"grad: {eqn.operation} has a kink at these arguments, where second derivatives (and derivatives of "
                f"whole batches) are not looked for; {CONVENTION}"
            )


class Floats:
    """Rules for floats: the conventions of PyTorch and JAX, and no derivative of what a `where` puts in the place of a
    hole.
    """

    def __init__(self, trace: Trace) -> None:
        self.made, self.holes = trace.made, trace.holes

    def __call__(self, eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
        """The cotangents of the operands of an equation. Raises NotDifferentiable at a hole."""
        equalities = relations(self.made, eqn.operands[0]) if eqn.operation == "where" else ()
        for relation in equalities:
            if relation.operation != "equal" or relation.result.shape != eqn.operands[0].shape:
                continue
            _, a, b = operands_of(eqn, read)
            p = f.equal(*operands_of(relation, read))
            hole = p if eqn.result in self.holes else p & ~f.equal(a, b)
            if True in hole.context.arrays.outcomes(hole.value):
                raise NotDifferentiable(
                    "grad: a where(x == y, ...) holds at these arguments alone, where its branches do not meet: the "
                    f"derivative of the branch that fills the hole is not the function's; {CONVENTION}"
                )
        return conventional(eqn, g, read)


JUMPS: dict[str, Callable[[Tensor], Tensor]] = {
    "integers": lambda x: x,
    "wholes": lambda x: x,
    "halves": lambda x: x + Fraction(1, 2),
}
"""By where a step jumps, what is an integer there. Of wholes, 0 is left out."""


def beside_integers(kinks: str, x: Tensor) -> Tensor:
    """⌈t⌉ - ⌊t⌋ for what is an integer at jumps: 0 there and 1 elsewhere. A set without jumps gives what excludes 0."""
    t = JUMPS[kinks](x)
    apart = f.ceil(t) - f.floor(t)
    return f.where(f.abs(x) < 1, 1, apart) if kinks == "wholes" else apart


SIGNS_AT_TIES = {"maximum": 1, "minimum": -1}
"""Operations with a kink where their two operands are equal: 1 where the first is taken above the second, -1 where it
is taken below.
"""


def sign_at_tie(eqn: Equation) -> int:
    """The sign of an operation in `SIGNS_AT_TIES`. Raises NotSupported, by name, for any other."""
    return rule_of("grad", SIGNS_AT_TIES, eqn.operation)


def one_alone(eqn: Equation, read: Read) -> Tensor:
    """Of a reduction that chooses an element: 1 where no other one is equal to it, else 0."""
    (x,), axis = operands_of(eqn, read), eqn.parameters["axis"]
    chosen = f.where(x == repeated_over(read(eqn.result, Tensor), x, axis), 1, 0 * x)
    return f.heaviside(2 - f.sum(chosen, axis))


ROOTS = ("sqrt", "pow")
"""Operations with an infinite slope at 0, a power where its exponent says so: `is_root` knows where."""


def is_root(eqn: Equation, read: Read) -> bool:
    """Has the operation an infinite slope at 0? A square root, or a power that is not known to be a whole one."""
    if eqn.operation != "pow":
        return eqn.operation == "sqrt"
    exponent = eqn.operands[1]
    if not exponent.constant:
        return True
    t = read(exponent, Tensor)
    return any(_whole(t.context, x) is None for x in t.scalars().flat)


def _whole(context: Context[Any], x: Any) -> int | None:
    """The whole number >= 0 that a scalar is, or None."""
    try:
        exact = context.exact_value(x)
    except ScalarSpecError:
        return None
    return int(exact) if exact.denominator == 1 and exact >= 0 else None


def smooth(eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
    """The cotangents by the table. Where a derivative is not defined, as that of a root at 0, a cotangent of 0 hands on
    0.

    Raises NotDifferentiable where the derivative is wanted and there is none.
    """
    cotangents = conventional(eqn, g, read)
    line = OPERATIONS[eqn.operation]
    if not line.scalar or line.graph in ("linear", "bilinear"):
        return cotangents  # they are defined everywhere

    def guarded(i: int, cotangent: Callable[[], Tensor]) -> Tensor:
        try:
            return cotangent()
        except DomainError:
            if (eqn.operation, i) == ("pow", 1):  # 0ʸ jumps at 0, which no cotangent makes good
                raise NotDifferentiable("grad: a power of 0 has no derivative in its exponent here") from None
            if any(isinstance(c, Tape) for c in layers(g.context)):
                raise NotDifferentiable(f"grad of grad: {eqn.operation} has no second derivative here") from None
            if eqn.operation not in ROOTS and stated(eqn.operation, "border", "grad") == "steep":
                raise NotSupported(f"grad: {eqn.operation}: no rule says where its slope is infinite") from None
        operands = [f.where(f.equal(g, 0), 1, x) for x in operands_of(eqn, read)]
        again = RULES[eqn.operation](g, elementwise(eqn.operation, *operands), *operands)[i]
        assert again is not None
        try:
            return again()
        except DomainError as error:
            raise NotDifferentiable(f"grad: {eqn.operation} has no derivative here: {error}") from error

    return [cotangent and partial(guarded, i, cotangent) for i, cotangent in enumerate(cotangents)]


def layers(context: Context[Any]) -> list[Context[Any]]:
    """A context, and all contexts that it is around, the outermost first."""
    return [context, *(layers(context.wrapped) if context.wrapped is not None else [])]


def is_relation(eqn: Equation) -> bool:
    """Does it compare two numbers?"""
    return OPERATIONS[eqn.operation].kind == "relation"


def relations(made: Mapping[Traced, Equation], p: Traced) -> Iterator[Equation]:
    """The comparisons that a condition is made of, but those of x with x, which ask for NaN and never turn."""
    eqn = made.get(p)
    if eqn is not None and is_relation(eqn):
        yield from () if eqn.operands[0] is eqn.operands[1] else (eqn,)
    elif eqn is not None:
        for q in eqn.operands:
            yield from relations(made, q)


def difference(relation: Equation, read: Read) -> Tensor:
    """The right side of a comparison less its left one: it is 0 where the comparison may turn."""
    a, b = operands_of(relation, read)
    return b - a  # type: ignore[no-any-return]
