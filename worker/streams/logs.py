"""Event logs as a stream of records: files, folders, standard input; plain, gzip or zstd.

A line is a record and its place is `<path>/<line>`. Memory is bounded by the longest line that is kept: what exceeds
`keep_bytes` is hashed while it passes, so that its dead letter can say what it was.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from worker.records import Oversize, Record

SUFFIXES = (".ndjson", ".ndjson.gz", ".ndjson.zst")
STDIN = "-"
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}  # RFC 1952 section 2.3.1, RFC 8878 section 3.1.1

_CHUNK = 1 << 18
_ZSTD_BLOCK = 1 << 12  # small: a call unpacks all of it, and 4 KiB can hold 128 MiB
_KEEP_BYTES = 1 << 26


class UnreadableLogError(Exception):
    """A log can't be read; the message names the file and what was expected."""


class Log(msgspec.Struct, frozen=True):
    """One file to read: its path (`-`: standard input), the name its records' places begin with, its size in bytes."""

    path: str
    name: str
    size: int | None


def find_logs(sources: Sequence[str], out: Path | None = None) -> list[Log]:
    """Return the files that the sources name: a folder's sorted, at any depth, without hidden ones.

    `out` is where outputs will go; a source must not lie there, or it would be overwritten or read again as a log.

    Raises:
        UnreadableLogError: a source is missing, of a kind that is not read, an empty folder, given twice, named like
            another, or in `out`.
    """
    try:
        logs = [log for source in sources for log in _find(source)]
    except OSError as error:
        raise UnreadableLogError(f"{error.filename}: can't be read: {error.strerror}") from error
    _check_apart([Path(log.path).resolve() for log in logs if log.path != STDIN], out)
    _check_names(logs)
    return logs


def _check_names(logs: Sequence[Log]) -> None:
    """Refuse two logs of one name: events without an id would get the same one, from their place."""
    named: dict[str, Log] = {}
    for log in logs:
        other = named.setdefault(log.name, log)
        if other is not log:
            raise UnreadableLogError(
                f"{log.path} and {other.path}: both are called {log.name}, expected names that tell logs apart"
                " (give the folder that holds both)"
            )


def _check_apart(paths: Sequence[Path], out: Path | None) -> None:
    for path, times in Counter(paths).items():
        if out is not None and out.resolve() in path.parents:
            raise UnreadableLogError(f"{path}: lies in {out}, where the outputs go; expected another --out")
        if times > 1:
            raise UnreadableLogError(f"{path}: is given twice, expected each log once")


def _find(source: str) -> Iterator[Log]:
    path = Path(source)
    if source == STDIN:
        yield Log(STDIN, STDIN, None)
    elif path.is_dir():
        yield from _find_in(path)
    elif not path.exists():
        raise UnreadableLogError(f"{source}: no such file or folder, expected a log ({', '.join(SUFFIXES)}) or -")
    elif not source.endswith(SUFFIXES):
        raise UnreadableLogError(f"{source}: not a kind of log that is read, expected {', '.join(SUFFIXES)}")
    else:
        yield Log(source, _text(path.name), path.stat().st_size)


def _find_in(folder: Path) -> Iterator[Log]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    logs = [name for name in names if name.endswith(SUFFIXES) and not any(p.startswith(".") for p in name.split("/"))]
    if not logs:
        raise UnreadableLogError(f"{folder}: no log in this folder, expected files {', '.join(SUFFIXES)}")
    for name in logs:
        yield Log(str(folder / name), _text(name), (folder / name).stat().st_size)


def _text(name: str) -> str:
    """Return a file's name as text that JSON can hold: its bytes that are no UTF-8 as escapes."""
    return os.fsencode(name).decode(errors="backslashreplace")


def read_log(log: Log, advance: Callable[[int], None], keep_bytes: int = _KEEP_BYTES) -> Iterator[Record]:
    """Yield a log's records; `advance` is told the bytes of the file that have been read so far.

    Raises:
        UnreadableLogError: the file can't be opened, or its compression is broken (the message says where).
    """
    with ExitStack() as stack:
        try:
            yield from _records(_chunks(log, stack, advance), log.name, keep_bytes)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise UnreadableLogError(f"{log.path}: can't be read: {found}") from error


def _chunks(log: Log, stack: ExitStack, advance: Callable[[int], None]) -> Iterator[bytes]:
    raw = sys.stdin.buffer if log.path == STDIN else Path(log.path).open("rb")  # noqa: SIM115 - the stack closes it
    if log.path != STDIN:
        stack.enter_context(raw)
    for chunk in _unpack(raw, log.path, stack):
        yield chunk
        if log.size is not None:
            advance(raw.tell())


def _unpack(raw: BinaryIO, path: str, stack: ExitStack) -> Iterator[bytes]:
    """Return the pieces of the log's text."""
    if path.endswith(".zst"):
        return _unzstd(raw)
    if path.endswith(".gz"):
        packed = stack.enter_context(gzip.GzipFile(fileobj=raw))
        return iter(lambda: packed.read1(_CHUNK), b"")
    return _plain(iter(lambda: raw.read1(_CHUNK), b""))  # type: ignore[attr-defined] # a BufferedReader


def _plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass text on; what is packed under the name of a plain log, or on standard input, would be nothing but noise."""
    first = next(chunks, b"")
    for magic, kind in _MAGIC.items():
        if first.startswith(magic):
            raise zlib.error(f"it looks like {kind}, expected plain text or a file named for its kind")
    yield first
    yield from chunks


def _unzstd(raw: BinaryIO) -> Iterator[bytes]:
    """Unpack frame after frame; the library's own reader takes a file that ends within one for whole."""
    unpacker = zstandard.ZstdDecompressor()
    frame = None
    while packed := raw.read(_ZSTD_BLOCK):
        while packed:
            frame = frame or unpacker.decompressobj()
            unpacked = frame.decompress(packed)
            yield from (unpacked[start : start + _CHUNK] for start in range(0, len(unpacked), _CHUNK))
            packed = frame.unused_data
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("the file ends before its last frame does")


def _records(chunks: Iterator[bytes], name: str, keep_bytes: int) -> Iterator[Record]:
    number, pending = 1, _Line(keep_bytes)
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        pending.add(first)
        if others:
            yield pending.record(f"{name}/{number}")
            for offset, line in enumerate(others[:-1], 1):
                yield Record(line, f"{name}/{number + offset}")
            number += len(others)
            pending = _Line(keep_bytes)
            pending.add(others[-1])
    if pending.size:
        yield pending.record(f"{name}/{number}")


class _Line:
    """A line as it arrives in pieces; past `keep_bytes` only its size and hash are kept."""

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes
        self._parts: list[bytes] = []
        self._hash: hashlib._Hash | None = None
        self.size = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        self._parts.append(part)
        if self.size > self._keep_bytes:
            self._hash = self._hash or hashlib.sha256()
            for kept in self._parts:
                self._hash.update(kept)
            self._parts.clear()

    def record(self, source: str) -> Record:
        if self._hash is None:
            return Record(b"".join(self._parts), source)
        return Record(b"", source, oversize=Oversize(self.size, self._hash.hexdigest()))
