"""Rules of the primitives that move elements: no number is looked at but those that say where.

Elements that are gathered and scattered are found by their places, which are integers: the same indexing is done on the
places of all elements first, and then once on the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from scalarspec.core.elementwise import add, maximum, minimum, multiply, subtract
from scalarspec.core.padding import with_zeros
from scalarspec.core.tensor import Tensor
from scalarspec.frontends.jax.known import is_known, is_width
from scalarspec.frontends.jax.program import Program
from scalarspec.frontends.jax.values import At, Value, joined, numbered, part, permuted, picked, reshaped, spread

Array = np.ndarray[Any, Any]


def reshape(at: At, x: Value) -> Value:
    """In row-major order, which `dimensions` would change."""
    return reshaped(x if not at["dimensions"] else permuted(x, at["dimensions"]), at["new_sizes"])


def shaped(at: At, x: Value) -> Value:
    """Axes of length 1 taken away or put in."""
    return reshaped(x, at.kind.shape)


def broadcast_in_dim(at: At, x: Value) -> Value:
    """x repeated, its axes at the places that are named."""
    shape, places = at["shape"], at["broadcast_dimensions"]
    lengths = [1] * len(shape)
    for place, n in zip(places, x.shape, strict=True):
        lengths[place] = n
    return spread(reshaped(x, lengths), shape)


def transpose(at: At, x: Value) -> Value:
    """The axes in another order."""
    return permuted(x, at["permutation"])


def rev(at: At, x: Value) -> Value:
    """Some axes backwards."""
    return part(x, tuple(slice(None, None, -1 if i in at["dimensions"] else None) for i in range(len(x.shape))))


def concatenate(at: At, *values: Value) -> Value:
    """One after the other."""
    return joined(at, values, at["dimension"])


def stack(at: At, *values: Value) -> Value:
    """Beside each other along a new axis."""
    axis, shape = at["axis"], at.equation.taken[0].shape
    return joined(at, [reshaped(value, (*shape[:axis], 1, *shape[axis:])) for value in values], axis)


def unstack(at: At, x: Value) -> list[Value]:
    """Each part along an axis."""
    before = (slice(None),) * at["axis"]
    return [part(x, (*before, i)) for i in range(x.shape[at["axis"]])]


def slices(at: At, x: Value) -> Value:
    """A part with fixed ends."""
    starts, ends = at["start_indices"], at["limit_indices"]
    steps = at["strides"] or (1,) * len(starts)
    return part(x, tuple(slice(*ends) for ends in zip(starts, ends, steps, strict=True)))


def split(at: At, x: Value) -> list[Value]:
    """Parts of some lengths."""
    ends = np.cumsum((0, *at["sizes"])).tolist()
    before = (slice(None),) * at["axis"]
    return [part(x, (*before, slice(a, b))) for a, b in pairwise(ends)]


def tile(at: At, x: Value) -> Value:
    """The whole beside itself."""
    return picked(at, x, np.tile(numbered(x.shape), at["reps"]))


def iota(at: At) -> Value:
    """0, 1, 2, ... along an axis."""
    shape, axis = at["shape"], at["dimension"]
    numbers = _along(axis, shape)
    kind = at.kind.dtype if is_width(at.kind.dtype, "iu") else float
    return np.broadcast_to(numbers, shape).astype(kind)


def pad(at: At, x: Value, filler: Value) -> Value:
    """x with fillers before, behind and between its elements; negative widths take elements away."""
    widths = at["padding_config"]
    zero = is_known(filler) and filler == 0
    if zero and isinstance(x, Tensor) and all(low >= 0 and high >= 0 and not inner for low, high, inner in widths):
        return with_zeros(x, [(low, high) for low, high, _ in widths])
    return picked(at, x, padded(numbered(x.shape), widths), [filler])


def padded(places: Array, widths: Sequence[Sequence[int]]) -> Array:
    """Places of elements with those of the filler, which stands behind all of them."""
    filler = places.size
    for axis, (low, high, inner) in enumerate(widths):
        n = places.shape[axis]
        length = n + inner * max(n - 1, 0)
        apart = np.full((*places.shape[:axis], length, *places.shape[axis + 1 :]), filler)
        before = (slice(None),) * axis
        apart[(*before, slice(None, None, inner + 1))] = places
        ends = [(0, 0)] * places.ndim
        ends[axis] = (max(low, 0), max(high, 0))
        wide = np.pad(apart, ends, constant_values=filler)
        places = wide[(*before, slice(max(-low, 0), wide.shape[axis] - max(-high, 0)))]
    return places


# ---- places that are operands ----------------------------------------------------------------------------------------


def _starts(at: At, shape: Sequence[int], sizes: Sequence[int], starts: Sequence[Value]) -> list[int]:
    """Where a part begins, moved so that it lies inside, as XLA has it."""
    wanted = [int(at.indices(start)) for start in starts]
    return [min(max(i, 0), n - size) for i, n, size in zip(wanted, shape, sizes, strict=True)]


def dynamic_slice(at: At, x: Value, *starts: Value) -> Value:
    """A part whose place is an operand."""
    sizes = at["slice_sizes"]
    found = _starts(at, x.shape, sizes, starts)
    return part(x, tuple(slice(i, i + size) for i, size in zip(found, sizes, strict=True)))


def dynamic_update_slice(at: At, x: Value, update: Value, *starts: Value) -> Value:
    """x, but another part at a place that is an operand."""
    found = _starts(at, x.shape, update.shape, starts)
    places = numbered(x.shape).copy()
    inside = tuple(slice(i, i + size) for i, size in zip(found, update.shape, strict=True))
    places[inside] = places.size + numbered(update.shape)
    return picked(at, x, places, [update])


@dataclass(frozen=True)
class _Slices:
    """What gathers and scatters say of the parts that they move.

    sizes: of a part along each axis of x; dropped: axes of x that parts do not have; indexed: those that the numbers of
    an index go along; together: those that go along with axes of the indices, `batch`; window: the axes of the result,
    or of the updates, that are those of the parts.
    """

    sizes: tuple[int, ...]
    dropped: tuple[int, ...]
    indexed: tuple[int, ...]
    together: tuple[int, ...]
    batch: tuple[int, ...]
    window: tuple[int, ...]

    def starts(self, indices: Array) -> list[Array]:
        """Where the part of each index begins, along each axis of x."""
        many = indices.shape[:-1]
        starts = [np.zeros(many, dtype=int) for _ in self.sizes]
        for k, axis in enumerate(self.indexed):
            starts[axis] = indices[..., k].astype(int)
        for axis, own in zip(self.together, self.batch, strict=True):
            starts[axis] = np.broadcast_to(_along(own, many), many)
        return starts

    def places(self, shape: Sequence[int], indices: Array) -> tuple[Array, Array]:
        """The places in x of all elements of the result, or of the updates, and whether their parts lie inside."""
        inner = [i for i in range(len(shape)) if i not in self.dropped and i not in self.together]
        starts, ends = self.starts(indices), [n - size for n, size in zip(shape, self.sizes, strict=True)]
        many, ones = indices.shape[:-1], [1] * len(inner)
        lengths = tuple(self.sizes[i] for i in inner)
        inside, places = np.ones(many, dtype=bool), np.zeros((*many, *lengths), dtype=int)
        for axis, (start, end) in enumerate(zip(starts, ends, strict=True)):
            inside = inside & (start >= 0) & (start <= end)
            offset = _along(inner.index(axis), lengths) if axis in inner else 0
            places = places * shape[axis] + np.clip(start, 0, end).reshape((*many, *ones)) + offset
        inside = np.broadcast_to(inside.reshape((*many, *ones)), places.shape)
        own = [i for i in range(places.ndim) if i not in self.window]
        order = [len(own) + self.window.index(i) if i in self.window else own.index(i) for i in range(places.ndim)]
        return np.transpose(places, order), np.transpose(inside, order)


def _along(axis: int, shape: Sequence[int]) -> Array:
    """0, 1, 2, ... along an axis of a shape, and 1 along the others."""
    return np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])


def gather(at: At, x: Value, indices: Value) -> Value:
    """Parts of x at places that are operands."""
    told = at["dimension_numbers"]
    together, batch = told.get("operand_batching_dims", ()), told.get("start_indices_batching_dims", ())
    slices = _Slices(at["slice_sizes"], told["collapsed_slice_dims"], told["start_index_map"], together, batch,
                     told["offset_dims"])  # fmt: skip
    places, inside = slices.places(x.shape, at.indices(indices))
    if at["mode"] == "CLIP" or inside.all():
        return picked(at, x, places)
    if at["fill_value"] is None or not np.isfinite(at["fill_value"]):
        at.refuse("an index lies outside of its axis, where JAX gives what is no element of it: keep it inside")
    return picked(at, x, np.where(inside, places, numbered(x.shape).size), [np.asarray(at["fill_value"])])


def _scattered(at: At, x: Value, indices: Value, updates: Value) -> tuple[Array, Array]:
    """For each element of the updates, its place in x, and whether it counts."""
    told = at["dimension_numbers"]
    together, batch = told.get("operand_batching_dims", ()), told.get("scatter_indices_batching_dims", ())
    window, dropped = told["update_window_dims"], told["inserted_window_dims"]
    lengths = iter([updates.shape[i] for i in window])
    sizes = tuple(1 if i in dropped or i in together else next(lengths) for i in range(len(x.shape)))
    slices = _Slices(sizes, dropped, told["scatter_dims_to_operand_dims"], together, batch, window)
    places, inside = slices.places(x.shape, at.indices(indices))
    return places, inside | (at["mode"] == "CLIP")


def scatter(at: At, x: Value, indices: Value, updates: Value) -> Value:
    """x, but updates at places that are operands. Refused where two meet, of which XLA takes one or the other."""
    update = at.equation.parameters.get("update_jaxpr")
    if isinstance(update, Program) and update.outputs != update.inputs[1:]:
        at.refuse("a function of what stands at a place (x.at[i].apply): write x.at[i].set(f(x[i]))")
    places, inside = _scattered(at, x, indices, updates)
    targets = places[inside]
    if len(np.unique(targets)) < targets.size:
        at.refuse("two elements are set at one place, and which one stays is not said: set each place once")
    found = numbered(x.shape).ravel().copy()
    found[targets] = found.size + numbered(updates.shape)[inside]
    return picked(at, x, found.reshape(x.shape), [updates])


def scattering(combined: Callable[..., Any]) -> Callable[..., Value]:
    """The rule of a scatter that combines what stands there with what is scattered, by a function of two."""

    def rule(at: At, x: Value, indices: Value, updates: Value) -> Value:
        places, inside = _scattered(at, x, indices, updates)
        targets, sources = places[inside], numbered(updates.shape)[inside]
        order = np.argsort(targets, kind="stable")
        targets, sources = targets[order], sources[order]
        rounds = np.arange(targets.size) - np.searchsorted(targets, targets)  # the how-manieth at its place
        row, flat = at.tensor(reshaped(x, (-1,))), at.tensor(reshaped(updates, (-1,)))
        for k in range(int(rounds.max(initial=-1)) + 1):
            at_once, used = targets[rounds == k], sources[rounds == k]
            stands = numbered(row.shape).copy()
            stands[at_once] = row.size + np.arange(at_once.size)
            row = picked(at, row, stands, [combined(row[at_once], flat[used])])
        return reshaped(row, x.shape)

    return rule


STRUCTURE: dict[str, Callable[..., Any]] = {
    "reshape": reshape,
    "squeeze": shaped,
    "broadcast_in_dim": broadcast_in_dim,
    "transpose": transpose,
    "rev": rev,
    "concatenate": concatenate,
    "slice": slices,
    "stack": stack,
    "unstack": unstack,
    "split": split,
    "tile": tile,
    "iota": iota,
    "pad": pad,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "gather": gather,
    "scatter": scatter,
    "scatter-add": scattering(add),
    "scatter-sub": scattering(subtract),
    "scatter-mul": scattering(multiply),
    "scatter-min": scattering(minimum),
    "scatter-max": scattering(maximum),
}
"""By primitive: its rule."""
