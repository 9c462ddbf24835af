"""Arguments from .npz files: what is needed is read, up to a limit, and whatever else a file is, it is refused."""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command import run

from scalarspec.errors import ArgumentError
from scalarspec.numbers import archives

ARRAYS = {
    "float64": np.array([0.1, -2.0]),
    "float32": np.array([[0.1], [2.0]], dtype="float32"),
    "big-endian": np.array([1.5, 2.0], dtype=">f8"),
    "by columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "no elements": np.zeros((2, 0)),
    "booleans": np.array([True, False]),
    "texts": np.array(["1/3", "0.1"]),
}


def npy(array, **settings):
    """An .npy file."""
    written = io.BytesIO()
    np.lib.format.write_array(written, array, **settings)
    return written.getvalue()


def packed(path, **members):
    """An .npz file of those members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return str(path)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_as_numpy_reads_them(tmp_path, name):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "in.npz", x=ARRAYS[name], other=1)
        found, others = archives.read(str(tmp_path / "in.npz"), {"x"})
        assert others == ["other"]
        assert found["x"].dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(found["x"], ARRAYS[name])
        found["x"][...] = found["x"]  # a user's own


def test_an_integer_is_one(tmp_path):
    np.savez(tmp_path / "in.npz", x=np.array(3), y=np.array(2.0))
    found, _ = archives.read(str(tmp_path / "in.npz"), {"x", "y"})
    assert (type(found["x"]), found["x"], found["y"].shape) == (int, 3, ())


def test_only_what_is_needed_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LIMIT", 1000)
    path = packed(tmp_path / "in.npz", x=npy(np.ones(2)), bomb=npy(np.zeros(10**6)), broken=b"no array")
    assert archives.read(path, {"x"})[1] == ["bomb", "broken"]
    with pytest.raises(ArgumentError, match=r"inputs: the arrays in .* have 8000\d+ bytes; at most 1000 are read"):
        archives.read(path, {"bomb"})


def test_a_bomb_of_many_gigabytes_is_not_unpacked(tmp_path):
    """Its size stands in the list of members, or is a lie, which the reading of no more than that brings to light."""
    path = tmp_path / "in.npz"
    data = packed(path, x=npy(np.zeros(10**5))) and path.read_bytes()
    size = len(npy(np.zeros(10**5)))
    for claimed in (2**31, size - 8, 200):
        changed = data.replace(size.to_bytes(4, "little"), claimed.to_bytes(4, "little"))
        path.write_bytes(changed)
        with pytest.raises(ArgumentError, match=r"at most 1073741824 are read|is not an \.npz file of numbers"):
            archives.read(str(path), {"x"})


def headed(shape, dtype="<f8", version=1):
    """An .npy file whose header says that, and that has one number."""
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": dtype, "fortran_order": False, "shape": shape})
    head = written.getvalue()
    return head[:6] + bytes([version]) + head[7:] + bytes(8)


NO_ARRAYS = {
    "more numbers than there are": headed((10**12,)),
    "fewer": headed((0,)),
    "a negative shape": headed((-8,)),
    "objects": npy(np.array([{}], dtype=object)),
    "objects, it says": headed((1,), "|O"),
    "of no size": headed((1,), "|V0"),
    "a third version": headed((1,), version=3),
    "no header": b"\x93NUMPY\x01\x00",
    "a long header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{" + b" " * 20_000,
    "code for a header": b"\x93NUMPY\x01\x00\x10\x00__import__('os')",
    "a text": b"text",
    "nothing": b"",
}


@pytest.mark.parametrize("name", NO_ARRAYS)
def test_what_is_no_array_is_refused(tmp_path, name):
    path = packed(tmp_path / "in.npz", x=NO_ARRAYS[name])
    with pytest.raises(ArgumentError, match=r"is not an \.npz file of numbers"):
        archives.read(path, {"x"})
    assert archives.read(path, {"y"}) == ({}, ["x"])


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "in.npz"
    whole = Path(packed(tmp_path / "whole.npz", x=npy(np.ones(100)))).read_bytes()
    encrypted = whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    assert encrypted != whole
    misplaced = whole.replace(b"PK\x03", b"PK\x09")
    for content in (b"", b"text", npy(np.ones(2)), whole[:-30], whole[40:], encrypted, misplaced):
        path.write_bytes(content)
        with pytest.raises(ArgumentError, match=r"is not an \.npz file of numbers"):
            archives.read(str(path), {"x"})
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(ArgumentError, match="holds no arrays"):
        archives.read(str(path), {"x"})


def test_two_arrays_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as archive:
        archive.writestr("x.npy", npy(np.ones(2)))
        archive.writestr("x", npy(np.zeros(2)))
    with pytest.raises(ArgumentError, match="two arrays of one name"):
        archives.read(str(tmp_path / "in.npz"), {"x"})


@pytest.mark.posix
def test_folders_pipes_and_devices_are_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/null"):
        with pytest.raises(ArgumentError, match="is no regular file"):
            archives.read(str(path), {"x"})
    with pytest.raises(ArgumentError, match=r"is no(t an .npz| regular) file"):
        archives.read(str(tmp_path), {"x"})


def test_what_no_parameter_is_called_is_noted(files, capsys):
    code, out, err = run(capsys, "compare", "specs.py:smooth", "in.npz", "--json")
    assert (code, set(json.loads(out))) == (0, {"float64", "float32", "interval(prec=53)", "rational"})
    assert err == "scalarspec: note: in.npz also has target, idx, for which there is no parameter: not read\n"
    assert run(capsys, "compare", "specs.py:smooth", "in.npz", "--quiet")[2] == ""
    assert run(capsys, "compare", "specs.py:loss", "part.npz", "--set", "target=1/2", "--set", "x=1/2")[2] == ""


def test_what_no_argument_of_an_audit_is_called_is_noted(files, capsys):
    Path("kl.py").write_text("import numpy as np\ndef kl(mu, logvar):\n    return np.mean(mu**2 + logvar)\n")
    np.savez("more.npz", mu=np.zeros(2), logvar=np.ones(2), sigma=np.ones(2))
    code, _, err = run(capsys, "audit", "kl.py:kl", "more.npz", "--kind", "gaussian-kl")
    assert (code, "more.npz also has sigma" in err) == (1, True)
