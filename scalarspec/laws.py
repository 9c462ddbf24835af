"""What every context must obey, and a way to check it: `laws.verify(context)`.

Laws of several kinds complement each other; a mistake that one kind lets pass, another catches:

  anchor        a known value: exp(0) = 1, the KL of (1, 0) is 1/2
  rational      agreement with the exact rational result of the same operation on rational operands
  reference     agreement with a 100-digit value of an elementary function
  identity      an identity of the reals, such as cosh² = 1 + sinh²
  replacement   what a backend puts in place of a derived operation agrees with the definition in `Context`
  bulk          bulk arrays agree with the plain lifted scalars of `reference()`
  protocol      literals, data, NaN, pickling, immutability
  enclosure     the value at each point of a box lies in the result for the box          (enclosing contexts)
  isotonicity   a smaller box gives a smaller result                                     (enclosing contexts)
  narrow        a point gives a narrow result, so that [-∞, ∞] does not pass for one     (enclosing contexts)
  order         comparisons of overlapping boxes are undecided, and `where` is a hull    (enclosing contexts)
  substitution  putting a number for a symbol commutes with evaluating                   (symbolic contexts)

A law is checked on operands m/16 with |m| <= 64, which every format holds exactly. "Agrees" means: equal, for exact
contexts; contained, for enclosing ones; within FLOAT_ULPS units of roundoff of the terms' size, for floats. A context
may refuse (NotExact, NotSupported): that is no case of the law, and a law without a case is *skipped*, never passed.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from mpmath.ctx_mp import MPContext

from scalarspec import latent, loss
from scalarspec.core import functions as f
from scalarspec.core.context import DERIVED, PRIMITIVES, Context
from scalarspec.core.operations import having
from scalarspec.core.tensor import Tensor, elementwise, relation
from scalarspec.errors import DomainError, NotExact, NotSupported, Undecided
from scalarspec.models import autoencoder
from scalarspec.numbers.exact import End, boxed, infinite, interval_text, mpf_value

FLOAT_ULPS = 32
"""The stated bound for floats, in units of roundoff of the largest term: NumPy's functions keep within 4."""

NARROW_ULPS = 64
"""The stated bound on the width at a point, in units of the width of the enclosure of 1/3."""

CASES = 24
Operands = tuple[Fraction, ...]
Status = Literal["passed", "skipped", "failed"]


class LawViolation(AssertionError):
    """A context breaks a law."""


@dataclass(frozen=True)
class Law:
    """A statement about a context at some rational operands. `check` raises LawViolation; a refusal is no case."""

    kind: str
    name: str
    arity: int
    check: Callable[..., None]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    def holds(self, context: Context[Any], operands: Operands) -> bool:
        """True if the law was checked and holds, False if the context refuses this case."""
        try:
            self.check(context, *operands)
        except (NotExact, NotSupported, DomainError):
            return False
        return True

    def verify(self, context: Context[Any], cases: Sequence[Operands] | None = None) -> Result:
        """The law on a fixed choice of operands, or on the given ones."""
        checked = 0
        for operands in cases if cases is not None else operand_cases(self.arity):
            try:
                checked += self.holds(context, operands)
            except Exception as violation:  # a context that breaks down breaks the law
                where = f" at {', '.join(map(str, operands))}" if operands else ""
                return Result(self, "failed", checked, f"{type(violation).__name__}{where}: {violation}")
        return Result(self, "passed" if checked else "skipped", checked, "" if checked else "refused in every case")


@dataclass(frozen=True)
class Result:
    """How a law fared in a context."""

    law: Law
    status: Status
    cases: int
    message: str


def verify(context: Context[Any]) -> list[Result]:
    """Check every law that applies to a context. Raises LawViolation, naming all that are broken."""
    results = run(context)
    broken = [f"{result.law}: {result.message}" for result in results if result.status == "failed"]
    if broken:
        raise LawViolation(f"{context} breaks {len(broken)} of {len(results)} laws:\n" + "\n".join(broken))
    return results


def run(context: Context[Any]) -> list[Result]:
    """Check every law that applies to a context, and report."""
    return [law.verify(context) for law in laws_for(context)]


def laws_for(context: Context[Any]) -> list[Law]:
    """The laws that apply to a context."""
    laws = [*_anchors(), *_rational_laws(), *_references(), *_identities(), *_replacements(context), *_PROTOCOL]
    if context.reference() != context:
        laws += _bulk_laws()
    if context.encloses:
        laws += [*_set_laws(), *_ORDER]
    if _is_symbolic(context):
        laws += _substitutions()
    return laws


