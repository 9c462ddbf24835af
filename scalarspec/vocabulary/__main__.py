"""Prints the page of the vocabulary, or writes it: python -m scalarspec.vocabulary [docs/reference/vocabulary.md]."""

import argparse
from pathlib import Path

from scalarspec.vocabulary.page import page

parser = argparse.ArgumentParser(prog="python -m scalarspec.vocabulary", description="Make the page of the vocabulary.")
parser.add_argument("path", nargs="?", type=Path, help="the file to write (default: print the page)")
path = parser.parse_args().path
if path is None:
    print(page(), end="")
else:
    path.write_text(page(), encoding="utf-8")
