"""Exact rationals by `fractions.Fraction`. Promise: every result is the exact real number, or a refusal.

The elementary functions are irrational at every rational argument but a few (Lindemann and Weierstrass); those few
are known here, and the rest are refused: there is no rational to return.

    context     the scalars: Fractions, and the arguments at which functions are rational
    ratios      many rationals as integers over one denominator, which floats always have (a power of two)
    arrays      these in bulk; numbers without a moderate common denominator stay an object array of Fractions

Matrix products are exact products of integers (`numbers.integers`).
"""

from scalarspec.backends.rational.context import RationalContext

__all__ = ["RationalContext"]
