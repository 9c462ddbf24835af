"""One scalar, one file or one folder. Imported as `scalarspec.backends`, and by name by `core.named_contexts` alone."""

if __name__ != "scalarspec.backends":
    raise ImportError(f"import this package as scalarspec.backends, not as {__name__}")

BUILT_IN = {
    "float64": "scalarspec.backends.float:float64",
    "float32": "scalarspec.backends.float:float32",
    "interval": "scalarspec.backends.interval:interval",
    "interval64": "scalarspec.backends.interval64:interval64",
    "rounding": "scalarspec.backends.rounding:rounding",
    "rational": "scalarspec.backends.rational:RationalContext",
    "symbolic": "scalarspec.backends.symbolic:SymbolicContext",
    "torch": "scalarspec.backends.torch:context",
    "jax": "scalarspec.backends.jax:context",
}
"""Every backend of ours by its name, with what makes its context. A new one is entered here, and nowhere else."""
