"""What pages take from the code: docstrings, and lines such as `<!-- functions: Losses -->`, which become a reference.

    functions: group    the functions and classes of a group of the vocabulary
    models              each model, with its functions
    errors              the error classes
    backends            what `scalarspec backends` prints
    gallery             the pages of the gallery, each with its source
    commands            each command with its options, from their parsers

Sphinx calls `setup`, and `filled` for each page.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extensions.docstrings import Links, has_example, restructured
from scalarspec import cli, errors, models
from scalarspec.vocabulary.examples import example
from scalarspec.vocabulary.groups import groups
from scalarspec.vocabulary.page import table
from scalarspec.vocabulary.public import address, jobs, results, vocabulary

LINE = re.compile(r"^<!-- (\w+)(?:: (.+))? -->$", re.MULTILINE)


def setup(app: Any) -> dict[str, Any]:
    """Sphinx hands the source of each page, and each docstring, to this extension."""
    app.connect("source-read", lambda _, __, source: source.__setitem__(0, filled(source[0])))
    app.connect("autodoc-process-docstring", _processed)
    app.connect("autodoc-process-signature", _signed)
    return {"parallel_read_safe": True}


def filled(source: str) -> str:
    """A page with what its lines are made into."""
    return LINE.sub(lambda found: "\n".join(MADE[found[1]](*filter(None, [found[2]]))), source)


def _processed(_: Any, __: str, name: str, found: Any, ___: Any, lines: list[str]) -> None:
    """Puts reStructuredText in the place of a docstring, without what a room may import, which is no user's matter."""
    text = re.sub(r"(?:^|(?<= ))May import:\s[^.]*\.", "", "\n".join(lines), flags=re.MULTILINE)
    lines[:] = [*restructured(text, parameters_of(found), links_in(name)), *additions(name, text)]


def _signed(_: Any, __: str, ___: str, ____: Any, _____: Any, signature: str | None, returns: str | None) -> Any:
    """Aliases of types by their names, which autodoc shows as references in unions."""
    return tuple(text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (signature, returns))


def directive(name: str, target: str, *options: str) -> Iterator[str]:
    """A directive of autodoc in a MyST page."""
    yield from ("```{eval-rst}", f".. {name}:: {target}", *(f"   {option}" for option in options), "```", "")


# ---- the vocabulary -------------------------------------------------------------------------------------------------


def functions(group: str) -> Iterator[str]:
    """The reference of a group."""
    for row in groups()[group]:
        yield from directive("autoclass" if inspect.isclass(row.function) else "autofunction", address(row))


def additions(name: str, text: str) -> list[str]:
    """What the vocabulary adds to a docstring: an example where it has none, and the name elsewhere."""
    row = vocabulary().get(name)
    if row is None:
        return []
    lines = []
    if row.call is not None and not has_example(text):
        lines += [".. code-block:: python", "", *(f"   {line}" for line in example(row).splitlines()), ""]
    elsewhere = zip(("array API", "PyTorch", "ONNX"), row.names, strict=True)
    named = [f"{where} ``{name}``" for where, name in elsewhere if name != "-"]
    if row.call is not None:
        named.append(f"floats: {row.floats}; rational: {row.rational}")
    return [*lines, ".. container:: facts", "", f"   {' · '.join(named)}", ""] if named else lines


def parameters_of(found: Any) -> list[str]:
    """The names of the parameters of what can be called."""
    try:
        return list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return []


@functools.cache
def _targets() -> dict[str, str]:
    """What backticks in a docstring link to, by what stands in them: names of the package, with `ss.` or without."""
    within = {name.removeprefix("scalarspec."): name for name in [*vocabulary(), *jobs()]}
    last = {name.rpartition(".")[2]: name for name in [*results(), *_error_addresses()]}
    return {**last, **within, **{f"ss.{name}": target for name, target in within.items()}}


def _error_addresses() -> list[str]:
    """The addresses of the error classes."""
    return [f"{errors.__name__}.{name}" for name, value in vars(errors).items() if inspect.isclass(value)]


def links_in(name: str) -> Links:
    """What gives the role that links a public name to its place, for the docstring of some name. In one of what is no
    function of the vocabulary `width` may be a field, and `sum` a word: there these are links as `ss.width` alone.
    """
    plain = name in vocabulary()

    def linked(word: str) -> str | None:
        target = _targets().get(word.removesuffix("()"))
        ambiguous = target in vocabulary() and "." not in word and not plain
        return f":py:obj:`{word} <{target}>`" if target and not ambiguous else None

    return linked


# ---- models, errors, backends ---------------------------------------------------------------------------------------


def model_pages() -> Iterator[str]:
    """Each model, with its functions."""
    for info in pkgutil.iter_modules(models.__path__):
        yield f"## {info.name}\n"
        yield from directive("automodule", f"{models.__name__}.{info.name}", ":members:")


def error_classes() -> Iterator[str]:
    """Each error class, in the order of the file."""
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, errors.ScalarSpecError):
            yield from directive("autoexception", f"scalarspec.errors.{name}", ":show-inheritance:")


def backends() -> Iterator[str]:
    """What the command prints."""
    rows = cli.backends.run_backends(argparse.Namespace())[0].rows
    yield table(("backend", "kind", "what it is"), ((f"`{name}`", *said) for name, *said in rows))


# ---- the gallery ----------------------------------------------------------------------------------------------------

GALLERY = Path(__file__).parent.parent / "gallery"


def gallery() -> Iterator[str]:
    """Each page of the gallery, with the first of its sources."""
    pages = [(path.name, path.read_text("utf-8")) for path in sorted(GALLERY.glob("*.md")) if path.name != "index.md"]
    yield from ("| the mistake | where it was |", "|---|---|")
    for name, text in pages:
        title, source = text.partition("\n")[0].removeprefix("# "), text.partition("## Source")[2]
        link = re.search(r"\[[^\]]+\]\([^)]+\)", source)
        yield f"| [{title}]({name}) | {' '.join(link[0].split()) if link else ''} |"


# ---- the command line -----------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """The command, and each of its commands, with all options."""
    whole = cli.parser()
    yield from _command(whole)
    (choices,) = (action.choices for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    for name, parser in choices.items():
        yield f"## {name}\n"
        yield from _command(parser)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"{_sentence(parser.description or '')}\n"
    yield from ("```{code-block} text", parser.format_usage().removeprefix("usage: ").rstrip(), "```", "")
    yield from ("```{eval-rst}", f".. program:: {parser.prog}", "")
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            yield from (f".. option:: {_option(action)}", "", f"   {_help(parser, action)}", "")
    yield from ("```", "")
    if parser.epilog:
        yield from ("```{code-block} text", parser.epilog.rstrip(), "```", "")


def _option(action: argparse.Action) -> str:
    """An option with its names and its value, as usage shows it."""
    if not action.option_strings:
        return action.dest
    value = "" if action.nargs == 0 else f" {action.metavar or _choices(action) or action.dest.upper()}"
    return ", ".join(f"{name}{value}" for name in action.option_strings)


def _choices(action: argparse.Action) -> str:
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%") % {**vars(action), "prog": parser.prog} if action.help else ""
    return _sentence(re.sub(r"([\\*|`_])", r"\\\1", text))


def _sentence(text: str) -> str:
    """A text that begins as a sentence and ends as one."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


MADE = {
    "functions": functions, "models": model_pages, "errors": error_classes, "backends": backends, "gallery": gallery,
    "commands": commands,
}  # fmt: skip
"""What makes each kind of line."""
