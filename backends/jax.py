"""JAX's arrays: fast, and rounded. Promise: none on error; special values as IEEE 754 has them, but no subnormals.

A tensor's `value` is the `jax.Array`, and one that is handed in is taken as it is, also where it is traced: `jit`,
`grad` and `vmap` of JAX pass through specs. Tensors, and models that `ss.lift` carried here, are pytrees. At kinks its
gradients have its own conventions; XLA may take subnormal numbers for 0.
"""

from __future__ import annotations

import copy
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property, lru_cache, partial
from operator import itemgetter
from typing import Any

import numpy as np

from scalarspec.backends.float_functions import digamma, expm1mx, gelu_tanh, lgamma, logcosh
from scalarspec.backends.native import IN_BULK, Array, Lengths, NativeArrays, NativeContext
from scalarspec.core.arrays import Arrays
from scalarspec.core.lifting import Place, is_array, taken_out
from scalarspec.core.nested import Nested
from scalarspec.core.operations import check_complete
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ArgumentError, NotInstalled, NotSupported
from scalarspec.numbers.formats import FormatLike, name_of

try:
    import jax
    import jax.numpy as jnp
    from jax.scipy import special
except ImportError as missing:
    raise NotInstalled("context('jax') needs JAX; pip install 'scalarspec[jax]'") from missing


def context(dtype: FormatLike = "float32") -> JaxContext:
    """The context of JAX's floats, on JAX's default device.

    dtype: float32, float64 or bfloat16. Raises ArgumentError for others, and for float64 where JAX is not told to have
    it.

        jax_floats = ss.context("jax")
        jax.grad(lambda x: ss.sum(ss.square(jax_floats.tensor(x))).value)(jnp.ones(2))    # [2, 2]
    """
    made = JaxContext(name_of(dtype))
    _available(made)
    return made


def _available(context: JaxContext) -> None:
    """Raises ArgumentError where JAX would take float32 for float64."""
    if context.format == "float64" and not jax.config.jax_enable_x64:
        raise ArgumentError(
            'dtype: JAX takes float32 for float64 unless it is told otherwise: write jax.config.update("jax_enable_x64"'
            ", True) before all else"
        )


@dataclass(frozen=True)
class JaxContext(NativeContext):
    """The floats of one format in JAX."""

    @property
    def name(self) -> str:
        return "jax"

    @cached_property
    def arrays(self) -> Arrays:
        """JAX's arrays, or NumPy's scalars, plainly lifted, of `reference()`."""
        return super().arrays if self.lifted else JaxArrays(self)

    def goes_through(self, kind: type) -> None:
        """Makes models of a class pytrees."""
        if kind not in _PYTREES:
            _PYTREES.add(kind)
            _register(kind, _parts_of, _put_together)

    def __repr__(self) -> str:
        return f"jax({self.format})" + (".reference()" if self.lifted else "")


def _log_ndtr(x: Any) -> Any:
    """JAX's own loses digits for x > 0."""
    above = jnp.log1p(special.erfc(jnp.maximum(x, 0) * math.sqrt(0.5)) / -2)
    return jnp.where(x > 0, above, special.log_ndtr(jnp.minimum(x, 0)))


