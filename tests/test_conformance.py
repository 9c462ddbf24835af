"""Every operation under every interpreter, from the table; and that wrong facts and silence do not pass."""

import functools

import pytest
from generated_code import called, compiled

import scalarspec as ss
from scalarspec import conformance
from scalarspec.backends.interval import courses, field
from scalarspec.conformance.examples import SPECS, examples
from scalarspec.conformance.readings import written
from scalarspec.conformance.refusals import REFUSED
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import UnknownName

NO_CASE = {
    "range_of_values": lambda line: line.name in SPECS or line.kind not in ("elementwise", "reduction"),
    "empty": lambda line: not line.scalar,
}
"""Where a reading has nothing to try: no range is stated of an example that is more than the operation; and shapes
without elements are tried, for what is not done on each element, by every reading.
"""
made = functools.cache(lambda operation: tuple(examples(OPERATIONS[operation])))


@pytest.mark.parametrize("reading", conformance.READINGS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_holds_under_a_reading(operation, reading):
    found = conformance.check(operation, reading, made(operation))
    nothing = reading in NO_CASE and NO_CASE[reading](OPERATIONS[operation])
    refused = (operation, reading) in REFUSED
    assert found.status == ("no case" if nothing else "refused" if refused else "holds"), str(found)


def test_what_holds_elsewhere_hides_no_refusal():
    found = [conformance.check("reshape", "matrix", [example]).status for example in made("reshape")]
    assert "refused" in found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_generated_c_gives_the_values(operation, tmp_path):
    for i, example in enumerate(e for e in made(operation) if any(v is not None for v in e.values)):
        folder = tmp_path / str(i)
        folder.mkdir()
        found = ss.derive(example.named, *(ss.Shape(x.shape) for x in example.low))
        function, size = compiled(found.c99("generated"), "generated", folder), found.value.size
        shape = found.value.shape
        missed = written(example, lambda *xs, f=function, n=size, s=shape: called(f, xs, [n])[0].reshape(s))
        assert not missed, missed


@pytest.mark.parametrize(("module", "operation"), [(field, "divide"), (field, "pow"), (courses, "atan2")])
def test_a_pole_that_is_not_told_is_noticed(module, operation, monkeypatch):
    assert conformance.check(operation, "domain").status == "holds"
    monkeypatch.setattr(module, "pole", lambda *_: None)
    assert conformance.check(operation, "domain").status == "misses"


def test_what_there_is_not_is_named():
    for asked in (lambda: conformance.run(["sinc"]), lambda: conformance.check("sinc", "interval")):
        with pytest.raises(UnknownName, match="no operation is called 'sinc'"):
            asked()
    with pytest.raises(UnknownName, match="no reading is called 'fast'"):
        conformance.check("exp", "fast")
