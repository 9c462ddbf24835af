"""`batched`: a spec over a leading axis of some of its arguments, without a change to the spec.

Each operation of the spec is done once, for all examples, on values with one axis more, so that a layer becomes one
product of matrices.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from scalarspec.core.arguments import bind, call_for_all, spec_name
from scalarspec.core.arrays import Arrays
from scalarspec.core.closures import sees
from scalarspec.core.foreign import spec_of
from scalarspec.core.lifting import common_context_of, lifted_arguments, mapped
from scalarspec.core.literals import Literals
from scalarspec.core.operations import OPERATIONS, check_complete, having
from scalarspec.core.shape import Dim, Shape
from scalarspec.core.tensor import Tensor, as_tensor
from scalarspec.errors import ArgumentError, NotSupported, ShapeError
from scalarspec.tracing.interpreter import InterpreterArrays, InterpreterContext, Traced

Function = TypeVar("Function", bound=Callable[..., Any])


def batched(
    spec: Callable[..., Any], over: str | Sequence[str], literals: Literals | None = None
) -> Callable[..., Any]:
    """The spec for a batch: the arguments named in `over` get a leading axis, and so does the result.

    spec: a function on tensors.
    over: a name, or several, of parameters. Their arguments are tensors of shape (b, *s) for one b, where the spec
    takes (*s,); the others are as the spec takes them.
    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns a function of the spec's parameters, whose result has shape (b, *shape of the spec's result); row i is the
    spec at row i of those arguments. Where the spec returns several tensors, in a tuple or a model as gradients are,
    each has rows. It works under every context, boxes included.
    Raises UnknownName for a name that the spec does not have, ShapeError for batches of different lengths,
    ArgumentError for an argument without a leading axis, and NotSupported where the spec looks at single numbers of
    these arguments (`if`, `item()`): `where` is its branch.

        distance = lambda x, y: ss.sum(ss.square(x - y))
        x = ss.context("float64").tensor([[0, 0], [3, 4]])
        ss.batched(distance, over="x")(x, [0, 0]).tolist()    # [0.0, 25.0]
    """
    spec = spec_of(spec, literals)
    names = (over,) if isinstance(over, str) else tuple(over)

    @like(spec)
    def of_batch(*args: Any) -> Any:
        arguments = bind(spec, args, known=names)
        batches = {name: _tensor(name, arguments[name]) for name in names}
        lengths = {name: len(t) for name, t in batches.items()}
        if len(set(lengths.values())) != 1:
            raise ShapeError(f"batched {spec_name(spec)}: expected batches of one length, got {lengths or 'none'}")
        inner = common_context_of(spec, arguments.values(), spec_name(spec))
        context = BatchedContext(inner, next(iter(lengths.values())))
        rows = {name: context.rows(as_tensor(inner, t)) for name, t in batches.items()}
        given = [*(lifted_arguments(arguments, inner) | rows).values()]
        result = call_for_all(spec, given, context)
        if isinstance(result, tuple) and any(map(sees, result)):
            raise NotSupported(f"batched {spec_name(spec)}: a function among its results; return what it gives")
        return mapped(result, lambda t, _: context.all_rows(t) if isinstance(t, Tensor) else None)

    return of_batch


def like(spec: Callable[..., Any]) -> Callable[[Function], Function]:
    """Marks a function as one of the spec's parameters, so that it is a spec in turn."""

    def marked(function: Function) -> Function:
        functools.update_wrapper(function, spec)
        function.__signature__ = inspect.signature(spec)  # type: ignore[attr-defined]
        return function

    return marked


def _tensor(name: str, argument: Any) -> Tensor:
    if not isinstance(argument, Tensor) or not argument.shape:
        raise ArgumentError(
            f"{name}: expected a tensor with a leading axis, got {argument!r:.80}; make one, as in "
            'ss.context("float64").tensor(data)'
        )
    return argument


