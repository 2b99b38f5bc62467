"""Lines into a file that appears whole or not at all, or into standard output."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from worker.streams.logs import SUFFIXES

STDOUT = "-"

_BUFFER = 1 << 20


class UnwritableLinesError(Exception):
    """The file can't be written; the message names it and what was expected."""


class Lines(Protocol):
    """Takes bytes, in their order."""

    def write(self, data: bytes, /) -> int:
        """Take these bytes too."""
        ...


@contextmanager
def open_lines(path: str) -> Iterator[Lines]:
    """Write to a file, compressed by its suffix, or to standard output (`-`).

    The file is written aside and takes its name when the block ends well; else what was there before stays. The same
    data make the same bytes.

    Raises:
        UnwritableLinesError: the path has another suffix, or its folder can't be written.
    """
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not path.endswith(SUFFIXES):
        raise UnwritableLinesError(f"{path}: not a kind of file that is written, expected {', '.join(SUFFIXES)} or -")
    if Path(path).is_dir():
        raise UnwritableLinesError(f"{path}: is a folder, expected the name of a file")
    with replaced_file(Path(path)) as raw, ExitStack() as stack:
        yield _packed(raw, path, stack)


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file aside; it takes its name when the block ends well, else what was there before stays.

    Raises:
        UnwritableLinesError: the file can't be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.incomplete")
    try:
        with aside.open("wb", _BUFFER) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise UnwritableLinesError(f"{path}: can't be written: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)


def _packed(raw: BinaryIO, path: str, stack: ExitStack) -> Lines:
    if path.endswith(".gz"):
        return stack.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0))
    if path.endswith(".zst"):
        return stack.enter_context(zstandard.ZstdCompressor().stream_writer(raw, closefd=False))
    return raw
