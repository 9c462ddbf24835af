"""Terms as formulas, one file a way of writing: text, LaTeX, NumPy. Each has one table of patterns.

`style` says what such a table holds, `printer` writes terms by it.
"""
