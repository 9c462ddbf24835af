"""Products of vectors, matrices, and tensors of them: sums of products, whatever the scalars are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scalarspec.core import shape as shapes
from scalarspec.core.applied import applied
from scalarspec.core.elementwise import multiply
from scalarspec.core.reductions import sum
from scalarspec.core.shape import Shape
from scalarspec.core.structure import diagonal, moveaxis, permute_dims, reshape
from scalarspec.core.tensor import Operand, Tensor, matmul, operands_of
from scalarspec.errors import ArgumentError, ShapeError

__all__ = ["affine", "dot", "einsum", "matmul", "outer", "tensordot", "trace", "vecdot"]


def affine(weight: Operand, x: Operand, bias: Operand) -> Tensor:
    """weight @ x + bias, the affine map of a layer, for each vector along the last axis of x. weight: (m, n); x: (n,)
    or (..., n); bias: (m,); result: (m,) or (..., m).

    Raises ShapeError, with the three shapes, where they do not fit.

        x = ss.context("interval").box([0, 0], [1, 1])
        ss.affine([[1, 2], [3, 4]], x, [0, 1])    # [[0, 3], [1, 8]]
    """
    context, (w, v, b) = operands_of("affine", weight, x, bias)
    if len(v.shape) == 1 and b.shape + v.shape == w.shape and len(b.shape) == 1:
        return Tensor(context, b.shape, context.arrays.apply("affine", w.value, v.value, b.value))
    if len(w.shape) != 2 or v.shape[-1:] != w.shape[1:] or b.shape != w.shape[:1]:
        raise ShapeError(f"affine: {w.shape} @ {v.shape} + {b.shape}; expected (m, n) @ (..., n) + (m,)")
    rows = reshape(v, (Shape(v.shape[:-1]).size, v.shape[-1]))
    result = applied("affine_rows", w, rows, b, shape=(rows.shape[0], b.shape[0]))
    return reshape(result, (*v.shape[:-1], b.shape[0]))


def dot(x: Operand, y: Operand) -> Tensor:
    """The inner product Σ xᵢ yᵢ of two vectors. x, y: (n,); result: (). Raises ShapeError for any other shapes."""
    _, (a, b) = operands_of("dot", x, y)
    if len(a.shape) != 1 or a.shape != b.shape:
        raise ShapeError(f"dot: {a.shape} and {b.shape}; expected (n,) and (n,)")
    return matmul(a, b)


def vecdot(x: Operand, y: Operand, axis: int = -1) -> Tensor:
    """The inner products Σ xᵢ yᵢ along an axis of both, the others broadcast. Raises ShapeError for other lengths.

    x, y: any shapes that broadcast beside that axis.
    """
    _, (a, b) = operands_of("vecdot", x, y)
    a, b = (moveaxis(t, shapes.normal_axis("vecdot", t.shape, axis), -1) for t in (a, b))
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"vecdot: {a.shape[-1]} and {b.shape[-1]} elements along axis {axis}")
    if a.ndim == b.ndim == 1:
        return matmul(a, b)
    found = matmul(reshape(a, (*a.shape[:-1], 1, a.shape[-1])), reshape(b, (*b.shape, 1)))
    return reshape(found, found.shape[:-2])


def outer(x: Operand, y: Operand) -> Tensor:
    """The outer product xᵢ yⱼ of two vectors. x: (m,); y: (n,); result: (m, n). Raises ShapeError for any other
    shapes.
    """
    _, (a, b) = operands_of("outer", x, y)
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise ShapeError(f"outer: {a.shape} and {b.shape}; expected (m,) and (n,)")
    return multiply(reshape(a, (*a.shape, 1)), b)


def trace(x: Operand, offset: int = 0) -> Tensor:
    """The sum of a diagonal of the last two axes. Array API: `linalg.trace`.

    x: (..., m, n); result: (...). offset: above the main diagonal, if it is positive.
    """
    return sum(diagonal(x, offset), axis=-1)


def tensordot(x: Operand, y: Operand, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Tensor:
    """The sum of products over axes of x and axes of y, whose others are all kept, x's first.

    axes: how many of the last of x and the first of y, or the axes of x and those of y. Raises ShapeError where their
    lengths differ.
    """
    _, (a, b) = operands_of("tensordot", x, y)
    left, right = (
        shapes.normal_axes("tensordot", t.shape, some) for t, some in zip((a, b), _summed_axes(a, b, axes), strict=True)
    )
    lengths = Shape(a.shape[i] for i in left)
    if lengths != Shape(b.shape[i] for i in right):
        raise ShapeError(f"tensordot: axes {left} of {a.shape} and {right} of {b.shape} have different lengths")
    kept = [[i for i in range(t.ndim) if i not in some] for t, some in ((a, left), (b, right))]
    rows, columns = (Shape(t.shape[i] for i in some) for t, some in zip((a, b), kept, strict=True))
    first = reshape(permute_dims(a, (*kept[0], *left)), (rows.size, lengths.size))
    second = reshape(permute_dims(b, (*right, *kept[1])), (lengths.size, columns.size))
    return reshape(matmul(first, second), (*rows, *columns))


def _summed_axes(a: Tensor, b: Tensor, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Those of x and of y that `tensordot` sums over."""
    if shapes.is_whole(axes):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: {axes} axes of tensors of shapes {a.shape} and {b.shape}")
        return tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    if not isinstance(axes, tuple | list) or len(axes) != 2:
        raise ArgumentError(f"tensordot: axes: expected an integer, or the axes of x and those of y, got {axes!r}")
    return shapes.wholes("tensordot", "axes", axes[0]), shapes.wholes("tensordot", "axes", axes[1])


