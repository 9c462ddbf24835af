"""Records of cross-checks replay, and a replay tells every change."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import run


def test_a_crosscheck_replays(files, capsys):
    for actual in ("specs.py:in_numpy", "float64"):
        argv = ("crosscheck", "specs.py:smooth", "in.npz", "--actual", actual)
        Path("record.json").write_text(run(capsys, *argv, "--json")[1])
        code, out, _ = run(capsys, "replay", "record.json", *argv[1:])
        assert code == 0, out
        assert out.startswith("the same float, the same certificate, the same stages; the same names, texts, inputs")
    np.savez("in.npz", x=np.array([0.5, 2.0000001]))
    code, out, _ = run(capsys, "replay", "record.json", *argv[1:])
    assert (code, "inputs: x: " in out, "enclosure: lower" in out) == (1, True, True)


def recorded(capsys, *more):
    """A record of a cross-check, and what to write to replay it."""
    argv = ("specs.py:smooth", "in.npz", "--actual", "specs.py:in_numpy", *more)
    Path("record.json").write_text(run(capsys, "crosscheck", *argv, "--json")[1])
    return json.loads(Path("record.json").read_text()), ("replay", "record.json", *argv)


def leaves(value, path=()):
    """The paths of all numbers, texts and empty things that a record holds."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, inner in items for leaf in leaves(inner, (*path, key))]
    return found or [path]


def test_a_replay_tells_each_change_of_a_record(files, capsys):
    """Every name, version, hash, figure, stage: whatever the record states."""
    record, argv = recorded(capsys, "--max-ulps", "3")
    paths = [path for path in leaves(record) if path != ("seconds",)]
    assert {path[0] for path in paths} == set(record) - {"seconds"}
    assert len(paths) > 30
    for path in paths:
        changed = json.loads(json.dumps(record))
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = ["y=1"] if path[-1] == "set" else "1/7" if path[0] == "command" else True
        Path("record.json").write_text(json.dumps(changed))
        code, out, err = run(capsys, *argv, "--quiet")
        assert (code, err) == (1, ""), path
        shown = ".".join(key for key in path if isinstance(key, str))
        assert path[-1] in out or shown in out or path[0] in out


def test_a_replay_tells_what_was_added_and_what_was_left_out(files, capsys):
    record, argv = recorded(capsys)
    for name in sorted(set(record) - {"command", "seconds"}):
        Path("record.json").write_text(json.dumps({key: value for key, value in record.items() if key != name}))
        code, out, _ = run(capsys, *argv)
        assert (code, f"{name}: nothing then" in out) == (1, True)
    Path("record.json").write_text(json.dumps(record | {"reviewed": "yes", "stages": record["stages"][:-1]}))
    assert "reviewed: yes then, nothing now" in run(capsys, *argv)[1]
    assert "stages" in run(capsys, *argv)[1]


def test_a_replay_tells_that_a_text_was_changed(files, capsys):
    Path("helping.py").write_text("def helped(x):\n    return x\n")
    Path("specs.py").write_text(f"from helping import helped\n{Path('specs.py').read_text()}")
    _, argv = recorded(capsys)
    assert run(capsys, *argv)[0] == 0
    for name in ("specs.py", "helping.py"):
        before = Path(name).read_text()
        Path(name).write_text(f"{before}\n# changed\n")
        code, out, _ = run(capsys, *argv)
        assert (code, f"texts: spec.{name}: " in out, f"texts: actual.{name}: " in out) == (1, True, True)
        Path(name).write_text(before)


def test_a_replay_tells_that_another_command_was_given(files, capsys):
    Path("other.py").write_text(Path("specs.py").read_text())
    Path("in2.npz").write_bytes(Path("in.npz").read_bytes())
    recorded(capsys)
    code, out, _ = run(capsys, "replay", "record.json", "other.py:smooth", "in2.npz", "--actual", "other.py:in_numpy")
    assert code == 1
    for name, then, now in (("spec", "specs.py:smooth", "other.py:smooth"), ("inputs", "in.npz", "in2.npz")):
        assert f"command: {name}: {then} then, {now} now" in out
    given = ("specs.py:smooth", "in.npz")
    code, out, _ = run(capsys, "replay", "record.json", *given, "--actual", "float64", "--max-ulps", "2")
    assert (code, "command: actual: " in out, "command: max_ulps: None then, 2 now" in out) == (1, True, True)


def test_a_replay_runs_and_reads_nothing_that_was_not_named(files, capsys):
    Path("evil.py").write_text("open('ran', 'w').close()\ndef f(x):\n    return x\n")
    record, argv = recorded(capsys)
    Path("record.json").write_text(json.dumps(record | {"command": record["command"] | {"spec": "evil.py:f"}}))
    code, out, err = run(capsys, "replay", "record.json")
    assert (code, out) == (2, "")
    assert "write: scalarspec replay record.json evil.py:f in.npz --actual specs.py:in_numpy" in err
    assert "command: spec: evil.py:f then, specs.py:smooth now" in run(capsys, *argv)[1]
    for changed, told in (({"actual": "evil.py:f"}, "actual: "), ({"inputs": "evil.npz"}, "inputs: ")):
        Path("record.json").write_text(json.dumps(record | {"command": record["command"] | changed}))
        given = argv[:4] if "actual" in changed else (*argv[:3], *argv[4:])
        code, out, err = run(capsys, *given)
        assert (code, out, told in err) == (2, "", True)
    Path("record.json").write_text(json.dumps(record | {"command": record["command"] | {"actual": "plugin"}}))
    assert "actual: a record runs and reads nothing by itself" in run(capsys, *argv[:4])[2]
    assert not Path("ran").exists()


@pytest.mark.parametrize("command", [[], {}, None, {"spec": 1}, {"spec": ["a"], "inputs": {}, "actual": True}, "x"])
def test_what_is_no_record_is_refused(files, capsys, command):
    record, argv = recorded(capsys)
    changed = command if not isinstance(command, dict) else record["command"] | command if command else command
    Path("record.json").write_text(json.dumps(record | {"command": changed}))
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert "is not what 'crosscheck --json' printed" in err
    Path("record.json").write_text("[" * 100_000)
    assert run(capsys, *argv)[0] == 2
