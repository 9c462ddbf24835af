"""What pages take from the code: a line `<!-- functions: Losses -->` in a page becomes their reference.

    functions: group    the functions and classes of a group of the vocabulary
    models              each model, with its functions
    errors              the error classes
    backends            what `scalarspec backends` prints
    commands            each command with its options, from their parsers
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import scalarspec
from scalarspec import cli, errors, models
from scalarspec.vocabulary.examples import example
from scalarspec.vocabulary.groups import groups
from scalarspec.vocabulary.rows import Row

from extensions.docstrings import is_code

LINE = re.compile(r"^<!-- (\w+)(?:: (.+))? -->$", re.MULTILINE)


def setup(app: Any) -> dict[str, Any]:
    """Sphinx hands the source of each page to this extension."""
    app.connect("source-read", lambda _, __, source: source.__setitem__(0, LINE.sub(_made, source[0])))
    return {"parallel_read_safe": True}


def _made(found: re.Match[str]) -> str:
    kind, argument = found.groups()
    return "\n".join(MADE[kind](argument) if argument else MADE[kind]())


def directive(name: str, target: str, *options: str) -> Iterator[str]:
    """A directive of autodoc in a MyST page."""
    yield from ("```{eval-rst}", f".. {name}:: {target}", *(f"   {option}" for option in options), "```", "")


# ---- the vocabulary -------------------------------------------------------------------------------------------------


def public_name(row: Row) -> str:
    """Where users find it."""
    return f"scalarspec.{row.name}" if row.room == "core" else f"scalarspec.{row.room}.{row.name}"


@functools.cache
def rows() -> dict[str, Row]:
    """The rows of the vocabulary by public name."""
    return {public_name(row): row for found in groups().values() for row in found}


def functions(group: str) -> Iterator[str]:
    """The reference of a group."""
    for row in groups()[group]:
        yield from directive("autoclass" if inspect.isclass(row.function) else "autofunction", public_name(row))


def additions(name: str, text: str) -> list[str]:
    """What the vocabulary adds to a docstring: an example where it has none, and the name elsewhere."""
    row = rows().get(name)
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


def has_example(text: str) -> bool:
    """Is there code in a docstring?"""
    return any(is_code(inspect.cleandoc("\n" + block)) for block in re.findall(r"(?:^(?:    .*)?\n?)+", text, re.M))


def parameters_of(found: Any) -> list[str]:
    """The names of the parameters of what can be called."""
    try:
        return list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return []


@functools.cache
def _targets() -> dict[str, str]:
    """What backticks in a docstring link to, by what stands in them."""
    found = {name.removeprefix("scalarspec."): name for name in rows()}
    found |= {name: f"scalarspec.{name}" for name in scalarspec.__all__ if not inspect.ismodule(vars(scalarspec).get(name))}
    found |= {name: f"scalarspec.errors.{name}" for name, value in vars(errors).items() if inspect.isclass(value)}
    return {**found, **{f"ss.{name}": target for name, target in found.items()}}


def links(word: str) -> str | None:
    """The role that links a public name to its place."""
    target = _targets().get(word.removesuffix("()"))
    return f":py:obj:`{word} <{target}>`" if target else None


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
    yield from ("| backend | kind | what it is |", "|---|---|---|")
    for name, kind, promise in cli.backends.run_backends(argparse.Namespace())[0].rows:
        yield f"| `{name}` | {kind} | {promise} |"


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
    "functions": functions, "models": model_pages, "errors": error_classes, "backends": backends, "commands": commands,
}  # fmt: skip
"""What makes each kind of line."""
