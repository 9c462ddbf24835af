"""The page that lists every function, layer, loss, activation and model: docs/reference/vocabulary.md, from the code.

    page         the page, put together
    rows         what is said of each function: its signature, the operations that it does, and what follows from them
    operations   what each interpreter does with an operation of the table
    calls        how each is called, once, so that its operations can be seen
    names        what it is called in the array API, in PyTorch and in ONNX
    examples     such a call as a session, with what it prints: for the reference
    groups       the functions in the order of the array API
    public       every public name, which the reference lists

The names of the array API, and why some are left out, are those of `frontends.standard`.
`python -m scalarspec.vocabulary docs/reference/vocabulary.md` writes it anew; a test holds it to that.
"""
