"""PyTorch's functions that move elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import common_context
from scalarspec.frontends.calls import refuse, tensors
from scalarspec.frontends.numpy import structure as structure
from scalarspec.frontends.torch.functions import implements, lengths_of


@implements("reshape", "view")
def reshape(input: Any, *shape: Any) -> Any:
    sizes = lengths_of(shape)
    if any(not isinstance(n, int | np.integer) for n in sizes):
        refuse("torch.Tensor.view", "another format would read the bits anew, and a tensor's numbers have none")
    return f.reshape(input, sizes)


@implements("flatten", "ravel")
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    return f.flatten(input, start_dim, end_dim) if input.ndim else f.reshape(input, (1,))


@implements("unflatten")
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    place = dim % input.ndim
    return f.reshape(input, (*input.shape[:place], *sizes, *input.shape[place + 1 :]))


@implements("transpose", "swapaxes", "swapdims")
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    return structure.swapaxes(input, dim0, dim1)


@implements("permute")
def permute(input: Any, *dims: Any) -> Any:
    return f.permute_dims(input, lengths_of(dims))


@implements("unsqueeze")
def unsqueeze(input: Any, dim: int) -> Any:
    return f.expand_dims(input, dim)


@implements("squeeze")
def squeeze(input: Any, dim: Any = None) -> Any:
    """Axes of length 1; of a named one that is longer, nothing."""
    if dim is None:
        return f.squeeze(input)
    axes = [d % input.ndim for d in (dim if isinstance(dim, list | tuple) else (dim,))] if input.ndim else []
    gone = tuple(d for d in axes if input.shape[d] == 1)
    return f.squeeze(input, gone) if gone else input


@implements("expand", "broadcast_to")
def expand(input: Any, *sizes: Any) -> Any:
    """To a shape, in which -1 keeps a length."""
    wanted = lengths_of(sizes)
    own = (1,) * (len(wanted) - input.ndim) + input.shape
    return f.broadcast_to(input, [n if m == -1 else m for n, m in zip(own, wanted, strict=True)])


@implements("repeat", "tile")
def repeat(input: Any, *sizes: Any) -> Any:
    """The whole tensor, side by side with itself."""
    return f.tile(input, lengths_of(sizes))


@implements("repeat_interleave")
def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Any:
    return f.repeat(input, repeats if isinstance(repeats, int) else np.asarray(repeats).tolist(), dim)


@implements("cat", "concat", "concatenate")
def cat(tensors_: Any, dim: int = 0) -> Any:
    return f.concat(tensors(tensors_), dim)


@implements("stack")
def stack(tensors_: Any, dim: int = 0) -> Any:
    return f.stack(tensors(tensors_), dim)


@implements("split", "split_with_sizes")
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    return tuple(f.split(tensor, split_size_or_sections, dim))


@implements("chunk")
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """Into so many parts, or fewer, of which the last may be shorter."""
    return tuple(f.split(input, -(-input.shape[dim] // chunks), dim))


@implements("tensor_split")
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    return tuple(structure.array_split(input, indices_or_sections, dim))


@implements("unbind")
def unbind(input: Any, dim: int = 0) -> Any:
    return tuple(f.unstack(input, dim))


@implements("select")
def select(input: Any, dim: int, index: int) -> Any:
    return input[(*(slice(None),) * (dim % input.ndim), index)]


@implements("narrow")
def narrow(input: Any, dim: int, start: int, length: int) -> Any:
    axis = dim % input.ndim
    start = start % input.shape[axis] if start < 0 else start
    return input[(*(slice(None),) * axis, slice(start, start + length))]


@implements("unfold")
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """Windows along an axis, which come last; the function of that name is of images."""
    axis = dimension % input.ndim
    places = np.arange(0, input.shape[axis] - size + 1, step)[:, None] + np.arange(size)
    return f.moveaxis(f.take(f.moveaxis(input, axis, -1), places, -1), -2, axis)


@implements("index_select")
def index_select(input: Any, dim: int, index: Any) -> Any:
    return f.take(input, np.asarray(index).reshape(-1), dim)


@implements("gather")
def gather(input: Any, dim: int, index: Any) -> Any:
    """Of PyTorch's, whose index may be shorter along other axes."""
    places = np.asarray(index)
    cut = input[tuple(slice(None) if i == dim % input.ndim else slice(n) for i, n in enumerate(places.shape))]
    return f.take_along_axis(cut, places, dim)


@implements("take")
def take(input: Any, index: Any) -> Any:
    return f.take(f.reshape(input, (-1,)), np.asarray(index), 0)


@implements("take_along_dim")
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    return structure.take_along_axis(input, np.asarray(indices), dim)


@implements("__getitem__")
def getitem(input: Any, index: Any) -> Any:
    """Of PyTorch's tensor, at an index of ours; its numbers then are numbers of the context."""
    return common_context("getitem", [index] if not isinstance(index, tuple) else index).tensor(input)[index]


@implements("flip")
def flip(input: Any, *dims: Any) -> Any:
    return f.flip(input, lengths_of(dims))


@implements("roll")
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """Without dims, of all elements in a row."""
    pair = tuple(shifts) if isinstance(shifts, list | tuple) else shifts
    axes = tuple(dims) if isinstance(dims, list | tuple) else dims
    if axes == () and isinstance(pair, tuple):
        pair, axes = pair[0], None
    return f.roll(input, pair, axes)


@implements("diagonal", "linalg_diagonal")
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return structure.diagonal(input, offset, dim1, dim2)


@implements("diag_embed")
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    if (offset, dim1, dim2) != (0, -2, -1):
        refuse("torch.diag_embed", "it is followed for the main diagonal of the last two axes")
    n = input.shape[-1]
    return f.multiply(f.expand_dims(input, -1), np.eye(n, dtype=int))


@implements("meshgrid")
def meshgrid(*tensors_: Any, indexing: str = "ij") -> Any:
    return structure.meshgrid(*tensors_, indexing=indexing)


@implements("block_diag")
def block_diag(*tensors_: Any) -> Any:
    rows, columns = (sum(t.shape[i] for t in tensors_) for i in (0, 1))
    found, row, column = 0, 0, 0
    for t in tensors_:
        there = (slice(row, row + t.shape[0]), slice(column, column + t.shape[1]))
        found = found + t.moved("scatter", index=there, shape=(rows, columns))
        row, column = row + t.shape[0], column + t.shape[1]
    return found
