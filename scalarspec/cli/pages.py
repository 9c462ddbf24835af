"""The option `--html`: the report of a command as a page."""

from __future__ import annotations

import argparse

from scalarspec.cli.user_files import to_be_written, told_after_the_report
from scalarspec.errors import ArgumentError
from scalarspec.files import write_whole
from scalarspec.results import Report


def add_html(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument("--html", metavar="FILE", help="write the report as a page that needs no other file")


def check_html(options: argparse.Namespace) -> None:
    """Raises ArgumentError where no page can be written: before the work, which would be lost."""
    to_be_written("html", options.html, "page.html")


def write_html(options: argparse.Namespace, found: Report) -> None:
    """Writes the page, if one is asked for; what keeps it from being written is told after the report."""
    if options.html is None:
        return
    with told_after_the_report(options):
        page = found.html().encode("utf-8", "xmlcharrefreplace")  # of a lone surrogate its number
        try:
            write_whole(options.html, page)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ArgumentError(f"html: {options.html} cannot be written: {reason}") from None
