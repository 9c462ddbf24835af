"""Exact and certified arithmetic on numbers and arrays of floats: what a value is, how far a function may be off.

And arrays as they lie in .npz files.

Knows no tensor and no context. May import: `scalarspec.errors`."""
