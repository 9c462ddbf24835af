"""Reports as pages and in notebooks: complete, self-contained, escaped, and readable without colours."""

import dataclasses
import itertools
import json
import math
import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from command import run

import scalarspec as ss
from scalarspec.audit.findings import Audit, Finding
from scalarspec.bounding.proofs import Proofs
from scalarspec.pages.figures import Axis, Panels, Row, Span, Strips
from scalarspec.pages.page import MOST, Lines, Page, Table
from scalarspec.pages.style import DARK, LIGHT, SHARED
from scalarspec.verdict import Verdict
from scalarspec.verification.answers import Answer

HOSTILE = "<script>alert('1')</script>&\"<img src=x>"


def loss(x):
    return ss.mean(ss.square(ss.stage(HOSTILE, x))) / 2


loss.__name__ = HOSTILE
X, BOX = np.array([0.5, -1.0]), {"x": ss.ball("0.1")}
NET = np.arange(12.0).reshape(4, 3) / 8 - 0.5


def net(x):
    return NET @ ss.relu(x)


def wrong_kl(mu, logvar):
    return 0.5 * np.mean(np.exp(logvar) + mu**2 - 1 + logvar)


wrong_kl.__name__ = HOSTILE


def right_kl(mu, logvar):
    return 0.5 * np.mean(np.exp(logvar) + mu**2 - 1 - logvar)


POINT = {HOSTILE: np.array([Fraction(1, 3), Fraction(1, 2)], dtype=object)}
REPORTS = {
    "bounds": lambda: ss.bounds(loss, X, vary=BOX),
    "bounds of many": lambda: ss.bounds(net, np.array([0.5, -0.25, 1.0]), vary=BOX),
    "proved": lambda: ss.prove(loss, X, vary=BOX, at_least=0),
    "refuted": lambda: ss.prove(loss, X, vary=BOX, at_least=1),
    "undecided": lambda: ss.prove(lambda x: ss.tanh(x) <= x, 0.0, vary={"x": ss.box(0, 1)}, budget=2),
    "rows": lambda: ss.prove(lambda x: ss.square(x) <= 3, np.array([0.0, 1.0]), vary={"x": ss.ball(1)}, over="x"),
    "no rows": lambda: Proofs(()),
    "a verdict": lambda: ss.theory.prove_equal(lambda x: x + x, lambda x: 2 * x, ss.Dim(2)),
    "crosscheck": lambda: ss.crosscheck(loss, X, actual={HOSTILE: X, "result": 0.3125}),
    "crosscheck without stages": lambda: ss.crosscheck(loss, X),
    "crosscheck of many": lambda: ss.crosscheck(net, X[[0, 1, 0]], actual=lambda x: {"result": NET @ np.maximum(x, 0)}),
    "unexplained": lambda: ss.crosscheck(loss, X, actual={HOSTILE: X * 1.5, "result": 0.3125}),
    "not a number": lambda: ss.crosscheck(loss, X, actual=math.nan),
    "tolerance": lambda: ss.tolerance(loss, X, vary=BOX, dtype="float32", splits=3),
    "tolerance of many": lambda: ss.tolerance(net, np.array([0.5, -0.25, 1.0]), vary=BOX, dtype="float16"),
    "no tolerance": lambda: ss.tolerance(lambda x: ss.exp(x), 80.0, vary={"x": ss.ball(20)}, dtype="float16"),
    "ranges": lambda: ss.ranges(lambda x: ss.stage(HOSTILE, ss.exp(x)), 5.0, vary={"x": ss.ball(9)}, dtype="float16"),
    "in range": lambda: ss.ranges(loss, X, vary=BOX),
    "audit": lambda: ss.audit(wrong_kl, "gaussian-kl"),
    "audit that passes": lambda: ss.audit(right_kl, "gaussian-kl"),
    "compare": lambda: ss.compare(lambda x: ss.sum(ss.exp(x)), X),
    "unsat": lambda: Answer("unsat", 2, 2, method="bounds: linear"),
    "sat": lambda: Answer("sat", 2, 1, 2, POINT, POINT, 0.5, "an exact point"),
    "timeout": lambda: Answer("timeout", None, 0, seconds=3.0),
    "unknown": lambda: Answer("unknown", 2, 1),
    "empty bounds": lambda: ss.bounds(lambda x: x[:0], X, vary=BOX),
    "empty crosscheck": lambda: ss.crosscheck(lambda x: x[:0], X),
    "empty tolerance": lambda: ss.tolerance(lambda x: x[:0], X, vary=BOX),
    "unbounded": lambda: dataclasses.replace(ss.bounds(loss, X, vary=BOX), upper=math.inf),
}
MADE = {}


