"""PyTorch's activations, linear layers, embeddings and normalizations."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec import activation, layers
from scalarspec.core import functions as f
from scalarspec.core.callers import differentiating
from scalarspec.core.guests import integers
from scalarspec.core.tensor import Tensor, common_context
from scalarspec.errors import OutOfRange
from scalarspec.frontends.calls import refuse
from scalarspec.frontends.numpy.products import vector_norm
from scalarspec.frontends.torch.functions import FUNCTIONS, implements

RANDOM = "it is random in training; call net.eval() first, or pass the mask as an argument"


# ---- activations ---


@implements("leaky_relu")
def leaky_relu(input: Any, negative_slope: Any = 0.01, inplace: bool = False) -> Any:
    return f.leaky_relu(input, negative_slope)


@implements("elu")
def elu(input: Any, alpha: Any = 1.0, inplace: bool = False) -> Any:
    return f.elu(input, alpha)


@implements("celu")
def celu(input: Any, alpha: Any = 1.0, inplace: bool = False) -> Any:
    return activation.celu(input, alpha)


@implements("gelu")
def gelu(input: Any, approximate: str = "none") -> Any:
    return f.gelu(input, approximate)


@implements("softplus")
def softplus(input: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    """log(1 + exp(beta x)) / beta; PyTorch replaces it by x where beta x > threshold, and so does this."""
    scaled = f.multiply(beta, input) if beta != 1 else input
    smooth = f.softplus(scaled)
    return f.where(f.greater(scaled, threshold), input, smooth / beta if beta != 1 else smooth)


@implements("softshrink")
def softshrink(input: Any, lambd: Any = 0.5) -> Any:
    return f.subtract(input, f.clip(input, f.negative(input.context.tensor(0) + lambd), lambd))


@implements("hardshrink")
def hardshrink(input: Any, lambd: Any = 0.5) -> Any:
    return f.where(f.greater(f.abs(input), lambd), input, 0)


@implements("tanhshrink")
def tanhshrink(input: Any) -> Any:
    return f.subtract(input, f.tanh(input))


@implements("hardtanh")
def hardtanh(input: Any, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> Any:
    return activation.hardtanh(input, min_val, max_val)


@implements("glu")
def glu(input: Any, dim: int = -1) -> Any:
    return activation.glu(input, dim)


@implements("prelu")
def prelu(input: Any, weight: Any) -> Any:
    return layers.PReLU(beside(weight, input), axis=min(1, input.ndim - 1) if np.size(weight) > 1 else None)(input)


@implements("rrelu")
def rrelu(input: Any, lower: Any = 1 / 8, upper: Any = 1 / 3, training: bool = False, inplace: bool = False) -> Any:
    if training:
        refuse("torch.rrelu", RANDOM)
    return f.leaky_relu(input, f.divide(f.add(input.context.tensor(0) + lower, upper), 2))


@implements("normalize")
def normalize(input: Any, p: Any = 2.0, dim: Any = 1, eps: Any = 1e-12) -> Any:
    norm = vector_norm(input, p, dim, True)
    return f.divide(input, f.maximum(norm, eps))


def _inplace(function: Any) -> Any:
    def activated(input: Any, inplace: bool = False) -> Any:
        return function(input)

    return activated


FUNCTIONS |= {
    name: _inplace(function)
    for name, function in {
        "relu": f.relu, "relu6": activation.relu6, "sigmoid": f.sigmoid, "silu": f.silu, "mish": f.mish,
        "hardswish": f.hardswish, "hardsigmoid": activation.hardsigmoid, "selu": activation.selu,
        "logsigmoid": activation.logsigmoid, "log_sigmoid": activation.logsigmoid, "softsign": f.softsign,
    }.items()
}  # fmt: skip


# ---- linear layers ---


def beside(x: Any, *beside: Any) -> Any:
    """An operand as a tensor of the context of what stands beside it; None as it is."""
    return x if x is None or isinstance(x, Tensor) else common_context("torch", [x, *beside]).tensor(x)


@implements("linear")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    return layers.Linear(*(beside(p, input, weight) for p in (weight, bias)))(beside(input, weight))


@implements("_weight_norm")
def weight_norm(v: Any, g: Any, dim: int = 0) -> Any:
    """Weights of the direction of v, and of size g along an axis."""
    others = tuple(i for i in range(v.ndim) if i != dim % v.ndim)
    return f.multiply(v, f.divide(g, f.vector_norm(v, 2, others, keepdims=True)))


@implements("bilinear")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    found = f.einsum("...i,oij,...j->...o", input1, weight, input2)
    return found if bias is None else f.add(found, bias)


@implements("embedding")
def embedding(
    input: Any, weight: Any, padding_idx: Any = None, max_norm: Any = None, norm_type: Any = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    if max_norm is not None:
        refuse("torch.embedding", "max_norm= changes the weights in place")
    if differentiating() and padding_idx is not None:
        refuse("torch.embedding", "the gradient of the row at padding_idx is 0 in PyTorch, which is not its derivative")
    return layers.Embedding(beside(weight, input))(input)


@implements("one_hot")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    labels = integers("one_hot: tensor", tensor)
    if num_classes < 0:
        num_classes = int(labels.max()) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise OutOfRange(f"one_hot: labels from {labels.min()} to {labels.max()} for {num_classes} classes")
    return (labels[..., None] == np.arange(num_classes)).astype(int)


# ---- normalization ---


@implements("layer_norm")
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: Any = 1e-05, cudnn_enable: bool = True
) -> Any:
    axes = tuple(range(-len(tuple(normalized_shape)), 0))
    found = f.rms_norm(input - f.mean(input, axes, keepdims=True), axes, eps)
    return _affine(found, weight, bias)


def _affine(found: Any, weight: Any, bias: Any) -> Any:
    found = found if weight is None else f.multiply(found, weight)
    return found if bias is None else f.add(found, bias)


@implements("rms_norm")
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    if eps is None:
        refuse(
            "torch.rms_norm", "without eps= PyTorch adds one by the format of the numbers, which they have not: say it"
        )
    return _affine(f.rms_norm(input, tuple(range(-len(tuple(normalized_shape)), 0)), eps), weight, None)


@implements("batch_norm")
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: Any = 0.1, eps: Any = 1e-05,
) -> Any:  # fmt: skip
    """With the running statistics, or in training with those of the batch, which then are not kept."""
    statistics = (None, None) if training or running_mean is None else (running_mean, running_var)
    mean, var, weight, bias = (beside(p, input) for p in (*statistics, weight, bias))
    return layers.BatchNorm(mean, var, weight, bias, eps, min(1, input.ndim - 1))(input)


@implements("instance_norm")
def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: Any = 0.1, eps: Any = 1e-05,
) -> Any:  # fmt: skip
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    return layers.InstanceNorm(beside(weight, input), beside(bias, input), eps, axis=1)(input)


@implements("group_norm")
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: Any = 1e-05, cudnn_enabled: bool = True
) -> Any:
    return layers.GroupNorm(num_groups, beside(weight, input), beside(bias, input), eps, axis=1)(input)


@implements("local_response_norm")
def local_response_norm(input: Any, size: int, alpha: Any = 1e-4, beta: Any = 0.75, k: Any = 1.0) -> Any:
    squares = f.square(input)
    widths = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (input.ndim - 2)]
    padded = f.pad(squares, widths)
    around = sum(padded[:, i : i + input.shape[1]] for i in range(size)) / size
    return f.divide(input, f.pow(f.add(k, f.multiply(alpha, around)), beta))
