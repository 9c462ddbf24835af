"""Other libraries' code, read as specs: what NumPy, PyTorch, JAX and array-API code asks of tensors.

    calls                     how a call of a library's function becomes one of ours, or a refusal by name
    masked                    minus infinity, which attention writes for what takes no part
    numpy_code                NumPy's protocols, and the methods of its arrays (numpy_methods); the functions stand in
                              numpy_ufuncs, and in numpy_functions, which has the table, choices, structure, statistics
                              and products; scipy_special has SciPy's
    torch_code                PyTorch's protocol, and its modules as models; the functions stand in torch_functions,
                              which has the table, reductions, structure, nn, images, sequences and losses
    jax_code                  `from_jax`: a JAX function, traced once, as a spec; and JAX functions as they come to jobs
    jax_program               what a trace says, as plain data that travels to other processes
    jax_patterns              compositions in it that are one function of ours
    jax_walk                  the evaluation of a program in the context of its arguments
    jax_primitives            the table: a primitive of JAX and what it is in functions of ours, or why it is refused;
                              its rules stand in jax_structure, jax_sums and jax_control, those of integers, truths and
                              constants in jax_known, of infinities in jax_infinities
    jax_values                what its variables hold: tensors, truths, known arrays

Nothing here computes: each function is said in those of `core`, with the other library's names, defaults and values.
A module is imported when its library first asks. May import: `activation`, `loss`, `layers`, and what they may.
"""
