"""Certificates: proofs of bounds and claims as plain data that `scalarspec.check` checks by itself."""
