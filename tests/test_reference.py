"""The reference: every public name has a text that says what it takes, gives and raises, and an example; the pages list
all of them.
"""

import ast
import inspect
import re
import sys
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import conformance, errors, extend, laws, models
from scalarspec.vocabulary.calls import numbers
from scalarspec.vocabulary.examples import _numbers, example
from scalarspec.vocabulary.public import jobs, public, results, vocabulary

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))
from extensions.docstrings import blocks, has_example, is_code, restructured  # noqa: E402
from extensions.generated import filled, links_in  # noqa: E402
from extensions.links import broken, unlisted  # noqa: E402

PUBLIC = public()
ROWS = vocabulary()


# ---- what a text must say -------------------------------------------------------------------------------------------


def _parameters(value):
    return inspect.signature(value).parameters if callable(value) else ()


def unnamed_parameters(value, text):
    """The parameters that a text does not name, but for what a class keeps to itself."""
    open_ended = {"args", "kwargs"} if inspect.isclass(value) else set()
    names = {name for name in _parameters(value) if not name.startswith("_")} - open_ended
    return sorted(name for name in names if not re.search(rf"(?<!\w){name}(?!\w)", text))


DOES = re.compile(r"^(?!Does )[A-Z][a-z]*[^su\W]s\b|^(?:Run|Make|Check)\b")


def hides_its_result(value, text):
    """Does a function say what it does, and not what comes of it? A first sentence such as "The sum" says that."""
    returns = inspect.isfunction(value) and inspect.signature(value).return_annotation not in ("None", "Never")
    return returns and bool(DOES.match(text)) and not re.search(r"\breturns?\b|\bresult\b", text, re.IGNORECASE)


def unnamed_errors(value, text):
    """The errors that a function raises by itself, and its text does not name."""
    if not inspect.isfunction(value):
        return []
    tree = ast.parse(dedent(inspect.getsource(value)))
    raised = (ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc)
    return sorted(
        {call.partition("(")[0].rpartition(".")[2] for call in raised}
        & set(vars(errors)) - set(re.findall(r"\w+", text))
    )


def lacks_an_example(name, text):
    """Is there no code in a text, nor made from the call of a function of tensors? A result is shown by its job, and
    what belongs together by the text of its module, which its page begins with.
    """
    generated = name in ROWS and ROWS[name].call is not None
    return not (has_example(text) or generated or name in results() or is_shown_by_its_module(name))


def module_text(name):
    """The text of the module that has a name, with which its page begins."""
    return inspect.getdoc(sys.modules.get(name.rpartition(".")[0])) or ""


def code_in(text):
    """The code in a text, without prompts and what they print."""
    found = [dedent("\n".join(lines)) for indented, lines in blocks(text) if indented and is_code("\n".join(lines))]
    lines = "\n".join(found).splitlines()
    session = [line[4:] for line in lines if line.startswith((">>> ", "... "))]
    return "\n".join(session or lines)


def is_shown_by_its_module(name):
    """Does the code in the text of its module speak of it?"""
    return bool(re.search(rf"\b{name.rpartition('.')[2]}\b", code_in(module_text(name))))


def faults(name, value):
    """What is missing in the text of a public name."""
    text = inspect.getdoc(value) or ""
    if inspect.isclass(value) and issubclass(value, BaseException):
        return [] if "What to do:" in text else ["does not say what to do"]
    found = [f"does not name {parameter}" for parameter in unnamed_parameters(value, text + module_text(name))]
    found += ["does not say what it returns"] if hides_its_result(value, text) else []
    found += [f"does not say that it raises {error}" for error in unnamed_errors(value, text)]
    return found + (["has no example"] if lacks_an_example(name, text) else [])


def test_every_public_name_has_a_text():
    assert not [name for name, value in PUBLIC.items() if not inspect.getdoc(value)]


def test_every_job_has_an_entry_for_its_spec():
    takes = {name: TEXTS[name] for name, value in jobs().items() if "spec" in _parameters(value)}
    assert not [name for name, text in takes.items() if not re.search(r"^spec: ", text, re.MULTILINE)]
    assert len(takes) > 12


LEFT = {"scalarspec.extend.": 4, "scalarspec.conformance.reading": 1}
"""What is still to be written, by what the names begin with, and of how many names: this shrinks, and never grows."""


