"""Rigorous intervals at any precision, by integers. Promise: every result contains the exact real value.

A scalar is four integers (a, e, b, f): the interval [a 2^e, b 2^f]. Why each operation encloses, and where it stands:

    field       + - * square            exact in integers, then one shift: `>>` of Python's integers rounds down
                /                       integer quotient, which rounds down; up is down of the negative
                min max abs relu where  a choice among exact ends
    functions   √                       integer root, and up where there is a remainder
                exp log atan pi         in integers at `guard` extra bits: reduction, tables, series, whose remainders
                                        and roundings are proved step by step in `numbers.series`, `.fixed_point` and
                                        `.angles`; moved outward by as many units as are proved
                erf                     its series of positive terms, term by term as intervals, and a bound of the tail
                expm1 log1p expm1mx     interval evaluation, at a higher precision, at the ends of pieces on which the
                sinh tanh               function is monotone; a Taylor enclosure where the argument is tiny
    context     sin cos tan             in integers as above, at the ends, and the extremes between them
                cosh sigmoid softplus   their definitions, where x occurs once, at a higher precision
                logcosh
                pow                     integer powers exactly; exp(y log x) for a positive base, at a higher precision
    arrays      sums, products          exact in integers, rounded outward once
    bulk        many at once            ends as integers of one unit, on which the same is done; 1 / (1 + e⁻ˣ) by one
                                        exponential and one quotient for each end
    ends        the scalars; points: floats as they came; mpf: what `item()` hands out

So the trust rests on Python's integers, and on texts that can be checked by hand. Of mpmath nothing is used but its
type, for users: its `iv.exp`, `iv.log` and powers can miss the true value. No global state is read or written.

Termination: exponents stay within ±EXPONENT_LIMIT. An end beyond moves outward: to an infinity, to 0, or to the
limit. An angle beyond 2^ANGLE_BITS_LIMIT is not reduced: its sine is [-1, 1]. An infinite end means that no bound is
known; a lower end is never +∞.
"""

from scalarspec.backends.interval.context import IntervalContext, interval

__all__ = ["IntervalContext", "interval"]
