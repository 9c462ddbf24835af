"""Code of other libraries as specs: who reads it, and what its floats mean.

A function that is written in NumPy, PyTorch or JAX is called as it stands; what it asks of tensors is answered by
`scalarspec.frontends`, of which each part is imported when it is first asked.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from types import FrameType, FunctionType, ModuleType
from typing import Any

from scalarspec.core.callers import imports_torch, in_module
from scalarspec.core.literals import Constants, Literals, checked, reading
from scalarspec.errors import ArgumentError, DomainError, JaxCode, NotSupported

FRONTENDS = {"numpy": "protocol", "torch": "protocol", "jax": "reading", "array_api": "namespace"}
"""By library, the file of its room that answers for it."""


@cache
def frontend(name: str) -> Any:
    """The module that answers for a library."""
    return import_module(f"scalarspec.frontends.{name}.{FRONTENDS[name]}")


_DIFFERENT = {"std", "var", "max", "min", "median", "transpose", "repeat", "sort", "nonzero"}
"""Methods that mean something else in NumPy than in PyTorch."""


def method(t: Any, name: str, caller: FrameType) -> Any:
    """The method, or the property, of that name, of the library whose code this is; else of the other one.

    Raises AttributeError where none has it, and NotSupported where PyTorch means something else by it and the code,
    which is no module's, may be PyTorch's.
    """
    own, other = ("torch", "numpy") if in_module() else ("numpy", "torch")
    if own == "numpy" and name in _DIFFERENT and imports_torch(caller):
        raise NotSupported(
            f"t.{name}: NumPy and PyTorch mean different things by it, and this code may be either's; write "
            f"np.{name}(t) or torch.{name}(t)"
        )
    try:
        return frontend(own).method(t, name)
    except AttributeError:
        if "torch" not in sys.modules:
            raise
        return frontend(other).method(t, name)


def sum_with_infinities(t: Any, other: Any, error: DomainError) -> Any:
    """A sum that is no real number: with minus infinities in an array, which keep out of a softmax. Raises the error,
    which says that it is none, for any other operand.
    """
    found: Any = import_module("scalarspec.frontends.masked").sum_of(t, other)
    if found is None:
        raise error
    return found


def is_module(value: Any) -> bool:
    """Is it a module of PyTorch? Nothing is imported to find out."""
    return is_class_of_modules(type(value))


def is_class_of_modules(kind: type) -> bool:
    """Is it a class of modules of PyTorch, which is imported then?"""
    module = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    return module is not None and issubclass(kind, module)


def is_jax(value: Any) -> bool:
    """Did JAX make this callable: by jit, grad, vmap, custom_jvp, or as a function of its own? Nothing is imported to
    find out.
    """
    if isinstance(value, partial):
        return is_jax(value.func)
    home = value.__globals__.get("__name__") if isinstance(value, FunctionType) else type(value).__module__
    return callable(value) and str(home).partition(".")[0] in ("jax", "jaxlib")


def asks_for_jax(error: BaseException) -> bool:
    """Does an error come from a function of JAX that was given a tensor, or truths?

    Functions of jax.numpy raise JaxCode. Those of jax.lax, and what jax.custom_jvp makes, do not ask the tensor: they
    raise an error of their own, which names its class.
    """
    told = str(error)
    named = "jax" in sys.modules and ("scalarspec.core.tensor." in told or told.startswith("Pred type must be"))
    return isinstance(error, JaxCode) or (named and isinstance(error, TypeError | ValueError))


def names_jax(function: Any) -> bool:
    """Does a function use a name of JAX's?"""
    code, home = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    return code is not None and any(_is_of_jax(home.get(name)) for name in code.co_names)


def _is_of_jax(value: Any) -> bool:
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return str(home).partition(".")[0] in ("jax", "jaxlib")


def in_jax(function: Any) -> Any:
    """A function of JAX as a spec that is traced when it is called: in the place of one that sees tensors where there
    were arrays, the one that it was made of.
    """
    return frontend("jax").LazyJax(getattr(function, "_lifted_from", function))


