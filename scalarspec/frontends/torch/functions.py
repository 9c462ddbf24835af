"""PyTorch's functions by name, and those of single elements and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.indexing import Fixed
from scalarspec.core.padding import scattered
from scalarspec.core.tensor import Tensor
from scalarspec.frontends.calls import LENGTH, PLACES, Handler, number, refusal, refuse, truth
from scalarspec.frontends.masked import filled
from scalarspec.frontends.numpy import choices as choices
from scalarspec.frontends.numpy import products as products
from scalarspec.frontends.numpy import scipy_special as special
from scalarspec.frontends.numpy import statistics as statistics
from scalarspec.frontends.numpy import structure as structure
from scalarspec.frontends.numpy import ufuncs as ufuncs

FUNCTIONS: dict[str, Handler] = {}
"""What functions of PyTorch do, and the methods of that name."""


def implements(*names: str) -> Callable[[Handler], Handler]:
    """Marks what does functions of PyTorch, by their names."""

    def marked(handler: Handler) -> Handler:
        FUNCTIONS.update(dict.fromkeys(names, handler))
        return handler

    return marked


def axes_of(dim: Any) -> Any:
    """PyTorch's axes: none given is all of them."""
    return None if dim is None or dim == () or dim == [] else tuple(dim) if isinstance(dim, list | tuple) else dim


def lengths_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Lengths that are given one by one, or as one tuple."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], list | tuple) else sizes


@implements("add", "__add__", "__radd__")
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return ufuncs.UFUNCS[np.add](input, other if alpha == 1 else f.multiply(number(other), alpha))


@implements("sub", "subtract", "__sub__")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return f.subtract(number(input), number(other) if alpha == 1 else f.multiply(number(other), alpha))


@implements("rsub", "__rsub__")
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return sub(other, input, alpha=alpha)


@implements("div", "divide", "true_divide", "__div__", "__truediv__")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    found = f.divide(number(input), number(other))
    return found if rounding_mode is None else {"floor": f.floor, "trunc": f.trunc}[rounding_mode](found)


@implements("addcmul")
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    return f.add(input, f.multiply(value, f.multiply(tensor1, tensor2)))


@implements("addcdiv")
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    return f.add(input, f.multiply(value, f.divide(tensor1, tensor2)))


@implements("lerp")
def lerp(input: Any, end: Any, weight: Any) -> Any:
    return f.add(input, f.multiply(weight, f.subtract(end, input)))


@implements("clamp", "clip")
def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    return choices.clip(input, min, max)


@implements("logit", "special_logit")
def logit(input: Any, eps: Any = None) -> Any:
    p = input if eps is None else f.clip(input, eps, f.subtract(input.context.tensor(1), eps))
    return special.logit(p)


@implements("round")
def round_(input: Any, *, decimals: int = 0) -> Any:
    return structure.rounded(input, decimals)


@implements("threshold", "_threshold")
def threshold(input: Any, threshold: Any, value: Any, inplace: bool = False) -> Any:
    return f.where(f.greater(input, threshold), input, value)


