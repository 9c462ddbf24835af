"""Contexts around a context, and what they record: batches, tapes, gradients, prepared calls.

May import: `core`, `numbers`."""