@dataclass(frozen=True, eq=False)
class AsSpec:
    """A function in somebody's own code, to be called on tensors, made by `as_spec`.

    function: it; literals: how its floats are read.

        code = ss.as_spec(lambda x: 0.1 * x)    # 0.1 is the float next to one tenth
        code(ss.context("rational").tensor(1))
    """

    function: Callable[..., Any]
    literals: Literals

    def __post_init__(self) -> None:
        looks = {"_constants": Constants(), "__wrapped__": self.function, "__signature__": _signature(self.function)}
        named = ("__name__", "__qualname__", "__module__", "__doc__")
        looks |= {name: getattr(self.function, name) for name in named if hasattr(self.function, name)}
        vars(self).update(looks)

    def __reduce__(self) -> Any:
        return AsSpec, (self.function, self.literals)

    @property
    def constants(self) -> Constants:
        """The floats that entered so far and are not what they print, each with its file and line: printed, a list."""
        found: Constants = vars(self)["_constants"]
        return found

    def around(self, function: Callable[..., Any]) -> AsSpec:
        """The same around another function, such as this one with tensors in what it sees; constants are shared."""
        made = copy.copy(self)
        vars(made).update({**vars(self), "function": function})
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's value at tensors."""
        with reading(self.literals, self.constants):
            try:
                return _in_context(self.function, args)(*args, **kwargs)
            except Exception as error:
                if not asks_for_jax(error):
                    raise
                return in_jax(self.function)(*args, **kwargs)


def _in_context(function: Any, args: tuple[Any, ...]) -> Any:
    """A module of PyTorch with its parameters in the context of the arguments: a copy, which may change itself."""
    context = next((x.context for x in args if hasattr(x, "context")), None)
    if context is None or not is_module(function):
        return function
    return import_module("scalarspec.core.lifting").lifted_spec(function, context)


def _signature(function: Any) -> inspect.Signature:
    """Its parameters: for a module, which takes any, those of what it does with them."""
    try:
        return inspect.signature(function.forward if is_module(function) else function)
    except ValueError:  # some that are written in C have none
        raise ArgumentError(f"as_spec: {function!r} does not tell its parameters; wrap it in a lambda") from None


def as_spec(function: Callable[..., Any], literals: Literals = "binary") -> AsSpec:
    """A function in NumPy, PyTorch, JAX or array-API code, as it stands, as a spec for every job.

    function: a function, a module of PyTorch, or what `jax.jit` gives.
    literals: what a float in its text means. "binary": the number that the float is, as in the code when it runs in
    float64; "decimal": the shortest decimal that it prints as, so that 0.1 is one tenth; "exact": it is refused unless
    both are the same. What Python or NumPy work out with such numbers alone, as in `2 * math.pi`, is a float before
    scalarspec sees it; `constants` says so where its digits tell.
    Returns the spec, with the parameters of the function. Its `constants` lists the inexact ones that entered, each
    with its file and line. Raises ArgumentError for what cannot be called, or another choice.

        def kl(mu, logvar):
            return 0.5 * np.mean(np.exp(logvar) + mu**2 - 1 - logvar)

        spec = ss.as_spec(kl)
        ss.bounds(spec, [0.0, 1.0], [0.0, 0.1], vary={"mu": ss.ball("0.01")})
        print(spec.constants)
    """
    if isinstance(function, AsSpec):
        function = function.function
    if not callable(function):
        raise ArgumentError(f"as_spec: function: expected a function, got {function!r}")
    return AsSpec(frontend("jax").LazyJax(function) if is_jax(function) else function, checked(literals))


def spec_of(spec: Any, literals: Literals | None) -> Any:
    """What a job evaluates for a spec that it is given: foreign code with floats read as it is told.

    literals: None for as they are read anyway: refused unless exact, but at their binary value in modules of PyTorch
    and functions of JAX.
    """
    if literals is not None:
        return as_spec(spec, literals)
    return as_spec(spec) if is_module(spec) or is_jax(spec) else spec
