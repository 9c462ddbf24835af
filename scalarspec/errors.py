"""Every refusal has a class of its own, so that a caller can tell them apart.

All of them are `ScalarSpecError`; each is also the built-in error that a Python programmer would expect.
"""

from collections.abc import Callable
from typing import ClassVar


class ScalarSpecError(Exception):
    """The root of every error that scalarspec raises on purpose."""


class ShapeError(ScalarSpecError, ValueError):
    """Shapes that do not fit an operation; the message holds the operation and the shapes."""

    noticed: ClassVar[Callable[[], None] | None] = None
    """Called whenever one is made; `core.sizes`, which watches what a spec learns of its sizes, sets it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if ShapeError.noticed is not None:
            ShapeError.noticed()


class ContextMismatch(ScalarSpecError, TypeError):
    """Tensors of two contexts met in one expression."""


class Undecided(ScalarSpecError, ValueError):
    """A branch was asked for on a comparison that the context cannot decide."""


class NotExact(ScalarSpecError, ArithmeticError):
    """The exact value was needed and there is none (0.1 as a literal, exp(1/2) over the rationals)."""


class DomainError(ScalarSpecError, ArithmeticError):
    """A value outside the domain of an operation, or no real number at all (NaN, an infinity)."""


class NotDifferentiable(DomainError):
    """A derivative where there is none, or none that could be shown: at a kink, a step, the edge of a domain."""


class DivisionByZero(DomainError, ZeroDivisionError):
    """Division by exactly zero in a context that has no value for it."""


class NotSupported(ScalarSpecError, NotImplementedError):
    """The context has no such operation; the message names the contexts that have it."""


class Contradiction(ScalarSpecError, RuntimeError):
    """Two certified results exclude each other: a fault of scalarspec, or of a spec that is no function."""


class TooLarge(ScalarSpecError, OverflowError):
    """The result would be larger than a stated limit on size."""


class FloatEnvironmentError(ScalarSpecError, RuntimeError):
    """The processor's rounding mode, or its treatment of subnormal numbers, is one under which nothing encloses."""


class OutOfRange(ScalarSpecError, IndexError):
    """An index outside its range (a tensor's, or a codebook's, where negative ones are outside too)."""

    noticed: ClassVar[Callable[[], None] | None] = None
    """Called whenever one is made; `core.sizes`, which watches what a spec learns of its sizes, sets it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if ShapeError.noticed is not None:
            ShapeError.noticed()


class UnknownName(ScalarSpecError, LookupError):
    """A name (of a backend, an activation, a parameter) that does not exist; the message lists those that do."""


class ArgumentError(ScalarSpecError, ValueError):
    """Any other argument that cannot be used; the message says which, what was expected and what came."""
