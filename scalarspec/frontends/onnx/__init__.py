"""Networks from ONNX files, and specs as ONNX models.

network      `from_onnx`: the model, its text, and the shapes of its inputs
proto        what a file holds, checked before anything is read from it; graph: the same as plain data; tensors: numbers
writer       the text of a graph, a line for each value, which is evaluated for its shape as it is written
at           a node as its rule sees it; operands: its values; formats: which numbers it allows
folding      what follows from constants alone, worked out exactly
rules        the table: an operator, and what it is in functions of ours, or why it is refused
text         how names and numbers are written
inspection   what a file holds and what can be asked of it; runtime: what onnxruntime makes of it
writing      `to_onnx`: the other direction
"""
