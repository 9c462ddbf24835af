"""Faults to inject: results that are one unit in the last place off."""

import numpy as np


def inward(right):
    """Ends one ulp too far in."""

    def wrong(*args):
        ends = right(*args)
        if isinstance(ends, tuple):
            return (np.nextafter(ends[0], -np.inf), *ends[1:])
        return np.nextafter(ends, -np.inf)

    return wrong


def off_by(right, shift):
    """The loop, its results one ulp off."""

    def wrong(*args):
        answer = right(*args)
        args[-1][...] += shift * np.spacing(np.abs(args[-1]))
        return answer

    return wrong
