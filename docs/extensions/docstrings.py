"""Docstrings, which are plain text here, as reStructuredText.

    paragraphs              "name: what it is" begins an argument's entry, "Returns" and "Raises" theirs
    `single backticks`      code, or a link where it is a public name
    indented lines          code where Python can read them, two columns as a list of definitions, else as they stand
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, zip_longest
from typing import Any

CODE = re.compile(r"``?([^`]+)``?")
SPECIAL = re.compile(r"([\\*|_])")
ERROR = re.compile(r"\b[A-Z]\w+\b")
COLUMNS = re.compile(r"^ +(\S.*?)(?: {2,}|, *$)(\S.*)?$")
Links = Callable[[str], str | None]
"""The role and the target of a word that is a public name; None for any other."""


def restructured(text: str, parameters: Iterable[str], links: Links) -> list[str]:
    """The lines of a docstring as reStructuredText.

    parameters: the names of what it documents, whose entries begin with "name: ".
    """
    entry = _entry([*parameters, "result"])
    lines: list[str] = []
    for indented, block in _blocks(text):
        lines += [*(_indented(block, links) if indented else _prose(block, entry, links)), ""]
    return lines


def _blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Paragraphs, and runs of indented lines, which may have empty ones among them."""
    indented = False
    kinds = []
    for line in text.splitlines():
        indented = line.startswith("  ") if line.strip() else indented
        kinds.append((indented, line))
    for indented, run in groupby(kinds, key=lambda kind: kind[0]):
        lines = [line for _, line in run]
        whole = "\n".join(lines).strip("\n")
        for block in [whole] if indented else re.split(r"\n\s*\n", whole):
            if block.strip():
                yield indented, block.split("\n")


# ---- prose ----------------------------------------------------------------------------------------------------------


def _entry(parameters: Iterable[str]) -> re.Pattern[str]:
    """Where the entry of an argument begins, of several at once, or of what is returned or raised."""
    name = "|".join(r"\*{0,2}" + re.escape(parameter) for parameter in parameters)
    return re.compile(rf"(?:^|(?<=[.;,:)?] ))(?:((?:{name})(?:(?:, | and )(?:{name}))*): |(Returns|Raises) )")


def _prose(lines: list[str], entry: re.Pattern[str], links: Links) -> Iterator[str]:
    """A paragraph: what stands before its entries, and a list of these."""
    text = " ".join(line.strip() for line in lines)
    starts = [*entry.finditer(text)]
    before = text[: starts[0].start()] if starts else text
    if before.strip():
        yield from (marked(before.strip(), links), "")
    for start, following in zip_longest(starts, starts[1:]):
        end = following.start() if following else len(text)
        term = f"**{start[1].replace('*', chr(92) + '*')}**" if start[1] else f"*{start[2]}*"
        body = text[start.end() : end].strip().rstrip(";,")
        yield from (term, f"   {marked(body, links)}", "")


def marked(text: str, links: Links) -> str:
    """A text with its code and its links marked, and all else as it stands."""
    parts = CODE.split(text)
    return "".join(_code(part, links) if place % 2 else _plain(part, links) for place, part in enumerate(parts))


def _code(text: str, links: Links) -> str:
    """What stood between backticks: a space that is none keeps it apart from a letter that follows."""
    role = links(text)
    return f"\\ {role}\\ " if role else f"\\ ``{text}``\\ "


def _plain(text: str, links: Links) -> str:
    def linked(found: re.Match[str]) -> str:
        role = links(found[0]) if found[0].endswith(("Error", "ed", "Exact", "Mismatch", "Differentiable")) else None
        return f"\\ {role}\\ " if role else found[0]

    return ERROR.sub(linked, SPECIAL.sub(r"\\\1", text))


# ---- what is indented -----------------------------------------------------------------------------------------------


def _indented(lines: list[str], links: Links) -> Iterator[str]:
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    plain = [line[margin:] for line in lines]
    text = "\n".join(plain)
    if is_code(text):
        yield from (".. code-block:: python", "", *(f"   {line}" for line in plain))
    elif columns := _columns(lines):
        for term, body in columns:
            yield from (f"``{term}``", f"   {marked(body, links) or '..'}")
    else:
        yield from ("::", "", *(f"   {line}" for line in plain))


def is_code(text: str) -> bool:
    """Can Python read it, as it stands or as a session?"""
    if text.lstrip().startswith(">>> "):
        return True
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Call | ast.Assign | ast.Import | ast.ImportFrom) for node in ast.walk(tree))


def _columns(lines: list[str]) -> list[tuple[str, str]]:
    """Terms and what they are, from two columns; none where the lines are none."""
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    found: list[tuple[str, str]] = []
    for line in filter(str.strip, lines):
        columns = COLUMNS.match(line)
        if len(line) - len(line.lstrip()) > margin and found:
            found[-1] = found[-1][0], f"{found[-1][1]} {line.strip()}"
        elif columns and columns[2]:
            found.append((columns[1], columns[2]))
        else:
            return []
    return found


# ---- Sphinx ---------------------------------------------------------------------------------------------------------


def setup(app: Any) -> dict[str, Any]:
    """Sphinx hands each docstring to this extension."""
    app.connect("autodoc-process-docstring", _processed)
    return {"parallel_read_safe": True}


def _processed(_: Any, what: str, name: str, found: Any, __: Any, lines: list[str]) -> None:
    from extensions.generated import additions, links, parameters_of

    lines[:] = [*restructured("\n".join(lines), parameters_of(found), links), *additions(name, "\n".join(lines))]
