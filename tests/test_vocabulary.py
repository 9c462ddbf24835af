"""docs/reference/vocabulary.md is what the code makes, has a row for everything, and says of each what is so."""

import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import activation, conformance, latent, layers, loss, models
from scalarspec.core import functions, sets
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import NotExact, ShapeError, UnknownName
from scalarspec.frontends.array_api.standard import REASONS, SECTIONS
from scalarspec.vocabulary.calls import CALLS, NO_SPECS, SIZED
from scalarspec.vocabulary.names import COMPOSED
from scalarspec.vocabulary.page import array_api_names, page, sections
from scalarspec.vocabulary.rows import Row, done, sentence

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "vocabulary.md"
ROWS = [row for rows in sections().values() for row in rows]
CALLED = [row for row in ROWS if row.call is not None]
STANDARD = {name for text in SECTIONS.values() for name in text.split()}
ROOMS = {"core": [functions, sets], "activation": [activation], "loss": [loss], "latent": [latent], "layers": [layers]}


def by_name(row):
    return f"{row.room}.{row.name}"


def test_the_page_is_what_would_be_written():
    assert PAGE.read_text(encoding="utf-8") == page(), "make vocabulary"


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_one_row(room):
    public = {
        name: getattr(module, name)
        for module in ROOMS[room]
        for name in module.__all__
        if inspect.isfunction(getattr(module, name)) or inspect.isclass(getattr(module, name))
    }
    assert sorted(row.name for row in ROWS if row.room == room) == sorted(public)


def test_every_operation_and_every_model_has_a_row():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n| `{name}` | {line.kind} |" in text for name, line in OPERATIONS.items())
    assert all(f"\n| `{info.name}." in text for info in pkgutil.iter_modules(models.__path__))


def test_no_line_of_a_table_is_spare():
    listed = {(row.room, row.name) for row in ROWS}
    assert {(room, name) for room, lines in COMPOSED.items() for name in lines} <= listed
    assert {*CALLS, *NO_SPECS, *SIZED} <= {".".join(pair) for pair in listed}


def test_every_row_says_what_it_is():
    assert not [by_name(row) for row in ROWS if not row.sentence or "0x" in row.signature]


def test_the_first_sentence_of_a_text():
    assert sentence("One x. Another.") == "One x"
    assert sentence("By He et al. 2015, of x.\n\nMore.") == "By He et al. 2015, of x"
    assert sentence("A mean. axis, keepdims: as ever.") == "A mean"


# ---- what the rows claim --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", CALLED, ids=by_name)
def test_what_is_always_rational_is_never_refused_by_the_rationals(row):
    if row.rational == "always":
        row.call.under(ss.context("rational"))


def test_what_no_context_of_floats_or_rationals_has_is_about_boxes():
    assert {row.name for row in ROWS if row.rational == "refused"} == {"hull", "intersection"}
    assert {row.name for row in ROWS if row.floats == "refused"} == {*sets.__all__, "endpoints"}


@pytest.mark.parametrize("row", CALLED, ids=by_name)
def test_intervals_enclose_what_floats_find(row):
    value = None if row.floats == "refused" else row.call.under(ss.context("float64"))
    if not isinstance(value, ss.Tensor):
        return
    for name in ("interval", "interval64"):
        lower, upper = (np.asarray(end, dtype=np.float64) for end in ss.endpoints(row.call.under(ss.context(name))))
        found = np.asarray(value)
        slack = 2.0**-40 * (1 + np.abs(found))
        assert np.all((lower - slack <= found) & (found <= upper + slack)), name


def test_operations_are_those_of_the_definition():
    """Of some, by hand: what a trace misses would be missed here."""
    found = {by_name(row): set(row.operations) for row in ROWS}
    assert found["core.conv"] >= {"patches", "matmul", "add"}
    assert found["core.argmax"] <= {"negative"}
    assert found["loss.mse"] == {"subtract", "mean_square"}
    assert found["layers.sinusoids"] >= {"pow", "sin", "cos"}
    assert found["layers.LayerNorm"] >= {"mean", "rms_norm"}
    assert found["core.softmax"] == {"softmax"}


@pytest.mark.parametrize("row", [row for row in CALLED if row.name in OPERATIONS and row.room == "core"], ids=by_name)
def test_what_is_named_like_an_operation_does_it(row):
    """Or is read in its definition by a tape, as what has no derivative rule of its own."""
    line = OPERATIONS[row.name]
    assert row.name in done(row.call) or line.kinks == "parts" or line.graph == "defined" or row.name == "pi"


# ---- names elsewhere ------------------------------------------------------------------------------------------------


def test_names_of_the_standard_are_its_own():
    assert {name.removeprefix("linalg.") for name in array_api_names()} - {"pi"} <= STANDARD
    for row in ROWS:
        if row.names[0] not in ("-", "pi"):
            assert row.names[0].removeprefix("linalg.") in (row.name, "exp"), row.name


def test_each_name_of_the_standard_is_here_or_left_out_for_a_reason():
    here = {name.removeprefix("linalg.") for name in array_api_names()} & STANDARD
    assert here | {*REASONS} == STANDARD
    assert not here & {*REASONS}
    assert {name for name in STANDARD if callable(getattr(ss, name, None))} == here


def test_numpy_has_the_names_of_the_standard():
    """NumPy 2 has the standard's names, which checks that they are copied well."""
    where = [np, np.linalg, np.fft]
    missing = {name for name in STANDARD if not any(hasattr(module, name) for module in where)}
    assert missing <= {"bitwise_invert", "nextafter"} - set(dir(np))


def test_pytorch_has_the_names_that_it_is_said_to_have():
    torch = pytest.importorskip("torch")
    named = {row.names[1] for row in ROWS} | {line.torch for line in OPERATIONS.values()} - {None}
    missing = []
    for name in named - {"-", "torchvision.ops.sigmoid_focal_loss"}:
        for each in [name.replace("{1,2,3}", n) for n in "123"] if "{" in name else [name]:
            where = [torch, torch.nn, torch.nn.functional, torch.linalg, torch.special, torch.Tensor]
            if not any(hasattr(module, each.rpartition(".")[2]) for module in where):
                missing.append(each)
    assert missing in ([], ["pi"])


def test_what_is_refused_is_an_operation_under_a_reading():
    from scalarspec.conformance.refusals import REFUSED

    assert all(operation in OPERATIONS and reading in conformance.READINGS for operation, reading in REFUSED)


def test_what_has_no_line_or_no_call_says_what_is_missing():
    with pytest.raises(UnknownName, match="own: say what it is called elsewhere"):
        _ = Row("core", "own", ss.exp).names
    with pytest.raises(UnknownName, match="own: say how it is called, in CALLS: own: "):
        _ = Row("core", "own", refuses).operations


def refuses(x):
    """Of no vector."""
    raise ShapeError(f"own: {x.shape}")


def test_a_wrong_claim_would_be_seen():
    """The checks can fail: exp is not rational at most numbers."""
    row = next(row for row in ROWS if by_name(row) == "core.exp")
    with pytest.raises(NotExact):
        row.call.under(ss.context("rational"))
