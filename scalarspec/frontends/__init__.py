"""Other libraries' code, read as specs: what NumPy, PyTorch, JAX and array-API code asks of tensors.

    calls       how a call of a library's function becomes one of ours, or a refusal by name
    masked      minus infinity, which attention writes for what takes no part
    numpy       NumPy's protocols, functions and methods, and SciPy's special functions
    torch       PyTorch's protocol, functions and methods, and its modules as models; `from_torch`: by their exports
    jax         `from_jax`: functions of JAX, by their traces
    array_api   `x.__array_namespace__()`: the functions of the array API
    onnx        `from_onnx`: networks from ONNX files; `to_onnx`: specs as ONNX models
    weights     `load_weights`: weights from files into models
    fpcore      `from_fpcore`: cores of FPBench

Nothing here computes: each function is said in those of `core`, with the other library's names, defaults and values.
A room is imported when its library first asks. May import: `activation`, `loss`, `layers`, and what they may.
"""