def test_every_text_says_what_it_takes_gives_and_raises():
    found = {name: faults(name, value) for name, value in PUBLIC.items()}
    wanting = {name for name, missing in found.items() if missing}
    open_now = {part: sum(name.startswith(part) for name in wanting) for part in LEFT}
    unexpected = [f"{name}: {', '.join(found[name])}" for name in wanting if not name.startswith(tuple(LEFT))]
    print(f"{len(PUBLIC)} public names, {len(PUBLIC) - len(wanting)} complete, {len(wanting)} to be completed")
    assert not unexpected
    assert open_now == LEFT


def partial(x, y=1):
    """Squares of x."""
    if y:
        raise errors.ShapeError("y")
    return x


def test_what_is_missing_in_a_text_is_seen():
    assert faults("partial", partial) == [
        "does not name y",
        "does not say what it returns",
        "does not say that it raises ShapeError",
        "has no example",
    ]
    assert faults("scalarspec.errors.Other", type("Other", (Exception,), {"__doc__": "Bad."})) == [
        "does not say what to do"
    ]


# ---- examples -------------------------------------------------------------------------------------------------------

MODULES = {name.rpartition(".")[0] for name in PUBLIC} & set(sys.modules)
TEXTS = {name: inspect.getdoc(sys.modules[name]) or "" for name in MODULES}
TEXTS |= {name: inspect.getdoc(value) or "" for name, value in PUBLIC.items()}
OWN = [name for name in sorted(TEXTS) if has_example(TEXTS[name])]
OF_THE_READER = {
    "scalarspec.audit", "scalarspec.crosscheck", "scalarspec.from_jax", "scalarspec.from_onnx", "scalarspec.from_torch",
    "scalarspec.load_weights", "scalarspec.ranges", "scalarspec.theory", "scalarspec.to_torch", "scalarspec.tolerance",
    "scalarspec.verify", "scalarspec.models.iwae.bound", "scalarspec.models.vae.loss",
    "scalarspec.models.vqvae.straight_through",
}  # fmt: skip
"""Whose examples speak of what they leave to the reader: a loss, a model, a file, a package that may not be there."""


def scope_of(name):
    """What an example may use: NumPy, this package and its rooms, and what is in its own module."""
    rooms = {"ss": ss, "np": np, "Fraction": Fraction, "laws": laws, "conformance": conformance, "extend": extend}
    own = vars(sys.modules[name]) if name in MODULES else {}
    return {**own, **rooms, **{name: value for name, value in vars(models).items() if inspect.ismodule(value)}}


