"""Looks at built pages: every link within them leads somewhere, and every public name has a place.

python docs/extensions/links.py docs/_build/html
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scalarspec.vocabulary.public import public


class Page(HTMLParser):
    """The places in a page, and what it links to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.places: set[str] = {""}
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the places and the links of an element."""
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            if name in ("href", "src") and value:
                self.links.append(value)


def broken(root: Path) -> Iterator[str]:
    """Links to files that do not exist, or to places that their page has not, one line each."""
    pages = {path.resolve(): Page(path) for path in root.rglob("*.html")}
    for page in pages.values():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path.resolve()
            there = pages.get(target)
            if not target.exists() or (there and unquote(parts.fragment) not in there.places):
                yield f"{page.path.relative_to(root)}: {link}"


def unlisted(root: Path) -> Iterator[str]:
    """Public names that have no place in any page."""
    places = {place for path in (root / "reference").rglob("*.html") for place in Page(path).places}
    yield from (f"{name}: it is not in the reference" for name in public() if name not in places)


if __name__ == "__main__":
    built = Path(sys.argv[1])
    faults = sorted({*broken(built), *unlisted(built)})
    counts = f"{len([*built.rglob('*.html')])} pages, {len(public())} public names, {len(faults)} faults"
    print("\n".join([*faults, counts]))
    sys.exit(bool(faults))
