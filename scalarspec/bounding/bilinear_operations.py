"""The operations that are linear in each operand, on floats: forwards, and backwards as cotangents go.

Arrays have axes (box, row, *shape of the value), the first two of length 1 where nothing depends on them; an operand of
shape () serves every element. A product with a matrix that is the same for all boxes is one product of matrices.

Each element of a result is a sum of at most n products in any order, where n is the number of elements of the operand
(forwards) or of the result (backwards): rounding is at most (n + 1) u of the sum of the sizes of its terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from scalarspec.core import windows
from scalarspec.core.indexing import at_axis, places_of, tables
from scalarspec.core.operations import OPERATIONS, check_complete, having
from scalarspec.core.shape import with_kept_axes
from scalarspec.errors import NotSupported
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
Cotangents = Sequence[Callable[[], Array]]


def forward(operation: str, operands: Sequence[Array], parameters: Mapping[str, Any]) -> Array:
    """The result of an operation. Raises NotSupported for one that has no rule."""
    found: Array = _rule(FORWARD, operation)(*operands, **parameters)
    return found


def unsigned(operation: str, operands: Sequence[Array], parameters: Mapping[str, Any]) -> Array:
    """The result if no two terms of it had different signs, for operands that are not negative."""
    return forward(UNSIGNED.get(operation, operation), operands, parameters)


def cotangents(
    operation: str, g: Array, operands: Sequence[Array], parameters: Mapping[str, Any]
) -> list[Callable[[], Array]]:
    """For each operand, the function that gives its cotangent, where g is that of the result; of the operand's shape.

    operands: numbers for those whose number counts; of the others only the shape does.
    """
    shares = _rule(COTANGENTS, operation)(g, *operands, **parameters)
    return [partial(_unbroadcast, share, operand.ndim) for share, operand in zip(shares, operands, strict=True)]


def summands(eqn: Equation) -> Sequence[int]:
    """The operands that are added up, by their places; the others are factors."""
    first = {"linear": 0, "bilinear": 2}.get(str(OPERATIONS[eqn.operation].graph), len(eqn.operands))
    return range(first, len(eqn.operands))


def product(operation: str, a: Array, b: Array) -> Array:
    """The product of the two factors of a product: what is added to it is left out."""
    return _rule(PRODUCTS, operation)(a, b)  # type: ignore[no-any-return]


def product_terms(operation: str, a: Array, b: Array) -> int:
    """How many products are summed up to an element of a product. a, b: its factors, (boxes, *shape)."""
    return 1 if OPERATIONS[operation].scalar else int(a.shape[-1])


def _rule(table: Mapping[str, Callable[..., Any]], operation: str) -> Callable[..., Any]:
    if operation not in table:
        raise NotSupported(f"linear bounds: {operation} has no rule for affine functions")
    return table[operation]


def _refuse_divisor() -> Array:
    raise NotSupported("linear bounds: a quotient is not linear in its divisor")


def _unbroadcast(share: Callable[[], Array], axes: int) -> Array:
    """A number that served every element is handed the sum of what they are handed."""
    found = share()
    return found if found.ndim == axes else _sum(found, tuple(range(2, found.ndim)))


def _aligned(*arrays: Array) -> list[Array]:
    """Numbers beside arrays: with as many axes."""
    axes = max(a.ndim for a in arrays)
    return [a if a.ndim == axes else _column(a, axes) for a in arrays]


def _column(a: Array, axes: int) -> Array:
    """A number for each box and row, with as many axes as an array."""
    return a if a.ndim == axes else a.reshape(*a.shape[:2], *(1,) * (axes - 2))


def _sum(x: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(np.add.reduce(x, axis=axes))


def _inner_axes(axis: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + 2 for a in axis)


def _index(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return (slice(None), slice(None), *index)


def _scatter(x: Array, index: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    result = np.zeros((*x.shape[:2], *shape))
    result[_index(index)] = x
    return result


def _repeated(g: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """What a reduction hands back: the same to all that it reduced."""
    kept = with_kept_axes(x.shape[2:], axis)
    return np.broadcast_to(g.reshape(*g.shape[:2], *kept), (*g.shape[:2], *x.shape[2:]))


def _broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    padding = (1,) * (len(shape) - x.ndim + 2)
    return np.broadcast_to(x.reshape(*x.shape[:2], *padding, *x.shape[2:]), (*x.shape[:2], *shape))


def _broadcast_back(g: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which an array of that shape was repeated."""
    padded = (1,) * (g.ndim - 2 - len(shape)) + tuple(shape)
    repeated = tuple(i + 2 for i, n in enumerate(padded) if n != g.shape[i + 2])
    return _sum(g, repeated).reshape(*g.shape[:2], *shape)


