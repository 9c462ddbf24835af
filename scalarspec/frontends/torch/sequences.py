"""PyTorch's attention and recurrent layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scalarspec import layers
from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.frontends.calls import refuse
from scalarspec.frontends.masked import Masked, filled, followed, known, with_infinities
from scalarspec.frontends.torch.functions import FUNCTIONS, implements
from scalarspec.frontends.torch.nn import RANDOM, beside, linear

# ---- attention ---


@implements("scaled_dot_product_attention")
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: Any = 0.0, is_causal: bool = False,
    scale: Any = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    if dropout_p:
        refuse("torch.scaled_dot_product_attention", RANDOM)
    if enable_gqa:
        key, value = (f.repeat(t, query.shape[-3] // t.shape[-3], -3) for t in (key, value))
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if is_causal else None
    return attended(query, key, value, mask, attn_mask, scale)


def attended(query: Any, key: Any, value: Any, kept: Any, mask: Any, scale: Any = None) -> Tensor:
    """Attention, between what bools keep, and with a mask: of bools, or of numbers that are added, of which minus
    infinity keeps out.
    """
    query, key, value = (beside(t, query, key, value) for t in (query, key, value))
    scores: Any = f.matmul(query, key.mT)
    scores = scores / f.sqrt(query.context.tensor(query.shape[-1])) if scale is None else scores * scale
    bools, numbers = (mask, None) if is_bools(mask) else (None, mask)
    for part in (kept, bools):
        scores = scores if part is None else filled(scores, ~known(part), -math.inf)
    if numbers is not None:
        scores = with_infinities("add", scores, numbers)
    return f.matmul(shares_of(scores), value)


def is_bools(mask: Any) -> bool:
    """Is it a mask of bools, or of truths?"""
    return isinstance(mask, Truth) or (isinstance(mask, np.ndarray) and mask.dtype == bool)


def shares_of(scores: Any) -> Tensor:
    """The softmax along the last axis, of what counts."""
    return followed("softmax", (scores, -1), {}) if isinstance(scores, Masked) else f.softmax(scores, -1)


@implements("multi_head_attention_forward")
def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: Any, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:  # fmt: skip
    """(length, [batch,] width) in, the same and the weights, averaged over the heads, out."""
    if training and dropout_p:
        refuse("torch.multi_head_attention_forward", RANDOM)
    if bias_k is not None or bias_v is not None or add_zero_attn or static_k is not None or static_v is not None:
        refuse("torch.multi_head_attention_forward", "bias_k, bias_v, add_zero_attn and static_k are not followed")
    context = common_context("multi_head_attention_forward", (query, key, value, in_proj_weight, out_proj_weight))
    query, key, value = (t if isinstance(t, Tensor) else context.tensor(t) for t in (query, key, value))
    batched = query.ndim == 3
    inputs = [t if batched else f.expand_dims(t, 1) for t in (query, key, value)]
    weights = (
        (q_proj_weight, k_proj_weight, v_proj_weight)
        if use_separate_proj_weight
        else _thirds(context.tensor(in_proj_weight) if not isinstance(in_proj_weight, Tensor) else in_proj_weight)
    )
    biases = (None,) * 3 if in_proj_bias is None else _thirds(beside(in_proj_bias, query))
    q, k, v = (
        _heads(linear(f.permute_dims(t, (1, 0, 2)), w, b), num_heads)
        for t, w, b in zip(inputs, weights, biases, strict=True)
    )
    scores = _scores(q, k, _mask_of_heads(attn_mask, q, num_heads), key_padding_mask)
    shares = shares_of(scores)
    joined = f.permute_dims(f.matmul(shares, v), (2, 0, 1, 3))
    found = linear(f.reshape(joined, (*joined.shape[:2], -1)), out_proj_weight, out_proj_bias)
    told = (f.mean(shares, 1) if average_attn_weights else shares) if need_weights else None
    return (found, told) if batched else (f.squeeze(found, 1), told if told is None else f.squeeze(told, 0))


def _thirds(weight: Any) -> list[Any]:
    return list(f.split(weight, weight.shape[0] // 3, 0))


def _heads(t: Any, heads: int) -> Any:
    """(batch, length, width) as (batch, heads, length, width of a head)."""
    b, length, width = t.shape
    return f.permute_dims(f.reshape(t, (b, length, heads, width // heads)), (0, 2, 1, 3))


def _mask_of_heads(mask: Any, q: Any, heads: int) -> Any:
    """A mask for all, or for each example and head, as one that broadcasts to (batch, heads, length, keys)."""
    if mask is None or mask.ndim < 3:
        return mask
    shape = (q.shape[0], heads, *mask.shape[-2:])
    return mask.reshape(shape) if isinstance(mask, np.ndarray) else f.reshape(mask, shape)


def _scores(q: Any, k: Any, mask: Any, padding: Any) -> Any:
    """The scores, minus infinity where masks say so: bools that are true keep out, and numbers are added."""
    scores: Any = f.matmul(q, k.mT) / f.sqrt(q.context.tensor(q.shape[-1]))
    for each in (mask, None if padding is None else padding[..., None, None, :]):
        if each is not None and is_bools(each):
            scores = filled(scores, each, -math.inf)
        elif each is not None:
            scores = with_infinities("add", scores, each)
    return scores


# ---- recurrent layers ---


def _recurrent(kind: str, nonlinearity: str | None = None) -> Any:
    """A recurrent network, as PyTorch's layers call it: with all their weights, layer by layer."""
    made: Any = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.RNN}[kind]

    def run(
        input: Any, hx: Any, params: Any, has_biases: bool, num_layers: int, dropout: Any, train: bool,
        bidirectional: bool, batch_first: bool,
    ) -> Any:  # fmt: skip
        if dropout and train and num_layers > 1:
            refuse(f"torch.{kind}", RANDOM)
        step, weights = 4 if has_biases else 2, [beside(p, input) for p in params]
        if len(weights) != step * num_layers * (2 if bidirectional else 1):
            refuse(f"torch.{kind}", "proj_size= is not followed")
        cells: list[Any] = [
            made(*weights[i : i + step], **({"nonlinearity": nonlinearity} if nonlinearity else {}))
            for i in range(0, len(weights), step)
        ]
        if bidirectional:
            cells = [layers.Bidirectional(a, b) for a, b in zip(cells[::2], cells[1::2], strict=True)]
        batched = input.ndim == 3
        x = input if batch_first or not batched else f.permute_dims(input, (1, 0, 2))
        out, state = layers.Stacked(*cells)(x, _state(hx, input))
        out = out if batch_first or not batched else f.permute_dims(out, (1, 0, 2))
        return (out, *state) if isinstance(state, tuple) else (out, state)

    return run


