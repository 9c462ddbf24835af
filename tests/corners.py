"""Linear bounds against the values at the corners of a small box."""

from fractions import Fraction

import numpy as np

import scalarspec as ss

PRECISE = ss.context("interval", prec=120)


def corners_outside(spec, radius=Fraction(1, 2**20)):
    """How many of the values at the corners of a small box lie outside of the linear bounds."""
    x, y = [Fraction(1, 4), Fraction(-3, 4)], [Fraction(1, 2), Fraction(-1, 8)]
    vary = {"x": ss.ball(radius), "y": ss.ball(radius)}
    found = ss.bounds(spec, *(np.array(a, dtype=object) for a in (x, y)), vary=vary, method="linear")
    wrong = 0
    for signs in np.ndindex(2, 2, 2, 2):
        moved = [v + (2 * s - 1) * radius for v, s in zip([*x, *y], signs, strict=True)]
        low, high = ss.endpoints(spec(PRECISE.tensor(moved[:2]), PRECISE.tensor(moved[2:])))
        wrong += bool(high[()] < found.lower or low[()] > found.upper)
    return wrong
