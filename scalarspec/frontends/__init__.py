"""Functions that were written for other libraries, read as specs.

    jax_code        `from_jax`: a JAX function, traced once, as a spec; and JAX functions as they come to jobs
    jax_program     what a trace says, as plain data that travels to other processes
    jax_patterns    compositions in it that are one function of ours
    jax_walk        the evaluation of a program in the context of its arguments
    jax_primitives  the table: a primitive of JAX and what it is in functions of ours, or why it is refused
    jax_values      what its variables hold: tensors, truths, known arrays
    jax_known       integers, truths and constants, which are worked out exactly before a context is asked
    jax_structure   the rules of what moves elements
    jax_sums        the rules of reductions, products, windows and convolutions
    jax_control     the rules of loops and branches
    jax_infinities  what becomes of infinities whose places are known

What is here calls functions of `core`, and only those: it has no numerics of its own.
"""