def _in_float32(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that JAX, or a formula, does not have in bfloat16."""
    return lambda x: function(x.astype(jnp.float32)).astype(x.dtype) if x.dtype == jnp.bfloat16 else function(x)


_digamma = jax.custom_jvp(lambda x: digamma(jnp, x))  # JAX's own is off by 10 ulps
_lgamma = jax.custom_jvp(lambda x: lgamma(jnp, x, special.gammaln))  # and its own by hundreds, near the zeros
_digamma.defjvps(lambda g, y, x: g * special.polygamma(1, x))
_lgamma.defjvps(lambda g, y, x: g * _digamma(x))


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": jnp.add, "subtract": jnp.subtract, "negative": jnp.negative, "multiply": jnp.multiply, "divide": jnp.divide,
    "reciprocal": jnp.reciprocal, "square": jnp.square, "sqrt": jnp.sqrt, "pow": jnp.power, "exp": jnp.exp,
    "expm1": jnp.expm1, "expm1mx": lambda x: expm1mx(jnp, x), "log": jnp.log, "log1p": jnp.log1p, "sin": jnp.sin,
    "cos": jnp.cos, "tan": jnp.tan, "atan": jnp.arctan, "erf": special.erf, "sinh": jnp.sinh, "cosh": jnp.cosh,
    "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "softplus": jax.nn.softplus, "logcosh": lambda x: logcosh(jnp, x),
    "relu": jax.nn.relu, "abs": jnp.abs, "leaky_relu": lambda x, slope: jax.nn.relu(x) + slope * jnp.minimum(x, 0),
    "maximum": jnp.maximum, "minimum": jnp.minimum, "clip": jnp.clip,
    "heaviside": lambda x: jnp.where(jnp.isnan(x), x, (x > 0).astype(x.dtype)), "sign": jnp.sign, "elu": jax.nn.elu,
    "silu": jax.nn.silu, "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: gelu_tanh(x, jax.nn.sigmoid), "mish": jax.nn.mish, "hardswish": jax.nn.hard_swish,
    "softsign": jax.nn.soft_sign, "floor": jnp.floor, "ceil": jnp.ceil, "trunc": jnp.trunc, "round": jnp.rint,
    "erfc": special.erfc, "log_ndtr": _in_float32(_log_ndtr), "hypot": jnp.hypot, "log2": jnp.log2, "log10": jnp.log10,
    "asin": jnp.arcsin, "acos": jnp.arccos, "asinh": jnp.arcsinh, "acosh": jnp.arccosh, "atanh": jnp.arctanh,
    "lgamma": _in_float32(_lgamma), "digamma": _in_float32(_digamma), "atan2": jnp.arctan2, "cbrt": jnp.cbrt,
    "remainder": jnp.remainder, "copysign": jnp.copysign, "less": jnp.less, "less_equal": jnp.less_equal,
    "equal": jnp.equal, "logical_not": jnp.logical_not, "logical_and": jnp.logical_and, "logical_or": jnp.logical_or,
    "where": jnp.where,
}  # fmt: skip
"""For each operation that is done on each element by itself, the function."""
check_complete("jax", ELEMENTWISE, IN_BULK)


class JaxArrays(NativeArrays):
    """Values are JAX's arrays of the format (truths: of bool)."""

    context: JaxContext

    table = ELEMENTWISE

    def __init__(self, context: JaxContext) -> None:
        super().__init__(context)
        self.dtype = jnp.dtype(context.format)

    def adopted(self, data: Any) -> Any:
        """An array of this format as it is; others of numbers as JAX converts them."""
        if not isinstance(data, jax.Array) or not (
            jnp.issubdtype(data.dtype, jnp.floating) or jnp.issubdtype(data.dtype, jnp.integer)
        ):
            return None
        return data if data.dtype == self.dtype else self._converted(data)

    def native(self, array: Array) -> Any:
        """Known at once, also inside of `jit`, for literals are kept."""
        with jax.ensure_compile_time_eval():
            return jnp.array(array) if array.dtype == bool else self._converted(array)

    def _converted(self, array: Any) -> Any:
        _available(self.context)
        return jnp.asarray(array, dtype=self.dtype)

    def plain(self, value: Any) -> Array:
        if isinstance(value, jax.core.Tracer):
            raise NotSupported(f"{self.context}: numbers that JAX traces (jit, grad, vmap) cannot be looked at")
        array = np.asarray(value)
        return array if array.dtype == bool else array.astype(self.context.dtype)

    def settled(self, value: Any) -> bool:
        known = isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer)
        return known and all(device.platform == "cpu" for device in value.devices())

    def added(self, x: Any, places: Array, size: int) -> Any:
        return jnp.zeros((*x.shape[:-1], size), dtype=self.dtype).at[..., places].add(x)

    def taken(self, x: Any, places: Array) -> Any:
        return x[..., places]

    # ---- structure --------------------------------------------------------------------------------------------------

    def getitem(self, x: Any, index: tuple[Any, ...]) -> Any:
        return x[tuple(np.asarray(k) if isinstance(k, np.ndarray) else k for k in index)]

    def reshape(self, x: Any, shape: Lengths) -> Any:
        return jnp.reshape(x, shape)

    def matrix_transpose(self, x: Any) -> Any:
        return jnp.swapaxes(x, -1, -2)

    def broadcast_to(self, x: Any, shape: Lengths) -> Any:
        return jnp.broadcast_to(x, shape)

    def permute_dims(self, x: Any, axes: Lengths) -> Any:
        return jnp.transpose(x, axes)

    def stack(self, *values: Any, axis: int = 0) -> Any:
        return jnp.stack(values, axis)

    def concat(self, *values: Any, axis: int) -> Any:
        return jnp.concatenate(values, axis)

    # ---- reductions -------------------------------------------------------------------------------------------------

    def sum(self, x: Any, axis: Lengths) -> Any:
        return jnp.sum(x, axis)

    def mean(self, x: Any, axis: Lengths, count: int) -> Any:
        return jnp.sum(x, axis) / max(count, 1)

    def mean_square(self, x: Any, axis: Lengths, count: int) -> Any:
        return self.mean(jnp.square(x), axis, count)

    def logsumexp(self, x: Any, axis: Lengths) -> Any:
        return jax.nn.logsumexp(x, axis)

    def max(self, x: Any, axis: Lengths, counts: Lengths) -> Any:
        return jnp.max(x, axis)

    def min(self, x: Any, axis: Lengths, counts: Lengths) -> Any:
        return jnp.min(x, axis)

    def rms_norm(self, x: Any, eps: Any, axis: Lengths, count: int, shape: Lengths) -> Any:
        mean = jnp.sum(jnp.square(x), axis, keepdims=True) / max(count, 1)
        return x / jnp.sqrt(mean + eps)

    def cumulative_sum(self, x: Any, axis: Lengths) -> Any:
        return jnp.cumsum(x, axis[0])

    def softmax(self, x: Any, axis: Lengths, mask: Any) -> Any:
        """Where a mask takes all of a row away, zeros stand in the place of -inf, and then of its shares."""
        if mask is None:
            return jax.nn.softmax(x, axis)
        taken = np.array(np.broadcast_to(mask, x.shape))
        least = np.where(np.any(taken, axis=axis, keepdims=True), -np.inf, 0.0)
        kept = jnp.where(taken, x, jnp.asarray(least, dtype=self.dtype))
        return jnp.where(taken, jax.nn.softmax(kept, axis), 0)

    def log_softmax(self, x: Any, axis: Lengths) -> Any:
        return jax.nn.log_softmax(x, axis)

    # ---- products ---------------------------------------------------------------------------------------------------

    def matmul(self, a: Any, b: Any) -> Any:
        return jnp.matmul(a, b)

    def affine(self, weight: Any, x: Any, bias: Any) -> Any:
        return jnp.matmul(weight, x) + bias

    def affine_rows(self, weight: Any, x: Any, bias: Any, shape: Lengths) -> Any:
        return jnp.matmul(x, weight.T) + bias


