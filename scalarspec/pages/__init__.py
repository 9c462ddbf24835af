"""Results as pages of HTML, which need no network, no script and no other file.

A result says what is shown, as a `Page` of texts, tables and figures; this room alone knows how it looks. Numbers come
as the texts that reports print. Figures are SVG whose places are percentages, so that they fit a phone and a sheet of
paper. Each file knows those before it: style, figures, page, shown. May import: `numbers`, `results`.
"""
