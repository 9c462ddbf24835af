"""NumPy's reductions: sums, means, extremes, what runs along an axis, and statistics."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.literals import meant
from scalarspec.core.tensor import Tensor, common_context
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.frontends.calls import counted, number, refuse, truth
from scalarspec.frontends.numpy.functions import implements
from scalarspec.frontends.numpy.structure import swapaxes
from scalarspec.numbers.exact import literal_value


@implements("sum", "nansum")
def total(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None) -> Any:
    """The sum; truths count as 1 and 0."""
    found = f.sum(number(a), axis, keepdims)
    return found if initial is None else f.add(found, initial)


@implements("prod", "nanprod")
def product(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None) -> Any:
    """The product."""
    found = f.prod(number(a), axis, keepdims)
    return found if initial is None else f.multiply(found, initial)


@implements("max", "amax", "nanmax")
def largest(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element."""
    found = f.max(number(a), axis, keepdims)
    return found if initial is None else f.maximum(found, initial)


@implements("min", "amin", "nanmin")
def smallest(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element."""
    found = f.min(number(a), axis, keepdims)
    return found if initial is None else f.minimum(found, initial)


@implements("ptp")
def peak_to_peak(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The largest less the smallest."""
    return f.subtract(f.max(a, axis, keepdims), f.min(a, axis, keepdims))


@implements("mean", "nanmean")
def mean(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The mean, refused over no elements, where NumPy's is NaN."""
    some("numpy.mean", a, axis)
    return f.mean(number(a), axis, keepdims)


def some(name: str, a: Any, axis: Any) -> None:
    """Raises ShapeError for a reduction over no elements whose value would be NaN."""
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    if any(a.shape[i] == 0 for i in axes):
        raise ShapeError(f"{name} over no elements, of a tensor of shape {a.shape}: it would be NaN")


@implements("var", "nanvar")
def var(a: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False, correction: int | None = None) -> Any:
    """The variance, over n less ddof."""
    some("numpy.var", a, axis)
    return f.var(number(a), axis, ddof if correction is None else correction, keepdims)


@implements("std", "nanstd")
def std(a: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False, correction: int | None = None) -> Any:
    """The root of the variance."""
    return f.sqrt(var(a, axis, ddof=ddof, keepdims=keepdims, correction=correction))


@implements("all")
def every(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Does each hold? Numbers hold where they are not 0."""
    return f.all(truth(a), axis, keepdims)


@implements("any")
def some_of(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Does one hold?"""
    return f.any(truth(a), axis, keepdims)


# ---- along an axis --------------------------------------------------------------------------------------------------


def _flat(a: Any, axis: int | None) -> tuple[Any, int]:
    return (f.reshape(a, (-1,)), 0) if axis is None else (a, axis)


@implements("cumsum", "cumulative_sum", "nancumsum")
def running_sum(a: Any, axis: int | None = None, *, include_initial: bool = False) -> Any:
    """The sums of the first elements, of the flattened tensor without an axis."""
    return f.cumulative_sum(*_flat(number(a), axis), include_initial=include_initial)


@implements("cumprod", "cumulative_prod", "nancumprod")
def running_product(a: Any, axis: int | None = None, *, include_initial: bool = False) -> Any:
    """The products of the first elements."""
    return f.cumulative_prod(*_flat(number(a), axis), include_initial=include_initial)


@implements("diff")
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours, n times."""
    ends = [None if end is None else _edge(a, end, axis) for end in (prepend, append)]
    return f.diff(counted("numpy.diff", a)[0], axis, n, *ends)


def _edge(a: Any, end: Any, axis: int) -> Any:
    """A number beside a tensor, as one element of each row."""
    t = a.context.tensor(end) if not isinstance(end, Tensor) else end
    place = axis % a.ndim
    return t if t.ndim else f.broadcast_to(t, (*a.shape[:place], 1, *a.shape[place + 1 :]))


@implements("ediff1d")
def ediff1d(ary: Any) -> Any:
    """Differences of neighbours of the flattened tensor."""
    return f.diff(f.reshape(ary, (-1,)))


@implements("trapezoid", "trapz")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral by the trapezoidal rule."""
    rows = f.moveaxis(_of(number(y), x), axis, -1)
    steps = dx if x is None else f.diff(_moved_last(x, y, axis))
    return f.sum(f.multiply(f.divide(f.add(rows[..., 1:], rows[..., :-1]), 2), steps), -1)


def _of(x: Any, *others: Any) -> Tensor:
    """An operand as a tensor, in the context of those beside it."""
    if isinstance(x, Tensor):
        return x
    return common_context("numpy", [x, *others]).tensor(x)


def _moved_last(x: Any, y: Any, axis: int) -> Tensor:
    t = _of(x, y)
    return f.moveaxis(t, axis, -1) if t.ndim > 1 else t


@implements("gradient")
def gradient(fn: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences inside, one-sided ones at the ends; for equal steps."""
    if edge_order != 1 or any(np.ndim(h) for h in varargs):
        refuse("numpy.gradient", "it is followed for edge_order=1 and equal steps, given as numbers")
    axes = range(fn.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1,) * len(axes)
    found = [_central(f.moveaxis(fn, a, -1), h, a) for a, h in zip(axes, steps, strict=True)]
    return found[0] if len(found) == 1 else tuple(found)


def _central(rows: Any, step: Any, axis: int) -> Any:
    inner = f.divide(f.subtract(rows[..., 2:], rows[..., :-2]), f.multiply(2, _of(step, rows)))
    ends = [f.divide(f.subtract(rows[..., b : b + 1], rows[..., a : a + 1]), step) for a, b in _ends(rows.shape[-1])]
    return f.moveaxis(f.concat([ends[0], inner, ends[1]], -1), -1, axis)


def _ends(n: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (0, 1), (n - 2, n - 1)


@implements("interp")
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Piecewise linear between known places, which rise; constant beyond: fp₀ plus, for each piece, its slope times how
    far x has come in it.
    """
    if isinstance(xp, Tensor) or left is not None or right is not None:
        refuse("numpy.interp", "it is followed for places xp that are known, without left= and right=")
    if not np.all(np.diff(xp) > 0):
        raise ArgumentError("numpy.interp: xp: expected places that rise")
    context = common_context("interp", (x, fp))
    places, values, t = context.tensor(np.asarray(xp)), _of(fp, x), _of(x, fp)
    slopes = f.divide(f.diff(values), f.diff(places))
    inside = f.subtract(f.clip(f.expand_dims(t, -1), places[:-1], places[1:]), places[:-1])
    return f.add(values[0], f.sum(f.multiply(slopes, inside), -1))


# ---- statistics -----------------------------------------------------------------------------------------------------


@implements("average")
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """The weighted mean Σ w a / Σ w."""
    if weights is None:
        found = mean(a, axis, keepdims=keepdims)
        count = _of(number(a), weights).size // max(found.size, 1)
        return (found, f.broadcast_to(found.context.tensor(count), found.shape)) if returned else found
    t, w = _of(number(a), weights), _of(number(weights), a)
    if w.shape != t.shape and isinstance(axis, int | np.integer):
        w = f.reshape(w, [n if i == axis % t.ndim else 1 for i, n in enumerate(t.shape)])
    total_weight = f.sum(f.broadcast_to(w, t.shape), axis, keepdims)
    found = f.divide(f.sum(f.multiply(t, w), axis, keepdims), total_weight)
    return (found, total_weight) if returned else found


def known_number(name: str, x: Any) -> Fraction:
    """A number that must be known: a constant, read as the code's floats are, or a tensor that is one exact number."""
    if not isinstance(x, Tensor):
        return literal_value(meant(x))
    if x.shape:
        refuse(name, f"expected numbers that are known, got {x}")
    low, high = (
        (x.context.exact_value(x.scalars()[()]),) * 2 if x.context.rounds else x.context.endpoints(x.scalars()[()])
    )
    if low != high or isinstance(low, float):
        refuse(name, f"expected a number that is known, got {x}")
    return low


@implements("median", "nanmedian")
def median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The middle one in order, or the mean of the two."""
    return quantile(a, Fraction(1, 2), axis, keepdims=keepdims)


@implements("quantile", "nanquantile")
def quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    """What lies at a fraction q of the way through the elements in order, linear between two of them."""
    return _at_parts("numpy.quantile", a, q, 1, axis, method, keepdims)


@implements("percentile", "nanpercentile")
def percentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    """The same of a hundred."""
    return _at_parts("numpy.percentile", a, q, 100, axis, method, keepdims)


def _at_parts(name: str, a: Any, q: Any, whole: int, axis: Any, method: str, keepdims: bool) -> Any:
    """At parts of a whole of the way, which may be several."""
    if method != "linear":
        refuse(name, f"method: expected 'linear', got {method!r}")
    if not isinstance(q, Tensor) and np.ndim(q):
        parts = [_at_parts(name, a, part, whole, axis, method, keepdims) for part in np.ravel(q).tolist()]
        return f.reshape(f.stack(parts), (*np.shape(q), *parts[0].shape))
    some(name, a, axis)
    axes = tuple(range(a.ndim)) if axis is None else tuple(i % a.ndim for i in np.atleast_1d(axis).tolist())
    kept = [i for i in range(a.ndim) if i not in axes]
    rows = f.reshape(f.permute_dims(a, (*kept, *axes)), (*(a.shape[i] for i in kept), -1))
    found = _between(f.sort(rows, -1), known_number(f"{name}: q", q), whole)
    return f.reshape(found, [1 if i in axes else n for i, n in enumerate(a.shape)]) if keepdims else found


def _between(rows: Any, q: Fraction, whole: int) -> Any:
    """Of rows in order, at q of a whole. The place is worked out as NumPy does, so that its rounding is known."""
    if not 0 <= q <= whole:
        raise ArgumentError(f"numpy.quantile: q: expected a number from 0 to {whole}, got {q}")
    place = q * (rows.shape[-1] - 1) / whole
    low = int(place)
    if low == place:
        return rows[..., low]
    share = rows.context.tensor(q)
    part = (share / whole if whole != 1 else share) * (rows.shape[-1] - 1) - low
    apart = rows[..., low + 1] - rows[..., low]
    return rows[..., low] + apart * part if 2 * (place - low) < 1 else rows[..., low + 1] - apart * (1 - part)


@implements("cov")
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    """The covariances of the rows: of their deviations from the means, over n - 1."""
    rows = _as_rows(m, rowvar)
    if y is not None:
        rows = f.concat([rows, _as_rows(_of(y, m), rowvar)], 0)
    deviations = rows - f.mean(rows, 1, keepdims=True)
    count = rows.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    return f.squeeze(f.matmul(deviations, f.matrix_transpose(deviations)) / count)


def _as_rows(m: Any, rowvar: bool) -> Any:
    rows = m if m.ndim > 1 else f.reshape(m, (1, -1))
    return rows if rowvar or m.ndim < 2 else swapaxes(rows, 0, 1)


@implements("corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """The correlations of the rows."""
    found = cov(x, y, rowvar)
    if not found.ndim:
        return found / found
    sizes = f.sqrt(f.diagonal(found))
    return found / f.outer(sizes, sizes)
