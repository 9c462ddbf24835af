"""The methods that NumPy's arrays have, of tensors and truths."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.frontends.calls import DTYPE, IN_PLACE, PLACES, Handler, number, refusal, refuse
from scalarspec.frontends.numpy import choices as choices
from scalarspec.frontends.numpy import products as products
from scalarspec.frontends.numpy import statistics as statistics
from scalarspec.frontends.numpy import structure as structure


def _shaped(a: Any, *shape: Any, order: str = "C") -> Any:
    return structure.reshape(a, shape[0] if len(shape) == 1 else shape, order)


def _permuted(a: Any, *axes: Any) -> Any:
    return structure.transpose(a, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None)


def _converted(a: Any, dtype: Any, **how: Any) -> Any:
    """Truths as numbers; numbers have no format that could be another one."""
    if isinstance(a, Truth):
        return a if dtype in (bool, np.bool_, "bool") else a.numbers()
    return refuse("numpy.ndarray.astype", DTYPE)


METHODS: dict[str, Handler] = {
    "sum": statistics.total, "prod": statistics.product, "mean": statistics.mean, "var": statistics.var,
    "std": statistics.std, "max": statistics.largest, "min": statistics.smallest, "ptp": statistics.peak_to_peak,
    "all": statistics.every, "any": statistics.some_of, "cumsum": statistics.running_sum,
    "cumprod": statistics.running_product, "argmax": choices.argmax, "argmin": choices.argmin,
    "argsort": choices.argsort, "searchsorted": choices.searchsorted, "reshape": _shaped,
    "ravel": structure.ravel, "flatten": structure.flatten, "transpose": _permuted, "swapaxes": structure.swapaxes,
    "squeeze": f.squeeze, "repeat": lambda a, repeats, axis=None: f.repeat(a, repeats, axis),
    "take": structure.take,
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: structure.diagonal(a, offset, axis1, axis2),
    "trace": lambda a, offset=0, axis1=0, axis2=1: f.sum(structure.diagonal(a, offset, axis1, axis2), -1),
    "dot": products.dot, "clip": choices.clip, "round": structure.rounded, "copy": structure.copy,
    "conj": structure.same, "conjugate": structure.same,
    "astype": _converted, "nonzero": refusal(PLACES), "tobytes": refusal(DTYPE),
    **dict.fromkeys(("sort", "fill", "put", "itemset", "partition", "resize", "setfield"), refusal(IN_PLACE)),
}  # fmt: skip
"""By name, functions whose first argument is the tensor."""
PROPERTIES: dict[str, Handler] = {
    "real": structure.same,
    "imag": structure.imag,
    "flat": lambda a: f.reshape(a, (-1,)),
}
OF_TRUTHS = {
    "astype",
    "reshape",
    "ravel",
    "flatten",
    "transpose",
    "swapaxes",
    "squeeze",
    "take",
    "copy",
    "repeat",
    "all",
    "any",
}
"""What truths do as truths; all else they do as the numbers 1 and 0."""


def receiver(t: Tensor | Truth, name: str) -> Any:
    """The tensor that a method is asked of: of truths, the numbers 1 and 0 for what counts."""
    return number(t) if isinstance(t, Truth) and name not in OF_TRUTHS else t