# ---- pytrees --------------------------------------------------------------------------------------------------------


class _Frame:
    """A model without its tensors, compared by its parts: what of it does not vary, and how it is put together.

    contexts: those of its tensors, in order; None for arrays that are none. lasting: can nobody change a part of it?
    """

    def __init__(self, model: Any, contexts: tuple[Any, ...]) -> None:
        self.model, self.contexts = model, contexts
        self.parts, self.lasting = (contexts, _key(model)), _lasts(model)
        self.hash, self.build = hash(self.parts), _builder(model)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Frame) and self.parts == other.parts)

    def __hash__(self) -> int:
        return self.hash


def _is_model(part: Any) -> bool:
    return is_dataclass(part) and not isinstance(part, type)


def _key(part: Any) -> Any:
    """A part of a model as what can be hashed: lists, dictionaries and models by their parts, truths by theirs."""
    if isinstance(part, Truth):
        return Truth, part.shape, np.asarray(part).tobytes()
    if isinstance(part, list | tuple):
        return (type(part), *map(_key, part))
    if isinstance(part, dict):
        return (dict, *((name, _key(inner)) for name, inner in part.items()))
    if _is_model(part):
        return (type(part), *((field.name, _key(getattr(part, field.name))) for field in fields(part)))
    return (type(part), part)


