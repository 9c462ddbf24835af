"""Models with real weights, and the scripts that made them. Imported as `scalarspec.examples`."""
