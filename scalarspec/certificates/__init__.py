"""Certificates: proofs of bounds and claims as plain data that `scalarspec.check` checks by itself."""

from scalarspec.certificates.writing import write

__all__ = ["write"]
