"""The models of the library, a file each: pure functions on parameters that are frozen dataclasses.

Parameters are NumPy arrays or tensors; `ss.lift(model, context)` carries them to a context. Each function is a spec,
and names its stages, which `crosscheck` and `derive` show.
"""