@dataclass(frozen=True, eq=False)
class BatchedContext(InterpreterContext):
    """A tensor of shape s stands for `size` tensors of shape s: a value of shape (size, *s) inside.

    A batch is equal to itself alone: tensors of two batches do not mix, though they be of one length.
    """

    size: int

    @cached_property
    def arrays(self) -> BatchedArrays:
        """The arrays over one axis more."""
        return BatchedArrays(self)

    def rows(self, t: Tensor) -> Tensor:
        """The tensor that stands for the rows of a tensor inside."""
        return Tensor(self, t.shape.rest, Traced(t.shape.rest, t.value))

    def all_rows(self, t: Tensor) -> Tensor:
        """The tensor inside that a tensor here stands for, with the leading axis."""
        return Tensor(self.inner, Dim(self.size, t.shape), self.arrays.materialize(t.value))

    def row(self, t: Tensor, i: int) -> Tensor:
        """The tensor inside that one example of a tensor here is."""
        value = t.value.value if t.value.constant else self.inner.arrays.apply("getitem", t.value.value, index=(i,))
        return Tensor(self.inner, t.shape, value)

    def stage(self, name: str, t: Tensor) -> Tensor:
        """The tensor itself; to an interpreter inside it is the stage of all examples."""
        if self.inner.wrapped is None:
            return t
        return self.rows(self.inner.stage(name, self.all_rows(t)))

    def hole(self, t: Tensor) -> None:
        """Tells an interpreter inside of the hole, for all examples."""
        self.inner.hole(self.all_rows(t))

    def __repr__(self) -> str:
        return f"a batch of {self.size} in {self.inner}"


