"""The errors of this package: every refusal has a class of its own, so that a caller can tell them apart.

All of them are `ScalarSpecError`; each is also the built-in error that a Python programmer would expect. A message says
what was found, what was needed, and what to write instead.
"""

from collections.abc import Callable
from typing import ClassVar


class ScalarSpecError(Exception):
    """The root of every error that scalarspec raises on purpose.

    What to do: catch it where any refusal is to be handled alike; its subclasses say which it was.
    """


class ShapeError(ScalarSpecError, ValueError):
    """Shapes do not fit an operation. The message holds the operation and the shapes.

    What to do: compare the shapes in the message with those that the documentation of the operation states.
    """

    noticed: ClassVar[Callable[[], None] | None] = None
    """Called whenever one is made; `core.sizes`, which watches what a spec learns of its sizes, sets it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if ShapeError.noticed is not None:
            ShapeError.noticed()


class ContextMismatch(ScalarSpecError, TypeError):
    """Tensors of two contexts met in one expression: carry one over with `context.tensor(t)`.

    What to do: carry one over, `context.tensor(t)`, or lift the model with `ss.lift(model, context)`.
    """


class Undecided(ScalarSpecError, ValueError):
    """A branch was asked for on a comparison that the context cannot decide: use `where`, which takes both.

    What to do: write `ss.where(condition, a, b)` instead of `if`, or take a smaller box or more precision.
    """


class NotExact(ScalarSpecError, ArithmeticError):
    """An exact value was needed and there is none: 0.1 as a literal, exp(1/2) over the rationals.

    What to do: write a literal as a text, "0.1", or a Fraction; ask for a value under `interval` or `symbolic`.
    """


class DomainError(ScalarSpecError, ArithmeticError):
    """A value lies outside the domain of an operation, or is no real number at all (NaN, an infinity).

    What to do: look at the operation and the number in the message; a guard is `ss.where(q > 0, lambda: ss.log(q), 0)`.
    """


class DomainUndecided(Undecided, DomainError):
    """An enclosure lies partly outside the domain of an operation, perhaps by its own width alone: more precision, or
    a smaller box, may decide.

    What to do: raise `prec` of `interval`, or take a smaller box.
    """


class NotDifferentiable(DomainError):
    """A derivative was asked for where there is none, or none could be shown: at a kink, a step, the edge of a
    domain.

    What to do: ask an enclosing context, which encloses the generalized derivative, or take `at_kinks="convention"`.
    """


class DivisionByZero(DomainError, ZeroDivisionError):
    """A division by exactly zero, in a context that has no value for it.

    What to do: look at the divisor at this point; floats give an infinity there.
    """


class NotSupported(ScalarSpecError, NotImplementedError):
    """The context has no such operation, or a reading no rule for it. The message names what has it, or what is
    missing.

    What to do: take a context or a reading that the message names, or write the spec without that operation.
    """


class JaxCode(NotSupported):
    """A function of JAX was called on a tensor: it must be traced, as `from_jax`, `as_spec` and every job do.

    What to do: hand the function itself to the job, or trace it with `ss.from_jax(f, *examples)`.
    """


class NotInNamespace(NotSupported, AttributeError):
    """A namespace has no such name, though a standard may: the message says why.

    What to do: write what the message says instead.
    """


class Contradiction(ScalarSpecError, RuntimeError):
    """Two certified results exclude each other: a fault of scalarspec, or of a spec that gives two values for one
    input.

    What to do: report it with the spec and its arguments, unless the spec looks at anything but its arguments.
    """


class TooLarge(ScalarSpecError, OverflowError):
    """The result would be larger than a stated limit on size.

    What to do: show stages rather than the whole, or raise the limit that the message names.
    """


class FloatEnvironmentError(ScalarSpecError, RuntimeError):
    """The processor's rounding mode, or its treatment of subnormal numbers, is one under which nothing encloses.

    What to do: take out the compiler flag or the library that sets it, such as one built with -ffast-math.
    """


class NotInstalled(ScalarSpecError, ImportError):
    """A backend needs a package that is not installed; the message says how to install it.

    What to do: run the command in the message.
    """


class OutOfRange(ScalarSpecError, IndexError):
    """An index lies outside its range: a tensor's, or a codebook's, where negative ones are outside, too.

    What to do: look at the index and the length in the message.
    """

    noticed: ClassVar[Callable[[], None] | None] = None
    """Called whenever one is made; `core.sizes`, which watches what a spec learns of its sizes, sets it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if ShapeError.noticed is not None:
            ShapeError.noticed()


class UnknownName(ScalarSpecError, LookupError):
    """A name (of a backend, an activation, a parameter) does not exist. The message lists those that do.

    What to do: take one of the names in the message.
    """


class ArgumentError(ScalarSpecError, ValueError):
    """Any other argument that cannot be used. The message says which one, what was expected and what came.

    What to do: give what the message expects for that argument.
    """