def einsum(subscripts: str, *operands: Operand) -> Tensor:
    """Sums of products by Einstein's convention, as NumPy's: a letter for each axis; what is not in the result is
    summed over. Operands are multiplied from left to right, two at a time, as products of matrices.

    subscripts: such as "bij,bjk->bik"; "..." stands for axes that are broadcast. Raises ArgumentError for subscripts
    that do not fit the operands.

        ss.einsum("ij,j->i", [[1, 2], [3, 4]], ss.context("rational").tensor([1, 1]))    # [3, 7]
    """
    _, tensors = operands_of("einsum", *operands)
    inputs, result = _letters(subscripts, tensors)
    terms = [_distinct(t, letters) for t, letters in zip(tensors, inputs, strict=True)]
    while len(terms) > 1:
        (a, left), (b, right), *rest = terms
        wanted = {*result, *(letter for _, letters in rest for letter in letters)}
        terms = [_contracted(a, left, b, right, wanted), *rest]
    ((t, letters),) = terms
    dropped = tuple(i for i, letter in enumerate(letters) if letter not in result)
    t, letters = (sum(t, axis=dropped) if dropped else t), [x for x in letters if x in result]
    return permute_dims(t, [letters.index(letter) for letter in result])


def _letters(subscripts: str, tensors: list[Tensor]) -> tuple[list[list[str]], list[str]]:
    """The letters of each operand, and of the result; the axes of an ellipsis have capital names of their own."""
    if not isinstance(subscripts, str):
        raise ArgumentError(f"einsum: subscripts: expected text such as 'ij,jk->ik', got {subscripts!r}")
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    texts = given.split(",")
    if len(texts) != len(tensors):
        raise ArgumentError(f"einsum: {subscripts!r} has {len(texts)} operands, got {len(tensors)}")
    inputs = [_of_operand(subscripts, text, t.ndim) for text, t in zip(texts, tensors, strict=True)]
    every = [letter for letters in inputs for letter in letters]
    many = sorted({x for x in every if x.startswith(".")}, key=lambda x: -int(x[1:]))
    if not arrow:
        return inputs, [*many, *sorted(x for x in {*every} if every.count(x) == 1 and x not in many)]
    wanted = [*result.replace("...", ".")]
    letters = [name for x in wanted for name in (many if x == "." else [x])]
    if len({*letters}) < len(letters) or not {*letters} <= {*every}:
        raise ArgumentError(f"einsum: {subscripts!r}: each letter of the result comes once, and in an operand")
    return inputs, letters


