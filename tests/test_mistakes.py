"""The laws can fail: each mistake, injected into each backend, is caught by at least one law."""

from dataclasses import dataclass, fields
from fractions import Fraction

import pytest
from conftest import CONTEXTS

from scalarspec import laws

BACKENDS = ["float64", "interval", "rational", "symbolic", "arb"]


def swapped(operation):
    """Exchange the first two operands."""
    return {operation: lambda right: lambda self, x, y, *rest: right(self, y, x, *rest)}


def replaced(**methods):
    return {name: lambda right, make=make: make(right) for name, make in methods.items()}


def plus_tiny(right):
    """Off by 10⁻⁶ relatively."""

    def wrong(self, *operands):
        return self.multiply(right(self, *operands), self.literal(Fraction(1_000_001, 1_000_000)))

    return wrong


SCALAR_MISTAKES = {
    "maximum is minimum": replaced(maximum=lambda right: lambda self, x, y: self.negative(right(self, self.negative(x), self.negative(y)))),
    "minimum is maximum": replaced(minimum=lambda right: lambda self, x, y: self.maximum(x, y)),
    "subtraction the wrong way": swapped("subtract"),
    "division the wrong way": swapped("divide"),
    "a dropped denominator": replaced(divide=lambda right: lambda self, x, y: x),
    "leaky_relu with its arguments swapped": swapped("leaky_relu"),
    "relu of -x": replaced(relu=lambda right: lambda self, x: right(self, self.negative(x))),
    "relu' is 1 at 0": replaced(heaviside=lambda right: lambda self, x: self.where(self.less(x, self._number(0)), self._number(0), self._number(1))),
    "where with its branches swapped": replaced(where=lambda right: lambda self, p, x, y: right(self, p, y, x)),
    "less is less_equal": replaced(less=lambda right: lambda self, x, y: self.less_equal(x, y)),
    "less_equal is less": replaced(less_equal=lambda right: lambda self, x, y: self.less(x, y)),
    "square is x": replaced(square=lambda right: lambda self, x: x),
    "sign forgets the negatives": replaced(sign=lambda right: lambda self, x: self.heaviside(x)),
    "clip forgets the upper end": replaced(clip=lambda right: lambda self, x, a, b: self.maximum(x, a)),
    "abs is x": replaced(abs=lambda right: lambda self, x: x),
    "exp is off by 1e-6": replaced(exp=plus_tiny),
    "log is off by 1e-6": replaced(log=plus_tiny),
    "sqrt is off by 1e-6": replaced(sqrt=plus_tiny),
    "sin is off by 1e-6": replaced(sin=plus_tiny),
    "reciprocal is off by 1e-6": replaced(reciprocal=plus_tiny),
    "tanh is the sigmoid": replaced(tanh=lambda right: lambda self, x: self.sigmoid(x)),
    "sigmoid of -x": replaced(sigmoid=lambda right: lambda self, x: right(self, self.negative(x))),
    "expm1 forgets the 1": replaced(expm1=lambda right: lambda self, x: self.exp(x)),
    "log1p forgets the 1": replaced(log1p=lambda right: lambda self, x: self.log(x)),
    "expm1mx adds x": replaced(expm1mx=lambda right: lambda self, x: self.add(self.expm1(x), x)),
    "softplus is relu": replaced(softplus=lambda right: lambda self, x: self.relu(x)),
    "cosh is sinh": replaced(cosh=lambda right: lambda self, x: self.sinh(x)),
    "and is or": replaced(logical_and=lambda right: lambda self, p, q: self.logical_or(p, q)),
    "0.1 through a float": replaced(literal=lambda right: lambda self, value: right(self, Fraction(float(value)) + Fraction(1, 10**8) * (value.denominator % 2 == 0 and value.denominator % 5 == 0))),
}  # fmt: skip

