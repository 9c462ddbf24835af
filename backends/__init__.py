"""One file, one scalar. Imported as `scalarspec.backends`; nothing else imports a backend by name but the registry."""

if __name__ != "scalarspec.backends":
    raise ImportError(f"import this package as scalarspec.backends, not as {__name__}")
