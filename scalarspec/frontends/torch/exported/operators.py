"""The table: an operator of ATen, and the function for PyTorch's code that it is, or why it is refused.

Most have the names, and their arguments the names, that PyTorch's functions have. The others stand here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Truth, as_truth
from scalarspec.frontends.calls import LENGTH, PLACES, Handler, refuse
from scalarspec.frontends.masked import Masked
from scalarspec.frontends.torch import (  # noqa: F401 - which fill the table of functions
    images,
    losses,
    reductions,
    sequences,
    structure,
)
from scalarspec.frontends.torch import nn as nn
from scalarspec.frontends.torch.exported.creation import CREATION
from scalarspec.frontends.torch.exported.formats import EPS, converted
from scalarspec.frontends.torch.exported.places import PLACING
from scalarspec.frontends.torch.exported.program import Format
from scalarspec.frontends.torch.functions import FUNCTIONS
from scalarspec.frontends.torch.reductions import Found

NAMES = {
    "_softmax": "softmax", "_log_softmax": "log_softmax", "_unsafe_view": "view", "special_softmax": "softmax",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d", "_adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "lift_fresh_copy": "clone", "detach_copy": "detach", "_unsafe_index": "index", "_unsafe_index_put": "index_put",
    "_cdist_forward": "cdist", "_to_copy": "to", "nll_loss_nd": "nll_loss", "_conj_physical": "conj",
    "cross_entropy_loss": "cross_entropy", "unsafe_split": "split", "unsafe_chunk": "chunk",
    "concat": "cat", "concatenate": "cat", "__and__": "bitwise_and",
    "__or__": "bitwise_or", "__xor__": "bitwise_xor",
}  # fmt: skip
"""Operators that are others by another name."""


def _alone(found: Any) -> Found:
    return Found(found, lambda: refuse("from_torch", "only the first of its results is followed"))


# ---- operators whose arguments come otherwise ------------------------------------------------------------------------


def softmax(input: Any, dim: int, half_to_float: bool = False, dtype: Any = None) -> Any:
    return FUNCTIONS["softmax"](input, dim)


def log_softmax(input: Any, dim: int, half_to_float: bool = False, dtype: Any = None) -> Any:
    return FUNCTIONS["log_softmax"](input, dim)


def convolution(
    input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Any:  # fmt: skip
    if transposed:
        return images.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return images.conv(input, weight, bias, stride, padding, dilation, groups)


def batch_norm(
    at: Any, input: Any, weight: Any, bias: Any, running_mean: Any = None, running_var: Any = None,
    training: bool = False, momentum: Any = 0.1, eps: Any = 1e-05, cudnn_enabled: bool = True,
) -> Any:  # fmt: skip
    """With the running statistics; without any, with those of the batch."""
    if training and running_mean is not None:
        at.refuse(TRAINING)
    return nn.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def native_batch_norm(
    at: Any, input: Any, weight: Any, bias: Any, running_mean: Any = None, running_var: Any = None,
    training: bool = False, momentum: Any = 0.1, eps: Any = 1e-05,
) -> Found:  # fmt: skip
    return _alone(batch_norm(at, input, weight, bias, running_mean, running_var, training, momentum, eps))


def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: Any) -> Found:
    return _alone(nn.layer_norm(input, normalized_shape, weight, bias, eps))


def native_group_norm(
    input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: Any  # noqa: N803 - ATen's names
) -> Found:  # fmt: skip
    return _alone(FUNCTIONS["group_norm"](input, group, weight, bias, eps))


def rms_norm(at: Any, input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    """Without eps, with the one that PyTorch adds by the format."""
    if eps is None:
        eps = EPS[at.format("input")]
    return nn.rms_norm(input, normalized_shape, weight, eps)


def embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    return nn.embedding(indices, weight, None if padding_idx < 0 else padding_idx)


def dropout(at: Any, input: Any, p: Any, train: Any) -> Any:
    if train and p:
        at.refuse(nn.RANDOM)
    return input


def native_dropout(at: Any, input: Any, p: Any, train: Any) -> Found:
    return _alone(dropout(at, input, p, train))


def elu(input: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    inner = input if input_scale == 1 else f.multiply(input_scale, input)
    found = f.where(f.greater(input, 0), input, f.multiply(alpha, f.expm1(f.where(f.greater(input, 0), 0, inner))))
    if alpha == 1 and input_scale == 1:
        found = f.elu(input)
    return found if scale == 1 else f.multiply(scale, found)


def prelu_kernel(input: Any, weight: Any) -> Any:
    return f.where(f.greater(input, 0), input, f.multiply(weight, input))


def log_sigmoid_forward(input: Any) -> Found:
    return _alone(FUNCTIONS["log_sigmoid"](input))


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    return FUNCTIONS["baddbmm"](input, batch1, batch2, beta=beta, alpha=alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    return FUNCTIONS["addmv"](input, mat, vec, beta=beta, alpha=alpha)


def trilinear(
    i1: Any, i2: Any, i3: Any, expand1: Any, expand2: Any, expand3: Any, sumdim: Any, unroll_dim: int = 1
) -> Any:
    """The sum, along axes, of the product of three tensors, each with other axes of length 1."""
    product: Any = 1
    for each, axes in ((i1, expand1), (i2, expand2), (i3, expand3)):
        for axis in sorted(axes):
            each = f.expand_dims(each, axis)
        product = f.multiply(each, product)
    return f.sum(product, tuple(sumdim))


def split(input: Any, split_size: Any = None, split_sizes: Any = None, dim: int = 0) -> Any:
    sizes = split_sizes if split_size is None else split_size
    return structure.split(input, list(sizes) if isinstance(sizes, tuple) else sizes, dim)


def tensor_split(input: Any, sections: Any = None, indices: Any = None, dim: int = 0) -> Any:
    return structure.tensor_split(input, list(indices) if sections is None else sections, dim)


def tensordot(input: Any, other: Any, dims_self: Any, dims_other: Any) -> Any:
    return FUNCTIONS["tensordot"](input, other, (dims_self, dims_other))


def cat(tensors: Any, dim: int = 0) -> Any:
    """Of PyTorch's, which leaves out what is empty and has one axis."""
    return structure.cat([t for t in tensors if tuple(t.shape) != (0,)], dim)


