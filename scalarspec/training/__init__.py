"""Models as what other libraries train, and back: the text stays the spec's, the numbers are the library's while it
trains.

`to_torch` is the entry; `torch_module` the `torch.nn.Module`, which is imported when it is first asked for. May import:
`core`, `tracing`, `numbers`; a context by its name.
"""
