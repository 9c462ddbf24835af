"""Weights from files, into models.

loading   `load_weights`: a template with the numbers of a file in it
names     which entry of a file is which weight: PyTorch's, Keras' and Flax' names
files     what a file has, by its names: .safetensors, .npz and PyTorch's state dicts
"""

from scalarspec.frontends.weights.loading import load_weights

__all__ = ["load_weights"]
