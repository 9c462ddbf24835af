"""Specs as formulas: elementwise (`derive`) and of whole tensors (`matrix`), with the programs and texts that say them.

    derive        makes a `derivation` of a `source`, a spec traced on symbols; `variables` says what varies
    programs/     the scalar graph as Python, C99, Lean
    matrix        makes a form of `terms`, operations on whole tensors, built by `term_builder` and `term_rules`
    notation/     terms as text, LaTeX, NumPy
    operations    facts about operations; `poles`, `names`, `prime_sizes`: what both kinds of formulas rest on

May import: `tracing`, `core`, `numbers`.
"""