def stack(tensors: Any, dim: int = 0) -> Any:
    return structure.stack(tensors, dim)


def to(at: Any, input: Any, dtype: Any = None, other: Any = None) -> Any:
    """The same numbers in another format."""
    wanted = dtype.name if isinstance(dtype, Format) else at.format("other") if other is not None else None
    return input if wanted is None else converted(at.node, input, at.format("self"), wanted)


def where(at: Any, condition: Any, input: Any, other: Any) -> Any:
    """A choice, of truths too; what is not taken, where that is known, may be no number."""
    if at.kind.dtype == "bool":
        holds, a, b = (_truth(at, x) for x in (condition, input, other))
        return (holds & a) | (~holds & b)
    taken = _decided(condition)
    if taken is not None:
        input, other = (
            np.where(kept, x, x.dtype.type(0)) if isinstance(x, np.ndarray) and not np.isneginf(x).any() else x
            for x, kept in ((input, taken), (other, ~taken))
        )
    return FUNCTIONS["where"](condition, input, other)


def _truth(at: Any, x: Any) -> Truth:
    return as_truth(at.context, x) if isinstance(x, Truth) else Truth.known(at.context, np.asarray(x, dtype=bool))


def _decided(condition: Any) -> Any:
    """A condition as an array of bools, where it is known."""
    if not isinstance(condition, Truth):
        return condition
    outcomes = condition.context.arrays.outcomes(condition.value)
    return np.full(tuple(condition.shape), True in outcomes) if len(outcomes) == 1 and None not in outcomes else None


def eq(at: Any, input: Any, other: Any) -> Any:
    """Equality; of masked numbers with minus infinity, whether they do not count."""
    if isinstance(other, float) and other == -math.inf:
        kept = input.kept if isinstance(input, Masked) else np.ones(tuple(input.shape), dtype=bool)
        return ~np.array(kept)
    if isinstance(other, float) and not math.isfinite(other):
        return np.zeros(tuple(input.shape), dtype=bool)
    return f.equal(input, other)


def _of_truths(name: str) -> Handler:
    def connected(at: Any, input: Any, other: Any) -> Any:
        if at.format("self") != "bool":
            at.refuse("it looks at bits, and numbers have none")
        return FUNCTIONS[f"logical_{name}"](input, other)

    return connected


def bitwise_not(at: Any, input: Any) -> Any:
    if at.format("self") != "bool":
        at.refuse("it looks at bits, and numbers have none")
    return FUNCTIONS["logical_not"](input)


def sym_size(input: Any, dim: int) -> int:
    return int(input.shape[dim])


# ---- images ----------------------------------------------------------------------------------------------------------


