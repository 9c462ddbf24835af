"""Shapes, as in TorchLean: `Scalar`, or `Dim(n, rest)` with the outermost dimension first. Each rule says what it
refuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scalarspec.core.sizes import dimensions as dimensions_of
from scalarspec.core.sizes import looked_at
from scalarspec.errors import ArgumentError, ShapeError


class Shape(tuple[int, ...]):
    """The shape of a tensor: a tuple of integers >= 0, which compares and prints as one.

    dimensions: the lengths of its axes.

    A tensor of shape `Dim(n, s)` is n tensors of shape s. Given to `derive` or `matrix_form` in the place of a tensor,
    a shape makes variables of it.

        ss.Shape((2, 3)) == ss.Dim(2, ss.Dim(3)) == (2, 3)
    """

    __slots__ = ()

    def __new__(cls, dimensions: Iterable[int] = ()) -> Shape:
        """Raises ShapeError unless each dimension is an integer >= 0."""
        if not isinstance(dimensions, (tuple, Iterable)):
            raise ShapeError(f"a shape is a tuple of integers, got {dimensions!r}")
        dimensions = tuple(dimensions)
        for n in dimensions:
            if (type(n) is not int and not is_whole(n)) or n < 0:  # most are ints, and this is called often
                raise ShapeError(f"a dimension is an integer >= 0, got {n!r} in {dimensions}")
        return super().__new__(cls, dimensions_of(dimensions))

    def __hash__(self) -> int:
        """That of a tuple; from Python 3.14 on a tuple keeps its own, so that its dimensions are not asked again."""
        looked_at(self)
        return super().__hash__()

    @property
    def outer(self) -> int:
        """n of `Dim(n, rest)`. Raises ShapeError for the scalar shape."""
        return self._dim()[0]

    @property
    def rest(self) -> Shape:
        """rest of `Dim(n, rest)`. Raises ShapeError for the scalar shape."""
        return Shape(self._dim()[1:])

    @property
    def size(self) -> int:
        """How many scalars a tensor of this shape holds."""
        return math.prod(self)

    def _dim(self) -> Shape:
        if not self:
            raise ShapeError("a tensor of shape () has no outer dimension")
        return self


Scalar = Shape()
"""The shape () of one number."""


def Dim(n: int, rest: Iterable[int] = Scalar) -> Shape:  # noqa: N802 - the seeds' constructor
    """The shape of n tensors of shape `rest`: (n, *rest). Raises ShapeError unless n is an integer >= 0.

    For example:

        ss.Dim(2, ss.Dim(3))    # (2, 3)
    """
    return Shape((n, *rest))


def equal_shapes(operation: str, shapes: list[Shape]) -> Shape:
    """The rule of what is done on each element by itself, once all is broadcast: one shape, or that shape and scalars.
    Raises ShapeError otherwise.
    """
    proper = Scalar
    for shape in shapes:
        if shape and shape != proper:
            if proper:
                listed = " and ".join(str(shape) for shape in shapes)
                raise ShapeError(f"{operation}: shapes {listed} differ")
            proper = shape
    return proper


def check_one_shape(operation: str, *operands: Any) -> None:
    """Raises ShapeError unless tensors, arrays and numbers have one shape, but for numbers: where a spec is about the
    same coordinates in all of them, to broadcast would hide a mistake.
    """
    equal_shapes(
        operation, [x.shape if type(getattr(x, "shape", None)) is Shape else Shape(np.shape(x)) for x in operands]
    )


def broadcast_shapes(operation: str, shapes: Sequence[Shape]) -> Shape:
    """NumPy's rule: axes are aligned at the last one, and those of length 1, or missing, are repeated. Raises
    ShapeError, with the operation and the shapes, where they do not fit.
    """
    axes = max(map(len, shapes), default=0)
    result = []
    for lengths in zip(*((1,) * (axes - len(shape)) + shape for shape in shapes), strict=True):
        proper = [n for n in lengths if n != 1] or [1]
        if any(n != proper[0] for n in proper):
            listed = " and ".join(str(shape) for shape in shapes)
            raise ShapeError(f"{operation}: shapes {listed} do not broadcast: axes are aligned at the last one")
        result.append(proper[0])
    return Shape(result)


def matmul_shape(a: Shape, b: Shape) -> Shape:
    """The rule of matrix products: (..., m, n) @ (..., n, p), with a vector on either side or on both; the axes before
    the last two are broadcast. Raises ShapeError.
    """
    rows, columns = a if len(a) > 1 else (1, *a), b if len(b) > 1 else (*b, 1)
    if not a or not b or rows[-1] != columns[-2]:
        raise ShapeError(f"matmul: {a} @ {b}; expected (..., m, n) @ (..., n, p), or vectors (n,) on either side")
    many = broadcast_shapes("matmul", [Shape(rows[:-2]), Shape(columns[:-2])])
    return Shape((*many, *a[-2:-1], *(b[-1:] if len(b) > 1 else ())))


def normal_axes(operation: str, shape: Shape, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """`axis` as a tuple of distinct non-negative axes, all of them for None. Raises ShapeError for one that is not
    there.
    """
    if axis is None:
        return tuple(range(len(shape)))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(map(is_whole, axes)):
        raise ShapeError(f"{operation}: expected an integer, a tuple of them or None as the axis, got {axis!r}")
    normal = tuple(a + len(shape) if a < 0 else a for a in axes)
    if len(set(normal)) < len(normal) or any(not 0 <= a < len(shape) for a in normal):
        raise ShapeError(f"{operation}: axis {axis} of a tensor of shape {shape}")
    return normal


def without_axes(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape that a reduction over `axes` leaves."""
    if len(axes) == len(shape):
        return Scalar
    return Shape(n for i, n in enumerate(shape) if i not in axes)


