"""Enclosures of a spec over a box: one evaluation, mean values, linear bounds, branch and bound, and claims by them.

    bounds prove       what users call; claims makes a formula of a claim
    methods            what `bounds` tries, step by step
    open_parts proofs formula formula_nodes       what a proof asks of parts, its verdicts, and what a claim says
    attack cross_entropy    points at which a claim fails, looked for in every way; by samples, for one
    search parts points branch       parts of a box, points in it, and the search that splits them
    jobs checkpoints   does the work, anywhere, and keeps the answers in a file
    linear             linear bounds, driven over
      dual_ascent                                 better slopes and multipliers for passes
      backward quadratic affine_forms state charges     passes to the inputs, and what they know of many boxes
      bilinear_operations     linear operations and products, on arrays of floats
      relaxations curves derivatives ranges     lines around functions of one number, how these bend, and ends
      plan fused rewrites shares    a spec as equations of these kinds, chains of linear ones as layers, what others are
                              rewritten into; softmax, written out
    inner_bounds sign_ascent                      values that are surely attained, and where to look for them
    domain contexts plots

Each line knows those below it. What another room may rely on: `bounds`, `prove`, `Domain`, `refine`, `Jobs`.

May import: `tracing`, `core`, `numbers`."""
