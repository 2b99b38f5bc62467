from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
import zstandard

from worker.streams.line_file import UnwritableLinesError, open_lines

LINES = b'{"n":1}\n{"n":2}\n' * 500


def write(path: Path, data: bytes = LINES) -> bytes:
    with open_lines(str(path)) as sink:
        sink.write(data)
    return path.read_bytes()


def unpacked(data: bytes, suffix: str) -> bytes:
    match suffix:
        case ".ndjson.gz":
            return gzip.decompress(data)
        case ".ndjson.zst":
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
        case _:
            return data


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz", ".ndjson.zst"])
def test_the_suffix_says_how_a_file_is_packed(tmp_path: Path, suffix: str) -> None:
    written = write(tmp_path / f"log{suffix}")

    assert unpacked(written, suffix) == LINES
    assert (len(written) < len(LINES)) == (suffix != ".ndjson")


@pytest.mark.parametrize("suffix", [".ndjson.gz", ".ndjson.zst"])
def test_packed_bytes_know_neither_the_time_nor_the_name(tmp_path: Path, suffix: str) -> None:
    first = write(tmp_path / f"one{suffix}")

    assert write(tmp_path / f"another{suffix}") == first
    assert suffix != ".ndjson.gz" or first[4:8] == bytes(4)


def interrupted(path: Path, error: type[BaseException]) -> None:
    with open_lines(str(path)) as sink:
        sink.write(LINES)
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_write_leaves_the_earlier_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "log.ndjson.gz"
    earlier = write(path, b"earlier\n")

    with pytest.raises(error):
        interrupted(path, error)

    assert path.read_bytes() == earlier
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"

    with open_lines(str(path)) as sink:
        sink.write(LINES)
        assert not path.exists()

    assert path.read_bytes() == LINES


def test_a_dash_is_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with open_lines("-") as sink:
        sink.write(LINES)

    assert capsysbinary.readouterr().out == LINES


@pytest.mark.parametrize("name", ["log.csv", "missing/log.ndjson", "folder.ndjson", "kafka://topic"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.ndjson").mkdir()

    with pytest.raises(UnwritableLinesError, match=f"^{name}: "), open_lines(name):
        pytest.fail("the block was entered")