def _with_indices(name: str) -> Handler:
    def pooled(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Found:
        return _alone(FUNCTIONS[name](input, kernel_size, stride, padding, dilation, ceil_mode))

    return pooled


def _adaptive(name: str) -> Handler:
    return lambda input, output_size: _alone(FUNCTIONS[name](input, output_size))


def _padded(mode: str) -> Handler:
    return lambda input, padding: images.pad(input, padding, mode)


def _upsampled(mode: str) -> Handler:
    def upsampled(
        at: Any, input: Any, output_size: Any = None, align_corners: bool = False, scale_factors: Any = None,
        scales: Any = None, scales_d: Any = None, scales_h: Any = None, scales_w: Any = None,
    ) -> Any:  # fmt: skip
        told = [s for s in (scales, scales_d, scales_h, scales_w) if s is not None]
        if output_size is not None:
            factors = [m / n for m, n in zip(output_size, input.shape[2:], strict=True)]
            if told and told != factors:
                at.refuse(f"from {tuple(input.shape[2:])} to {output_size} by {told}: give whole factors")
        return images.interpolate(input, output_size, scale_factors, mode, align_corners)

    return upsampled


UPSAMPLED = {
    "nearest1d": "nearest", "nearest2d": "nearest", "nearest3d": "nearest", "linear1d": "linear",
    "bilinear2d": "bilinear", "trilinear3d": "trilinear",
}  # fmt: skip
PADDED = {"reflection": "reflect", "replication": "replicate"}
TRAINING = "the module is in training: call net.eval() first, so that it has the statistics that it keeps"
NOT_THE_SAME = {"equal", "allclose", "is_nonzero", "numel", "is_floating_point", "is_complex", "norm_except_dim"}
"""Functions whose result is no tensor."""

OPERATORS: dict[str, Handler] = {
    **{name: handler for name, handler in FUNCTIONS.items() if not name.startswith("__") and name not in NOT_THE_SAME},
    **CREATION,
    **PLACING,
    **{each.__name__: each for each in (
        softmax, log_softmax, convolution, batch_norm, native_batch_norm, native_layer_norm, native_group_norm,
        rms_norm, embedding, dropout, native_dropout, elu, log_sigmoid_forward, baddbmm, addmv, split, cat, stack, to,
        tensor_split, tensordot, where,
        eq, bitwise_not, sym_size,
    )},
    **{f"bitwise_{name}": _of_truths(name) for name in ("and", "or", "xor")},
    "alias": lambda input: input, "detach": lambda input: input, "type_as": to, "split_with_sizes": split,
    "_prelu_kernel": prelu_kernel, "_trilinear": trilinear, "_native_batch_norm_legit_no_training": native_batch_norm,
    "_native_batch_norm_legit": native_batch_norm, "feature_dropout": dropout, "alpha_dropout": dropout,
    "feature_alpha_dropout": dropout,
    **{f"max_pool{d}d_with_indices": _with_indices(f"max_pool{d}d") for d in (1, 2, 3)},
    **{f"adaptive_max_pool{d}d": _adaptive(f"adaptive_max_pool{d}d") for d in (1, 2, 3)},
    **{f"{name}_pad{d}d": _padded(mode) for name, mode in PADDED.items() for d in (1, 2, 3)},
    **{f"upsample_{name}": _upsampled(mode) for name, mode in UPSAMPLED.items()},
}  # fmt: skip
"""By operator: its rule."""

NOT_LIFTED = {*CREATION, "to", "type_as", "eq", "sym_size", "select", "slice", "alias", "detach"}
"""Operators that are given known arrays as they are."""
TAKES_INFINITIES = {
    "scaled_dot_product_attention", "masked_fill", "eq", "to", "type_as", "index_put", "detach", "slice", "select",
    *CREATION,
}  # fmt: skip
"""Operators whose rules know what minus infinity is."""

REFUSED: dict[str, str] = {
    name: why
    for names, why in (
        (
            "rand rand_like randn randn_like randint randint_like randperm bernoulli normal normal_functional uniform "
            "multinomial poisson exponential cauchy geometric log_normal rrelu_with_noise_functional",
            "random numbers are no function of the arguments: pass the noise as an argument",
        ),
        ("nonzero argwhere nonzero_static", PLACES),
        ("masked_select unique _unique2 unique_dim unique_consecutive bincount", LENGTH),
        (
            "item _local_scalar_dense is_nonzero equal",
            "a number of Python's that depends on tensors: write torch.where for a choice between two values",
        ),
        ("_native_batch_norm_legit_functional", TRAINING),
        ("view_as_real view_as_complex complex fft_fft fft_rfft polar", "complex numbers; numbers here are real"),
        (
            "linalg_cholesky_ex linalg_inv_ex linalg_solve_ex linalg_eigh _linalg_svd linalg_qr _linalg_det "
            "linalg_lu_factor_ex _linalg_solve_ex _linalg_eigh linalg_inv linalg_solve",
            "a factorization, which is not among the functions here: pass what it finds as an argument",
        ),
    )
    for name in names.split()
}
"""By operator: why it is refused, and what to do."""
