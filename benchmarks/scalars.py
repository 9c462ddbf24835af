"""The operations of the interval backend beside mpmath's own intervals in NumPy object arrays."""

import mpmath
import numpy as np

import scalarspec as ss

SIZE = 300


def boxes(context, lower, upper):
    """The same boxes for both: our tensor, and an object array of mpmath's intervals."""
    return ss.context("interval").box(lower, upper), np.array(
        [context.mpf([float(a), float(b)]) for a, b in zip(lower, upper, strict=True)], dtype=object
    )


def mapped(function):
    """A function of mpmath's, over an object array."""
    return np.frompyfunc(function, 1, 1)


def rows():
    """name -> (ours, theirs), two functions without arguments."""
    iv = mpmath.ctx_iv.MPIntervalContext()
    rng = np.random.default_rng(0)
    low, positive = rng.normal(size=SIZE), rng.uniform(0.5, 4, size=SIZE)
    x, a = boxes(iv, low, low + rng.uniform(0, 0.2, size=SIZE))
    y, b = boxes(iv, positive, positive + 0.2)
    weights = rng.normal(size=(20, SIZE))
    w, v = ss.context("interval").tensor(weights), np.vectorize(iv.mpf, otypes=[object])(weights)
    return {
        "x + y": (lambda: x + y, lambda: a + b),
        "x - y": (lambda: x - y, lambda: a - b),
        "x * y": (lambda: x * y, lambda: a * b),
        "x / y": (lambda: x / y, lambda: a / b),
        "-x": (lambda: -x, lambda: -a),
        "|x|": (lambda: ss.abs(x), lambda: mapped(abs)(a)),
        "x < y": (lambda: x < y, lambda: a < b),
        "x ** 2": (lambda: x**2, lambda: a**2),
        "x ** 3": (lambda: x**3, lambda: a**3),
        "y ** 1.5": (lambda: y**1.5, lambda: b**1.5),
        "sqrt": (lambda: ss.sqrt(y), lambda: mapped(iv.sqrt)(b)),
        "exp": (lambda: ss.exp(x), lambda: mapped(iv.exp)(a)),
        "log": (lambda: ss.log(y), lambda: mapped(iv.log)(b)),
        "sin": (lambda: ss.sin(x), lambda: mapped(iv.sin)(a)),
        "cos": (lambda: ss.cos(x), lambda: mapped(iv.cos)(a)),
        "tan": (lambda: ss.tan(y), lambda: mapped(iv.tan)(b)),
        "sum": (lambda: ss.sum(x), lambda: a.sum()),
        "W @ x": (lambda: w @ x, lambda: v @ a),
        "KL spec": (
            lambda: ss.mean(ss.exp(x) + ss.square(y) - 1 - x) / 2,
            lambda: (mapped(iv.exp)(a) + b**2 - 1 - a).sum() / SIZE / 2,
        ),
        "MSE spec": (lambda: ss.mean(ss.square(x - y)), lambda: ((a - b) ** 2).sum() / SIZE),
    }
