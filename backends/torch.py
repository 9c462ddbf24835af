"""PyTorch's tensors, on its devices: fast, and rounded. Promise: none on error; special values as IEEE 754 has them.

A tensor's `value` is the `torch.Tensor`, and a `torch.Tensor` that is handed in is taken as it is: gradients, `vmap`
and `torch.compile` of PyTorch pass through specs, and where it has a function of the same meaning, that is called. At
kinks its gradients have its own conventions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.backends.float_functions import expm1mx, gelu_tanh, logcosh
from scalarspec.backends.native import IN_BULK, Array, Lengths, NativeArrays, NativeContext
from scalarspec.core.arrays import Arrays
from scalarspec.core.operations import check_complete
from scalarspec.errors import ArgumentError, NotInstalled, NotSupported
from scalarspec.numbers.formats import FormatLike, name_of

try:
    import torch
    from torch.nn import functional as tf
except ImportError as missing:
    raise NotInstalled("context('torch') needs PyTorch; pip install 'scalarspec[torch]'") from missing


def context(dtype: FormatLike = "float32", device: str = "cpu") -> TorchContext:
    """The context of PyTorch's floats.

    dtype: float32, float64 or bfloat16; device: where its tensors are, as PyTorch calls it. Raises ArgumentError for
    others.

        torch_floats = ss.context("torch")
        x = torch.ones(2, requires_grad=True)
        ss.sum(ss.square(torch_floats.tensor(x))).value.backward()    # x.grad is [2, 2]
    """
    made = TorchContext(name_of(dtype), device=str(device))
    try:
        torch.empty(0, device=made.device)
    except (RuntimeError, AssertionError) as error:
        raise ArgumentError(f"device: PyTorch has no {device!r} here: {error}") from None
    return made


@dataclass(frozen=True)
class TorchContext(NativeContext):
    """The floats of one format on one of PyTorch's devices."""

    device: str = "cpu"

    @property
    def name(self) -> str:
        return "torch"

    @cached_property
    def arrays(self) -> Arrays:
        """PyTorch's tensors, or NumPy's scalars, plainly lifted, of `reference()`."""
        return super().arrays if self.lifted else TorchArrays(self)

    def __repr__(self) -> str:
        return f"torch({self.format}, {self.device})" + (".reference()" if self.lifted else "")


def _heaviside(x: Any) -> Any:
    return torch.where(torch.isnan(x), x, (x > 0).to(x.dtype))  # torch.heaviside has no derivative


def _gelu(x: Any) -> Any:
    """PyTorch's own loses the digits of small results, and is NaN at inf."""
    return torch.erfc(x * -math.sqrt(0.5)) * (x * 0.5)


def _cbrt(x: Any) -> Any:
    """A power, which is off by some ulps, and one step of Newton's."""
    size = torch.abs(x)
    root = torch.pow(size, 1 / 3)
    better = root - (root - size / torch.square(root)) / 3
    return torch.copysign(torch.where((size > 0) & (size < math.inf), better, root), x)


