"""The option `--html`: the report of a command as a page. The command line checks the file and writes it."""

from __future__ import annotations

import argparse

from scalarspec.cli.user_files import to_be_written, told_after_the_report
from scalarspec.files import told, write_whole
from scalarspec.results import Report


def add_html(parser: argparse.ArgumentParser) -> None:
    """The option, for a command that gives a report."""
    parser.add_argument("--html", metavar="FILE", help="write the report as a page that needs no other file")


def check_html(options: argparse.Namespace) -> None:
    """Raises ArgumentError where no page can be written: before the work, which would be lost."""
    to_be_written("html", options.html, "page.html")


def write_html(options: argparse.Namespace, found: Report) -> None:
    """Writes the page; what keeps it from being written is told after the report."""
    with told_after_the_report(options):
        page = found.html().encode("utf-8", "xmlcharrefreplace")  # of a lone surrogate its number
        with told("html", options.html):
            write_whole(options.html, page)
