"""A page: the verdict first, in words, then texts, tables and figures, and the record at the end."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, Protocol

from scalarspec.pages.style import FRAME, SHARED

Mark = Literal["good", "bad", "open", "plain"]
SIGNS: dict[Mark, str] = {"good": "✓", "bad": "✗", "open": "?", "plain": ""}
"""A sign beside each verdict: colour alone says nothing."""
SHORT = 20
"""So many letters of a cell stay on one line."""
MOST = 200
"""Of more rows than these the first are shown: the record has all."""
ALONE = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load for a page: nothing."""


class Part(Protocol):
    """What a page is made of."""

    @property
    def heading(self) -> str:
        """What it is; none where it is empty."""

    def body(self) -> str:
        """It as HTML, with all texts escaped."""


@dataclass(frozen=True)
class Lines:
    """Some lines of text."""

    lines: Sequence[str]
    heading: str = ""

    def body(self) -> str:
        """As a list."""
        return f'<ul class="lines">{"".join(f"<li>{escape(line)}</li>" for line in self.lines)}</ul>'


@dataclass(frozen=True)
class Table:
    """Rows under a header; marked: the rows that fail, which say so in words, too."""

    heading: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: Collection[int] = ()

    def body(self) -> str:
        """As a table whose first column heads the rows, in a box of its own that scrolls."""
        head = "".join(f'<th scope="col">{escape(text)}</th>' for text in self.header)
        rows = "".join(_row(row, i in self.marked) for i, row in enumerate(self.rows[:MOST]))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        left = len(self.rows) - MOST
        more = f"<p>{left} more rows are in the record.</p>" if left > 0 else ""
        return f'<div class="wide" role="region" tabindex="0" aria-label="{escape(self.heading)}">{table}</div>{more}'


def _row(cells: Sequence[str], marked: bool) -> str:
    first, *others = cells
    row = f'<th scope="row">{escape(first)}</th>{"".join(map(_cell, others))}'
    return f'<tr class="marked">{row}</tr>' if marked else f"<tr>{row}</tr>"


def _cell(text: str) -> str:
    """A cell; a short one, such as a number, is not broken."""
    return f'<td class="short">{escape(text)}</td>' if len(text) <= SHORT else f"<td>{escape(text)}</td>"


@dataclass(frozen=True)
class Page:
    """What is shown of a result. title: what it is about; mark, verdict: what was found, in a word and in a sentence;
    parts: what else is shown, in order.
    """

    title: str
    mark: Mark
    verdict: tuple[str, str]
    parts: Sequence[Part] = ()

    def html(self, record: object) -> str:
        """The page, with the record of the result at its end."""
        data = escape(json.dumps(record, indent=1, ensure_ascii=False))
        details = f"<details><summary>The record, as JSON</summary><pre>{data}</pre></details>"
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{ALONE}">'
            f"<title>{escape(self.title)}</title><style>{FRAME}{SHARED}</style>"
        )
        body = f'<main class="scalarspec">{self._content(1)}{details}</main>'
        return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'

    def fragment(self) -> str:
        """The page without its frame and its record, for a notebook."""
        return f'<div class="scalarspec" lang="en"><style>{SHARED}</style>{self._content(3)}</div>'

    def _content(self, level: int) -> str:
        """What both have, under headings of a level and of the next one."""
        word, sentence = self.verdict
        sign = f'<span aria-hidden="true">{SIGNS[self.mark]}</span> ' if SIGNS[self.mark] else ""
        verdict = f'<p class="verdict {self.mark}"><b>{sign}{escape(word)}</b> {escape(sentence)}</p>'
        parts = (_headed(part.heading, level + 1) + part.body() for part in self.parts)
        return f'<h{level} class="title">{escape(self.title)}</h{level}>{verdict}{"".join(parts)}'


def _headed(heading: str, level: int) -> str:
    return f'<h{level} class="heading">{escape(heading)}</h{level}>' if heading else ""
