"""Contexts around a context, and what they record. Each line knows those above it.

    interpreter                        what such contexts have in common
    batched tape scalar_graph          many examples at once; operations recorded as equations; expressions as a graph
    trace prepared evaluation          what a spec does: its equations; as straight calls; with its values and stages
    vjp_rules sweep dependence         how cotangents are handed back, equation by equation, and masks likewise
    kinks generalized first_order      what is done at kinks: by convention, enclosed, or found exactly
    gradient                           `grad`, `vjp`, `jvp`, `hessian`: what users call

May import: `core`, `numbers`.
"""