def _stack(*operands: Array, axis: int = 0) -> Array:
    return np.stack(np.broadcast_arrays(*operands), axis=axis + 2)


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _times_rows(x: Array, matrix: Array) -> Array:
    """x matrix over the last axis of x, whose value is a vector or a matrix: (..., n) and (..., n, m) -> (..., m)."""
    if matrix.shape[:2] == (1, 1) and matrix.ndim == 4:
        n, m = matrix.shape[2:]
        return np.asarray(x.reshape(prod(x.shape[:-1]), n) @ matrix[0, 0]).reshape(*x.shape[:-1], m)
    if x.ndim == 3 and matrix.shape[1] == 1:
        return np.asarray(x @ matrix[:, 0])
    return np.asarray(x @ matrix if x.ndim > 3 else (x[..., None, :] @ matrix)[..., 0, :])


def _matmul(a: Array, b: Array) -> Array:
    if max(a.ndim, b.ndim) > 4:
        found = _times_matrices(*_many(a, b))
        return found.reshape(*found.shape[:-2], *found.shape[-2:-1] * (a.ndim > 3), *found.shape[-1:] * (b.ndim > 3))
    if b.ndim == 4:
        return _times_rows(a, b)
    return _inner(a, b) if a.ndim == 3 else _times_rows(b, _transposed(a))


def _many(a: Array, b: Array) -> tuple[Array, Array]:
    """Both as matrices behind as many axes: vectors as rows and as columns."""
    a, b = a if a.ndim > 3 else a[:, :, None, :], b if b.ndim > 3 else b[..., None]
    axes = max(a.ndim, b.ndim)
    left, right = (m.reshape(*m.shape[:2], *(1,) * (axes - m.ndim), *m.shape[2:]) for m in (a, b))
    return left, right


def _times_matrices(a: Array, b: Array) -> Array:
    """Products of matrices; with one matrix for all on the left, as one product."""
    if prod(a.shape[:-2]) == 1:
        m, n = a.shape[-2:]
        columns = np.moveaxis(b, -2, 0).reshape(n, prod(b.shape[:-2]) * b.shape[-1])
        found = (a.reshape(m, n) @ columns).reshape(m, *b.shape[:-2], b.shape[-1])
        return np.moveaxis(found, 0, -2)
    return np.asarray(a @ b)


def _inner(a: Array, b: Array) -> Array:
    return _sum(a * b, (-1,))


def _outer(a: Array, b: Array) -> Array:
    return a[..., :, None] * b[..., None, :]


def _left_factor(g: Array, a: Array, b: Array) -> Array:
    """The cotangent of a in a b."""
    if max(a.ndim, b.ndim) > 4:
        left, right = _many(a, b)
        return _summed_to(_as_result(g, a, b) @ _transposed(right), left, a)
    if b.ndim == 4:
        return _times_rows(g, _transposed(b))
    return g[..., None] * b if a.ndim == 3 else _outer(g, b)


def _right_factor(g: Array, a: Array, b: Array) -> Array:
    """The cotangent of b in a b."""
    if max(a.ndim, b.ndim) > 4:
        left, right = _many(a, b)
        return _summed_to(_times_matrices(_transposed(left), _as_result(g, a, b)), right, b)
    if a.ndim == 3:
        return g[..., None] * a if b.ndim == 3 else _outer(a, g)
    return _times_rows(g, a) if b.ndim == 3 else np.asarray(_transposed(a) @ g)


def _as_result(g: Array, a: Array, b: Array) -> Array:
    """The cotangent of a product of many matrices, with rows and columns where vectors had none."""
    if a.ndim == 3:
        g = g[..., None, :] if b.ndim > 3 else g[..., None]
    return g[..., None] if b.ndim == 3 else g


def _summed_to(found: Array, matrices: Array, factor: Array) -> Array:
    """A cotangent of matrices as that of the factor that they were made of, which was repeated."""
    repeated = tuple(i for i in range(2, found.ndim - 2) if matrices.shape[i] == 1 != found.shape[i])
    summed = np.add.reduce(found, axis=repeated, keepdims=True) if repeated else found
    return summed.reshape(*summed.shape[:2], *factor.shape[2:])


def _part(g: Array, axis: int, start: int, end: int) -> Array:
    return np.asarray(g[at_axis(axis, slice(start, end))])


def _same_boxes(xs: Sequence[Array]) -> list[Array]:
    """Arrays with as many boxes and rows."""
    before = np.broadcast_shapes(*(x.shape[:2] for x in xs))
    return [np.broadcast_to(x, (*before, *x.shape[2:])) for x in xs]


