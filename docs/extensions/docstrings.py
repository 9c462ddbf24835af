"""Docstrings, which are plain text here, as reStructuredText.

In a paragraph "name: what it is" begins the entry of an argument, and "Returns" and "Raises" begin theirs. What stands
in single backticks is code, or a link where it is a public name. Indented lines are code where Python can read them,
a list of definitions where they are two columns, and stay as they are elsewhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, zip_longest
from textwrap import dedent

CODE = re.compile(r"``?([^`]+)``?")
SPECIAL = re.compile(r"([\\*|_])")
ERROR = re.compile(r"\b[A-Z]\w+\b")
COLUMNS = re.compile(r"^(\S.*?)(?: {2,}|, *$)(\S.*)?$")
Links = Callable[[str], str | None]
"""The role and the target of a word that is a public name; None for any other."""


def restructured(text: str, parameters: Iterable[str], links: Links) -> list[str]:
    """The lines of a docstring as reStructuredText.

    parameters: the names of what it documents, whose entries begin with "name: ".
    """
    entry = _entry([*parameters, "result"])
    lines: list[str] = []
    for indented, block in blocks(text):
        lines += [*(_indented(block, links) if indented else _prose(block, entry, links)), ""]
    return lines


def blocks(text: str) -> list[tuple[bool, list[str]]]:
    """Paragraphs, and those that are indented; code goes on beyond empty lines."""
    found: list[tuple[bool, list[str]]] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        for indented, run in groupby(paragraph.split("\n"), key=lambda line: line.startswith("  ")):
            lines = list(run)
            if indented and found and found[-1][0] and is_code("\n".join([*found[-1][1], "", *lines])):
                found[-1][1].extend(["", *lines])
            elif "".join(lines).strip():
                found.append((indented, lines))
    return found


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
    """Prose, in which the names of errors alone are links: other capitals may begin a sentence."""

    def linked(found: re.Match[str]) -> str:
        role = links(found[0]) or ""
        return f"\\ {role}\\ " if ".errors." in role else found[0]

    return ERROR.sub(linked, SPECIAL.sub(r"\\\1", text))


# ---- what is indented -----------------------------------------------------------------------------------------------


def has_example(text: str) -> bool:
    """Is there code in a docstring?"""
    return any(indented and is_code("\n".join(block)) for indented, block in blocks(text))


def _indented(block: list[str], links: Links) -> Iterator[str]:
    plain = dedent("\n".join(block)).split("\n")
    if is_code("\n".join(block)):
        yield from (".. code-block:: python", "", *(f"   {line}" for line in plain))
    elif columns := _columns(plain):
        for term, body in columns:
            yield from (f"``{term}``", f"   {marked(body, links) or '..'}")
    else:
        yield from ("::", "", *(f"   {line}" for line in plain))


def is_code(text: str) -> bool:
    """Can Python read it, as it stands or as a session, and does it do anything?"""
    if text.lstrip().startswith(">>> "):
        return True
    try:
        tree = ast.parse(dedent(text))
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Call | ast.Assign | ast.Import | ast.ImportFrom) for node in ast.walk(tree))


def _columns(lines: list[str]) -> list[tuple[str, str]]:
    """Terms and what they are, from two columns; none where the lines are none."""
    found: list[tuple[str, str]] = []
    for line in filter(str.strip, lines):
        columns = COLUMNS.match(line)
        if line.startswith(" ") and found:
            found[-1] = found[-1][0], f"{found[-1][1]} {line.strip()}"
        elif columns and columns[2] and "   " not in columns[2]:
            found.append((columns[1], columns[2]))
        else:
            return []
    return found
