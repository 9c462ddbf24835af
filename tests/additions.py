"""Four operations that a newcomer might add: their lines of the table, definitions and rules."""

import math
from fractions import Fraction

import numpy as np

from scalarspec import extend
from scalarspec.core import functions as f
from scalarspec.core.applied import applied


def _floor(context, x):
    """The greatest integer that is not above x: of a set, the hull of what its members have."""
    if context.encloses:
        low, high = context.endpoints(x)
        return context.enclose(math.floor(low), math.floor(high))
    return np.floor(x) if context.rounds else context.literal(Fraction(math.floor(context.exact_value(x))))


def _gelu(context, x):
    """x Φ(x), with the normal distribution's Φ by erf (Hendrycks & Gimpel 2016)."""
    half = context.literal(Fraction(1, 2))
    spread = context.erf(context.multiply(x, context.sqrt(half)))
    return context.multiply(context.multiply(half, x), context.add(context.literal(Fraction(1)), spread))


def _gelu_rule(g, y, x):
    root = f.sqrt(f.pi(x.context) * 2)
    return (lambda: g * ((1 + f.erf(x / f.sqrt(x.context.tensor(2)))) / 2 + x * f.exp(-f.square(x) / 2) / root),)


def _flip(arrays, x, axis):
    """The elements in the other order, along some axes."""
    return arrays.restructured(lambda a: np.flip(a, axis), x)


def _flipped_batch(batch, operation, shape, operands, axis):
    return batch.inner.apply(operation, operands[0].value, axis=tuple(a + 1 for a in axis))


def _greatest(arrays, x, axis, counts):
    """The greatest element along some axes."""
    return arrays.folded("maximum", x, axis, counts)


def _same(operands, parameters):
    return operands[0]


FLOOR = extend.Operation("own_floor", "elementwise", 1, "step", "step", None, "always")
GELU = extend.Operation("own_gelu", "elementwise", 1, "free", "composed", "nowhere", "sometimes")
FLIP = extend.Operation(
    "flip", "structure", 1, "linear", "exact", "nowhere", "always", parameters=("axis",), shape=_same
)
MAX = extend.Operation("own_max", "reduction", 1, "free", "choice", None, "always", parameters=("axis", "counts"))

ADDITIONS = {
    "own_floor": (FLOOR, _floor, {"vjp": lambda g, y, x: (lambda: 0 * g,)}),
    "own_gelu": (GELU, _gelu, {"vjp": _gelu_rule}),
    "flip": (
        FLIP,
        _flip,
        {"vjp": lambda g, y, x, axis: (lambda: _flip_tensor(g, axis),), "batching": _flipped_batch},
    ),
    "own_max": (MAX, _greatest, {}),
}
"""By name: the line, the definition, and the rules."""


def _flip_tensor(g, axis):
    return applied("flip", g, axis=axis)


def concat(arrays, *values, axis, counts):
    """The values one after the other along an axis, each as long as its count: a stack of all that they hold."""
    before = (slice(None),) * axis
    parts = [
        arrays.apply("getitem", v, index=(*before, i)) for v, n in zip(values, counts, strict=True) for i in range(n)
    ]
    return arrays.apply("stack", *parts, axis=axis)


def _joined(operands, parameters):
    axis, first = parameters["axis"], operands[0]
    return extend.Shape((*first[:axis], sum(shape[axis] for shape in operands), *first[axis + 1 :]))


CONCAT = extend.Operation("own_concat", "structure", None, parameters=("axis", "counts"), shape=_joined, defined=True)

SHAPED = {
    "own_concat": [
        (lambda x, y: applied("own_concat", x, y, axis=0, counts=(2, 3)), [(2,), (3,)]),
        (lambda x, y: applied("own_concat", x, y, axis=1, counts=(1, 2)), [(2, 1), (2, 2)]),
    ],
    "flip": [
        (lambda x: applied("flip", x, axis=(0,)), [(3,)]),
        (lambda x: applied("flip", x, axis=(1,)), [(2, 3)]),
    ],
}
"""How those are called whose parameters nobody could guess."""