def _state(hx: Any, input: Any) -> Any:
    """The first state, as the layers have it."""
    return tuple(beside(h, input) for h in hx) if isinstance(hx, list | tuple) else beside(hx, input)


FUNCTIONS |= {
    "lstm": _recurrent("lstm"), "gru": _recurrent("gru"), "rnn_tanh": _recurrent("rnn", "tanh"),
    "rnn_relu": _recurrent("rnn", "relu"),
}  # fmt: skip


def _cell(made: Any, **more: Any) -> Any:
    """One step: of a batch (batch, width) or of one vector."""

    def step(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        cell = made(*(beside(p, input) for p in (w_ih, w_hh, b_ih, b_hh)), **more)
        start = _state(hx, input)
        state = tuple(f.expand_dims(s, 0) for s in start) if isinstance(start, tuple) else f.expand_dims(start, 0)
        _, last = cell(f.expand_dims(input, -2), state)
        return tuple(s[0] for s in last) if isinstance(last, tuple) else last[0]

    return step


FUNCTIONS |= {
    "lstm_cell": _cell(layers.LSTM), "gru_cell": _cell(layers.GRU),
    "rnn_tanh_cell": _cell(layers.RNN), "rnn_relu_cell": _cell(layers.RNN, nonlinearity="relu"),
}  # fmt: skip
