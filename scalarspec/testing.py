"""Assertions for test suites: a float implementation is the spec, to within some ulps, with a certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scalarspec.core.tensor import Tensor
from scalarspec.numbers.formats import FormatLike
from scalarspec.rounding_errors.crosscheck import Crosscheck, crosscheck


def assert_matches(
    actual: Any, spec: Callable[..., Tensor], *args: Any, max_ulps: Any, dtype: FormatLike | None = None
) -> Crosscheck:
    """Raises AssertionError unless every element of `actual` is proved to be within `max_ulps` of the exact value.

    actual: the result, or a function of `args` that gives it, or a mapping from stages of the spec to values, as
    `crosscheck` takes it; args: the arguments of the spec; max_ulps: how many ulps of the result's format are allowed;
    dtype: that format, where it is not the result's own.
    Returns the cross-check, whose report is also the message. Where `numpy.testing.assert_allclose(actual, desired,
    rtol, atol)` compares two results that are both rounded, this one compares one with the exact value, in ulps of its
    own format, and guesses no tolerance: `ss.crosscheck` says how many are usual.

        def test_kl():
            assert_matches(my_kl, latent.diagonal_gaussian_kl_to_standard, mu, logvar, max_ulps=8)
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    found = crosscheck(spec, *args, actual=actual, dtype=dtype, max_ulps=max_ulps)
    if not found.within(max_ulps):
        proved = "is proved to err by more than" if found.min_ulps > max_ulps else "is not proved to be within"
        raise AssertionError(f"{_name(actual)} {proved} {max_ulps} ulps of {_name(spec)}\n{found}")
    return found


def _name(thing: Any) -> str:
    """What the message calls a function."""
    return getattr(thing, "__name__", "the actual result")
