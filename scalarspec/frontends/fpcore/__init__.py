"""FPCore, the format of FPBench's benchmarks, as specs.

core          `from_fpcore`: cores from a text or a file; what a core says beside its body
expressions   bodies, checked when they are read: what they are in functions of ours
operators     the table: an operator or a constant of FPCore, and what it is
syntax        parentheses, symbols, and numbers at their exact values, each with its line and column
"""

from scalarspec.frontends.fpcore.core import FPCore, from_fpcore

__all__ = ["FPCore", "from_fpcore"]
