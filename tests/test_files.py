"""Files that are written whole: what was there stays where that cannot be done, and keeps its mode."""

import os
import stat

import pytest

from scalarspec.errors import ArgumentError
from scalarspec.files import told, write_new, write_whole


def test_a_file_is_written_and_replaced(tmp_path):
    for data in (b"one", b"another"):
        write_whole(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.posix
def test_a_private_file_stays_private(tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    (tmp_path / "file").chmod(0o600)
    write_whole(tmp_path / "file", b"after")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "new/"])
def test_a_folder_is_no_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsADirectoryError):
        write_whole(name, b"data")
    assert os.listdir(tmp_path) == []


def test_where_nothing_can_be_written_all_stays(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"before")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_whole(tmp_path / "file", b"after")
    assert (tmp_path / "file").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_new_file_is_written_once(tmp_path):
    write_new(tmp_path / "file", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"another")
    assert (tmp_path / "file").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("path", ["nowhere/file", "fi\0le"])
def test_what_cannot_be_written_names_the_argument(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=r"page: .* cannot be written: "), told("page", path):
        write_whole(path, b"data")