class _Expm1mx(torch.autograd.Function):  # type: ignore[misc]
    """The formula, with the derivative that it is meant to have, and not that of each of its twenty steps."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        """The value."""
        return expm1mx(torch, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """What derivatives need."""
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """The cotangent."""
        return g * torch.expm1(*ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        """The tangent."""
        return tangent * torch.expm1(*ctx.saved_tensors)


def _expm1mx(x: Any) -> Any:
    wanted = x.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return _Expm1mx.apply(x) if wanted else expm1mx(torch, x)  # compilers see through the steps by themselves


def _log_ndtr(x: Any) -> Any:
    short = x.dtype is torch.bfloat16  # for which PyTorch has none
    return torch.special.log_ndtr(x.float()).to(x.dtype) if short else torch.special.log_ndtr(x)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": torch.add, "subtract": torch.sub, "negative": torch.neg, "multiply": torch.mul, "divide": torch.div,
    "reciprocal": torch.reciprocal, "square": torch.square, "sqrt": torch.sqrt, "pow": torch.pow,
    "exp": torch.exp, "expm1": torch.expm1, "expm1mx": _expm1mx, "log": torch.log,
    "log1p": torch.log1p, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "atan": torch.atan,
    "erf": torch.erf, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "softplus": lambda x: tf.softplus(x, threshold=40.0),  # from 37 on it is x in float64, too
    "logcosh": lambda x: logcosh(torch, x), "relu": torch.relu, "abs": torch.abs,
    "leaky_relu": lambda x, slope: torch.relu(x) + slope * torch.clip(x, max=0),
    "maximum": torch.maximum, "minimum": torch.minimum, "clip": torch.clip, "heaviside": _heaviside,
    "sign": lambda x: torch.where(torch.isnan(x), x, torch.sign(x)),
    "elu": tf.elu, "silu": tf.silu, "gelu": _gelu, "gelu_tanh": lambda x: gelu_tanh(x, torch.sigmoid),
    "mish": tf.mish, "hardswish": tf.hardswish, "softsign": tf.softsign, "floor": torch.floor,
    "ceil": torch.ceil, "trunc": torch.trunc, "round": torch.round, "erfc": torch.erfc,
    "log_ndtr": _log_ndtr, "hypot": torch.hypot, "log2": torch.log2, "log10": torch.log10,
    "asin": torch.asin, "acos": torch.acos, "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh,
    "lgamma": torch.lgamma, "digamma": torch.digamma, "atan2": torch.atan2, "cbrt": _cbrt,
    "remainder": torch.remainder, "copysign": torch.copysign, "less": torch.lt, "less_equal": torch.le,
    "equal": torch.eq, "logical_not": torch.logical_not, "logical_and": torch.logical_and,
    "logical_or": torch.logical_or, "where": torch.where,
}  # fmt: skip
"""For each operation that is done on each element by itself, the function."""
check_complete("torch", ELEMENTWISE, IN_BULK)


class TorchArrays(NativeArrays):
    """Values are PyTorch's tensors of the format, on the device (truths: of bool)."""

    context: TorchContext

    table = ELEMENTWISE

    def __init__(self, context: TorchContext) -> None:
        super().__init__(context)
        self.dtype, self.device = getattr(torch, context.format), torch.device(context.device)
        self.own_device = torch.empty(0, device=self.device).device  # "cuda" means one of several

    def adopted(self, data: Any) -> Any:
        """A tensor of this format and device as it is; others of numbers as PyTorch converts them."""
        if not isinstance(data, torch.Tensor) or data.dtype is torch.bool or data.is_complex():
            return None
        if data.dtype is self.dtype and data.device == self.own_device:
            return data
        return data.to(dtype=self.dtype, device=self.device)

    def native(self, array: Array) -> Any:
        """A tensor that gradients may pass through, though it is made where they may not: literals are kept."""
        with torch.inference_mode(False):
            copied = torch.from_numpy(np.array(array, order="C"))
            return copied.to(dtype=torch.bool if array.dtype == bool else self.dtype, device=self.device)

    def plain(self, value: Any) -> Array:
        try:
            known = value.detach().cpu()
            return np.asarray((known.float() if known.dtype is torch.bfloat16 else known).numpy())
        except RuntimeError as error:
            raise NotSupported(
                f"{self.context}: numbers within a transformation cannot be looked at: {error}"
            ) from None

    def settled(self, value: Any) -> bool:
        if self.own_device.type != "cpu" or torch.compiler.is_compiling():
            return False
        return not torch._C._functorch.is_functorch_wrapped_tensor(value)

    def added(self, x: Any, places: Array, size: int) -> Any:
        zeros = torch.zeros((*x.shape[:-1], size), dtype=self.dtype, device=self.device)
        return torch.index_add(zeros, -1, self.integers(places), x)

    def taken(self, x: Any, places: Array) -> Any:
        found = torch.index_select(x, -1, self.integers(places.ravel()))
        return torch.reshape(found, (*x.shape[:-1], *places.shape))

    def integers(self, array: Array) -> Any:
        """An index of PyTorch's."""
        return torch.from_numpy(np.array(array, dtype=np.int64, order="C")).to(self.device)

    # ---- structure --------------------------------------------------------------------------------------------------

    def getitem(self, x: Any, index: tuple[Any, ...]) -> Any:
        """x[index]; slices that run backwards are turned first, which PyTorch has no slices for."""
        backwards = [i for i, k in enumerate(index) if isinstance(k, slice) and k.step is not None and k.step < 0]
        if backwards:
            x = torch.flip(x, backwards)
            index = tuple(
                _turned(k, n) if i in backwards else k for i, (k, n) in enumerate(zip(index, x.shape, strict=False))
            )
        return x[tuple(self._part(k) for k in index)]

    def _part(self, key: Any) -> Any:
        if isinstance(key, np.ndarray):
            return self.integers(key)
        return key if isinstance(key, slice) else int(key)

    def reshape(self, x: Any, shape: Lengths) -> Any:
        return torch.reshape(x, tuple(shape))  # PyTorch's compiler knows no shapes of ours

    def matrix_transpose(self, x: Any) -> Any:
        return torch.transpose(x, -1, -2)

    def broadcast_to(self, x: Any, shape: Lengths) -> Any:
        return torch.broadcast_to(x, tuple(shape))

    def permute_dims(self, x: Any, axes: Lengths) -> Any:
        return torch.permute(x, axes)

    def stack(self, *values: Any, axis: int = 0) -> Any:
        return torch.stack(values, axis)

    def concat(self, *values: Any, axis: int) -> Any:
        return torch.cat(values, axis)

    # ---- reductions: PyTorch takes no axes for all axes -------------------------------------------------------------

    def sum(self, x: Any, axis: Lengths) -> Any:
        return torch.sum(x, axis) if axis else x

    def mean(self, x: Any, axis: Lengths, count: int) -> Any:
        return torch.mean(x, axis) if count and axis else self.sum(x, axis)

    def mean_square(self, x: Any, axis: Lengths, count: int) -> Any:
        return self.mean(torch.square(x), axis, count)

    def logsumexp(self, x: Any, axis: Lengths) -> Any:
        return torch.logsumexp(x, axis) if axis else x

    def max(self, x: Any, axis: Lengths, counts: Lengths) -> Any:
        return torch.amax(x, axis) if axis else x

    def min(self, x: Any, axis: Lengths, counts: Lengths) -> Any:
        return torch.amin(x, axis) if axis else x

    def rms_norm(self, x: Any, eps: Any, axis: Lengths, count: int, shape: Lengths) -> Any:
        mean = torch.mean(torch.square(x), axis, keepdim=True) if count and axis else torch.square(x)
        return x / torch.sqrt(mean + eps)

    def cumulative_sum(self, x: Any, axis: Lengths) -> Any:
        return torch.cumsum(x, axis[0])

    def softmax(self, x: Any, axis: Lengths, mask: Any) -> Any:
        """Where a mask takes all of a row away, zeros stand in the place of -inf, and then of its shares."""
        if mask is None:
            return torch.softmax(x, axis[0])
        taken = np.array(np.broadcast_to(mask, x.shape))
        rest = np.where(np.any(taken, axis=axis, keepdims=True), -math.inf, 0.0)
        kept = self.native(taken)
        least = self.native(np.broadcast_to(rest, taken.shape))
        return torch.where(kept, torch.softmax(torch.where(kept, x, least), axis[0]), torch.zeros_like(x))

    def log_softmax(self, x: Any, axis: Lengths) -> Any:
        return torch.log_softmax(x, axis[0])

    # ---- products ---------------------------------------------------------------------------------------------------

    def matmul(self, a: Any, b: Any) -> Any:
        return torch.matmul(a, b)

    def affine(self, weight: Any, x: Any, bias: Any) -> Any:
        return tf.linear(x, weight, bias)

    def affine_rows(self, weight: Any, x: Any, bias: Any, shape: Lengths) -> Any:
        return tf.linear(x, weight, bias)


def _turned(part: slice, length: int) -> slice:
    """The slice of the reversed axis that takes what a backward slice takes."""
    places = range(length)[part]
    first = length - 1 - places[0] if places else 0
    return slice(first, first + len(places) * -places.step, -places.step)
