"""What a spec is made of and carried by: the table of operations, shapes, contexts, arrays, tensors, functions.

May import: `numbers`."""
