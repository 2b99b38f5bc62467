"""Files that belong together appear together."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.streams.file_set import UnwritableFolderError, write_together

NEW = {"a.json": b"new a", "b.json": b"new b"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_folder_is_made(tmp_path: Path) -> None:
    write_together(tmp_path / "deep" / "er", NEW)
    assert contents(tmp_path / "deep" / "er") == NEW


def test_files_of_the_same_names_are_replaced_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old a, which is longer")
    (tmp_path / "mine.txt").write_bytes(b"mine")
    write_together(tmp_path, NEW)
    assert contents(tmp_path) == {**NEW, "mine.txt": b"mine"}


def test_a_failure_on_the_way_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    with pytest.raises(UnwritableFolderError, match=r"can't be written: File name too long"):
        write_together(tmp_path, {**NEW, "c" * 300: b""})
    assert contents(tmp_path) == {"a.json": b"old"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(UnwritableFolderError, match=r"out: is a file, expected a folder"):
        write_together(tmp_path / "out", NEW)
    with pytest.raises(UnwritableFolderError, match=r"out/below: can't be written: Not a directory"):
        write_together(tmp_path / "out" / "below", NEW)


def test_a_folder_of_a_files_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.json").mkdir()
    with pytest.raises(UnwritableFolderError, match=r"b\.json: is a folder, expected a file or nothing"):
        write_together(tmp_path, NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]
