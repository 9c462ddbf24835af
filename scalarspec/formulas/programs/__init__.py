"""A graph as the text of a function, one file a language: Python (NumPy), C99, Lean 4. What is shared is done once.

Functions that overflow or cancel when written out (sigmoid, softplus, logsumexp, eˣ - 1 - x, ...) come as helpers in a
stable form. Numbers are the floats next to their exact values. An adjoint that is exactly zero hands on zero, whatever
it is multiplied with.

`program` is what is written, `language` how a language writes operations, `printer` what writes them.
"""
