from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.dead_letter import DeadLetter as DeadLetterLine
from tests.factories import record, trigger_event
from tests.formats.reading import trigger_of
from worker.outputs import OUTPUT_KINDS, BatchResult, DeadLetter, Output, OutputKind, Tallies
from worker.records import DeadLetterReason, Oversize, Record
from worker.streams.output_folder import OUTPUT_FILES, OutputFolder, OutputFolderError

NOW = "2026-03-01T12:00:00.000Z"
SUMMARY = b'{"events":1}\n'


def outputs_into(folder: Path) -> OutputFolder:
    return OutputFolder(folder, lambda: NOW)


def output(kind: OutputKind, value: bytes) -> Output:
    return Output(kind, record(), trigger_of(trigger_event()), None, value)


def letter(of: Record, reason: DeadLetterReason = "not_json", message: str = "found that") -> DeadLetter:
    return DeadLetter(of, reason, message, "decode")


def batch(*letters: DeadLetter, **values: list[bytes]) -> BatchResult:
    outputs = {kind: [output(kind, value) for value in values.get(kind, ())] for kind in OUTPUT_KINDS}
    return BatchResult(outputs, list(letters), Tallies(0), confirm=lambda: None)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def publish_all(folder: Path, batches: Iterable[BatchResult], summary: bytes = SUMMARY) -> dict[str, bytes]:
    with outputs_into(folder) as files:
        for result in batches:
            files.write(result)
        files.publish(summary)
    return content(folder)


def publish(folder: Path, *batches: BatchResult, summary: bytes = SUMMARY) -> dict[str, bytes]:
    return publish_all(folder, batches, summary)


def test_every_kind_has_a_file_of_its_own_also_without_outputs(tmp_path: Path) -> None:
    found = publish(tmp_path / "a/b")
    assert found.pop("summary.json") == SUMMARY
    assert found == dict.fromkeys(OUTPUT_FILES, b"")
    assert set(OUTPUT_FILES) == {
        "enriched.ndjson", "exposures.ndjson", "enrollments.ndjson", "commands.ndjson", "assignments.ndjson",
        "dead_letters.ndjson",
    }  # fmt: skip


@pytest.mark.parametrize("kind", OUTPUT_KINDS)
def test_outputs_are_lines_in_the_order_of_the_batches(tmp_path: Path, kind: OutputKind) -> None:
    found = publish(tmp_path, batch(**{kind: [b"1", b"2"]}), batch(), batch(**{kind: [b"3"]}))
    assert found[f"{kind}.ndjson"] == b"1\n2\n3\n"
    assert [name for name in OUTPUT_FILES if found[name]] == [f"{kind}.ndjson"]


def test_nothing_appears_before_it_is_published(tmp_path: Path) -> None:
    with outputs_into(tmp_path) as files:
        files.write(batch(letter(record()), enriched=[b"x" * 1_000_000]))
        assert content(tmp_path) == {}
        files.publish(SUMMARY)
        assert content(tmp_path)["enriched.ndjson"] == b"x" * 1_000_000 + b"\n"


def test_published_files_take_the_place_of_the_earlier_ones_and_others_stay(tmp_path: Path) -> None:
    publish(tmp_path, batch(enriched=[b"1"], commands=[b"1"]))
    (tmp_path / "notes.txt").write_bytes(b"mine")
    found = publish(tmp_path, batch(enriched=[b"2"]), summary=b"{}")
    assert (found["enriched.ndjson"], found["commands.ndjson"]) == (b"2\n", b"")
    assert (found["summary.json"], found["notes.txt"]) == (b"{}", b"mine")
    assert len(found) == len(OUTPUT_FILES) + 2


def failing(error: type[BaseException]) -> Iterator[BatchResult]:
    yield batch(enriched=[b"2"])
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_what_was_there_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    before = publish(tmp_path, batch(enriched=[b"1"]))
    with pytest.raises(error):
        publish_all(tmp_path, failing(error))
    assert content(tmp_path) == before
    assert not (tmp_path / ".incomplete").exists()


def test_a_run_that_is_not_published_leaves_what_was_there_as_it_was(tmp_path: Path) -> None:
    before = publish(tmp_path, batch(enriched=[b"1"]))
    with outputs_into(tmp_path) as files:
        files.write(batch(enriched=[b"2"]))
    assert content(tmp_path) == before


KILLED = """
import sys
from pathlib import Path
from worker.outputs import BatchResult, Tallies
from worker.streams.output_folder import OutputFolder
with OutputFolder(Path(sys.argv[1]), str) as files:
    files.write(BatchResult({}, [], Tallies(0), lambda: None))
    print("writing", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writer(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes into the folder until it is killed."""
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"writing\n"
        yield run
        run.kill()


