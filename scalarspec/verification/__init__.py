"""Questions of neural network verification: is there an input of a network for which a query is true?

vnnlib      queries from VNN-LIB files, 1.0 and 2.0
query       a query as plain data: networks that are declared, and a condition on their inputs and outputs
cases       a condition as boxes of inputs, each with what is asked there
verify      `verify`: the answer by proofs, and the point that satisfies a query, checked exactly
answers     `Answer`, and how the competition and VNN-LIB 2.0 write it

May import: `bounding`, `frontends`, and what they may.
"""
