"""NumPy's code: what its functions, and the methods of its arrays, ask of tensors. Each file knows those above it.

scipy_special             SciPy's special functions, by name
ufuncs                    universal functions, and their methods
functions                 the table of all other functions, filled by
structure choices statistics products
methods                   those of arrays
protocol                  what is called by tensors
"""
