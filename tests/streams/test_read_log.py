from __future__ import annotations

import gzip
import hashlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.records import Oversize, Record
from worker.streams.logs import Log, UnreadableLogError, find_logs, read_log

Pack = Callable[[bytes], bytes]


def pack_zst(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


PACKED: dict[str, Pack] = {".ndjson": bytes, ".ndjson.gz": gzip.compress, ".ndjson.zst": pack_zst}
EVERY_KIND = pytest.mark.parametrize("suffix", PACKED)


def written(folder: Path, content: bytes, name: str = "log.ndjson") -> Log:
    (folder / name).write_bytes(content)
    (log,) = find_logs([str(folder / name)])
    return log


def ignore(_: int) -> None:
    """Progress that nobody watches."""


def read(log: Log, **options: int) -> list[Record]:
    return list(read_log(log, ignore, **options))


def lines(log: Log) -> list[tuple[str, bytes]]:
    return [(record.source, record.value) for record in read(log)]


@EVERY_KIND
def test_every_line_is_a_record_of_that_file_and_number(tmp_path: Path, suffix: str) -> None:
    log = written(tmp_path, PACKED[suffix](b'{"a":1}\n{"a":2}\n'), "a" + suffix)
    assert read(log) == [Record(b'{"a":1}', f"a{suffix}/1"), Record(b'{"a":2}', f"a{suffix}/2")]


@EVERY_KIND
def test_the_last_line_needs_no_end(tmp_path: Path, suffix: str) -> None:
    log = written(tmp_path, PACKED[suffix](b"{}\n[]"), "a" + suffix)
    assert [record.value for record in read(log)] == [b"{}", b"[]"]


@EVERY_KIND
def test_an_empty_file_has_no_records(tmp_path: Path, suffix: str) -> None:
    assert read(written(tmp_path, PACKED[suffix](b""), "a" + suffix)) == []


def test_blank_lines_are_records_and_count(tmp_path: Path) -> None:
    log = written(tmp_path, b"\n{}\n\n  \n[]\n\n")
    assert lines(log) == [
        ("log.ndjson/1", b""),
        ("log.ndjson/2", b"{}"),
        ("log.ndjson/3", b""),
        ("log.ndjson/4", b"  "),
        ("log.ndjson/5", b"[]"),
        ("log.ndjson/6", b""),
    ]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    log = written(tmp_path, b"{}\r\n\x0b\x0c\xe2\x80\xa8\r[]\r\n")
    assert [value for _, value in lines(log)] == [b"{}\r", b"\x0b\x0c\xe2\x80\xa8\r[]\r"]


def test_lines_are_numbered_within_their_file(tmp_path: Path) -> None:
    for name in ("b.ndjson", "a/c.ndjson"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}\n{}\n")
    sources = [record.source for log in find_logs([str(tmp_path)]) for record in read(log)]
    assert sources == ["a/c.ndjson/1", "a/c.ndjson/2", "b.ndjson/1", "b.ndjson/2"]


@EVERY_KIND
def test_lines_longer_than_what_is_read_at_once_come_whole_and_count(tmp_path: Path, suffix: str) -> None:
    content = [b"", b"", b"a" * 700_000, b"b" * 10, b"", b"c" * (1 << 18), b"d" * 300_000]
    log = written(tmp_path, PACKED[suffix](b"\n".join(content)), "a" + suffix)
    assert lines(log) == [(f"a{suffix}/{number}", line) for number, line in enumerate(content, 1)]


def test_several_frames_and_members_are_one_log(tmp_path: Path) -> None:
    for suffix in (".ndjson.gz", ".ndjson.zst"):
        parts = map(PACKED[suffix], (b'{"a":1}\n{"a"', b"", b":2}\n", b'{"a":3}\n'))
        log = written(tmp_path, b"".join(parts), "a" + suffix)
        assert [record.value for record in read(log)] == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


def test_frames_that_are_to_be_skipped_are_skipped(tmp_path: Path) -> None:
    note = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    log = written(tmp_path, note + pack_zst(b"{}\n") + note, "a.ndjson.zst")
    assert [record.value for record in read(log)] == [b"{}"]


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line)), st.sampled_from(sorted(PACKED)))
def test_any_lines_come_back(tmp_path_factory: pytest.TempPathFactory, content: list[bytes], suffix: str) -> None:
    log = written(
        tmp_path_factory.getbasetemp(), PACKED[suffix](b"".join(line + b"\n" for line in content)), "a" + suffix
    )
    assert lines(log) == [(f"a{suffix}/{number}", line) for number, line in enumerate(content, 1)]


