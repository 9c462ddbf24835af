"""Layers: callables on tensors, whose parameters are NumPy arrays or tensors. `lift` carries them to a context.

    structure        layers one after the other, beside one another, and what only moves elements
    linear           affine maps, and activations that have parameters
    convolution      convolutions and their transposes
    pooling          pools, and their inverse: upsampling
    normalization    by batches, layers, groups and instances
    embedding        vectors of tokens, and of places
    attention        scaled dot products, in several heads
    recurrent        RNN, LSTM and GRU, in layers and in both directions

Parameters have PyTorch's names, layouts and order. x comes without a batch, or with one as its first axis. Numbers
such as `eps` are literals of the spec, and count exactly: give them as integers, fractions or strings, "0.00001" (the
float 1e-5 is not that number, and is refused). What has one number for each axis is a tuple, not a list.

    model = ss.layers.Sequential(ss.layers.Linear([[1.0, 2.0], [0.5, -1.0]], [0.0, 1.0]), ss.layers.relu)
    ss.lift(model, "interval")(ss.context("interval").tensor([1, 1]))    # [3, 0.5]
"""

from scalarspec.activation import identity
from scalarspec.core.functions import leaky_relu, relu, sigmoid, softplus, tanh
from scalarspec.layers.attention import MultiheadAttention, causal_mask, scaled_dot_product_attention
from scalarspec.layers.convolution import Conv, ConvTranspose
from scalarspec.layers.embedding import Embedding, RotaryEncoding, SinusoidalEncoding, sinusoids
from scalarspec.layers.linear import GLU, Linear, PReLU
from scalarspec.layers.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from scalarspec.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool, Upsample
from scalarspec.layers.recurrent import GRU, LSTM, RNN, Bidirectional, Stacked
from scalarspec.layers.structure import Dropout, Flatten, Map, Residual, Sequential

__all__ = [
    "GLU", "GRU", "LSTM", "RNN", "AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "BatchNorm", "Bidirectional", "Conv",
    "ConvTranspose", "Dropout", "Embedding", "Flatten", "GroupNorm", "InstanceNorm", "LayerNorm", "Linear", "Map",
    "MaxPool", "MultiheadAttention", "PReLU", "RMSNorm", "Residual", "RotaryEncoding", "Sequential",
    "SinusoidalEncoding", "Stacked", "Upsample", "causal_mask", "identity", "leaky_relu", "relu",
    "scaled_dot_product_attention", "sigmoid", "sinusoids", "softplus", "tanh",
]  # fmt: skip