def _added_at(g: Array, index: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    """The transpose of indexing: what comes to one place is added."""
    taken = places_of(shape, index)
    if taken is None:
        return _scatter(g, index, shape)
    first, axes, places = taken
    rest = shape[first + axes :]
    parts = g.reshape(*g.shape[:2], *shape[:first], len(places), *rest)
    result = np.zeros((*g.shape[:2], *shape[:first], prod(shape[first : first + axes]), *rest))
    for where, table in tables(places):
        for column in table.T:
            inside = column < len(places)
            result[_index((*[slice(None)] * first, where[inside]))] += parts[
                _index((*[slice(None)] * first, column[inside]))
            ]
    return result.reshape(*g.shape[:2], *shape)


FORWARD: dict[str, Callable[..., Array]] = {
    "add": lambda a, b: np.add(*_aligned(a, b)),
    "subtract": lambda a, b: np.subtract(*_aligned(a, b)),
    "negative": np.negative,
    "abs": np.abs,
    "multiply": lambda a, b: np.multiply(*_aligned(a, b)),
    "divide": lambda a, b: np.divide(*_aligned(a, b)),
    "sum": lambda x, axis: _sum(x, _inner_axes(axis)),
    "mean": lambda x, axis, count: _sum(x, _inner_axes(axis)) / max(count, 1),
    "getitem": lambda x, index: x[_index(index)],
    "scatter": _scatter,
    "reshape": lambda x, shape: x.reshape(*x.shape[:2], *shape),
    "matrix_transpose": _transposed,
    "broadcast_to": _broadcast,
    "permute_dims": lambda x, axes: x.transpose(0, 1, *(a + 2 for a in axes)),
    "concat": lambda *xs, axis: np.concatenate(_same_boxes(xs), axis + 2),
    "patches": windows.windows,
    "fold": windows.folded,
    "cumulative_sum": lambda x, axis: np.cumsum(x, axis=axis[0] + 2),
    "stack": _stack,
    "matmul": _matmul,
    "affine": lambda weight, x, bias: _matmul(weight, x) + bias,
    "affine_rows": lambda weight, x, bias, shape: _times_rows(x, _transposed(weight)) + bias[..., None, :],
}
PRODUCTS: dict[str, Callable[[Array, Array], Array]] = {
    "multiply": FORWARD["multiply"],
    "matmul": _matmul,
    "affine": _matmul,
    "affine_rows": lambda weight, x: _times_rows(x, _transposed(weight)),
}
UNSIGNED = {"subtract": "add", "negative": "abs"}
"""What an operation is if its terms have one sign."""
COTANGENTS: dict[str, Callable[..., Cotangents]] = {
    "add": lambda g, a, b: (lambda: g, lambda: g),
    "subtract": lambda g, a, b: (lambda: g, lambda: -g),
    "negative": lambda g, x: (lambda: -g,),
    "multiply": lambda g, a, b: (lambda: g * _column(b, g.ndim), lambda: g * _column(a, g.ndim)),
    "divide": lambda g, a, b: (lambda: g / _column(b, g.ndim), _refuse_divisor),
    "sum": lambda g, x, axis: (lambda: _repeated(g, x, axis),),
    "mean": lambda g, x, axis, count: (lambda: _repeated(g / max(count, 1), x, axis),),
    "getitem": lambda g, x, index: (lambda: _added_at(g, index, x.shape[2:]),),
    "permute_dims": lambda g, x, axes: (lambda: g.transpose(0, 1, *(np.argsort(axes) + 2)),),
    "concat": lambda g, *xs, axis: [
        partial(_part, g, axis + 2, end - x.shape[axis + 2], end)
        for x, end in zip(xs, accumulate(x.shape[axis + 2] for x in xs), strict=True)
    ],
    "patches": lambda g, x, kernel, stride, dilation: (
        lambda: windows.folded(g, stride, dilation, x.shape[x.ndim - len(kernel) :]),
    ),
    "fold": lambda g, x, stride, dilation, size: (
        lambda: windows.windows(g, windows.kernel_of(x.shape, len(size)), stride, dilation),
    ),
    "cumulative_sum": lambda g, x, axis: (
        lambda: np.flip(np.cumsum(np.flip(g, axis[0] + 2), axis[0] + 2), axis[0] + 2),
    ),
    "scatter": lambda g, x, index, shape: (lambda: g[_index(index)],),
    "reshape": lambda g, x, shape: (lambda: g.reshape(*g.shape[:2], *x.shape[2:]),),
    "matrix_transpose": lambda g, x: (lambda: _transposed(g),),
    "broadcast_to": lambda g, x, shape: (lambda: _broadcast_back(g, x.shape[2:]),),
    "stack": lambda g, *xs, axis=0: [partial(np.take, g, i, axis + 2) for i in range(len(xs))],
    "matmul": lambda g, a, b: (lambda: _left_factor(g, a, b), lambda: _right_factor(g, a, b)),
    "affine": lambda g, weight, x, bias: (lambda: _outer(g, x), lambda: _times_rows(g, weight), lambda: g),
    "affine_rows": lambda g, weight, x, bias, shape: (
        lambda: _transposed(g) @ x,
        lambda: _times_rows(g, weight),
        lambda: _sum(g, (2,)),
    ),
}
_RULED = having(graph=("linear", "bilinear", "quotient"))
check_complete("linear bounds, products", PRODUCTS, having(graph="bilinear"))
check_complete("linear bounds, backwards", COTANGENTS, _RULED)
check_complete("linear bounds, forwards", FORWARD, _RULED | {"abs"})
