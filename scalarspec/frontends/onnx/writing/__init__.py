"""Specs as ONNX models: the other direction of `from_onnx`.

exporting      `to_onnx`: the arguments that are inputs, and those that are parameters
recording      what a spec does, as equations of which the constants are exact
model          the nodes and arrays of a model while it is written, with names; exactly: its numbers
operators      the table: an operation, and what it is in operators of ONNX, or why it is refused
placing        those that move elements, and those that look through windows; convolutions: windows that are a Conv
file           the model, checked, and its file, which is written whole or not at all
"""
