"""The gallery: each finding prints what its page shows, and is not found where the line of the mistake is right."""

import contextlib
import io
import re
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest

GALLERY = Path(__file__).parent.parent / "docs" / "gallery"
PAGES = {path.stem: path.read_text() for path in sorted(GALLERY.glob("*.md")) if path.stem != "index"}
CODE_AND_OUTPUT = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
MISTAKE = re.compile(r"^( *(?:return|\w+ =)) .*  # right: (.*)$", re.MULTILINE)
REPORTED = re.compile("FAILS|refuted|can leave the range|within 8 ulps: False")
"""How audits, proofs, range maps and cross-checks say that something is wrong."""
SOURCE = re.compile(r"\[(?:(\S+), )?(issue|pull request) (\d+)\]\(https://github.com/(\S+)/(issues|pull)/(\d+)\)")

each_page = pytest.mark.parametrize("page", PAGES)


def test_there_is_a_dozen():
    assert len(PAGES) >= 12


@each_page
def test_a_page_is_short_and_has_one_mistake(page):
    ((code, shown),) = CODE_AND_OUTPUT.findall(PAGES[page])
    assert len(re.findall(r"^```\w", PAGES[page], re.MULTILINE)) == 2
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 15
    assert len(MISTAKE.findall(code)) == 1
    assert shown
    assert re.findall("^#+ (.*)", PAGES[page], re.MULTILINE)[1:] == ["What to learn", "Source"]


@each_page
def test_a_source_has_its_repository_and_number(page):
    source = " ".join(PAGES[page].partition("\n## Source\n")[2].split())
    links = SOURCE.findall(source)
    assert links
    assert links[0][0], "the first link names its repository"
    assert len(links) == source.count("](")
    for named, kind, number, repository, folder, linked in links:
        assert (named or repository, number) == (repository, linked)
        assert folder == {"issue": "issues", "pull request": "pull"}[kind]


@each_page
def test_the_mistake_is_found_as_shown(page):
    ((code, shown),) = CODE_AND_OUTPUT.findall(PAGES[page])
    assert printed_by(code) == shown
    assert REPORTED.search(shown)


@each_page
def test_what_is_right_is_not_found(page):
    ((code, shown),) = CODE_AND_OUTPUT.findall(PAGES[page])
    printed = printed_by(MISTAKE.sub(r"\1 \2", code))
    assert printed != shown
    assert not REPORTED.search(printed)


def printed_by(code):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "page"})
    return printed.getvalue()


@pytest.mark.skipif(not mpmath.__version__.startswith("1.3."), reason="the page shows what mpmath 1.3 returns")
def test_the_interval_that_misses_is_mpmaths():
    iv = mpmath.ctx_iv.MPIntervalContext()  # at 53 bits, whatever others have set
    upper = iv.exp(iv.mpf(3893924827815215) / 2**50)._mpi_[1]
    _, mantissa, exponent, _ = upper
    assert Fraction(mantissa) * Fraction(2) ** exponent == Fraction(8942259269491753, 2**48)
    assert "upper = Fraction(8942259269491753, 2**48)" in PAGES["interval-exp-that-misses"]