class BatchedArrays(InterpreterArrays):
    """Arrays that do each operation on all examples at once."""

    context: BatchedContext

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """An operation by its rule in `BATCHING`; what is done on each element by itself needs none. Raises
        NotSupported for any other operation without a rule.
        """
        if OPERATIONS[operation].scalar:
            return Traced(shape, self._elementwise(operation, shape, operands))
        if operation not in BATCHING:
            raise NotSupported(f"batched: {operation}: no rule says how it is done over a leading axis")
        others = {name: value for name, value in parameters.items() if name != "shape"}
        return Traced(shape, BATCHING[operation](self, operation, shape, operands, **others))

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """The outcomes among the truths of all examples."""
        return self.inner.outcomes(truths.value)

    def guarded(self, truths: Traced, outcome: bool) -> AbstractContextManager[None]:
        """For all examples."""
        return self.inner.guarded(truths.value, outcome)

    def materialize(self, x: Traced) -> Any:
        """The inner value with the leading axis, (size, *shape): a constant is repeated for each example."""
        if not x.constant:
            return x.value
        row = self.inner.apply("reshape", x.value, shape=Dim(1, x.shape))
        return self.inner.apply("broadcast_to", row, shape=Dim(self.context.size, x.shape))

    def _elementwise(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        return self.inner.apply(operation, *(self._filled(x, shape) for x in operands))

    def _filled(self, x: Traced, shape: Shape) -> Any:
        """The inner value, repeated to fill (size, *shape) where it has another shape; constants of shape () stay."""
        if x.constant and not x.shape:
            return x.value
        value, full = self.materialize(x), Dim(self.context.size, shape)
        if x.shape == shape:
            return value
        column = self.inner.apply("reshape", value, shape=(self.context.size, *(1 for _ in shape)))
        return self.inner.apply("broadcast_to", column, shape=full)

    def _reduction(self, operation: str, shape: Shape, operands: tuple[Traced, ...], **parameters: Any) -> Any:
        parameters["axis"] = tuple(a + 1 for a in parameters["axis"])
        return self.inner.apply(operation, operands[0].value, **parameters)

    def _getitem(self, operation: str, shape: Shape, operands: tuple[Traced, ...], index: tuple[Any, ...]) -> Any:
        return self.inner.apply(operation, operands[0].value, index=(slice(None), *index))

    def _scatter(self, operation: str, shape: Shape, operands: tuple[Traced, ...], index: tuple[Any, ...]) -> Any:
        full = Dim(self.context.size, shape)
        return self.inner.apply(operation, operands[0].value, index=(slice(None), *index), shape=full)

    def _reshape(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        return self.inner.apply("reshape", operands[0].value, shape=Dim(self.context.size, shape))

    def _matrix_transpose(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        return self.inner.apply("matrix_transpose", operands[0].value)

    def _broadcast_to(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        (x,) = operands
        padding = (1,) * (len(shape) - len(x.shape))
        padded = self.inner.apply("reshape", x.value, shape=(self.context.size, *padding, *x.shape))
        return self.inner.apply("broadcast_to", padded, shape=Dim(self.context.size, shape))

    def _stack(self, operation: str, shape: Shape, operands: tuple[Traced, ...], axis: int = 0) -> Any:
        return self.inner.apply("stack", *map(self.materialize, operands), axis=axis + 1)

    def _affine(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        weight, x, bias = operands
        if not (weight.constant and bias.constant):
            return Arrays.affine(self, *operands).value
        return self._rows(weight, x, bias, self.context.size, shape)

    def _affine_rows(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        weight, x, bias = operands
        if not (weight.constant and bias.constant):
            return Arrays.affine_rows(self, weight, x, bias, (shape[0], shape[1])).value
        return self._rows(weight, x, bias, self.context.size * shape[0], shape)

    def _rows(self, weight: Traced, x: Traced, bias: Traced, count: int, shape: Shape) -> Any:
        """A layer of constant weights on all rows of all examples, as one product of matrices."""
        rows = self.inner.apply("reshape", x.value, shape=(count, x.shape[-1]))
        full = (count, shape[-1])
        result = self.inner.apply("affine_rows", weight.value, rows, bias.value, shape=full)
        return self.inner.apply("reshape", result, shape=Dim(self.context.size, shape))

    def _rms_norm(
        self, operation: str, shape: Shape, operands: tuple[Traced, ...], axis: tuple[int, ...], count: int
    ) -> Any:
        x, eps = operands
        if not eps.constant:
            return Arrays.rms_norm(self, x, eps, axis, count, shape).value
        inner, full = tuple(a + 1 for a in axis), Dim(self.context.size, shape)
        return self.inner.apply(operation, x.value, eps.value, axis=inner, count=count, shape=full)

    def _trailing(self, operation: str, shape: Shape, operands: tuple[Traced, ...], **parameters: Any) -> Any:
        """What has to do with the last axes alone."""
        return self.inner.apply(operation, operands[0].value, **parameters)

    def _permute_dims(self, operation: str, shape: Shape, operands: tuple[Traced, ...], axes: tuple[int, ...]) -> Any:
        return self.inner.apply(operation, operands[0].value, axes=(0, *(a + 1 for a in axes)))

    def _concat(self, operation: str, shape: Shape, operands: tuple[Traced, ...], axis: int) -> Any:
        return self.inner.apply(operation, *map(self.materialize, operands), axis=axis + 1)

    def _matmul(self, operation: str, shape: Shape, operands: tuple[Traced, ...]) -> Any:
        """A batch of vectors times a constant matrix is one product of matrices, and so for a batch of matrices; any
        other product is one of many matrices.
        """
        a, b = operands
        inner, size = self.inner, self.context.size
        if b.constant and len(b.shape) == 2:
            rows = inner.apply("reshape", a.value, shape=(size * Shape(a.shape[:-1]).size, a.shape[-1]))
            return inner.apply("reshape", inner.apply("matmul", rows, b.value), shape=Dim(size, shape))
        if a.constant and len(a.shape) == 2 and len(b.shape) == 1:
            return inner.apply("matmul", b.value, inner.apply("matrix_transpose", a.value))
        axes = max(len(a.shape), len(b.shape), 2)
        left = self._as_matrices(a, (1, *a.shape) if len(a.shape) == 1 else a.shape, axes)
        right = self._as_matrices(b, (*b.shape, 1) if len(b.shape) == 1 else b.shape, axes)
        return inner.apply("reshape", inner.apply("matmul", left, right), shape=Dim(size, shape))

    def _as_matrices(self, x: Traced, shape: tuple[int, ...], axes: int) -> Any:
        """The inner value as matrices behind `axes` - 2 axes more; with the leading axis, where that may differ."""
        padded = ((1,) * (axes - len(shape))) + shape
        if x.constant:
            return self.inner.apply("reshape", x.value, shape=Shape(shape))
        return self.inner.apply("reshape", x.value, shape=Dim(self.context.size, Shape(padded)))


BATCHING: dict[str, Callable[..., Any]] = {
    "sum": BatchedArrays._reduction,
    "mean": BatchedArrays._reduction,
    "mean_square": BatchedArrays._reduction,
    "logsumexp": BatchedArrays._reduction,
    "max": BatchedArrays._reduction,
    "min": BatchedArrays._reduction,
    "softmax": BatchedArrays._reduction,
    "log_softmax": BatchedArrays._reduction,
    "cumulative_sum": BatchedArrays._reduction,
    "rms_norm": BatchedArrays._rms_norm,
    "fold": BatchedArrays._trailing,
    "patches": BatchedArrays._trailing,
    "permute_dims": BatchedArrays._permute_dims,
    "concat": BatchedArrays._concat,
    "matmul": BatchedArrays._matmul,
    "affine": BatchedArrays._affine,
    "affine_rows": BatchedArrays._affine_rows,
    "getitem": BatchedArrays._getitem,
    "scatter": BatchedArrays._scatter,
    "reshape": BatchedArrays._reshape,
    "matrix_transpose": BatchedArrays._matrix_transpose,
    "broadcast_to": BatchedArrays._broadcast_to,
    "stack": BatchedArrays._stack,
}
"""For each operation that is not done on each element by itself, how it is done on all examples: (arrays, operation,
shape of one result, operands, **parameters) -> the inner value.
"""
check_complete("batched", BATCHING, having(defined=False, scalar=False))
