"""The errors of this package: every refusal has a class of its own, so that a caller can tell them apart.

All of them are `ScalarSpecError`; each is also the built-in error that a Python programmer would expect. A message says
what was found, what was needed, and what to write instead.
"""

from collections.abc import Callable
from typing import ClassVar


class ScalarSpecError(Exception):
    """The root of every error that scalarspec raises on purpose."""


class ShapeError(ScalarSpecError, ValueError):
    """Shapes do not fit an operation. The message holds the operation and the shapes."""

    noticed: ClassVar[Callable[[], None] | None] = None
    """Called whenever one is made; `core.sizes`, which watches what a spec learns of its sizes, sets it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if ShapeError.noticed is not None:
            ShapeError.noticed()


class ContextMismatch(ScalarSpecError, TypeError):
    """Tensors of two contexts met in one expression: carry one over with `context.tensor(t)`."""


class Undecided(ScalarSpecError, ValueError):
    """A branch was asked for on a comparison that the context cannot decide: use `where`, which takes both."""


class NotExact(ScalarSpecError, ArithmeticError):
    """An exact value was needed and there is none: 0.1 as a literal, exp(1/2) over the rationals."""


class DomainError(ScalarSpecError, ArithmeticError):
    """A value lies outside the domain of an operation, or is no real number at all (NaN, an infinity)."""


class DomainUndecided(Undecided, DomainError):
    """An enclosure lies partly outside the domain of an operation, perhaps by its own width alone: more precision, or
    a smaller box, may decide.
    """


class NotDifferentiable(DomainError):
    """A derivative was asked for where there is none, or none could be shown: at a kink, a step, the edge of a
    domain.
    """


class DivisionByZero(DomainError, ZeroDivisionError):
    """A division by exactly zero, in a context that has no value for it."""


class NotSupported(ScalarSpecError, NotImplementedError):
    """The context has no such operation, or a reading no rule for it. The message names what has it, or what is
    missing.
    """


class JaxCode(NotSupported):
    """A function of JAX was called on a tensor: it must be traced, as `from_jax`, `as_spec` and every job do."""


class NotInNamespace(NotSupported, AttributeError):
    """A namespace has no such name, though a standard may: the message says why."""


class Contradiction(ScalarSpecError, RuntimeError):
    """Two certified results exclude each other: a fault of scalarspec, or of a spec that gives two values for one
    input.
    """


class TooLarge(ScalarSpecError, OverflowError):
    """The result would be larger than a stated limit on size."""


class FloatEnvironmentError(ScalarSpecError, RuntimeError):
    """The processor's rounding mode, or its treatment of subnormal numbers, is one under which nothing encloses."""


class NotInstalled(ScalarSpecError, ImportError):
    """A backend needs a package that is not installed; the message says how to install it."""


class OutOfRange(ScalarSpecError, IndexError):
    """An index lies outside its range: a tensor's, or a codebook's, where negative ones are outside, too."""

    noticed: ClassVar[Callable[[], None] | None] = None
    """Called whenever one is made; `core.sizes`, which watches what a spec learns of its sizes, sets it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if ShapeError.noticed is not None:
            ShapeError.noticed()


class UnknownName(ScalarSpecError, LookupError):
    """A name (of a backend, an activation, a parameter) does not exist. The message lists those that do."""


class ArgumentError(ScalarSpecError, ValueError):
    """Any other argument that cannot be used. The message says which one, what was expected and what came."""