def with_kept_axes(shape: Sequence[int], axes: tuple[int, ...]) -> Shape:
    """The shape that a reduction over `axes` leaves where they stay, with length 1."""
    return Shape(1 if i in axes else n for i, n in enumerate(shape))


def broadcast_shape(shape: Shape, target: Shape) -> Shape:
    """`target`, if a tensor of `shape` can be repeated to fill it by NumPy's rule. Raises ShapeError otherwise."""
    padded = (1,) * (len(target) - len(shape)) + shape
    if len(shape) > len(target) or any(a not in (1, b) for a, b in zip(padded, target, strict=True)):
        raise ShapeError(f"broadcast_to: {shape} does not broadcast to {target}")
    return target


def filled(operation: str, shape: Iterable[int], size: int) -> Shape:
    """A shape in which one dimension may be -1: whatever makes it one of so many elements. Raises ShapeError where
    none does.
    """
    asked = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    if sum(n == -1 for n in asked) != 1:
        return Shape(asked)
    rest = Shape(n for n in asked if n != -1).size
    if rest == 0 or size % rest:
        raise ShapeError(f"{operation}: {size} elements do not fill {asked}")
    return Shape(size // rest if n == -1 else n for n in asked)


def normal_axis(operation: str, shape: Sequence[int], axis: int) -> int:
    """One axis, counted from the first. Raises ShapeError for one that is not there."""
    if not is_whole(axis):
        raise ShapeError(f"{operation}: expected one axis, got {axis!r}")
    return normal_axes(operation, Shape(shape), axis)[0]


def only_axis(operation: str, shape: Sequence[int], axis: int | None) -> int:
    """One axis, which may be left out where there is no other. Raises ShapeError for one that is not there."""
    if axis is None and len(shape) != 1:
        raise ShapeError(f"{operation}: a tensor of shape {shape} has not one axis: say which")
    return normal_axis(operation, shape, 0 if axis is None else axis)


def is_whole(value: Any) -> bool:
    """Is it an integer? A bool is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole(operation: str, argument: str, value: Any, least: int | None = None) -> int:
    """An integer among the arguments of an operation. Raises ArgumentError for anything else, and below `least`."""
    if not is_whole(value) or (least is not None and value < least):
        raise ArgumentError(f"{operation}: {argument}: expected {_integer(least)}, got {value!r}")
    return value if isinstance(value, int) else int(value)


def wholes(operation: str, argument: str, value: Any, least: int | None = None) -> tuple[int, ...]:
    """One integer, or several. Raises ArgumentError for anything else."""
    given = (value,) if is_whole(value) or not isinstance(value, Sequence | np.ndarray) else tuple(value)
    if not all(is_whole(n) and (least is None or n >= least) for n in given):
        raise ArgumentError(f"{operation}: {argument}: expected {_integer(least)}, or several, got {value!r}")
    return tuple(n if isinstance(n, int) else int(n) for n in given)  # sizes stay what they are


def _integer(least: int | None) -> str:
    return "an integer" if least is None else f"an integer >= {least}"
