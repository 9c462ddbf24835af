"""Exact and certified arithmetic on numbers and arrays of floats: what a value is, how far a function may be off.

Knows no tensor and no context. May import: `scalarspec.errors`."""