def test_standard_input_is_read_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"{}\n\xff\n[]"))))
    told: list[int] = []
    records = list(read_log(Log("-", "-", None), told.append))
    assert [(record.source, record.value) for record in records] == [("-/1", b"{}"), ("-/2", b"\xff"), ("-/3", b"[]")]
    assert told == []
    assert not sys.stdin.closed


@EVERY_KIND
@pytest.mark.parametrize("line", [b"x" * 600_000, b"y" * 300_001])
def test_a_line_too_large_to_keep_is_told_by_size_and_hash(tmp_path: Path, suffix: str, line: bytes) -> None:
    log = written(tmp_path, PACKED[suffix](b"{}\n" + line + b"\n[]\n" + line), "a" + suffix)
    oversize = Oversize(len(line), hashlib.sha256(line).hexdigest())
    assert read(log, keep_bytes=300_000) == [
        Record(b"{}", f"a{suffix}/1"),
        Record(b"", f"a{suffix}/2", oversize=oversize),
        Record(b"[]", f"a{suffix}/3"),
        Record(b"", f"a{suffix}/4", oversize=oversize),
    ]


def test_a_line_as_large_as_may_be_kept_is_kept(tmp_path: Path) -> None:
    line = b"x" * 300_000
    (record,) = read(written(tmp_path, line + b"\n"), keep_bytes=300_000)
    assert (record.value, record.oversize) == (line, None)


@EVERY_KIND
def test_progress_grows_up_to_the_size_of_the_file(tmp_path: Path, suffix: str) -> None:
    content = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(20_000))
    log = written(tmp_path, PACKED[suffix](content), "a" + suffix)
    told: list[int] = []
    assert len(list(read_log(log, told.append))) == 20_000
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == log.size


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def spoilt(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 8]) + content[middle + 8 :]


def with_text_after(content: bytes) -> bytes:
    return content + b"\nnot packed\n"


def without_end(content: bytes) -> bytes:
    return content[:-1]


def instead(content: bytes) -> bytes:
    return b'{"plain":1}\n' * len(content)


@pytest.mark.parametrize("suffix", [".ndjson.gz", ".ndjson.zst"])
@pytest.mark.parametrize("broken", [half, spoilt, with_text_after, without_end, instead])
def test_a_broken_file_is_named(tmp_path: Path, suffix: str, broken: Pack) -> None:
    content = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(5_000))
    log = written(tmp_path, broken(PACKED[suffix](content)), "a" + suffix)
    with pytest.raises(UnreadableLogError) as raised:
        read(log)
    assert str(raised.value).startswith(f"{log.path}: can't be read: ")
    assert not str(raised.value).endswith(": ")


def test_a_block_of_no_kind_is_told(tmp_path: Path) -> None:
    header = gzip.compress(b"{}\n")[:10]
    with pytest.raises(UnreadableLogError, match=r"a\.ndjson\.gz: can't be read: .*invalid block type"):
        read(written(tmp_path, header + b"\x07", "a.ndjson.gz"))


def test_what_comes_before_the_break_is_read(tmp_path: Path) -> None:
    log = written(tmp_path, pack_zst(b"{}\n[]\n") + half(pack_zst(b"x" * 100)), "a.ndjson.zst")
    records = read_log(log, ignore)
    assert [next(records).value, next(records).value] == [b"{}", b"[]"]
    with pytest.raises(UnreadableLogError, match="ends before its last frame does"):
        next(records)


def test_a_file_that_has_gone_is_named(tmp_path: Path) -> None:
    log = written(tmp_path, b"{}\n")
    Path(log.path).unlink()
    with pytest.raises(UnreadableLogError, match=r"log\.ndjson: can't be read: No such file"):
        read(log)


def test_a_reader_that_stops_early_closes_the_file(tmp_path: Path) -> None:
    records = read_log(written(tmp_path, b"{}\n" * 10), ignore)
    assert next(records).value == b"{}"
    records.close()  # type: ignore[attr-defined] # a generator; an open file would be a ResourceWarning, which fails


@pytest.mark.parametrize("suffix", [".ndjson.gz", ".ndjson.zst"])
def test_a_packed_log_under_the_name_of_a_plain_one_is_refused(tmp_path: Path, suffix: str) -> None:
    log = written(tmp_path, PACKED[suffix](b"{}\n"), "a.ndjson")
    with pytest.raises(UnreadableLogError, match=r"a\.ndjson: can't be read: it looks like (gzip|zstd)"):
        read(log)
