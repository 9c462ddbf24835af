"""`from_torch`: modules of PyTorch, by the graphs that `torch.export` makes of them.

network     `from_torch`: the model
program     what a graph says, as plain data that needs no PyTorch any more
operators   the table: an operator of ATen, and the function for PyTorch's code that it is, or why it is refused; rules
            that make arrays stand in creation, those that read and write at places in places
arrays      arrays that are known, minus infinities among them, and the operators that only move elements
formats     conversions to other formats, which keep numbers or are refused
walk        the evaluation of a program in the context of its arguments
"""

from scalarspec.frontends.torch.exported.network import from_torch

__all__ = ["from_torch"]
