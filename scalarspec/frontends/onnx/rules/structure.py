"""Operators that move elements, and those that tell shapes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Operand, Said, call, each
from scalarspec.frontends.onnx.rules.table import operator
from scalarspec.frontends.onnx.text import number

# ---- shapes ---------------------------------------------------------------------------------------------------------


@operator("Shape")
def shape(at: At) -> Said:
    return np.array(at[0].shape[slice(at.attribute("start", 0), at.attribute("end"))], dtype=np.int64)


@operator("Size")
def size(at: At) -> Said:
    return np.array(math.prod(at[0].shape), dtype=np.int64)


@operator("Reshape")
def reshape(at: At) -> Said:
    wanted = at.either(1, "shape", 5) or ()
    if not at.attribute("allowzero", 0):
        wanted = tuple(at[0].shape[i] if n == 0 else n for i, n in enumerate(wanted))
    return call("reshape", at[0], wanted)


@operator("Flatten")
def flatten(at: At) -> Said:
    x, axis = at[0], at.attribute("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    if not 0 <= axis <= x.ndim:
        at.refuse(f"axis {axis} of {x.ndim}")
    return call("reshape", x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operator("Squeeze")
def squeeze(at: At) -> Said:
    axes = at.either(1, "axes", 13)
    x = at[0]
    gone = {i for i, n in enumerate(x.shape) if n == 1} if axes is None else {at.place(a, x.ndim) for a in axes}
    if any(x.shape[a] != 1 for a in gone):
        at.refuse(f"axes {sorted(gone)} of {x.shape} are not all of length 1")
    return call("reshape", x, tuple(n for i, n in enumerate(x.shape) if i not in gone))


@operator("Unsqueeze")
def unsqueeze(at: At) -> Said:
    x, axes = at[0], at.either(1, "axes", 13) or ()
    new = {at.place(a, x.ndim + len(axes)) for a in axes}
    old = iter(x.shape)
    return call("reshape", x, tuple(1 if i in new else next(old) for i in range(x.ndim + len(axes))))


@operator("Transpose")
def transpose(at: At) -> Said:
    x = at[0]
    axes = tuple(at.attribute("perm") or range(x.ndim)[::-1])
    if axes == (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2) and x.ndim > 1:
        return call("matrix_transpose", x)
    return call("permute_dims", x, axes)


@operator("Expand")
def expand(at: At) -> Said:
    return call("broadcast_to", at[0], tuple(np.broadcast_shapes(at[0].shape, at.integers(1, "the lengths"))))


@operator("Tile")
def tile(at: At) -> Said:
    return call("tile", at[0], at.integers(1, "the repetitions"))


@operator("DepthToSpace", "SpaceToDepth")
def depth(at: At) -> Said:
    x, b = at[0], int(at.attribute("blocksize"))
    n, c, h, w = x.shape
    if at.node.operator == "SpaceToDepth":
        parts = at.let(call("reshape", x, (n, c, h // b, b, w // b, b)))
        return call("reshape", call("permute_dims", parts, (0, 3, 5, 1, 2, 4)), (n, c * b * b, h // b, w // b))
    if at.attribute("mode", "DCR") == "DCR":
        parts, axes = at.let(call("reshape", x, (n, b, b, c // (b * b), h, w))), (0, 3, 4, 1, 5, 2)
    else:
        parts, axes = at.let(call("reshape", x, (n, c // (b * b), b, b, h, w))), (0, 1, 4, 2, 5, 3)
    return call("reshape", call("permute_dims", parts, axes), (n, c // (b * b), h * b, w * b))


# ---- parts ----------------------------------------------------------------------------------------------------------


@operator("Concat")
def concat(at: At) -> Said:
    parts = at.all()
    axis = at.place(at.attribute("axis", 1), max(o.ndim for o in parts))
    return parts[0] if len(parts) == 1 else call("concat", each(parts), axis)


@operator("Split")
def split(at: At) -> list[Said]:
    x, axis = at[0], at.axis()
    count, n = len(at.node.outputs), at[0].shape[at.axis()]
    lengths = at.either(1, "split", 13)
    if lengths is None:
        if n % count and at.version < 18:
            at.refuse(f"{n} elements into {count} equal parts")
        part = -(-n // int(at.attribute("num_outputs", count)))
        lengths = tuple(max(min(part, n - i * part), 0) for i in range(count))
    if sum(lengths) != n or len(lengths) != count or min(lengths) < 0:
        at.refuse(f"{n} elements into parts of {lengths}")
    ends = np.cumsum([0, *lengths]).tolist()
    return [_part(at, x, {axis: slice(a, b, 1)}) for a, b in pairwise(ends)]


def _part(at: At, x: Operand, slices: dict[int, slice]) -> str:
    """Slices along some axes."""
    told = [_slice(slices.get(i, slice(None)), n) for i, n in enumerate(x.shape[: max(slices, default=-1) + 1])]
    text = x.tensor
    return f"{text}[{', '.join(told)}]" if told else text


def _slice(s: slice, n: int) -> str:
    start, stop, step = s.indices(n)
    if step < 0:
        return f"{start}:{stop if stop >= 0 else ''}:{step}" if start >= 0 else "0:0"
    text = f"{start or ''}:{stop if stop < n else ''}"
    return text if step == 1 else f"{text}:{step}"


@operator("Slice")
def sliced(at: At) -> Said:
    x = at[0]
    named = [at.either(i + 1, name, 10) for i, name in enumerate(("starts", "ends", "axes"))]
    starts, ends = named[0] or (), named[1] or ()
    places = [at.place(a, x.ndim) for a in (range(len(starts)) if named[2] is None else named[2])]
    steps = at.integers(4, "the steps") if at.version >= 10 and at.has(4) else (1,) * len(starts)
    limits = [_limits(x.shape[a], s, e, k) for a, s, e, k in zip(places, starts, ends, steps, strict=True)]
    return _part(at, x, dict(zip(places, limits, strict=True)))


def _limits(n: int, start: int, end: int, step: int) -> slice:
    """A slice as ONNX has it: ends are cut to the axis, those of a backward one to the element before the first."""
    start, end = (k + n if k < 0 else k for k in (start, end))
    if step < 0:
        start, end = min(max(start, 0), n - 1), min(max(end, -1), n - 1)
        return slice(start, None if end < 0 else end, step)
    return slice(min(max(start, 0), n), min(max(end, 0), n), step)


def _places(at: At, i: int, n: int) -> np.ndarray:
    """Indices into an axis of n elements. Raises NotSupported where they depend on inputs, or lie outside."""
    found = at.known(i, "the places")
    if found.size and (found.min() < -n or found.max() >= n):
        at.refuse(f"places up to {found.max()} of {n}")
    return found


@operator("Gather")
def gather(at: At) -> Said:
    x, axis = at[0], at.axis()
    held = at.masked(1)
    if held is not None and held.held:
        flat = f"{held}.ravel()" if held.ndim != 1 else str(held)
    else:
        places = _places(at, 1, x.shape[axis])
        if places.ndim == 0:
            return f"{x.tensor}[{', '.join([*[':'] * axis, str(int(places))])}]"
        held, flat = at[1], str(places.ravel().tolist())
    taken = call("take", x, flat, axis)
    return taken if held.ndim == 1 else call("reshape", taken, (*x.shape[:axis], *held.shape, *x.shape[axis + 1 :]))


@operator("GatherElements")
def gather_elements(at: At) -> Said:
    """The elements at places of their own along an axis; the other axes may be cut."""
    x, axis = at[0], at.axis()
    places = _places(at, 1, x.shape[axis])
    cut = {i: slice(0, n, 1) for i, n in enumerate(places.shape) if i != axis and n != x.shape[i]}
    rows = at.let(_part(at, x, cut)) if cut else x
    return call("take_along_axis", rows, places.tolist(), axis)


@operator("GatherND")
def gather_nd(at: At) -> Said:
    x, places, batch = at[0], at.known(1, "the places"), int(at.attribute("batch_dims", 0))
    index = np.moveaxis(places, -1, 0).tolist()
    if batch:
        grid = np.indices(places.shape[:-1])[:batch]
        index = [*grid.tolist(), *index]
    return _at_places(at, x, index)


def _at_places(at: At, x: Operand, index: list[object]) -> str:
    return f"{x.tensor}[{', '.join(f'np.array({i})' for i in index)}]"


def _numbered(at: At, shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


@operator("ScatterND", "ScatterElements", "Scatter")
def scatter(at: At) -> Said:
    """Other elements at some places: of the data and the updates, side by side, those that are in the result."""
    x, updates, places = at[0], at[2], at.known(1, "the places")
    at.check_places(x.shape)
    own, new = _numbered(at, x.shape), _numbered(at, updates.shape) + math.prod(x.shape)
    how = at.attribute("reduction", "none")
    index = _scattered(at, x, places)
    if how == "none":
        chosen = own.copy()
        chosen[index] = new.reshape(chosen[index].shape)
        both = at.let(call("concat", each([call("reshape", x, (-1,)), call("reshape", updates, (-1,))])))
        return call("reshape", call("take", both, chosen.ravel().tolist()), x.shape)
    return _combined(at, how, own[index].ravel())


def _scattered(at: At, x: Operand, places: np.ndarray) -> tuple[np.ndarray, ...]:
    """The index of the places that are written to."""
    if at.node.operator == "ScatterND":
        return tuple(np.asarray(each) for each in np.moveaxis(places, -1, 0))
    axis = at.axis()
    _places(at, 1, x.shape[axis])
    return tuple(places if i == axis else grid for i, grid in enumerate(map(np.asarray, np.indices(places.shape))))


COMBINED = {"Add": "add", "Mul": "multiply", "Max": "maximum", "Min": "minimum"}
"""What elements and updates are combined by."""


def _combined(at: At, how: str, targets: np.ndarray) -> Said:
    """Elements combined with updates, one update of each place after the other."""
    name = COMBINED.get(how.capitalize())
    if name is None:
        at.refuse(f"reduction {how!r} is none of none, add, mul, max and min")
    x, updates = at[0], at[2]
    found = at.let(call("reshape", x, (-1,)))
    given = at.let(call("reshape", updates, (-1,)))
    left = list(enumerate(targets.tolist()))
    while left:
        taken: dict[int, int] = {}
        rest = []
        for place, target in left:
            rest.append((place, target)) if target in taken else taken.update({target: place})
        size = math.prod(x.shape)
        chosen = np.arange(size)
        chosen[list(taken)] = size + np.arange(len(taken))
        part = call(str(name), call("take", found, list(taken)), call("take", given, list(taken.values())))
        found = at.let(call("take", call("concat", each([found, part])), chosen.tolist()))
        left = rest
    return call("reshape", found, x.shape)


@operator("Compress")
def compress(at: At) -> Said:
    x, which, axis = at[0], at.known(1, "the choices"), at.attribute("axis")
    rows = x if axis is not None else at.let(call("reshape", x, (-1,)))
    return call("take", rows, np.flatnonzero(which).tolist(), 0 if axis is None else at.place(axis, x.ndim))


@operator("Trilu")
def trilu(at: At) -> Said:
    k = at.integers(1, "the diagonal")[0] if at.has(1) else 0
    return call("triu" if at.attribute("upper", 1) else "tril", at[0], k)


@operator("Pad")
def pad(at: At) -> Said:
    x, mode = at[0], at.attribute("mode", "constant")
    widths = at.either(1, "pads", 11) or ()
    value = at.get(2) if at.version >= 11 else number(at.attribute("value", 0.0))
    axes = at.integers(3, "the axes") if at.version >= 18 and at.has(3) else None
    places = range(x.ndim) if axes is None else [at.place(a, x.ndim) for a in axes]
    pairs = [(0, 0)] * x.ndim
    for i, axis in enumerate(places):
        pairs[axis] = (widths[i], widths[i + len(places)])
    cut = {
        a: slice(max(-b, 0), n - max(-e, 0), 1)
        for a, ((b, e), n) in enumerate(zip(pairs, x.shape, strict=True))
        if min(b, e) < 0
    }
    rows = at.let(_part(at, x, cut)) if cut else x
    pairs = [(max(b, 0), max(e, 0)) for b, e in pairs]
    at.check_places((max((b + e for b, e in pairs), default=0),) if mode != "constant" else ())
    if mode == "constant":
        text = None if value is None or str(value) == "0" else str(value)
        return padded(rows, pairs, f", constant_values={text}" if text else "")
    return padded(rows, pairs, f", mode={mode!r}")


def padded(x: Operand | str, pairs: object, more: str = "") -> str:
    """A call of `pad`."""
    return f"ss.pad({x}, {pairs}{more})"


@operator("CenterCropPad")
def center_crop_pad(at: At) -> Said:
    x, wanted = at[0], at.integers(1, "the lengths")
    axes = at.attribute("axes") or range(x.ndim)
    cut, pairs = {}, [(0, 0)] * x.ndim
    for a, m in zip((at.place(a, x.ndim) for a in axes), wanted, strict=True):
        n = x.shape[a]
        first = abs(n - m) // 2
        if m < n:
            cut[a] = slice(first, first + m, 1)
        else:
            pairs[a] = (first, m - n - first)
    return padded(at.let(_part(at, x, cut)), pairs)


@operator("ReverseSequence")
def reverse_sequence(at: At) -> Said:
    x, lengths = at[0], at.integers(1, "the lengths")
    at.check_places(x.shape)
    batch, time = int(at.attribute("batch_axis", 1)), int(at.attribute("time_axis", 0))
    places = np.indices(x.shape)[time]
    for i, n in enumerate(lengths):
        row = np.take(places, [i], batch)
        index = [slice(None)] * x.ndim
        index[batch] = slice(i, i + 1)
        places[tuple(index)] = np.where(row < n, n - 1 - row, row)
    return call("take_along_axis", x, places.tolist(), time)