FUNCTIONS |= {
    "mul": ufuncs.UFUNCS[np.multiply], "multiply": ufuncs.UFUNCS[np.multiply], "__mul__": ufuncs.UFUNCS[np.multiply],
    "__rmul__": ufuncs.UFUNCS[np.multiply], "__rdiv__": lambda input, other: f.divide(other, number(input)),
    "pow": f.pow, "__pow__": f.pow, "float_power": f.pow, "__rpow__": lambda input, other: f.pow(other, input),
    "neg": f.negative, "negative": f.negative, "positive": f.positive, "abs": f.abs, "absolute": f.abs, "sign": f.sign,
    "sgn": f.sign, "square": f.square, "sqrt": f.sqrt, "rsqrt": lambda input: f.reciprocal(f.sqrt(input)),
    "reciprocal": f.reciprocal, "exp": f.exp, "exp2": ufuncs.exp2, "expm1": f.expm1, "log": f.log, "log2": f.log2,
    "log10": f.log10, "log1p": f.log1p, "sin": f.sin, "cos": f.cos, "tan": f.tan, "asin": f.asin, "arcsin": f.asin,
    "acos": f.acos, "arccos": f.acos, "atan": f.atan, "arctan": f.atan, "atan2": f.atan2, "arctan2": f.atan2,
    "sinh": f.sinh, "cosh": f.cosh, "tanh": f.tanh, "asinh": f.asinh, "arcsinh": f.asinh, "acosh": f.acosh,
    "arccosh": f.acosh, "atanh": f.atanh, "arctanh": f.atanh, "deg2rad": ufuncs.radians, "rad2deg": ufuncs.degrees,
    "erf": f.erf, "erfc": f.erfc, "lgamma": f.lgamma, "digamma": f.digamma, "special_erf": f.erf,
    "special_erfc": f.erfc, "special_gammaln": f.lgamma, "special_digamma": f.digamma, "special_psi": f.digamma,
    "special_expm1": f.expm1, "special_log1p": f.log1p, "special_exp2": ufuncs.exp2, "special_expit": f.sigmoid,
    "special_ndtr": special.ndtr, "special_log_ndtr": f.log_ndtr, "special_entr": special.entr,
    "special_xlogy": f.xlogy, "xlogy": f.xlogy, "special_xlog1py": special.xlog1py, "sinc": choices.sinc,
    "special_sinc": choices.sinc, "floor": f.floor, "ceil": f.ceil, "trunc": f.trunc, "fix": f.trunc,
    "special_round": round_, "frac": lambda input: f.subtract(input, f.trunc(input)),
    "remainder": f.remainder, "__mod__": f.remainder, "fmod": ufuncs.fmod, "floor_divide": ufuncs.floor_divide,
    "__floordiv__": ufuncs.floor_divide, "__rfloordiv__": lambda input, other: ufuncs.floor_divide(other, input),
    "maximum": f.maximum, "fmax": f.maximum, "minimum": f.minimum, "fmin": f.minimum, "hypot": f.hypot,
    "copysign": f.copysign, "heaviside": ufuncs.heaviside, "logaddexp": f.logaddexp, "logaddexp2": ufuncs.logaddexp2,
    "clamp_min": lambda input, min: f.maximum(input, min), "clamp_max": lambda input, max: f.minimum(input, max),
    "eq": f.equal, "__eq__": f.equal, "ne": f.not_equal, "not_equal": f.not_equal, "__ne__": f.not_equal,
    "lt": f.less, "less": f.less, "__lt__": f.less, "le": f.less_equal, "less_equal": f.less_equal,
    "__le__": f.less_equal, "gt": f.greater, "greater": f.greater, "__gt__": f.greater, "ge": f.greater_equal,
    "greater_equal": f.greater_equal, "__ge__": f.greater_equal, "isnan": ufuncs.isnan, "isinf": ufuncs.isinf,
    "isfinite": ufuncs.isfinite, "signbit": ufuncs.signbit,
    **{name: ufuncs.UFUNCS[u] for u, names in {
        np.logical_and: "logical_and bitwise_and __and__ __rand__",
        np.logical_or: "logical_or bitwise_or __or__ __ror__",
        np.logical_xor: "logical_xor bitwise_xor __xor__", np.logical_not: "logical_not bitwise_not __invert__",
    }.items() for name in names.split()},
}  # fmt: skip


# ---- products ---


