"""Floats held against exact arithmetic: at a point (`crosscheck`), before they are run (`tolerance`, `ranges`).

May import: `bounding`, `tracing`, `core`, `numbers`."""
