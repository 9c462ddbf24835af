"""Floats of any format, emulated in float64: the equations of a spec by NumPy, as unkindly as the promise allows.

Each result is worked out in float64 and rounded to the format, which for sums, products, quotients and roots of formats
of 24 bits or less is as if it were rounded once (Figueroa 1995); library functions are then moved by as many ulps as
they may be off; sums are added in a random order and association, in the accumulator's format.
"""

import math
from itertools import accumulate

import numpy as np

from scalarspec.core import windows
from scalarspec.core.arguments import call
from scalarspec.core.definitions import by_definition
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import OPERATIONS, having
from scalarspec.core.shape import Shape
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.tape import Outline

NUMPY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "negative": np.negative,
    "reciprocal": lambda x: 1 / x, "square": np.square, "sqrt": np.sqrt, "pow": np.power, "exp": np.exp,
    "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0),
    "erf": np.vectorize(math.erf, otypes=[float]), "abs": np.abs, "maximum": np.maximum, "minimum": np.minimum,
    "heaviside": lambda x: np.heaviside(x, 0), "sign": np.sign, "less": np.less, "less_equal": np.less_equal,
    "equal": np.equal, "logical_not": np.logical_not, "logical_and": np.logical_and, "logical_or": np.logical_or,
    "where": np.where, "leaky_relu": lambda x, s: np.where(x > 0, x, s * x),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint, "hypot": np.hypot, "cbrt": np.cbrt,
    "log2": np.log2, "log10": np.log10, "asin": np.arcsin, "acos": np.arccos, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "erfc": np.vectorize(math.erfc, otypes=[float]), "pi": lambda: np.pi,
    "lgamma": np.vectorize(lambda x: math.lgamma(x) if x < 1e300 else math.inf, otypes=[float]),
    "reshape": np.reshape, "broadcast_to": np.broadcast_to, "matrix_transpose": lambda x: np.swapaxes(x, -1, -2),
    "getitem": lambda x, index: x[index], "stack": lambda *xs, axis=0: np.stack(xs, axis),
    "concat": lambda *xs, axis: np.concatenate(xs, axis), "permute_dims": np.transpose, "patches": windows.windows,
    "max": lambda x, axis, counts: np.max(x, axis=axis), "min": lambda x, axis, counts: np.min(x, axis=axis),
}  # fmt: skip
"""What is done in float64 before it is rounded."""
LIBRARY, ROUNDED = having(floats="library"), having(floats="rounded")


def rounded(x, form):
    """The nearest numbers of a format, ties to even; beyond its range infinities, or NaN."""
    if form.precision == 53:
        return np.asarray(x, dtype=float)
    _, exponent = np.frexp(x)
    unit = np.ldexp(1.0, np.maximum(exponent - form.precision, form.emin - form.precision + 1))
    nearest = np.where(np.isfinite(x), np.rint(x / unit) * unit, x)
    beyond = np.copysign(np.inf, nearest) if form.infinities else np.full_like(nearest, np.nan)
    return np.where(np.abs(nearest) > float(form.largest), beyond, nearest)