@pytest.mark.parametrize("name", [name for name in OWN if name not in OF_THE_READER])
def test_an_example_in_a_text_runs(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    exec(code_in(TEXTS[name]), scope_of(name))


def test_the_examples_in_texts_are_counted():
    print(f"{len(OWN)} examples in texts, {len(OWN) - len(OF_THE_READER)} run by themselves")
    assert set(OWN) > OF_THE_READER
    assert len(OWN) > 140


CALLED = [name for name, row in ROWS.items() if row.call is not None]


@pytest.mark.parametrize("name", CALLED)
def test_a_generated_example_shows_the_call(name):
    *statements, last = [line for line in example(ROWS[name]).splitlines() if line.startswith(">>> ")]
    assert all(" = " in statement for statement in statements)
    assert ROWS[name].name in last


def test_a_generated_example_is_what_a_user_sees():
    assert example(ROWS["scalarspec.square"]).splitlines() == [
        '>>> tensor = ss.context("float64").tensor',
        ">>> x = tensor([0.0625, 0.375])",
        ">>> ss.square(x)",
        "Tensor([0.00390625, 0.140625], (2,), float64)",
    ]
    assert "ss.layers.Conv(weight, bias)(x)" in example(ROWS["scalarspec.layers.Conv"])
    assert "ss.layers.RNN(x1, x2), ss.layers.RNN(x3, x4)" in example(ROWS["scalarspec.layers.Bidirectional"])


# ---- pages ----------------------------------------------------------------------------------------------------------

DIRECTIVE = re.compile(r"^\.\. auto(\w+):: (\S+)\n((?:   :.*\n)*)", re.MULTILINE)


def listed(text):
    """The names that a page documents."""
    for kind, target, options in DIRECTIVE.findall(text):
        members = re.search(r":members:(.*)", options)
        if kind != "module":
            yield target
        elif members:
            names = members[1].replace(",", " ").split()
            yield from (name for name in PUBLIC if name.rpartition(".")[0] == target and not names)
            yield from (f"{target}.{name}" for name in names)


PAGES = {path: filled(path.read_text(encoding="utf-8")) for path in sorted((DOCS / "reference").rglob("*.md"))}


def test_the_reference_lists_every_public_name_once():
    names = [name for text in PAGES.values() for name in listed(text)]
    print(f"{len(set(names) & set(PUBLIC))} of {len(PUBLIC)} public names in {len(PAGES)} pages")
    assert not set(PUBLIC) - set(names)
    assert len(names) == len(set(names))


def test_a_name_that_no_page_has_is_seen():
    assert list(listed("```{eval-rst}\n.. autofunction:: scalarspec.exp\n```\n")) == ["scalarspec.exp"]
    assert "scalarspec.theory.check" in set(listed(".. automodule:: scalarspec.theory\n   :members:\n"))
    assert not list(listed(".. automodule:: scalarspec.theory\n"))


def test_broken_links_and_missing_names_in_built_pages_are_seen(tmp_path):
    (tmp_path / "reference").mkdir()
    links = ["b.html#here", "b.html#there", "c.html", "https://example.org/c.html", "#top", "reference/"]
    (tmp_path / "a.html").write_text("".join(f'<a href="{link}">x</a>' for link in links), encoding="utf-8")
    (tmp_path / "b.html").write_text('<p id="here">x</p>', encoding="utf-8")
    assert list(broken(tmp_path)) == ["a.html: b.html#there", "a.html: c.html", "a.html: #top"]
    (tmp_path / "reference" / "exp.html").write_text('<dt id="scalarspec.exp">', encoding="utf-8")
    missing = list(unlisted(tmp_path))
    assert len(missing) == len(PUBLIC) - 1
    assert "scalarspec.log: it is not in the reference" in missing


def test_every_command_and_every_option_is_listed():
    from scalarspec import cli

    page = PAGES[DOCS / "reference" / "command_line.md"]
    (commands,) = [action.choices for action in cli.parser()._actions if isinstance(action.choices, dict)]
    for name, parser in commands.items():
        (part,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        for action in parser._actions:
            assert f".. option:: {(action.option_strings or [action.dest])[0]}" in part


# ---- docstrings as reStructuredText ---------------------------------------------------------------------------------


def test_a_docstring_becomes_a_list_of_its_arguments():
    text = """The sum *of* x_1 and `exp`.

    x: a number; y: another one, or `None`. Returns their sum. Raises ShapeError elsewhere.

      one    the first
      two    the second,
             and more

        if x:
            f(x, 2)

        g(x)
    """
    lines = restructured(inspect.cleandoc(text), ["x", "y"], links_in("scalarspec.sum"))
    assert lines[0].startswith("The sum \\*of\\* x\\_1 and \\ :py:obj:`exp <scalarspec.exp>`")
    assert lines[3:7] == ["**x**", "   a number", "", "**y**"]
    assert "*Returns*" in lines
    assert any(":py:obj:`ShapeError <scalarspec.errors.ShapeError>`" in line for line in lines)
    assert lines[lines.index("``two``") + 1] == "   the second, and more"
    assert lines[-7:] == [".. code-block:: python", "", "   if x:", "       f(x, 2)", "   ", "   g(x)", ""]


def test_words_are_links_only_where_they_are_meant():
    assert links_in("scalarspec.sum")("mean") == ":py:obj:`mean <scalarspec.mean>`"
    assert links_in("scalarspec.bounds")("width") is None
    assert links_in("scalarspec.bounds")("ss.width") == ":py:obj:`ss.width <scalarspec.width>`"
    assert links_in("scalarspec.bounds")("nothing") is None


def test_what_python_reads_is_code():
    assert is_code("f(x)")
    assert is_code("    >>> 1 + 1\n    2")
    assert not is_code("gaussian-kl    mu, logvar")
    assert not is_code("a table")


@pytest.mark.parametrize("shape", [(2,), (2, 3), (1, 2, 4, 4)])
def test_the_numbers_of_an_example_are_those_of_the_call(shape):
    assert np.array_equal(eval(_numbers(shape), {"np": np}), numbers(shape))
