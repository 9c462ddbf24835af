"""One scalar, one file or one folder. Imported as `scalarspec.backends`, and by name by the registry alone."""

if __name__ != "scalarspec.backends":
    raise ImportError(f"import this package as scalarspec.backends, not as {__name__}")