class Emulator:
    """Floats of `form`, sums in `sums`, library functions within `libm` ulps; `source`: of what is left open."""

    def __init__(self, form, sums, libm, source):
        self.form, self.sums, self.libm, self.source = form, sums, libm, source

    def evaluate(self, spec, columns):
        """The results for a batch. columns: arrays of shape (count, *shape), numbers of the format."""
        context = named_context("float64")
        tape = Outline(context)
        inputs = [tape.variable(context.tensor(column)) for column in columns]
        batch = BatchedContext(tape, len(columns[0]))
        result = call(spec, [batch.rows(t) for t in inputs], batch)
        value = batch.arrays.materialize(result.value)
        known = dict(zip((t.value for t in inputs), columns, strict=True))

        def read(x):  # literals of the spec are rounded to the format
            return known[x] if x in known else self._literal(x.value)

        with np.errstate(all="ignore"):
            for eqn in tape.arrays.equations:
                known[eqn.result] = self.apply(eqn, [read(x) for x in eqn.operands])
            return read(value)

    def _literal(self, value):
        return rounded(value, self.form) if np.asarray(value).dtype != bool else value

    def apply(self, eqn, operands):
        """One operation."""
        return self.done(eqn.operation, *operands, **eqn.parameters)

    def done(self, operation, *operands, **parameters):
        """An operation: in a way of its own, by NumPy, or each step of its definition."""
        own = getattr(self, operation, None)
        if own is not None:
            return own(*operands, **parameters)
        if operation not in NUMPY:
            return by_definition(operation, *operands, apply=self.done, number=lambda n: rounded(float(n), self.form))
        value = NUMPY[operation](*operands, **parameters)
        if operation in LIBRARY:
            return self.library(value, OPERATIONS[operation].range[0])
        return rounded(value, self.form) if operation in ROUNDED else value

    def library(self, value, least=-np.inf):
        """A value that NumPy has in float64, as a library gives it that is off by as much as it may be."""
        ulps = self.libm - (0.5 if self.form.precision < 53 else 1.5)
        if ulps < 1:
            return rounded(value, self.form)
        _, exponent = np.frexp(np.nextafter(value, 0))  # at a power of two the smaller ulp counts
        unit = np.where(value == 0, 0, np.ldexp(1.0, np.maximum(exponent, self.form.emin + 1) - self.form.precision))
        moved = rounded(value, self.form) + self.source.choice([-1, 0, 1], np.shape(value)) * int(ulps) * unit
        moved = rounded(np.maximum(moved, least), self.form)
        return np.where(np.abs(moved - value) <= (self.libm - 2**-30) * unit, moved, rounded(value, self.form))

    # ---- formulas ---------------------------------------------------------------------------------------------------

    def step(self, operation, *operands):
        value = NUMPY[operation](*operands)
        return (
            self.library(value, OPERATIONS[operation].range[0]) if operation in LIBRARY else rounded(value, self.form)
        )

    def gelu(self, x):
        """By erfc, or by 1 + erf, which cancels."""
        t = rounded(x * rounded(math.sqrt(0.5), self.form), self.form)
        if self.source.random() < 0.5:
            return rounded(x * self.step("erfc", -t), self.form) / 2
        return rounded(x * self.step("add", 1.0, self.step("erf", t)), self.form) / 2

    def sigmoid(self, x):
        return self.step("divide", 1.0, self.step("add", 1.0, self.step("exp", -x)))

    def softplus(self, x):
        return self.step("add", np.maximum(x, 0), self.step("log1p", self.step("exp", -np.abs(x))))

    def logcosh(self, x):
        half, size = self.step("sinh", rounded(x / 2, self.form)), np.abs(x)
        near = self.step("log1p", rounded(2 * rounded(half * half, self.form), self.form))
        far = self.step("add", size, self.step("log1p", self.step("exp", rounded(-2 * size, self.form))))
        return np.where(size < 1, near, self.step("subtract", far, rounded(np.log(2), self.form)))

    def expm1mx(self, x):
        return self.step("subtract", self.step("expm1", x), x)

    # ---- sums -------------------------------------------------------------------------------------------------------

    def added(self, terms):
        """The sum along the last axis, in the accumulator."""
        terms = self.source.permutation(terms, axis=-1)
        one_by_one = self.source.random() < 0.5
        while terms.shape[-1] > 1:
            if one_by_one:
                head = rounded(terms[..., 0] + terms[..., 1], self.sums)
                terms = np.concatenate([head[..., None], terms[..., 2:]], axis=-1)
            else:
                even = terms.shape[-1] // 2 * 2
                pairs = rounded(terms[..., 0:even:2] + terms[..., 1:even:2], self.sums)
                terms = np.concatenate([pairs, terms[..., even:]], axis=-1)
        return terms[..., 0] if terms.shape[-1] else np.zeros(terms.shape[:-1])

    def stored(self, x):
        return rounded(x, self.form)

    def sum(self, x, axis):
        return self.stored(self.added(_last(x, axis)))

    def mean(self, x, axis, count):
        return self.stored(rounded(self.added(_last(x, axis)) / max(count, 1), self.sums))

    def mean_square(self, x, axis, count):
        return self.stored(
            rounded(self.added(rounded(np.square(_last(x, axis)), self.sums)) / max(count, 1), self.sums)
        )

    def logsumexp(self, x, axis):
        x = _last(x, axis)
        if x.shape[-1] == 2 and self.source.random() < 0.5:
            apart = self.step("log1p", self.step("exp", -self.step("abs", self.step("subtract", x[..., 0], x[..., 1]))))
            return self.step("add", np.max(x, axis=-1), apart)
        greatest = np.max(x, axis=-1, keepdims=True)
        powers = self.step("exp", self.step("subtract", x, greatest))
        return self.step("add", greatest[..., 0], self.step("log", self.stored(self.added(powers))))

    def cumulative_sum(self, x, axis):
        """One by one, or each prefix in an order of its own."""
        rows = np.moveaxis(x, axis[0], -1)
        if self.source.random() < 0.5:
            found = list(accumulate(np.moveaxis(rows, -1, 0), lambda a, b: rounded(a + b, self.sums)))
        else:
            found = [self.added(rows[..., : k + 1]) for k in range(rows.shape[-1])]
        sums = np.stack(found, axis=-1) if found else rows
        return self.stored(np.moveaxis(sums, -1, axis[0]))

    def fold(self, x, stride, dilation, size):
        """What comes to each place, in an order of its own."""
        d = len(size)
        kernel, number = x.shape[x.ndim - 2 * d : x.ndim - d], x.shape[x.ndim - d :]
        parts = []
        for place in np.ndindex(*kernel):
            part = np.zeros((*x.shape[: x.ndim - 2 * d], *size))
            part[(..., *windows.covered(place, number, stride, dilation))] = x[(..., *place, *[slice(None)] * d)]
            parts.append(part)
        return self.stored(self.added(np.stack(parts, axis=-1)))

    def scatter(self, x, index, shape):
        result = np.zeros(shape)
        result[(*index, ...)] = x
        return result

    # ---- shares of exponentials -------------------------------------------------------------------------------------

    def softmax(self, x, axis, mask):
        """A quotient, or the product with a reciprocal; all of it in the format, or in the accumulator's."""
        taken = np.broadcast_to(True if mask is None else mask, x.shape)
        within = self._anywhere()
        _, powers = within._shifted(x, axis, taken)
        whole = within._whole(powers, axis)
        if self.source.random() < 0.5:
            shares = within.step("divide", powers, whole)
        else:
            shares = within.step("multiply", powers, within.step("reciprocal", whole))
        return np.where(taken, self.stored(shares), 0.0)

    def log_softmax(self, x, axis):
        within = self._anywhere()
        shifted, powers = within._shifted(x, axis, True)
        return self.stored(within.step("subtract", shifted, within.step("log", within._whole(powers, axis))))

    def _anywhere(self):
        """Floats of the format, or of that of the sums."""
        form = self.sums if self.source.random() < 0.3 else self.form
        return Emulator(form, self.sums, self.libm, self.source)

    def _shifted(self, x, axis, taken):
        """Below the greatest element, and the exponentials of that."""
        greatest = np.max(x, axis=axis, keepdims=True, initial=-np.inf, where=taken)
        shifted = self.step("subtract", np.where(taken, x, greatest), greatest)
        return shifted, np.where(taken, self.step("exp", shifted), 0.0)

    def _whole(self, powers, axis):
        whole = self.added(np.moveaxis(powers, axis[0], -1))
        return np.expand_dims(whole if self.source.random() < 0.3 else self.stored(whole), axis)

    # ---- products ---------------------------------------------------------------------------------------------------

    def matmul(self, a, b):
        return self.stored(self._product(a, b))

    def affine(self, weight, x, bias):
        return self._with_bias(self._product(weight, x), bias)

    def affine_rows(self, weight, x, bias, shape):
        return self._with_bias(self._product(x, np.swapaxes(weight, -1, -2)), bias)

    def _with_bias(self, product, bias):
        if self.source.random() < 0.5:
            return rounded(self.stored(product) + bias, self.form)
        return self.stored(rounded(product + bias, self.sums))

    def _product(self, a, b):
        rows, columns = a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None]
        terms = rounded(rows[..., :, None, :] * np.swapaxes(columns, -1, -2)[..., None, :, :], self.sums)
        found = self.added(terms)
        return found.reshape((*found.shape[:-2], *a.shape[:-1][-1:], *(b.shape[-1:] if b.ndim > 1 else ())))


def _last(x, axis):
    """The axes of a reduction as one, the last."""
    kept = [i for i in range(x.ndim) if i not in axis]
    return np.transpose(x, [*kept, *axis]).reshape([x.shape[i] for i in kept] + [Shape(x.shape[i] for i in axis).size])
