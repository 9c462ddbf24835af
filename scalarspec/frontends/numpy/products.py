"""NumPy's products of vectors, matrices and polynomials, and its norms."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor, common_context
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.frontends.calls import counted, number, refuse
from scalarspec.frontends.numpy.functions import FUNCTIONS, implements


def _tensors(*operands: Any) -> list[Tensor]:
    context = common_context("numpy", operands)
    return [x if isinstance(x, Tensor) else context.tensor(x) for x in counted("a product", *operands)]


@implements("dot")
def dot(a: Any, b: Any) -> Tensor:
    """The sum over the last axis of a and the last but one of b; a product for numbers."""
    x, y = _tensors(a, b)
    if not x.ndim or not y.ndim:
        return x * y
    if y.ndim <= 2:
        return f.matmul(x, y)
    return f.tensordot(x, y, ([x.ndim - 1], [y.ndim - 2]))


@implements("inner")
def inner(a: Any, b: Any, /) -> Tensor:
    """The sum over the last axes."""
    x, y = _tensors(a, b)
    return f.tensordot(x, y, ([-1], [-1])) if x.ndim and y.ndim else x * y


@implements("vdot")
def vdot(a: Any, b: Any, /) -> Tensor:
    """The inner product of the flattened tensors."""
    x, y = _tensors(a, b)
    return f.dot(f.reshape(x, (-1,)), f.reshape(y, (-1,)))


@implements("outer", "linalg.outer")
def outer(a: Any, b: Any) -> Tensor:
    """All products of the elements of two."""
    x, y = _tensors(a, b)
    return f.outer(f.reshape(x, (-1,)), f.reshape(y, (-1,)))


@implements("kron")
def kron(a: Any, b: Any) -> Tensor:
    """b, times each element of a, in its place."""
    x, y = _tensors(a, b)
    axes = max(x.ndim, y.ndim)
    x, y = (f.reshape(t, (1,) * (axes - t.ndim) + t.shape) for t in (x, y))
    outer = f.reshape(x, [m for n in x.shape for m in (n, 1)])
    inner = f.reshape(y, [m for n in y.shape for m in (1, n)])
    return f.reshape(outer * inner, [n * m for n, m in zip(x.shape, y.shape, strict=True)])


@implements("cross", "linalg.cross")
def cross(a: Any, b: Any, axis: int = -1) -> Tensor:
    """The cross product of vectors of three."""
    x, y = (f.moveaxis(t, axis, -1) for t in _tensors(a, b))
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ShapeError(f"numpy.cross: {x.shape} and {y.shape}; expected vectors of three")
    parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return f.stack(parts, axis)


@implements("tensordot", "linalg.tensordot")
def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sums of products over some axes of both."""
    if not isinstance(axes, int):
        axes = tuple([part] if isinstance(part, int) else list(part) for part in axes)
    x, y = counted("numpy.tensordot", a, b)
    return f.tensordot(x, y, axes)


