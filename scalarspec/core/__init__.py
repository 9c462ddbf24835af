"""What a spec is made of and carried by. Each line knows those above it.

    shape sizes indexing windows       shapes, and who looks at them; indices by NumPy's rules; windows of arrays
    course operation operations        how functions of one number run; a line of the table of operations; the table
    truth failures                     three-valued truth; what a user's own code raises, told as one error
    scalar_operations real_functions   what can be done with one number or two: primitives, and definitions by these
    context arrays nested tensor       what a number is, many of them at once, and with a shape
    elementwise choices structure reductions padding products exponentials convolutions
                                       the functions that specs are written in, each file of a family
    functions sets region              all of these; intervals as sets; boxes and balls
    named_contexts closures lifting    contexts by name; what carries a model, and what a function sees, to a context
    arguments digest                   the arguments of a job, by name, and their hash

May import: `numbers`.
"""
