"""`from_jax`: a function that is written in JAX, as a spec.

JAX traces the function once. The trace is evaluated in functions of ours, so that all that is done with specs is done
with it: `bounds`, `crosscheck`, `grad`, ... JAX itself computes nothing of it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from scalarspec.core.arguments import spec_name
from scalarspec.core.context import Context
from scalarspec.core.failures import failures_told
from scalarspec.core.guests import integers
from scalarspec.core.lifting import AS_IT_IS
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor, Truth, as_tensor, as_truth, common_context
from scalarspec.core.whole import Whole
from scalarspec.errors import ArgumentError, NotSupported, ShapeError
from scalarspec.frontends.jax.known import converted, is_known, is_width, kind_of
from scalarspec.frontends.jax.patterns import recognized
from scalarspec.frontends.jax.program import Kind, Program, program_of
from scalarspec.frontends.jax.values import refused
from scalarspec.frontends.jax.walk import run

Function = Callable[..., Any]
S = TypeVar("S")
KEPT = 16
"""The most traces that a function keeps: one for each choice of shapes. A job has few."""


def from_jax(f: Function, *examples: Any) -> JaxSpec:
    """A spec that computes what a JAX function means: the real function that its text says, in any context.

    f: a function of arrays in jax.numpy, jax.nn, jax.lax or jax.scipy, transformed by jax.jit, jax.vmap or jax.grad or
    not, that JAX can trace: `from_jax(jax.grad(f), x)` is JAX's gradient of f as a spec.
    examples: one for each argument: an array, a number, a `jax.ShapeDtypeStruct`, or a pytree of these. Their shapes
    and types count, not their numbers. With float64 among them (Python's numbers are), f is traced in float64, whatever
    JAX is set to. Arrays of integers and bools stay what they are, and are handed to the spec as such.

    Returns a spec of tensors of these shapes, in the same pytrees. Constants of f are floats of that type, and count at
    their binary value. What is no function of real numbers is refused with NotSupported, by the name of the primitive
    and the line of f, when the spec is called: random numbers, rounding to narrower types, loops of unknown length.
    `ss.grad` of the spec refuses derivatives that f is given by `jax.custom_jvp`, or stops by `lax.stop_gradient`:
    `from_jax(jax.grad(f), ...)` has them.

    Raises ArgumentError where JAX cannot trace f, NotSupported for complex numbers, or where JAX is not installed.

        w, x = np.ones((2, 3)), np.zeros(3)
        layer = ss.from_jax(lambda w, x: jnp.tanh(w @ x), w, x)
        ss.bounds(layer, w, x, vary={"x": ss.ball("0.1")})
        ss.crosscheck(layer, w, x, actual=jax.jit(lambda w, x: jnp.tanh(w @ x)))
    """
    if not callable(f):
        raise ArgumentError(f"from_jax: expected a function of JAX arrays, got {f!r}")
    jax = _library()
    leaves, tree = jax.tree_util.tree_flatten(examples)
    program, results = _traced(f, tree, [_abstract(leaf) for leaf in leaves])
    spec = JaxSpec(program, tree, results, spec_name(f))
    return _signed(spec, f, _parameters(f, len(examples)))


@dataclass(frozen=True, eq=False)
class JaxSpec:
    """A JAX function as a spec, made by `from_jax`.

    program: what it does; arguments, results: the pytrees of these; name: of the function.
    """

    program: Program = field(metadata={AS_IT_IS: True})
    arguments: Any = field(metadata={AS_IT_IS: True})
    results: Any = field(metadata={AS_IT_IS: True})
    name: str

    def __call__(self, *args: Any) -> Any:
        """The results at tensors, in their context; other arguments are data. Raises ShapeError for other shapes,
        ArgumentError for another structure.
        """
        try:
            leaves = self.arguments.flatten_up_to(args)
        except ValueError as error:
            raise ArgumentError(f"{self.name}: the arguments have not the structure of the examples: {error}") from None
        context = common_context(self.name, leaves)
        pairs = enumerate(zip(leaves, self.program.kinds, strict=True))
        values = [_given(f"{self.name}: leaf {i} of the arguments", leaf, kind, context) for i, (leaf, kind) in pairs]
        found = run(self.program, values, context)
        return self.results.unflatten([_handed(value, context) for value in found])

    def __repr__(self) -> str:
        return f"<spec {self.name} from JAX>"


@dataclass(frozen=True, eq=False)
class LazyJax:
    """A JAX function as a spec that is traced, in float64, when it is called, once for each choice of shapes.

    Tensors and truths vary; all else is as it is: integers and texts are settings, arrays of NumPy's constants.
    """

    function: Function

    def __post_init__(self) -> None:
        kept: dict[Any, tuple[Program, Any]] = {}
        object.__setattr__(self, "_kept", kept)
        _signed(self, self.function, None)

    def __call__(self, *args: Any) -> Any:
        """The results at tensors, in their context. Raises ArgumentError where JAX cannot trace the function so."""
        leaves, tree = _library().tree_util.tree_flatten(args, is_leaf=lambda x: isinstance(x, Nested))
        context = common_context(spec_name(self.function), leaves)
        varying = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Nested)]
        program, results = self._program(leaves, tree, varying)
        values = [as_tensor(context, leaves[i]) if isinstance(leaves[i], Tensor) else leaves[i] for i in varying]
        return results.unflatten([_handed(value, context) for value in run(program, values, context)])

    def _program(self, leaves: Sequence[Any], tree: Any, varying: Sequence[int]) -> tuple[Program, Any]:
        settings = {i: int(x) if isinstance(x, Whole) else x for i, x in enumerate(leaves) if i not in varying}
        shapes = tuple((i, tuple(leaves[i].shape), isinstance(leaves[i], Truth)) for i in varying)
        told = tuple((i, type(x).__name__, _told(x)) for i, x in settings.items())
        key = (tree, shapes, told)
        kept: dict[Any, tuple[Program, Any]] = vars(self)["_kept"]
        if key not in kept:
            structure = _library().tree_util.tree_structure(tuple(range(len(varying))))
            kinds = [Kind(shape, "bool" if truth else "float64") for _, shape, truth in shapes]
            found = _traced(_filled(self.function, tree, settings, varying), structure, kinds)
            for oldest in list(kept)[: len(kept) - KEPT + 1]:
                del kept[oldest]
            kept[key] = found
        return kept[key]

    def __reduce__(self) -> Any:
        return LazyJax, (self.function,)


def _told(setting: Any) -> Any:
    """What tells a setting from others."""
    return (setting.shape, str(setting.dtype), setting.tobytes()) if isinstance(setting, np.ndarray) else repr(setting)


def _filled(f: Function, tree: Any, settings: dict[int, Any], varying: Sequence[int]) -> Function:
    """A function of what varies, with the settings in their places."""

    def filled(*values: Any) -> Any:
        leaves = {**settings, **dict(zip(varying, values, strict=True))}
        return f(*tree.unflatten([leaves[i] for i in range(len(leaves))]))

    return functools.update_wrapper(filled, f, assigned=("__name__",), updated=())


# ---- tracing ---------------------------------------------------------------------------------------------------------


def _library() -> Any:
    try:
        return import_module("jax")
    except ImportError:
        raise NotSupported("from_jax: JAX is not installed: pip install jax") from None


def _abstract(example: Any) -> Kind:
    """The shape and the type of an example: Python's numbers are float64."""
    if isinstance(example, bool):
        return Kind((), "bool")
    if isinstance(example, int | float):
        return Kind((), "float64")
    if not hasattr(example, "dtype"):
        raise ArgumentError(
            f"from_jax: expected arrays or numbers as examples, got {type(example).__name__}: {example!r}"
        )
    kind = Kind(tuple(example.shape), str(example.dtype))
    if kind_of(kind.dtype) not in ("b", "i", "u", "f"):
        raise NotSupported(f"from_jax: an argument of type {kind.dtype}: numbers here are real; pass noise as floats")
    return kind


def _traced(f: Function, tree: Any, kinds: Sequence[Kind]) -> tuple[Program, Any]:
    """The program of a function whose arguments are leaves of a pytree, and the pytree of its results."""
    jax = _library()
    shapes = [jax.ShapeDtypeStruct(kind.shape, kind.dtype) for kind in kinds] if kinds else []
    floats = [kind.dtype for kind in kinds if is_width(kind.dtype, "f")]
    wide = "float64" in floats or not floats
    with _in_float64(jax) if wide else contextlib.nullcontext(), failures_told(f"from_jax: JAX traces {spec_name(f)}"):
        made, shape = jax.make_jaxpr(lambda *leaves: f(*tree.unflatten(leaves)), return_shape=True)(*shapes)
        program = program_of(made)
    return recognized(program), jax.tree_util.tree_structure(shape)


@contextlib.contextmanager
def _in_float64(jax: Any) -> Iterator[None]:
    """While JAX has float64, and floats of Python's are that."""
    home = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")  # where it was before JAX 0.8
    with home.enable_x64(True):
        yield


# ---- what a spec shows, takes and gives ------------------------------------------------------------------------------


def _signed(spec: S, f: Function, parameters: Sequence[inspect.Parameter] | None) -> S:
    """A spec that shows the name, the text and the parameters of a function."""
    for name in ("__name__", "__qualname__", "__doc__"):
        if isinstance(getattr(f, name, None), str):
            object.__setattr__(spec, name, getattr(f, name))
    object.__setattr__(spec, "__name__", spec_name(f))
    if parameters is None:
        with contextlib.suppress(ValueError, TypeError):
            object.__setattr__(spec, "__signature__", inspect.signature(f))
    else:
        object.__setattr__(spec, "__signature__", inspect.Signature(parameters))
    return spec


def _parameters(f: Function, count: int) -> list[inspect.Parameter]:
    """A parameter for each example, by the names that f has for them."""
    try:
        given = list(inspect.signature(f).parameters.values())
    except (ValueError, TypeError):
        given = []
    by_place = [p.name for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    several = next((p.name for p in given if p.kind is p.VAR_POSITIONAL), "x")
    names = [*by_place, *(f"{several}_{i}" for i in range(count - len(by_place)))][:count]
    return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]


def _given(name: str, leaf: Any, kind: Kind, context: Context[Any]) -> Any:
    """An argument as the program takes it. Raises ShapeError for another shape, ArgumentError for another type."""
    sort = kind_of(kind.dtype)
    if sort == "b" and isinstance(leaf, Truth):
        value: Any = as_truth(context, leaf)
    elif sort == "b":
        value = np.asarray(leaf)
    elif sort in "iu":
        value = integers(name, int(leaf) if isinstance(leaf, Whole) else leaf)
    elif isinstance(leaf, Truth):
        raise ArgumentError(f"{name}: expected numbers, got truths")
    else:
        value = as_tensor(context, leaf) if isinstance(leaf, Tensor) else context.tensor(leaf)
    if tuple(value.shape) != kind.shape:
        raise ShapeError(f"{name}: expected the shape {kind.shape} of the example, got {tuple(value.shape)}")
    if is_known(value) and sort == "b" and value.dtype != bool:
        raise ArgumentError(f"{name}: expected bools, got {value.dtype}")
    return converted(value, kind.dtype) if is_known(value) else value


def _handed(value: Any, context: Context[Any]) -> Any:
    """A result as specs give it: floats that were known are tensors, integers that are known stay integers."""
    found = refused(value, "a result")
    return context.tensor(found) if is_known(found) and found.dtype.kind == "f" else found
