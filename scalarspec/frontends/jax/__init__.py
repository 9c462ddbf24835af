"""JAX's code: functions, by their traces.

reading                   `from_jax`, and JAX functions as they come to jobs
program                   what a trace says, as plain data that travels to other processes
patterns                  compositions in it that are one function of ours
walk                      the evaluation of a program in the context of its arguments
primitives                the table: a primitive and what it is in functions of ours, or why it is refused; its rules
                          stand in structure, sums and control, those of integers, truths and constants in known, and
                          of infinities in infinities
values                    what its variables hold: tensors, truths, known arrays
"""