def _of_operand(subscripts: str, text: str, axes: int) -> list[str]:
    before, dots, after = text.partition("...")
    extra = axes - len(before) - len(after)
    letters = before + after
    if (letters and not letters.isalpha()) or extra < 0 or (extra and not dots):
        raise ArgumentError(f"einsum: {subscripts!r}: {text!r} does not fit an operand with {axes} axes")
    return [*before, *(f".{k}" for k in range(extra, 0, -1)), *after]


def _distinct(t: Tensor, letters: list[str]) -> tuple[Tensor, list[str]]:
    """The diagonal where a letter comes twice in one operand."""
    for letter in letters:
        while letters.count(letter) > 1:
            i = letters.index(letter)
            j = letters.index(letter, i + 1)
            if t.shape[i] != t.shape[j]:
                raise ShapeError(f"einsum: {letter!r} stands for {t.shape[i]} and for {t.shape[j]} elements")
            t = diagonal(moveaxis(t, (i, j), (-2, -1)))
            letters = [*(x for k, x in enumerate(letters) if k not in (i, j)), letter]
    return t, letters


def _contracted(a: Tensor, left: list[str], b: Tensor, right: list[str], wanted: set[str]) -> tuple[Tensor, list[str]]:
    """The product of two operands, summed over what is not wanted any more: a product of matrices for each of what
    both keep.
    """
    a, left = _summed(a, left, wanted | {*right})
    b, right = _summed(b, right, wanted | {*left})
    both = [x for x in left if x in right and x in wanted]
    summed = [x for x in left if x in right and x not in wanted]
    rows, columns = [x for x in left if x not in right], [x for x in right if x not in left]
    sizes = {x: max(_length(a, left, x), _length(b, right, x)) for x in (*left, *right)}
    a = _arranged(a, left, [both, rows, summed], sizes, summed)
    b = _arranged(b, right, [both, summed, columns], sizes, summed)
    found = matmul(a, b)
    shape = [max(m, n) for m, n in zip(a.shape[: len(both)], b.shape[: len(both)], strict=True)]
    return reshape(found, [*shape, *(sizes[x] for x in (*rows, *columns))]), [*both, *rows, *columns]


def _summed(t: Tensor, letters: list[str], kept: set[str]) -> tuple[Tensor, list[str]]:
    """Without the letters that nothing else has."""
    axes = tuple(i for i, x in enumerate(letters) if x not in kept)
    return (sum(t, axis=axes), [x for x in letters if x in kept]) if axes else (t, letters)


def _length(t: Tensor, letters: list[str], letter: str) -> int:
    return t.shape[letters.index(letter)] if letter in letters else 1


def _arranged(
    t: Tensor, letters: list[str], groups: list[list[str]], sizes: dict[str, int], summed: list[str]
) -> Tensor:
    """The axes in this order, those of the last two groups flattened into one each. Raises ShapeError where one is
    neither of the common length nor, under an ellipsis, 1.
    """
    for x in letters:
        n = t.shape[letters.index(x)]
        if n != sizes[x] and (n != 1 or not x.startswith(".") or x in summed):
            raise ShapeError(f"einsum: {x!r} stands for {n} and for {sizes[x]} elements")
    t = permute_dims(t, [letters.index(x) for group in groups for x in group])
    lengths = [Shape(_length(t, [y for g in groups for y in g], x) for x in group) for group in groups]
    return reshape(t, (*lengths[0], lengths[1].size, lengths[2].size))
