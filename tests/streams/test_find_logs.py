from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from worker.streams.logs import Log, UnreadableLogError, find_logs


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}\n")


def test_a_file_goes_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, "logs/a.ndjson")
    path = str(tmp_path / "logs/a.ndjson")
    assert find_logs([path]) == [Log(path, "a.ndjson", 3)]


def test_a_folder_is_read_sorted_and_at_any_depth(tmp_path: Path) -> None:
    write(
        tmp_path, "b.ndjson", "a.ndjson.zst", "c/2/d.ndjson", "c/10/e.ndjson.gz", "notes.txt", "f.json", "g.ndjson.bz2"
    )
    assert [log.name for log in find_logs([str(tmp_path)])] == [
        "a.ndjson.zst",
        "b.ndjson",
        "c/10/e.ndjson.gz",
        "c/2/d.ndjson",
    ]
    assert all(Path(log.path).samefile(tmp_path / log.name) for log in find_logs([str(tmp_path)]))


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.ndjson", ".b.ndjson", ".c/d.ndjson", "e/.f/g.ndjson", "e/.h.ndjson")
    assert [log.name for log in find_logs([str(tmp_path)])] == ["a.ndjson"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".logs/a.ndjson")
    assert [log.name for log in find_logs([str(tmp_path / ".logs")])] == ["a.ndjson"]


def test_sources_are_read_in_the_order_given(tmp_path: Path) -> None:
    write(tmp_path, "b.ndjson", "c/d.ndjson", "a.ndjson")
    sources = [str(tmp_path / "b.ndjson"), "-", str(tmp_path / "c"), str(tmp_path / "a.ndjson")]
    assert [(log.name, log.size) for log in find_logs(sources)] == [
        ("b.ndjson", 3),
        ("-", None),
        ("d.ndjson", 3),
        ("a.ndjson", 3),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.ndjson", "no such file or folder"),
        ("notes.txt", "not a kind of log that is read"),
        ("log.gz", "not a kind of log that is read"),
        ("empty", "no log in this folder"),
        ("hidden", "no log in this folder"),
    ],
)
def test_what_is_no_log_is_named_with_what_was_expected(tmp_path: Path, name: str, expected: str) -> None:
    write(tmp_path, "notes.txt", "log.gz", "hidden/.a.ndjson")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableLogError, match=expected) as raised:
        find_logs([str(tmp_path / name)])
    assert str(raised.value).startswith(f"{tmp_path / name}: ")
    assert ".ndjson, .ndjson.gz, .ndjson.zst" in str(raised.value)


def test_a_name_that_no_file_can_have_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / ("x" * 300 + ".ndjson"))
    with pytest.raises(UnreadableLogError, match="File name too long") as raised:
        find_logs([path])
    assert str(raised.value).startswith(f"{path}: can't be read: ")


def test_a_name_that_is_no_utf8_becomes_text_that_json_can_hold(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.ndjson")).write_text("{}\n")
    (log,) = find_logs([str(tmp_path)])
    assert log.name == r"caf\xe9.ndjson"
    assert find_logs([log.path])[0].name == log.name
    assert Path(log.path).read_text() == "{}\n"
    assert orjson.dumps(log.name)


@pytest.mark.parametrize("source", ["out/enriched.ndjson", "out", "."])
def test_a_log_in_the_folder_of_the_outputs_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/enriched.ndjson").write_bytes(b"{}")
    with pytest.raises(UnreadableLogError, match="expected another --out"):
        find_logs([str(tmp_path / source)], tmp_path / "out")


def test_outputs_may_go_below_another_folder_of_the_logs(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"{}")
    assert [log.name for log in find_logs([str(tmp_path)], tmp_path / "out")] == ["a.ndjson"]


def test_two_logs_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.ndjson").write_bytes(b"{}")
    with pytest.raises(UnreadableLogError, match=r"both are called log\.ndjson"):
        find_logs([str(tmp_path / "a"), str(tmp_path / "b" / "log.ndjson")])
    assert [log.name for log in find_logs([str(tmp_path)])] == ["a/log.ndjson", "b/log.ndjson"]


def test_a_log_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"{}")
    with pytest.raises(UnreadableLogError, match="given twice"):
        find_logs([str(tmp_path / "a.ndjson"), str(tmp_path)])