def operand_cases(arity: int) -> list[Operands]:
    """The same operands each time: special ones, then random ones."""
    if arity == 0:
        return [()]
    source = random.Random(arity)
    special = [tuple(Fraction(s) for _ in range(arity)) for s in (0, 1, -1)]
    return special + [tuple(Fraction(source.randint(-64, 64), 16) for _ in range(arity)) for _ in range(CASES)]


# ---- agreement ------------------------------------------------------------------------------------------------------

DIGITS = 100
_mp = MPContext()  # of our own: mpmath.mp is the caller's
_mp.dps = DIGITS + 20
_REFERENCE_ERROR = Fraction(1, 10**DIGITS)


def _range(t: Tensor) -> Iterator[tuple[End, End]]:
    """What each element stands for: a point, or the ends of an enclosure."""
    for scalar in t.scalars().flat:
        if t.context.encloses:
            yield t.context.endpoints(scalar)
        else:
            value = t.context.approximate(scalar)
            yield value, value


def _roundoff(context: Context[Any]) -> Fraction:
    """The relative roundoff of a context, as the error or the width that it has at 1/3."""
    third = context.tensor("1/3")
    (low, high), *_ = _range(third)
    return max(Fraction(high) - Fraction(low), abs(Fraction(low) - Fraction(1, 3))) * 3


def _agree(actual: Tensor, expected: Sequence[tuple[Fraction, Fraction]], scale: Fraction, what: str) -> None:
    """Each element agrees with what it is to be, given by lower and upper bounds on the exact value."""
    context = actual.context
    tolerance = Fraction(0) if context.encloses else _REFERENCE_ERROR * (1 + scale)
    if not context.exact and not context.encloses:
        tolerance = FLOAT_ULPS * _roundoff(context)
    for (low, high), (least, greatest) in zip(_range(actual), expected, strict=True):
        slack = tolerance * max(scale, abs(least), abs(greatest)) if not context.exact else tolerance
        if low > greatest + slack or high < least - slack:
            raise LawViolation(f"{what} is {interval_text(low, high)}, expected {interval_text(least, greatest)}")


def _meet(left: Tensor, right: Tensor, scale: Fraction, what: str) -> None:
    """Two ways to the same reals agree: enclosures of them meet."""
    finite = [(Fraction(low), Fraction(high)) for low, high in _range(right) if not infinite(low, high)]
    if len(finite) == right.size:
        _agree(left, finite, scale, what)


