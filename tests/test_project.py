"""What the project says of itself: one version, one list of needs, commands that exist, forms that are valid."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

import scalarspec as ss

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
METADATA = PROJECT["project"]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def loaded(path):
    return yaml.safe_load(text(path))


# ---- versions and what is needed ------------------------------------------------------------------------------------


def test_the_version_is_in_one_place():
    assert "version" in METADATA["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "scalarspec/__init__.py"
    assert re.findall(r'^__version__ = "(.*)"$', text("scalarspec/__init__.py"), re.MULTILINE) == [ss.__version__]


def requirement(line):
    """A package and its bounds, in conda's or pip's writing."""
    name, bounds = re.fullmatch(r"([\w.-]+)\s*(.*)", line).groups()
    return name.lower(), bounds.replace(" ", "")


def needed():
    return {requirement(line) for line in METADATA["dependencies"]}


def test_the_recipe_says_what_the_project_says():
    recipe = loaded("packaging/conda/recipe.yaml")
    assert recipe["context"]["version"] == ss.__version__
    python, *others = (requirement(line) for line in recipe["requirements"]["run"])
    assert python == ("python", ">=${{python_min}}")
    assert set(others) == needed()
    oldest = loaded("packaging/conda/variants.yaml")["python_min"]
    assert [f">={version}" for version in oldest] == [METADATA["requires-python"]]
    host = {requirement(line) for line in recipe["requirements"]["host"]}
    assert {requirement(line) for line in PROJECT["build-system"]["requires"]} < host
    scripts = [f"{name} = {target}" for name, target in METADATA["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    assert (recipe["about"]["summary"], recipe["about"]["license"]) == (METADATA["description"], METADATA["license"])


def test_another_requirement_is_noticed():
    assert requirement("numpy >=2.0") == requirement("numpy>=2.0")
    assert requirement("numpy >=2.1") not in needed()


def test_an_upper_bound_needs_a_reason():
    assert not [line for line in METADATA["dependencies"] if re.search(r"<|==|~=", line)]


# ---- the citation, by the rules of the Citation File Format 1.2.0 ----------------------------------------------------

REQUIRED = {"authors", "cff-version", "message", "title"}
ALLOWED = REQUIRED | {
    "abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url",
    "preferred-citation", "references", "repository", "repository-artifact", "repository-code", "type", "url",
    "version",
}  # fmt: skip
OF_AN_ENTITY = {
    "address", "alias", "city", "country", "date-end", "date-start", "email", "fax", "location", "name", "orcid",
    "post-code", "region", "tel", "website",
}  # fmt: skip


def faults(citation):
    """What is wrong with a citation."""
    yield from (f"{key} is missing" for key in REQUIRED - citation.keys())
    yield from (f"{key} is no key" for key in citation.keys() - ALLOWED)
    if citation.get("cff-version") != "1.2.0":
        yield "the version of the format"
    if citation.get("type", "software") not in ("software", "dataset"):
        yield "the type"
    authors, keywords = citation.get("authors"), citation.get("keywords", [])
    if not authors or not all(set(author) <= OF_AN_ENTITY and author.get("name") for author in authors):
        yield "the authors"
    if len(set(keywords)) < len(keywords) or not all(isinstance(word, str) and word for word in keywords):
        yield "the keywords"
    texts = [citation.get(key, "") for key in ("abstract", "message", "title", "license", "version")]
    if not all(isinstance(each, str) for each in texts):
        yield "a text is none"


def test_the_citation_is_valid_and_agrees_with_the_metadata():
    citation = loaded("CITATION.cff")
    assert not list(faults(citation))
    assert (citation["title"], citation["license"]) == (METADATA["name"], METADATA["license"])
    assert (citation["abstract"], citation["keywords"]) == (METADATA["description"], METADATA["keywords"])
    assert citation["authors"] == METADATA["authors"]


@pytest.mark.parametrize(
    "change", [{"cff-version": 1.2}, {"title": None}, {"home": "x"}, {"authors": []}, {"keywords": ["a", "a"]}]
)
def test_a_wrong_citation_is_noticed(change):
    assert list(faults({**loaded("CITATION.cff"), **change}))


# ---- commands: one list, that .ci/run and the Makefile hold ----------------------------------------------------------

WORKFLOW = ".github/workflows/ci.yml"
TARGETS = set(re.findall(r"^([\w./-]+):", text("Makefile"), re.MULTILINE))
VARIABLES = dict(re.findall(r"^(\w+) \??= (.*)$", text("Makefile"), re.MULTILINE))
PYTEST = VARIABLES["TEST"].replace("$(BIN)/", "")


def commands(workflow):
    """The commands of a workflow: each line, with the system that it is for."""
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            yield from ((job["runs-on"], line) for line in step.get("run", "").splitlines())


def is_known(line):
    """Is a command of the workflow one of .ci/run's or of the Makefile's?"""
    words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "VALUE", line).replace(".venv/bin/", ""))
    match words:
        case ["make", target]:
            return target in TARGETS
        case [".ci/wheel", "python"]:
            return ".ci/wheel .venv/bin/python" in text(".ci/run")
        case ["python", "-m", "pip", "install", "--editable", what]:
            extras = what.removeprefix(".").strip("[]")
            return not extras or set(extras.split(",")) <= METADATA["optional-dependencies"].keys()
        case ["python", "-m", "pip", "--python", "python", "install", "VALUE"]:
            return "-m pip --python $(BIN)/python" in text("Makefile")
        case ["python", "-m", "pytest", *_]:
            return shlex.join(words) == PYTEST
        case ["python", "-m", "scalarspec", *options]:
            ours = text("Makefile") + text(".ci/wheel")
            return shlex.join(["scalarspec", *options]) in ours.replace('"$bin/scalarspec"', "scalarspec").replace(
                "$(BIN)/", ""
            )
    return False


COMMANDS = sorted({line for _, line in commands(loaded(WORKFLOW))})


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_workflow_is_one_of_ours(line):
    assert is_known(line)


def test_windows_has_no_make():
    on_windows = [line for system, line in commands(loaded(WORKFLOW)) if "windows" in system]
    assert on_windows
    assert not [line for line in on_windows if re.search(r"\bmake\b|\.sh\b|\.ci/|\.venv/bin", line)]


@pytest.mark.parametrize(
    "line", ["make everything", "python -m pytest", ".ci/all", "python -m scalarspec fly", "pip install x"]
)
def test_a_command_that_is_not_ours_is_noticed(line):
    assert not is_known(line)


def test_what_lands_is_checked_in_public_too():
    """Each target of `make` in .ci/run, but for the sdist's own tests, is in the workflow."""
    landing = set(re.findall(r"^make (\w+)$", text(".ci/run"), re.MULTILINE))
    public = {line.removeprefix("make ") for line in COMMANDS if line.startswith("make ")}
    assert landing == {"lint", "processors", "libraries", "docs"}
    assert landing <= public


