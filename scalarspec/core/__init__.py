"""What a spec is made of and carried by. Each line knows those above it.

    shape sizes                        shapes, and who looks at them
    course operation operations        how functions of one number run; a line of the table of operations; the table
    truth failures                     three-valued truth; what a user's own code raises, told as one error
    scalar_operations real_functions   what can be done with one number or two: primitives, and definitions by these
    context arrays tensor              what a number is, many of them at once, and with a shape
    elementwise functions sets region  the functions that specs are written in; intervals as sets; boxes and balls
    named_contexts closures lifting    contexts by name; what carries a model, and what a function sees, to a context
    arguments digest                   the arguments of a job, by name, and their hash

May import: `numbers`.
"""
