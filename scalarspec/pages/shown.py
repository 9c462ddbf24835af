"""What every result has from its page."""

from __future__ import annotations

from abc import ABC, abstractmethod

from scalarspec.pages.page import Page
from scalarspec.results import Record


class Shown(ABC):
    """A result that states a page: `html` and `_repr_html_` are made of it, as `scalarspec.results.Report` has them."""

    @abstractmethod
    def _page(self) -> Page:
        """What is shown."""

    @abstractmethod
    def to_json(self) -> Record:
        """The record."""

    def html(self) -> str:
        """The report as one page of HTML that needs nothing else: the verdict, tables, figures, and the record."""
        record = self.to_json()  # first: it works out all that the page can show
        return self._page().html(record)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self._page().fragment()
