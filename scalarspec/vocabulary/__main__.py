"""Writes the page: python -m scalarspec.vocabulary docs/vocabulary.md."""

import sys
from pathlib import Path

from scalarspec.vocabulary.page import page

Path(sys.argv[1]).write_text(page(), encoding="utf-8")