@implements("addmm", "addmv", "baddbmm")
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta input + alpha mat1 @ mat2."""
    return _combined(beta, input, alpha, f.matmul(mat1, mat2))


@implements("addbmm")
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """The same, with the products of a batch added up."""
    return _combined(beta, input, alpha, f.sum(f.matmul(batch1, batch2), 0))


def _combined(beta: Any, x: Any, alpha: Any, y: Any) -> Any:
    first, second = (t if c == 1 else f.multiply(c, t) for c, t in ((beta, x), (alpha, y)))
    return f.add(first, second)


@implements("einsum")
def einsum(equation: str, *operands: Any) -> Any:
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    return f.einsum(equation, *given)


@implements("tensordot")
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    return products.tensordot(a, b, dims)


@implements("linalg_cross")
def linalg_cross(input: Any, other: Any, dim: int = -1) -> Any:
    return products.cross(input, other, dim)


@implements("cross")
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """Along the first axis of length 3, where none is given."""
    lengths = np.broadcast_shapes(np.shape(input), np.shape(other))
    if dim is None and 3 not in lengths:
        refuse("torch.cross", f"no axis of {lengths} has length 3")
    return products.cross(input, other, lengths.index(3) if dim is None else dim)


@implements("cdist")
def cdist(x1: Any, x2: Any, p: Any = 2, compute_mode: Any = None) -> Any:
    """The distances between all rows of two matrices."""
    apart = f.subtract(f.expand_dims(x1, -2), f.expand_dims(x2, -3))
    return f.vector_norm(apart, int(p) if float(p).is_integer() else p, -1)


FUNCTIONS |= {
    "matmul": f.matmul, "mm": f.matmul, "bmm": f.matmul, "mv": f.matmul, "__matmul__": f.matmul, "dot": f.dot,
    "__rmatmul__": lambda input, other: f.matmul(other, input), "inner": products.inner, "outer": products.outer,
    "ger": products.outer, "vdot": f.dot, "linalg_vecdot": lambda x, y, dim=-1: f.vecdot(x, y, dim),
    "chain_matmul": lambda *matrices: products.multi_dot(matrices), "linalg_multi_dot": products.multi_dot,
    "linalg_matmul": f.matmul, "trace": f.trace, "kron": products.kron,
    "matrix_power": products.matrix_power, "linalg_matrix_power": products.matrix_power,
    "atleast_1d": structure.atleast_1d, "atleast_2d": structure.atleast_2d, "atleast_3d": structure.atleast_3d,
    "hstack": structure.hstack, "vstack": structure.vstack, "dstack": structure.dstack,
    "column_stack": structure.column_stack, "row_stack": structure.vstack, "rot90": structure.rot90,
    "movedim": f.moveaxis, "moveaxis": f.moveaxis, "fliplr": structure.fliplr, "flipud": structure.flipud,
    "t": lambda input: input.T, "adjoint": lambda input: input.mT, "diag": structure.diag,
    "diagflat": structure.diagflat, "tril": lambda input, diagonal=0: f.tril(input, diagonal),
    "triu": lambda input, diagonal=0: f.triu(input, diagonal),
    "broadcast_tensors": lambda *ts: tuple(f.broadcast_arrays(*ts)),
    "cov": lambda input, correction=1: statistics.cov(input, ddof=correction), "corrcoef": statistics.corrcoef,
    "clone": structure.copy, "contiguous": lambda input: input, "conj": lambda input: input,
    "resolve_conj": lambda input: input, "real": lambda input: input,
    "zeros_like": structure.zeros_like, "empty_like": structure.zeros_like, "ones_like": structure.ones_like,
    "full_like": lambda input, fill_value: structure.full_like(input, fill_value),
    "isclose": choices.isclose, "allclose": choices.allclose, "equal": choices.array_equal,
    "numel": lambda input: int(input.size), "is_floating_point": lambda input: True, "is_complex": lambda input: False,
    "is_nonzero": lambda input: bool(truth(input)), "nonzero": refusal(PLACES),
    "argwhere": refusal(PLACES), "unique": refusal(LENGTH), "unique_consecutive": refusal(LENGTH),
    "masked_select": refusal(LENGTH), "bincount": refusal(LENGTH),
}  # fmt: skip


# ---- choices ---


@implements("where")
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    if input is None or other is None:
        refuse("torch.where", PLACES)
    return choices.where(condition, input, other)


@implements("masked_fill")
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    return filled(input, mask, value)


@implements("scatter_add")
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """input, to which the elements of src are added, each at a place along an axis."""
    places = np.asarray(index)
    grid = list(np.indices(places.shape))
    grid[dim % input.ndim] = places
    added = _tensor_of(src, input)[tuple(slice(n) for n in places.shape)]
    return input + scattered(added, input.shape, tuple(map(Fixed, grid)))


@implements("index_add")
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """The same for rows along an axis."""
    added = _tensor_of(source, input)
    where_ = (*(slice(None),) * (dim % input.ndim), Fixed(np.asarray(index)))
    return input + scattered(added if alpha == 1 else alpha * added, input.shape, where_)


def _tensor_of(x: Any, beside: Any) -> Tensor:
    return x if isinstance(x, Tensor) else beside.context.tensor(x)
