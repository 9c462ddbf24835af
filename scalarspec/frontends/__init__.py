"""Other libraries' code, read as specs: what NumPy, PyTorch, JAX and array-API code asks of tensors.

    calls                     how a call of a library's function becomes one of ours, or a refusal by name
    masked                    minus infinity, which attention writes for what takes no part
    numpy_code                NumPy's protocols, and the methods of its arrays (numpy_methods); the functions stand in
                              numpy_ufuncs, and in numpy_functions, which has the table, choices, structure, statistics
                              and products; scipy_special has SciPy's
    torch_code                PyTorch's protocol, and its modules as models; the functions stand in torch_functions,
                              which has the table, reductions, structure, nn, images, sequences and losses

Nothing here computes: each function is said in those of `core`, with the other library's names, defaults and values.
A module is imported when its library first asks. May import: `activation`, `loss`, `layers`, and what they may.
"""
