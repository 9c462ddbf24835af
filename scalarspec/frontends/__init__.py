"""Other libraries' code, read as specs: what their functions ask of arrays, answered by tensors of any context.

    standard       the names of the array API 2024.12 by its sections, and why some are left out
    array_api      the namespace that an array of ours hands out, `x.__array_namespace__()`, put together of
                     dtypes        kinds of numbers, conversions between them, and facts about formats
                     constants     floats that are numbers of a context, too
                     integers      arrays of integers, which are exact, and count and index
                     elementwise   functions of single elements
                     structure     what moves elements, and products
                     statistics    reductions, searching, sorting
                     linalg        the extension of that name, as far as it is sums and products
                     unique        set functions
                     creation      of arrays

May import: `core`, `numbers`. Nothing below imports this room but by name, when an array is asked for its namespace.
"""