@implements("einsum")
def einsum(*operands: Any) -> Tensor:
    """Sums of products by letters, or by lists of numbers beside the operands."""
    if isinstance(operands[0], str):
        return f.einsum(operands[0], *counted("numpy.einsum", *operands[1:]))
    pairs, rest = list(zip(operands[::2], operands[1::2], strict=False)), operands[len(operands) // 2 * 2 :]
    texts = ["".join(string.ascii_letters[i] if i is not Ellipsis else "..." for i in axes) for _, axes in pairs]
    result = "->" + "".join(string.ascii_letters[i] for i in rest[0]) if rest else ""
    return f.einsum(",".join(texts) + result, *counted("numpy.einsum", *(x for x, _ in pairs)))


@implements("linalg.multi_dot")
def multi_dot(arrays: Any) -> Any:
    """The product of several matrices, from left to right."""
    found = arrays[0]
    for each in arrays[1:]:
        found = f.matmul(found, each)
    return found


@implements("linalg.matrix_power")
def matrix_power(a: Any, n: int) -> Any:
    """The product of n copies of a matrix."""
    if n < 1:
        refuse("numpy.linalg.matrix_power", f"n: expected a positive integer, got {n}")
    return multi_dot(counted("numpy.linalg.matrix_power", a) * n)


@implements("linalg.norm")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of a vector, or of a matrix; of all elements where nothing is said."""
    if axis is None and ord is None:
        axis = tuple(range(x.ndim))
        return f.vector_norm(x, 2, axis, keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    return matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)


def vector_norm(x: Any, ord: Any, axes: Any, keepdims: bool) -> Tensor:
    """The norm of vectors; for 0, how many elements are none."""
    if ord == 0:
        return f.sum(number(f.not_equal(x, 0)), axes, keepdims)
    if isinstance(ord, float) and 0 < ord < np.inf and ord != int(ord):
        powers = f.sum(f.pow(f.abs(x), ord), axes, keepdims)
        return f.pow(powers, f.divide(1, common_context("norm", [x]).tensor(ord)))
    return f.vector_norm(x, int(ord) if 0 < ord < np.inf else ord, axes, keepdims)


def matrix_norm(x: Any, ord: Any, axes: Any, keepdims: bool) -> Tensor:
    """The norms of matrices that are no matter of eigenvalues."""
    rows, columns = (a % x.ndim for a in axes)
    if ord == "fro":
        return f.vector_norm(x, 2, (rows, columns), keepdims)
    if ord not in (1, -1, np.inf, -np.inf):
        refuse("numpy.linalg.norm", f"ord={ord!r} of a matrix is a matter of singular values, which we have not")
    summed, other = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = f.sum(f.abs(x), summed, keepdims=True)
    found = (f.max if ord > 0 else f.min)(sums, other, keepdims=True)
    return found if keepdims else f.squeeze(found, (rows, columns))


FUNCTIONS |= {
    np.linalg.vector_norm: lambda x, axis=None, keepdims=False, ord=2: vector_norm(x, ord, axis, keepdims),
    np.linalg.matrix_norm: lambda x, keepdims=False, ord="fro": matrix_norm(x, ord, (-2, -1), keepdims),
    np.linalg.matmul: f.matmul,
    np.linalg.vecdot: lambda x1, x2, axis=-1: f.vecdot(x1, x2, axis),
    np.linalg.trace: lambda x, offset=0: f.trace(x, offset),
}


# ---- polynomials and sequences --------------------------------------------------------------------------------------


@implements("polyval")
def polyval(p: Any, x: Any) -> Any:
    """Horner's rule, the highest coefficient first."""
    found: Any = f.multiply(x, 0) if isinstance(x, Tensor) else p[0] * 0
    for coefficient in p:
        found = f.add(f.multiply(found, x), coefficient)
    return found


@implements("vander")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803 - NumPy's name
    """The powers of each number, side by side."""
    powers = range(len(x) if N is None else N)
    return f.stack([f.pow(x, k) for k in (powers if increasing else reversed(powers))], -1)


@implements("convolve")
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Σ aₖ vₙ₋ₖ, for all n where both overlap, as many as the longer has, or where the shorter lies inside."""
    x, w = _tensors(a, v)
    if len(w) > len(x):
        x, w = w, x
    n, m = len(x), len(w)
    full = f.conv(f.reshape(x, (1, n)), f.reshape(f.flip(w), (1, 1, m)), padding=m - 1)[0]
    if mode == "full":
        return full
    if mode == "same":
        start = (m - 1) // 2
        return full[start : start + n]
    if mode != "valid":
        raise ArgumentError(f"numpy.convolve: mode: expected 'full', 'same' or 'valid', got {mode!r}")
    return full[m - 1 : n]


@implements("correlate")
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Σ aₙ₊ₖ vₖ."""
    x, w = _tensors(a, v)
    if len(w) > len(x):  # NumPy takes the longer one first, and turns round what it finds
        return f.flip(convolve(w, f.flip(x), mode))
    return convolve(x, f.flip(w), mode)
