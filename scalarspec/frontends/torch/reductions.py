"""PyTorch's reductions, what runs along an axis, and orders."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core import order
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ScalarSpecError
from scalarspec.frontends.calls import Handler, counted, number, refusal, refuse, truth
from scalarspec.frontends.numpy import products as products
from scalarspec.frontends.numpy import statistics as statistics
from scalarspec.frontends.numpy import ufuncs as ufuncs
from scalarspec.frontends.torch.functions import FUNCTIONS, axes_of, implements


@implements("sum", "nansum")
def sum_(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return f.sum(number(input), axes_of(dim), keepdim)


@implements("mean", "nanmean")
def mean(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    statistics.some("torch.mean", input, axes_of(dim))
    return f.mean(input, axes_of(dim), keepdim)


@implements("prod")
def prod(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return f.prod(input, dim, keepdim)


@implements("amax")
def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    return f.max(input, axes_of(dim), keepdim)


@implements("amin")
def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    return f.min(input, axes_of(dim), keepdim)


class Found(SimpleNamespace):
    """Values and the places where they stand, of which the latter are looked for when they are asked for."""

    def __init__(self, values: Any, places: Callable[[], Any]) -> None:
        super().__init__(values=values)
        self.places = places

    @property
    def indices(self) -> Any:
        """The places, as a tensor of PyTorch's. Raises Undecided where boxes allow several."""
        import torch

        found = self.places()
        return torch.from_numpy(np.array(found)) if isinstance(found, np.ndarray) else found

    def __iter__(self) -> Any:
        yield self.values
        try:
            yield self.indices
        except ScalarSpecError:  # which is told where something is done with them
            yield _Later(self.places)

    def __getitem__(self, i: int) -> Any:
        return tuple(self)[i]

    def __len__(self) -> int:
        return 2


class _Later:
    """Places that are not looked for until something is done with them."""

    def __init__(self, places: Callable[[], Any]) -> None:
        self._places = places

    def __getattr__(self, name: str) -> Any:
        return getattr(self._places(), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self._places(), dtype=dtype)

    def __index__(self) -> int:
        return int(self._places())


def _extreme(values: Handler, both: Handler, places: Handler) -> Handler:
    """`max`, or `min`: of all elements; along an axis, with the places; or of two tensors, element by element."""

    def extreme(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        other = dim if isinstance(dim, Tensor) or not (dim is None or isinstance(dim, int)) else other
        if other is not None:
            return both(input, other)
        if dim is None:
            return values(input)
        return Found(values(input, dim, keepdim), lambda: places(input, dim, keepdim))

    return extreme


FUNCTIONS["max"] = _extreme(f.max, f.maximum, order.argmax)
FUNCTIONS["min"] = _extreme(f.min, f.minimum, order.argmin)


def _correction(unbiased: Any, correction: Any) -> int:
    """What the number of elements is less by: by itself 1."""
    return (
        int(unbiased) if correction is None and unbiased is not None else 1 if correction is None else int(correction)
    )


def _spread(input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return f.var(input, axes_of(dim), _correction(unbiased, correction), keepdim)


@implements("var")
def var(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The variance, over n - 1 unless something else is said."""
    return _spread(input, dim, unbiased, keepdim, correction)


@implements("std")
def std(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    return f.sqrt(_spread(input, dim, unbiased, keepdim, correction))


@implements("var_mean")
def var_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    return _spread(input, dim, unbiased, keepdim, correction), f.mean(input, axes_of(dim), keepdim)


@implements("std_mean")
def std_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    return f.sqrt(_spread(input, dim, unbiased, keepdim, correction)), f.mean(input, axes_of(dim), keepdim)


@implements("all")
def all_(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return f.all(truth(input), axes_of(dim), keepdim)


@implements("any")
def any_(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return f.any(truth(input), axes_of(dim), keepdim)


@implements("logsumexp", "special_logsumexp")
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    return f.logsumexp(input, axes_of(dim), keepdim)


@implements("softmax", "special_softmax", "_softmax")
def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3) -> Any:
    return f.softmax(input, _softmax_axis(input, dim))


@implements("log_softmax", "special_log_softmax")
def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3) -> Any:
    return f.log_softmax(input, _softmax_axis(input, dim))


def _softmax_axis(t: Any, dim: int | None) -> int:
    """PyTorch's own choice where none is made: 0 for 0, 1 and 3 axes, else 1."""
    return dim if dim is not None else 0 if t.ndim in (0, 1, 3) else 1


@implements("softmin")
def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3) -> Any:
    return f.softmax(f.negative(input), _softmax_axis(input, dim))


@implements("median", "nanmedian")
def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower one of two middle elements, which NumPy would take the mean of."""
    if dim is not None:
        refuse("torch.median", "it is followed for all elements; sort along the axis and take the middle one")
    return f.sort(f.reshape(input, (-1,)), 0)[(input.size - 1) // 2]


@implements("quantile", "nanquantile")
def quantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    return statistics.quantile(input, q, dim, method=interpolation, keepdims=keepdim)


@implements("norm")
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    """Of all elements of the flattened tensor, or along axes."""
    return products.vector_norm(input, 2 if p in ("fro", None) else p, axes_of(dim), keepdim)


@implements("linalg_norm")
def linalg_norm(input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    return products.norm(input, ord, axes_of(dim), keepdim)


@implements("linalg_vector_norm")
def linalg_vector_norm(input: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    return products.vector_norm(input, ord, axes_of(dim), keepdim)


@implements("linalg_matrix_norm")
def linalg_matrix_norm(input: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    return products.matrix_norm(input, ord, axes_of(dim), keepdim)


@implements("cumsum")
def cumsum(input: Any, dim: int) -> Any:
    return f.cumulative_sum(number(input), dim)


@implements("cumprod")
def cumprod(input: Any, dim: int) -> Any:
    return f.cumulative_prod(input, dim)


@implements("cummax")
def cummax(input: Any, dim: int) -> Any:
    return Found(ufuncs.running(f.maximum, input, dim), refusal("the places of running extremes are not followed"))


@implements("cummin")
def cummin(input: Any, dim: int) -> Any:
    return Found(ufuncs.running(f.minimum, input, dim), refusal("the places of running extremes are not followed"))


@implements("logcumsumexp")
def logcumsumexp(input: Any, dim: int) -> Any:
    return ufuncs.running(f.logaddexp, input, dim)


@implements("diff")
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    return f.diff(counted("torch.diff", input)[0], dim, n, prepend, append)


@implements("trapezoid", "trapz")
def trapezoid(y: Any, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Any:
    return statistics.trapezoid(y, x, dx, dim)


# ---- order ---


@implements("argmax")
def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return order.argmax(number(input), dim, keepdim)


@implements("argmin")
def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return order.argmin(number(input), dim, keepdim)


@implements("argsort")
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    return order.argsort(input, dim, descending)


@implements("msort")
def msort(input: Any) -> Any:
    return f.sort(input, 0)


@implements("sort")
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    return Found(f.sort(input, dim, descending), lambda: order.argsort(input, dim, descending))


@implements("topk")
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    best = order.top_k(input if largest else f.negative(input), k, dim)
    return Found(best.values if largest else f.negative(best.values), lambda: best.indices)


@implements("kthvalue")
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    rows = f.moveaxis(f.sort(input, dim), dim, -1)[..., k - 1]
    return Found(f.expand_dims(rows, dim) if keepdim else rows, refusal("its places are not followed"))
