"""Specs as formulas: elementwise (`derive`) and of whole tensors (`matrix`), with the programs and texts that say them.

May import: `tracing`, `core`, `numbers`."""
