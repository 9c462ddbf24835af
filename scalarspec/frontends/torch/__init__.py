"""PyTorch's code: what its functions, and the methods of its tensors, ask of ours. Each file knows those above it.

functions                 the table of all functions, those of single elements and products among them, filled by
reductions structure nn
images sequences losses
protocol                  what is called by tensors; modules as models
"""
