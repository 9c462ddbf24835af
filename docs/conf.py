"""The documentation's settings: `make docs` builds the pages in docs/_build/html."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import scalarspec

project = "scalarspec"
author = "the scalarspec project"
copyright = author
version = release = scalarspec.__version__

extensions = [
    "myst_nb",  # MyST pages, and notebooks, which are executed
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",  # from its usual address; where it cannot be reached, formulas stand as their TeX
    "extensions.generated",  # docstrings, and what pages take from the code
]
exclude_patterns = ["_build", "extensions", "**/.ipynb_checkpoints"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r".*"),  # the types in signatures: aliases, and classes that have no page
]
suppress_warnings = ["toc.empty_glob"]  # a folder may have no page yet

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_type_aliases = {name: name for name in ("Operand", "Axis", "Lengths", "Literals", "Progress", "Inputs")}
python_maximum_signature_line_length = 88
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"scalarspec {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "default"
pygments_dark_style = "monokai"