BULK_MISTAKES = {
    "mean is sum": ("mean", lambda right: lambda self, x, axis, count: self.apply("sum", x, axis=axis)),
    "mean divides by n + 1": ("mean", lambda right: lambda self, x, axis, count: right(self, x, axis, count + 1)),
    "mean_square forgets the square": ("mean_square", lambda right: lambda self, x, axis, count: self.apply("mean", x, axis=axis, count=count)),
    "affine forgets the bias": ("affine", lambda right: lambda self, w, x, b: self.apply("matmul", w, x)),
    "sum over the other axis": ("sum", lambda right: lambda self, x, axis: right(self, x, axis) if x.ndim < 2 or len(axis) > 1 else right(self, x.T, axis)[: x.shape[1 - axis[0]]]),
    "matmul by the transpose": ("matmul", lambda right: lambda self, a, b: right(self, a.T, b) if a.ndim == 2 and a.shape[0] == a.shape[1] else right(self, a, b)),
    "stack the other way round": ("stack", lambda right: lambda self, *values: right(self, *reversed(values))),
}  # fmt: skip


def with_scalar_mistake(context, methods):
    """The context with some of its methods made wrong; None if it refuses the operation anyway."""
    ((name, make),) = methods.items()
    right = getattr(type(context), name)
    wrong = dataclass(frozen=True)(type(f"Wrong{type(context).__name__}", (type(context),), {name: make(right)}))
    globals()[wrong.__name__] = wrong  # so that it pickles
    wrong.__module__, wrong.__qualname__ = __name__, wrong.__name__
    return wrong(**{field.name: getattr(context, field.name) for field in fields(context)})


def with_bulk_mistake(context, name, make):
    arrays = type(context.arrays)
    wrong_arrays = type("WrongArrays", (arrays,), {name: make(getattr(arrays, name))})
    wrong = type("WrongBulk", (type(context),), {"arrays": property(lambda self: wrong_arrays(self))})
    globals()["WrongBulk"] = wrong
    wrong.__module__, wrong.__qualname__ = __name__, "WrongBulk"
    return wrong(**{field.name: getattr(context, field.name) for field in fields(context)})


def breaks_a_law(context):
    return any(law.verify(context).status == "failed" for law in laws.laws_for(context))


# Over the rationals these are right wherever there is an answer: at 0 (log: at 1), and refused elsewhere.
HARMLESS_OVER_RATIONALS = {"log is off by 1e-6", "sin is off by 1e-6", "sigmoid of -x", "expm1mx adds x"}


@pytest.mark.parametrize(
    ("backend", "mistake"),
    [(b, m) for b in BACKENDS for m in SCALAR_MISTAKES if b != "rational" or m not in HARMLESS_OVER_RATIONALS],
)
def test_a_scalar_mistake_is_caught(backend, mistake):
    assert breaks_a_law(with_scalar_mistake(CONTEXTS[backend], SCALAR_MISTAKES[mistake]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mistake", BULK_MISTAKES)
def test_a_bulk_mistake_is_caught(backend, mistake):
    assert breaks_a_law(with_bulk_mistake(CONTEXTS[backend], *BULK_MISTAKES[mistake]))


def test_verify_names_the_broken_laws():
    wrong = with_scalar_mistake(CONTEXTS["rational"].reference(), SCALAR_MISTAKES["maximum is minimum"])
    with pytest.raises(laws.LawViolation, match=r"anchor: maximum\(1, 2\) = 2: .*expected \[2, 2\]"):
        laws.verify(wrong)


ENCLOSURE_MISTAKES = {
    "rounded to nearest": lambda right: lambda self, x, y: _collapsed(self, right(self, x, y)),
    "the upper end inward": lambda right: lambda self, x, y: _narrowed(self, right(self, x, y)),
    "everything is entire": lambda right: lambda self, x, y: self.enclose(-1000, 1000),
    "intersects is true": None,
}


def _collapsed(context, x):
    low, high = context.endpoints(x)
    return context.enclose((low + high) / 2, (low + high) / 2) if high - low < Fraction(1, 1000) else x


def _narrowed(context, x):
    low, high = context.endpoints(x)
    return context.enclose(low, max(low, high - Fraction(1, 1000)))


@pytest.mark.parametrize("backend", ["interval", "arb"])
@pytest.mark.parametrize("mistake", ENCLOSURE_MISTAKES)
def test_an_enclosure_mistake_is_caught(backend, mistake):
    if mistake == "intersects is true":
        wrong = replaced(less=lambda right: lambda self, x, y: bool(self.endpoints(x)[0] < self.endpoints(y)[1]))
    else:
        wrong = replaced(divide=ENCLOSURE_MISTAKES[mistake])
    assert breaks_a_law(with_scalar_mistake(CONTEXTS[backend], wrong))
