"""The files of a replay: `enriched.ndjson` and its siblings, which appear whole at the end or not at all.

They are written into a folder aside and renamed when the run is over, the summary last. A run that is interrupted
leaves what was there before as it was.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from worker.outputs import OUTPUT_KINDS, BatchResult, DeadLetter

_ASIDE = ".incomplete"
_SUMMARY = "summary.json"
_NAMES = (*OUTPUT_KINDS, "dead_letters")
OUTPUT_FILES = tuple(f"{name}.ndjson" for name in _NAMES)


class OutputFolderError(Exception):
    """The folder can't be written; the message names it."""


class OutputFolder:
    """Writes the outputs of one run; a context manager that publishes nothing unless `publish` was called.

    `now` gives the time of a dead letter (RFC 3339). Entering, writing and publishing raise `OutputFolderError` where
    the folder does not let them.
    """

    def __init__(self, folder: Path, now: Callable[[], str]) -> None:
        self._folder = folder
        self._aside = folder / _ASIDE
        self._now = now
        self._files: dict[str, BinaryIO] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with _explained(self._folder), ExitStack() as held:
            self._files = self._open(held)
            self._held = held.pop_all()
        return self

    def _open(self, held: ExitStack) -> dict[str, BinaryIO]:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder, os.O_RDONLY)
        held.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(self._aside, ignore_errors=True)  # what a killed run left
        self._aside.mkdir()
        held.callback(shutil.rmtree, self._aside, ignore_errors=True)
        return {name: held.enter_context((self._aside / f"{name}.ndjson").open("wb")) for name in _NAMES}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _explained(self._folder):
            self._held.close()

    def write(self, result: BatchResult) -> None:
        """Append a batch's outputs, one line each, in its order."""
        with _explained(self._folder):
            for kind, outputs in result.outputs.items():
                _write_lines(self._files[kind], [_on_one_line(output.value) for output in outputs])
            _write_lines(self._files["dead_letters"], [self._letter(letter) for letter in result.dead_letters])

    def publish(self, summary: bytes) -> None:
        """Put the run's files in the place of the earlier ones, `summary.json` last."""
        with _explained(self._folder):
            self._publish(summary)

    def _publish(self, summary: bytes) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        (self._aside / _SUMMARY).write_bytes(summary)
        (self._folder / _SUMMARY).unlink(missing_ok=True)  # never an old summary beside new files
        for name in (*OUTPUT_FILES, _SUMMARY):
            (self._aside / name).replace(self._folder / name)

    def _letter(self, letter: DeadLetter) -> bytes:
        record = letter.record
        oversize = record.oversize
        return orjson.dumps(
            {
                "reason": letter.reason,
                "message": letter.message,
                "stage": letter.stage,
                "source": record.source,
                "time": self._now(),
                "key_base64": _base64(record.key),
                "value_base64": None if oversize else _base64(record.value),
                "headers": [(name, _base64(value)) for name, value in record.headers],
                **({} if oversize is None else {"size": oversize.size, "sha256": oversize.sha256}),
            }
        )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise OutputFolderError(f"{folder}: another replay is writing here") from None
    except OSError as error:
        raise OutputFolderError(f"{folder}: can't be written: {error.strerror}") from error


def _write_lines(file: BinaryIO, lines: Sequence[bytes]) -> None:
    if lines:
        file.write(b"\n".join((*lines, b"")))


def _on_one_line(value: bytes) -> bytes:
    """Return JSON without line breaks: a record of Kafka may have some, between its tokens."""
    if b"\n" in value or b"\r" in value:
        return value.translate(_SPACES)
    return value


_SPACES = bytes.maketrans(b"\r\n", b"  ")


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
