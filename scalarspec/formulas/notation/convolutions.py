"""Convolutions as papers write them: W ∗ x, for the product of W and the windows of x."""

from __future__ import annotations

from math import prod
from typing import Any

from scalarspec.formulas.term import Term

CONVOLUTION = "convolution"
"""What such a product is called in the tables of patterns."""


def convolution(term: Term) -> Term | None:
    """W ∗ x, where a term is the product of W and the windows of x, as matrices, in the shape of the result; else None.

    That is how `core.convolutions` makes one. The parameters are its stride, dilation and padding.
    """
    product = term.operands[0] if term.operation == "reshape" else term
    if product.operation != "matmul" or any(x.operation != "reshape" for x in product.operands):
        return None
    w, seen = (x.operands[0] for x in product.operands)
    if seen.operation != "patches" or not _is_product_of(product, w, seen):
        return None
    x, padding = _unpadded(seen.operands[0], len(seen.parameters["kernel"]))
    out = (w.shape[0], *seen.shape[-len(seen.parameters["kernel"]) :])
    if x.operation == "reshape" and term.shape == out and x.shape == (1, *x.operands[0].shape):
        x = x.operands[0]
    elif term.shape != (x.shape[0], *out):
        return None
    steps = {name: seen.parameters[name] for name in ("stride", "dilation")}
    return Term(CONVOLUTION, (w, x), {**steps, "padding": padding}, term.shape)


def _is_product_of(product: Term, w: Term, seen: Term) -> bool:
    """Are the operands all of W in rows, and all windows, over all channels, in columns?"""
    kernel = tuple(seen.parameters["kernel"])
    n, channels = seen.shape[: -2 * len(kernel)] if len(seen.shape) == 2 * len(kernel) + 2 else (0, 0)
    rows, columns = product.operands
    depth = channels * prod(kernel)
    fits = w.shape[1:] == (channels, *kernel) and rows.shape == (*w.shape[:1], depth)
    return fits and columns.shape == (n, depth, prod(seen.shape[-len(kernel) :]))


def _unpadded(x: Term, d: int) -> tuple[Term, tuple[tuple[int, int], ...]]:
    """x without zeros around its last axes, and how many there were."""
    index: tuple[Any, ...] = x.parameters["index"] if x.operation == "scatter" else ()
    plain = len(index) == len(x.shape) and all(isinstance(k, slice) and k.step is None for k in index)
    if not plain or any(k != slice(None) for k in index[:-d]) or None in [k.start for k in index[-d:]]:
        return x, ((0, 0),) * d
    return x.operands[0], tuple((k.start, n - k.stop) for k, n in zip(index[-d:], x.shape[-d:], strict=True))
