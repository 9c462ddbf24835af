"""Enclosures of a spec over a box: one evaluation, mean values, linear bounds, branch and bound, and claims by them.

May import: `tracing`, `core`, `numbers`."""