def _points(values: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
    return [(value, value) for value in values]


def _square_scale(operands: Operands) -> Fraction:
    """The size that terms of degree two in the operands can have."""
    return 1 + sum((x * x for x in operands), Fraction(0))


def _exponential_scale(operands: Operands) -> Fraction:
    """The size that products of an exponential and three operands can have."""
    largest = max(map(abs, operands))
    return (1 + largest) ** 3 * Fraction(math.exp(largest))


def _lifted(context: Context[Any], operands: Operands) -> list[Tensor]:
    return [context.tensor(operand) for operand in operands]


# ---- anchors --------------------------------------------------------------------------------------------------------


def _anchors() -> Iterator[Law]:
    for name, evaluate, expected in _ANCHORS:
        yield Law("anchor", f"{name} = {expected}", 0, _anchor_check(evaluate, Fraction(expected), name))


def _anchor_check(evaluate: Callable[[Context[Any]], Tensor], expected: Fraction, name: str) -> Callable[..., None]:
    def check(context: Context[Any]) -> None:
        _agree(evaluate(context), _points([expected]), Fraction(1), name)

    return check


def _small_autoencoder_error(c: Context[Any]) -> Tensor:
    """The vector of the specification: an autoencoder 2-3-2 at (1, 2) has the error 41/16."""
    m = autoencoder.Autoencoder(
        c.tensor([[1, -2], [3, "1/2"], [0, -1]]),
        c.tensor([0, -1, "1/2"]),
        c.tensor([[1, "1/3", -1], [2, 0, 1]]),
        c.tensor(["1/4", "-1/4"]),
    )
    return autoencoder.reconstruction_error(m, c.tensor([1, 2]))


_ANCHORS: list[tuple[str, Callable[[Context[Any]], Tensor], Any]] = [
    ("exp(0)", lambda c: f.exp(c.tensor(0)), 1),
    ("log(1)", lambda c: f.log(c.tensor(1)), 0),
    ("sqrt(9/4)", lambda c: f.sqrt(c.tensor("9/4")), "3/2"),
    ("sin(0)", lambda c: f.sin(c.tensor(0)), 0),
    ("cos(0)", lambda c: f.cos(c.tensor(0)), 1),
    ("tan(0)", lambda c: f.tan(c.tensor(0)), 0),
    ("atan(0)", lambda c: f.atan(c.tensor(0)), 0),
    ("erf(0)", lambda c: f.erf(c.tensor(0)), 0),
    ("sinh(0)", lambda c: f.sinh(c.tensor(0)), 0),
    ("cosh(0)", lambda c: f.cosh(c.tensor(0)), 1),
    ("tanh(0)", lambda c: f.tanh(c.tensor(0)), 0),
    ("expm1(0)", lambda c: f.expm1(c.tensor(0)), 0),
    ("log1p(0)", lambda c: f.log1p(c.tensor(0)), 0),
    ("expm1mx(0)", lambda c: f.expm1mx(c.tensor(0)), 0),
    ("logcosh(0)", lambda c: f.logcosh(c.tensor(0)), 0),
    ("sigmoid(0)", lambda c: f.sigmoid(c.tensor(0)), "1/2"),
    ("maximum(1, 2)", lambda c: f.maximum(c.tensor(1), c.tensor(2)), 2),
    ("minimum(1, 2)", lambda c: f.minimum(c.tensor(1), c.tensor(2)), 1),
    ("abs(-3)", lambda c: f.abs(c.tensor(-3)), 3),
    ("relu(-3)", lambda c: f.relu(c.tensor(-3)), 0),
    ("relu(3)", lambda c: f.relu(c.tensor(3)), 3),
    ("leaky_relu(-1, 1/4)", lambda c: f.leaky_relu(c.tensor(-1), c.tensor("1/4")), "-1/4"),
    ("leaky_relu(2, 1/4)", lambda c: f.leaky_relu(c.tensor(2), c.tensor("1/4")), 2),
    ("heaviside(0)", lambda c: f.heaviside(c.tensor(0)), 0),
    ("sign(-5)", lambda c: f.sign(c.tensor(-5)), -1),
    ("clip(3, 0, 1)", lambda c: f.clip(c.tensor(3), c.tensor(0), c.tensor(1)), 1),
    ("pow(2, 10)", lambda c: f.pow(c.tensor(2), c.tensor(10)), 1024),
    ("pow(2, -2)", lambda c: f.pow(c.tensor(2), c.tensor(-2)), "1/4"),
    ("pow(-2, 3)", lambda c: f.pow(c.tensor(-2), c.tensor(3)), -8),
    ("divide(1, 3)", lambda c: c.tensor(1) / c.tensor(3), "1/3"),
    ("the literal 1/10", lambda c: c.tensor(0) + "0.1", "1/10"),
    ("sum of nothing", lambda c: f.sum(c.tensor([])), 0),
    ("mean of nothing", lambda c: f.mean(c.tensor([])), 0),
    ("mean(1, 2, 6)", lambda c: f.mean(c.tensor([1, 2, 6])), 3),
    ("logsumexp(0)", lambda c: f.logsumexp(c.tensor([0])), 0),
    ("mse((1, 2), (3, 2))", lambda c: loss.mse(c.tensor([1, 2]), c.tensor([3, 2])), 2),
    ("mae((1, 2), (3, 2))", lambda c: loss.mae(c.tensor([1, 2]), c.tensor([3, 2])), 1),
    ("huber((1, 2), (3, 5/2))", lambda c: loss.huber(c.tensor([1, 2]), c.tensor([3, "5/2"])), "13/16"),
    ("hinge((1/2, 2), (1, -1))", lambda c: loss.hinge(c.tensor(["1/2", 2]), c.tensor([1, -1])), "7/4"),
    (
        "KL((0, 0), (0, 0))",
        lambda c: latent.diagonal_gaussian_kl_to_standard(c.tensor([0, 0]), c.tensor([0, 0])),
        0,
    ),
    (
        "KL((1, 2), (0, 0))",
        lambda c: latent.diagonal_gaussian_kl_to_standard(c.tensor([1, 2]), c.tensor([0, 0])),
        "5/4",
    ),
    (
        "reparameterize(1, 0, 3)",
        lambda c: latent.reparameterize_diag(c.tensor(1), c.tensor(0), c.tensor(3)),
        4,
    ),
    ("autoencoder error", _small_autoencoder_error, "41/16"),
]

# ---- agreement with the rationals -----------------------------------------------------------------------------------

_RATIONAL: dict[str, Callable[..., Fraction]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "maximum": max,
    "minimum": min,
    "abs": abs,
    "clip": lambda x, a, b: min(max(x, a), b),
    "heaviside": lambda x: Fraction(x > 0),
    "sign": lambda x: Fraction((x > 0) - (x < 0)),
    "relu": lambda x: max(x, Fraction(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
}

_RELATIONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "equal": lambda x, y: x == y,
}

_GROUPS: dict[str, tuple[Callable[..., Tensor], Callable[..., list[Fraction]]]] = {
    "sum": (lambda *t: f.sum(f.stack(t)), lambda *x: [sum(x)]),
    "mean": (lambda *t: f.mean(f.stack(t)), lambda *x: [sum(x) / 6]),
    "mean_square": (lambda *t: f.mean_square(f.stack(t)), lambda *x: [sum(v * v for v in x) / 6]),
    "sum over rows": (lambda *t: f.sum(_matrix(t), axis=0), lambda a, b, c, d, e, g: [a + d, b + e, c + g]),
    "mean over columns": (lambda *t: f.mean(_matrix(t), axis=1), lambda *x: [sum(x[:3]) / 3, sum(x[3:]) / 3]),
    "dot": (lambda *t: f.dot(f.stack(t[:3]), f.stack(t[3:])), lambda a, b, c, d, e, g: [a * d + b * e + c * g]),
    "matmul": (
        lambda *t: f.matmul(f.reshape(f.stack(t[:4]), (2, 2)), f.stack(t[4:])),
        lambda a, b, c, d, e, g: [a * e + b * g, c * e + d * g],
    ),
    "affine": (
        lambda *t: f.affine(f.reshape(f.stack(t[:2]), (1, 2)), f.stack(t[2:4]), f.stack(t[4:5])),
        lambda a, b, c, d, e, g: [a * c + b * d + e],
    ),
    "outer": (
        lambda *t: f.outer(f.stack(t[:2]), f.stack(t[4:])),
        lambda a, b, c, d, e, g: [a * e, a * g, b * e, b * g],
    ),
    "matrix_transpose": (lambda *t: f.matrix_transpose(_matrix(t)), lambda a, b, c, d, e, g: [a, d, b, e, c, g]),
    "where": (
        lambda a, b, c, d, e, g: f.where(f.stack([a, b]) < c, d, f.stack([e, g])),
        lambda a, b, c, d, e, g: [d if a < c else e, d if b < c else g],
    ),
    "logic": (
        lambda a, b, c, d, e, g: f.where(((a < b) & (c < d)) | ~(e < g), a, b),
        lambda a, b, c, d, e, g: [a if (a < b and c < d) or not e < g else b],
    ),
    "mse": (lambda *t: loss.mse(f.stack(t[:3]), f.stack(t[3:])), lambda *x: [_squares(x) / 3]),
    "hinge": (
        lambda *t: loss.hinge(f.stack(t[:3]), f.stack(t[3:])),
        lambda *x: [sum(max(1 - x[i] * x[i + 3], Fraction(0)) for i in range(3)) / 3],
    ),
}


def _matrix(tensors: Sequence[Tensor]) -> Tensor:
    return f.reshape(f.stack(tensors), (2, 3))


def _squares(x: Sequence[Fraction]) -> Fraction:
    return sum(((x[i] - x[i + 3]) ** 2 for i in range(3)), Fraction(0))


def _rational_laws() -> Iterator[Law]:
    for name in _RATIONAL:
        yield Law("rational", name, arity_of(name), _rational_check(name))
    for name, relate in _RELATIONS.items():
        yield Law("rational", name, 2, _relation_check(name, relate))
    for name, (evaluate, exact) in _GROUPS.items():
        yield Law("rational", f"{name} of several", 6, _group_check(name, evaluate, exact))
    yield Law("rational", "integer powers", 1, _powers)


def _rational_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        exact = _known(name, operands)
        _agree(elementwise(name, *_lifted(context, operands)), [exact], abs(exact[0]), name)

    return check


def _relation_check(name: str, relate: Callable[[Fraction, Fraction], bool]) -> Callable[..., None]:
    def check(context: Context[Any], x: Fraction, y: Fraction) -> None:
        for a, b in ((x, y), (x, x)):
            if bool(relation(name, *_lifted(context, (a, b)))) is not relate(a, b):
                raise LawViolation(f"{name}({a}, {b}) is not {relate(a, b)}")

    return check


def _group_check(
    name: str, evaluate: Callable[..., Tensor], exact: Callable[..., list[Fraction]]
) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        scale = _square_scale(operands)
        _agree(evaluate(*_lifted(context, operands)), _points(exact(*operands)), scale, name)

    return check


def _powers(context: Context[Any], x: Fraction) -> None:
    for n in (0, 1, 2, 3, 5, -1, -2):
        if x != 0 or n >= 0:
            _agree(f.pow(context.tensor(x), n), _points([x**n]), abs(x**n), f"pow({x}, {n})")


# ---- references -----------------------------------------------------------------------------------------------------

Domain = Callable[..., bool]


def _anywhere(*_: Fraction) -> bool:
    return True


def _mp_function(name: str) -> Callable[..., Any]:
    """100-digit values, by formulas that do not cancel at this precision on the operands."""
    composed: dict[str, Callable[..., Any]] = {
        "expm1mx": lambda x: _mp.exp(x) - 1 - x,
        "sigmoid": lambda x: 1 / (1 + _mp.exp(-x)),
        "softplus": lambda x: _mp.log1p(_mp.exp(x)),
        "logcosh": lambda x: _mp.log(_mp.cosh(x)),
        "pow": lambda x, y: x**y,
    }
    return composed.get(name) or getattr(_mp, name)


_ELEMENTARY: dict[str, Domain] = {
    "exp": _anywhere,
    "log": lambda x: x > 0,
    "sqrt": lambda x: x >= 0,
    "sin": _anywhere,
    "cos": _anywhere,
    "tan": _anywhere,
    "atan": _anywhere,
    "erf": _anywhere,
    "expm1": _anywhere,
    "log1p": lambda x: x > -1,
    "expm1mx": _anywhere,
    "sinh": _anywhere,
    "cosh": _anywhere,
    "tanh": _anywhere,
    "sigmoid": _anywhere,
    "softplus": _anywhere,
    "logcosh": _anywhere,
    "pow": lambda x, y: x > 0,
}


def reference(name: str, *operands: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds, 100 digits apart, on an elementary function at rational operands."""
    value = mpf_value(_mp_function(name)(*(_mp.mpf(x.numerator) / x.denominator for x in operands))._mpf_)
    error = _REFERENCE_ERROR * max(abs(value), _REFERENCE_ERROR)
    return value - error, value + error


def _references() -> Iterator[Law]:
    for name in _ELEMENTARY:
        yield Law("reference", name, arity_of(name), _reference_check(name))
    yield Law("reference", "pi", 0, _pi_check)
    yield Law("reference", "logsumexp", 3, _logsumexp_check)
    yield Law("reference", "cross_entropy", 3, _cross_entropy_check)


def _reference_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        exact = _known(name, operands)
        scale = max(Fraction(1), abs(exact[1]), *map(abs, operands))
        _agree(elementwise(name, *_lifted(context, operands)), [exact], scale, name)

    return check


def _pi_check(context: Context[Any]) -> None:
    value = mpf_value((+_mp.pi)._mpf_)
    _agree(f.pi(context), [(value - _REFERENCE_ERROR, value + _REFERENCE_ERROR)], value, "pi")


def _logsumexp(operands: Operands) -> Fraction:
    return mpf_value(_mp.log(sum(_mp.exp(_mp.mpf(x.numerator) / x.denominator) for x in operands))._mpf_)


def _logsumexp_check(context: Context[Any], *operands: Fraction) -> None:
    value = _logsumexp(operands)
    bounds = [(value - _REFERENCE_ERROR, value + _REFERENCE_ERROR)]
    _agree(f.logsumexp(context.tensor(list(operands))), bounds, Fraction(8), "logsumexp")


def _cross_entropy_check(context: Context[Any], *operands: Fraction) -> None:
    value = _logsumexp(operands) - operands[1]
    bounds = [(value - _REFERENCE_ERROR, value + _REFERENCE_ERROR)]
    actual = loss.cross_entropy(context.tensor(list(operands)), context.tensor([0, 1, 0]))
    _agree(actual, bounds, Fraction(8), "cross_entropy")


def _exactly(name: str, operands: Operands) -> tuple[Fraction, Fraction] | None:
    """Bounds on the exact value of an operation at a point; None where it has none."""
    if name in _ELEMENTARY:
        return reference(name, *operands) if _ELEMENTARY[name](*operands) else None
    if name in ("divide", "reciprocal") and operands[-1] == 0:
        return None
    value = Fraction(_RATIONAL[name](*operands))
    return value, value


def _known(name: str, operands: Operands) -> tuple[Fraction, Fraction]:
    """The same, where a point without a value is no case of a law."""
    exact = _exactly(name, operands)
    if exact is None:
        raise DomainError(f"{name} has no value here: no case")
    return exact


# ---- identities -----------------------------------------------------------------------------------------------------

_IDENTITIES: list[tuple[str, int, Callable[..., tuple[Any, Any]]]] = [
    ("x + y = y + x", 2, lambda x, y: (x + y, y + x)),
    ("x y = y x", 2, lambda x, y: (x * y, y * x)),
    ("x (y + z) = x y + x z", 3, lambda x, y, z: (x * (y + z), x * y + x * z)),
    ("(x - y) + y = x", 2, lambda x, y: ((x - y) + y, x)),
    ("x + (-x) = 0", 1, lambda x: (x + (-x), x * 0)),
    ("max(x, y) + min(x, y) = x + y", 2, lambda x, y: (f.maximum(x, y) + f.minimum(x, y), x + y)),
    ("relu(x) - relu(-x) = x", 1, lambda x: (f.relu(x) - f.relu(-x), x)),
    ("relu(x) + relu(-x) = |x|", 1, lambda x: (f.relu(x) + f.relu(-x), f.abs(x))),
    ("sign(x) |x| = x", 1, lambda x: (f.sign(x) * f.abs(x), x)),
    ("heaviside(x) x = relu(x)", 1, lambda x: (f.heaviside(x) * x, f.relu(x))),
    ("square(x) = x x", 1, lambda x: (f.square(x), x * x)),
    ("sqrt(square(x)) = |x|", 1, lambda x: (f.sqrt(f.square(x)), f.abs(x))),
    ("exp(x) exp(-x) = 1", 1, lambda x: (f.exp(x) * f.exp(-x), x * 0 + 1)),
    ("log(exp(x)) = x", 1, lambda x: (f.log(f.exp(x)), x)),
    ("sin² + cos² = 1", 1, lambda x: (f.square(f.sin(x)) + f.square(f.cos(x)), x * 0 + 1)),
    ("cosh² = 1 + sinh²", 1, lambda x: (f.square(f.cosh(x)), 1 + f.square(f.sinh(x)))),
    ("tanh cosh = sinh", 1, lambda x: (f.tanh(x) * f.cosh(x), f.sinh(x))),
    ("tan cos = sin", 1, lambda x: (f.tan(x) * f.cos(x), f.sin(x))),
    ("tan(atan(x)) = x", 1, lambda x: (f.tan(f.atan(x)), x)),
    ("erf(x) + erf(-x) = 0", 1, lambda x: (f.erf(x) + f.erf(-x), x * 0)),
    ("sigmoid(x) + sigmoid(-x) = 1", 1, lambda x: (f.sigmoid(x) + f.sigmoid(-x), x * 0 + 1)),
    ("softplus(x) = x + softplus(-x)", 1, lambda x: (f.softplus(x), x + f.softplus(-x))),
    ("expm1(x) = exp(x) - 1", 1, lambda x: (f.expm1(x), f.exp(x) - 1)),
    ("log1p(expm1(x)) = x", 1, lambda x: (f.log1p(f.expm1(x)), x)),
    ("expm1mx(x) = expm1(x) - x", 1, lambda x: (f.expm1mx(x), f.expm1(x) - x)),
    ("exp(logcosh(x)) = cosh(x)", 1, lambda x: (f.exp(f.logcosh(x)), f.cosh(x))),
    ("(x + y)³ by pow", 2, lambda x, y: ((x + y) ** 3, (x + y) * f.square(x + y))),
]


def _identities() -> Iterator[Law]:
    for name, arity, sides in _IDENTITIES:
        yield Law("identity", name, arity, _identity_check(name, sides))


def _identity_check(name: str, sides: Callable[..., tuple[Any, Any]]) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        left, right = sides(*_lifted(context, operands))
        _meet(left, right, _exponential_scale(operands), name)

    return check


# ---- replacements of defaults, and bulk arrays ----------------------------------------------------------------------


def arity_of(operation: str) -> int:
    """How many operands a scalar operation takes."""
    code = (PRIMITIVES | DERIVED)[operation].__code__
    return code.co_argcount - 1


_TRUTH_VALUED = {"equal", *having(kind="connective")}


def _replacements(context: Context[Any]) -> Iterator[Law]:
    """One law for each derived operation that the class of this context replaces; none can be forgotten."""
    for name, default in DERIVED.items():
        if getattr(type(context), name) is not default:
            relational = name in _TRUTH_VALUED or name == "where"
            check = _truth_replacement(name) if relational else _replacement(name)
            yield Law("replacement", name, 4 if relational else arity_of(name), check)


def _replacement(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        if name == "pow" and operands[0] <= 0:
            raise DomainError("no case")
        scalars = [context.data(x) for x in operands]
        with np.errstate(all="ignore"):
            ours, default = getattr(context, name)(*scalars), DERIVED[name](context, *scalars)
        scale = _exponential_scale(operands)
        left, right = (Tensor.from_scalars(context, boxed(scalar)) for scalar in (ours, default))
        _meet(left, right, scale, name)

    return check


def _truth_replacement(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        a, b, c, d = (context.data(x) for x in operands)
        p, q = context.decide(context.less(a, b)), context.decide(context.less(c, d))
        given = {"equal": (a, b), "where": (p, a, b), "logical_not": (p,)}.get(name, (p, q))
        ours, default = getattr(context, name)(*given), DERIVED[name](context, *given)
        if name == "where":
            left, right = (Tensor.from_scalars(context, boxed(scalar)) for scalar in (ours, default))
            _meet(left, right, Fraction(4), name)
        elif context.decide(ours) is not context.decide(default):
            raise LawViolation(f"{name} is {ours}, by definition {default}")

    return check


def _bulk_laws() -> Iterator[Law]:
    for name in [*_RATIONAL, *_ELEMENTARY]:
        yield Law("bulk", name, 6, _bulk_check(name))
    for name in _RELATIONS:
        yield Law("bulk", name, 2, _bulk_relation_check(name))
    for name, (evaluate, _) in _GROUPS.items():
        yield Law("bulk", name, 6, _bulk_group_check(name, evaluate))


def _bulk_check(name: str) -> Callable[..., None]:
    domain = _ELEMENTARY.get(name, _anywhere)
    arity = arity_of(name)

    def check(context: Context[Any], *operands: Fraction) -> None:
        usable = [x for x in operands if x != 0 and domain(*[x] * arity)]
        if not usable:
            raise DomainError("no case")
        vectors = [usable[i:] + usable[:i] for i in range(arity)]
        bulk = elementwise(name, *(context.tensor(v) for v in vectors))
        plain = elementwise(name, *(context.reference().tensor(v) for v in vectors))
        scale = max(abs(Fraction(value)) for ends in _range(plain) for value in ends if not infinite(value))
        _meet(bulk, plain, scale, name)

    return check


def _bulk_relation_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], x: Fraction, y: Fraction) -> None:
        for pair in ((x, y), (y, x), (x, x)):
            bulk, plain = (bool(relation(name, *_lifted(c, pair))) for c in (context, context.reference()))
            if bulk is not plain:
                raise LawViolation(f"{name}{tuple(map(str, pair))} is {bulk} in bulk and {plain} for scalars")

    return check


def _bulk_group_check(name: str, evaluate: Callable[..., Tensor]) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        scale = _square_scale(operands)
        bulk, plain = (evaluate(*_lifted(c, operands)) for c in (context, context.reference()))
        _meet(bulk, plain, scale, name)

    return check


# ---- sets -----------------------------------------------------------------------------------------------------------


def _boxes(context: Context[Any], ends: Operands) -> list[Tensor]:
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return [context.box(min(pair), max(pair)) for pair in pairs]


def _set_laws() -> Iterator[Law]:
    for name in [*_RATIONAL, *_ELEMENTARY]:
        arity = arity_of(name)
        yield Law("enclosure", name, 2 * arity, _enclosure_check(name))
        yield Law("isotonicity", name, 2 * arity, _isotonicity_check(name))
        yield Law("narrow", name, arity, _narrow_check(name))
    yield Law("enclosure", "MSE >= 0", 4, _mse_is_nonnegative)
    yield Law("enclosure", "KL >= 0", 4, _kl_is_nonnegative)
    yield Law("narrow", "sum and matmul", 6, _narrow_groups)


def _enclosure_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *ends: Fraction) -> None:
        result = elementwise(name, *_boxes(context, ends))
        ((low, high),) = _range(result)
        for t in (Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(1)):
            point = tuple(a + t * (b - a) for a, b in zip(ends[::2], ends[1::2], strict=True))
            exact = _exactly(name, point)
            if exact is not None and (exact[1] < low or exact[0] > high):
                raise LawViolation(f"{name}{tuple(map(str, point))} lies outside {interval_text(low, high)}")

    return check


def _isotonicity_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *ends: Fraction) -> None:
        inner = tuple(e + (other - e) / 4 for e, other in zip(ends, _partners(ends), strict=True))
        ((low, high),) = _range(elementwise(name, *_boxes(context, inner)))
        ((least, greatest),) = _range(elementwise(name, *_boxes(context, ends)))
        if low < least or high > greatest:
            shown = f"{interval_text(low, high)} is not within {interval_text(least, greatest)}"
            raise LawViolation(f"{name} of a smaller box: {shown}")

    return check


def _partners(ends: Operands) -> Operands:
    return tuple(ends[i + 1 if i % 2 == 0 else i - 1] for i in range(len(ends)))


def _narrow_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *point: Fraction) -> None:
        _known(name, point)
        _is_narrow(elementwise(name, *_lifted(context, point)), Fraction(1), name)

    return check


def _narrow_groups(context: Context[Any], *operands: Fraction) -> None:
    scale = _square_scale(operands)
    for name in ("sum", "mean", "matmul", "affine", "dot"):
        _is_narrow(_GROUPS[name][0](*_lifted(context, operands)), scale, name)


def _is_narrow(result: Tensor, scale: Fraction, name: str) -> None:
    for low, high in _range(result):
        if infinite(low, high) or high - low > NARROW_ULPS * _roundoff(result.context) * max(scale, abs(Fraction(low))):
            raise LawViolation(f"{name} of a point is as wide as {interval_text(low, high)}")


def _mse_is_nonnegative(context: Context[Any], *ends: Fraction) -> None:
    _not_negative(loss.mse(*_boxes(context, ends)), "MSE")


def _kl_is_nonnegative(context: Context[Any], *ends: Fraction) -> None:
    _not_negative(latent.diagonal_gaussian_kl_to_standard(*_boxes(context, ends)), "KL")


def _not_negative(result: Tensor, name: str) -> None:
    ((low, _),) = _range(result)
    if low < 0:
        raise LawViolation(f"{name} over a box has the lower end {low}")


def _overlap_is_undecided(context: Context[Any]) -> None:
    x, y = context.box(0, 2), context.box(1, 3)
    for p in (x < y, x <= y, x > y, x == y, ~(x < y), x == x):
        try:
            decided = bool(p)
        except Undecided:
            continue
        raise LawViolation(f"{p} was taken for {decided}")


def _apart_is_decided(context: Context[Any]) -> None:
    x, y = context.box(0, 1), context.box(2, 3)
    if not (bool(x < y) and bool(x <= y) and not bool(x > y) and not bool(x == y) and bool(x != y)):
        raise LawViolation("[0, 1] < [2, 3] was not decided rightly")


def _where_is_hull(context: Context[Any]) -> None:
    ((low, high),) = _range(f.where(context.box(0, 2) < 1, context.box(5, 6), context.box(8, 9)))
    if low > 5 or high < 9:
        raise LawViolation(
            f"where of an undecided condition is {interval_text(low, high)}, not the hull of both branches"
        )
    ((low, high),) = _range(f.where(context.box(0, 2) < 3, context.box(5, 6), context.box(8, 9)))
    if high >= 8 or low > 5:
        raise LawViolation(f"where of a true condition is {interval_text(low, high)}, not the first branch")


_ORDER = [
    Law("order", "an overlap is undecided", 0, _overlap_is_undecided),
    Law("order", "what is apart is decided", 0, _apart_is_decided),
    Law("order", "where is a hull", 0, _where_is_hull),
]

# ---- symbols --------------------------------------------------------------------------------------------------------


def _is_symbolic(context: Context[Any]) -> bool:
    try:
        context.symbol("x")
    except NotSupported:
        return False
    return True


def _substitutions() -> Iterator[Law]:
    for name in [*_RATIONAL, *_ELEMENTARY]:
        yield Law("substitution", name, arity_of(name), _substitution_check(name))


def _substitution_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        exact = _known(name, operands)
        names = [f"x_{i}" for i in range(len(operands))]
        general = elementwise(name, *(context.symbols(n) for n in names)).scalars()[()]
        special = context.substitute(general, dict(zip(names, operands, strict=True)))
        _agree(Tensor.from_scalars(context, boxed(special)), [exact], abs(exact[1]), name)

    return check


# ---- the protocol ---------------------------------------------------------------------------------------------------


def _decimal_literal_is_refused(context: Context[Any]) -> None:
    _ = context.tensor(1) + 0.5
    try:
        _ = context.tensor(1) + 0.1
    except NotExact:
        return
    raise LawViolation("the literal 0.1 was taken")


def _nan_is_an_error_or_stays(context: Context[Any]) -> None:
    for special in (math.nan, math.inf):
        try:
            kept = context.tensor(special).item()
        except DomainError:
            continue
        if context.exact or context.encloses or str(kept) != str(special):
            raise LawViolation(f"the datum {special} was taken for {kept}")


def _travels(context: Context[Any]) -> None:
    t = context.tensor(["1/3", 2])
    copied_context, copied = pickle.loads(pickle.dumps((context, t)))
    same = [context.text(x) for x in t.scalars()] == [context.text(x) for x in copied.scalars()]
    if copied_context != context or hash(copied_context) != hash(context) or copied.context != context or not same:
        raise LawViolation("a context or a tensor changed when it was pickled and read back")


def _items_return(context: Context[Any]) -> None:
    t = context.tensor(["1/2", -3])
    if list(_range(context.tensor(t.tolist()))) != list(_range(t)):
        raise LawViolation("tensor(t.tolist()) differs from t")


def _tensors_are_not_hashed_nor_branched_on(context: Context[Any]) -> None:
    for refuse in (hash, bool):
        try:
            refuse(context.tensor(1))
        except (TypeError, Undecided):
            continue
        raise LawViolation(f"{refuse.__name__} of a tensor was answered")


_PROTOCOL = [
    Law("protocol", "the literal 0.1 is refused", 0, _decimal_literal_is_refused),
    Law("protocol", "NaN is an error, or stays", 0, _nan_is_an_error_or_stays),
    Law("protocol", "contexts and tensors pickle", 0, _travels),
    Law("protocol", "items return", 0, _items_return),
    Law("protocol", "no hash, no truth of numbers", 0, _tensors_are_not_hashed_nor_branched_on),
]
