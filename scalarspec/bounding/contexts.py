"""The two contexts that bounds are worked out in."""

from scalarspec.core.named_contexts import context as named_context

FLOAT = named_context("float64")
"""For what need not be right: points to try, and middles to expand around."""
INTERVALS = named_context("interval64", fast=False)
"""For what must be: to compile its loops would take longer than a few calls do."""