def test_a_killed_run_leaves_what_was_there_and_the_next_cleans_up(tmp_path: Path) -> None:
    before = publish(tmp_path, batch(enriched=[b"1"]))
    with another_writer(tmp_path) as writer:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert content(tmp_path) == before
    assert (tmp_path / ".incomplete").exists()
    assert publish(tmp_path).keys() == before.keys()
    assert not (tmp_path / ".incomplete").exists()


def test_two_processes_refuse_to_write_into_one_folder(tmp_path: Path) -> None:
    with another_writer(tmp_path) as writer:
        with pytest.raises(OutputFolderError, match="another replay is writing here"):
            publish(tmp_path)
        assert writer.poll() is None
        assert (tmp_path / ".incomplete").is_dir()


def test_a_refused_writer_disturbs_nobody_and_may_try_again(tmp_path: Path) -> None:
    with outputs_into(tmp_path) as files:
        for _ in range(2):
            with pytest.raises(OutputFolderError, match="another replay is writing here"):
                publish(tmp_path)
        files.write(batch(enriched=[b"1"]))
        files.publish(SUMMARY)
    assert content(tmp_path)["enriched.ndjson"] == b"1\n"
    assert publish(tmp_path)["enriched.ndjson"] == b""


@pytest.mark.parametrize("path", ["file", "file/below", "in_the_way", "link/below"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "in_the_way").mkdir()
    (tmp_path / "in_the_way/.incomplete").write_bytes(b"")
    (tmp_path / "link").symlink_to("/proc/self/task")
    with pytest.raises(OutputFolderError) as raised:
        publish(tmp_path / path)
    assert str(raised.value).startswith(f"{tmp_path / path}: can't be written: ")


def test_a_folder_that_could_not_be_opened_is_not_left_locked(tmp_path: Path) -> None:
    (tmp_path / ".incomplete").write_bytes(b"")
    with pytest.raises(OutputFolderError):
        publish(tmp_path)
    (tmp_path / ".incomplete").unlink()
    assert publish(tmp_path)["summary.json"] == SUMMARY


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that size: as good as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_a_full_disk_is_told_and_leaves_what_was_there_as_it_was(tmp_path: Path, size: int) -> None:
    before = publish(tmp_path, batch(enriched=[b"1"]))
    with pytest.raises(OutputFolderError, match="can't be written: File too large"), largest_file(100):
        publish(tmp_path, batch(enriched=[b"x" * size]))
    assert content(tmp_path) == before


def test_a_run_that_fails_while_it_is_published_leaves_no_summary_beside_new_files(tmp_path: Path) -> None:
    publish(tmp_path, batch(enriched=[b"1"]))
    (tmp_path / "commands.ndjson").unlink()
    (tmp_path / "commands.ndjson").mkdir()
    with pytest.raises(OutputFolderError, match="can't be written: Is a directory"):
        publish(tmp_path, batch(enriched=[b"2"]))
    assert content(tmp_path)["enriched.ndjson"] == b"2\n"
    assert "summary.json" not in content(tmp_path)


def letters(folder: Path, *found: DeadLetter) -> list[dict[str, Any]]:
    lines = publish(folder, batch(*found))["dead_letters.ndjson"].splitlines()
    return [orjson.loads(line) for line in lines]


def test_a_dead_letter_brings_its_record_back_byte_for_byte(tmp_path: Path) -> None:
    value, key = bytes(range(256)) + b"\r\n", b"\xff\n"
    headers = (("a", b"\x00\xff"), ("a", b""), ("é", b"1"))
    (line,) = letters(tmp_path, letter(record(value, source="t/0/7", key=key, headers=headers, timestamp=5)))
    found = DeadLetterLine.model_validate_json(orjson.dumps(line), strict=True)
    assert (found.value_base64, found.key_base64) == (value, key)
    assert (found.reason, found.message, found.stage) == ("not_json", "found that", "decode")
    assert (found.source, found.time) == ("t/0/7", NOW)
    assert line["headers"] == [["a", "AP8="], ["a", ""], ["é", "MQ=="]]
    assert set(line) == set(DeadLetterLine.model_fields) - {"size", "sha256"}


def test_a_dead_letter_of_a_line_has_no_key_and_no_headers(tmp_path: Path) -> None:
    found = [
        DeadLetterLine.model_validate(line) for line in letters(tmp_path, letter(record(b"")), letter(record(b"{")))
    ]
    assert [(line.key_base64, line.value_base64, line.headers) for line in found] == [(None, b"", []), (None, b"{", [])]


def test_a_dead_letter_of_what_was_not_kept_has_size_and_hash_instead(tmp_path: Path) -> None:
    oversize = Oversize(5_000_000, "ab" * 32)
    (line,) = letters(tmp_path, letter(record(b"", oversize=oversize), "too_large"))
    found = DeadLetterLine.model_validate(line)
    assert (found.value_base64, found.size, found.sha256) == (None, 5_000_000, "ab" * 32)