def matrix(job):
    found = loaded(WORKFLOW)["jobs"][job]["strategy"]["matrix"]
    return found.get("include", found)


def test_the_systems_and_versions():
    classified = {c.rpartition(" ")[2] for c in METADATA["classifiers"] if re.search(r":: 3\.\d+$", c)}
    assert set(matrix("test")["python"]) == classified
    assert {system.partition("-")[0] for system in matrix("test")["os"]} == {"ubuntu", "macos"}
    oldest = next(each["libraries"] for each in matrix("libraries-needed") if each["name"] == "oldest")
    least = {f"{name}{bounds.replace('>=', '==')}" for name, bounds in needed()}
    assert {re.sub(r"(==\d+\.\d+)\.0$", r"\1", pin) for pin in oldest.split()} == least


# ---- forms and documents ---------------------------------------------------------------------------------------------

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
KINDS = {"checkboxes", "dropdown", "input", "markdown", "textarea"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_what_repeats_the_issue(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    assert all(field["type"] in KINDS and field["attributes"]["label"] for field in form["body"])
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    asked = path.read_text(encoding="utf-8")
    assert "`scalarspec --version`" in asked
    assert "`--json`" in asked
    assert path.stem == "wish" or "BLAS" in asked


def test_there_are_forms():
    assert [path.stem for path in FORMS] == ["fault", "wish", "wrong-result"]


def test_the_changelog_has_its_form():
    headings = re.findall(r"^(#{2,3}) (.*)$", text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == ("##", "[Unreleased]")
    kinds = {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}
    version = re.compile(r"\[(Unreleased|\d+\.\d+\.\d+)\](?(1)( - \d{4}-\d\d-\d\d)?)")
    assert all(name in kinds if level == "###" else version.fullmatch(name) for level, name in headings)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"])
def test_what_a_document_names_is_there(name):
    named = re.findall(r"`([^`\s]+)`", text(name))
    paths = [word for word in named if "/" in word and not word.startswith(("-", "."))]
    assert not [word for word in paths if not (ROOT / word).exists()]
    for target in re.findall(r"`make ([\w-]+)`|^\$ make ([\w-]+)", text(name), re.MULTILINE):
        assert "".join(target) in TARGETS