def _lasts(part: Any) -> bool:
    """Can nobody change a part of it?"""
    if _is_model(part):
        return type(part).__dataclass_params__.frozen and all(_lasts(getattr(part, f.name)) for f in fields(part))
    return all(map(_lasts, part)) if isinstance(part, tuple) else not isinstance(part, list | dict)


def _builder(part: Any) -> Callable[[Any], Any] | None:
    """The function of the children that puts a part together; None for one that has none of them."""
    if isinstance(part, Place):
        return itemgetter(part)
    if hasattr(part, "_fields"):
        return _with_parts(part._asdict(), lambda given: type(part)(**given))
    if isinstance(part, list | tuple):
        return _with_parts(dict(enumerate(part)), lambda given: type(part)(given.values()))
    if isinstance(part, dict):
        return _with_parts(part, dict)
    if _is_model(part):
        return _with_parts({field.name: getattr(part, field.name) for field in fields(part)}, partial(_changed, part))
    return None


def _with_parts(parts: dict[Any, Any], make: Callable[[dict[Any, Any]], Any]) -> Callable[[Any], Any] | None:
    """The function of the children that makes something of its parts, of which some have children."""
    found = {name: _builder(inner) for name, inner in parts.items()}
    builders = [(name, build) for name, build in found.items() if build is not None]
    return (lambda children: make(parts | {name: build(children) for name, build in builders})) if builders else None


def _changed(model: Any, parts: dict[str, Any]) -> Any:
    if not hasattr(model, "__dict__"):  # of slots
        made = copy.copy(model)
        for name, part in parts.items():
            object.__setattr__(made, name, part)
        return made
    made = object.__new__(type(model))
    made.__dict__.update(model.__dict__ | parts)
    return made


def _parts_of(model: Any) -> tuple[tuple[Any, ...], _Frame]:
    """The tensors and arrays of a model as JAX's, each once, and what is left of it."""
    known = _FLAT.get(id(model))
    if known is not None and known[0]() is model:
        return known[1], known[2]
    frame, parts = taken_out(model, lambda part: isinstance(part, Tensor) or is_array(part))
    contexts = tuple(part.context if isinstance(part, Tensor) else None for part in parts.values())
    children = tuple(part.value if isinstance(part, Tensor) else part for part in parts.values())
    return _noted(model, children, _Frame(frame, contexts))


def _put_together(frame: _Frame, children: Any) -> Any:
    values = tuple(children)
    if frame.build is None:
        return frame.model
    pairs = zip(frame.contexts, values, strict=True)
    model = frame.build([value if context is None else _tensor(context, (value,)) for context, value in pairs])
    _noted(model, values, frame)
    return model


def _noted(model: Any, children: tuple[Any, ...], frame: _Frame) -> tuple[tuple[Any, ...], _Frame]:
    """What a model that lasts is made of is kept as long as the model: jitted calls ask each time."""
    if frame.lasting:
        key = id(model)
        _FLAT[key] = (weakref.ref(model, lambda _: _FLAT.pop(key, None)), children, frame)
    return children, frame


_FLAT: dict[int, tuple[Any, tuple[Any, ...], _Frame]] = {}
"""By a model's identity: the model, its children, and its frame."""


def _register(kind: type, flatten: Any, unflatten: Any) -> None:
    """Makes a class one of pytrees, unless it is one already, as whoever wrote it has it."""
    try:
        jax.tree_util.register_pytree_node(kind, flatten, unflatten)
    except ValueError as error:
        if "Duplicate" not in str(error):
            raise


def _value_of(t: Nested) -> tuple[tuple[Any], Any]:
    """The native array of a tensor, or of truths. Raises JaxCode for those of another context, by which a job learns
    that a function of JAX was called on them.
    """
    if not isinstance(t.context, JaxContext):
        t.__jax_array__  # noqa: B018 - which raises it
    return (t.value,), t.context


def _tensor(context: Any, children: Any, kind: type[Nested] = Tensor) -> Any:
    (value,) = children
    return kind(context, _shape(getattr(value, "shape", ())), value)


_shape = lru_cache(maxsize=256)(Shape)
_PYTREES: set[type] = set()
"""The classes that are pytrees by our doing."""
_register(Tensor, _value_of, _tensor)
_register(Truth, _value_of, partial(_tensor, kind=Truth))
