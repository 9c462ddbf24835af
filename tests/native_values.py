"""What a context of another library's arrays gives, beside float64: for every operation of the table, in the ways that
conformance calls it, at ordinary, tied and special numbers.
"""

import functools
import itertools
import math

import numpy as np

import scalarspec as ss
from scalarspec.conformance.examples import examples
from scalarspec.core.operations import OPERATIONS, having
from scalarspec.core.tensor import elementwise
from scalarspec.errors import ScalarSpecError

FLOAT64 = ss.context("float64")
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 100.0, -100.0]
OF_NUMBERS = sorted(having(kind="elementwise") - {"pi"})
EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52, "bfloat16": 2.0**-7}
ULPS = 100
"""That two ways to one result may differ by, for numbers about 1 or greater."""
known = functools.cache(lambda operation: tuple(examples(OPERATIONS[operation])))


def value(context, spec, point):
    """The numbers of a spec at a point, as NumPy has them."""
    return np.asarray(spec(*(context.tensor(x) for x in point)), dtype=np.float64)


def rounded(context, point):
    """The numbers of a point as the context has them."""
    return [np.asarray(context.tensor(x), dtype=np.float64) for x in point]


def far(context, found, wanted, scale=1.0):
    """Where two results differ by more than rounding, NaN and infinities included."""
    if found.shape != wanted.shape:
        return True
    wanted = np.asarray(context.tensor(wanted), dtype=np.float64)  # what overflows, does
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        slack = ULPS * EPSILONS[context.format] * np.maximum(scale, np.abs(wanted))
        near = np.isfinite(found) & np.isfinite(wanted) & (np.abs(found - wanted) <= slack)
    return bool(np.any(~(same | near)))


def misses(context, operation):
    """The examples of an operation, with a point, at which a context differs from float64; and how many were tried."""
    found, tried = [], 0
    for i, example in enumerate(known(operation)):
        for point in example.points:
            point = rounded(context, point)
            try:
                wanted = value(FLOAT64, example.spec, point)
            except ScalarSpecError:  # over no elements, some reductions have none
                continue
            tried += 1
            if far(
                context, value(context, example.spec, point), wanted, 1 + max(np.abs(x).max(initial=0) for x in point)
            ):
                found.append((operation, i, point))
    return found, tried


def special_misses(context, operation):
    """The special numbers at which an operation differs from float64."""
    given = list(itertools.product(SPECIAL, repeat=OPERATIONS[operation].operands))
    columns = [np.array(column) for column in zip(*given, strict=True)]
    spec = functools.partial(elementwise, operation)
    wanted, found = value(FLOAT64, spec, columns), value(context, spec, columns)
    sizes = np.max(np.abs(columns), axis=0)
    scales = np.where(np.isfinite(sizes), np.maximum(sizes, 1), 1)
    rows = zip(given, found, wanted, scales, strict=True)
    return [(each, f.item(), w.item()) for each, f, w, s in rows if far(context, f[None], w[None], s)]


def beside_kinks(point):
    """The columns of a point that are far from ties, and from what operations have kinks at."""
    with np.errstate(all="ignore"):
        ratios = [a / b for a, b in itertools.permutations(point, 2)]
        sides = [np.abs(2 * x - np.rint(2 * x)) > 1e-3 for x in (*point, *ratios)]
    kept = np.logical_and.reduce(sides)
    return [x[kept] for x in point]


def gradients(context, operation, native):
    """For the examples of an operation, at a point: the library's own gradients of a weighted sum, and ours in float64.

    native: (function of the library's arrays, NumPy arrays) -> its gradients.
    """
    for example in known(operation):
        for point in example.points[3:4]:
            point = beside_kinks(rounded(context, point)) if example.apart else rounded(context, point)

            def total(*xs, spec=example.spec):
                y = spec(*xs)
                weights = 1 + np.arange(y.size, dtype=np.float64).reshape(y.shape) / 8
                return ss.sum(y * weights)

            places = tuple(range(len(point)))
            try:
                wanted = ss.grad(total, places)(*(FLOAT64.tensor(x) for x in point))
            except ScalarSpecError:
                continue
            found = native(lambda *xs, total=total: total(*map(context.tensor, xs)).value, point)
            yield point, [np.asarray(g, dtype=np.float64) for g in found], [np.asarray(g) for g in wanted]