def report(name):
    """A report, made once."""
    if name not in MADE:
        MADE[name] = REPORTS[name]()
    return MADE[name]


# ---- what every page has --------------------------------------------------------------------------------------------

VOID = {"meta"}
HEAD, FRAME = {"html", "head", "meta", "title", "style"}, {"body", "main", "div", "details", "summary", "pre"}
TEXT = {"h1", "h2", "h3", "h4", "p", "b", "span", "ul", "li", "i"}
DRAWN = {"table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "rect", "line", "text", "circle"}
TAGS = HEAD | FRAME | TEXT | DRAWN
"""All that a report is made of."""


class Read(HTMLParser):
    """A page as it was read: its tags with their attributes, in order, its texts, and what is not balanced."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.stack, self.texts, self.wrong = [], [], [], []
        self.feed(text)
        self.close()
        self.wrong += self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.texts.append((self.stack[-1] if self.stack else "", data))

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, *tags):
        return "\n".join(data for tag, data in self.texts if not tags or tag in tags)


def faults(text):
    """What is wrong with the HTML of a report, as a page or as a fragment."""
    page = Read(text)
    found = [f"not closed or not opened: {tag}" for tag in page.wrong]
    found += [f"tag {tag}" for tag, _ in page.tags if tag not in TAGS]
    loads = {"src", "href", "srcset", "action", "style"}
    found += [f"{tag} {name}" for tag, attrs in page.tags for name in attrs if name in loads or name.startswith("on")]
    found += [f"style: {word}" for word in ("url(", "@import", "expression(") if word in page.text("style")]
    found += ["a head without scope" for attrs in page.of("th") if attrs.get("scope") not in ("col", "row")]
    found += ["a figure without words" for a in page.of("svg") if a.get("role") != "img" or not a.get("aria-label")]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    found += ["headings" for a, b in itertools.pairwise(levels) if b > a + 1]
    return found


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_complete_and_needs_nothing_else(name):
    text = report(name).html()
    page = Read(text)
    assert text.startswith("<!doctype html>\n")
    assert not faults(text)
    assert page.of("html") == [{"lang": "en"}]
    assert page.text("title").strip() == page.text("h1").strip() != ""
    assert {"charset": "utf-8"} in page.of("meta")
    assert any(attrs.get("name") == "viewport" for attrs in page.of("meta"))
    assert any("default-src 'none'" in attrs.get("content", "") for attrs in page.of("meta"))
    verdict = next(i for i, (tag, attrs) in enumerate(page.tags) if attrs.get("class", "").startswith("verdict"))
    assert [tag for tag, _ in page.tags[verdict - 1 : verdict]] == ["h1"]


@pytest.mark.parametrize("name", REPORTS)
def test_the_record_at_the_end_is_that_of_the_result(name):
    found = report(name)
    record = json.loads(Read(found.html()).text("pre"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert record == json.loads(json.dumps(found.to_json()))


@pytest.mark.parametrize("name", REPORTS)
def test_a_notebook_gets_a_fragment_of_its_own(name):
    found = report(name)
    text = found._repr_html_()
    page = Read(text)
    assert isinstance(found, ss.Report)
    assert not faults(text)
    assert not {"html", "head", "body", "title", "meta", "main", "h1", "h2", "pre"} & {tag for tag, _ in page.tags}
    assert page.tags[0] == ("div", {"class": "scalarspec", "lang": "en"})


def test_no_rule_reaches_out_of_a_report():
    selectors = [s for rule in re.findall(r"([^{}]+)\{", SHARED) for s in rule.split(",") if "@media" not in rule]
    assert len(selectors) > 20
    assert all(selector.strip().startswith(".scalarspec") for selector in selectors)


def test_faults_are_found():
    good = report("bounds").html()
    for before, after, fault in (
        ("<table>", "<table><script>", "tag script"),
        ('<th scope="col">', "<th>", "a head without scope"),
        ('role="img"', "", "a figure without words"),
        ("</table>", "", "not closed"),
        ("<h2 ", "<h4 ", "not opened"),
        ("<h2 class", "<p onclick='x' class", "p onclick"),
        ("background: none", "background: url(x)", "style: url("),
    ):
        assert before in good
        assert any(fault in found for found in faults(good.replace(before, after))), after
    assert "headings" in faults(good.replace("<h2", "<h3").replace("</h2", "</h3"))


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_the_users_is_text_and_nothing_else(name):
    text = report(name).html()
    assert "<script" not in text
    assert "<img" not in text


def test_the_names_of_the_user_are_shown_as_they_are():
    for name in ("bounds", "refuted", "crosscheck", "ranges", "audit", "sat", "tolerance"):
        assert HOSTILE in Read(report(name).html()).text(), name


# ---- the numbers are those of the text ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in REPORTS if name not in ("no rows", "unbounded")])
def test_numbers_are_the_texts_of_the_printed_report(name):
    """Each number that is printed stands in the page in the same digits."""
    found = report(name)
    shown = Read(found.html()).text("li", "td", "th", "p", "span", "h1", "title")
    printed = re.findall(r"-?\d+\.\d+(?:[eE][-+]?\d+)?", str(found))
    assert [number for number in printed if number not in shown] == []


VERDICTS = {
    "bounds": ("good", "Enclosed. The value lies in [0.24"),
    "bounds of many": ("good", "Enclosed. Each of 4 outputs lies within its bounds"),
    "proved": ("good", "Proved. The claim holds for all arguments"),
    "refuted": (
        "bad",
        "Refuted. The claim fails at the witness below, by an enclosure of its value there. There it is in [",
    ),
    "undecided": ("open", "Undecided. No proof of the claim was found"),
    "rows": ("bad", "Refuted. 1 proved, 1 refuted."),
    "no rows": ("plain", "Empty. There are no rows."),
    "a verdict": ("good", "Proved. It holds."),
    "crosscheck": ("good", "Explained. Rounding explains"),
    "unexplained": ("bad", f"Not explained. Rounding does not explain stage {HOSTILE!r}."),
    "not a number": ("bad", "Not explained. The error is beyond what rounding explains."),
    "tolerance": ("good", "Bounded. Any float32 evaluation is within "),
    "no tolerance": ("open", "Not bounded. Floats may leave the range of float16"),
    "ranges": ("bad", "At risk. Over the box 1 of 1 operations can leave the range of float16."),
    "in range": ("good", "In range. Over the box no exact result of "),
    "audit": ("bad", "Fails. 3 of 5 facts fail."),
    "compare": ("plain", "Compared. 3 of 4 backends give a value; the others refuse"),
    "unsat": ("good", "unsat. No input satisfies the query"),
    "sat": ("bad", "sat. An input satisfies the query"),
    "timeout": ("open", "timeout. The time ended before"),
    "unknown": ("open", "unknown. Neither a proof"),
    "empty bounds": ("plain", "Empty. The spec gives an array without elements."),
    "empty crosscheck": ("plain", "Empty. There is no element to check."),
    "empty tolerance": ("plain", "Empty. The spec gives an array without elements."),
    "unbounded": ("open", "Not bounded. Of 1 of 1 outputs an end is infinite"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_comes_first_in_words(name):
    page = report(name)._page()
    mark, words = VERDICTS[name]
    assert page.mark == mark
    assert " ".join(page.verdict).startswith(words)


def test_it_is_said_how_many_outputs_are_undecided():
    found = ss.prove(lambda x: ss.tanh(x) <= x, np.zeros(2), vary={"x": ss.box(0, 1)}, budget=2)
    assert "No proof of the claim was found for 2 of its outputs" in Read(found.html()).text("p")


def test_an_interrupted_search_says_so():
    found = dataclasses.replace(report("bounds"), interrupted=True)
    assert "The search was interrupted: more of it might narrow them." in Read(found.html()).text("p")


def test_a_place_without_a_value_is_no_clean_verdict():
    found = dataclasses.replace(report("bounds"), partly="log reaches 0")
    assert found._page().mark == "open"
    assert "wherever there is a value: log reaches 0" in Read(found.html()).text("li")


def test_what_rounding_can_cause_may_be_unknown():
    def spec(x):
        edge = ss.stage("edge", x * "0.1" - "0.1")
        return ss.stage("root", ss.sqrt(edge + "1e-20"))

    found = ss.crosscheck(spec, 1.0, actual={"root": 1e-10})
    assert found._page().mark == "open"
    assert "no bound on what rounding can cause is known" in Read(found.html()).text("li")


def test_an_infinite_bound_on_rounding_decides_nothing():
    """float32 overflows on the way."""
    found = ss.crosscheck(lambda z: ss.log(ss.sum(ss.exp(z))), np.array([100, 1, 2], np.float32), actual=np.float32(7))
    assert found._page().mark == "open"
    assert found._page().verdict[0] == "Not decided."
    line = "no bound on what rounding can cause in stage 'result' is known"
    assert line in str(found)
    assert line in Read(found.html()).text("li")


@pytest.mark.parametrize("over", [(), "x"])
def test_a_notebook_shows_bounds_of_several_outputs(over):
    """Before any attained values were looked for, which takes a search."""
    found = ss.bounds(lambda x: ss.exp(x), X, vary=BOX, over=over)
    assert Read(found._repr_html_()).text("td").count("[") == 2
    assert "inner" not in vars(found)


def test_what_is_refuted_exactly_says_so():
    found = ss.prove(lambda x: ss.square(x) <= 3, 0.0, vary={"x": ss.ball(2)})
    assert found._page().verdict[1] == "The claim fails at the witness below, in exact arithmetic. There it is -1."


def test_a_bound_that_a_place_without_a_value_hides_blames_no_range():
    found = dataclasses.replace(report("no tolerance"), partly="log reaches 0")
    told = "It is not known whether the spec has a value everywhere in the box: of 1 outputs no bound is known."
    assert found._page().verdict == ("Not bounded.", told)


def test_an_audit_that_checks_nothing_is_no_pass():
    found = Audit("f", "gaussian-kl", "KL", (Finding("it is 0 at the prior", "not checked", text="no values"),), (), 9)
    assert (found._page().mark, found._page().verdict[0]) == ("open", "Not checked.")


def test_a_witness_is_shown_in_exact_numbers_and_cut_where_it_is_long():
    page = Read(report("refuted").html())
    assert "Witness, in exact numbers" in page.text("h2")
    many = Verdict("refuted", "exact arguments", witness={"x": np.array([Fraction(i, 7) for i in range(500)])})
    shown = Read(many.html())
    assert "… (all of it is in the record)" in shown.text("td")
    assert "499/7" in shown.text("pre")


def test_an_audit_without_findings_is_no_pass():
    assert Audit("f", "gaussian-kl", "KL", (), (), 0)._page().mark == "open"


def test_bounds_that_were_pickled_are_shown_as_before():
    import pickle

    found = report("bounds of many")
    assert pickle.loads(pickle.dumps(found)).html() == found.html()


# ---- parts ----------------------------------------------------------------------------------------------------------


def test_of_very_many_rows_the_first_are_shown():
    text = Table("Rows", ["a", "b"], [[str(i), "x"] for i in range(MOST + 7)]).body()
    assert text.count("<tr>") == MOST + 1
    assert "7 more rows are in the record." in text


def test_a_row_that_fails_is_marked_and_says_so():
    assert Table("Rows", ["a"], [["x"], ["y"]], marked={1}).body().count('class="marked"') == 1
    page = Read(report("unexplained").html())
    assert "times that" in page.text("td")


def test_every_verdict_has_a_sign_beside_its_colour():
    for mark, sign in (("good", "✓"), ("bad", "✗"), ("open", "?")):
        assert f">{sign}</span>" in Page("t", mark, ("Word.", "Sentence."), [Lines(["x"])]).fragment()


def luminance(colour):
    """As WCAG 2 has it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("rules", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_have_the_contrast_that_wcag_wants_of_text(rules):
    colours = dict(re.findall(r"--(\w+): (#\w{6})", rules))
    for name in ("ink", "soft", "good", "bad", "open", "blue", "orange"):
        assert min(contrast(colours[name], colours[ground]) for ground in ("paper", "fill")) >= 4.5, name
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


EXTREMES = [0.0, 5e-324, 1e-310, 1e-300, 1.0, 1 + 2**-52, 1e16, 1e308, 1.7976931348623157e308, math.inf, math.nan]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_an_axis_holds_whatever_numbers_there_are(logarithmic):
    numbers = [*EXTREMES, *(-x for x in EXTREMES)]
    for pair in ((a, b) for a in numbers for b in numbers):
        axis = Axis.of(pair, logarithmic)
        if axis is None:
            assert not any(math.isfinite(x) and (x > 0 or not logarithmic) for x in pair)
            continue
        assert 1 <= len(axis.ticks) <= 12
        places = [axis.at(x) for x in (*axis.ticks, *pair) if not math.isnan(x)]
        assert all(2 <= round(place, 6) <= 98 for place in places), (pair, axis)
        assert [axis.at(x) for x in sorted(axis.ticks)] == sorted(axis.at(x) for x in axis.ticks)


def test_figures_of_nothing_and_of_infinities_are_drawn():
    assert "There is no number to draw." in Strips("h", "a", [Row("x", (Span(-math.inf, math.inf),))]).body()
    text = Strips("h", "a", [Row("x", (Span(0.0, math.inf),)), Row("y", (Span(1.0, 2.0),))], zero=True).body()
    assert "▸" in text
    assert "◂" not in text
    assert "nan" not in Panels("h", "a", [("x", [math.inf, 0.0, 3.0])]).body()


def test_of_very_many_elements_the_greatest_of_each_few_are_drawn():
    heights = [0.25] * 10_000
    heights[5_000] = 7.5
    text = Panels("h", "a", [("x", heights)]).body()
    assert text.count("<circle") == 400
    assert "x; a dot for each 25" in text
    assert len(set(re.findall(r'cy="([^"]+)"', text))) == 2


def test_a_page_needs_no_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert report("unexplained").html().count("<svg") == 2


# ---- the command line -----------------------------------------------------------------------------------------------

COMMANDS = {
    "compare specs.py:smooth in.npz": "Comparison of smooth",
    "bounds specs.py:smooth in.npz --radius x=0.1": "Bounds of smooth",
    "prove specs.py:smooth in.npz --radius x=0.1 --at-least 0": "Claim about smooth",
    "prove specs.py:smooth in.npz --radius x=0.1 --at-most 0": "Claim about smooth",
    "crosscheck specs.py:smooth in.npz": "Cross-check of smooth in float64",
    "tolerance specs.py:smooth in.npz --radius x=0.1": "Tolerance of smooth in float64",
    "ranges specs.py:smooth in.npz --radius x=0.1": "Ranges of smooth in float64",
    "audit kl.py:kl --kind gaussian-kl": "Audit of kl, as gaussian-kl",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_writes_its_page(files, capsys, command):
    Path("kl.py").write_text("def kl(mu, logvar):\n    return 0 * mu.mean()\n", encoding="utf-8")
    code, out, err = run(capsys, *command.split(), "--html", "page.html", "--quiet")
    assert (code, err) == (int("at-most" in command or "kl.py" in command), "")
    assert out
    text = Path("page.html").read_text(encoding="utf-8")
    assert Read(text).text("h1") == COMMANDS[command]
    assert not faults(text)


def test_a_query_has_a_page(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("vnnlib")
    monkeypatch.chdir(Path(__file__).parent.parent)
    page = tmp_path / "page.html"
    code, out, _ = run(capsys, "verify", "examples/square.onnx", "examples/square.vnnlib", "--html", str(page))
    assert (code, out) == (0, "unsat\n")
    assert "No input satisfies the query" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_where_no_page_can_be_written_nothing_is_done(files, capsys, command):
    code, out, err = run(capsys, *command.split(), "--html", "none/page.html")
    assert (code, out) == (2, "")
    assert err == "scalarspec: error: html: none/page.html cannot be written: No such file or directory\n"


def test_a_page_is_written_whole_or_not_at_all(files, capsys, monkeypatch):
    Path("page.html").write_text("before", encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scalarspec.files.os.replace", full)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    before = sorted(Path.cwd().iterdir())
    code, out, err = run(capsys, "compare", "specs.py:smooth", "in.npz", "--html", "page.html", "--quiet")
    assert (code, "float64" in out) == (2, True)
    assert err == "scalarspec: error: html: page.html cannot be written: No space left on device\n"
    assert Path("page.html").read_text(encoding="utf-8") == "before"
    assert sorted(Path.cwd().iterdir()) == before


def test_a_name_that_no_encoding_has_is_written_by_its_number(files, capsys):
    text = "def mean(x):\n    return x[0]\n\n\nmean.__name__ = 'f\\udcff'\n"
    Path("odd.py").write_text(text, encoding="utf-8")
    assert run(capsys, "compare", "odd.py:mean", "in.npz", "--html", "page.html")[0] == 0
    assert "Comparison of f&#56575;" in Path("page.html").read_text(encoding="utf-8")


def test_a_page_goes_where_a_link_leads(files, capsys):
    Path("real.html").write_text("before", encoding="utf-8")
    Path("page.html").symlink_to("real.html")
    assert run(capsys, "compare", "specs.py:smooth", "in.npz", "--html", "page.html")[0] == 0
    assert Path("page.html").is_symlink()
    assert Path("real.html").read_text(encoding="utf-8").startswith("<!doctype html>")


# ---- the document ---------------------------------------------------------------------------------------------------

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "how-to" / "reports.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^\$ scalarspec (.*)$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("command", SHOWN)
def test_the_commands_of_the_document_write_pages(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    assert run(capsys, *command.split())[0] == 0
    assert not faults(Path(command.split()[-1]).read_text(encoding="utf-8"))


def test_there_are_commands_in_the_document():
    assert len(SHOWN) == 6
